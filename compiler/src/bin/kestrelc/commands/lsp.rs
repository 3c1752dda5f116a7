//! `kestrelc lsp`.

use std::{
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use kestrel_compiler::{
    lints::selection::Choices,
    lsp::{self, server},
};
use kestrel_stix::Timestamp;

use super::Failure;
use crate::{configured, exit, settings::Settings};

/// Serve an editor over standard input and output, by the Language Server Protocol.
///
/// Diagnostics while typing, hover with types, time ranges and costs, completion, definitions,
/// references, rename, outline, formatting, quick fixes and semantic colours. Reads the open texts,
/// `kestrel.toml` and the names of files beside them; runs nothing and reaches no network.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Settings to use instead of the nearest `kestrel.toml`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Speak over standard input and output: always so; accepted because editors pass it.
    #[arg(long)]
    stdio: bool,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let surroundings = Machine { config: args.config.clone() };
    let input = io::BufReader::new(io::stdin());
    let in_order = server::serve(input, io::stdout(), Box::new(surroundings), env!("CARGO_PKG_VERSION"));
    Ok(if in_order { exit::CLEAN } else { exit::FINDINGS })
}

/// The machine that the server runs on, as far as it may look at it.
struct Machine {
    config: Option<PathBuf>,
}

/// Names of files that are offered at once.
const MAX_FILES: usize = 200;

impl lsp::Surroundings for Machine {
    fn settings(&mut self, path: Option<&str>) -> lsp::Settings {
        let path = Path::new(path.unwrap_or("-"));
        // Read anew each time: the file may have changed.
        let loaded = match Settings::new(self.config.clone(), Choices::default()).of(path) {
            Ok(loaded) => loaded,
            Err(wrong) => {
                return lsp::Settings { problem: Some(wrong.to_string()), ..lsp::Settings::default() };
            }
        };
        let names = configured::names(loaded.path.as_deref());
        lsp::Settings {
            config: loaded.config.clone(),
            selection: loaded.selection(path),
            sources: names.sources,
            analytics: names.analytics,
            problem: None,
        }
    }

    fn files(&self, path: Option<&str>, typed: &str) -> Vec<String> {
        let (folder, begun) = typed.rsplit_once('/').map_or(("", typed), |(folder, begun)| (folder, begun));
        let lead = &typed[..typed.len() - begun.len()];
        let beside = path.map(Path::new).and_then(Path::parent).unwrap_or(Path::new("."));
        let folder = if lead == "/" { PathBuf::from("/") } else { beside.join(folder) };
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut found: Vec<(bool, String)> = Vec::new();
        for entry in entries.flatten().take(10_000) {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if name.starts_with(begun) && (!name.starts_with('.') || begun.starts_with('.')) {
                let slash = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { "/" } else { "" };
                found.push((!is_data(&name), format!("{lead}{name}{slash}")));
            }
        }
        // Those that hold data first.
        found.sort();
        found.truncate(MAX_FILES);
        found.into_iter().map(|(_, name)| name).collect()
    }

    fn now(&self) -> Option<Timestamp> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_micros()).ok().map(Timestamp::from_micros)
    }
}

fn is_data(name: &str) -> bool {
    const SUFFIXES: [&str; 8] = [".json", ".jsonl", ".csv", ".parquet", ".gz", ".zip", ".xz", ".bz2"];
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}
