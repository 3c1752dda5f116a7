//! Reading huntflows, plans and configuration from disk and standard input.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use kestrel_compiler::parse::MAX_TEXT;

/// Largest huntflow or plan that is read.
pub(crate) const MAX_BYTES: u64 = 256 << 20;

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
    #[error("no huntflows (`.hf`) and no huntbooks (`.ipynb`) under `{path}`")]
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

/// Reads a huntflow or huntbook; none if a huntflow is larger than the compiler reads, which is
/// found out without reading it.
pub(crate) fn read_text(path: &str, notebook: bool) -> Result<Option<Vec<u8>>, InputError> {
    let most = if notebook { MAX_BYTES } else { MAX_TEXT as u64 };
    if path != "-" {
        let length = fs::metadata(path).ok().filter(fs::Metadata::is_file).map_or(0, |data| data.len());
        if !notebook && length > most {
            return Ok(None);
        }
    }
    let bytes = read(path)?;
    Ok((notebook || bytes.len() as u64 <= most).then_some(bytes))
}

/// Writes a result file completely or not at all: beside the target, then renamed.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let half = folder.join(format!(".{name}.{}", std::process::id()));
    let written = fs::write(&half, bytes)
        .and_then(|()| match fs::metadata(path) {
            // A file that is replaced keeps its permissions.
            Ok(old) => fs::set_permissions(&half, old.permissions()),
            Err(_) => Ok(()),
        })
        .and_then(|()| fs::rename(&half, path));
    if written.is_err() {
        let _ = fs::remove_file(&half);
    }
    written
}
