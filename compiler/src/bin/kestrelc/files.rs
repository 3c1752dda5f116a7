//! Finds the files that a command works on: named ones as they are, folders searched for
//! huntflows and huntbooks, leaving out what `.gitignore`, `.ignore` and the configuration say.

use std::path::Path;

use ignore::WalkBuilder;

use crate::{commands::Failure, input::InputError, settings::Settings};

/// Returns the files, in order of the arguments, those of a folder in alphabetical order.
pub(crate) fn find(paths: &[String], settings: &mut Settings) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path == "-" || !Path::new(path).is_dir() {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        let walk = WalkBuilder::new(path)
            .require_git(false)
            .follow_links(false)
            // The answer is the same on every machine: the settings of a user do not count.
            .git_global(false)
            .build();
        let mut inside: Vec<String> = Vec::new();
        for entry in walk {
            // A folder that cannot be read must not look like an empty one.
            let entry = entry.map_err(|cause| Failure::Other(format!("cannot search `{path}`: {cause}")))?;
            let wanted = entry.file_type().is_some_and(|kind| kind.is_file())
                && entry.path().extension().is_some_and(|suffix| suffix == "hf" || suffix == "ipynb");
            if wanted && !settings.of(entry.path())?.excludes(entry.path()) {
                let path = entry.path().strip_prefix("./").unwrap_or(entry.path());
                inside.push(path.display().to_string());
            }
        }
        inside.sort();
        found.append(&mut inside);
        if found.len() == before {
            return Err(InputError::Nothing { path: path.clone() }.into());
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}
