//! Opening the database, and tables in and out of it.

use std::{path::Path, sync::Arc, time::Instant};

use duckdb::{
    Config, Connection,
    arrow::{
        array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, UInt32Array},
        datatypes::{DataType, Field, Int64Type, Schema, UInt32Type},
        record_batch::RecordBatch,
    },
};
use tempfile::TempDir;

use super::{EntitySet, NO_CODE, Options, Store, StoreError, World};
use kestrel_ir::plan::Rows;
use kestrel_stix::EntityType;

/// The open database and its folder for intermediate data.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    /// Whether it may use all the threads it is allowed.
    many_threads: bool,
    _folder: TempDir,
}

/// Data of one column on its way into the database.
#[derive(Debug, Clone)]
pub enum Data {
    /// `UINTEGER`; [`NO_CODE`] is null.
    U32(Vec<u32>),
    /// `BIGINT`.
    I64(Vec<Option<i64>>),
    /// `DOUBLE`.
    F64(Vec<Option<f64>>),
}

/// Columns read from the database: codes and numbers, [`NO_CODE`] for null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// One vector a column, all of one length.
    pub columns: Vec<Vec<u32>>,
}

impl Columns {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Returns true if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns one row.
    pub fn row(&self, at: usize) -> impl Iterator<Item = u32> + '_ {
        self.columns.iter().map(move |column| column[at])
    }
}

/// From so many rows on, the database works on several threads.
const MANY_ROWS: u64 = 1 << 18;

impl Database {
    fn open(options: &Options) -> Result<Self, StoreError> {
        let folder = folder(options.temporary.as_deref())?;
        let mut config = config()?
            // Rows are put in order where order matters, by explicit positions.
            .with("preserve_insertion_order", "false")?
            .with("temp_directory", folder.path().to_string_lossy())?
            // This database holds numbers only and never looks at files but its own folder.
            .enable_external_access(false)?;
        if let Some(memory) = options.memory {
            config = config.max_memory(&format!("{memory}B"))?;
        }
        // Threads that wait for each other cost small statements more than they bring.
        let connection = Connection::open_in_memory_with_flags(config.threads(1)?)?;
        Ok(Database { connection, many_threads: false, _folder: folder })
    }
}

/// Never loads extensions that are not built in, and never asks the network for any.
fn config() -> Result<Config, StoreError> {
    Ok(Config::default()
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?)
}

fn folder(parent: Option<&Path>) -> Result<TempDir, StoreError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("kestrel-");
    Ok(match parent {
        Some(parent) => builder.tempdir_in(parent)?,
        None => builder.tempdir()?,
    })
}

impl Store {
    pub(super) fn database(&mut self) -> Result<&Database, StoreError> {
        if self.database.is_none() {
            self.database = Some(Database::open(&self.options)?);
            self.tell_opened();
        }
        Ok(self.database.as_ref().expect("it was just opened"))
    }

    /// Returns a database of its own for reading and writing files (CSV, Parquet): it may
    /// touch files, but holds nothing of the session.
    pub fn file_database(&self) -> Result<Connection, StoreError> {
        let mut config = config()?;
        if let Some(memory) = self.options.memory {
            config = config.max_memory(&format!("{memory}B"))?;
        }
        if self.options.threads > 0 {
            config = config.threads(i64::try_from(self.options.threads).unwrap_or(i64::MAX))?;
        }
        Ok(Connection::open_in_memory_with_flags(config)?)
    }

    /// Runs statements without result.
    pub fn execute(&mut self, sql: &str) -> Result<(), StoreError> {
        self.timed(|connection| Ok(connection.execute_batch(sql)?))
    }

    /// Uses the connection, and counts statement and time.
    pub(super) fn timed<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = self.connection()?;
        let start = Instant::now();
        let result = work(connection);
        let took = start.elapsed();
        self.statistics.statements += 1;
        self.statistics.database += took;
        result
    }

    /// Runs a query whose columns are all `UINTEGER`, and reads the whole result.
    pub fn read(&mut self, sql: &str) -> Result<Columns, StoreError> {
        let batches = self.read_batches(sql)?;
        let width = batches.first().map_or(0, RecordBatch::num_columns);
        let mut columns = vec![Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum()); width];
        for batch in &batches {
            for (column, array) in columns.iter_mut().zip(batch.columns()) {
                let array = array.as_primitive_opt::<UInt32Type>().ok_or_else(|| {
                    StoreError::Database(duckdb::Error::InvalidColumnType(
                        0,
                        "expected UINTEGER".to_owned(),
                        duckdb::types::Type::UInt,
                    ))
                })?;
                match array.nulls() {
                    None => column.extend_from_slice(array.values()),
                    Some(_) => column.extend(array.iter().map(|code| code.unwrap_or(NO_CODE))),
                }
            }
        }
        Ok(Columns { columns })
    }

    /// Runs a query with one `UINTEGER` column and reads it.
    pub fn read_column(&mut self, sql: &str) -> Result<Vec<u32>, StoreError> {
        Ok(self.read(sql)?.columns.pop().unwrap_or_default())
    }

    /// Runs a query and reads its result as Arrow data.
    pub fn read_batches(&mut self, sql: &str) -> Result<Vec<RecordBatch>, StoreError> {
        self.timed(|connection| Ok(connection.prepare(sql)?.query_arrow([])?.collect()))
    }

    /// Runs a query that gives one `BIGINT`; none if it is null or there is no row.
    pub fn read_number(&mut self, sql: &str) -> Result<Option<i64>, StoreError> {
        let batches = self.read_batches(sql)?;
        let Some(batch) = batches.first().filter(|batch| batch.num_rows() > 0) else { return Ok(None) };
        let array = batch.column(0);
        Ok(array.as_primitive_opt::<Int64Type>().and_then(|array| array.is_valid(0).then(|| array.value(0))))
    }

    /// Makes a table of this data; returns its name. It is kept until [`Store::drop_table`].
    pub fn put(&mut self, columns: &[(&str, Data)]) -> Result<String, StoreError> {
        let name = self.new_name();
        self.put_as(&name, columns)?;
        Ok(name)
    }

    fn put_as(&mut self, name: &str, columns: &[(&str, Data)]) -> Result<(), StoreError> {
        let batch = record_batch(columns)?;
        let fields: Vec<String> = columns
            .iter()
            .map(|(name, data)| {
                let kind = match data {
                    Data::U32(_) => "UINTEGER",
                    Data::I64(_) => "BIGINT",
                    Data::F64(_) => "DOUBLE",
                };
                format!("{} {kind}", quoted(name))
            })
            .collect();
        self.execute(&format!("CREATE OR REPLACE TABLE {name}({})", fields.join(", ")))?;
        if batch.num_rows() > 0 {
            self.append_batch(name, batch)?;
        }
        Ok(())
    }

    /// Appends rows to a table.
    pub(super) fn append_batch(&mut self, table: &str, batch: RecordBatch) -> Result<(), StoreError> {
        self.statistics.rows_in += batch.num_rows() as u64;
        self.use_threads()?;
        self.timed(|connection| {
            let mut appender = connection.appender(table)?;
            appender.append_record_batch(batch)?;
            Ok(appender.flush()?)
        })
    }

    /// Lets the database use several threads from the moment on when there is work for them.
    fn use_threads(&mut self) -> Result<(), StoreError> {
        let threads = match self.options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let enough = threads > 1 && self.statistics.rows_in >= MANY_ROWS;
        if enough && self.database.as_ref().is_some_and(|database| !database.many_threads) {
            self.execute(&format!("SET threads TO {threads}"))?;
            if let Some(database) = &mut self.database {
                database.many_threads = true;
            }
        }
        Ok(())
    }

    /// Makes a table from a query; returns its name and number of rows. It is kept until
    /// [`Store::drop_table`].
    pub fn keep(&mut self, select: &str) -> Result<(String, u64), StoreError> {
        let name = self.new_name();
        let count = self.read_number(&format!("CREATE TABLE {name} AS {select}"))?.unwrap_or(0);
        Ok((name, count.cast_unsigned()))
    }

    /// Drops a table.
    pub fn drop_table(&mut self, name: &str) -> Result<(), StoreError> {
        self.execute(&format!("DROP TABLE IF EXISTS {name}"))
    }

    /// Returns the table with the rows of a set, making it if it is not made yet.
    pub fn table(&mut self, set: &EntitySet) -> Result<String, StoreError> {
        if let Some(members) = &set.members
            && self.unmade.contains(&set.name)
        {
            let positions = (0..members.len() as u32).collect();
            let columns = [("pos", Data::U32(positions)), ("ent", Data::U32(members.to_vec()))];
            self.put_as(&set.name, &columns)?;
            self.unmade.remove(&set.name);
        }
        Ok(set.name.clone())
    }

    /// Makes an entity set of a query that gives `pos`, `ent`, `rec` (for appearances) and the
    /// columns of `extra`; nothing but its rows is different from `like`.
    pub fn set_from(&mut self, select: &str, like: &EntitySet) -> Result<EntitySet, StoreError> {
        let (name, count) = self.keep(select)?;
        self.sets.push(name.clone());
        Ok(EntitySet { name, count, members: None, ..like.clone() })
    }

    /// Makes an entity set of these entities, each once, in this order.
    pub(crate) fn set_of(
        &mut self,
        entities: Vec<u32>,
        entity_type: &EntityType,
        world: World,
    ) -> Result<EntitySet, StoreError> {
        let mut set = EntitySet {
            name: self.new_name(),
            entity_type: entity_type.clone(),
            rows: Rows::Entities,
            world,
            extra: Vec::new(),
            shown: None,
            front: Vec::new(),
            count: entities.len() as u64,
            members: Some(entities.into()),
        };
        self.sets.push(set.name.clone());
        self.unmade.insert(set.name.clone());
        if self.options.attach_processes {
            // That rule changes entities in tables later.
            self.table(&set)?;
            set.members = None;
        }
        Ok(set)
    }

    /// Makes a set like another one of those of its entities that `choose` gives, in that order;
    /// none if entities are not all that its rows have.
    pub(crate) fn of_members(
        &mut self,
        set: &EntitySet,
        choose: impl FnOnce(&[u32]) -> Vec<u32>,
    ) -> Result<Option<EntitySet>, StoreError> {
        let (Some(members), true) = (&set.members, set.extra.is_empty()) else { return Ok(None) };
        let made = self.set_of(choose(members), &set.entity_type, set.world.clone())?;
        Ok(Some(EntitySet { name: made.name, members: made.members, count: made.count, ..set.clone() }))
    }

    /// Returns the entities of several sets, each once, in the order of sets and rows; none if
    /// they are not all that the rows of the sets have.
    pub(crate) fn entities_of_all(&self, sets: &[&EntitySet]) -> Option<Vec<u32>> {
        let mut known = vec![false; self.entities.len()];
        let mut entities = Vec::new();
        for set in sets {
            let members = set.members.as_ref().filter(|_| set.extra.is_empty())?;
            let new = members.iter().filter(|entity| !std::mem::replace(&mut known[**entity as usize], true));
            entities.extend(new);
        }
        Some(entities)
    }

    /// Returns the entity of each row of a set, in their order; none of groups is [`NO_CODE`].
    pub(super) fn entities_of_rows(&mut self, set: &EntitySet) -> Result<Arc<[u32]>, StoreError> {
        match &set.members {
            Some(members) => Ok(members.clone()),
            None => Ok(self.read_column(&format!("SELECT ent FROM {} ORDER BY pos", set.name))?.into()),
        }
    }

    /// Returns the entities of a set, each once, in the order of the rows.
    pub(super) fn entities_of(&mut self, set: &EntitySet) -> Result<Arc<[u32]>, StoreError> {
        if let Some(members) = &set.members {
            return Ok(members.clone());
        }
        let mut known = vec![false; self.entities.len()];
        let rows = self.entities_of_rows(set)?;
        let new = |entity: &u32| *entity != NO_CODE && !std::mem::replace(&mut known[*entity as usize], true);
        Ok(rows.iter().copied().filter(new).collect())
    }

    /// Makes an empty entity set.
    pub fn empty_set(&mut self, entity_type: &EntityType, world: World) -> Result<EntitySet, StoreError> {
        self.set_of(Vec::new(), entity_type, world)
    }

    /// Returns a table name that was not used before.
    pub fn new_name(&mut self) -> String {
        self.next_table += 1;
        format!("t_{}", self.next_table)
    }
}

/// Quotes an identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Puts columns of equal length together.
pub(super) fn record_batch(columns: &[(&str, Data)]) -> Result<RecordBatch, StoreError> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for (name, data) in columns {
        let array: ArrayRef = match data {
            Data::U32(values) => Arc::new(
                values.iter().map(|code| (*code != NO_CODE).then_some(*code)).collect::<UInt32Array>(),
            ),
            Data::I64(values) => Arc::new(Int64Array::from(values.clone())),
            Data::F64(values) => Arc::new(Float64Array::from(values.clone())),
        };
        let kind = match data {
            Data::U32(_) => DataType::UInt32,
            Data::I64(_) => DataType::Int64,
            Data::F64(_) => DataType::Float64,
        };
        fields.push(Field::new(*name, kind, true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| StoreError::Database(duckdb::Error::ToSqlConversionFailure(Box::new(error))))
}
