//! Why a source could not be read.

use std::io;

/// A source, or a part of it, could not be read.
///
/// Shows as `cannot read `FILE`: CAUSE (byte N)`; never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} `{place}`: {cause}{}", at(*offset))]
pub struct SourceError {
    /// What is wrong.
    pub kind: SourceErrorKind,
    /// Whether another try can help.
    pub retry: Retry,
    /// What was being done: `read`, `unpack`, `download`.
    pub operation: &'static str,
    /// The file, the archive member (`logs.zip: a.json`) or the web address without its query.
    pub place: String,
    /// Where in the unpacked content, in bytes.
    pub offset: Option<u64>,
    /// The cause in words.
    pub cause: String,
}

fn at(offset: Option<u64>) -> String {
    offset.map(|offset| format!(" (byte {offset})")).unwrap_or_default()
}

/// What is wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceErrorKind {
    /// There is no such file.
    NotFound,
    /// It exists, but cannot be opened or read on.
    NotReadable,
    /// It holds nothing.
    Empty,
    /// It ends in the middle.
    Truncated,
    /// Neither JSON nor a known log.
    NotJson,
    /// UTF-16 or the like.
    WrongEncoding,
    /// JSON, but neither STIX nor a known log.
    NotStix,
    /// STIX, but not one usable record or object.
    NoUsableRecord,
    /// A limit was reached.
    TooLarge,
    /// A broken, encrypted or nested archive.
    BadArchive,
    /// The server could not be reached, or the connection broke.
    Network,
    /// The server took too long.
    Timeout,
    /// The server answered with this status instead of 200.
    Status(u16),
    /// It is on the network, which is not to be used.
    Offline,
    /// The server sent the reader where it may not go.
    Redirect,
    /// No connector can answer for the address.
    NoConnector,
    /// The caller cancelled.
    Cancelled,
}

/// Whether another try can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// No.
    Permanent,
    /// Yes, after a while.
    Temporary,
}

impl SourceError {
    /// Makes a permanent error without position.
    pub(crate) fn new(
        kind: SourceErrorKind,
        operation: &'static str,
        place: &str,
        cause: impl Into<String>,
    ) -> Self {
        SourceError {
            kind,
            retry: Retry::Permanent,
            operation,
            place: place.to_owned(),
            offset: None,
            cause: cause.into(),
        }
    }

    #[must_use]
    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// From a failed read. What [`Refused`] carried comes out again.
    pub(crate) fn from_io(error: &io::Error, operation: &'static str, place: &str) -> Self {
        if let Some(refused) = error.get_ref().and_then(|inner| inner.downcast_ref::<Refused>()) {
            return SourceError::new(refused.kind, operation, place, refused.cause.clone());
        }
        let (kind, retry) = match error.kind() {
            io::ErrorKind::NotFound => (SourceErrorKind::NotFound, Retry::Permanent),
            io::ErrorKind::TimedOut => (SourceErrorKind::Timeout, Retry::Temporary),
            _ if operation == "unpack" => (SourceErrorKind::BadArchive, Retry::Permanent),
            _ if operation == "download" => (SourceErrorKind::Network, Retry::Temporary),
            _ => (SourceErrorKind::NotReadable, Retry::Permanent),
        };
        let cause = match kind {
            SourceErrorKind::NotFound => "no such file".to_owned(),
            _ => error.to_string(),
        };
        SourceError { retry, ..SourceError::new(kind, operation, place, cause) }
    }
}

/// A reason to stop that travels through [`io::Read`].
#[derive(Debug, Clone, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct Refused {
    pub(crate) kind: SourceErrorKind,
    pub(crate) cause: String,
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        io::Error::other(refused)
    }
}
