//! Reading data sources: several at a time, taken in one after another in plan order.
//!
//! Workers read ahead into short queues; only the thread that runs the plan puts batches into
//! the store, part after part in the order in which the plan first needs them. So every number
//! in the store depends on the plan alone, whatever the number of workers.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::Scope,
    time::{Instant, SystemTime},
};

use ahash::RandomState;
use kestrel_ir::{
    diagnostic::{Code, Span},
    text::visible,
};
use kestrel_stix::batch::Batch;

use super::{Cancel, Event, PartTime};
use crate::store::{Loaded, SourceId, Store, StoreError};

/// Batches that wait for the store, for each part.
const QUEUE: usize = 2;

/// Knows how to read the parts of an address.
pub trait SourceReader: Send + Sync {
    /// Takes an address apart: files and web addresses, each of which is read once a session.
    fn parts(&self, address: &str) -> Result<Vec<String>, ReadFailure>;

    /// Returns something that changes when the content of a part changes; empty if unknown.
    fn version(&self, part: &str) -> String;

    /// Returns a name of a part that is the same wherever the program runs: relative paths made
    /// absolute.
    fn full_name(&self, part: &str) -> String {
        part.to_owned()
    }

    /// Returns when the content of a part changed last, if that is known.
    fn changed(&self, _part: &str) -> Option<SystemTime> {
        None
    }

    /// Reads a part with at most `threads` threads and gives its batches in order. `sink`
    /// returns false when no more are wanted.
    fn read(
        &self,
        part: &str,
        threads: usize,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Batch) -> bool,
    ) -> Result<PartRead, ReadFailure>;
}

/// What reading a part found besides batches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartRead {
    /// Members of an archive and the like that could not be read, each in one line.
    pub missing: Vec<String>,
    /// Unusual things that lost nothing, each in one line.
    pub notes: Vec<String>,
    /// Servers that sent the reader on to others, each in one line.
    pub redirects: Vec<String>,
    /// Bytes as stored; none if unknown.
    pub bytes: Option<u64>,
    /// True if it came from the cache.
    pub cached: bool,
}

/// Why a part gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFailure {
    /// One of the codes about data sources.
    pub code: Code,
    /// What is wrong, with the name of the part.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// A part that the store holds.
#[derive(Debug, Clone)]
pub(super) struct LoadedPart {
    pub(super) source: SourceId,
    pub(super) loaded: Loaded,
    pub(super) read: PartRead,
    pub(super) seconds: f64,
}

/// The parts a session has loaded, by name and version.
pub(super) type LoadedParts = HashMap<(String, String), LoadedPart, RandomState>;

/// Where the time of taking in goes.
pub(super) struct Times<'t> {
    /// When the run started.
    pub(super) start: Instant,
    pub(super) parts: &'t mut Vec<PartTime>,
}

enum Message {
    Batch(Batch),
    End(Result<PartRead, ReadFailure>, f64),
}

/// The parts of one run.
pub(super) struct Intake {
    parts: Vec<Part>,
    index: HashMap<String, usize, RandomState>,
    /// Parts before this one were taken in.
    next: usize,
}

struct Part {
    key: (String, String),
    receiver: Option<Receiver<Message>>,
    failure: Option<ReadFailure>,
}

/// A part waiting for a worker.
type Job = (String, SyncSender<Message>);

impl Intake {
    /// Starts to read `wanted` parts that are not loaded, on at most `jobs` threads of `scope`.
    pub(super) fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        reader: &'env dyn SourceReader,
        wanted: Vec<String>,
        loaded: &LoadedParts,
        jobs: usize,
        cancel: &Cancel,
    ) -> Self {
        let mut intake = Intake { parts: Vec::new(), index: HashMap::default(), next: 0 };
        let mut queue: Vec<Job> = Vec::new();
        for name in wanted {
            let key = (name.clone(), reader.version(&name));
            let mut receiver = None;
            if !loaded.contains_key(&key) {
                let (sender, waiting) = sync_channel(QUEUE);
                queue.push((name.clone(), sender));
                receiver = Some(waiting);
            }
            intake.index.insert(name, intake.parts.len());
            intake.parts.push(Part { key, receiver, failure: None });
        }
        let workers = queue.len().min(jobs.max(1));
        let threads = (jobs.max(1) / workers.max(1)).max(1);
        queue.reverse();
        let queue = std::sync::Arc::new(Mutex::new(queue));
        for _ in 0..workers {
            let (queue, cancel) = (queue.clone(), cancel.clone());
            scope.spawn(move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some((name, sender)) = job else { return };
                    work(reader, &name, &sender, threads, &cancel);
                }
            });
        }
        intake
    }

    /// Takes in a part and all parts before it, and returns it. The inner error is why the part
    /// cannot be read.
    pub(super) fn take<'l>(
        &mut self,
        name: &str,
        store: &mut Store,
        loaded: &'l mut LoadedParts,
        events: &mut dyn FnMut(Event<'_>),
        times: &mut Times<'_>,
        cancel: &Cancel,
    ) -> Result<Result<&'l LoadedPart, ReadFailure>, StoreError> {
        let unknown = || ReadFailure {
            code: Code::E0401,
            message: "a part of a data source was not planned".to_owned(),
            help: None,
        };
        let Some(at) = self.index.get(name).copied() else { return Ok(Err(unknown())) };
        while self.next <= at {
            let part = &mut self.parts[self.next];
            self.next += 1;
            let Some(receiver) = part.receiver.take() else { continue };
            let begun = Instant::now();
            let taken = take_in(&part.key.0, &receiver, store, events, cancel).inspect_err(|error| {
                // Whoever asks later is told the same.
                let told = error.diagnostic(Span::default());
                let message = format!("`{}` cannot be used: {}", visible(&part.key.0), told.message);
                part.failure = Some(ReadFailure { code: told.code, message, help: told.help });
            });
            match taken? {
                Ok(taken) => {
                    times.parts.push(PartTime {
                        part: part.key.0.clone(),
                        start: (begun - times.start).as_secs_f64(),
                        seconds: begun.elapsed().as_secs_f64(),
                        reading: taken.seconds,
                        records: taken.loaded.records,
                        bytes: taken.read.bytes,
                        cached: taken.read.cached,
                    });
                    loaded.insert(part.key.clone(), taken);
                }
                Err(failure) => part.failure = Some(failure),
            }
        }
        let part = &self.parts[at];
        Ok(match (&part.failure, loaded.get(&part.key)) {
            (None, Some(known)) => Ok(known),
            (Some(failure), _) => Err(failure.clone()),
            (None, None) => Err(unknown()),
        })
    }
}

/// Reads one part on a worker. A panic of the reader is a failure of this part only.
fn work(
    reader: &dyn SourceReader,
    name: &str,
    sender: &SyncSender<Message>,
    threads: usize,
    cancel: &Cancel,
) {
    let start = Instant::now();
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        reader.read(name, threads, cancel, &mut |batch| sender.send(Message::Batch(batch)).is_ok())
    }));
    let result = read.unwrap_or_else(|panic| {
        Err(ReadFailure {
            code: Code::E0401,
            message: format!(
                "a fault of this program while reading `{name}`: {}",
                super::panic_text(&*panic)
            ),
            help: Some("please report it".to_owned()),
        })
    });
    // Nobody waits any more when the run ended early.
    let _ = sender.send(Message::End(result, start.elapsed().as_secs_f64()));
}

fn take_in(
    name: &str,
    receiver: &Receiver<Message>,
    store: &mut Store,
    events: &mut dyn FnMut(Event<'_>),
    cancel: &Cancel,
) -> Result<Result<LoadedPart, ReadFailure>, StoreError> {
    events(Event::Reading { part: name });
    let source = store.begin_source()?;
    let mut records = 0;
    loop {
        if cancel.is_stopped() {
            return Err(StoreError::Interrupted);
        }
        match receiver.recv() {
            Ok(Message::Batch(batch)) => {
                store.ingest(source, &batch)?;
                records += batch.records.len() as u64;
                events(Event::Records { part: name, records });
            }
            Ok(Message::End(Ok(read), seconds)) => {
                if cancel.is_stopped() {
                    return Err(StoreError::Interrupted);
                }
                let loaded = store.finish_source(source)?;
                events(Event::Read { part: name, records: loaded.records, seconds });
                return Ok(Ok(LoadedPart { source, loaded, read, seconds }));
            }
            Ok(Message::End(Err(failure), _)) => return Ok(Err(failure)),
            Err(_) => {
                return Ok(Err(ReadFailure {
                    code: Code::E0401,
                    message: format!("reading `{name}` ended without a result"),
                    help: Some("please report it".to_owned()),
                }));
            }
        }
    }
}
