//! A thread that examines hunts while the next key is awaited. A newer state takes the place of an
//! older one that has not been begun, and examining stops between its stages when it is outdated.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use kestrel_stix::Timestamp;

use super::{Settings, documents::Examined};
use crate::{editor::Analysis, lints};

/// A hunt to examine.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its address.
    pub uri: String,
    /// Its state.
    pub state: i64,
    /// Its texts.
    pub texts: Vec<Arc<str>>,
    /// What holds for it.
    pub settings: Arc<Settings>,
    /// The present, for lints about time.
    pub now: Option<Timestamp>,
}

/// Hands hunts to the checker's thread.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Hunts that wait, in order.
    waiting: Vec<Job>,
    /// The newest known state of each hunt.
    newest: HashMap<String, i64>,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic elsewhere leaves plain data that is still right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a hunt has changed: what is being done for older states of it is in vain.
    pub fn outdate(&self, uri: &str, state: i64) {
        self.lock().newest.insert(uri.to_owned(), state);
    }

    /// Forgets a hunt that was closed.
    pub fn forget(&self, uri: &str) {
        let mut state = self.lock();
        state.waiting.retain(|job| job.uri != uri);
        state.newest.remove(uri);
    }

    /// Adds a hunt; an older state of it that waits is replaced.
    pub fn push(&self, job: Job) {
        let mut state = self.lock();
        state.newest.insert(job.uri.clone(), job.state);
        match state.waiting.iter_mut().find(|waiting| waiting.uri == job.uri) {
            Some(waiting) => *waiting = job,
            None => state.waiting.push(job),
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if !state.waiting.is_empty() {
                return Some(state.waiting.remove(0));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_current(&self, job: &Job) -> bool {
        let state = self.lock();
        !state.closed && state.newest.get(&job.uri) == Some(&job.state)
    }
}

/// Examines hunts from the queue until it is closed; `done` gets what is still wanted.
pub fn run(queue: &Queue, mut done: impl FnMut(String, Arc<Examined>)) {
    while let Some(job) = queue.next() {
        if let Some(examined) = examine(&job, || queue.is_current(&job)) {
            done(job.uri, Arc::new(examined));
        }
    }
}

/// Examines a hunt; none as soon as it is no longer wanted.
pub fn examine(job: &Job, wanted: impl Fn() -> bool) -> Option<Examined> {
    let texts = job.texts.iter().map(|text| &**text);
    let analysis = wanted().then(|| Analysis::new(texts, job.settings.config.clone()))?;
    let settings = &job.settings;
    let findings = wanted()
        .then(|| lints::check(&analysis.hunt, &settings.config, &settings.selection, job.now))
        .filter(|_| wanted())?;
    Some(Examined { state: job.state, texts: job.texts.clone(), analysis, findings: Some(findings) })
}
