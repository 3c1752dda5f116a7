//! Files that `LOAD` reads and `SAVE` writes: where they are, their format, their compression.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use kestrel_ir::{
    diagnostic::{Code, Diagnostic, Span},
    text::visible,
};

/// A compressed file may grow to this size, or to [`RATIO`] times its own if that is more.
const LARGEST_UNPACKED: u64 = 16 << 30;
/// Tables compress well, but not better than this.
const RATIO: u64 = 1000;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header row.
    Csv,
    /// A JSON array of objects or texts.
    Json,
    /// A JSON object a line.
    JsonLines,
    /// Parquet.
    Parquet,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `.gz`
    Gzip,
    /// `.bz2`
    Bzip2,
    /// `.xz`
    Xz,
    /// `.zip` with one member.
    Zip,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path has a scheme other than `file`.
    #[error("`{path}` is an address, but only files can be used here")]
    Scheme {
        /// As written.
        path: String,
    },
    /// The path uses an environment variable that is not set.
    #[error("`{path}` uses the environment variable `{name}`, which is not set")]
    Variable {
        /// As written.
        path: String,
        /// The variable.
        name: String,
    },
    /// The suffix names no format.
    #[error("the name of `{path}` tells no format")]
    Suffix {
        /// The file.
        path: String,
    },
    /// The file cannot be opened, read or written.
    #[error("`{path}` cannot be {what}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// `read` or `written`.
        what: &'static str,
        /// What the system says.
        cause: io::Error,
    },
    /// The content does not fit the format.
    #[error("`{path}` is no well-formed {format}: {cause}")]
    Damaged {
        /// The file.
        path: String,
        /// Name of the format.
        format: &'static str,
        /// Where and what.
        cause: String,
    },
}

impl FileError {
    pub(crate) fn io(path: &Path, what: &'static str, cause: io::Error) -> Self {
        FileError::Io { path: shown(path), what, cause }
    }

    /// Turns the error into a message at the step that failed.
    pub fn diagnostic(&self, span: Span) -> Diagnostic {
        const FORMATS: &str =
            "formats are `.csv`, `.json`, `.jsonl` and `.parquet`; `.gz`, `.bz2`, `.xz` or `.zip` may follow";
        let (code, help) = match self {
            FileError::Scheme { .. } => (Code::E0701, "write a path; data sources belong into `GET … FROM`"),
            FileError::Variable { .. } => (Code::E0701, "set it, or write the whole path"),
            FileError::Io { what: "read", .. } => {
                (Code::E0701, "paths are relative to the working directory")
            }
            FileError::Io { .. } => (Code::E0701, "choose a folder that can be written to"),
            FileError::Suffix { .. } => (Code::E0702, FORMATS),
            FileError::Damaged { .. } => (Code::E0702, FORMATS),
        };
        let message = self.to_string();
        Diagnostic::new(code, message.lines().next().unwrap_or_default()).at(span).help(help)
    }
}

/// Returns a path as messages show it.
pub(crate) fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).replace(r"\\", r"\")
}

/// Finds the file that a written path means: `file://` is dropped, `~` and `$NAME` or `${NAME}`
/// are expanded, the rest is relative to `base`.
pub fn resolve(
    written: &str,
    base: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<PathBuf, FileError> {
    let plain = match written.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => rest,
        Some(_) => return Err(FileError::Scheme { path: visible(written) }),
        None => written,
    };
    let plain = match plain.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let missing = || FileError::Variable { path: visible(written), name: "HOME".to_owned() };
            format!("{}{rest}", variable("HOME").ok_or_else(missing)?)
        }
        _ => plain.to_owned(),
    };
    let mut out = String::with_capacity(plain.len());
    let mut rest = plain.as_str();
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let after = &after[1..];
        let (name, tail) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(parts) => parts,
            None => {
                let end =
                    after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if name.is_empty() {
            out.push('$');
            rest = after;
            continue;
        }
        let missing = || FileError::Variable { path: visible(written), name: visible(name) };
        out.push_str(&variable(name).ok_or_else(missing)?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(base.join(out))
}

/// Reads format and compression from a file's name.
pub fn kind_of(path: &Path) -> Result<(Format, Option<Compression>), FileError> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let (stem, compression) = [
        (".gz", Compression::Gzip),
        (".bz2", Compression::Bzip2),
        (".xz", Compression::Xz),
        (".zip", Compression::Zip),
    ]
    .into_iter()
    .find_map(|(suffix, compression)| name.strip_suffix(suffix).map(|stem| (stem, Some(compression))))
    .unwrap_or((&name, None));
    let format = match stem.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some("jsonl" | "ndjson") => Format::JsonLines,
        Some("parquet") => Format::Parquet,
        _ => return Err(FileError::Suffix { path: shown(path) }),
    };
    Ok((format, compression))
}

/// Tells the compression of a file by its first bytes.
fn compression_of(start: &[u8]) -> Option<Compression> {
    match start {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Some(Compression::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Compression::Xz),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Compression::Zip),
        _ => None,
    }
}

/// The unpacked content of a file, as a file of its own where it was compressed.
#[derive(Debug)]
pub struct Unpacked {
    /// Removed when dropped.
    _folder: Option<tempfile::TempDir>,
    /// A path without characters that mean something to file-name patterns.
    path: PathBuf,
}

impl Unpacked {
    /// Returns the file to read.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Unpacks a file if it is compressed, whatever its name says. The result has a harmless name,
/// in a private folder.
pub fn unpack(path: &Path) -> Result<Unpacked, FileError> {
    let failed = |cause| FileError::io(path, "read", cause);
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
    }
    let mut start = [0; 6];
    let mut known = 0;
    while known < start.len() {
        match file.read(&mut start[known..]).map_err(failed)? {
            0 => break,
            n => known += n,
        }
    }
    let folder = tempfile::Builder::new().prefix("kestrel-").tempdir().map_err(failed)?;
    let target = folder.path().join("content");
    let compression = compression_of(&start[..known]);
    // Opened again: a stream that is no regular file is copied from where it stands.
    let mut whole: Box<dyn Read> = Box::new(io::Cursor::new(start[..known].to_vec()).chain(file));
    let Some(compression) = compression else {
        if metadata.is_file() {
            link_or_copy(path, &target).map_err(failed)?;
        } else {
            copy(&mut whole, &target, LARGEST_UNPACKED).map_err(failed)?;
        }
        return Ok(Unpacked { _folder: Some(folder), path: target });
    };
    let limit = metadata.len().saturating_mul(RATIO).max(LARGEST_UNPACKED);
    let mut input = BufReader::new(whole);
    match compression {
        Compression::Gzip => copy(&mut flate2::read::MultiGzDecoder::new(input), &target, limit),
        Compression::Bzip2 => copy(&mut bzip2::read::MultiBzDecoder::new(input), &target, limit),
        Compression::Xz => copy(&mut lzma_rust2::XzReader::new(input, true), &target, limit),
        Compression::Zip => {
            // Archives are read from their end; take a seekable file.
            drop(std::mem::replace(&mut input, BufReader::new(Box::new(io::empty()))));
            let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path).map_err(failed)?))
                .map_err(|error| damaged(path, &error.to_string()))?;
            let member =
                (0..archive.len()).find(|n| archive.by_index(*n).is_ok_and(|member| member.is_file()));
            let member = member.ok_or_else(|| damaged(path, "the archive holds no file"))?;
            let mut member = archive.by_index(member).map_err(|error| damaged(path, &error.to_string()))?;
            copy(&mut member, &target, limit)
        }
    }
    .map_err(|cause| damaged(path, &cause.to_string()))?;
    Ok(Unpacked { _folder: Some(folder), path: target })
}

fn damaged(path: &Path, cause: &str) -> FileError {
    FileError::Damaged { path: shown(path), format: "compressed file", cause: visible(cause) }
}

#[cfg(unix)]
fn link_or_copy(path: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(std::path::absolute(path)?, target)
}

#[cfg(not(unix))]
fn link_or_copy(path: &Path, target: &Path) -> io::Result<()> {
    std::fs::copy(path, target).map(|_| ())
}

fn copy(from: &mut dyn Read, to: &Path, limit: u64) -> io::Result<()> {
    let mut to = BufWriter::new(File::create(to)?);
    let copied = io::copy(&mut from.take(limit.saturating_add(1)), &mut to)?;
    if copied > limit {
        return Err(io::Error::other("it unpacks to an unreasonable size"));
    }
    to.flush()
}

/// Writes a file whole or not at all: into a temporary file of the same folder, compressed,
/// synced, then renamed. Folders on the way are made.
pub fn write_whole(
    path: &Path,
    compression: Option<Compression>,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kestrel-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What the system's mask leaves of this, as for any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(folder)?;
    let mut out = BufWriter::new(temporary.as_file());
    match compression {
        None => content(&mut out)?,
        Some(Compression::Gzip) => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::default());
            content(&mut encoder)?;
            encoder.finish()?;
        }
        Some(Compression::Bzip2) => {
            let mut encoder = bzip2::write::BzEncoder::new(&mut out, bzip2::Compression::default());
            content(&mut encoder)?;
            encoder.finish()?;
        }
        Some(Compression::Xz) => {
            let mut encoder = lzma_rust2::XzWriter::new(&mut out, lzma_rust2::XzOptions::with_preset(6))?;
            content(&mut encoder)?;
            encoder.finish()?;
        }
        Some(Compression::Zip) => {
            let mut archive = zip::ZipWriter::new_stream(&mut out);
            let member = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            archive.start_file(member, zip::write::SimpleFileOptions::default()).map_err(io::Error::other)?;
            content(&mut archive)?;
            archive.finish().map_err(io::Error::other)?;
        }
    }
    out.flush()?;
    drop(out);
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(written: &str) -> String {
        let variable = |name: &str| match name {
            "HOME" => Some("/home/h".to_owned()),
            "DATA" => Some("lab".to_owned()),
            _ => None,
        };
        match resolve(written, Path::new("/work"), &variable) {
            Ok(path) => path.to_string_lossy().into_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn paths_are_expanded_and_relative_to_the_working_directory() {
        insta::assert_snapshot!(
            ["a.csv", "/a.csv", "~/a.csv", "~user/a", "$DATA/a.csv", "x${DATA}y", "file://a/b", "file:///a", "$", "$NO/a", "s3://a"]
                .map(|written| format!("{written} -> {}", found(written)))
                .join("\n"),
            @r"
        a.csv -> /work/a.csv
        /a.csv -> /a.csv
        ~/a.csv -> /home/h/a.csv
        ~user/a -> /work/~user/a
        $DATA/a.csv -> /work/lab/a.csv
        x${DATA}y -> /work/xlaby
        file://a/b -> /work/a/b
        file:///a -> /a
        $ -> /work/$
        $NO/a -> `$NO/a` uses the environment variable `NO`, which is not set
        s3://a -> `s3://a` is an address, but only files can be used here
        "
        );
    }

    #[test]
    fn names_tell_format_and_compression() {
        let kind = |name: &str| kind_of(Path::new(name)).map_err(|error| error.to_string());
        assert_eq!(kind("a.CSV"), Ok((Format::Csv, None)));
        assert_eq!(kind("a.json.xz"), Ok((Format::Json, Some(Compression::Xz))));
        assert_eq!(kind("a.parquet.gz"), Ok((Format::Parquet, Some(Compression::Gzip))));
        assert_eq!(kind("a.xlsx"), Err("the name of `a.xlsx` tells no format".to_owned()));
        assert_eq!(kind("csv"), Err("the name of `csv` tells no format".to_owned()));
    }

    #[test]
    fn every_compression_is_written_and_read_again_whatever_the_name() {
        let folder = tempfile::tempdir().expect("a folder");
        for compression in [
            None,
            Some(Compression::Gzip),
            Some(Compression::Bzip2),
            Some(Compression::Xz),
            Some(Compression::Zip),
        ] {
            let path = folder.path().join("deep/er/a[*].json");
            write_whole(&path, compression, |out| out.write_all(b"[1, 2]")).expect("written");
            let unpacked = unpack(&path).expect("read");
            assert_eq!(std::fs::read(unpacked.path()).expect("content"), b"[1, 2]", "{compression:?}");
        }
        let left: Vec<_> = std::fs::read_dir(folder.path().join("deep/er")).expect("a folder").collect();
        assert_eq!(left.len(), 1, "no temporary file is left");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        std::fs::write(&path, "old").expect("written");
        let failed = write_whole(&path, None, |out| {
            out.write_all(b"new")?;
            Err(io::Error::other("full"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("content"), "old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
