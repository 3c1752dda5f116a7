//! Stopping the store from outside.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use duckdb::InterruptHandle;

use super::{Store, StoreError};

/// So many things are looked at before the next look at whether to go on.
pub(super) const MANY: usize = 1 << 14;

/// What a run wants of the store it works with.
#[derive(Default)]
pub struct Watch {
    /// Set when work is to end early.
    pub stopped: Option<Arc<AtomicBool>>,
    /// Told the handle that interrupts the database, once it is open.
    pub opened: Option<Box<dyn Fn(Arc<InterruptHandle>) + Send>>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("stopped", &self.stopped).finish_non_exhaustive()
    }
}

impl Store {
    /// Has the store watched from now on, in the place of whoever watched before.
    pub fn watch(&mut self, watch: Watch) {
        self.watch = watch;
        self.tell_opened();
    }

    /// Tells the watcher of the database, if it is open.
    pub(super) fn tell_opened(&self) {
        if let (Some(database), Some(opened)) = (&self.database, &self.watch.opened) {
            opened(database.connection.interrupt_handle());
        }
    }

    /// Fails when work is to end early.
    pub(super) fn go_on(&self) -> Result<(), StoreError> {
        match &self.watch.stopped {
            Some(stopped) if stopped.load(Ordering::Relaxed) => Err(StoreError::Interrupted),
            _ => Ok(()),
        }
    }
}
