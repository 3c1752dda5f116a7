//! Walking a plan: which node runs when, what becomes of failures, what a run gives back.
//!
//! A [`Session`] keeps the result of every node it has run, by the node's content hash. A later,
//! longer plan of the same session runs only what is new; a failed node is tried again.

mod cancel;
mod evaluate;
mod events;
mod files;
mod gather;
mod profile;
mod references;
mod sources;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ahash::RandomState;
use kestrel_ir::{
    Node, NodeId, Op, Plan,
    diagnostic::{Code, Diagnostic, Severity},
};
use kestrel_stix::Timestamp;

pub use cancel::Cancel;
pub use events::Event;
pub use files::Connectors;
pub use kestrel_connectors::{
    logs::{LogOptions, LogOptionsError},
    read::Redirects,
};
pub use profile::{NodeTime, PartTime, Profile};
pub use sources::{PartRead, ReadFailure, SourceReader};

use crate::{
    ops::{OpError, apply::Analytics},
    results::{DisplayResult, Results},
    store::{Options, Store, StoreError, Watch},
};
use cancel::Deadline;
use evaluate::Value;
use sources::{Intake, LoadedParts};

/// How a run is done.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Threads that read sources; 0 takes one for each processor.
    pub jobs: usize,
    /// Wall time after which the run is stopped.
    pub timeout: Option<Duration>,
    /// Whether the results hold the rows of every variable.
    pub rows: RowsWanted,
    /// Where relative paths of `LOAD` and `SAVE` start.
    pub base_dir: PathBuf,
    /// The instant that `LAST` counts back from; none takes the clock once.
    pub now: Option<Timestamp>,
    /// Stops the run from outside.
    pub cancel: Cancel,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            jobs: 0,
            timeout: None,
            rows: RowsWanted::None,
            base_dir: PathBuf::from("."),
            now: None,
            cancel: Cancel::new(),
        }
    }
}

/// Which rows of variables are part of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsWanted {
    /// None: only how many there are.
    None,
    /// All.
    All,
    /// The first ones; how many are left out is said.
    AtMost(u64),
}

/// What is kept from run to run: the store, the results of nodes, the sources loaded.
pub struct Session {
    store: Store,
    reader: Arc<dyn SourceReader>,
    analytics: Analytics,
    done: HashMap<NodeId, Value, RandomState>,
    parts: LoadedParts,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("nodes", &self.done.len()).field("parts", &self.parts.len()).finish()
    }
}

impl Session {
    /// Starts a session without any records.
    pub fn new(options: Options, reader: Arc<dyn SourceReader>, analytics: Analytics) -> Self {
        Session {
            store: Store::new(options),
            reader,
            analytics,
            done: HashMap::default(),
            parts: LoadedParts::default(),
        }
    }

    /// Ends the session when the program ends too; see [`Store::close`].
    pub fn close(self) {
        self.store.close();
        std::mem::forget((self.done, self.parts));
    }

    /// Returns the store, for completion and the like.
    pub fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Returns true if the node was run in this session.
    pub fn has_run(&self, node: NodeId) -> bool {
        self.done.contains_key(&node)
    }

    /// Runs what of a plan this session has not run yet. Never fails as a whole: failures are
    /// diagnostics, everything that does not depend on them still runs.
    ///
    /// `events` is called on the calling thread while the plan runs.
    pub fn run(&mut self, plan: &Plan, options: &RunOptions, events: &mut dyn FnMut(Event<'_>)) -> Results {
        let start = Instant::now();
        let deadline = Deadline::start(options.timeout, &options.cancel);
        let reader = self.reader.clone();
        let jobs = match options.jobs {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            jobs => jobs,
        };
        let mut results = std::thread::scope(|scope| {
            let (addresses, wanted) = addresses(plan, &*reader, |node| self.done.contains_key(&node));
            let intake = Intake::start(scope, &*reader, wanted, &self.parts, jobs, &options.cancel);
            let mut run = Run {
                session: self,
                plan,
                options,
                events,
                now: options.now.unwrap_or_else(clock),
                intake,
                addresses,
                results: Results { texts: plan.sources.clone(), ..Results::default() },
                start,
                failed: HashMap::default(),
                told: HashSet::default(),
                asked: Vec::new(),
                short: Vec::new(),
                bound: HashSet::default(),
            };
            run.walk();
            run.session.store.watch(Watch::default());
            run.finish()
        });
        drop(deadline);
        options.cancel.release();
        results.summary.seconds = start.elapsed().as_secs_f64();
        results
    }
}

/// Runs a plan in a session of its own, reading bundles and logs with `connectors`.
pub fn run(
    plan: &Plan,
    store: Options,
    connectors: Connectors,
    analytics: Analytics,
    options: &RunOptions,
    events: &mut dyn FnMut(Event<'_>),
) -> Results {
    Session::new(store, Arc::new(connectors), analytics).run(plan, options, events)
}

/// One run of one plan.
struct Run<'r> {
    session: &'r mut Session,
    plan: &'r Plan,
    options: &'r RunOptions,
    events: &'r mut dyn FnMut(Event<'_>),
    now: Timestamp,
    intake: Intake,
    /// The parts of each address.
    addresses: BTreeMap<String, Result<Vec<String>, ReadFailure>>,
    results: Results,
    start: Instant,
    /// Failed and skipped nodes, with the node that failed first.
    failed: HashMap<NodeId, NodeId, RandomState>,
    /// Steps about whose skipping was told.
    told: HashSet<u32, RandomState>,
    /// Sources asked, in order.
    asked: Vec<Asked>,
    /// Pools that lack the records of a failed query.
    short: Vec<NodeId>,
    /// Bind nodes that this run reached.
    bound: HashSet<NodeId, RandomState>,
}

/// What was asked of one address in this run.
#[derive(Debug)]
struct Asked {
    uri: String,
    queries: u64,
    /// Numbers of its queries in the store.
    numbers: Vec<u32>,
    /// Why it gave nothing at all.
    failure: Option<String>,
}

impl Run<'_> {
    fn walk(&mut self) {
        let nodes = self.plan.nodes();
        let cancel = self.options.cancel.clone();
        self.session.store.watch(Watch {
            stopped: Some(cancel.flag()),
            opened: Some(Box::new(move |handle| cancel.interrupts(handle))),
        });
        for (done, node) in nodes.iter().enumerate() {
            if self.session.done.contains_key(&node.id) {
                continue;
            }
            if self.options.cancel.is_stopped() {
                self.stopped(nodes.len() - done);
                return;
            }
            let cause = self.plan.inputs(node.id).iter().find_map(|input| self.failed.get(input).copied());
            match cause {
                // The records at hand are those that came; later steps work with them.
                Some(_) if matches!(node.op, Op::Pool) => {
                    self.short.push(node.id);
                }
                Some(cause) => {
                    self.skip(node, cause);
                    continue;
                }
                None => {}
            }
            (self.events)(Event::Started { node: node.id, done, total: nodes.len() });
            let start = Instant::now();
            let before = self.session.store.statistics();
            let evaluated = self.guarded(node);
            let seconds = start.elapsed().as_secs_f64();
            let after = self.session.store.statistics();
            self.results.profile.nodes.push(NodeTime {
                node: node.id,
                start: (start - self.start).as_secs_f64(),
                seconds,
                rows: evaluated.as_ref().ok().and_then(Value::rows),
                statements: after.statements - before.statements,
                database: (after.database - before.database).as_secs_f64(),
                rows_in: after.rows_in - before.rows_in,
            });
            match evaluated {
                Ok(value) => {
                    (self.events)(Event::Finished { node: node.id, rows: value.rows(), seconds });
                    if matches!(node.op, Op::Bind(_)) {
                        self.bound.insert(node.id);
                    }
                    self.session.done.insert(node.id, value);
                }
                Err(OpError::Store(StoreError::Interrupted)) if self.options.cancel.is_stopped() => {
                    self.stopped(nodes.len() - done);
                    return;
                }
                Err(error) => {
                    self.results.summary.failed += 1;
                    self.failed.insert(node.id, node.id);
                    self.tell(error.diagnostic(node.origin.span));
                }
            }
        }
    }

    /// Evaluates a node; a panic is that node's error.
    fn guarded(&mut self, node: &Node) -> Result<Value, OpError> {
        let value = catch_unwind(AssertUnwindSafe(|| self.evaluate(node))).unwrap_or_else(|panic| {
            Err(OpError::refused(
                Code::E0401,
                format!("a fault of this program in `{}`: {}", node.op.name(), panic_text(&*panic)),
                "please report it with the huntflow",
            ))
        });
        let slow = self.session.store.take_gave_up();
        if slow > 0 {
            let message =
                format!("a regular expression took too long on {slow} values, which were taken not to match");
            self.tell(Diagnostic::new(Code::W0009, message).at(node.origin.span));
        }
        value
    }

    /// Notes that a node cannot run, once for each step.
    fn skip(&mut self, node: &Node, cause: NodeId) {
        self.failed.insert(node.id, cause);
        let cause = self.plan.node(cause);
        if node.origin.step == cause.origin.step || !self.told.insert(node.origin.step) {
            return;
        }
        self.results.summary.skipped += 1;
        let code = self
            .results
            .diagnostics
            .iter()
            .rfind(|told| told.severity == Severity::Error && told.span == Some(cause.origin.span));
        let mut note = Diagnostic::new(
            code.map_or(Code::E0705, |told| told.code),
            "skipped, since a step that it needs failed",
        )
        .at(node.origin.span)
        .label(cause.origin.span, "this step failed");
        note.severity = Severity::Note;
        self.tell(note);
    }

    fn stopped(&mut self, left: usize) {
        self.results.summary.stopped = true;
        self.results.summary.skipped += left as u64;
        let why = if self.options.cancel.timed_out() { "its time limit is over" } else { "it was cancelled" };
        let message = format!("the run was stopped, since {why}; {left} operations were not run");
        self.tell(Diagnostic::new(Code::E0705, message).help("results made before are shown"));
    }

    fn tell(&mut self, diagnostic: Diagnostic) {
        (self.events)(Event::Told(&diagnostic));
        self.results.diagnostics.push(diagnostic);
    }

    fn show(&mut self, display: DisplayResult) {
        self.results.displays.push(display);
    }

    fn finish(mut self) -> Results {
        let start = Instant::now();
        gather::sources(&mut self);
        gather::variables(&mut self);
        self.results.profile.results = start.elapsed().as_secs_f64();
        self.results.profile.total = self.start.elapsed().as_secs_f64();
        // A later run asks again; its steps see what comes then.
        for pool in &self.short {
            self.session.done.remove(pool);
        }
        self.results
    }
}

/// Takes the addresses of the nodes still to run apart; returns the parts of each and all parts
/// in the order in which they are first needed.
#[allow(clippy::type_complexity, reason = "two results of one pass")]
fn addresses(
    plan: &Plan,
    reader: &dyn SourceReader,
    is_done: impl Fn(NodeId) -> bool,
) -> (BTreeMap<String, Result<Vec<String>, ReadFailure>>, Vec<String>) {
    let mut addresses: BTreeMap<String, Result<Vec<String>, ReadFailure>> = BTreeMap::new();
    let mut wanted: Vec<String> = Vec::new();
    for node in plan.nodes() {
        let source = match &node.op {
            Op::Fetch(fetch) => &fetch.source,
            Op::Expand(expand) => &expand.source,
            _ => continue,
        };
        if is_done(node.id) || addresses.contains_key(source) {
            continue;
        }
        let parts = reader.parts(source);
        for part in parts.iter().flatten() {
            if !wanted.contains(part) {
                wanted.push(part.clone());
            }
        }
        addresses.insert(source.clone(), parts);
    }
    (addresses, wanted)
}

/// Reads the clock, once a run.
#[expect(clippy::disallowed_methods, reason = "the instant of a run, unless the caller gives one")]
fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Returns what a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text =
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown".to_owned());
    kestrel_ir::text::visible(text.lines().next().unwrap_or_default())
}
