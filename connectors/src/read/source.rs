//! Opens the parts of an address and unpacks them: plain, gzip or zip, told by content.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use zip::ZipArchive;

use super::{
    error::{Refused, SourceError, SourceErrorKind},
    options::{Limits, Note, ReadOptions, Redirect},
    pipeline::{StreamName, StreamOutcome},
};

/// What opening and unpacking one part came to.
#[derive(Debug, Default)]
pub(crate) struct PartOutcome {
    /// One for plain and gzip, one for each member of a zip.
    pub(crate) streams: Vec<StreamOutcome>,
    /// Bytes as stored.
    pub(crate) bytes: u64,
    /// Hash of them, when all were read.
    pub(crate) hash: Option<blake3::Hash>,
    /// Why nothing could be opened.
    pub(crate) error: Option<SourceError>,
    /// The server that answered is another one than the one that was asked.
    pub(crate) redirect: Option<Redirect>,
}

/// Reads one stream of content.
pub(crate) type OnStream<'a> = dyn FnMut(&mut (dyn Read + Send), &StreamName) -> StreamOutcome + 'a;

/// Reads a file.
pub(crate) fn read_file(
    path: &Path,
    shown: &str,
    options: &ReadOptions,
    on_stream: &mut OnStream<'_>,
) -> PartOutcome {
    match open(path, shown) {
        Ok(file) => read_input(file, "read", shown, shown, options, on_stream, &mut rewound),
        Err(error) => PartOutcome { error: Some(error), ..PartOutcome::default() },
    }
}

/// A file is its own file.
fn rewound(input: BufReader<Counted<File>>) -> Result<Counted<File>, SourceError> {
    let mut file = input.into_inner().inner;
    file.seek(SeekFrom::Start(0)).map_err(|error| SourceError::from_io(&error, "read", "archive"))?;
    Ok(Counted::new(file))
}

fn open(path: &Path, shown: &str) -> Result<File, SourceError> {
    let failed = |error: io::Error| SourceError::from_io(&error, "read", shown);
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() {
        // A pipe or device could keep the hunt waiting for ever.
        let what = if kind.is_dir() { "it is a directory" } else { "it is no regular file" };
        return Err(SourceError::new(SourceErrorKind::NotReadable, "read", shown, what));
    }
    File::open(path).map_err(failed)
}

/// Turns what was read up to now into a file that can be read anywhere.
pub(crate) type ToFile<'a, R> = dyn FnMut(BufReader<Counted<R>>) -> Result<Counted<File>, SourceError> + 'a;

/// Reads any input. `to_file` is needed for zip archives only.
pub(crate) fn read_input<R: Read + Send>(
    input: R,
    operation: &'static str,
    shown: &str,
    source: &str,
    options: &ReadOptions,
    on_stream: &mut OnStream<'_>,
    to_file: &mut ToFile<'_, R>,
) -> PartOutcome {
    let counted = Counted::new(input);
    let packed_bytes = counted.bytes.clone();
    let mut input = BufReader::with_capacity(256 << 10, counted);
    let mut name = StreamName { shown: shown.to_owned(), source: source.to_owned(), member: None, operation };
    let magic = match peek(&mut input) {
        Ok(magic) => magic,
        Err(error) => return failed(SourceError::from_io(&error, operation, shown)),
    };
    match magic {
        Magic::Plain => {
            let stream = on_stream(&mut input, &name);
            finish(stream, input)
        }
        Magic::Gzip => {
            name.operation = "unpack";
            let mut unpacked = Bounded {
                inner: MultiGzDecoder::new(input),
                total: 0,
                packed: packed_bytes,
                limits: options.limits.clone(),
            };
            let stream = on_stream(&mut unpacked, &name);
            finish(stream, unpacked.inner.into_inner())
        }
        Magic::Zip => match to_file(input) {
            Ok(file) => read_zip(file, &name, options, on_stream),
            Err(error) => failed(error),
        },
    }
}

fn failed(error: SourceError) -> PartOutcome {
    PartOutcome { error: Some(error), ..PartOutcome::default() }
}

/// Reads what is left, so that the hash is that of everything.
fn finish<R: Read>(stream: StreamOutcome, mut input: BufReader<Counted<R>>) -> PartOutcome {
    let whole = stream.error.is_none() && !stream.stopped && io::copy(&mut input, &mut io::sink()).is_ok();
    let counted = input.into_inner();
    PartOutcome {
        streams: vec![stream],
        bytes: counted.bytes.load(Ordering::Relaxed),
        hash: whole.then(|| counted.hasher.finalize()),
        ..PartOutcome::default()
    }
}

enum Magic {
    Plain,
    Gzip,
    Zip,
}

fn peek(input: &mut impl BufRead) -> io::Result<Magic> {
    let start = input.fill_buf()?;
    Ok(match start {
        [0x1f, 0x8b, ..] => Magic::Gzip,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Magic::Zip,
        _ => Magic::Plain,
    })
}

/// Reads every member of a zip archive. Names of members are names only: nothing is written.
fn read_zip(
    file: Counted<File>,
    name: &StreamName,
    options: &ReadOptions,
    on_stream: &mut OnStream<'_>,
) -> PartOutcome {
    match try_zip(file, name, options, on_stream) {
        Ok(outcome) => outcome,
        Err(error) => failed(error),
    }
}

fn try_zip(
    mut file: Counted<File>,
    name: &StreamName,
    options: &ReadOptions,
    on_stream: &mut OnStream<'_>,
) -> Result<PartOutcome, SourceError> {
    let shown = &name.shown;
    let unreadable = |error: io::Error| SourceError::from_io(&error, "read", shown);
    let bad = |cause: String| SourceError::new(SourceErrorKind::BadArchive, "unpack", shown, cause);
    // The content is hashed in a pass of its own, since members are read in any order.
    io::copy(&mut file, &mut io::sink()).map_err(unreadable)?;
    let bytes = file.bytes.load(Ordering::Relaxed);
    let hash = file.hasher.finalize();
    file.inner.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut archive = ZipArchive::new(BufReader::new(file.inner))
        .map_err(|error| bad(format!("broken zip archive: {error}")))?;
    if archive.len() > options.limits.members {
        let cause =
            format!("{} members are more than the limit of {}", archive.len(), options.limits.members);
        return Err(SourceError::new(SourceErrorKind::TooLarge, "unpack", shown, cause));
    }
    let mut outcome = PartOutcome { bytes, hash: Some(hash), ..PartOutcome::default() };
    let mut total = 0;
    let members = archive.len();
    for n in 0..members {
        if options.cancelled() {
            break;
        }
        let mut member_name = name.clone();
        member_name.operation = "unpack";
        let member = match archive.by_index(n) {
            Ok(member) => member,
            Err(error) => {
                member_name.shown = format!("{shown}: member {n}");
                let cause = format!("cannot be unpacked: {error}");
                outcome.streams.push(broken_member(&member_name, cause));
                continue;
            }
        };
        let own = member.name().map(|name| name.to_string()).unwrap_or_default();
        // Folders, and what macOS adds to every archive.
        if member.is_dir() || own.starts_with("__MACOSX/") || own.ends_with(".DS_Store") {
            continue;
        }
        let visible: String = own.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        member_name.shown = format!("{shown}: {visible}");
        member_name.member = Some(visible);
        let packed = Arc::new(AtomicU64::new(member.compressed_size().max(1)));
        let mut unpacked = Bounded { inner: member, total, packed, limits: options.limits.clone() };
        let stream = on_stream(&mut unpacked, &member_name);
        total = unpacked.total;
        let stopped = stream.stopped;
        outcome.streams.push(stream);
        if stopped {
            break;
        }
        if options.logs.zip_members.ends_with(&own) {
            let left_out = members - n - 1;
            if let Some(stream) = outcome.streams.last_mut().filter(|_| left_out > 0) {
                stream.part.notes.push(Note::MembersLeftOut(left_out));
            }
            break;
        }
    }
    if outcome.streams.is_empty() {
        return Err(SourceError::new(SourceErrorKind::Empty, "unpack", shown, "the archive has no files"));
    }
    Ok(outcome)
}

fn broken_member(name: &StreamName, cause: String) -> StreamOutcome {
    let error = SourceError::new(SourceErrorKind::BadArchive, "unpack", &name.shown, cause);
    super::pipeline::failed_stream(name, error)
}

/// Counts and hashes what goes through.
pub(crate) struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
    hasher: blake3::Hasher,
}

impl<R> Counted<R> {
    pub(crate) fn new(inner: R) -> Self {
        Counted { inner, bytes: Arc::default(), hasher: blake3::Hasher::new() }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..got]);
        self.bytes.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

/// Stops when unpacking gives too much.
struct Bounded<R> {
    inner: R,
    /// Unpacked bytes so far, of the whole archive.
    total: u64,
    packed: Arc<AtomicU64>,
    limits: Limits,
}

/// From how many unpacked bytes on the ratio is looked at.
const RATIO_FROM: u64 = 16 << 20;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.total += got as u64;
        if self.total > self.limits.archive {
            let cause = format!("unpacks to more than the limit of {} bytes", self.limits.archive);
            return Err(Refused { kind: SourceErrorKind::TooLarge, cause }.into());
        }
        let packed = self.packed.load(Ordering::Relaxed).max(1);
        if self.total > RATIO_FROM && self.total / packed > self.limits.archive_ratio {
            let cause = format!("unpacks to more than {} times its size", self.limits.archive_ratio);
            return Err(Refused { kind: SourceErrorKind::TooLarge, cause }.into());
        }
        Ok(got)
    }
}
