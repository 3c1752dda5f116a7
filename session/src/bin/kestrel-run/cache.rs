//! The cache of data sources: putting it in front of the reader, and `kestrel-run cache`.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    time::SystemTime,
};

use kestrel_executor::{
    cache::{Cache, CachedReader, DEFAULT_LIMIT},
    run::{Connectors, SourceReader},
};
use kestrel_ir::text::visible;

use crate::{
    args::{Args, CacheAction, CacheArgs},
    hunt::Failure,
};

/// Puts the cache in front of the reader, unless the user does not want it or it cannot be used.
pub(crate) fn reader(args: &Args, connectors: Connectors) -> Arc<dyn SourceReader> {
    if args.no_cache {
        return Arc::new(connectors);
    }
    let Some(cache) = open(&args.cache) else { return Arc::new(connectors) };
    match cache.unlock() {
        Ok(true) => {
            let surroundings =
                format!("{} {:?} {}", program(), connectors.limits, connectors.logs.fingerprint());
            Arc::new(CachedReader::new(connectors, cache, surroundings, args.offline))
        }
        Ok(false) => Arc::new(connectors),
        Err(error) => {
            let folder = visible(&cache.folder().display().to_string());
            eprintln!("kestrel-run: note: the cache in `{folder}` cannot be used: {error}");
            Arc::new(connectors)
        }
    }
}

/// Runs `kestrel-run cache`.
pub(crate) fn run(action: Option<&CacheAction>, args: &CacheArgs) -> Result<u8, Failure> {
    let cache = open(args).ok_or_else(|| {
        Failure::Usage("there is no home folder; name a folder with --cache-dir".to_owned())
    })?;
    let folder = visible(&cache.folder().display().to_string());
    let unusable =
        |error: io::Error| Failure::Usage(format!("the cache in `{folder}` cannot be used: {error}"));
    let mut out = io::stdout().lock();
    let mut say = |line: String| writeln!(out, "{line}");
    let shown = match action {
        Some(CacheAction::Clear) => {
            let (count, bytes) = cache.clear().map_err(unusable)?;
            say(format!("removed {count} entries of {} from `{folder}`", size(bytes)))
        }
        None => {
            let entries = cache.entries().map_err(unusable)?;
            let total: u64 = entries.iter().map(|entry| entry.size).sum();
            say(format!(
                "{} entries of {} in `{folder}`, which may grow to {}",
                entries.len(),
                size(total),
                size(cache.limit())
            ))
            .and_then(|()| {
                entries.iter().try_for_each(|entry| {
                    let part = entry.about.as_ref().map_or("(damaged)", |about| about.part.as_str());
                    say(format!("{:>9}  used {:>9}  {}", size(entry.size), ago(entry.used), visible(part)))
                })
            })
        }
    };
    match shown {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Write { path: "standard output".to_owned(), cause })
        }
        _ => Ok(0),
    }
}

fn open(args: &CacheArgs) -> Option<Cache> {
    let folder = args.cache_dir.clone().or_else(user_folder)?;
    Some(Cache::new(folder, args.cache_size.unwrap_or(DEFAULT_LIMIT)))
}

fn user_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME")
        .or_else(|| set("LOCALAPPDATA"))
        .or_else(|| set("HOME").map(|home| home.join(".cache")));
    Some(base?.join("kestrel").join("sources"))
}

/// Says which build of the program this is: another one may read differently.
fn program() -> String {
    let built = std::env::current_exe().and_then(std::fs::metadata);
    let built = built.map(|built| format!("{} {:?}", built.len(), built.modified().ok())).unwrap_or_default();
    format!("{} {built}", env!("CARGO_PKG_VERSION"))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn ago(used: SystemTime) -> String {
    let seconds = SystemTime::now().duration_since(used).unwrap_or_default().as_secs();
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}
