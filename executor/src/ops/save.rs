//! `SAVE`: the rows of a variable into a file. Language 3.8, entities 8.2.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use duckdb::{
    Connection,
    arrow::{
        array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray},
        datatypes::{DataType, Field, Schema},
        record_batch::RecordBatch,
    },
};
use kestrel_ir::Rows;
use kestrel_stix::{AttributePath, record::ValueRef};

use super::{
    OpError,
    files::{FileError, Format, kind_of, resolve, write_whole},
    with_codes,
};
use crate::store::{EntitySet, NO_CODE, Store, StoreError};

/// Rows handled at a time.
const CHUNK: u64 = 1 << 16;

/// Writes all rows with all columns that `DISP` shows, not folded, and a last column `type`.
/// The file is there whole, or as it was before.
pub fn save(
    store: &mut Store,
    set: &EntitySet,
    written: &str,
    base: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), OpError> {
    let path = resolve(written, base, variable)?;
    let (format, compression) = kind_of(&path)?;
    let columns = store.columns_of(set)?;
    let mut names: Vec<String> = columns.iter().map(ToString::to_string).collect();
    names.push("type".to_owned());
    // The compression of Parquet is inside the file, whatever its name says.
    let compression = compression.filter(|_| format != Format::Parquet);
    let failed = |cause| OpError::from(FileError::io(&path, "written", cause));
    with_codes(store, set, &columns, |store, codes| match format {
        Format::Json | Format::JsonLines => {
            let mut inner = None;
            let result = write_whole(&path, compression, |out| {
                json(store, set, codes, &names, format, out).map_err(|error| match error {
                    Failure::Io(error) => error,
                    Failure::Store(error) => {
                        inner = Some(error);
                        io::Error::other("the rows cannot be read")
                    }
                })
            });
            match inner {
                Some(error) => Err(error.into()),
                None => result.map_err(failed),
            }
        }
        Format::Csv | Format::Parquet => {
            let folder = tempfile::Builder::new().prefix("kestrel-").tempdir().map_err(failed)?;
            let file = folder.path().join("rows");
            table(store, set, codes, &names, format, &file)?;
            write_whole(&path, compression, |out| {
                if format == Format::Csv {
                    let header: Vec<_> =
                        names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
                    writeln!(out, "{}", header.join(","))?;
                }
                io::copy(&mut File::open(&file)?, out).map(|_| ())
            })
            .map_err(failed)
        }
    })
}

enum Failure {
    Io(io::Error),
    Store(StoreError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Store(error)
    }
}

/// Writes one object a row.
fn json(
    store: &mut Store,
    set: &EntitySet,
    codes: &str,
    names: &[String],
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let list = format == Format::Json;
    let keys: Vec<String> = names
        .iter()
        .map(|name| serde_json::to_string(name).map_err(io::Error::from))
        .collect::<Result<_, _>>()?;
    let entity_type = serde_json::to_string(set.entity_type.as_str()).map_err(io::Error::from)?;
    if list {
        out.write_all(b"[")?;
    }
    let mut first = true;
    for chunk in chunks(set) {
        let columns = store.read(&chunk_select(codes, names.len() - 1, chunk))?;
        for row in 0..(chunk.1 - chunk.0) as usize {
            if list {
                out.write_all(if std::mem::take(&mut first) { b"\n" } else { b",\n" })?;
            }
            out.write_all(b"{")?;
            for (column, key) in columns.columns.iter().zip(&keys) {
                write!(out, "{key}:")?;
                match store.dictionary().present(column[row]) {
                    None => out.write_all(b"null")?,
                    Some(value) => {
                        serde_json::to_writer(&mut *out, &value.to_value().to_json())
                            .map_err(io::Error::from)?;
                    }
                }
                out.write_all(b",")?;
            }
            write!(out, "\"type\":{entity_type}}}")?;
            if !list {
                out.write_all(b"\n")?;
            }
        }
    }
    if list {
        out.write_all(b"\n]\n")?;
    }
    Ok(())
}

fn chunks(set: &EntitySet) -> impl Iterator<Item = (u64, u64)> + use<> {
    let count = set.count;
    (0..count.div_ceil(CHUNK)).map(move |n| (n * CHUNK, ((n + 1) * CHUNK).min(count)))
}

fn chunk_select(codes: &str, columns: usize, (start, stop): (u64, u64)) -> String {
    let list: Vec<String> = (0..columns).map(|n| format!("c{n}")).collect();
    let list = if list.is_empty() { "pos".to_owned() } else { list.join(", ") };
    format!("SELECT {list} FROM {codes} WHERE pos >= {start} AND pos < {stop} ORDER BY pos")
}

/// What a column of a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Float,
    Boolean,
    Text,
}

/// Writes the rows to `file` with DuckDB: CSV without header, or Parquet.
fn table(
    store: &mut Store,
    set: &EntitySet,
    codes: &str,
    names: &[String],
    format: Format,
    file: &Path,
) -> Result<(), OpError> {
    let mut kinds = Vec::with_capacity(names.len());
    for n in 0..names.len() - 1 {
        let distinct = store.distinct_in(codes, &format!("c{n}"))?;
        kinds.push(kind_of_values(store, &distinct));
    }
    kinds.push(Kind::Text);
    let connection = store.file_database()?;
    let fail = |error: duckdb::Error| OpError::Store(error.into());
    let fields: Vec<String> = kinds
        .iter()
        .enumerate()
        .map(|(n, kind)| {
            let kind = match kind {
                Kind::Integer => "BIGINT",
                Kind::Float => "DOUBLE",
                Kind::Boolean => "BOOLEAN",
                Kind::Text => "VARCHAR",
            };
            format!("c{n} {kind}")
        })
        .collect();
    connection.execute_batch(&format!("CREATE TABLE out_rows({})", fields.join(", "))).map_err(fail)?;
    for chunk in chunks(set) {
        let columns = store.read(&chunk_select(codes, names.len() - 1, chunk))?;
        let batch = batch(store, set, &columns.columns, &kinds, (chunk.1 - chunk.0) as usize)?;
        let mut appender = connection.appender("out_rows").map_err(fail)?;
        appender.append_record_batch(batch).map_err(fail)?;
        appender.flush().map_err(fail)?;
    }
    copy(&connection, names, &kinds, format, file).map_err(fail)
}

fn kind_of_values(store: &Store, distinct: &[u32]) -> Kind {
    let dictionary = store.dictionary();
    let all = |test: fn(&ValueRef<'_>) -> bool| {
        !distinct.is_empty() && distinct.iter().all(|code| test(&dictionary.get(*code)))
    };
    if all(|value| matches!(value, ValueRef::Int(_))) {
        Kind::Integer
    } else if all(|value| matches!(value, ValueRef::Int(_) | ValueRef::Float(_))) {
        Kind::Float
    } else if all(|value| matches!(value, ValueRef::Bool(_))) {
        Kind::Boolean
    } else {
        Kind::Text
    }
}

/// Returns all rows of a set as one table for an analytic: the columns that `DISP` shows, then
/// `id` if `ATTR` hid it, then `type`. Booleans are 0 and 1, as analytics written for Kestrel 1.8 expect.
pub(super) fn as_table(store: &mut Store, set: &EntitySet) -> Result<RecordBatch, OpError> {
    let mut columns = store.columns_of(set)?;
    let id = AttributePath::key("id");
    if set.rows != Rows::Groups && !columns.contains(&id) {
        // Rows that come back are found by it.
        columns.push(id);
    }
    let mut names: Vec<String> = columns.iter().map(ToString::to_string).collect();
    names.push("type".to_owned());
    with_codes(store, set, &columns, |store, codes| {
        let mut kinds = Vec::with_capacity(names.len());
        for n in 0..columns.len() {
            let distinct = store.distinct_in(codes, &format!("c{n}"))?;
            kinds.push(match kind_of_values(store, &distinct) {
                Kind::Boolean => Kind::Integer,
                kind => kind,
            });
        }
        kinds.push(Kind::Text);
        let data = store.read(&chunk_select(codes, columns.len(), (0, set.count)))?;
        let rows = usize::try_from(set.count).unwrap_or(usize::MAX);
        let batch = batch(store, set, &data.columns, &kinds, rows)?;
        let fields: Vec<Field> = batch
            .schema()
            .fields()
            .iter()
            .zip(names)
            .map(|(field, name)| Field::new(name, field.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec()).map_err(arrow_failed)
    })
}

fn arrow_failed(error: duckdb::arrow::error::ArrowError) -> OpError {
    StoreError::Database(duckdb::Error::ToSqlConversionFailure(Box::new(error))).into()
}

/// Turns a chunk of codes into typed columns, the entity type last.
fn batch(
    store: &Store,
    set: &EntitySet,
    columns: &[Vec<u32>],
    kinds: &[Kind],
    rows: usize,
) -> Result<RecordBatch, OpError> {
    let dictionary = store.dictionary();
    let types = vec![NO_CODE; rows];
    let mut fields = Vec::with_capacity(kinds.len());
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(kinds.len());
    for (n, kind) in kinds.iter().enumerate() {
        let last = n + 1 == kinds.len();
        // Of no rows the database gives no columns either.
        let codes = if last { types.as_slice() } else { columns.get(n).map_or(&[][..], Vec::as_slice) };
        let values = codes.iter().map(|code| dictionary.present(*code));
        let (array, kind): (ArrayRef, DataType) = match kind {
            _ if last => (Arc::new(StringArray::from(vec![set.entity_type.as_str(); rows])), DataType::Utf8),
            Kind::Integer => {
                let number = |value: ValueRef<'_>| match value {
                    ValueRef::Int(n) => Some(n),
                    ValueRef::Bool(b) => Some(i64::from(b)),
                    _ => None,
                };
                (
                    Arc::new(values.map(|value| value.and_then(number)).collect::<Int64Array>()),
                    DataType::Int64,
                )
            }
            Kind::Float => {
                let number = |value: ValueRef<'_>| value.to_value().as_number();
                (
                    Arc::new(values.map(|value| value.and_then(number)).collect::<Float64Array>()),
                    DataType::Float64,
                )
            }
            Kind::Boolean => {
                let truth = |value: ValueRef<'_>| if let ValueRef::Bool(b) = value { Some(b) } else { None };
                (
                    Arc::new(values.map(|value| value.and_then(truth)).collect::<BooleanArray>()),
                    DataType::Boolean,
                )
            }
            Kind::Text => {
                let text = |value: ValueRef<'_>| match value {
                    ValueRef::Text(text) | ValueRef::Json(text) => text.into_owned(),
                    other => other.to_value().to_string(),
                };
                (Arc::new(values.map(|value| value.map(text)).collect::<StringArray>()), DataType::Utf8)
            }
        };
        fields.push(Field::new(format!("c{n}"), kind, true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(arrow_failed)
}

fn copy(
    connection: &Connection,
    names: &[String],
    kinds: &[Kind],
    format: Format,
    file: &Path,
) -> Result<(), duckdb::Error> {
    let file = file.to_string_lossy().replace('\'', "''");
    let sql = match format {
        Format::Parquet => {
            // Names that differ only in case are one to Parquet readers.
            let mut taken: Vec<String> = Vec::new();
            let columns: Vec<String> = names
                .iter()
                .enumerate()
                .map(|(n, name)| {
                    let mut unique = name.clone();
                    let mut repeat = 0;
                    while taken.contains(&unique.to_lowercase()) {
                        repeat += 1;
                        unique = format!("{name}_{repeat}");
                    }
                    taken.push(unique.to_lowercase());
                    format!("c{n} AS \"{}\"", unique.replace('"', "\"\""))
                })
                .collect();
            format!(
                "COPY (SELECT {} FROM out_rows) TO '{file}' (FORMAT parquet, COMPRESSION snappy)",
                columns.join(", ")
            )
        }
        _ => {
            let quoted: Vec<String> = kinds
                .iter()
                .enumerate()
                .filter(|(_, kind)| !matches!(kind, Kind::Integer | Kind::Float))
                .map(|(n, _)| format!("c{n}"))
                .collect();
            format!(
                "COPY out_rows TO '{file}' (FORMAT csv, HEADER false, QUOTE '\"', ESCAPE '\"', NULLSTR '', FORCE_QUOTE ({}))",
                quoted.join(", ")
            )
        }
    };
    connection.execute_batch(&sql)
}
