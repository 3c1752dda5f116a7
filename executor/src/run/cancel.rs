//! Stopping a run: by its user, or when its time is over.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use duckdb::InterruptHandle;

/// A token that all parts of a run look at. Clones are the same token.
#[derive(Clone, Default)]
pub struct Cancel {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    stopped: Arc<AtomicBool>,
    timed_out: AtomicBool,
    /// Queries of the database to interrupt.
    interrupts: Mutex<Vec<Arc<InterruptHandle>>>,
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cancel").field("stopped", &self.is_stopped()).finish()
    }
}

impl Cancel {
    /// Makes a token that nothing has stopped.
    pub fn new() -> Self {
        Cancel::default()
    }

    /// Stops the run: no further operation starts, the running ones end early.
    pub fn stop(&self) {
        self.inner.stopped.store(true, Ordering::SeqCst);
        for handle in lock(&self.inner.interrupts).iter() {
            handle.interrupt();
        }
    }

    /// Returns true once the run is to stop.
    pub fn is_stopped(&self) -> bool {
        self.inner.stopped.load(Ordering::SeqCst)
    }

    /// Returns the flag behind [`Cancel::is_stopped`], for readers of data sources.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.inner.stopped.clone()
    }

    /// Returns true if it was the time limit that stopped the run.
    pub fn timed_out(&self) -> bool {
        self.inner.timed_out.load(Ordering::SeqCst)
    }

    /// Has the queries of a database interrupted when the run is stopped.
    pub(crate) fn interrupts(&self, handle: Arc<InterruptHandle>) {
        lock(&self.inner.interrupts).push(handle);
        if self.is_stopped() {
            self.stop();
        }
    }

    /// Forgets the databases.
    pub(crate) fn release(&self) {
        lock(&self.inner.interrupts).clear();
    }
}

/// Locks, also after a panic elsewhere: the data are whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops a run when its time is over.
pub(super) struct Deadline {
    done: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Deadline {
    /// Watches the clock until dropped; does nothing without a limit.
    pub(super) fn start(limit: Option<Duration>, cancel: &Cancel) -> Self {
        let done = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = limit.and_then(|limit| {
            let (done, cancel) = (done.clone(), cancel.clone());
            let watch = move || {
                let until = Instant::now() + limit;
                let mut finished = lock(&done.0);
                while !*finished {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        cancel.inner.timed_out.store(true, Ordering::SeqCst);
                        cancel.stop();
                        return;
                    }
                    finished = done.1.wait_timeout(finished, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            };
            std::thread::Builder::new().name("deadline".to_owned()).spawn(watch).ok()
        });
        Deadline { done, thread }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        *lock(&self.done.0) = true;
        self.done.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A watcher that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_stops_and_ends_with_the_run() {
        let cancel = Cancel::new();
        let deadline = Deadline::start(Some(Duration::from_millis(5)), &cancel);
        while !cancel.is_stopped() {
            std::thread::yield_now();
        }
        assert!(cancel.timed_out());
        drop(deadline);
        let cancel = Cancel::new();
        drop(Deadline::start(Some(Duration::from_secs(3600)), &cancel));
        assert!(!cancel.is_stopped());
    }
}
