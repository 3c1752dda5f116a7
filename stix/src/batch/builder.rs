//! Makes batches from records: numbers types, columns and values, and puts objects together.

use std::borrow::Cow;

use hashbrown::HashTable;
use uuid::Uuid;

use super::{
    Batch, BatchFull, Cell, Column, ColumnKind, Link, ObjectRow, RecordRow, fold, index,
    keys::{Content, table_hasher, value_hash},
    laid::{LaidObject, LaidOut, LaidSource, Plan, PlanRow},
    members::{Members, Source},
    shapes::{NONE, Shape, Shapes},
};
use crate::record::{Defects, Moment, Object, Record, ValueRef};

/// Makes batches from records. One builder a thread.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    pub(super) batch: Batch,
    pub(super) shapes: Shapes,
    pub(super) members: Members,
    pub(super) scratch: Scratch,
    pub(super) plans: Vec<PlanRow>,
    columns: Columns,
    value_index: HashTable<u32>,
    object_index: HashTable<u32>,
    shapes_of_members: Vec<Shape>,
    /// For each object of the batch, the number of the last run that saw it, from 1.
    seen_by: Vec<u32>,
    /// How many runs of seen objects there are so far.
    runs: u32,
}

/// Working memory, kept to save allocations.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) content: Content,
    pub(super) json: String,
    /// What makes the entity where the record decides.
    pub(super) sighting: String,
    /// Entity of each member that is in a cycle or leads to one.
    pub(super) entities: Vec<Uuid>,
    /// The link that the object has in a column.
    by_column: hashbrown::HashMap<u32, usize, ahash::RandomState>,
}

/// A member of a record that is not written out as an [`Object`].
#[derive(Debug, Clone, Copy)]
pub struct Short<'a> {
    /// Its place among all members of the record, from 0.
    pub at: usize,
    /// Its key in this record.
    pub key: &'a str,
    /// What is known of it.
    pub form: Form,
}

/// What is known of an object that is not written out.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// It was written the same way before, in the same batch.
    Again(Shape),
    /// It has the members of a plan; its number in the [`LaidSource`].
    Laid(u32),
}

impl BatchBuilder {
    /// Makes an empty builder.
    pub fn new() -> Self {
        BatchBuilder::default()
    }

    /// Returns the number of records so far.
    pub fn records(&self) -> usize {
        self.batch.records.len()
    }

    /// Returns the bytes of distinct text so far: a measure of the batch's size.
    pub fn text_bytes(&self) -> usize {
        self.batch.values.text_bytes()
    }

    /// Returns the defects counted so far, for the reader to add to.
    pub fn defects(&mut self) -> &mut Defects {
        &mut self.batch.defects
    }

    /// Returns the finished batch and starts a new one. Shapes of this one are forgotten.
    pub fn take(&mut self) -> Batch {
        self.shapes.clear();
        self.columns.clear();
        self.value_index.clear();
        self.object_index.clear();
        self.seen_by.clear();
        self.runs = 0;
        self.plans.iter_mut().for_each(PlanRow::leave_batch);
        // The next one will be about as large.
        let next = Batch {
            objects: Vec::with_capacity(self.batch.objects.len()),
            cells: Vec::with_capacity(self.batch.cells.len()),
            links: Vec::with_capacity(self.batch.links.len()),
            records: Vec::with_capacity(self.batch.records.len()),
            seen: Vec::with_capacity(self.batch.seen.len()),
            values: self.batch.values.empty_alike(),
            ..Batch::default()
        };
        std::mem::replace(&mut self.batch, next)
    }

    /// Makes a plan for objects that have these attributes and references (true for lists), in
    /// this order and no others. It is of use to this builder only, in this and all later
    /// batches. None when a name is given twice.
    pub fn plan(
        &mut self,
        entity_type: &str,
        attributes: &[&str],
        references: &[(&str, bool)],
    ) -> Option<Plan> {
        let number = index(self.plans.len()).ok()?;
        let names = self.shapes.names_key(entity_type, None, attributes.iter().copied());
        self.plans.push(PlanRow::new(entity_type, attributes, references, names)?);
        Some(Plan(number))
    }

    /// Forgets all plans; for a builder whose batch was just taken.
    pub fn forget_plans(&mut self) {
        self.plans.clear();
    }

    /// Adds a record. References to missing objects and to the object itself are dropped and
    /// counted; `place` says where the record is in its source.
    pub fn record(&mut self, record: &Record<'_>, place: impl Fn() -> String) -> Result<(), BatchFull> {
        let none = LaidOut::default();
        self.record_with(record, &[], LaidSource { out: &none, record: "" }, place)
    }

    /// Adds a record of which some objects, `short`, are not written out; they are in order.
    /// [`Record::objects`] are the others. The result is that of [`Self::record`] with all of
    /// them in place.
    pub fn record_with(
        &mut self,
        record: &Record<'_>,
        short: &[Short<'_>],
        laid: LaidSource<'_>,
        place: impl Fn() -> String,
    ) -> Result<(), BatchFull> {
        let start = self.batch.seen.len();
        let source = Source { record, short, laid };
        self.add(source, &place)?;
        self.push_seen(source, false);
        let text = |moment: &Option<Moment<'_>>| {
            moment
                .as_ref()
                .filter(|moment| !moment.at.is_spelled(&moment.text))
                .map(|moment| moment.text.to_string())
        };
        let first_text = text(&record.first_observed);
        // Most records are of one moment.
        let last_text = if record.first_observed == record.last_observed {
            first_text.clone()
        } else {
            text(&record.last_observed)
        };
        let row = RecordRow {
            id: record.id.to_string(),
            first: record.first_observed.as_ref().map(|moment| moment.at),
            last: record.last_observed.as_ref().map(|moment| moment.at),
            first_text,
            last_text,
            number_observed: record.number_observed.max(1),
            seen: (index(start)?, index(self.batch.seen.len() - start)?),
        };
        self.batch.records.push(row);
        Ok(())
    }

    /// Adds objects that are in no record; `group` is a record only in form.
    pub fn loose(&mut self, group: &Record<'_>, place: impl Fn() -> String) -> Result<(), BatchFull> {
        let none = LaidOut::default();
        let source = Source { record: group, short: &[], laid: LaidSource { out: &none, record: "" } };
        self.add(source, &place)?;
        self.push_seen(source, true);
        Ok(())
    }

    /// Returns the shapes of all members of the record that was added last, in order. They
    /// hold until the batch is taken.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes_of_members
    }

    /// Numbers every object of the record, adding those that the batch does not have yet.
    fn add(&mut self, source: Source<'_, '_>, place: &impl Fn() -> String) -> Result<(), BatchFull> {
        let Source { record, short, laid } = source;
        let count = record.objects.len() + short.len();
        index(count)?;
        self.members.clear();
        self.shapes_of_members.clear();
        let (mut objects, mut shorts) = (0, 0);
        for n in 0..count {
            let next = short.get(shorts).filter(|next| next.at == n || objects == record.objects.len());
            let shape = match next {
                Some(next) => {
                    let shape = match next.form {
                        Form::Again(shape) => shape.0,
                        Form::Laid(number) => {
                            let object = laid.object(number);
                            let plan = &mut self.plans[object.plan.0 as usize];
                            self.shapes.add_laid(plan, object, &laid)?
                        }
                    };
                    self.members.push(shape, shorts, true);
                    shorts += 1;
                    shape
                }
                None => {
                    let shape = self.shapes.intern(&record.objects[objects])?;
                    self.members.push(shape, objects, false);
                    objects += 1;
                    shape
                }
            };
            self.shapes_of_members.push(Shape(shape));
        }
        self.members.resolve(source, &self.shapes, &mut self.batch.defects, place);
        self.number_members(source)
    }

    /// Appends the numbers of the seen objects of a record, each once, in document order.
    fn push_seen(&mut self, source: Source<'_, '_>, loose: bool) {
        if self.runs == u32::MAX {
            self.seen_by.fill(0);
            self.runs = 0;
        }
        self.runs += 1;
        self.seen_by.resize(self.batch.objects.len(), 0);
        let seen = if loose { &mut self.batch.loose } else { &mut self.batch.seen };
        for (n, member) in self.members.list.iter().enumerate() {
            let seen_by = &mut self.seen_by[member.number as usize];
            if *seen_by != self.runs && self.members.is_seen(source, n) {
                *seen_by = self.runs;
                seen.push(member.number);
            }
        }
    }

    pub(super) fn known_object(&self, content: u128) -> Option<u32> {
        let objects = &self.batch.objects;
        self.object_index.find(fold(content), |known| objects[*known as usize].content == content).copied()
    }

    /// Adds an object with the attributes and references of member `n`; its targets must have
    /// been numbered.
    pub(super) fn push_object(
        &mut self,
        source: Source<'_, '_>,
        n: usize,
        content: u128,
        entity: Uuid,
    ) -> Result<u32, BatchFull> {
        let shape = self.members.list[n].shape;
        let entity_type = self.entity_type(shape)?;
        let start = self.batch.cells.len();
        match (self.shapes.rows[shape as usize].cells, self.members.object(source, n)) {
            (Some((known, count)), _) => {
                let known = known as usize;
                self.batch.cells.extend_from_within(known..known + count as usize);
            }
            (None, Some(object)) => self.push_cells(shape, entity_type, object)?,
            (None, None) => {
                // A repeated shape stands in the batch.
                if let Some(object) = self.members.laid(source, n) {
                    self.push_cells_laid(entity_type, object, &source.laid)?;
                }
            }
        }
        let cells = (index(start)?, index(self.batch.cells.len() - start)?);
        self.shapes.rows[shape as usize].cells = Some(cells);
        let links = self.batch.links.len();
        self.push_links(source, n, entity_type)?;
        let number =
            index(self.batch.objects.len()).ok().filter(|number| *number != NONE).ok_or(BatchFull)?;
        self.batch.objects.push(ObjectRow {
            content,
            entity,
            entity_type,
            cells,
            links: (index(links)?, index(self.batch.links.len() - links)?),
        });
        let objects = &self.batch.objects;
        self.object_index
            .insert_unique(fold(content), number, |known| fold(objects[*known as usize].content));
        Ok(number)
    }

    fn push_cells(&mut self, shape: u32, entity_type: u32, object: &Object<'_>) -> Result<(), BatchFull> {
        let start = self.batch.cells.len();
        let kind = self.shapes.rows[shape as usize].kind as usize;
        let mut last = None;
        let mut twice = false;
        self.scratch.by_column.clear();
        let many = object.attributes.len() > 32;
        for (name, value) in &object.attributes {
            let hint = match last {
                None => self.shapes.kinds[kind].first_column,
                Some(last) => *self.columns.next_of(last),
            };
            let column =
                self.columns.find(&mut self.batch.columns, hint, entity_type, name, ColumnKind::Attribute)?;
            match last {
                None => self.shapes.kinds[kind].first_column = column,
                Some(last) => *self.columns.next_of(last) = column,
            }
            last = Some(column);
            let value = self.value(value)?;
            // The last one wins when a property is given twice.
            let next = self.batch.cells.len();
            let place = if many {
                let place = *self.scratch.by_column.entry(column).or_insert(next);
                (place < next).then_some(place)
            } else {
                let cells = &self.batch.cells[start..];
                cells.iter().position(|cell| cell.column == column).map(|at| start + at)
            };
            match place {
                Some(place) => {
                    self.batch.cells[place].value = value;
                    twice = true;
                }
                None => self.batch.cells.push(Cell { column, value }),
            }
        }
        if twice {
            self.shapes.rest[shape as usize].irregular = Some(Box::new(owned(object)));
        }
        Ok(())
    }

    fn push_cells_laid(
        &mut self,
        entity_type: u32,
        object: &LaidObject,
        source: &LaidSource<'_>,
    ) -> Result<(), BatchFull> {
        let plan = object.plan.0 as usize;
        let values = source.values(object, &self.plans[plan]);
        for (at, value) in values.iter().enumerate() {
            let row = &mut self.plans[plan];
            let (column, last) = &mut row.columns[at];
            if *column == NONE {
                let (columns, name) = (&mut self.batch.columns, &row.attributes[at]);
                *column = self.columns.find(columns, NONE, entity_type, name, ColumnKind::Attribute)?;
            }
            let column = *column;
            let value = source.value(*value);
            // Many attributes are the same in object after object.
            let number = if *last != NONE && self.batch.values.get(*last) == value {
                *last
            } else {
                let number = self.value(&value)?;
                self.plans[plan].columns[at].1 = number;
                number
            };
            self.batch.cells.push(Cell { column, value: number });
        }
        Ok(())
    }

    fn push_links(&mut self, source: Source<'_, '_>, n: usize, entity_type: u32) -> Result<(), BatchFull> {
        let shape = self.members.list[n].shape;
        let start = self.batch.links.len();
        let many = self.members.targets_of(n).len() > 32;
        self.scratch.by_column.clear();
        for at in 0..self.members.targets_of(n).len() {
            let target = self.members.targets_of(n)[at];
            if target == NONE {
                continue;
            }
            let target = self.members.list[target as usize].number;
            let reference = self.shapes.references_of(shape)[at];
            let kind = if reference.list { ColumnKind::References } else { ColumnKind::Reference };
            let mut column = reference.column;
            if column == NONE {
                let name = self.shapes.name(&reference);
                column = self.columns.find(&mut self.batch.columns, NONE, entity_type, name, kind)?;
                self.shapes.references_of_mut(shape)[at].column = column;
                if let Some(object) = self.members.laid(source, n) {
                    let reference = source.laid.references(object)[at].reference;
                    self.plans[object.plan.0 as usize].references[reference as usize].column = column;
                }
            }
            let next = self.batch.links.len();
            let last = if many {
                self.scratch.by_column.insert(column, next)
            } else {
                let links = &self.batch.links[start..];
                links.iter().rposition(|link| link.column == column).map(|at| start + at)
            };
            let ord = match last {
                Some(last) if kind == ColumnKind::Reference => {
                    self.batch.links[last].target = target;
                    if many {
                        self.scratch.by_column.insert(column, last);
                    }
                    continue;
                }
                Some(last) => self.batch.links[last].ord.checked_add(1).ok_or(BatchFull)?,
                None => 0,
            };
            self.batch.links.push(Link { column, ord, target });
        }
        Ok(())
    }

    fn entity_type(&mut self, shape: u32) -> Result<u32, BatchFull> {
        let kind = &mut self.shapes.kinds[self.shapes.rows[shape as usize].kind as usize];
        if kind.number == NONE {
            kind.number = index(self.batch.types.len())?;
            self.batch.types.push(kind.name.clone());
        }
        Ok(kind.number)
    }

    fn value(&mut self, value: &ValueRef<'_>) -> Result<u32, BatchFull> {
        let hash = value_hash(value);
        let values = &mut self.batch.values;
        let is_it = |known: &u32| values.hash(*known) == hash && values.get(*known) == *value;
        if let Some(known) = self.value_index.find(hash, is_it) {
            return Ok(*known);
        }
        let number = values.push(hash, value).ok_or(BatchFull)?;
        self.value_index.insert_unique(hash, number, |known| values.hash(*known));
        Ok(number)
    }
}

/// Numbers columns.
#[derive(Debug, Default)]
struct Columns {
    index: HashTable<u32>,
    /// For each column, the one that came after it last: objects of a type look alike.
    next: Vec<u32>,
}

impl Columns {
    fn clear(&mut self) {
        self.index.clear();
        self.next.clear();
    }

    fn next_of(&mut self, column: u32) -> &mut u32 {
        let column = column as usize;
        if self.next.len() <= column {
            self.next.resize(column + 1, NONE);
        }
        &mut self.next[column]
    }

    /// Returns the number of a column, adding it if it is new; `hint` is looked at first.
    fn find(
        &mut self,
        columns: &mut Vec<Column>,
        hint: u32,
        entity_type: u32,
        name: &str,
        kind: ColumnKind,
    ) -> Result<u32, BatchFull> {
        let is_it =
            |column: &Column| column.entity_type == entity_type && column.kind == kind && column.name == name;
        if columns.get(hint as usize).is_some_and(is_it) {
            return Ok(hint);
        }
        let hash = |entity_type: u32, name: &str| table_hasher().hash_one((entity_type, name));
        let known = self.index.find(hash(entity_type, name), |known| is_it(&columns[*known as usize]));
        if let Some(known) = known {
            return Ok(*known);
        }
        let number = index(columns.len())?;
        columns.push(Column { entity_type, name: name.to_owned(), kind });
        self.index.insert_unique(hash(entity_type, name), number, |known| {
            let column = &columns[*known as usize];
            hash(column.entity_type, &column.name)
        });
        Ok(number)
    }
}

/// Returns a copy with text of its own.
pub(super) fn owned(object: &Object<'_>) -> Object<'static> {
    let text = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
    Object {
        key: text(&object.key),
        entity_type: text(&object.entity_type),
        id: object.id.as_ref().map(text),
        seen: object.seen,
        attributes: object
            .attributes
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    ValueRef::Int(n) => ValueRef::Int(*n),
                    ValueRef::Float(n) => ValueRef::Float(*n),
                    ValueRef::Bool(b) => ValueRef::Bool(*b),
                    ValueRef::Text(given) => ValueRef::Text(text(given)),
                    ValueRef::Json(given) => ValueRef::Json(text(given)),
                };
                (text(name), value)
            })
            .collect(),
        references: Vec::new(),
    }
}
