//! CSV and Parquet files, read by DuckDB.

use std::path::Path;

use duckdb::{
    Connection,
    arrow::{
        array::{Array, ArrayRef, AsArray},
        datatypes::{DataType, Float64Type, Int64Type},
    },
};
use kestrel_stix::Value;

use super::{Problem, Rows};
use crate::store::{Store, StoreError};

/// Reads comma-separated values with a header row; every value as text, empty ones missing.
pub(super) fn csv(store: &Store, path: &Path) -> Result<Rows, Problem> {
    if std::fs::metadata(path).map_err(Problem::Io)?.len() == 0 {
        return Ok(Rows { untyped: true, ..Rows::default() });
    }
    let connection = store.file_database().map_err(|error| Problem::Other(error.into()))?;
    let select = format!(
        "SELECT * FROM read_csv({}, all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', \
         nullstr = '', allow_quoted_nulls = true, normalize_names = false, null_padding = true, \
         max_line_size = 33554432, buffer_size = 67108864, parallel = false)",
        literal(path)
    );
    let rows = read(&connection, &select, "CSV")?;
    Ok(Rows { untyped: true, ..rows })
}

/// Reads Parquet. Times become RFC 3339 text, lists and structures JSON text.
pub(super) fn parquet(store: &Store, path: &Path) -> Result<Rows, Problem> {
    let connection = store.file_database().map_err(|error| Problem::Other(error.into()))?;
    let from = format!("FROM read_parquet({})", literal(path));
    let described =
        texts(&connection, &format!("SELECT column_name, column_type FROM (DESCRIBE SELECT * {from})"))
            .map_err(|error| problem(error, "Parquet"))?;
    let columns: Vec<String> = described
        .iter()
        .map(|row| {
            let name = format!("\"{}\"", row[0].replace('"', "\"\""));
            let kind = row[1].as_str();
            let shown = match kind {
                "BOOLEAN" | "VARCHAR" => name.clone(),
                "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "UTINYINT" | "USMALLINT" | "UINTEGER" => {
                    format!("{name}::BIGINT")
                }
                "FLOAT" | "DOUBLE" => format!("{name}::DOUBLE"),
                kind if kind.starts_with("DECIMAL") => format!("{name}::DOUBLE"),
                kind if kind.starts_with("TIMESTAMP") => {
                    format!("strftime({name}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')")
                }
                "BLOB" => format!("base64({name})"),
                kind if kind.ends_with(']') || kind.starts_with("STRUCT") || kind.starts_with("MAP") => {
                    format!("to_json({name})::VARCHAR")
                }
                _ => format!("{name}::VARCHAR"),
            };
            format!("{shown} AS {name}")
        })
        .collect();
    let nested: Vec<bool> = described
        .iter()
        .map(|row| row[1].ends_with(']') || row[1].starts_with("STRUCT") || row[1].starts_with("MAP"))
        .collect();
    let mut rows = read(&connection, &format!("SELECT {} {from}", columns.join(", ")), "Parquet")?;
    for row in &mut rows.rows {
        for (cell, nested) in row.iter_mut().zip(&nested) {
            if let (Some(Value::Text(text)), true) = (&mut *cell, nested) {
                *cell = Some(Value::Json(std::mem::take(text)));
            }
        }
    }
    Ok(rows)
}

/// Writes a path as an SQL text. Paths here are of private folders, not of the user.
fn literal(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "''"))
}

fn problem(error: duckdb::Error, format: &'static str) -> Problem {
    match StoreError::from(error) {
        StoreError::Database(error) => {
            // The first line says what is wrong; private paths in it mean nothing to the user.
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            Problem::Damaged { format, cause: line.trim_start_matches("Invalid Input Error: ").to_owned() }
        }
        other => Problem::Other(other.into()),
    }
}

/// Runs a query whose columns are all text.
fn texts(connection: &Connection, select: &str) -> Result<Vec<Vec<String>>, duckdb::Error> {
    let mut statement = connection.prepare(select)?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(vec![row.get(0)?, row.get(1)?]);
    }
    Ok(out)
}

fn read(connection: &Connection, select: &str, format: &'static str) -> Result<Rows, Problem> {
    let failed = |error: duckdb::Error| problem(error, format);
    let mut statement = connection.prepare(select).map_err(failed)?;
    let batches = statement.query_arrow([]).map_err(failed)?;
    let columns: Vec<String> =
        batches.get_schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows: Vec<Vec<Option<Value>>> = Vec::new();
    for batch in batches {
        let start = rows.len();
        rows.resize_with(start + batch.num_rows(), || Vec::with_capacity(columns.len()));
        for array in batch.columns() {
            for (n, row) in rows[start..].iter_mut().enumerate() {
                row.push(value(array, n));
            }
        }
    }
    Ok(Rows { columns, rows, untyped: false })
}

fn value(array: &ArrayRef, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Boolean => Some(Value::Bool(array.as_boolean().value(row))),
        DataType::Int64 => Some(Value::Int(array.as_primitive::<Int64Type>().value(row))),
        DataType::Float64 => {
            Some(array.as_primitive::<Float64Type>().value(row)).filter(|n| n.is_finite()).map(Value::Float)
        }
        DataType::Utf8 => Some(Value::text(array.as_string::<i32>().value(row))),
        DataType::LargeUtf8 => Some(Value::text(array.as_string::<i64>().value(row))),
        DataType::Utf8View => Some(Value::text(array.as_string_view().value(row))),
        _ => None,
    }
}
