//! Taking in batches of records.

use kestrel_stix::{batch::Batch, record::Defects};

use super::{SourceId, Store, StoreError};

/// What was taken in from one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Records of the source.
    pub records: u64,
    /// Appearances in them.
    pub appearances: u64,
    /// What was repaired or skipped: what readers counted, and records with one id.
    pub defects: Defects,
}

#[derive(Debug, Default)]
pub(super) struct Ingest {}

impl Store {
    /// Starts a source; its batches are to follow in source order, without those of another.
    pub fn begin_source(&mut self) -> Result<SourceId, StoreError> {
        Err(StoreError::Full)
    }

    /// Takes in the next batch of a source.
    pub fn ingest(&mut self, source: SourceId, batch: &Batch) -> Result<(), StoreError> {
        let _ = (source, batch);
        Err(StoreError::Full)
    }

    /// Ends a source: everything it gave can be asked for. A source that failed is never
    /// ended; begin another one.
    pub fn finish_source(&mut self, source: SourceId) -> Result<Loaded, StoreError> {
        let _ = source;
        Err(StoreError::Full)
    }
}
