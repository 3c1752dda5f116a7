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
//! are seeded at random per process, so a crafted bundle cannot make objects collide.

use std::{
    borrow::Cow,
    hash::{BuildHasher, Hash, Hasher},
    sync::OnceLock,
};

use ahash::RandomState;
use hashbrown::HashTable;
use uuid::Uuid;

use crate::{
    Timestamp, Value,
    identity::{self, Identity, RecordScope},
    record::{Defect, Defects, Moment, Object, Record, ValueRef, count_defect},
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
    /// Equal for equal objects only, across all batches of this process. Objects in reference
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

/// Distinct values, in one text arena.
#[derive(Debug, Clone, Default)]
pub struct Values {
    entries: Vec<ValueEntry>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct ValueEntry {
    hash: u64,
    kind: u8,
    /// The number's bits; for texts, start in the arena (low half) and length (high half).
    bits: u64,
}

impl Values {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns value `index`.
    pub fn get(&self, index: u32) -> ValueRef<'_> {
        let entry = &self.entries[index as usize];
        match entry.kind {
            0 => ValueRef::Int(entry.bits.cast_signed()),
            1 => ValueRef::Float(f64::from_bits(entry.bits)),
            2 => ValueRef::Bool(entry.bits != 0),
            kind => {
                let start = (entry.bits & u64::from(u32::MAX)) as usize;
                let text = Cow::Borrowed(&self.text[start..start + (entry.bits >> 32) as usize]);
                if kind == 3 { ValueRef::Text(text) } else { ValueRef::Json(text) }
            }
        }
    }

    /// Returns the hash of value `index`, equal for equal values across batches.
    pub fn hash(&self, index: u32) -> u64 {
        self.entries[index as usize].hash
    }

    fn push(&mut self, hash: u64, value: &ValueRef<'_>) -> Option<u32> {
        let index = u32::try_from(self.entries.len()).ok()?;
        let (kind, bits) = match value {
            ValueRef::Int(n) => (0, n.cast_unsigned()),
            ValueRef::Float(n) => (1, n.to_bits()),
            ValueRef::Bool(b) => (2, u64::from(*b)),
            ValueRef::Text(text) | ValueRef::Json(text) => {
                let start = u32::try_from(self.text.len()).ok()?;
                let length = u32::try_from(text.len()).ok()?;
                self.text.push_str(text);
                (
                    if matches!(value, ValueRef::Text(_)) { 3 } else { 4 },
                    u64::from(length) << 32 | u64::from(start),
                )
            }
        };
        self.entries.push(ValueEntry { hash, kind, bits });
        Some(index)
    }
}

/// The two differently seeded hashers of this process.
fn hashers() -> &'static (RandomState, RandomState) {
    static HASHERS: OnceLock<(RandomState, RandomState)> = OnceLock::new();
    HASHERS.get_or_init(|| (RandomState::new(), RandomState::new()))
}

/// Returns the hash by which [`Values::hash`] knows a value.
pub fn value_hash(value: &ValueRef<'_>) -> u64 {
    let mut hasher = hashers().0.build_hasher();
    hash_value(value, &mut hasher);
    hasher.finish()
}

fn hash_value(value: &ValueRef<'_>, hasher: &mut impl Hasher) {
    match value {
        ValueRef::Int(n) => (0u8, n).hash(hasher),
        ValueRef::Float(n) => (1u8, n.to_bits()).hash(hasher),
        ValueRef::Bool(b) => (2u8, b).hash(hasher),
        ValueRef::Text(text) => (3u8, text.as_bytes()).hash(hasher),
        ValueRef::Json(text) => (4u8, text.as_bytes()).hash(hasher),
    }
}

/// Two hashers fed with the same data: a 128-bit key.
struct ContentHasher(ahash::AHasher, ahash::AHasher);

impl ContentHasher {
    fn new() -> Self {
        let (one, two) = hashers();
        ContentHasher(one.build_hasher(), two.build_hasher())
    }

    fn key(&self) -> u128 {
        u128::from(self.0.finish()) << 64 | u128::from(self.1.finish())
    }
}

impl Hasher for ContentHasher {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn write_u8(&mut self, n: u8) {
        self.0.write_u8(n);
        self.1.write_u8(n);
    }

    fn write_u64(&mut self, n: u64) {
        self.0.write_u64(n);
        self.1.write_u64(n);
    }

    fn write_u128(&mut self, n: u128) {
        self.0.write_u128(n);
        self.1.write_u128(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
}

/// Makes batches from records. One builder a thread.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    batch: Batch,
    type_index: HashTable<u32>,
    column_index: HashTable<u32>,
    value_index: HashTable<u32>,
    object_index: HashTable<u32>,
    scratch: Scratch,
}

/// Per-record working memory, kept to save allocations.
#[derive(Debug, Default)]
struct Scratch {
    /// Object index of each reference's target, per object, flattened.
    targets: Vec<Option<usize>>,
    /// Where each object's targets start.
    target_starts: Vec<usize>,
    /// Objects in an order in which targets come before the objects that refer to them.
    order: Vec<usize>,
    /// How many unplaced targets each object still has.
    waiting: Vec<usize>,
    /// Which objects are placed already.
    placed: Vec<bool>,
    /// The batch's object number of each object of the record.
    numbers: Vec<u32>,
    /// Entity of each object.
    entities: Vec<Uuid>,
    /// The cell or link that an object has in a column.
    by_column: hashbrown::HashMap<u32, usize, RandomState>,
    /// For each object of the batch, the number of the last run that saw it, from 1.
    seen_by: Vec<usize>,
    /// How many runs of seen objects there are so far.
    runs: usize,
}

/// The batch grew past 2³² values, objects or bytes of text; take it and go on with a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch holds more than 2³² items")]
pub struct BatchFull;

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
        self.batch.values.text.len()
    }

    /// Returns the defects counted so far, for the reader to add to.
    pub fn defects(&mut self) -> &mut Defects {
        &mut self.batch.defects
    }

    /// Returns the finished batch and starts a new one.
    pub fn take(&mut self) -> Batch {
        self.type_index.clear();
        self.column_index.clear();
        self.value_index.clear();
        self.object_index.clear();
        self.scratch.seen_by.clear();
        std::mem::take(&mut self.batch)
    }

    /// Adds a record. References to missing objects and to the object itself are dropped and
    /// counted; `place` says where the record is in its source.
    pub fn record(&mut self, record: &Record<'_>, place: impl Fn() -> String) -> Result<(), BatchFull> {
        let start = self.batch.seen.len();
        self.objects(record, &place)?;
        self.scratch.push_seen(record, self.batch.objects.len(), &mut self.batch.seen);
        let text = |moment: &Option<Moment<'_>>| {
            moment
                .as_ref()
                .filter(|moment| !moment.at.is_spelled(&moment.text))
                .map(|moment| moment.text.to_string())
        };
        let row = RecordRow {
            id: record.id.to_string(),
            first: record.first_observed.as_ref().map(|moment| moment.at),
            last: record.last_observed.as_ref().map(|moment| moment.at),
            first_text: text(&record.first_observed),
            last_text: text(&record.last_observed),
            number_observed: record.number_observed.max(1),
            seen: (index(start)?, index(self.batch.seen.len() - start)?),
        };
        self.batch.records.push(row);
        Ok(())
    }

    /// Adds objects that are in no record; `group` is a record only in form.
    pub fn loose(&mut self, group: &Record<'_>, place: impl Fn() -> String) -> Result<(), BatchFull> {
        self.objects(group, &place)?;
        self.scratch.push_seen(group, self.batch.objects.len(), &mut self.batch.loose);
        Ok(())
    }

    /// Numbers every object of the record, adding those that the batch does not have yet.
    fn objects(&mut self, record: &Record<'_>, place: &impl Fn() -> String) -> Result<(), BatchFull> {
        self.resolve_references(record, place);
        let count = record.objects.len();
        self.scratch.numbers.clear();
        self.scratch.numbers.resize(count, u32::MAX);
        self.scratch.entities.clear();
        self.scratch.entities.resize(count, Uuid::nil());
        let scope = RecordScope::new(record);
        let placed = self.scratch.order.len();
        for at in 0..placed {
            let object = self.scratch.order[at];
            self.acyclic_object(record, &scope, object)?;
        }
        if placed < count {
            self.cyclic_objects(record, &scope)?;
        }
        Ok(())
    }

    /// Finds the target of each reference and an order with targets first.
    fn resolve_references(&mut self, record: &Record<'_>, place: &impl Fn() -> String) {
        let scratch = &mut self.scratch;
        let count = record.objects.len();
        scratch.targets.clear();
        scratch.target_starts.clear();
        scratch.order.clear();
        scratch.waiting.clear();
        // The first one has the key when it is given twice.
        let by_key: Option<hashbrown::HashMap<&str, usize, RandomState>> = (count > 16)
            .then(|| record.objects.iter().enumerate().rev().map(|(n, object)| (&*object.key, n)).collect());
        let find = |key: &str| match &by_key {
            Some(map) => map.get(key).copied(),
            None => record.objects.iter().position(|object| object.key == key),
        };
        for (n, object) in record.objects.iter().enumerate() {
            scratch.target_starts.push(scratch.targets.len());
            let mut waiting = 0;
            for reference in &object.references {
                let target = match find(&reference.key) {
                    Some(target) if target == n => {
                        count_defect(&mut self.batch.defects, Defect::SelfReference, || {
                            (place(), format!("{} of {}", reference.name, object.entity_type))
                        });
                        None
                    }
                    None => {
                        count_defect(&mut self.batch.defects, Defect::DanglingReference, || {
                            (place(), format!("{} of {}", reference.name, object.entity_type))
                        });
                        None
                    }
                    found => found,
                };
                waiting += usize::from(target.is_some());
                scratch.targets.push(target);
            }
            scratch.waiting.push(waiting);
        }
        scratch.target_starts.push(scratch.targets.len());

        // Kahn's algorithm, targets first. Records are small and shallow, so a few sweeps do;
        // large ones build the reverse edges once.
        if count <= 64 {
            let done = &mut scratch.placed;
            done.clear();
            done.resize(count, false);
            loop {
                let before = scratch.order.len();
                for n in 0..count {
                    let range = scratch.target_starts[n]..scratch.target_starts[n + 1];
                    if !done[n] && scratch.targets[range].iter().flatten().all(|target| done[*target]) {
                        done[n] = true;
                        scratch.order.push(n);
                    }
                }
                if scratch.order.len() == before || scratch.order.len() == count {
                    break;
                }
            }
        } else {
            let mut referrers: Vec<Vec<usize>> = vec![Vec::new(); count];
            for n in 0..count {
                for target in
                    scratch.targets[scratch.target_starts[n]..scratch.target_starts[n + 1]].iter().flatten()
                {
                    referrers[*target].push(n);
                }
            }
            scratch.order.extend((0..count).filter(|n| scratch.waiting[*n] == 0));
            let mut at = 0;
            while at < scratch.order.len() {
                for referrer in &referrers[scratch.order[at]] {
                    scratch.waiting[*referrer] -= 1;
                    if scratch.waiting[*referrer] == 0 {
                        scratch.order.push(*referrer);
                    }
                }
                at += 1;
            }
        }
    }

    /// Numbers an object whose targets are numbered.
    fn acyclic_object(
        &mut self,
        record: &Record<'_>,
        scope: &RecordScope<'_>,
        n: usize,
    ) -> Result<(), BatchFull> {
        let object = &record.objects[n];
        let identity = scope.identity(object);
        let mut hasher = ContentHasher::new();
        hash_object(object, &identity, &mut hasher);
        for (reference, target) in object.references.iter().zip(self.scratch.targets_of(n)) {
            if let Some(target) = target {
                (&*reference.name, reference.list).hash(&mut hasher);
                let number = self.scratch.numbers[*target];
                self.batch.objects[number as usize].content.hash(&mut hasher);
            }
        }
        let content = hasher.key();
        if let Some(known) = self.known_object(content) {
            self.scratch.numbers[n] = known;
            self.scratch.entities[n] = self.batch.objects[known as usize].entity;
            return Ok(());
        }
        let entity = self.scratch.entity(record, scope, n, &identity);
        self.scratch.numbers[n] = index(self.batch.objects.len())?;
        self.push_object(record, n, content, entity)
    }

    fn known_object(&self, content: u128) -> Option<u32> {
        let objects = &self.batch.objects;
        self.object_index.find(fold(content), |known| objects[*known as usize].content == content).copied()
    }

    /// Numbers the objects that reference each other in a circle, or lead to such ones. They
    /// are compared as a whole: equal objects, connected in the same way, in the same order.
    fn cyclic_objects(&mut self, record: &Record<'_>, scope: &RecordScope<'_>) -> Result<(), BatchFull> {
        let left: Vec<usize> =
            (0..record.objects.len()).filter(|n| self.scratch.numbers[*n] == u32::MAX).collect();
        let mut places = vec![usize::MAX; record.objects.len()];
        for (at, n) in left.iter().enumerate() {
            places[*n] = at;
        }
        let mut hasher = ContentHasher::new();
        for n in &left {
            let object = &record.objects[*n];
            hash_object(object, &scope.identity(object), &mut hasher);
            for (reference, target) in object.references.iter().zip(self.scratch.targets_of(*n)) {
                let Some(target) = *target else { continue };
                (&*reference.name, reference.list, places[target]).hash(&mut hasher);
                if places[target] == usize::MAX {
                    let number = self.scratch.numbers[target];
                    self.batch.objects[number as usize].content.hash(&mut hasher);
                }
            }
        }
        let group = hasher.key();
        let contents: Vec<u128> = (0..left.len())
            .map(|at| {
                let mut hasher = ContentHasher::new();
                (group, at).hash(&mut hasher);
                hasher.key()
            })
            .collect();
        if contents.first().is_some_and(|first| self.known_object(*first).is_some()) {
            // The group stands in the batch as a whole.
            for (n, content) in left.iter().zip(&contents) {
                let known = self.known_object(*content).ok_or(BatchFull)?;
                self.scratch.numbers[*n] = known;
                self.scratch.entities[*n] = self.batch.objects[known as usize].entity;
            }
            return Ok(());
        }
        self.cyclic_entities(record, scope, &left, &places);
        let first = self.batch.objects.len();
        for (at, n) in left.iter().enumerate() {
            self.scratch.numbers[*n] = index(first + at)?;
        }
        for (n, content) in left.iter().zip(&contents) {
            self.push_object(record, *n, *content, self.scratch.entities[*n])?;
        }
        Ok(())
    }

    /// Finds the entities of cyclic objects. Identity looks only at some references, and those
    /// hardly ever form a circle: a connection and the one inside it refer to each other, but
    /// their identity is in their addresses. Where they do, the circle's references count as
    /// absent.
    fn cyclic_entities(
        &mut self,
        record: &Record<'_>,
        scope: &RecordScope<'_>,
        left: &[usize],
        places: &[usize],
    ) {
        let scratch = &mut self.scratch;
        let mut referrers: Vec<Vec<usize>> = vec![Vec::new(); left.len()];
        let mut waiting = vec![0usize; left.len()];
        for (at, n) in left.iter().enumerate() {
            let object = &record.objects[*n];
            if scope.identity(object) != Identity::Content {
                continue;
            }
            for (reference, target) in object.references.iter().zip(scratch.targets_of(*n)) {
                let Some(target) = target.map(|target| places[target]).filter(|place| *place != usize::MAX)
                else {
                    continue;
                };
                if identity::is_contributing(&object.entity_type, &reference.name) {
                    referrers[target].push(at);
                    waiting[at] += 1;
                }
            }
        }
        let mut order: Vec<usize> = (0..left.len()).filter(|at| waiting[*at] == 0).collect();
        let mut done = 0;
        while done < order.len() {
            for referrer in &referrers[order[done]] {
                waiting[*referrer] -= 1;
                if waiting[*referrer] == 0 {
                    order.push(*referrer);
                }
            }
            done += 1;
        }
        order.extend((0..left.len()).filter(|at| waiting[*at] > 0));
        for at in order {
            let identity = scope.identity(&record.objects[left[at]]);
            scratch.entities[left[at]] = scratch.entity(record, scope, left[at], &identity);
        }
    }

    /// Adds the object's attributes and references; its number and those of its targets must
    /// have been set.
    fn push_object(
        &mut self,
        record: &Record<'_>,
        n: usize,
        content: u128,
        entity: Uuid,
    ) -> Result<(), BatchFull> {
        let object = &record.objects[n];
        let entity_type = self.entity_type(&object.entity_type)?;
        let cells = self.batch.cells.len();
        self.scratch.by_column.clear();
        for (name, value) in &object.attributes {
            let column = self.column(entity_type, name, ColumnKind::Attribute)?;
            let value = self.value(value)?;
            // The last one wins when a property is given twice.
            let next = self.batch.cells.len();
            match *self.scratch.by_column.entry(column).or_insert(next) {
                place if place < next => self.batch.cells[place].value = value,
                _ => self.batch.cells.push(Cell { column, value }),
            }
        }
        let links = self.batch.links.len();
        self.scratch.by_column.clear();
        for at in 0..object.references.len() {
            let reference = &object.references[at];
            let Some(target) = self.scratch.targets_of(n)[at] else { continue };
            let kind = if reference.list { ColumnKind::References } else { ColumnKind::Reference };
            let column = self.column(entity_type, &reference.name, kind)?;
            let target = self.scratch.numbers[target];
            let next = self.batch.links.len();
            let last = self.scratch.by_column.insert(column, next);
            let ord = match last {
                Some(last) if kind == ColumnKind::Reference => {
                    self.batch.links[last].target = target;
                    self.scratch.by_column.insert(column, last);
                    continue;
                }
                Some(last) => self.batch.links[last].ord.checked_add(1).ok_or(BatchFull)?,
                None => 0,
            };
            self.batch.links.push(Link { column, ord, target });
        }
        let number = index(self.batch.objects.len())?;
        self.batch.objects.push(ObjectRow {
            content,
            entity,
            entity_type,
            cells: (index(cells)?, index(self.batch.cells.len() - cells)?),
            links: (index(links)?, index(self.batch.links.len() - links)?),
        });
        let objects = &self.batch.objects;
        self.object_index
            .insert_unique(fold(content), number, |known| fold(objects[*known as usize].content));
        self.scratch.entities[n] = entity;
        Ok(())
    }

    fn entity_type(&mut self, name: &str) -> Result<u32, BatchFull> {
        let hash = hashers().0.hash_one(name);
        let types = &mut self.batch.types;
        if let Some(known) = self.type_index.find(hash, |known| types[*known as usize] == name) {
            return Ok(*known);
        }
        let number = index(types.len())?;
        types.push(name.to_owned());
        self.type_index.insert_unique(hash, number, |known| hashers().0.hash_one(&types[*known as usize]));
        Ok(number)
    }

    fn column(&mut self, entity_type: u32, name: &str, kind: ColumnKind) -> Result<u32, BatchFull> {
        let hash = |entity_type: u32, name: &str| hashers().0.hash_one((entity_type, name));
        let columns = &mut self.batch.columns;
        let known = self.column_index.find(hash(entity_type, name), |known| {
            let column = &columns[*known as usize];
            column.entity_type == entity_type && column.name == name && column.kind == kind
        });
        if let Some(known) = known {
            return Ok(*known);
        }
        let number = index(columns.len())?;
        columns.push(Column { entity_type, name: name.to_owned(), kind });
        self.column_index.insert_unique(hash(entity_type, name), number, |known| {
            let column = &columns[*known as usize];
            hash(column.entity_type, &column.name)
        });
        Ok(number)
    }

    fn value(&mut self, value: &ValueRef<'_>) -> Result<u32, BatchFull> {
        let hash = value_hash(value);
        let values = &mut self.batch.values;
        if let Some(known) = self.value_index.find(hash, |known| values.get(*known) == *value) {
            return Ok(*known);
        }
        let number = values.push(hash, value).ok_or(BatchFull)?;
        self.value_index.insert_unique(hash, number, |known| values.entries[*known as usize].hash);
        Ok(number)
    }
}

impl Scratch {
    fn targets_of(&self, n: usize) -> &[Option<usize>] {
        &self.targets[self.target_starts[n]..self.target_starts[n + 1]]
    }

    /// The entity of an object; targets whose entity is not known yet count as absent.
    fn entity(
        &self,
        record: &Record<'_>,
        scope: &RecordScope<'_>,
        n: usize,
        identity: &Identity<'_>,
    ) -> Uuid {
        let object = &record.objects[n];
        let target = |at: usize| {
            let target = self.targets_of(n)[at].filter(|target| !self.entities[*target].is_nil())?;
            Some((&*record.objects[target].entity_type, self.entities[target]))
        };
        match identity {
            Identity::Content => identity::content(object, target)
                .unwrap_or_else(|| identity::named(&scope.appearance(object))),
            given => identity::uuid(object, given, target),
        }
    }

    /// Appends the numbers of the seen objects of a record, each once, in document order.
    fn push_seen(&mut self, record: &Record<'_>, objects: usize, seen: &mut Vec<u32>) {
        self.runs += 1;
        self.seen_by.resize(objects, 0);
        for (number, object) in self.numbers.iter().zip(&record.objects) {
            if object.seen && self.seen_by[*number as usize] != self.runs {
                self.seen_by[*number as usize] = self.runs;
                seen.push(*number);
            }
        }
    }
}

/// Hashes all of an object but what its references lead to.
fn hash_object(object: &Object<'_>, identity: &Identity<'_>, hasher: &mut ContentHasher) {
    object.entity_type.hash(hasher);
    object.attributes.len().hash(hasher);
    for (name, value) in &object.attributes {
        name.hash(hasher);
        hash_value(value, hasher);
    }
    // Where the record decides, equal content in another record is another entity.
    identity.hash(hasher);
}

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

#[cfg(test)]
mod tests;
