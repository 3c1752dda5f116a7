//! Entities written in a huntflow or read from a file.

use kestrel_stix::{AttributePath, EntityType, Value};

use super::{EntitySet, Store, StoreError};

impl Store {
    /// Makes entities of rows: one value, or none, for each column. Dotted columns such as
    /// `src_ref.value` make the entities they are about. Each row has a record of its own that
    /// counts as none. Shown columns are those given, in order.
    /// Source: entities specification 8.1.
    pub fn literal(
        &mut self,
        entity_type: &EntityType,
        columns: &[AttributePath],
        rows: &[Vec<Option<Value>>],
    ) -> Result<EntitySet, StoreError> {
        let _ = (entity_type, columns, rows);
        Err(StoreError::Full)
    }
}
