//! One stream of content from beginning to end: cut, parsed by several threads, handed over
//! in source order.

use std::{
    collections::BTreeMap,
    io::Read,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crossbeam_channel::{bounded, unbounded};
use kestrel_stix::batch::Batch;

use super::{
    error::{Retry, SourceError, SourceErrorKind},
    event_worker::EventWorker,
    events,
    frame::{Chunk, Form, FrameError, Framer},
    options::{Content, PartSummary, ReadOptions, Stop},
    stix21::{Late, assemble},
    worker::{Produced, StixWorker, Tally, Work, is_stix},
};

/// Names of the stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamName {
    /// `a.json`, `logs.zip: b.json`.
    pub(crate) shown: String,
    /// The part of the address.
    pub(crate) source: String,
    /// The archive member.
    pub(crate) member: Option<String>,
    /// `read`, `unpack`, `download`.
    pub(crate) operation: &'static str,
}

/// What became of a stream; batches went to the sink already.
#[derive(Debug)]
pub(crate) struct StreamOutcome {
    pub(crate) part: PartSummary,
    pub(crate) ignored: BTreeMap<String, u64>,
    /// Why it was not read to its end, or gave nothing.
    pub(crate) error: Option<SourceError>,
    pub(crate) stopped: bool,
}

type Sink<'s> = dyn FnMut(Batch) -> Result<(), Stop> + 's;

/// Reads one stream.
pub(crate) fn read_stream(
    input: &mut (dyn Read + Send),
    name: &StreamName,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> StreamOutcome {
    let mut outcome = StreamOutcome {
        part: PartSummary {
            name: name.shown.clone(),
            bytes: 0,
            records: 0,
            content: Content::Stix,
            notes: Vec::new(),
        },
        ignored: BTreeMap::new(),
        error: None,
        stopped: false,
    };
    outcome.error = read_into(input, name, options, sink, &mut outcome).err();
    outcome
}

/// Makes the outcome of a stream that could not even be opened.
pub(crate) fn failed_stream(name: &StreamName, error: SourceError) -> StreamOutcome {
    let part = PartSummary {
        name: name.shown.clone(),
        bytes: 0,
        records: 0,
        content: Content::Stix,
        notes: Vec::new(),
    };
    StreamOutcome { part, ignored: BTreeMap::new(), error: Some(error), stopped: false }
}

fn read_into(
    input: &mut (dyn Read + Send),
    name: &StreamName,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
    outcome: &mut StreamOutcome,
) -> Result<(), SourceError> {
    let fail = |error: FrameError| source_error(&error, name);
    let mut framer = Framer::start(input, options.tuning, options.limits.record).map_err(fail)?;
    if let Some(packed) = packed(framer.sample()) {
        let cause = match name.operation {
            "unpack" => format!("an archive inside an archive ({packed}) is not opened"),
            _ => format!("packed with {packed}, which cannot be unpacked here"),
        };
        return Err(SourceError::new(SourceErrorKind::BadArchive, name.operation, &name.shown, cause));
    }
    let sample: Vec<u8> = match framer.form() {
        Form::Text => framer.sample().to_vec(),
        _ => framer.sample()[..framer.sample().len().min(64 << 10)].to_vec(),
    };
    let first = framer.next(Vec::new);
    // A first chunk comes before any error, so that a damaged file still gives what it has.
    let (first, ended) = match first {
        Ok(first) => (first, None),
        Err(error) => (None, Some(error)),
    };
    let stix = framer.form() != Form::Text && first.as_ref().is_none_or(is_stix);
    let mapper = if stix {
        None
    } else {
        let file = name.member.as_deref().unwrap_or(&name.source);
        let mapper = events::mapper_for(&sample, file, &options.logs);
        if mapper.is_none() && (framer.form() == Form::Text || !framer.top().bundle) {
            return Err(not_recognised(&framer, &sample, name, ended));
        }
        mapper
    };

    let mut gathered =
        Gathered { late: Late::default(), tally: Tally::default(), records: 0, stopped: false };
    let mut deliver = |produced: Produced| gathered.take(produced, sink);
    let limits = Arc::new(options.limits.clone());
    let shown: Arc<str> = Arc::from(name.shown.as_str());
    let framed = if let Some(mapper) = mapper {
        outcome.part.content = if framer.form() == Form::Text { Content::Lines } else { Content::Events };
        let worker = EventWorker::new(mapper, name, framer.form() == Form::Text);
        let (result, workers) = run(&mut framer, first, vec![worker], options, &mut deliver);
        for worker in workers {
            let _ = deliver(worker.finish());
        }
        result
    } else {
        let count = options.threads.clamp(1, 256);
        let workers = (0..count).map(|_| StixWorker::new(shown.clone(), limits.clone())).collect();
        run(&mut framer, first, workers, options, &mut deliver).0
    };
    let top = framer.top();
    outcome.part.bytes = framer.bytes();
    let Gathered { late, mut tally, records, stopped } = gathered;
    outcome.part.records = records;
    outcome.stopped = stopped || options.cancelled();
    tally.untyped_bundle |= top.untyped_bundle;

    if !late.is_empty() && !outcome.stopped {
        let too_large = |_| {
            let cause = "more than 2³² objects or bytes of text beside the records";
            SourceError::new(SourceErrorKind::TooLarge, name.operation, &name.shown, cause)
        };
        let batch = assemble(late, &name.shown, &options.limits).map_err(too_large)?;
        outcome.part.records += batch.records.len() as u64;
        outcome.stopped |= sink(batch).is_err();
    }
    let failed = framed.err().or(ended);
    if failed.is_none() {
        outcome.part.notes = tally.notes();
    }
    outcome.ignored = mem::take(&mut tally.ignored);
    if let Some(error) = failed {
        return Err(source_error(&error, name));
    }
    if tally.items > 0 && tally.usable == 0 && !outcome.stopped && outcome.part.content == Content::Stix {
        let cause = format!("none of {} values is a usable STIX object", tally.items);
        return Err(SourceError::new(SourceErrorKind::NoUsableRecord, name.operation, &name.shown, cause));
    }
    Ok(())
}

/// What arrives on the calling thread.
struct Gathered {
    late: Late,
    tally: Tally,
    records: u64,
    stopped: bool,
}

impl Gathered {
    fn take(&mut self, produced: Produced, sink: &mut Sink<'_>) -> Result<(), Stop> {
        self.tally.add(produced.tally);
        self.late.append(produced.late);
        for batch in produced.batches {
            if self.stopped {
                return Err(Stop);
            }
            self.records += batch.records.len() as u64;
            self.stopped = sink(batch).is_err();
        }
        if self.stopped { Err(Stop) } else { Ok(()) }
    }
}

/// Lets the workers have all chunks, and hands over what they made in order.
fn run<R: Read + Send, W: Work>(
    framer: &mut Framer<R>,
    first: Option<Chunk>,
    mut workers: Vec<W>,
    options: &ReadOptions,
    deliver: &mut dyn FnMut(Produced) -> Result<(), Stop>,
) -> (Result<(), FrameError>, Vec<W>) {
    let Some(first) = first else { return (Ok(()), workers) };
    if options.threads <= 1 || framer.is_done() {
        let result = run_here(framer, first, &mut workers, options, deliver);
        return (result, workers);
    }
    run_threads(framer, first, workers, options, deliver)
}

fn run_here<R: Read, W: Work>(
    framer: &mut Framer<R>,
    first: Chunk,
    workers: &mut [W],
    options: &ReadOptions,
    deliver: &mut dyn FnMut(Produced) -> Result<(), Stop>,
) -> Result<(), FrameError> {
    let Some(worker) = workers.first_mut() else { return Ok(()) };
    let mut next = Some(first);
    while let Some(mut chunk) = next {
        if deliver(worker.chunk(&mut chunk)).is_err() || options.cancelled() {
            return Ok(());
        }
        next = framer.next(|| mem::take(&mut chunk.bytes))?;
    }
    Ok(())
}

fn run_threads<R: Read + Send, W: Work>(
    framer: &mut Framer<R>,
    first: Chunk,
    workers: Vec<W>,
    options: &ReadOptions,
    deliver: &mut dyn FnMut(Produced) -> Result<(), Stop>,
) -> (Result<(), FrameError>, Vec<W>) {
    // Chunks that exist at a time: one for each worker, one waiting, one being read.
    let in_flight = workers.len() + 2;
    let stop = AtomicBool::new(false);
    let stop = &stop;
    std::thread::scope(|scope| {
        let (chunk_in, chunk_out) = bounded::<(u64, Chunk)>(workers.len());
        let (made_in, made_out) = unbounded::<(u64, Produced)>();
        let (permit_in, permit_out) = bounded::<()>(in_flight);
        let (spare_in, spare_out) = unbounded::<Vec<u8>>();
        for _ in 0..in_flight {
            // There is room for exactly so many.
            let _ = permit_in.send(());
        }
        let reader = scope.spawn(move || {
            let mut next = Some(first);
            let mut number = 0;
            while let Some(chunk) = next {
                let stopped = || stop.load(Ordering::Relaxed) || options.cancelled();
                if stopped()
                    || permit_out.recv().is_err()
                    || chunk_in.send((number, chunk)).is_err()
                    || stopped()
                {
                    return Ok(());
                }
                number += 1;
                next = framer.next(|| spare_out.try_recv().unwrap_or_default())?;
            }
            Ok(())
        });
        let workers: Vec<_> = workers
            .into_iter()
            .map(|mut worker| {
                let (chunks, made, spare) = (chunk_out.clone(), made_in.clone(), spare_in.clone());
                scope.spawn(move || {
                    for (number, mut chunk) in chunks {
                        let produced = worker.chunk(&mut chunk);
                        // The reader may be done, and need no more buffers.
                        let _ = spare.send(chunk.bytes);
                        if made.send((number, produced)).is_err() {
                            break;
                        }
                    }
                    worker
                })
            })
            .collect();
        drop((chunk_out, made_in, spare_in));
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (number, produced) in made_out {
            waiting.insert(number, produced);
            while let Some(produced) = waiting.remove(&next) {
                next += 1;
                if !stop.load(Ordering::Relaxed) && deliver(produced).is_err() {
                    stop.store(true, Ordering::Relaxed);
                }
                // The reader may be done.
                let _ = permit_in.try_send(());
            }
        }
        drop(permit_in);
        let result = join(reader);
        (result, workers.into_iter().map(join).collect())
    })
}

/// Waits for a thread; its panic goes on in this one.
fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Names the packing of content by how it begins.
fn packed(sample: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 6] = [
        (b"\x1f\x8b", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
    ];
    MAGIC.iter().find(|(magic, _)| sample.starts_with(magic)).map(|(_, name)| *name)
}

fn not_recognised<R: Read>(
    framer: &Framer<R>,
    sample: &[u8],
    name: &StreamName,
    ended: Option<FrameError>,
) -> SourceError {
    if let Some(error) = ended {
        return source_error(&error, name);
    }
    if framer.form() != Form::Text {
        let cause = "JSON, but neither STIX nor a log of a known kind";
        return SourceError::new(SourceErrorKind::NotStix, name.operation, &name.shown, cause);
    }
    let first = sample.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or_default();
    let start: String =
        String::from_utf8_lossy(&sample[first..sample.len().min(first + 40)]).escape_debug().collect();
    let cause = format!("neither JSON nor a log of a known kind: it begins with `{start}`");
    SourceError::new(SourceErrorKind::NotJson, name.operation, &name.shown, cause).at(first as u64)
}

fn source_error(error: &FrameError, name: &StreamName) -> SourceError {
    let new = |kind, cause: String| SourceError::new(kind, name.operation, &name.shown, cause);
    match error {
        FrameError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => SourceError {
            retry: if name.operation == "download" { Retry::Temporary } else { Retry::Permanent },
            ..new(SourceErrorKind::Truncated, "the packed data ends too early".to_owned())
        },
        FrameError::Io(error) => SourceError::from_io(error, name.operation, &name.shown),
        FrameError::Empty => new(SourceErrorKind::Empty, "it is empty".to_owned()).at(0),
        FrameError::Truncated { start, end } => new(
            SourceErrorKind::Truncated,
            format!("it ends inside the JSON value that starts at byte {start}"),
        )
        .at(*end),
        FrameError::NotJson { offset, cause } => new(SourceErrorKind::NotJson, cause.clone()).at(*offset),
        FrameError::Encoding(encoding) => {
            new(SourceErrorKind::WrongEncoding, format!("encoded as {encoding}, but only UTF-8 can be read"))
                .at(0)
        }
        FrameError::TooLarge { start } => {
            new(SourceErrorKind::TooLarge, "a JSON value is larger than the limit for one record".to_owned())
                .at(*start)
        }
    }
}
