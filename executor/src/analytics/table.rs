//! Tables as Parquet files, written and read by a database that holds nothing else.

use std::path::Path;

use duckdb::{
    Config, Connection,
    arrow::{
        compute::concat_batches,
        datatypes::{DataType, Field, Schema},
        record_batch::RecordBatch,
    },
};

/// Rows handed to the database at once.
const CHUNK: usize = 1 << 16;

fn open() -> Result<Connection, duckdb::Error> {
    let config = Config::default()
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?;
    Connection::open_in_memory_with_flags(config)
}

/// Writes a table, with these names for its columns. Columns that differ only in case get
/// different names from the database, so that callers who must know them pass their own.
pub(super) fn write(table: &RecordBatch, names: &[String], file: &Path) -> Result<(), String> {
    let failed = |error: duckdb::Error| format!("the input cannot be written: {}", first_line(&error));
    let mut fields = Vec::with_capacity(names.len());
    for (n, field) in table.schema().fields().iter().enumerate() {
        let kind = match field.data_type() {
            DataType::Boolean => "BOOLEAN",
            DataType::Int64 => "BIGINT",
            DataType::Float64 => "DOUBLE",
            DataType::Utf8 => "VARCHAR",
            other => return Err(format!("column `{}` of the input has type `{other}`", field.name())),
        };
        fields.push(format!("c{n} {kind}"));
    }
    let connection = open().map_err(failed)?;
    connection.execute_batch(&format!("CREATE TABLE given({})", fields.join(", "))).map_err(failed)?;
    let mut appender = connection.appender("given").map_err(failed)?;
    for start in (0..table.num_rows()).step_by(CHUNK) {
        let part = table.slice(start, CHUNK.min(table.num_rows() - start));
        appender.append_record_batch(part).map_err(failed)?;
    }
    appender.flush().map_err(failed)?;
    drop(appender);
    let columns: Vec<String> =
        names.iter().enumerate().map(|(n, name)| format!("c{n} AS {}", quoted(name))).collect();
    let copy = format!(
        "COPY (SELECT {} FROM given) TO {} (FORMAT parquet, COMPRESSION snappy)",
        columns.join(", "),
        literal(file)
    );
    connection.execute_batch(&copy).map_err(failed)
}

/// Reads a table. Numbers come as 64-bit ones, times as timestamps, lists and structures as
/// JSON text.
pub(super) fn read(file: &Path) -> Result<RecordBatch, String> {
    let failed = |error: duckdb::Error| {
        // The private path means nothing to the user.
        let line = first_line(&error).replace(&*file.to_string_lossy(), "it");
        format!("its table is no readable Parquet: {line}")
    };
    let connection = open().map_err(failed)?;
    // Without time zones in this build there is nothing to set.
    let _ = connection.execute_batch("SET TimeZone = 'UTC'");
    let from = format!("FROM read_parquet({})", literal(file));
    let columns = columns(&connection, &from).map_err(failed)?;
    let mut statement =
        connection.prepare(&format!("SELECT {} {from}", columns.join(", "))).map_err(failed)?;
    let batches = statement.query_arrow([]).map_err(failed)?;
    let schema = batches.get_schema();
    let batches: Vec<RecordBatch> = batches.collect();
    concat_batches(&schema, &batches).map_err(|error| format!("its table is too large: {error}"))
}

/// Gives the columns of a table other names; their number must be the same.
pub(super) fn renamed(table: &RecordBatch, names: &[String]) -> Result<RecordBatch, String> {
    if names.len() != table.num_columns() {
        return Err(format!("its table has {} columns, not {}", table.num_columns(), names.len()));
    }
    let fields: Vec<Field> = table
        .schema()
        .fields()
        .iter()
        .zip(names)
        .map(|(field, name)| Field::new(name, field.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), table.columns().to_vec())
        .map_err(|error| error.to_string())
}

fn columns(connection: &Connection, from: &str) -> Result<Vec<String>, duckdb::Error> {
    let mut statement =
        connection.prepare(&format!("SELECT column_name, column_type FROM (DESCRIBE SELECT * {from})"))?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
        let name = quoted(&name);
        let shown = match kind.as_str() {
            "BOOLEAN" | "VARCHAR" | "BIGINT" | "DOUBLE" => name.clone(),
            "TINYINT" | "SMALLINT" | "INTEGER" | "UTINYINT" | "USMALLINT" | "UINTEGER" => {
                format!("{name}::BIGINT")
            }
            "FLOAT" | "UBIGINT" | "HUGEINT" | "UHUGEINT" => format!("{name}::DOUBLE"),
            kind if kind.starts_with("DECIMAL") => format!("{name}::DOUBLE"),
            kind if kind.starts_with("TIMESTAMP") || kind == "DATE" => format!("{name}::TIMESTAMP"),
            "BLOB" => format!("base64({name})"),
            kind if kind.ends_with(']') || kind.starts_with("STRUCT") || kind.starts_with("MAP") => {
                format!("to_json({name})::VARCHAR")
            }
            _ => format!("{name}::VARCHAR"),
        };
        out.push(format!("{shown} AS {name}"));
    }
    Ok(out)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Writes a path as an SQL text. Paths here are of private folders, not of the user.
fn literal(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "''"))
}

/// The first line says what is wrong; the others are about SQL that nobody wrote.
fn first_line(error: &duckdb::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
