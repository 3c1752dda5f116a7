//! Taking in batches of records: the one place where values, objects, entities and records get
//! their numbers.
//!
//! Numbers are given in source order, so they depend on the data only, not on how many threads
//! read it. Rows gather in memory and go to the database in large blocks of integers.

use std::{collections::HashMap, sync::Arc};

use ahash::RandomState;
use duckdb::arrow::{
    array::{ArrayRef, UInt32Array},
    datatypes::{DataType, Field, Schema},
    record_batch::RecordBatch,
};
use hashbrown::HashTable;
use kestrel_stix::{
    Timestamp,
    batch::{Batch, ColumnKind, ObjectRow, RecordRow},
    identity::id_text,
    record::{Defect, Defects, count_defect, merge_defects},
};

use super::{
    ColumnId, Data, NO_CODE, SourceId, Store, StoreError, TypeId, database::record_batch, records::Row,
};

/// What was taken in from one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Records of the source.
    pub records: u64,
    /// Appearances in them.
    pub appearances: u64,
    /// What was repaired or skipped: what readers counted, and records with one id.
    pub defects: Defects,
}

/// Rows go to the database when so many of them wait.
const BLOCK: usize = 1 << 16;
/// Objects that a united record brings later stand after those it had.
const LATER: u32 = 1 << 30;
/// Records with times rank after all those without.
const TIMED: u32 = 1 << 31;

#[derive(Debug, Default)]
pub(super) struct Ingest {
    sources: u32,
    /// Number of each distinct object, by content.
    objects: HashMap<u128, u32, RandomState>,
    object_count: u32,
    /// The last record in which each object was seen or reached.
    stamps: Vec<u32>,
    records: HashTable<u32>,
    waiting: Waiting,
    loading: Option<Loading>,
    /// Working memory for one record: objects to follow references from.
    stack: Vec<u32>,
    /// True if some record is in several sources.
    pub(super) any_shared: bool,
}

/// Rows on their way into the database.
#[derive(Debug, Default)]
struct Waiting {
    object: [Vec<u32>; 3],
    seen: [Vec<u32>; 4],
    reached: [Vec<u32>; 3],
    link: [Vec<u32>; 4],
    cell: [Vec<u32>; 3],
    shared: [Vec<u32>; 3],
    /// By type: objects and their entities.
    typed: Vec<[Vec<u32>; 2]>,
    /// By column: a code or target for each waiting object of the column's type; shorter when
    /// the last ones have none.
    columns: Vec<Vec<u32>>,
}

/// The source that is being read.
#[derive(Debug)]
struct Loading {
    source: SourceId,
    first_record: u32,
    place: u32,
    loaded: Loaded,
    /// Records that are put together of several with one id.
    united: Vec<u32>,
}

/// How a batch's numbers map to the session's.
struct Mapping {
    types: Vec<TypeId>,
    columns: Vec<Option<ColumnId>>,
    codes: Vec<u32>,
    objects: Vec<u32>,
}

impl Store {
    /// Starts a source; its batches are to follow in source order, without those of another.
    pub fn begin_source(&mut self) -> Result<SourceId, StoreError> {
        let source = self.new_source()?;
        let first_record = index(self.records.len())?;
        let loaded = Loaded::default();
        self.ingest.loading = Some(Loading { source, first_record, place: 0, loaded, united: Vec::new() });
        Ok(source)
    }

    fn new_source(&mut self) -> Result<SourceId, StoreError> {
        let source = SourceId(self.ingest.sources);
        self.ingest.sources = self.ingest.sources.checked_add(1).ok_or(StoreError::Full)?;
        Ok(source)
    }

    /// Takes in the next batch of a source.
    pub fn ingest(&mut self, source: SourceId, batch: &Batch) -> Result<(), StoreError> {
        let mapping = self.map_batch(batch)?;
        if self.ingest.loading.as_ref().is_none_or(|loading| loading.source != source) {
            // Batches of a source that was given up are not wanted any more.
            return Ok(());
        }
        for record in &batch.records {
            self.take_record(batch, &mapping, source, record)?;
        }
        for object in &batch.loose {
            self.take_loose(batch, &mapping, source, *object)?;
        }
        if let Some(loading) = &mut self.ingest.loading {
            merge_defects(&mut loading.loaded.defects, batch.defects.clone());
        }
        self.flush(false)
    }

    /// Ends a source: everything it gave can be asked for. A source that failed is never
    /// ended; begin another one.
    pub fn finish_source(&mut self, source: SourceId) -> Result<Loaded, StoreError> {
        self.flush(true)?;
        let Some(loading) = self.ingest.loading.take_if(|loading| loading.source == source) else {
            return Ok(Loaded::default());
        };
        self.unite_appearances(&loading.united)?;
        self.write_records()?;
        if self.options.attach_processes {
            self.attach(loading.first_record)?;
        }
        Ok(loading.loaded)
    }

    /// Gives up a source that failed: its records stay without ever being asked for, unless
    /// another source has them too.
    pub fn abandon_source(&mut self, source: SourceId) -> Result<(), StoreError> {
        self.ingest.loading.take_if(|loading| loading.source == source);
        self.flush(true)?;
        self.write_records()
    }

    /// Takes in rows of a huntflow or a file: each object is in a synthetic record of its own.
    /// Returns the number of the source, and the object of each row of the batch's `loose`.
    pub(super) fn take_synthetic(&mut self, batch: &Batch) -> Result<(SourceId, Vec<u32>), StoreError> {
        let source = self.new_source()?;
        let mapping = self.map_batch(batch)?;
        let start = self.records.len();
        let mut objects = Vec::with_capacity(batch.loose.len());
        for object in &batch.loose {
            let rec = index(self.records.len())?;
            self.push_synthetic(batch, *object, source)?;
            self.appear(batch, &mapping, rec, std::slice::from_ref(object), 0);
            objects.push(mapping.objects[*object as usize]);
        }
        self.flush(true)?;
        let rows = start as u32..index(self.records.len())?;
        let ranks: Vec<u32> = rows.clone().collect();
        let born: Vec<u32> = rows.clone().map(|rec| TIMED | rec).collect();
        self.append_records(rows, &ranks, &born)?;
        Ok((source, objects))
    }

    /// Gives every value, column, object and entity of a batch its number.
    fn map_batch(&mut self, batch: &Batch) -> Result<Mapping, StoreError> {
        let types: Vec<TypeId> = batch.types.iter().map(|name| self.catalog.add_type(name)).collect();
        let typed = self.catalog.types().count();
        self.ingest.waiting.typed.resize_with(typed, Default::default);
        let mut codes = Vec::with_capacity(batch.values.len());
        for value in 0..batch.values.len() as u32 {
            codes.push(self.dictionary.intern_hashed(batch.values.hash(value), &batch.values.get(value))?);
        }
        let objects = vec![NO_CODE; batch.objects.len()];
        let mut mapping = Mapping { types, columns: vec![None; batch.columns.len()], codes, objects };
        // Numbers first, rows second: in circles, objects refer to later ones.
        let mut new = Vec::new();
        for (at, row) in batch.objects.iter().enumerate() {
            let next = self.ingest.object_count;
            let number = *self.ingest.objects.entry(row.content).or_insert(next);
            if number == next {
                self.ingest.object_count =
                    next.checked_add(1).filter(|n| *n < TIMED).ok_or(StoreError::Full)?;
                new.push(at);
            }
            mapping.objects[at] = number;
        }
        self.ingest.stamps.resize(self.ingest.object_count as usize, NO_CODE);
        for at in new {
            self.push_object(batch, &mut mapping, at)?;
        }
        Ok(mapping)
    }

    fn push_object(&mut self, batch: &Batch, mapping: &mut Mapping, at: usize) -> Result<(), StoreError> {
        let row: &ObjectRow = &batch.objects[at];
        let obj = mapping.objects[at];
        let entity_type = mapping.types[row.entity_type as usize];
        let ent = self.intern_entity(entity_type, row.entity)?;
        for cell in batch.cells_of(row) {
            let column = self.map_column(batch, mapping, cell.column);
            let code = mapping.codes[cell.value as usize];
            if self.catalog.is_narrow(column) {
                push_row(&mut self.ingest.waiting.cell, [obj, column.0, code]);
            } else {
                self.put_cell(entity_type, column, code);
            }
        }
        for link in batch.links_of(row) {
            let column = self.map_column(batch, mapping, link.column);
            let target_row = &batch.objects[link.target as usize];
            let target = mapping.objects[link.target as usize];
            self.catalog.add_target(column, mapping.types[target_row.entity_type as usize]);
            if self.catalog.kind(column) == ColumnKind::Reference && !self.catalog.is_narrow(column) {
                self.put_cell(entity_type, column, target);
            } else {
                push_row(&mut self.ingest.waiting.link, [obj, column.0, link.ord, target]);
            }
        }
        self.catalog.note_first(entity_type);
        push_row(&mut self.ingest.waiting.object, [obj, ent, entity_type.0]);
        push_row(&mut self.ingest.waiting.typed[entity_type.0 as usize], [obj, ent]);
        Ok(())
    }

    /// Columns get their numbers when an object first has them, so that the catalog knows what
    /// the first object of each type had.
    fn map_column(&mut self, batch: &Batch, mapping: &mut Mapping, local: u32) -> ColumnId {
        if let Some(known) = mapping.columns[local as usize] {
            return known;
        }
        let column = &batch.columns[local as usize];
        let entity_type = mapping.types[column.entity_type as usize];
        let id = self.catalog.add_column(entity_type, &column.name, column.kind);
        mapping.columns[local as usize] = Some(id);
        let columns = &mut self.ingest.waiting.columns;
        if columns.len() <= id.0 as usize {
            columns.resize_with(id.0 as usize + 1, Vec::new);
        }
        id
    }

    /// Sets a column of the object that will be pushed next for its type.
    fn put_cell(&mut self, entity_type: TypeId, column: ColumnId, code: u32) {
        let at = self.ingest.waiting.typed[entity_type.0 as usize][0].len();
        let cells = &mut self.ingest.waiting.columns[column.0 as usize];
        cells.resize(at, NO_CODE);
        cells.push(code);
    }

    fn intern_entity(&mut self, entity_type: TypeId, uuid: uuid::Uuid) -> Result<u32, StoreError> {
        if let Some(known) = self.find_entity(entity_type, uuid) {
            // An entity that was found to be another one stays that other one.
            return Ok(self.aliases.get(&known).copied().unwrap_or(known));
        }
        let number = index(self.entities.len())?;
        self.entities.push((uuid, entity_type));
        let (entities, hasher) = (&self.entities, &self.hasher);
        self.entity_index.insert_unique(hasher.hash_one((uuid, entity_type)), number, |known| {
            hasher.hash_one(entities[*known as usize])
        });
        Ok(number)
    }

    fn take_record(
        &mut self,
        batch: &Batch,
        mapping: &Mapping,
        source: SourceId,
        record: &RecordRow,
    ) -> Result<(), StoreError> {
        let seen = batch.seen_in(record);
        let objects: Vec<u32> = seen.iter().map(|object| mapping.objects[*object as usize]).collect();
        let content = self.hasher.hash_one((&objects, record.first, record.last, record.number_observed));
        let row = Row {
            source,
            real: true,
            first: record.first,
            last: record.last,
            number: record.number_observed,
            content,
            place: self.ingest.loading.as_ref().map_or(0, |loading| loading.place),
        };
        match self.known_record(&record.id, &row) {
            Some(Same::Record(rec)) => self.share(rec, source),
            Some(Same::Id(rec)) => {
                if let Some(loading) = &mut self.ingest.loading {
                    loading.united.push(rec);
                    count_defect(&mut loading.loaded.defects, Defect::DuplicateRecordId, || {
                        (format!("record {}", loading.place), record.id.clone())
                    });
                }
                self.appear(batch, mapping, rec, seen, LATER);
            }
            None => {
                let rec = self.push_record(&record.id, row, record)?;
                self.appear(batch, mapping, rec, seen, 0);
                if let Some(loading) = &mut self.ingest.loading {
                    loading.loaded.records += 1;
                    loading.place += 1;
                }
            }
        }
        Ok(())
    }

    fn take_loose(
        &mut self,
        batch: &Batch,
        mapping: &Mapping,
        source: SourceId,
        object: u32,
    ) -> Result<(), StoreError> {
        let row = &batch.objects[object as usize];
        let id = id_text(&batch.types[row.entity_type as usize], row.entity);
        let content = self.hasher.hash_one(mapping.objects[object as usize]);
        let record = Row {
            source,
            real: false,
            first: None,
            last: None,
            number: 1,
            content,
            place: self.ingest.loading.as_ref().map_or(0, |loading| loading.place),
        };
        match self.known_record(&id, &record) {
            Some(Same::Record(rec)) => self.share(rec, source),
            // Another form of the object is another sighting of its entity.
            Some(Same::Id(_)) | None => {
                let rec = index(self.records.len())?;
                self.remember(&id, record, None, None);
                self.appear(batch, mapping, rec, &[object], 0);
                if let Some(loading) = &mut self.ingest.loading {
                    loading.place += 1;
                }
            }
        }
        Ok(())
    }

    fn push_synthetic(&mut self, batch: &Batch, object: u32, source: SourceId) -> Result<(), StoreError> {
        index(self.records.len())?;
        let row = &batch.objects[object as usize];
        let id = id_text(&batch.types[row.entity_type as usize], row.entity);
        let record = Row { source, real: false, first: None, last: None, number: 1, content: 0, place: 0 };
        // Not remembered by its id: every row is a record of its own.
        self.records.push(&id, record, None, None);
        Ok(())
    }

    fn push_record(&mut self, id: &str, row: Row, record: &RecordRow) -> Result<u32, StoreError> {
        let rec = index(self.records.len())?;
        self.remember(id, row, record.first_text.as_deref(), record.last_text.as_deref());
        Ok(rec)
    }

    fn remember(&mut self, id: &str, row: Row, first_text: Option<&str>, last_text: Option<&str>) {
        let rec = self.records.len() as u32;
        self.records.push(id, row, first_text, last_text);
        let (records, hasher) = (&self.records, &self.hasher);
        self.ingest
            .records
            .insert_unique(hasher.hash_one(id), rec, |known| hasher.hash_one(records.id(*known)));
    }

    /// Finds a record that this one repeats.
    fn known_record(&self, id: &str, row: &Row) -> Option<Same> {
        let hash = self.hasher.hash_one(id);
        let same = |known: &u32| {
            let candidate = self.records.row(*known);
            candidate.content == row.content && candidate.real == row.real && self.records.id(*known) == id
        };
        if let Some(rec) = self.ingest.records.find(hash, same) {
            return Some(Same::Record(*rec));
        }
        let of_source = |known: &u32| {
            let candidate = self.records.row(*known);
            candidate.source == row.source && candidate.real == row.real && self.records.id(*known) == id
        };
        self.ingest.records.find(hash, of_source).map(|rec| Same::Id(*rec))
    }

    /// Notes that a source has a record that another one had before.
    fn share(&mut self, rec: u32, source: SourceId) {
        let owner = self.records.row(rec).source;
        let Some(loading) = &mut self.ingest.loading else { return };
        if owner != source {
            push_row(&mut self.ingest.waiting.shared, [source.0, rec, loading.place]);
            self.ingest.any_shared = true;
            loading.loaded.records += 1;
            loading.place += 1;
        }
    }

    /// Notes what is seen in a record, and what is only reached by references from there.
    fn appear(&mut self, batch: &Batch, mapping: &Mapping, rec: u32, seen: &[u32], base: u32) {
        let ingest = &mut self.ingest;
        let mut new = 0;
        for (at, object) in seen.iter().enumerate() {
            let obj = mapping.objects[*object as usize];
            let stamp = &mut ingest.stamps[obj as usize];
            if *stamp != rec || base == LATER {
                *stamp = rec;
                let entity_type = mapping.types[batch.objects[*object as usize].entity_type as usize];
                push_row(&mut ingest.waiting.seen, [rec, obj, base + at as u32, entity_type.0]);
                new += 1;
            }
        }
        let mut place = base + seen.len() as u32;
        ingest.stack.clear();
        ingest.stack.extend_from_slice(seen);
        while let Some(object) = ingest.stack.pop() {
            for link in batch.links_of(&batch.objects[object as usize]) {
                let obj = mapping.objects[link.target as usize];
                let stamp = &mut ingest.stamps[obj as usize];
                if *stamp != rec {
                    *stamp = rec;
                    push_row(&mut ingest.waiting.reached, [rec, obj, place]);
                    place += 1;
                    ingest.stack.push(link.target);
                }
            }
        }
        if let Some(loading) = &mut ingest.loading {
            loading.loaded.appearances += new;
        }
    }

    /// Writes waiting rows: all of them, or those that are many.
    fn flush(&mut self, all: bool) -> Result<(), StoreError> {
        let least = if all { 1 } else { BLOCK };
        let mut waiting = std::mem::take(&mut self.ingest.waiting);
        for type_number in 0..waiting.typed.len() {
            if waiting.typed[type_number][0].len() >= least {
                self.flush_type(TypeId(type_number as u32), &mut waiting)?;
            }
        }
        self.append("object", &mut waiting.object, least)?;
        self.append("seen", &mut waiting.seen, least)?;
        self.append("reached", &mut waiting.reached, least)?;
        self.append("link", &mut waiting.link, least)?;
        self.append("cell", &mut waiting.cell, least)?;
        self.append("shared", &mut waiting.shared, least)?;
        self.ingest.waiting = waiting;
        Ok(())
    }

    fn flush_type(&mut self, entity_type: TypeId, waiting: &mut Waiting) -> Result<(), StoreError> {
        let table = self.catalog.table(entity_type);
        let (new, added) = self.catalog.take_unstored(entity_type);
        if new {
            self.execute(&format!("CREATE TABLE {table}(obj UINTEGER, ent UINTEGER)"))?;
        }
        let alter: String = added
            .iter()
            .map(|column| format!("ALTER TABLE {table} ADD COLUMN {} UINTEGER;", self.catalog.sql(*column)))
            .collect();
        if !alter.is_empty() {
            self.execute(&alter)?;
        }
        let [objects, entities] = std::mem::take(&mut waiting.typed[entity_type.0 as usize]);
        let count = objects.len();
        let mut arrays = vec![plain(objects), plain(entities)];
        let stored: Vec<ColumnId> = self.catalog.stored_columns(entity_type).collect();
        for column in stored {
            let mut cells = std::mem::take(&mut waiting.columns[column.0 as usize]);
            cells.resize(count, NO_CODE);
            arrays.push(nullable(cells));
        }
        self.append_arrays(&table, arrays)
    }

    fn append<const N: usize>(
        &mut self,
        table: &str,
        columns: &mut [Vec<u32>; N],
        least: usize,
    ) -> Result<(), StoreError> {
        if columns[0].len() < least {
            return Ok(());
        }
        let arrays = columns.iter_mut().map(|column| plain(std::mem::take(column))).collect();
        self.append_arrays(table, arrays)
    }

    fn append_arrays(&mut self, table: &str, arrays: Vec<ArrayRef>) -> Result<(), StoreError> {
        let field = |n: usize| Field::new(format!("c{n}"), DataType::UInt32, true);
        let schema = Arc::new(Schema::new((0..arrays.len()).map(field).collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(schema, arrays)
            .map_err(|error| StoreError::Database(duckdb::Error::ToSqlConversionFailure(Box::new(error))))?;
        let mut appender = self.connection()?.appender(table)?;
        appender.append_record_batch(batch)?;
        appender.flush()?;
        Ok(())
    }

    /// Objects that several records with one id have in common are seen once in the record
    /// made of them.
    fn unite_appearances(&mut self, united: &[u32]) -> Result<(), StoreError> {
        if united.is_empty() {
            return Ok(());
        }
        let mut united = united.to_vec();
        united.sort_unstable();
        united.dedup();
        let records = self.scratch_codes(united)?;
        let within = format!("rec IN (SELECT c FROM {records})");
        let once = self.scratch(&format!(
            "SELECT rec, obj, min(ord) AS ord, min(type) AS type FROM seen WHERE {within} GROUP BY rec, obj"
        ))?;
        let reached = self.scratch(&format!(
            "SELECT rec, obj, min(ord) AS ord FROM reached WHERE {within}
             AND NOT EXISTS (SELECT 1 FROM {once} o WHERE o.rec = reached.rec AND o.obj = reached.obj)
             GROUP BY rec, obj"
        ))?;
        self.execute(&format!(
            "DELETE FROM seen WHERE {within}; INSERT INTO seen SELECT * FROM {once};
             DELETE FROM reached WHERE {within}; INSERT INTO reached SELECT * FROM {reached};"
        ))?;
        self.sweep()
    }

    /// Writes the table of records anew, with their ranks.
    fn write_records(&mut self) -> Result<(), StoreError> {
        let count = index(self.records.len())?;
        let mut timed: Vec<(Timestamp, u32)> =
            (0..count).filter_map(|rec| Some((self.records.last(rec)?, rec))).collect();
        timed.sort_unstable();
        // Records without times come first, in the order of their numbers.
        let mut ranks: Vec<u32> = (0..count).collect();
        for (place, (_, rec)) in timed.iter().enumerate() {
            ranks[*rec as usize] = TIMED | place as u32;
        }
        let mut timed: Vec<(Timestamp, u32)> =
            (0..count).filter_map(|rec| Some((self.records.first(rec)?, rec))).collect();
        timed.sort_unstable();
        // By first appearance, they come last.
        let mut born: Vec<u32> = (0..count).map(|rec| TIMED | rec).collect();
        for (place, (_, rec)) in timed.iter().enumerate() {
            born[*rec as usize] = place as u32;
        }
        self.execute("DELETE FROM record")?;
        self.worlds.new_ranks();
        self.append_records(0..count, &ranks, &born)
    }

    /// Appends records with these ranks and places by first appearance, one for each.
    fn append_records(
        &mut self,
        range: std::ops::Range<u32>,
        ranks: &[u32],
        born: &[u32],
    ) -> Result<(), StoreError> {
        let rows: Vec<(u32, Row)> = range.map(|rec| (rec, *self.records.row(rec))).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
        let batch = record_batch(&[
            ("rec", Data::U32(rows.iter().map(|(rec, _)| *rec).collect())),
            ("source", Data::U32(rows.iter().map(|(_, row)| row.source.0).collect())),
            ("real", Data::U32(rows.iter().map(|(_, row)| u32::from(row.real)).collect())),
            ("first", Data::I64(rows.iter().map(|(_, row)| micros(row.first)).collect())),
            ("last", Data::I64(rows.iter().map(|(_, row)| micros(row.last)).collect())),
            ("number", Data::I64(rows.iter().map(|(_, row)| Some(row.number)).collect())),
            ("rank", Data::U32(ranks.to_vec())),
            ("born", Data::U32(born.to_vec())),
            ("place", Data::U32(rows.iter().map(|(_, row)| row.place).collect())),
        ])?;
        let mut appender = self.connection()?.appender("record")?;
        appender.append_record_batch(batch)?;
        appender.flush()?;
        Ok(())
    }
}

/// How a record repeats a known one.
enum Same {
    /// Identical.
    Record(u32),
    /// Another content under the same id, in the same source.
    Id(u32),
}

fn push_row<const N: usize>(columns: &mut [Vec<u32>; N], row: [u32; N]) {
    for (column, value) in columns.iter_mut().zip(row) {
        column.push(value);
    }
}

fn plain(values: Vec<u32>) -> ArrayRef {
    Arc::new(UInt32Array::from(values))
}

fn nullable(values: Vec<u32>) -> ArrayRef {
    if values.contains(&NO_CODE) {
        Arc::new(values.into_iter().map(|code| (code != NO_CODE).then_some(code)).collect::<UInt32Array>())
    } else {
        plain(values)
    }
}

/// Numbers of records stay below the bit that ranks use.
fn index(n: usize) -> Result<u32, StoreError> {
    u32::try_from(n).ok().filter(|n| *n < TIMED).ok_or(StoreError::Full)
}
