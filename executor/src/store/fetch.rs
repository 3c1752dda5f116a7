//! Queries of data sources over what was loaded from them, and the entities they match.

use kestrel_stix::{EntityType, TimeWindow, pattern::Pattern};

use super::{EntitySet, Pool, SourceId, Store, StoreError};

/// One query of a data source.
#[derive(Debug, Clone)]
pub struct FetchRequest<'a> {
    /// The loaded sources of the address, in the order of its parts.
    pub sources: &'a [SourceId],
    /// The type whose tests are the centre.
    pub entity_type: &'a EntityType,
    /// What records must match, references replaced by values; none takes every record that
    /// has an object of the type.
    pub pattern: Option<&'a Pattern>,
    /// When.
    pub window: TimeWindow,
    /// At most so many records, in the order of the sources.
    pub limit: Option<u64>,
}

/// What a query of a data source returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryResult {
    /// Its number in the session; its records are in table `query`.
    pub query: u32,
    /// The table of what the centre matched: `rec`, `obj`.
    pub hits: String,
    /// The type of these objects.
    pub entity_type: EntityType,
    /// Number of records.
    pub records: u64,
}

impl Store {
    /// Finds the records that match, and in them the objects that the centre matched.
    pub fn fetch(&mut self, request: &FetchRequest<'_>) -> Result<QueryResult, StoreError> {
        let _ = request;
        Err(StoreError::Full)
    }

    /// Returns the entities that a query's centre matched, in the order of their first
    /// appearance in it. They are seen in the query's records only.
    pub fn select(&mut self, result: &QueryResult) -> Result<EntitySet, StoreError> {
        let _ = result;
        Err(StoreError::Full)
    }

    /// Makes the pool after `previous` that also holds the records of these queries.
    pub fn pool(&mut self, previous: Option<Pool>, brought: &[&QueryResult]) -> Result<Pool, StoreError> {
        let _ = (previous, brought);
        Err(StoreError::Full)
    }

    /// Puts entities together: each once, with the attributes that the pool's records show,
    /// by first appearance (earliest `first_observed`, then record, then object).
    pub fn assemble(&mut self, entities: &EntitySet, pool: Pool) -> Result<EntitySet, StoreError> {
        let _ = (entities, pool);
        Err(StoreError::Full)
    }
}
