//! One aggregate as SQL over the grouped rows, and back to a value.

use duckdb::arrow::{
    array::{Array, AsArray},
    datatypes::{Float64Type, Int64Type, UInt32Type},
};
use kestrel_ir::{
    diagnostic::Code,
    op::{Aggregate, Function},
    text::function_name,
};
use kestrel_stix::{Value, record::ValueRef};

use crate::{
    ops::OpError,
    store::{Data, NO_CODE, Store, StoreError},
};

/// An aggregate, ready to be put into the grouping query. Table `t` holds the rows.
#[derive(Debug)]
pub(super) enum Column {
    /// Counts, of the codes as they are.
    Count { column: String, distinct: bool },
    /// The value whose rank is least or greatest: table `(c, rank)`.
    Extreme { column: String, ranks: String, largest: bool },
    /// Exact sum of integers, or their mean: table `(c, v BIGINT)`.
    Integers { column: String, numbers: String, mean: bool },
    /// Sum or mean of numbers, added in the order of the rows: table `(c, v DOUBLE)`.
    Floats { column: String, numbers: String, mean: bool },
}

/// Looks at the values of a column and prepares the tables its aggregate needs.
pub(super) fn prepare(
    store: &mut Store,
    table: &str,
    column: &str,
    aggregate: &Aggregate,
    tables: &mut Vec<String>,
) -> Result<Column, OpError> {
    let column = column.to_owned();
    match aggregate.function {
        Function::Count => return Ok(Column::Count { column, distinct: false }),
        Function::Nunique => return Ok(Column::Count { column, distinct: true }),
        Function::Min | Function::Max => {
            let ranks = store.ranked(table, &column)?;
            tables.push(ranks.clone());
            return Ok(Column::Extreme { column, ranks, largest: aggregate.function == Function::Max });
        }
        Function::Sum | Function::Avg => {}
    }
    let mean = aggregate.function == Function::Avg;
    let codes = store.distinct_in(table, &column)?;
    let mut integers = Some(Vec::with_capacity(codes.len()));
    let mut floats = Vec::with_capacity(codes.len());
    for code in &codes {
        let value = store.dictionary().get(*code);
        let number = match &value {
            ValueRef::Int(n) => {
                integers = integers.map(|mut all| {
                    all.push(Some(*n));
                    all
                });
                Some(*n as f64)
            }
            ValueRef::Json(_) | ValueRef::Bool(_) => None,
            other => {
                integers = None;
                other.to_value().as_number()
            }
        };
        let Some(number) = number else {
            let function = function_name(aggregate.function).to_uppercase();
            return Err(OpError::refused(
                Code::E0308,
                format!(
                    "{function} takes numbers, and `{}` has the value `{}`",
                    aggregate.attribute,
                    shortened(&value.to_value().to_string())
                ),
                "COUNT, NUNIQUE, MIN and MAX take every kind of value",
            ));
        };
        floats.push(Some(number));
    }
    let (data, exact) = match integers {
        Some(integers) => (Data::I64(integers), true),
        None => (Data::F64(floats), false),
    };
    let numbers = store.put(&[("c", Data::U32(codes)), ("v", data)])?;
    tables.push(numbers.clone());
    Ok(if exact {
        Column::Integers { column, numbers, mean }
    } else {
        Column::Floats { column, numbers, mean }
    })
}

fn shortened(text: &str) -> String {
    let mut short: String = kestrel_ir::text::visible(text).chars().take(40).collect();
    if short.chars().count() == 40 {
        short.push('…');
    }
    short
}

impl Column {
    /// The join that the aggregate's expression needs; `n` makes its name unique.
    pub(super) fn join(&self, n: usize) -> String {
        match self {
            Column::Count { .. } => String::new(),
            Column::Extreme { column, ranks, .. } => {
                format!(" LEFT JOIN {ranks} j{n} ON j{n}.c = t.{column}")
            }
            Column::Integers { column, numbers, .. } | Column::Floats { column, numbers, .. } => {
                format!(" LEFT JOIN {numbers} j{n} ON j{n}.c = t.{column}")
            }
        }
    }

    /// The expression over a group.
    pub(super) fn sql(&self, n: usize) -> String {
        match self {
            Column::Count { column, distinct: false } => format!("count(t.{column})::BIGINT"),
            Column::Count { column, distinct: true } => format!("count(DISTINCT t.{column})::BIGINT"),
            Column::Extreme { largest: false, .. } => format!("arg_min(j{n}.c, j{n}.rank)"),
            Column::Extreme { largest: true, .. } => format!("arg_max(j{n}.c, j{n}.rank)"),
            Column::Integers { mean: false, .. } => format!("sum(j{n}.v)"),
            Column::Integers { mean: true, .. } => format!("sum(j{n}.v)::DOUBLE / nullif(count(j{n}.v), 0)"),
            Column::Floats { mean: false, .. } => format!("sum(j{n}.v ORDER BY t.pos)"),
            Column::Floats { mean: true, .. } => {
                format!("sum(j{n}.v ORDER BY t.pos) / nullif(count(j{n}.v), 0)")
            }
        }
    }

    /// Reads the results, `column` of the rows that `from` gives, as codes.
    pub(super) fn read(&self, store: &mut Store, column: &str, from: &str) -> Result<Vec<u32>, StoreError> {
        match self {
            Column::Count { .. } => read_values(store, column, from),
            Column::Extreme { .. } => store.read_column(&format!("SELECT {column} {from}")),
            // A sum beyond 64 bits is no integer any more.
            Column::Integers { mean: false, .. } => {
                let whole = read_values(store, &format!("TRY_CAST({column} AS BIGINT)"), from)?;
                let rough = read_values(store, &format!("{column}::DOUBLE"), from)?;
                Ok(whole
                    .into_iter()
                    .zip(rough)
                    .map(|(whole, rough)| if whole == NO_CODE { rough } else { whole })
                    .collect())
            }
            Column::Integers { mean: true, .. } | Column::Floats { .. } => read_values(store, column, from),
        }
    }
}

/// Reads numbers and gives them codes.
fn read_values(store: &mut Store, column: &str, from: &str) -> Result<Vec<u32>, StoreError> {
    let batches = store.read_batches(&format!("SELECT {column} {from}"))?;
    let mut codes = Vec::new();
    for batch in &batches {
        let array = batch.column(0);
        for row in 0..array.len() {
            let value = if array.is_null(row) {
                None
            } else if let Some(array) = array.as_primitive_opt::<Int64Type>() {
                Some(Value::Int(array.value(row)))
            } else if let Some(array) = array.as_primitive_opt::<Float64Type>() {
                Some(Value::Float(array.value(row)))
                    .filter(|value| value.as_number().is_some_and(f64::is_finite))
            } else {
                array.as_primitive_opt::<UInt32Type>().map(|array| Value::Int(i64::from(array.value(row))))
            };
            codes.push(match value {
                Some(value) => store.dictionary_mut().intern(&(&value).into())?,
                None => NO_CODE,
            });
        }
    }
    Ok(codes)
}
