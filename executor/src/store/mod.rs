//! The records and entities of a session, as numbers.
//!
//! | what | where |
//! |---|---|
//! | distinct attribute values | [`Dictionary`]: a value is its code, a dense number |
//! | types, attributes, references | [`Catalog`] |
//! | ids and times of records | [`Records`] |
//! | everything loaded: objects, appearances, references | `archive`, column by column |
//! | entities | `entities`: a number for each type and STIX id |
//! | rows of variables | [`EntitySet`]: entities in order, or a table of an embedded database |
//!
//! A query of a source is answered over the archive (`patterns`), and what it returns is entities
//! and records by number. References are followed by looking up (`relate`), attributes are merged
//! by running over what the records at hand show (`merged`, `values`). Operations that order,
//! group, join or write rows do it in the database, over tables of numbers; it is opened when the
//! first of them comes.
//!
//! Attributes and the targets of references depend on the object alone, since equal objects
//! are one: every test of a pattern is a condition on objects, whatever the record.
//! SQL is made of numbers and of names that this module made up; no text of a user is in it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use ahash::RandomState;
use duckdb::Connection;
use kestrel_stix::EntityType;

mod archive;
mod attach;
mod attributes;
mod catalog;
mod counts;
mod database;
mod dictionary;
mod entities;
mod entity_set;
mod error;
mod expand;
mod fetch;
mod index;
mod ingest;
mod literal;
mod merged;
mod patterns;
mod process_filter;
mod rank;
mod records;
mod relate;
mod times;
mod values;
mod watch;
mod worlds;

pub use attributes::Known;
pub use catalog::{Catalog, ColumnId, ColumnKind, TypeId};
pub use counts::Counts;
pub use database::{Columns, Data};
pub use dictionary::{Dictionary, NO_CODE};
pub use entity_set::{EntitySet, Pool, World};
pub use error::StoreError;
pub use expand::{ExpandRequest, Expanded};
pub use fetch::{FetchRequest, QueryResult};
pub use ingest::Loaded;
pub use records::Records;
pub use watch::Watch;

/// What a session may use, and which of the optional rules hold.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Bytes the database may hold in memory before it writes to a private folder; none lets
    /// it choose.
    pub memory: Option<u64>,
    /// Threads the database may use; 0 lets it choose.
    pub threads: usize,
    /// Whether processes without unique id join the one process with unique id that fits.
    /// Source: entities specification 3.4.
    pub attach_processes: bool,
    /// Where the private folder for intermediate data is made; none takes the system's.
    pub temporary: Option<PathBuf>,
}

/// One thing that records come from: a part of an address that was read, or the rows of one
/// `NEW` or `LOAD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// See the module's page.
///
/// One owner at a time; the database itself runs each query on several threads. Everything it
/// gives depends only on the order in which sources were loaded and operations asked for.
#[derive(Debug)]
pub struct Store {
    options: Options,
    database: Option<database::Database>,
    dictionary: Dictionary,
    catalog: Catalog,
    records: Records,
    archive: archive::Archive,
    times: times::Times,
    ingest: ingest::Ingest,
    entities: entities::Entities,
    hasher: RandomState,
    /// Which entity replaced which, by the attach rule.
    aliases: HashMap<u32, u32, RandomState>,
    next_table: u64,
    /// The records that each query returned, ascending.
    queries: Vec<Vec<u32>>,
    /// What the centre of each query matched: record and object, ascending.
    hits: Vec<Vec<(u32, u32)>>,
    /// The pool before each pool, and the queries whose records it adds.
    pools: Vec<(Option<Pool>, Vec<u32>)>,
    /// The records of the pools asked for last.
    pool_records: VecDeque<(Pool, Arc<[u32]>)>,
    /// Entities by type that came with a group of queries.
    shown: VecDeque<counts::ShownBy>,
    worlds: worlds::Worlds,
    merged: merged::Cache,
    sets: Vec<String>,
    /// Sets whose table was not needed yet.
    unmade: HashSet<String, RandomState>,
    gave_up: u64,
    statistics: Statistics,
    watch: Watch,
}

/// What the database did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Statements and appends.
    pub statements: u64,
    /// Wall time they took.
    pub database: Duration,
    /// Rows brought in.
    pub rows_in: u64,
}

impl Store {
    /// Makes an empty store. The database is opened when it is first needed.
    pub fn new(options: Options) -> Self {
        Store {
            options,
            database: None,
            dictionary: Dictionary::default(),
            catalog: Catalog::default(),
            records: Records::default(),
            archive: archive::Archive::default(),
            times: times::Times::default(),
            ingest: ingest::Ingest::default(),
            entities: entities::Entities::default(),
            hasher: RandomState::new(),
            aliases: HashMap::default(),
            next_table: 0,
            queries: Vec::new(),
            hits: Vec::new(),
            pools: Vec::new(),
            pool_records: VecDeque::new(),
            shown: VecDeque::new(),
            worlds: worlds::Worlds::default(),
            merged: merged::Cache::default(),
            sets: Vec::new(),
            unmade: HashSet::default(),
            gave_up: 0,
            statistics: Statistics::default(),
            watch: Watch::default(),
        }
    }

    /// Closes the database, and leaves all memory to the end of the program, which frees it at
    /// once: putting back millions of small pieces would keep the user waiting.
    pub fn close(mut self) {
        drop(self.database.take());
        std::mem::forget(self);
    }

    /// Returns the values of the session.
    pub fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// Returns the values of the session, for results that are new values.
    pub fn dictionary_mut(&mut self) -> &mut Dictionary {
        &mut self.dictionary
    }

    /// Returns the types and attributes that occurred.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Returns ids and times of the records.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// Returns the STIX id of an entity: `type--uuid`.
    pub fn entity_id(&self, entity: u32) -> String {
        let (uuid, entity_type) = self.entities.get(entity);
        kestrel_stix::identity::id_text(self.catalog.type_name(entity_type), uuid)
    }

    /// Returns the number of an entity by its STIX id, if the session has seen it.
    pub fn entity(&self, id: &str) -> Option<u32> {
        let (name, _) = id.rsplit_once("--")?;
        let entity_type = self.catalog.type_id(name)?;
        let uuid = kestrel_stix::identity::parse_id(name, id)?;
        let found = self.entities.find(uuid, entity_type)?;
        Some(*self.aliases.get(&found).unwrap_or(&found))
    }

    /// Returns how often a regular expression took too long on a value, which was then taken
    /// not to match, since this was last asked. To be reported when it is not 0.
    pub fn take_gave_up(&mut self) -> u64 {
        std::mem::take(&mut self.gave_up)
    }

    /// Returns what the database did so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Returns the connection, opening the database if it is not open. For operations over
    /// [`Store::table`] and [`Store::codes`].
    pub fn connection(&mut self) -> Result<&Connection, StoreError> {
        Ok(&self.database()?.connection)
    }

    /// Returns the bytes that what sources gave takes outside the database, about.
    pub fn loaded_bytes(&self) -> u64 {
        let places = self.records.len() as u64 * 9 + self.archive.objects() as u64 * 5;
        self.dictionary.bytes()
            + self.archive.bytes()
            + self.records.bytes()
            + self.ingest.bytes()
            + self.entities.bytes()
            + places
    }

    /// Returns true if some object of the type was stored.
    pub fn has_type(&self, entity_type: &EntityType) -> bool {
        self.catalog.type_id(entity_type.as_str()).is_some()
    }
}

#[cfg(test)]
mod tests;
