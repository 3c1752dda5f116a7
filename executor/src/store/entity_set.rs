//! What variables hold: rows over entities, and the records they are seen in.

use std::sync::Arc;

use kestrel_ir::plan::Rows;
use kestrel_stix::{AttributePath, EntityType};

/// Which records a node of the plan sees. Attributes of entities are merged over them only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// The pool whose records are seen, if any, with those of the pools before it.
    pub pool: Option<Pool>,
    /// Queries whose records are seen besides, before a pool holds them.
    pub queries: Vec<u32>,
    /// Groups of records made from rows of a huntflow or a file; see
    /// [`SourceId`](super::SourceId).
    pub synthetic: Vec<super::SourceId>,
}

impl World {
    /// Returns the world of a pool.
    pub fn of(pool: Pool) -> Self {
        World { pool: Some(pool), ..World::default() }
    }

    /// Returns the world that sees what either sees. Pools are steps of one chain, so the later
    /// one holds the records of the earlier.
    #[must_use]
    pub fn union(&self, other: &World) -> World {
        let merge = |a: &[u32], b: &[u32]| {
            let mut all = [a, b].concat();
            all.sort_unstable();
            all.dedup();
            all
        };
        let mut synthetic = [self.synthetic.as_slice(), other.synthetic.as_slice()].concat();
        synthetic.sort_unstable();
        synthetic.dedup();
        World { pool: self.pool.max(other.pool), queries: merge(&self.queries, &other.queries), synthetic }
    }
}

/// The records at hand after a step, by number; see
/// [`Store::pool`](super::Store::pool).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pool(pub u32);

/// The rows a node gives.
///
/// For the database, the rows are a table (see [`Store::table`](super::Store::table)) with the
/// columns `pos UINTEGER` (0, 1, 2 …, the order of the rows), `ent UINTEGER` (null for groups),
/// `rec UINTEGER` (the record, for appearances only) and one `UINTEGER` column of codes for each
/// entry of `extra`.
#[derive(Debug, Clone)]
pub struct EntitySet {
    /// The table's name, of no other set; it may not have been made yet. Tables are never changed
    /// once made.
    pub(crate) name: String,
    /// The type of the entities; of groups, that of the entities that were grouped.
    pub entity_type: EntityType,
    /// What a row is.
    pub rows: Rows,
    /// The records whose attribute values count.
    pub world: World,
    /// Columns that override or add to the entities' attributes: attribute and column name.
    /// Where such a column is null, the attribute's value from the records holds.
    pub extra: Vec<(AttributePath, String)>,
    /// The only visible columns, in order; none when all that have a value are visible.
    pub shown: Option<Vec<AttributePath>>,
    /// Columns that transformers put in front; always visible.
    pub front: Vec<AttributePath>,
    /// Number of rows.
    pub count: u64,
    /// The entities, in the order of the rows, where they are at hand.
    pub(crate) members: Option<Arc<[u32]>>,
}

impl EntitySet {
    /// Returns the column that holds an attribute's override.
    pub fn extra_column(&self, path: &AttributePath) -> Option<&str> {
        self.extra.iter().find(|(known, _)| known == path).map(|(_, column)| column.as_str())
    }

    /// Returns true if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
