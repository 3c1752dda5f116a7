//! The reader of bundles and logs, from files and the web.

use std::{fs::Metadata, path::PathBuf, time::SystemTime};

use kestrel_connectors::{
    address::{Address, AddressError, Part},
    connector::connector_for,
    logs::LogOptions,
    read::{
        Limits, ReadOptions, Redirect, Redirects, SourceError, SourceErrorKind, Stop, Tuning, read_source,
    },
};
use kestrel_ir::{diagnostic::Code, text::visible};
use kestrel_stix::batch::Batch;

use super::{
    Cancel,
    sources::{PartRead, ReadFailure, SourceReader},
};

/// Reads what [`kestrel_connectors`] can read.
#[derive(Debug, Clone)]
pub struct Connectors {
    /// Where relative paths start.
    pub base_dir: PathBuf,
    /// Refuse web addresses.
    pub offline: bool,
    /// Where servers may send the reader.
    pub redirects: Redirects,
    /// What input may cost.
    pub limits: Limits,
    /// How raw logs are read.
    pub logs: LogOptions,
}

impl Connectors {
    /// Reads files and nothing of the web, with the usual limits.
    pub fn offline(base_dir: PathBuf) -> Self {
        Connectors {
            base_dir,
            offline: true,
            redirects: Redirects::default(),
            limits: Limits::default(),
            logs: LogOptions::default(),
        }
    }
}

impl SourceReader for Connectors {
    fn parts(&self, address: &str) -> Result<Vec<String>, ReadFailure> {
        let parsed = Address::parse(address).map_err(|error| ReadFailure {
            code: match error {
                AddressError::NoScheme { .. } | AddressError::UnknownScheme { .. } => Code::E0203,
                _ => Code::E0502,
            },
            message: error.to_string(),
            help: Some(error.help()),
        })?;
        connector_for(&parsed).map_err(|error| ReadFailure {
            code: Code::E0501,
            message: error.to_string(),
            help: Some(error.help()),
        })?;
        Ok(parsed.parts().iter().map(ToString::to_string).collect())
    }

    fn version(&self, part: &str) -> String {
        self.metadata(part).map(|metadata| version_of(&metadata)).unwrap_or_default()
    }

    fn full_name(&self, part: &str) -> String {
        match self.file(part) {
            Some(path) => std::path::absolute(&path).unwrap_or(path).display().to_string(),
            None => part.to_owned(),
        }
    }

    fn changed(&self, part: &str) -> Option<SystemTime> {
        self.metadata(part)?.modified().ok()
    }

    fn read(
        &self,
        part: &str,
        threads: usize,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Batch) -> bool,
    ) -> Result<PartRead, ReadFailure> {
        let address = one(part)?;
        let options = ReadOptions {
            threads,
            limits: self.limits.clone(),
            cancel: cancel.flag(),
            base_dir: self.base_dir.clone(),
            offline: self.offline,
            redirects: self.redirects.clone(),
            logs: self.logs.clone(),
            tuning: Tuning::default(),
        };
        let summary =
            read_source(&address, &options, &mut |batch| if sink(batch) { Ok(()) } else { Err(Stop) })
                .map_err(|error| failure(&error))?;
        let mut notes: Vec<String> = summary
            .parts
            .iter()
            .flat_map(|part| {
                part.notes.iter().map(|note| format!("`{}` {}", visible(&part.name), note.describe()))
            })
            .collect();
        notes.extend(summary.ignored.iter().map(|(name, count)| {
            format!("{count} objects of type `{}` are no observations and were not used", visible(name))
        }));
        let missing = summary.failures.iter().map(one_line).collect();
        let redirects = summary.redirects.iter().map(led_on).collect();
        Ok(PartRead { missing, notes, redirects, bytes: Some(summary.bytes), cached: false })
    }
}

impl Connectors {
    /// The file that a part is; none for web addresses.
    fn file(&self, part: &str) -> Option<PathBuf> {
        match one(part).ok()?.parts() {
            [Part::File(path)] => Some(self.base_dir.join(path)),
            _ => None,
        }
    }

    fn metadata(&self, part: &str) -> Option<Metadata> {
        std::fs::metadata(self.file(part)?).ok()
    }
}

/// What changes whenever the content of a file does: its size, its times, and which file it is.
fn version_of(metadata: &Metadata) -> String {
    let mut version = format!("{} {:?}", metadata.len(), metadata.modified().ok());
    #[cfg(unix)]
    {
        use std::{fmt::Write, os::unix::fs::MetadataExt};
        // Writing to a text cannot fail. The change time cannot be set back.
        let (changed, nanos) = (metadata.ctime(), metadata.ctime_nsec());
        let _ = write!(version, " {changed}.{nanos} {} {}", metadata.dev(), metadata.ino());
    }
    version
}

/// The address of one part.
fn one(part: &str) -> Result<Address, ReadFailure> {
    Address::parse(&format!("stixbundle://{part}")).map_err(|error| ReadFailure {
        code: Code::E0502,
        message: error.to_string(),
        help: Some(error.help()),
    })
}

fn led_on(redirect: &Redirect) -> String {
    let to: Vec<String> = redirect.to.iter().map(|to| format!("`{}`", visible(to))).collect();
    format!("`{}` sent the reader on to {}", visible(&redirect.from), to.join(", then "))
}

fn one_line(error: &SourceError) -> String {
    visible(&error.to_string()).replace(r"\\", r"\")
}

fn failure(error: &SourceError) -> ReadFailure {
    let (code, help) = match error.kind {
        SourceErrorKind::NotFound => (Code::E0501, "paths are relative to the working directory"),
        SourceErrorKind::Offline | SourceErrorKind::Network | SourceErrorKind::Timeout => {
            (Code::E0504, "check the address and the connection")
        }
        SourceErrorKind::Redirect => {
            (Code::E0902, "name the server that has the data, by `https`, if it may be asked")
        }
        SourceErrorKind::Status(_) => (Code::E0503, "check the address in a browser"),
        SourceErrorKind::NotStix | SourceErrorKind::NoUsableRecord | SourceErrorKind::Empty => (
            Code::E0505,
            "a bundle is an object with `\"type\": \"bundle\"` and `\"objects\"`; logs hold one JSON object a line",
        ),
        SourceErrorKind::TooLarge => (Code::E0506, "raise the limit if you trust the data"),
        SourceErrorKind::NoConnector => (Code::E0501, "`kestrel-run sources` lists what is configured"),
        SourceErrorKind::Cancelled => (Code::E0705, "results made before are kept"),
        _ => (Code::E0502, "is the file complete, and in a format that can be read?"),
    };
    ReadFailure { code, message: one_line(error), help: Some(help.to_owned()) }
}
