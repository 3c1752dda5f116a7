//! How many entities, records and related records a variable has; when they were seen.

use kestrel_stix::{EntityType, TimeWindow};

use super::{EntitySet, Store, StoreError};

/// Source: entities specification 2.2, language specification 3.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Distinct entities; of groups, the rows.
    pub entities: u64,
    /// Sightings: the sum of `number_observed` over distinct pairs of entity and record; for
    /// entities without any record, the rows.
    pub records: u64,
}

impl Store {
    /// Counts entities and records.
    pub fn counts(&mut self, set: &EntitySet) -> Result<Counts, StoreError> {
        let _ = set;
        Err(StoreError::Full)
    }

    /// Counts, by type, the entities that came with the queries that returned entities of the
    /// set, sorted by the type's name; the set's own entities are subtracted from their type.
    /// Types that are 0 are left out. Source: entities specification 2.3.
    pub fn related(&mut self, set: &EntitySet) -> Result<Vec<(EntityType, u64)>, StoreError> {
        let _ = set;
        Err(StoreError::Full)
    }

    /// Returns from when to when the entities of a set were seen; open if they have no records
    /// with times.
    pub fn span(&mut self, set: &EntitySet) -> Result<TimeWindow, StoreError> {
        let _ = set;
        Err(StoreError::Full)
    }

    /// Returns a table `(ent, rec)` of the distinct pairs of an entity of the set and a real
    /// record that shows it, among the records of the set's world.
    pub fn sightings(&mut self, set: &EntitySet) -> Result<String, StoreError> {
        let _ = set;
        Err(StoreError::Full)
    }
}
