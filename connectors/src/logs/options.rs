//! What a user says about raw logs: field maps of one's own, how many additions, which members
//! of archives. The section `[logs]` of `kestrel.toml`.
//!
//! ```toml
//! [logs]
//! additions = "mentioned"        # or "none", "seen"
//! zip_members = "all"            # or "first", as Kestrel 1.8
//! [logs.fields]
//! windows = ["fields/acme.toml"] # relative to this file; also zeek, honeypot
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;

use super::{Additions, FieldMapError, FieldMaps, LogFamily};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// How raw logs are read. The default is the built-in field maps and every member.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Field maps; none are the built-in ones.
    maps: Option<Arc<FieldMaps>>,
    /// Which members of a zip archive are read.
    pub zip_members: ZipMembers,
    /// Tells options apart that read the same bytes differently; empty for the default.
    fingerprint: String,
}

/// Which members of a zip archive are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ZipMembers {
    /// All of them, each by its own content.
    #[default]
    All,
    /// The first one named `*.csv`, `*.json` or `*.log`, as Kestrel 1.8 does; how many are left
    /// out is told.
    First,
}

impl ZipMembers {
    /// Returns true if no further member is wanted after one of this name.
    pub(crate) fn ends_with(self, member: &str) -> bool {
        let name = member.to_ascii_lowercase();
        self == ZipMembers::First && [".csv", ".json", ".log"].iter().any(|end| name.ends_with(end))
    }
}

/// Why options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogOptionsError {
    /// The operating system said no.
    #[error("cannot read the field map `{}`: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// A field map is wrong.
    #[error("the field map `{}` is wrong: {cause}", path.display())]
    FieldMap {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: FieldMapError,
    },
    /// The section is wrong.
    #[error("the section `[logs]` of `{}` is wrong: {message}", path.display())]
    Section {
        /// The configuration.
        path: PathBuf,
        /// Line, key and cause.
        message: String,
    },
}

impl LogOptions {
    /// Reads the section `[logs]` of a configuration and the files that it names; none is the
    /// default.
    pub fn read(toml: Option<&Path>) -> Result<Self, LogOptionsError> {
        let Some(path) = toml else { return Ok(LogOptions::default()) };
        let text = text_of(path)?;
        let file: File = toml::from_str(&text).map_err(|error| LogOptionsError::Section {
            path: path.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        let section = file.logs;
        if section == Section::default() {
            return Ok(LogOptions::default());
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut own: Vec<(LogFamily, PathBuf, String)> = Vec::new();
        for (family, names) in [
            (LogFamily::Windows, &section.fields.windows),
            (LogFamily::Zeek, &section.fields.zeek),
            (LogFamily::Honeypot, &section.fields.honeypot),
        ] {
            for name in names {
                let path = folder.join(name);
                let text = text_of(&path)?;
                // Alone, so that a mistake is told with the file that it is in.
                FieldMaps::check(&text)
                    .map_err(|cause| LogOptionsError::FieldMap { path: path.clone(), cause })?;
                own.push((family, path, text));
            }
        }
        let texts: Vec<(LogFamily, &str)> =
            own.iter().map(|(family, _, text)| (*family, text.as_str())).collect();
        let last = own.last().map_or(path, |(_, path, _)| path).to_owned();
        let additions = section.additions.unwrap_or_default();
        let maps = FieldMaps::new(additions, &texts)
            .map_err(|cause| LogOptionsError::FieldMap { path: last, cause })?;
        let mut hash = blake3::Hasher::new();
        hash.update(format!("{additions:?} {:?}", section.zip_members).as_bytes());
        for (family, text) in &texts {
            hash.update(format!("{family:?} {}\n", text.len()).as_bytes());
            hash.update(text.as_bytes());
        }
        Ok(LogOptions {
            maps: Some(Arc::new(maps)),
            zip_members: section.zip_members,
            fingerprint: hash.finalize().to_hex().to_string(),
        })
    }

    /// Returns the field maps in force.
    pub fn maps(&self) -> &Arc<FieldMaps> {
        self.maps.as_ref().unwrap_or(FieldMaps::built_in())
    }

    /// Returns a text that differs for options that read the same bytes differently.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

fn text_of(path: &Path) -> Result<String, LogOptionsError> {
    let unreadable = |cause| LogOptionsError::Unreadable { path: path.to_owned(), cause };
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > MAX_BYTES {
        let cause = format!("it is no regular file of at most {} MiB", MAX_BYTES >> 20);
        return Err(unreadable(io::Error::other(cause)));
    }
    fs::read_to_string(path).map_err(unreadable)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    logs: Section,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    additions: Option<Additions>,
    zip_members: ZipMembers,
    fields: Fields,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    windows: Vec<PathBuf>,
    zeek: Vec<PathBuf>,
    honeypot: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str, maps: &[(&str, &str)]) -> Result<LogOptions, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in maps {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let path = folder.path().join("kestrel.toml");
        fs::write(&path, toml).unwrap();
        let place = folder.path().display().to_string();
        LogOptions::read(Some(&path)).map_err(|error| error.to_string().replace(&place, "FOLDER"))
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let options = read("[language]\n[analytics]\ntimeout = \"1s\"\n", &[]).unwrap();
        assert_eq!((options.zip_members, options.fingerprint()), (ZipMembers::All, ""));
        assert!(Arc::ptr_eq(options.maps(), FieldMaps::built_in()));
        let first = read("[logs]\nzip_members = \"first\"\n", &[]).unwrap();
        let seen = read("[logs]\nadditions = \"seen\"\n", &[]).unwrap();
        assert_eq!(first.zip_members, ZipMembers::First);
        assert!(first.fingerprint() != seen.fingerprint() && !seen.fingerprint().is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_file() {
        let wrong = |toml: &str, maps: &[(&str, &str)]| read(toml, maps).unwrap_err();
        insta::assert_snapshot!(wrong("[logs]\nzip_member = \"first\"\n", &[]));
        insta::assert_snapshot!(wrong("[logs.fields]\nwindows = [\"none.toml\"]\n", &[]));
        insta::assert_snapshot!(wrong(
            "[logs.fields]\nwindows = [\"a.toml\"]\n",
            &[("a.toml", "[[evnt]]\n")]
        ));
        let map = "[[event]]\nids = [1]\nfields = [{ from = \"x\", to = \"process\" }]\n";
        insta::assert_snapshot!(wrong("[logs.fields]\nzeek = [\"a.toml\"]\n", &[("a.toml", map)]));
    }
}
