//! What a run tells while it runs, for progress and messages.

use kestrel_ir::{NodeId, diagnostic::Diagnostic};

/// One thing that happened. Events come from the thread that runs the plan, in order.
#[derive(Debug, Clone)]
pub enum Event<'e> {
    /// A source is being taken in.
    Reading {
        /// One part of an address.
        part: &'e str,
    },
    /// So many records of it have been taken in so far.
    Records {
        /// One part of an address.
        part: &'e str,
        /// Records.
        records: u64,
    },
    /// A source was read to its end.
    Read {
        /// One part of an address.
        part: &'e str,
        /// Records.
        records: u64,
        /// Wall time of reading it.
        seconds: f64,
    },
    /// An operation starts.
    Started {
        /// Its node.
        node: NodeId,
        /// How many operations ran or were skipped before.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// An operation ended.
    Finished {
        /// Its node.
        node: NodeId,
        /// Rows it gave, if it gives rows.
        rows: Option<u64>,
        /// Wall time.
        seconds: f64,
    },
    /// Nothing is shown, since the variable is empty.
    Empty {
        /// The variable.
        variable: &'e str,
    },
    /// An error, warning or note, as it will stand in the results.
    Told(&'e Diagnostic),
}
