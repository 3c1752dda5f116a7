//! Reading huntflows, plans and configuration from disk and standard input.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Largest huntflow or plan that is read.
const MAX_BYTES: u64 = 256 << 20;

/// Why an input cannot be read, in words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The operating system said no.
    #[error("cannot read `{path}`: {cause}")]
    Unreadable { path: String, cause: io::Error },
    /// More than anything this program reads.
    #[error("`{path}` has more than {} MiB", MAX_BYTES >> 20)]
    TooLarge { path: String },
    /// A folder without huntflows.
    #[error("no huntflows (`.hf`) under `{path}`")]
    Nothing { path: String },
}

/// Reads a whole file, or standard input for `-`.
pub(crate) fn read(path: &str) -> Result<Vec<u8>, InputError> {
    let unreadable = |cause| InputError::Unreadable { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    let count = if path == "-" {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)
    };
    match count.map_err(unreadable)? as u64 {
        count if count > MAX_BYTES => Err(InputError::TooLarge { path: path.to_owned() }),
        _ => Ok(bytes),
    }
}

/// Returns the huntflows that the paths name: files as they are, folders searched for `.hf`
/// files, in alphabetical order. Hidden folders are left out.
pub(crate) fn huntflows(paths: &[String]) -> Result<Vec<String>, InputError> {
    let mut found = Vec::new();
    for path in paths {
        if path != "-" && Path::new(path).is_dir() {
            let before = found.len();
            walk(Path::new(path), &mut found)?;
            if found.len() == before {
                return Err(InputError::Nothing { path: path.clone() });
            }
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<String>) -> Result<(), InputError> {
    let unreadable = |cause| InputError::Unreadable { path: folder.display().to_string(), cause };
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        // Links to folders could lead in a circle.
        if path.is_dir() && !hidden && !path.is_symlink() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "hf") {
            found.push(path.display().to_string());
        }
    }
    Ok(())
}

/// Writes a result file completely or not at all: beside the target, then renamed.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let half = folder.join(format!(".{name}.{}", std::process::id()));
    let written = fs::write(&half, bytes).and_then(|()| fs::rename(&half, path));
    if written.is_err() {
        let _ = fs::remove_file(&half);
    }
    written
}
