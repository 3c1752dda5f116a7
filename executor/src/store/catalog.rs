//! Which types occurred, and which attributes and references their objects have.

use std::collections::HashMap;

use ahash::RandomState;
use kestrel_stix::{Step, attribute::AttributePath, schema};

/// A type that occurred, by order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// A column of any type, by order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(pub u32);

pub use kestrel_stix::batch::ColumnKind;

/// What objects have.
#[derive(Debug, Default)]
pub struct Catalog {
    types: Vec<TypeEntry>,
    columns: Vec<ColumnEntry>,
    /// How many of the types are known to operations: those of sources that were read to their
    /// end.
    declared: usize,
    type_index: HashMap<String, TypeId, RandomState>,
    column_index: HashMap<(TypeId, String, u8), ColumnId, RandomState>,
}

#[derive(Debug)]
struct TypeEntry {
    name: String,
    columns: Vec<ColumnId>,
    /// How many columns the first object of the type brought: `id` is shown after them.
    first: Option<usize>,
}

#[derive(Debug)]
struct ColumnEntry {
    entity_type: TypeId,
    name: String,
    kind: ColumnKind,
    /// For references: the types they lead to, in order of first appearance.
    targets: Vec<TypeId>,
    narrow: bool,
}

impl Catalog {
    /// Returns the type of this name.
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.type_index.get(name).copied()
    }

    /// Returns the name of a type.
    pub fn type_name(&self, entity_type: TypeId) -> &str {
        &self.types[entity_type.0 as usize].name
    }

    /// Returns every type, in order of first appearance.
    pub fn types(&self) -> impl Iterator<Item = TypeId> + use<> {
        (0..self.types.len() as u32).map(TypeId)
    }

    /// Returns the columns of a type, in order of first appearance.
    pub fn columns(&self, entity_type: TypeId) -> &[ColumnId] {
        &self.types[entity_type.0 as usize].columns
    }

    /// Returns how many of a type's columns its first object brought.
    pub fn first_columns(&self, entity_type: TypeId) -> usize {
        self.types[entity_type.0 as usize].first.unwrap_or(0)
    }

    /// Returns the flattened name of a column.
    pub fn name(&self, column: ColumnId) -> &str {
        &self.columns[column.0 as usize].name
    }

    /// Returns what a column holds.
    pub fn kind(&self, column: ColumnId) -> ColumnKind {
        self.columns[column.0 as usize].kind
    }

    /// Returns the type that has a column.
    pub fn owner(&self, column: ColumnId) -> TypeId {
        self.columns[column.0 as usize].entity_type
    }

    /// Returns the types that a reference leads to, in order of first appearance.
    pub fn targets(&self, column: ColumnId) -> &[TypeId] {
        &self.columns[column.0 as usize].targets
    }

    /// Returns the columns of a type that hold values.
    pub fn attributes(&self, entity_type: TypeId) -> impl Iterator<Item = ColumnId> + '_ {
        self.columns(entity_type).iter().copied().filter(|column| self.kind(*column) == ColumnKind::Attribute)
    }

    /// Returns the columns that a name written for a type may mean: canonical spelling and
    /// short names of extension attributes accepted.
    pub fn resolve(&self, entity_type: TypeId, written: &str) -> Vec<ColumnId> {
        let names = self.attributes(entity_type).map(|column| self.name(column));
        let found = schema::resolve_name(self.type_name(entity_type), written, names);
        let column = |name: &str| self.column_index.get(&(entity_type, name.to_owned(), 0)).copied();
        found.iter().filter_map(|name| column(name)).collect()
    }

    /// Finds the columns that steps without references lead to, and the steps that go on into
    /// their lists or dictionaries: the longest name that exists is taken.
    pub fn resolve_steps<'s>(
        &self,
        entity_type: TypeId,
        steps: &'s [Step],
    ) -> Option<(Vec<ColumnId>, &'s [Step])> {
        for length in (1..=steps.len()).rev() {
            let (name, rest) = steps.split_at(length);
            // `[*]` can only go into a list, so the name ends there.
            if name[..length - 1].iter().any(|step| step.any) {
                continue;
            }
            let plain: Vec<Step> =
                name.iter().map(|step| Step { key: step.key.clone(), any: false }).collect();
            let columns = self.resolve(entity_type, &AttributePath::text_of(&plain));
            if !columns.is_empty() {
                return Some((columns, rest));
            }
        }
        None
    }

    /// Returns the columns of a type that hold this reference: single, list, or both.
    pub fn references(&self, entity_type: TypeId, written: &str) -> Vec<ColumnId> {
        let name = schema::canonical_attribute(self.type_name(entity_type), written);
        let of_kind = |kind: u8| self.column_index.get(&(entity_type, name.to_owned(), kind)).copied();
        [of_kind(1), of_kind(2)].into_iter().flatten().collect()
    }

    /// Lets operations know all types that occurred so far.
    pub(super) fn declare(&mut self) {
        self.declared = self.types.len();
    }

    /// Returns true if operations know a type.
    pub(super) fn is_declared(&self, entity_type: TypeId) -> bool {
        (entity_type.0 as usize) < self.declared
    }

    pub(super) fn add_type(&mut self, name: &str) -> TypeId {
        if let Some(known) = self.type_id(name) {
            return known;
        }
        let id = TypeId(self.types.len() as u32);
        self.types.push(TypeEntry { name: name.to_owned(), columns: Vec::new(), first: None });
        self.type_index.insert(name.to_owned(), id);
        id
    }

    pub(super) fn add_column(&mut self, entity_type: TypeId, name: &str, kind: ColumnKind) -> ColumnId {
        let key = (entity_type, name.to_owned(), kind_number(kind));
        if let Some(known) = self.column_index.get(&key) {
            return *known;
        }
        let id = ColumnId(self.columns.len() as u32);
        let narrow = self.types[entity_type.0 as usize].columns.len() >= WIDEST;
        self.columns.push(ColumnEntry {
            entity_type,
            name: name.to_owned(),
            kind,
            targets: Vec::new(),
            narrow,
        });
        self.types[entity_type.0 as usize].columns.push(id);
        self.column_index.insert(key, id);
        id
    }

    /// Notes that the first object of a type is complete.
    pub(super) fn note_first(&mut self, entity_type: TypeId) {
        let entry = &mut self.types[entity_type.0 as usize];
        let width = entry.columns.len();
        entry.first.get_or_insert(width);
    }

    pub(super) fn add_target(&mut self, column: ColumnId, target: TypeId) {
        let targets = &mut self.columns[column.0 as usize].targets;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }

    /// Returns true for columns that are no columns of the archive but kept with each object,
    /// since their type has too many.
    pub fn is_narrow(&self, column: ColumnId) -> bool {
        self.columns[column.0 as usize].narrow
    }
}

/// So many columns of a type are columns of the archive; further ones are kept with each object.
const WIDEST: usize = 1000;

fn kind_number(kind: ColumnKind) -> u8 {
    match kind {
        ColumnKind::Attribute => 0,
        ColumnKind::Reference => 1,
        ColumnKind::References => 2,
    }
}
