//! Asking a source again for all records about some entities.

use kestrel_ir::op::SameProcess;
use kestrel_stix::{AttributePath, EntityType, TimeWindow, pattern::Pattern};

use super::{EntitySet, QueryResult, SourceId, Store, StoreError};

/// See [`Store::expand`].
#[derive(Debug, Clone)]
pub struct ExpandRequest<'a> {
    /// The loaded sources of the address, in the order of its parts.
    pub sources: &'a [SourceId],
    /// The type of the entities.
    pub entity_type: &'a EntityType,
    /// Candidates for the attribute asked for.
    pub id_attributes: &'a [AttributePath],
    /// Nothing is asked if this is the attribute used.
    pub unless: Option<&'a AttributePath>,
    /// What the records must match besides, references replaced by values.
    pub pattern: Option<&'a Pattern>,
    /// When.
    pub window: TimeWindow,
    /// At most so many records.
    pub limit: Option<u64>,
    /// Which sightings with an equal process number are the same process.
    pub same_process: Option<SameProcess>,
}

/// What [`Store::expand`] gives.
#[derive(Debug, Clone)]
pub struct Expanded {
    /// The entities, those that came back among them.
    pub entities: EntitySet,
    /// The query, if one was made.
    pub query: Option<QueryResult>,
    /// The attribute that was asked for, if the entities have any.
    pub attribute: Option<AttributePath>,
    /// How many different values of it were asked for.
    pub values: u64,
}

impl Store {
    /// Asks again for all records that show these entities, and adds the entities in them that
    /// are the same. Nothing is asked if there are no entities, if none has an id attribute, or
    /// if `unless` says so. Source: entities specification 6.
    pub fn expand(&mut self, entities: &EntitySet, request: &ExpandRequest<'_>) -> Result<Expanded, StoreError> {
        let _ = (entities, request);
        Err(StoreError::Full)
    }
}
