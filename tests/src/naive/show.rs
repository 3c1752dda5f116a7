//! What `DISP`, `INFO` and `DESCRIBE` show, and the counts of the summary.
//! Source: language specification 3.9, 3.11–3.13; entities specification 2.

use std::collections::BTreeMap;

use kestrel_ir::{Rows, op::About};
use kestrel_stix::{AttributePath, Value};

use super::{
    Failure,
    set::{Set, cells, is_known, row_value, visible_columns},
    world::World,
};

/// Something shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// Rows and columns.
    Table {
        /// The names of the columns.
        columns: Vec<String>,
        /// The cells.
        rows: Vec<Vec<Option<Value>>>,
    },
    /// Named values; missing ones are left out.
    Dict(BTreeMap<String, Value>),
}

/// A table: rows that are missing altogether are left out, equal ones folded.
pub fn display(world: &World, set: &Set) -> Shown {
    let columns = visible_columns(world, set);
    let mut rows: Vec<Vec<Option<Value>>> = Vec::new();
    for row in &set.rows {
        let cells = cells(world, set, row, &columns);
        if cells.iter().any(Option::is_some) && !rows.contains(&cells) {
            rows.push(cells);
        }
    }
    Shown::Table { columns, rows }
}

/// Number of entities and of records.
pub fn counts(world: &World, set: &Set) -> (u64, u64) {
    let rows = set.rows.len() as u64;
    match set.kind {
        Rows::Groups => (if set.identified { rows } else { 0 }, rows),
        Rows::Entities | Rows::Appearances => {
            let mut records = 0;
            for entity in set.entities(world) {
                for number in &set.records {
                    let record = &world.records[*number];
                    if record.real
                        && record.objects.iter().any(|object| object.seen && object.entity == entity)
                    {
                        records += u64::try_from(record.number).unwrap_or(0);
                    }
                }
            }
            (rows, if records == 0 { rows } else { records })
        }
    }
}

/// What is known about a variable; nothing for an empty one.
pub fn info(world: &World, set: &Set, about: &About) -> Option<Shown> {
    if set.rows.is_empty() {
        return None;
    }
    let (entities, records) = counts(world, set);
    let items = [
        ("Entity Type", set.entity_type.clone()),
        ("Number of Entities", entities.to_string()),
        ("Number of Records", records.to_string()),
        ("Birth Command", about.birth_command.clone()),
    ];
    Some(Shown::Dict(items.into_iter().map(|(name, value)| (name.to_owned(), Value::Text(value))).collect()))
}

/// Figures about one attribute; nothing for an empty variable.
pub fn describe(world: &World, set: &Set, attribute: &AttributePath) -> Result<Option<Shown>, Failure> {
    if set.rows.is_empty() {
        return Ok(None);
    }
    if !is_known(world, set, attribute) {
        return Err(Failure::UnknownAttribute);
    }
    let values: Vec<Value> =
        set.rows.iter().filter_map(|row| row_value(world, set, row, attribute)).collect();
    let count = |n: usize| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    let mut items = vec![("count", count(values.len()))];
    let numbers: Vec<f64> = values
        .iter()
        .filter(|value| matches!(value, Value::Int(_) | Value::Float(_)))
        .filter_map(Value::as_number)
        .collect();
    if !values.is_empty() && numbers.len() == values.len() {
        items.push(("mean", Value::Float(numbers.iter().sum::<f64>() / numbers.len() as f64)));
        items.extend(values.iter().min_by(|a, b| a.sort_order(b)).map(|value| ("min", value.clone())));
        items.extend(values.iter().max_by(|a, b| a.sort_order(b)).map(|value| ("max", value.clone())));
    } else if !values.is_empty() {
        let mut distinct: Vec<(&Value, usize)> = Vec::new();
        for value in &values {
            match distinct.iter_mut().find(|(known, _)| *known == value) {
                Some((_, times)) => *times += 1,
                None => distinct.push((value, 1)),
            }
        }
        items.push(("unique", count(distinct.len())));
        // The most frequent; the smallest of those.
        distinct.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.sort_order(b)));
        items.push(("top", distinct[0].0.clone()));
        items.push(("freq", count(distinct[0].1)));
    }
    Ok(Some(Shown::Dict(items.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())))
}
