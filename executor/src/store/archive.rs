//! Everything that was loaded, as numbers in memory, column by column.
//!
//! Sources give far more than a hunt asks for. What they gave lies here: patterns are applied to
//! it by running over columns, references are followed by looking their targets up, and
//! attributes are merged by running over what the records at hand show. Nothing here is text,
//! and nothing is a map.

use std::collections::HashMap;

use ahash::RandomState;

use super::{ColumnId, NO_CODE, TypeId};

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// Entity of each object.
    pub(super) entities: Vec<u32>,
    /// Type of each object.
    types: Vec<TypeId>,
    /// Place of each object among those of its type.
    rows: Vec<u32>,
    /// References of all objects, and where those of each object end.
    links: Vec<Reference>,
    link_ends: Vec<u32>,
    /// Attributes in columns that their type has too many of, and where each object's end.
    cells: Vec<(ColumnId, u32)>,
    cell_ends: Vec<u32>,
    /// Objects of each type.
    typed: Vec<Vec<u32>>,
    /// For each column, the code or target of each object of its type; shorter when the last
    /// ones have none.
    columns: Vec<Vec<u32>>,
    /// Objects seen in all records, and where those of each record end.
    seen: Vec<u32>,
    seen_ends: Vec<u64>,
    /// What further records of one id brought to a record.
    united: HashMap<u32, Vec<u32>, RandomState>,
}

/// One reference of an object, in the order in which its source gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) column: ColumnId,
    pub(super) ord: u32,
    pub(super) target: u32,
}

impl Archive {
    /// Starts the next object; its attributes and references are to follow.
    pub(super) fn push_object(&mut self, entity: u32, entity_type: TypeId) {
        let number = self.entities.len() as u32;
        let at = entity_type.0 as usize;
        if self.typed.len() <= at {
            self.typed.resize_with(at + 1, Vec::new);
        }
        self.rows.push(self.typed[at].len() as u32);
        self.typed[at].push(number);
        self.entities.push(entity);
        self.types.push(entity_type);
        self.link_ends.push(self.links.len() as u32);
        self.cell_ends.push(self.cells.len() as u32);
    }

    /// Sets a column of the last object.
    pub(super) fn put(&mut self, column: ColumnId, code: u32) {
        let at = column.0 as usize;
        if self.columns.len() <= at {
            self.columns.resize_with(at + 1, Vec::new);
        }
        let row = self.rows.last().copied().unwrap_or(0) as usize;
        let column = &mut self.columns[at];
        column.resize(row, NO_CODE);
        column.push(code);
    }

    /// Sets a column of the last object that has no vector of its own.
    pub(super) fn put_cell(&mut self, column: ColumnId, code: u32) {
        self.cells.push((column, code));
        if let Some(end) = self.cell_ends.last_mut() {
            *end = self.cells.len() as u32;
        }
    }

    /// Adds a reference of the last object.
    pub(super) fn put_link(&mut self, reference: Reference) {
        self.links.push(reference);
        if let Some(end) = self.link_ends.last_mut() {
            *end = self.links.len() as u32;
        }
    }

    /// Returns true if another attribute and reference can be numbered.
    pub(super) fn has_room(&self) -> bool {
        self.links.len() < u32::MAX as usize / 2 && self.cells.len() < u32::MAX as usize / 2
    }

    /// Adds the next record with what is seen in it.
    pub(super) fn push_record(&mut self, objects: impl IntoIterator<Item = u32>) {
        self.seen.extend(objects);
        self.seen_ends.push(self.seen.len() as u64);
    }

    /// Adds what another record with the id of this one shows.
    pub(super) fn unite(&mut self, record: u32, objects: impl IntoIterator<Item = u32>) {
        self.united.entry(record).or_default().extend(objects);
    }

    /// Returns the bytes of memory that it takes, about.
    pub(super) fn bytes(&self) -> u64 {
        let columns: usize = self.columns.iter().chain(&self.typed).map(Vec::len).sum();
        let numbers =
            columns + self.seen.len() + self.entities.len() * 5 + self.links.len() * 3 + self.cells.len() * 2;
        (numbers * 4 + self.seen_ends.len() * 8) as u64
    }

    /// Returns the number of objects.
    pub(super) fn objects(&self) -> usize {
        self.entities.len()
    }

    /// Returns the type of an object.
    #[inline]
    pub(super) fn type_of(&self, object: u32) -> TypeId {
        self.types[object as usize]
    }

    /// Returns the place of an object among those of its type.
    #[inline]
    pub(super) fn row_of(&self, object: u32) -> usize {
        self.rows[object as usize] as usize
    }

    /// Returns the objects of a type.
    pub(super) fn of_type(&self, entity_type: TypeId) -> &[u32] {
        self.typed.get(entity_type.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Returns a column: one code or target for each object of its type, in order, perhaps none
    /// for the last ones.
    pub(super) fn column(&self, column: ColumnId) -> &[u32] {
        self.columns.get(column.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Returns what an object has in a column, [`NO_CODE`] for nothing.
    pub(super) fn code(&self, column: ColumnId, row: usize) -> u32 {
        self.column(column).get(row).copied().unwrap_or(NO_CODE)
    }

    /// Returns the references of an object.
    #[inline]
    pub(super) fn links(&self, object: u32) -> &[Reference] {
        &self.links[range(&self.link_ends, object)]
    }

    /// Returns the attributes of an object that are in no column.
    pub(super) fn cells(&self, object: u32) -> &[(ColumnId, u32)] {
        &self.cells[range(&self.cell_ends, object)]
    }

    /// Returns what is seen in a record, and what records with its id show besides; an object
    /// may be in both.
    #[inline]
    pub(super) fn seen(&self, record: u32) -> (&[u32], &[u32]) {
        let at = record as usize;
        let start = if at == 0 { 0 } else { self.seen_ends[at - 1] };
        let own = &self.seen[start as usize..self.seen_ends[at] as usize];
        let more = if self.united.is_empty() { None } else { self.united.get(&record) };
        (own, more.map_or(&[], Vec::as_slice))
    }

    /// Returns what is seen in a record, with the place of each object in it.
    pub(super) fn shown(&self, record: u32) -> impl Iterator<Item = (u32, u32)> + use<'_> {
        let (own, more) = self.seen(record);
        let ords = (0..own.len() as u32).chain((0..more.len() as u32).map(|at| LATER + at));
        own.iter().chain(more).copied().zip(ords)
    }
}

/// Objects that a united record brings later stand after those it had.
const LATER: u32 = 1 << 30;

fn range(ends: &[u32], at: u32) -> std::ops::Range<usize> {
    let at = at as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    start as usize..ends[at] as usize
}
