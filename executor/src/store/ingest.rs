//! Taking in batches of records: the one place where values, objects, entities and records get
//! their numbers.
//!
//! Numbers are given in source order, so they depend on the data only, not on how many threads
//! read it. Rows gather in memory and go to the database in large blocks of integers.

use std::collections::HashMap;

use hashbrown::HashTable;
use kestrel_stix::{
    batch::{Batch, ColumnKind, ObjectRow, RecordRow},
    identity::id_text,
    record::{Defect, Defects, count_defect, merge_defects},
};

use super::{
    ColumnId, INDEX, NO_CODE, SourceId, Store, StoreError, TypeId, archive::Reference, records::Row,
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

/// So many records and objects there may be.
const MOST: u32 = 1 << 31;

#[derive(Debug, Default)]
pub(super) struct Ingest {
    /// Records of each source that was read to its end.
    pub(super) sources: Vec<std::ops::Range<u32>>,
    /// Records that a later source has too: source, record, place.
    pub(super) shared: Vec<(SourceId, u32, u32)>,
    /// Number of each distinct object, by content.
    objects: HashMap<u128, u32, ContentState>,
    records: HashTable<u32>,
    loading: Option<Loading>,
}

/// Contents are hashes already.
type ContentState = std::hash::BuildHasherDefault<ContentHasher>;

#[derive(Debug, Default)]
struct ContentHasher(u64);

impl std::hash::Hasher for ContentHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, n: u128) {
        self.0 = (n ^ (n >> 64)) as u64;
    }
}

/// The source that is being read.
#[derive(Debug)]
struct Loading {
    source: SourceId,
    first_record: u32,
    place: u32,
    loaded: Loaded,
}

/// How a batch's numbers map to the session's.
struct Mapping {
    types: Vec<TypeId>,
    columns: Vec<Option<ColumnId>>,
    codes: Vec<u32>,
    objects: Vec<u32>,
}

impl Ingest {
    /// Returns the bytes of memory that it takes, about.
    pub(super) fn bytes(&self) -> u64 {
        let objects = self.objects.len() as u64 * (24 + INDEX);
        objects + self.records.len() as u64 * INDEX + self.shared.len() as u64 * 12
    }
}

impl Store {
    /// Starts a source; its batches are to follow in source order, without those of another.
    pub fn begin_source(&mut self) -> Result<SourceId, StoreError> {
        let source = self.new_source()?;
        let first_record = index(self.records.len())?;
        let loaded = Loaded::default();
        self.ingest.loading = Some(Loading { source, first_record, place: 0, loaded });
        Ok(source)
    }

    fn new_source(&mut self) -> Result<SourceId, StoreError> {
        let source = SourceId(index(self.ingest.sources.len())?);
        self.ingest.sources.push(0..0);
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
        match self.options.memory {
            Some(limit) if self.loaded_bytes() > limit => {
                Err(StoreError::TooLarge { used: self.loaded_bytes(), limit })
            }
            _ => Ok(()),
        }
    }

    /// Ends a source: everything it gave can be asked for. A source that failed is never
    /// ended; begin another one.
    pub fn finish_source(&mut self, source: SourceId) -> Result<Loaded, StoreError> {
        let Some(loading) = self.ingest.loading.take_if(|loading| loading.source == source) else {
            return Ok(Loaded::default());
        };
        let records = loading.first_record..index(self.records.len())?;
        self.ingest.sources[source.0 as usize] = records.clone();
        self.rank_records()?;
        self.write_schema()?;
        if self.options.attach_processes {
            self.bring(&records.collect::<Vec<_>>())?;
            self.attach(loading.first_record)?;
        }
        Ok(loading.loaded)
    }

    /// Gives up a source that failed: its records stay without ever being asked for, unless
    /// another source has them too.
    pub fn abandon_source(&mut self, source: SourceId) -> Result<(), StoreError> {
        self.ingest.loading.take_if(|loading| loading.source == source);
        self.rank_records()
    }

    /// Takes in rows of a huntflow or a file: each object is in a synthetic record of its own.
    /// Returns the number of the source, and the object of each row of the batch's `loose`.
    pub(super) fn take_synthetic(&mut self, batch: &Batch) -> Result<(SourceId, Vec<u32>), StoreError> {
        let source = self.new_source()?;
        let mapping = self.map_batch(batch)?;
        let start = index(self.records.len())?;
        let mut objects = Vec::with_capacity(batch.loose.len());
        for object in &batch.loose {
            self.push_synthetic(batch, *object, source)?;
            let number = mapping.objects[*object as usize];
            self.archive.push_record([number]);
            objects.push(number);
        }
        let records = start..index(self.records.len())?;
        self.ingest.sources[source.0 as usize] = records.clone();
        self.rank_untimed();
        self.write_schema()?;
        self.bring(&records.collect::<Vec<_>>())?;
        Ok((source, objects))
    }

    /// Gives every value, column, object and entity of a batch its number.
    fn map_batch(&mut self, batch: &Batch) -> Result<Mapping, StoreError> {
        let types: Vec<TypeId> = batch.types.iter().map(|name| self.catalog.add_type(name)).collect();
        let mut codes = Vec::with_capacity(batch.values.len());
        for value in 0..batch.values.len() as u32 {
            codes.push(self.dictionary.intern_hashed(batch.values.hash(value), &batch.values.get(value))?);
        }
        let objects = vec![NO_CODE; batch.objects.len()];
        let mut mapping = Mapping { types, columns: vec![None; batch.columns.len()], codes, objects };
        // Numbers first, rows second: in circles, objects refer to later ones.
        let mut new = Vec::new();
        let mut next = index(self.archive.objects())?;
        for (at, row) in batch.objects.iter().enumerate() {
            let number = *self.ingest.objects.entry(row.content).or_insert(next);
            if number == next {
                next = next.checked_add(1).filter(|n| *n < MOST).ok_or(StoreError::Full)?;
                new.push(at);
            }
            mapping.objects[at] = number;
        }
        for at in new {
            self.push_object(batch, &mut mapping, at)?;
        }
        Ok(mapping)
    }

    fn push_object(&mut self, batch: &Batch, mapping: &mut Mapping, at: usize) -> Result<(), StoreError> {
        let row: &ObjectRow = &batch.objects[at];
        let entity_type = mapping.types[row.entity_type as usize];
        let entity = self.intern_entity(entity_type, row.entity)?;
        if !self.archive.has_room() {
            return Err(StoreError::Full);
        }
        self.archive.push_object(entity, entity_type);
        for cell in batch.cells_of(row) {
            let column = self.map_column(batch, mapping, cell.column);
            let code = mapping.codes[cell.value as usize];
            if self.catalog.is_narrow(column) {
                self.archive.put_cell(column, code);
            } else {
                self.archive.put(column, code);
            }
        }
        for link in batch.links_of(row) {
            let column = self.map_column(batch, mapping, link.column);
            let target_row = &batch.objects[link.target as usize];
            let target = mapping.objects[link.target as usize];
            self.catalog.add_target(column, mapping.types[target_row.entity_type as usize]);
            if self.catalog.kind(column) == ColumnKind::Reference && !self.catalog.is_narrow(column) {
                self.archive.put(column, target);
            }
            self.archive.put_link(Reference { column, ord: link.ord, target });
        }
        self.catalog.note_first(entity_type);
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
        id
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
                    count_defect(&mut loading.loaded.defects, Defect::DuplicateRecordId, || {
                        (format!("record {}", loading.place), record.id.clone())
                    });
                }
                self.archive.unite(rec, objects.iter().copied());
                self.count_appearances(objects.len());
            }
            None => {
                self.push_record(&record.id, row, record)?;
                self.count_appearances(objects.len());
                self.archive.push_record(objects);
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
                index(self.records.len())?;
                self.remember(&id, record, None, None);
                self.archive.push_record([mapping.objects[object as usize]]);
                self.count_appearances(1);
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

    fn push_record(&mut self, id: &str, row: Row, record: &RecordRow) -> Result<(), StoreError> {
        index(self.records.len())?;
        self.remember(id, row, record.first_text.as_deref(), record.last_text.as_deref());
        Ok(())
    }

    fn count_appearances(&mut self, new: usize) {
        if let Some(loading) = &mut self.ingest.loading {
            loading.loaded.appearances += new as u64;
        }
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
            self.ingest.shared.push((source, rec, loading.place));
            loading.loaded.records += 1;
            loading.place += 1;
        }
    }
}

/// How a record repeats a known one.
enum Same {
    /// Identical.
    Record(u32),
    /// Another content under the same id, in the same source.
    Id(u32),
}

/// Numbers of records and objects stay below the bit that ranks use.
fn index(n: usize) -> Result<u32, StoreError> {
    u32::try_from(n).ok().filter(|n| *n < MOST).ok_or(StoreError::Full)
}
