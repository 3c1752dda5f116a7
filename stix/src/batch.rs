//! Records in columnar form: what connectors hand to the store.
//!
//! Within a batch, equal attribute values are stored once, and equal objects are stored
//! once: an object is equal to another when type, attributes, references (compared by what
//! they lead to) and identity agree. A record is then a list of object numbers. Most objects
//! of real data (addresses, accounts, files, parent processes) occur in very many records, so
//! this is small, and everything later works on distinct objects.
//!
//! Batches are made by several threads at once; [`ObjectRow::content`] keys let the store unite
//! equal objects of different batches without comparing them attribute by attribute. The keys
//! depend on a secret (see [`seed_with`]), so a crafted bundle cannot make objects collide.

mod builder;
mod keys;
mod laid;
mod members;
mod shapes;
mod sighting;
mod values;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use uuid::Uuid;

pub use builder::{BatchBuilder, Form, Short};
pub use keys::{seed_with, value_hash};
pub use laid::{LaidOut, LaidReference, LaidSource, LaidText, LaidValue, Mark, Plan};
pub use shapes::Shape;
pub use values::Values;

use crate::{
    Timestamp, Value,
    record::{Defects, Object},
};

/// A run of records, in source order.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Entity types that occur.
    pub types: Vec<String>,
    /// Attributes and references that occur, by type, in order of first appearance.
    pub columns: Vec<Column>,
    /// Distinct attribute values.
    pub values: Values,
    /// Distinct objects; the objects an object refers to stand before it, except in cycles.
    pub objects: Vec<ObjectRow>,
    /// The attributes of all objects; see [`ObjectRow::cells`].
    pub cells: Vec<Cell>,
    /// The references of all objects; see [`ObjectRow::links`].
    pub links: Vec<Link>,
    /// The records.
    pub records: Vec<RecordRow>,
    /// The objects seen in all records, in document order; see [`RecordRow::seen`].
    pub seen: Vec<u32>,
    /// Objects that are in no record, but in the source (STIX 2.1).
    pub loose: Vec<u32>,
    /// What was repaired or skipped while reading.
    pub defects: Defects,
}

/// An attribute or reference of a type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    /// Index into [`Batch::types`].
    pub entity_type: u32,
    /// Flattened name, canonical spelling.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Values.
    Attribute,
    /// At most one reference an object (`…_ref`).
    Reference,
    /// Any number of references an object (`…_refs`).
    References,
}

/// One distinct object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectRow {
    /// Equal for equal objects only, across all batches made with the same secret (see
    /// [`seed_with`]): those of this process at least. Objects in reference
    /// cycles are compared together with the whole cycle.
    pub content: u128,
    /// The entity it is a sighting of: the UUID of its STIX id.
    pub entity: Uuid,
    /// Index into [`Batch::types`].
    pub entity_type: u32,
    /// Its attributes: start and count in [`Batch::cells`].
    pub cells: (u32, u32),
    /// Its references: start and count in [`Batch::links`].
    pub links: (u32, u32),
}

/// An attribute value of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Index into [`Batch::columns`].
    pub column: u32,
    /// Index into [`Batch::values`].
    pub value: u32,
}

/// A reference of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Index into [`Batch::columns`].
    pub column: u32,
    /// Place in the list, from 0; 0 for single references.
    pub ord: u32,
    /// Index into [`Batch::objects`].
    pub target: u32,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// Its id.
    pub id: String,
    /// Start, for logic.
    pub first: Option<Timestamp>,
    /// End, for logic.
    pub last: Option<Timestamp>,
    /// Start as given, when that is not [`Timestamp`]'s own spelling.
    pub first_text: Option<String>,
    /// End as given, when that is not [`Timestamp`]'s own spelling.
    pub last_text: Option<String>,
    /// Sightings it sums up, at least 1.
    pub number_observed: i64,
    /// Objects seen in it: start and count in [`Batch::seen`].
    pub seen: (u32, u32),
}

/// The batch grew past 2³² values, objects or bytes of text; take it and go on with a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch holds more than 2³² items")]
pub struct BatchFull;

/// A table hash from a content key.
fn fold(content: u128) -> u64 {
    (content ^ (content >> 64)) as u64
}

fn index(n: usize) -> Result<u32, BatchFull> {
    u32::try_from(n).map_err(|_| BatchFull)
}

impl Batch {
    /// Returns the attributes of an object.
    pub fn cells_of(&self, object: &ObjectRow) -> &[Cell] {
        &self.cells[object.cells.0 as usize..][..object.cells.1 as usize]
    }

    /// Returns the references of an object.
    pub fn links_of(&self, object: &ObjectRow) -> &[Link] {
        &self.links[object.links.0 as usize..][..object.links.1 as usize]
    }

    /// Returns the objects seen in a record, in document order.
    pub fn seen_in(&self, record: &RecordRow) -> &[u32] {
        &self.seen[record.seen.0 as usize..][..record.seen.1 as usize]
    }

    /// Returns an attribute of object `object` by its flattened name.
    pub fn attribute(&self, object: u32, name: &str) -> Option<Value> {
        let row = &self.objects[object as usize];
        self.cells_of(row)
            .iter()
            .find(|cell| self.columns[cell.column as usize].name == name)
            .map(|cell| self.values.get(cell.value).to_value())
    }
}

/// Makes one plain object, for tests and for rows from a huntflow.
pub fn object<'a>(key: &'a str, entity_type: &'a str, attributes: &'a [(&'a str, Value)]) -> Object<'a> {
    Object {
        key: key.into(),
        entity_type: entity_type.into(),
        id: None,
        seen: true,
        attributes: attributes.iter().map(|(name, value)| (Cow::Borrowed(*name), value.into())).collect(),
        references: Vec::new(),
    }
}
