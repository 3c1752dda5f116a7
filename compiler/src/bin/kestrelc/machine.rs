//! What completion and the language server may know of the machine: settings, configured names,
//! names of files beside a huntflow, the present. Nothing is changed and no file of data is opened.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use kestrel_compiler::{lints::selection::Choices, lsp};
use kestrel_stix::Timestamp;

use crate::{configured, settings::Settings};

/// The machine that an editor's questions come from.
pub(crate) struct Machine {
    config: Option<PathBuf>,
}

impl Machine {
    /// With the configuration that the command line names.
    pub(crate) fn new(config: Option<PathBuf>) -> Self {
        Machine { config }
    }
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
