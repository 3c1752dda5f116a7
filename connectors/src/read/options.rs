//! How to read a source, and what reading it came to.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::error::SourceError;
use crate::logs::LogOptions;

/// How to read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Threads that parse, at least 1. With 1, everything happens on the calling thread.
    pub threads: usize,
    /// What input may cost.
    pub limits: Limits,
    /// Set by another thread to stop early.
    pub cancel: Arc<AtomicBool>,
    /// Where relative paths start.
    pub base_dir: PathBuf,
    /// Refuse web addresses.
    pub offline: bool,
    /// Where a server may send the reader.
    pub redirects: Redirects,
    /// How raw logs are read.
    pub logs: LogOptions,
    /// Sizes that only speed and memory depend on.
    pub tuning: Tuning,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            limits: Limits::default(),
            cancel: Arc::default(),
            base_dir: PathBuf::from("."),
            offline: false,
            redirects: Redirects::default(),
            logs: LogOptions::default(),
            tuning: Tuning::default(),
        }
    }
}

impl ReadOptions {
    pub(crate) fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

/// Where a server may send the reader that asked it: to anywhere, or where a rule allows it.
#[derive(Clone, Default)]
pub struct Redirects {
    rule: Option<Arc<RedirectRule>>,
}

/// Says why a reader may not go from one web address to another.
type RedirectRule = dyn Fn(&str, &str) -> Result<(), String> + Send + Sync;

impl Redirects {
    /// Makes a rule: `rule(from, to)` says why the address that was asked may not lead to the other.
    pub fn new(rule: impl Fn(&str, &str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Redirects { rule: Some(Arc::new(rule)) }
    }

    #[cfg_attr(not(feature = "transport"), expect(dead_code, reason = "only the web redirects"))]
    pub(crate) fn allow(&self, from: &str, to: &str) -> Result<(), String> {
        self.rule.as_ref().map_or(Ok(()), |rule| rule(from, to))
    }
}

impl std::fmt::Debug for Redirects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.rule.is_some() { "Redirects(by a rule)" } else { "Redirects(any)" })
    }
}

/// A server sent the reader to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The address that was asked, without its query.
    pub from: String,
    /// Where the reader was sent, hop after hop, without queries.
    pub to: Vec<String>,
}

/// What input may cost. Source: entities specification 1.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Dictionaries and lists inside each other, counted from the record; at most 256.
    pub depth: usize,
    /// Bytes of one text value.
    pub string: usize,
    /// Objects of one record.
    pub objects: usize,
    /// Attributes, and references, of one object.
    pub attributes: usize,
    /// Bytes of one record as JSON.
    pub record: usize,
    /// Unpacked bytes of one archive.
    pub archive: u64,
    /// Unpacked bytes for each packed one, looked at from 16 MiB on.
    pub archive_ratio: u64,
    /// Members of one archive.
    pub members: usize,
    /// Bytes of one answer from the web.
    pub download: u64,
    /// Longest wait for a connection, and for each further part of an answer.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            depth: 64,
            string: 64 << 20,
            objects: 100_000,
            attributes: 100_000,
            record: 256 << 20,
            archive: 256 << 30,
            archive_ratio: 500,
            members: 10_000,
            download: 16 << 30,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Sizes that change neither records nor their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Bytes that are read at a time.
    pub block: usize,
    /// Bytes of JSON that one thread parses at a time, so about the size of a batch; a quarter
    /// of it at the beginning, so that small content keeps several threads busy too.
    pub chunk: usize,
    /// Bytes from which the kind of content is told.
    pub sample: usize,
}

impl Tuning {
    /// Returns the size of the chunk that begins at `offset`.
    pub(crate) fn chunk_at(&self, offset: u64) -> usize {
        let half = usize::try_from(offset / 2).unwrap_or(usize::MAX);
        half.clamp(self.chunk / 4, self.chunk)
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { block: 512 << 10, chunk: 4 << 20, sample: 1 << 20 }
    }
}

/// Given back by a sink that needs no more batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Bytes of the sources as they are stored, packed or not.
    pub bytes: u64,
    /// Records handed over.
    pub records: u64,
    /// Every file, web address and archive member that was read, in order.
    pub parts: Vec<PartSummary>,
    /// Parts that could not be read, or not to their end, while others could.
    pub failures: Vec<SourceError>,
    /// Parts that came from another server than the one that was asked.
    pub redirects: Vec<Redirect>,
    /// STIX objects that are no observations, by type.
    pub ignored: BTreeMap<String, u64>,
    /// Hash of the addresses and the content of all parts, hexadecimal; empty when the sink
    /// stopped early.
    pub source_key: String,
    /// True when the sink stopped early.
    pub stopped: bool,
}

/// What one file, web address or archive member held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSummary {
    /// Its name: `a.json`, `logs.zip: b.json`.
    pub name: String,
    /// Unpacked bytes.
    pub bytes: u64,
    /// Records handed over.
    pub records: u64,
    /// What it was.
    pub content: Content,
    /// What a person should know about it.
    pub notes: Vec<Note>,
}

/// Kinds of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// STIX objects.
    Stix,
    /// Events of a log, as JSON.
    Events,
    /// Lines of a log.
    Lines,
}

/// Something unusual that lost nothing, or nothing that was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// A bundle that does not say so: `objects`, but no `type`.
    UntypedBundle,
    /// An object without `objects`, or with an empty list.
    NoObjects,
    /// So many members of its archive come after it and are not read, as was asked for.
    MembersLeftOut(usize),
}

impl Note {
    /// Says it in a sentence.
    pub fn describe(self) -> String {
        match self {
            Note::UntypedBundle => "has `objects` but no `type`; read as a bundle".to_owned(),
            Note::NoObjects => "has no objects".to_owned(),
            Note::MembersLeftOut(count) => {
                format!(
                    "{count} further members of the archive are left out, as `zip_members = \"first\"` says"
                )
            }
        }
    }
}
