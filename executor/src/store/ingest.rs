//! Taking in batches of records: the one place where values, objects, entities and records get
//! their numbers.
//!
//! Numbers are given in source order, so they depend on the data only, not on how many threads
//! read it.

use kestrel_stix::{
    batch::{Batch, ColumnKind, ObjectRow, RecordRow},
    identity::id_text,
    record::{Defect, Defects, count_defect, merge_defects},
};

use super::{ColumnId, SourceId, Store, StoreError, TypeId, archive::Reference, index::Index, records::Row};

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
/// Batches of so many objects are worth two threads.
const MANY: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Ingest {
    /// Records of each source that was read to its end.
    pub(super) sources: Vec<std::ops::Range<u32>>,
    /// Records that a later source has too: source, record, place.
    pub(super) shared: Vec<(SourceId, u32, u32)>,
    objects: Contents,
    /// Records by their ids.
    records: Index,
    loading: Option<Loading>,
}

/// The content key of each distinct object: equal objects have one number.
#[derive(Debug, Default)]
struct Contents {
    keys: Vec<u128>,
    index: Index,
}

impl Contents {
    /// Returns the number of an object, and whether it is new.
    fn intern(&mut self, key: u128) -> Result<(u32, bool), StoreError> {
        let new = index(self.keys.len())?;
        let keys = &self.keys;
        // A key is a hash already.
        let number = self.index.find_or_insert(key as u64, new, |known| keys[known as usize] == key);
        if number == new {
            self.keys.push(key);
        }
        Ok((number, number == new))
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

/// The objects of a batch, by the session's numbers.
struct Numbered {
    numbers: Vec<u32>,
    /// The place in the batch of each that is new, and its entity.
    new: Vec<(usize, u32)>,
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
        let contents = self.objects.keys.len() as u64 * 16 + self.objects.index.bytes();
        contents + self.records.bytes() + self.shared.len() as u64 * 12
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
        self.ingest.sources[source.0 as usize] = records;
        self.rank_records();
        self.catalog.declare();
        if self.options.attach_processes {
            self.attach(loading.first_record)?;
        }
        Ok(loading.loaded)
    }

    /// Gives up a source that failed: its records stay without ever being asked for, unless
    /// another source has them too.
    pub fn abandon_source(&mut self, source: SourceId) {
        self.ingest.loading.take_if(|loading| loading.source == source);
        self.rank_records();
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
        self.ingest.sources[source.0 as usize] = records;
        self.rank_untimed();
        self.catalog.declare();
        Ok((source, objects))
    }

    /// Gives every value, column, object and entity of a batch its number.
    fn map_batch(&mut self, batch: &Batch) -> Result<Mapping, StoreError> {
        let types: Vec<TypeId> = batch.types.iter().map(|name| self.catalog.add_type(name)).collect();
        let Store { dictionary, ingest, entities, aliases, .. } = self;
        let mut values = || -> Result<Vec<u32>, StoreError> {
            let values = 0..batch.values.len() as u32;
            values
                .map(|value| dictionary.intern_hashed(batch.values.hash(value), &batch.values.get(value)))
                .collect()
        };
        // Numbers first, rows second: in circles, objects refer to later ones.
        let mut objects = || -> Result<Numbered, StoreError> {
            let mut numbers = Vec::with_capacity(batch.objects.len());
            let mut new = Vec::new();
            for (at, row) in batch.objects.iter().enumerate() {
                let (number, is_new) = ingest.objects.intern(row.content)?;
                numbers.push(number);
                if is_new {
                    let entity_type = types[row.entity_type as usize];
                    let entity = entities.intern(row.entity, entity_type, MOST).ok_or(StoreError::Full)?;
                    // An entity that was found to be another one stays that other one.
                    new.push((at, aliases.get(&entity).copied().unwrap_or(entity)));
                }
            }
            Ok(Numbered { numbers, new })
        };
        // Looking up is waiting for memory, so two threads do it in half the time.
        let (codes, found) = if self.options.threads == 1 || batch.objects.len() < MANY {
            (values(), objects())
        } else {
            rayon::join(values, objects)
        };
        let (codes, Numbered { numbers: objects, new }) = (codes?, found?);
        let mut mapping = Mapping { types, columns: vec![None; batch.columns.len()], codes, objects };
        for (at, entity) in new {
            self.push_object(batch, &mut mapping, at, entity)?;
        }
        Ok(mapping)
    }

    fn push_object(
        &mut self,
        batch: &Batch,
        mapping: &mut Mapping,
        at: usize,
        entity: u32,
    ) -> Result<(), StoreError> {
        let row: &ObjectRow = &batch.objects[at];
        let entity_type = mapping.types[row.entity_type as usize];
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
        self.ingest.records.insert(self.hasher.hash_one(id), rec);
    }

    /// Finds a record that this one repeats.
    fn known_record(&self, id: &str, row: &Row) -> Option<Same> {
        let hash = self.hasher.hash_one(id);
        let same = |known: u32| {
            let candidate = self.records.row(known);
            candidate.content == row.content && candidate.real == row.real && self.records.id(known) == id
        };
        if let Some(rec) = self.ingest.records.find(hash, same) {
            return Some(Same::Record(rec));
        }
        let of_source = |known: u32| {
            let candidate = self.records.row(known);
            candidate.source == row.source && candidate.real == row.real && self.records.id(known) == id
        };
        self.ingest.records.find(hash, of_source).map(Same::Id)
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
