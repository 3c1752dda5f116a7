//! Bringing records into the database: those that a query returned, each once, with the objects
//! that they show and that these lead to.
//!
//! The database never sees what nobody asked for, so operations cost what the answer costs, not
//! what the source holds.

use std::sync::Arc;

use duckdb::arrow::{
    array::{ArrayRef, UInt32Array},
    datatypes::{DataType, Field, Schema},
    record_batch::RecordBatch,
};
use kestrel_stix::{Timestamp, batch::ColumnKind};

use super::{
    ColumnId, Data, NO_CODE, Store, StoreError, TypeId, archive::Archive, database::record_batch,
    records::Row,
};

/// Rows go to the database when so many of them wait.
const BLOCK: usize = 1 << 16;
/// Objects that a united record brings later stand after those it had.
const LATER: u32 = 1 << 30;
/// Records with times rank after all those without.
const TIMED: u32 = 1 << 31;

/// What is in the database, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// Whether each record is in the database.
    records: Vec<bool>,
    /// Whether each object is.
    objects: Vec<bool>,
    /// The last record in which each object was seen or reached.
    stamps: Vec<u32>,
    /// Place of each record by last time, and by first.
    ranks: Vec<u32>,
    born: Vec<u32>,
    /// Working memory for one record: objects to follow references from.
    stack: Vec<u32>,
    waiting: Waiting,
    /// Objects that are in the database but not yet in the table of their type, by type: of
    /// most types no operation ever looks at a table.
    pending: Vec<Vec<u32>>,
}

/// Rows on their way into the database.
#[derive(Debug, Default)]
struct Waiting {
    records: Vec<u32>,
    seen: [Vec<u32>; 4],
    reached: [Vec<u32>; 3],
    /// By type.
    objects: Vec<Vec<u32>>,
}

/// What one call brings.
#[derive(Debug, Default)]
struct New {
    records: Vec<u32>,
    objects: Vec<u32>,
}

impl Stage {
    /// Returns the place of a record by first appearance.
    pub(super) fn born(&self, record: u32) -> u32 {
        self.born[record as usize]
    }

    /// Returns what a record shows, with the place of each object in it.
    pub(super) fn shown<'a>(
        &self,
        archive: &'a Archive,
        record: u32,
    ) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        let (own, more) = archive.seen(record);
        let ords = (0..own.len() as u32).chain((0..more.len() as u32).map(|at| LATER + at));
        ords.zip(own.iter().chain(more).copied())
    }
}

impl Store {
    /// Brings these records into the database, all or none.
    pub(super) fn bring(&mut self, records: &[u32]) -> Result<(), StoreError> {
        self.stage.records.resize(self.records.len(), false);
        self.stage.objects.resize(self.archive.objects(), false);
        self.stage.stamps.resize(self.archive.objects(), NO_CODE);
        let mut new = New::default();
        let pending: Vec<usize> = self.stage.pending.iter().map(Vec::len).collect();
        let brought = self.at_once(|store| {
            for record in records {
                if !std::mem::replace(&mut store.stage.records[*record as usize], true) {
                    new.records.push(*record);
                    store.bring_record(*record, &mut new);
                    if store.stage.waiting.seen[0].len() >= BLOCK {
                        store.flush()?;
                    }
                }
            }
            store.flush()
        });
        if brought.is_err() {
            // What was not written is not there, for any later step.
            new.records.iter().for_each(|record| {
                self.stage.records[*record as usize] = false;
            });
            new.objects.iter().for_each(|object| self.stage.objects[*object as usize] = false);
            self.stage.stamps.fill(NO_CODE);
            self.stage.waiting = Waiting::default();
            let lengths = pending.into_iter().chain(std::iter::repeat(0));
            self.stage.pending.iter_mut().zip(lengths).for_each(|(objects, length)| objects.truncate(length));
        }
        brought
    }

    /// Does several things to the database as one: all or none.
    pub(super) fn at_once<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.execute("BEGIN")?;
        let done = work(self).and_then(|done| self.execute("COMMIT").map(|()| done));
        if done.is_err() {
            // A transaction that failed by itself is gone already.
            let _ = self.execute("ROLLBACK");
        }
        done
    }

    /// Notes what is seen in a record, and what is only reached by references from there.
    fn bring_record(&mut self, record: u32, new: &mut New) {
        let (archive, stage) = (&self.archive, &mut self.stage);
        let (own, more) = archive.seen(record);
        stage.waiting.records.push(record);
        stage.stack.clear();
        let ords = (0..own.len() as u32).chain((0..more.len() as u32).map(|at| LATER + at));
        for (object, ord) in own.iter().chain(more).zip(ords) {
            let stamp = &mut stage.stamps[*object as usize];
            if *stamp != record {
                *stamp = record;
                push_row(&mut stage.waiting.seen, [record, *object, ord, archive.type_of(*object).0]);
                stage.stack.push(*object);
            }
        }
        let mut place = if more.is_empty() { own.len() as u32 } else { LATER + more.len() as u32 };
        while let Some(object) = stage.stack.pop() {
            if !std::mem::replace(&mut stage.objects[object as usize], true) {
                let at = archive.type_of(object).0 as usize;
                if stage.waiting.objects.len() <= at {
                    stage.waiting.objects.resize_with(at + 1, Vec::new);
                }
                stage.waiting.objects[at].push(object);
                new.objects.push(object);
            }
            for link in archive.links(object) {
                let stamp = &mut stage.stamps[link.target as usize];
                if *stamp != record {
                    *stamp = record;
                    push_row(&mut stage.waiting.reached, [record, link.target, place]);
                    place += 1;
                    stage.stack.push(link.target);
                }
            }
        }
    }

    /// Writes what waits.
    fn flush(&mut self) -> Result<(), StoreError> {
        let mut waiting = std::mem::take(&mut self.stage.waiting);
        if waiting.records.is_empty() {
            return Ok(());
        }
        let mut links: [Vec<u32>; 4] = Default::default();
        let mut cells: [Vec<u32>; 3] = Default::default();
        let mut objects: [Vec<u32>; 3] = Default::default();
        for (at, new) in waiting.objects.iter().enumerate().filter(|(_, new)| !new.is_empty()) {
            let entity_type = TypeId(at as u32);
            for object in new {
                push_row(&mut objects, [*object, self.archive.entities[*object as usize], entity_type.0]);
                for link in self.archive.links(*object) {
                    if self.is_listed(link.column) {
                        push_row(&mut links, [*object, link.column.0, link.ord, link.target]);
                    }
                }
                for (column, code) in self.archive.cells(*object) {
                    push_row(&mut cells, [*object, column.0, *code]);
                }
            }
            if self.stage.pending.len() <= at {
                self.stage.pending.resize_with(at + 1, Vec::new);
            }
            self.stage.pending[at].extend(new);
        }
        self.append("object", &mut objects)?;
        self.append("link", &mut links)?;
        self.append("cell", &mut cells)?;
        self.append("seen", &mut waiting.seen)?;
        self.append("reached", &mut waiting.reached)?;
        self.append_records(&waiting.records)
    }

    /// Returns true for references that are rows of table `link`, not a column of their type.
    fn is_listed(&self, column: ColumnId) -> bool {
        self.catalog.kind(column) == ColumnKind::References || self.catalog.is_narrow(column)
    }

    /// Returns the table of a type's objects, with all that are in the database.
    pub(super) fn type_table(&mut self, entity_type: TypeId) -> Result<String, StoreError> {
        let table = self.catalog.table(entity_type);
        let at = entity_type.0 as usize;
        let columns: Vec<ColumnId> = self.catalog.stored_columns(entity_type).collect();
        let stored = self.catalog.stored(entity_type);
        let objects = self.stage.pending.get_mut(at).map(std::mem::take).unwrap_or_default();
        if objects.is_empty() && stored == Some(columns.len()) {
            return Ok(table);
        }
        let added = columns[stored.unwrap_or(0)..].iter();
        let added = added.map(|column| format!("{} UINTEGER", self.catalog.sql(*column)));
        let schema = match stored {
            None => {
                let columns: String = added.map(|column| format!(", {column}")).collect();
                format!("CREATE TABLE {table}(obj UINTEGER, ent UINTEGER{columns})")
            }
            Some(_) => added.map(|column| format!("ALTER TABLE {table} ADD COLUMN {column};")).collect(),
        };
        let written = self.at_once(|store| {
            if !schema.is_empty() {
                store.execute(&schema)?;
            }
            if objects.is_empty() { Ok(()) } else { store.append_objects(&table, &columns, &objects) }
        });
        match &written {
            Ok(()) => self.catalog.set_stored(entity_type),
            // They still wait.
            Err(_) => {
                if let Some(pending) = self.stage.pending.get_mut(at) {
                    *pending = objects;
                }
            }
        }
        written.map(|()| table)
    }

    fn append_objects(
        &mut self,
        table: &str,
        columns: &[ColumnId],
        objects: &[u32],
    ) -> Result<(), StoreError> {
        let entities = objects.iter().map(|object| self.archive.entities[*object as usize]).collect();
        let mut arrays = vec![plain(objects.to_vec()), plain(entities)];
        for column in columns {
            let codes = objects.iter().map(|object| self.archive.code(*column, self.archive.row_of(*object)));
            arrays.push(nullable(codes.collect()));
        }
        self.append_arrays(table, arrays)
    }

    /// Orders the records by time, after a source was added.
    pub(super) fn rank_records(&mut self) -> Result<(), StoreError> {
        let count = self.records.len() as u32;
        // Records without times come first, in the order of their numbers; by first appearance,
        // they come last.
        let place = |times: &dyn Fn(u32) -> Option<Timestamp>, untimed: u32, base: u32| {
            let mut timed: Vec<(Timestamp, u32)> =
                (0..count).filter_map(|record| Some((times(record)?, record))).collect();
            if !timed.is_sorted() {
                timed.sort_unstable();
            }
            let mut places: Vec<u32> = (0..count).map(|record| untimed | record).collect();
            for (place, (_, record)) in timed.iter().enumerate() {
                places[*record as usize] = base | place as u32;
            }
            places
        };
        let records = &self.records;
        self.stage.ranks = place(&|record| records.last(record), 0, TIMED);
        self.stage.born = place(&|record| records.first(record), TIMED, 0);
        let known: Vec<u32> = (0u32..)
            .zip(&self.stage.records)
            .filter(|(_, known)| **known)
            .map(|(record, _)| record)
            .collect();
        if known.is_empty() {
            return Ok(());
        }
        self.worlds.new_ranks();
        let written = self.at_once(|store| {
            store.execute("DELETE FROM record")?;
            store.append_records(&known)
        });
        // Records in an order that holds no more are worse than none.
        self.broken |= written.is_err();
        written
    }

    /// Gives the last records, which have no times, their places.
    pub(super) fn rank_untimed(&mut self) {
        let (from, to) = (self.stage.ranks.len() as u32, self.records.len() as u32);
        self.stage.ranks.extend(from..to);
        self.stage.born.extend((from..to).map(|record| TIMED | record));
    }

    fn append<const N: usize>(&mut self, table: &str, columns: &mut [Vec<u32>; N]) -> Result<(), StoreError> {
        if columns[0].is_empty() {
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
        self.append_batch(table, batch)
    }

    fn append_records(&mut self, records: &[u32]) -> Result<(), StoreError> {
        let rows: Vec<(u32, Row)> =
            records.iter().map(|record| (*record, *self.records.row(*record))).collect();
        let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
        let batch = record_batch(&[
            ("rec", Data::U32(records.to_vec())),
            ("source", Data::U32(rows.iter().map(|(_, row)| row.source.0).collect())),
            ("real", Data::U32(rows.iter().map(|(_, row)| u32::from(row.real)).collect())),
            ("first", Data::I64(rows.iter().map(|(_, row)| micros(row.first)).collect())),
            ("last", Data::I64(rows.iter().map(|(_, row)| micros(row.last)).collect())),
            ("number", Data::I64(rows.iter().map(|(_, row)| Some(row.number)).collect())),
            ("rank", Data::U32(rows.iter().map(|(record, _)| self.stage.ranks[*record as usize]).collect())),
            ("born", Data::U32(rows.iter().map(|(record, _)| self.stage.born[*record as usize]).collect())),
        ])?;
        self.append_batch("record", batch)
    }

    /// Appends to the records that a query returned.
    pub(super) fn append_query(&mut self, query: u32, records: &[u32]) -> Result<(), StoreError> {
        self.append("query", &mut [vec![query; records.len()], records.to_vec()])
    }
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
