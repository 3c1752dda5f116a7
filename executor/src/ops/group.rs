//! `GROUP`: one row for each combination of key values. Language 3.13, entities 7, 8.3.

mod aggregate;
mod automatic;

use kestrel_ir::{
    Rows,
    diagnostic::{Code, Diagnostic},
    op::{Aggregate, Bin, Group, GroupKey},
};
use kestrel_stix::{AttributePath, Timestamp, Value, record::ValueRef};

use super::{OpError, require, with_codes};
use crate::store::{Data, EntitySet, NO_CODE, Store};

/// What a grouping gives.
#[derive(Debug)]
pub struct Grouped {
    /// The groups, ascending by the keys; a missing key value is a value of its own.
    pub set: EntitySet,
    /// Values that could not be rounded, told without a place.
    pub warnings: Vec<Diagnostic>,
}

/// Groups rows. The columns are the keys in order, then the aggregates in order.
pub fn group(store: &mut Store, set: &EntitySet, group: &Group) -> Result<Grouped, OpError> {
    for key in &group.keys {
        require(store, set, &key.attribute)?;
    }
    let aggregates = match &group.aggregates {
        Some(aggregates) => {
            for aggregate in aggregates {
                require(store, set, &aggregate.attribute)?;
            }
            aggregates.clone()
        }
        None => automatic::aggregates(store, set, &group.keys)?,
    };
    if set.is_empty() {
        return Ok(Grouped {
            set: groups(store, set, group, &aggregates, Vec::new())?,
            warnings: Vec::new(),
        });
    }
    let mut attributes: Vec<AttributePath> = Vec::new();
    for path in group.keys.iter().map(|key| &key.attribute).chain(aggregates.iter().map(|a| &a.attribute)) {
        if !attributes.contains(path) {
            attributes.push(path.clone());
        }
    }
    with_codes(store, set, &attributes, |store, codes| {
        let mut tables = Vec::new();
        let result = evaluate(store, set, group, &aggregates, &attributes, codes, &mut tables);
        for table in tables {
            store.drop_table(&table)?;
        }
        result
    })
}

fn evaluate(
    store: &mut Store,
    set: &EntitySet,
    group: &Group,
    aggregates: &[Aggregate],
    attributes: &[AttributePath],
    codes: &str,
    tables: &mut Vec<String>,
) -> Result<Grouped, OpError> {
    let column_of = |path: &AttributePath| {
        format!("c{}", attributes.iter().position(|known| known == path).unwrap_or_default())
    };
    let mut warnings = Vec::new();
    // Key columns `k0`, `k1` … beside the columns of all attributes.
    let (mut keys, mut joins) = (Vec::new(), String::new());
    for (n, key) in group.keys.iter().enumerate() {
        let column = column_of(&key.attribute);
        match key.bin {
            None => keys.push(format!("t.{column} AS k{n}")),
            Some(bin) => {
                let mapped = rounded(store, codes, &column, key, bin, &mut warnings)?;
                keys.push(format!("b{n}.v AS k{n}"));
                joins.push_str(&format!(" LEFT JOIN {mapped} b{n} ON b{n}.c = t.{column}"));
                tables.push(mapped);
            }
        }
    }
    let (keyed, _) = store.keep(&format!("SELECT t.*, {} FROM {codes} t{joins}", keys.join(", ")))?;
    tables.push(keyed.clone());

    let mut columns = Vec::new();
    for aggregate in aggregates {
        let column = column_of(&aggregate.attribute);
        columns.push(aggregate::prepare(store, &keyed, &column, aggregate, tables)?);
    }
    let key_names: Vec<String> = (0..group.keys.len()).map(|n| format!("k{n}")).collect();
    let mut joins = String::new();
    let mut values = String::new();
    for (n, column) in columns.iter().enumerate() {
        joins.push_str(&column.join(n));
        values.push_str(&format!(", {} AS a{n}", column.sql(n)));
    }
    let (grouped, _) = store.keep(&format!(
        "SELECT {keys}{values} FROM {keyed} t{joins} GROUP BY {keys}",
        keys = key_names.iter().map(|name| format!("t.{name}")).collect::<Vec<_>>().join(", ")
    ))?;
    tables.push(grouped.clone());

    let (mut order, mut joins) = (Vec::new(), String::new());
    for name in &key_names {
        let ranks = store.ranked(&grouped, name)?;
        joins.push_str(&format!(" LEFT JOIN {ranks} r_{name} ON r_{name}.c = g.{name}"));
        order.push(format!("r_{name}.rank ASC NULLS FIRST"));
        tables.push(ranks);
    }
    let from = format!("FROM {grouped} g{joins} ORDER BY {}", order.join(", "));
    let mut data = Vec::new();
    for name in &key_names {
        data.push(store.read_column(&format!("SELECT g.{name} {from}"))?);
    }
    for (n, column) in columns.iter().enumerate() {
        data.push(column.read(store, &format!("g.a{n}"), &from)?);
    }
    Ok(Grouped { set: groups(store, set, group, aggregates, data)?, warnings })
}

/// Makes the set of groups from one vector of codes a column.
fn groups(
    store: &mut Store,
    set: &EntitySet,
    group: &Group,
    aggregates: &[Aggregate],
    data: Vec<Vec<u32>>,
) -> Result<EntitySet, OpError> {
    let names =
        group.keys.iter().map(|key| &key.column).chain(aggregates.iter().map(|aggregate| &aggregate.column));
    // A name that is no path is one key, quoted where it is shown.
    let shown: Vec<AttributePath> =
        names.map(|name| name.parse().unwrap_or_else(|_| AttributePath::key(name.trim()))).collect();
    let extra: Vec<(AttributePath, String)> =
        shown.iter().enumerate().map(|(n, path)| (path.clone(), format!("x{n}"))).collect();
    let rows = data.first().map_or(0, Vec::len);
    let positions = (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect();
    let mut columns = vec![("pos", Data::U32(positions)), ("ent", Data::U32(vec![NO_CODE; rows]))];
    let data = data.into_iter().map(Some).chain(std::iter::repeat(None));
    for ((_, name), codes) in extra.iter().zip(data) {
        columns.push((name, Data::U32(codes.unwrap_or_default())));
    }
    let table = store.put(&columns)?;
    let like = EntitySet {
        rows: Rows::Groups,
        extra: extra.clone(),
        shown: Some(shown),
        front: Vec::new(),
        ..set.clone()
    };
    let made = store.set_from(&format!("SELECT * FROM {table}"), &like)?;
    store.drop_table(&table)?;
    Ok(made)
}

/// Makes a table `(c, v)` of the codes of a column and the codes of the values rounded down.
fn rounded(
    store: &mut Store,
    codes: &str,
    column: &str,
    key: &GroupKey,
    bin: Bin,
    warnings: &mut Vec<Diagnostic>,
) -> Result<String, OpError> {
    let distinct = store.distinct_in(codes, column)?;
    let (mut from, mut to) = (Vec::new(), Vec::new());
    let mut failed = 0usize;
    for code in &distinct {
        match round_down(&store.dictionary().get(*code), bin) {
            Some(value) => {
                from.push(*code);
                to.push(store.dictionary_mut().intern(&(&value).into())?);
            }
            None => failed += 1,
        }
    }
    let what = match bin {
        Bin::Number { .. } => "a number",
        Bin::Time { .. } => "a point in time",
    };
    if failed > 0 && failed == distinct.len() {
        return Err(OpError::refused(
            Code::E0308,
            format!("no value of `{}` is {what}, so that BIN cannot round it", key.attribute),
            "BIN with a unit takes points in time, BIN without one takes numbers",
        ));
    }
    if failed > 0 {
        let message = format!(
            "{failed} of {} different values of `{}` are not {what} and are grouped as missing",
            distinct.len(),
            key.attribute
        );
        warnings.push(Diagnostic::new(Code::W0002, message));
    }
    Ok(store.put(&[("c", Data::U32(from)), ("v", Data::U32(to))])?)
}

/// Rounds a value down to a multiple of the bin's width; none if it is of the wrong kind.
fn round_down(value: &ValueRef<'_>, bin: Bin) -> Option<Value> {
    match bin {
        Bin::Number { width } => {
            let width_int = i64::try_from(width).ok();
            match (value, width_int) {
                (ValueRef::Int(n), Some(width)) => Some(Value::Int(n.checked_sub(n.rem_euclid(width))?)),
                (ValueRef::Bool(_) | ValueRef::Json(_), _) => None,
                _ => {
                    let number = value.to_value().as_number()?;
                    let floor = (number / width as f64).floor() * width as f64;
                    Some(if floor.abs() < 9e15 { Value::Int(floor as i64) } else { Value::Float(floor) })
                }
            }
        }
        Bin::Time { seconds } => {
            let at = Timestamp::parse(value.as_text()?)?;
            let width = i64::try_from(seconds).unwrap_or(i64::MAX).checked_mul(1_000_000)?;
            let start = Timestamp::from_micros(at.micros().checked_sub(at.micros().rem_euclid(width))?);
            Some(Value::Text(start.to_string().replace(".000Z", "Z")))
        }
    }
}
