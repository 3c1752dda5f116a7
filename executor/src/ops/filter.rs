//! Rows that satisfy a pattern and were seen in a time window. Language 3.1, 4.7.

use kestrel_ir::{Rows, diagnostic::Code};
use kestrel_stix::{
    TimeWindow,
    pattern::{Comparison, Pattern},
};

use super::{OpError, carried, require, require_entities};
use crate::store::{EntitySet, Store};

/// Keeps the rows that satisfy the pattern, whose references were replaced by values, and whose
/// entities were seen in the window; appearances count by their own record. Order is kept.
pub fn filter(
    store: &mut Store,
    set: &EntitySet,
    pattern: Option<&Pattern>,
    window: TimeWindow,
) -> Result<EntitySet, OpError> {
    let mut tables = Vec::new();
    let result = filtered(store, set, pattern, window, &mut tables);
    for table in tables {
        store.drop_table(&table)?;
    }
    result
}

fn filtered(
    store: &mut Store,
    set: &EntitySet,
    pattern: Option<&Pattern>,
    window: TimeWindow,
    tables: &mut Vec<String>,
) -> Result<EntitySet, OpError> {
    let mut conditions = Vec::new();
    if let Some(pattern) = pattern {
        for test in pattern.comparisons() {
            check(store, set, test)?;
        }
        conditions.push(condition(store, set, pattern, tables)?);
    }
    if !window.is_open() {
        require_entities(set, "a time range")?;
        conditions.push(in_window(store, set, window, tables)?);
    }
    let keep = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    let select = format!(
        "SELECT (row_number() OVER (ORDER BY s.pos) - 1)::UINTEGER AS pos, {} FROM {} s WHERE {keep}",
        carried(set, "s"),
        set.table
    );
    Ok(store.set_from(&select, set)?)
}

/// Refuses tests on other types, which rows of one type cannot answer, and unknown attributes.
fn check(store: &mut Store, set: &EntitySet, test: &Comparison) -> Result<(), OpError> {
    let wanted = test.entity_type.as_str();
    // `*` is the type of a file whose type only its data tells.
    if wanted != set.entity_type.as_str() && wanted != "*" && !set.is_empty() {
        return Err(OpError::refused(
            Code::E0307,
            format!("`{wanted}:{}` cannot be tested on {} entities", test.path, set.entity_type),
            "a GET from a data source and FIND can test other types of the same record",
        ));
    }
    require(store, set, &test.path)
}

/// Returns the condition of a `WHERE` over the set's table `s`; the rows that pass each test
/// are in tables of their own.
fn condition(
    store: &mut Store,
    set: &EntitySet,
    pattern: &Pattern,
    tables: &mut Vec<String>,
) -> Result<String, OpError> {
    let junction = |parts: Vec<String>, word: &str, empty: &str| match parts.len() {
        0 => empty.to_owned(),
        _ => format!("({})", parts.join(word)),
    };
    Ok(match pattern {
        Pattern::And(parts) => {
            let parts: Result<Vec<_>, _> =
                parts.iter().map(|part| condition(store, set, part, tables)).collect();
            junction(parts?, " AND ", "true")
        }
        Pattern::Or(parts) => {
            let parts: Result<Vec<_>, _> =
                parts.iter().map(|part| condition(store, set, part, tables)).collect();
            junction(parts?, " OR ", "false")
        }
        Pattern::Test(test) => {
            let table = store.passing(set, test)?;
            tables.push(table.clone());
            format!("s.pos IN (SELECT pos FROM {table})")
        }
    })
}

fn in_window(
    store: &mut Store,
    set: &EntitySet,
    window: TimeWindow,
    tables: &mut Vec<String>,
) -> Result<String, OpError> {
    if window.is_empty() {
        return Ok("false".to_owned());
    }
    let mut bounds = Vec::new();
    bounds.extend(window.start.map(|start| format!("r.last >= {}", start.micros())));
    bounds.extend(window.stop.map(|stop| format!("r.first < {}", stop.micros())));
    let bounds = bounds.join(" AND ");
    Ok(if set.rows == Rows::Appearances {
        format!("s.rec IN (SELECT r.rec FROM record r WHERE {bounds})")
    } else {
        let sightings = store.sightings(set)?;
        tables.push(sightings.clone());
        format!("s.ent IN (SELECT g.ent FROM {sightings} g JOIN record r USING (rec) WHERE {bounds})")
    })
}
