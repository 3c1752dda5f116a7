//! Tables that an analytic gave back, as new versions of its inputs. Entities 9.5.

use std::collections::HashMap;

use ahash::RandomState;
use duckdb::arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast,
    datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType},
    record_batch::RecordBatch,
};
use kestrel_ir::{Rows, text::visible};
use kestrel_stix::{AttributePath, Timestamp, Value};

use super::AnalyticsError;
use crate::{
    ops::{OpError, with_codes},
    store::{Data, EntitySet, Known, NO_CODE, Store},
};

/// Returns the new version of a set: rows are found by `id` (groups by their place), new
/// attributes and changed values count for this version only. Missing values change nothing.
pub(super) fn merge(
    store: &mut Store,
    set: &EntitySet,
    table: &RecordBatch,
    analytic: &str,
) -> Result<EntitySet, OpError> {
    let refuse = |reason: String| {
        super::failed(AnalyticsError::Failed { name: analytic.to_owned(), reason, trace: None })
    };
    if table.num_rows() == 0 || set.is_empty() {
        return Ok(set.clone());
    }
    check_type(set, table).map_err(refuse)?;
    let places = places(store, set, table)?.map_err(refuse)?;
    let schema = table.schema();
    let mut columns: Vec<(AttributePath, Vec<u32>)> = Vec::new();
    for (field, array) in schema.fields().iter().zip(table.columns()) {
        let name = field.name();
        if name == "id" || name == "type" || name.is_empty() {
            continue;
        }
        let path: AttributePath = name.parse().unwrap_or_else(|_| AttributePath::key(name));
        if columns.iter().any(|(known, _)| *known == path) {
            return Err(refuse(format!("its table has column `{}` twice", visible(name))));
        }
        let values = values(array).map_err(|kind| {
            refuse(format!(
                "column `{}` holds `{kind}`, which is no attribute value; give text instead",
                visible(name)
            ))
        })?;
        if let Some(codes) = changed(store, set, &path, &values, &places)? {
            columns.push((path, codes));
        } else if matches!(store.known(set, &path)?, Known::Unknown { .. }) {
            // Without a value in any row; later steps may ask for it all the same.
            let rows = usize::try_from(set.count).unwrap_or(usize::MAX);
            columns.push((path, vec![NO_CODE; rows]));
        }
    }
    with_columns(store, set, columns)
}

fn check_type(set: &EntitySet, table: &RecordBatch) -> Result<(), String> {
    if set.rows == Rows::Groups && table.column_by_name("type").is_none() {
        return Ok(());
    }
    let column = table.column_by_name("type").ok_or("its table is without \"type\"")?;
    let texts = values(column).map_err(|kind| format!("column `type` holds `{kind}`, not text"))?;
    let mut types: Vec<String> = texts.into_iter().flatten().map(|value| value.to_string()).collect();
    types.sort();
    types.dedup();
    match types.as_slice() {
        [one] if one == set.entity_type.as_str() => Ok(()),
        [one] => Err(format!("its table has type `{}`, not `{}`", visible(one), set.entity_type)),
        [] => Err("its table has no value in \"type\"".to_owned()),
        several => Err(format!("its table has inconsistent types: {}", visible(&several.join(", ")))),
    }
}

/// Finds the position in the set of each row of the table.
fn places(
    store: &mut Store,
    set: &EntitySet,
    table: &RecordBatch,
) -> Result<Result<Vec<u32>, String>, OpError> {
    if set.rows == Rows::Groups {
        let same = table.num_rows() as u64 == set.count;
        return Ok(if same {
            Ok((0..table.num_rows() as u32).collect())
        } else {
            Err(format!("its table has {} rows for {} groups", table.num_rows(), set.count))
        });
    }
    let Some(ids) = table.column_by_name("id") else {
        return Ok(Err("its table is without \"id\"".to_owned()));
    };
    let ids = match values(ids) {
        Ok(ids) => ids,
        Err(kind) => return Ok(Err(format!("column `id` holds `{kind}`, not text"))),
    };
    let known = with_codes(store, set, &[AttributePath::key("id")], |store, codes| {
        Ok(store.read_column(&format!("SELECT c0 FROM {codes} ORDER BY pos"))?)
    })?;
    let mut rows_of: HashMap<String, Vec<u32>, RandomState> = HashMap::default();
    for (row, code) in known.iter().enumerate() {
        if let Some(id) = store.dictionary().present(*code) {
            rows_of.entry(id.to_value().to_string()).or_default().push(row as u32);
        }
    }
    // Appearances have an id several times: the n-th row of an id is its n-th appearance.
    let mut used: HashMap<String, usize, RandomState> = HashMap::default();
    let mut places = Vec::with_capacity(ids.len());
    let mut strange: Vec<String> = Vec::new();
    for id in ids {
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        match rows_of.get(&id) {
            Some(rows) => {
                let nth = used.entry(id).or_default();
                places.push(rows[(*nth).min(rows.len() - 1)]);
                *nth += 1;
            }
            None => strange.push(id),
        }
    }
    Ok(if strange.is_empty() {
        Ok(places)
    } else {
        let shown: Vec<_> = strange.iter().take(3).map(|id| format!("`{}`", visible(id))).collect();
        let more = if strange.len() > shown.len() { ", …" } else { "" };
        Err(format!(
            "its table has {} ids that its input does not have: {}{more}",
            strange.len(),
            shown.join(", ")
        ))
    })
}

/// Returns a column's codes for all rows of the set, if some value differs from the present
/// one. Floats without fraction and 0 and 1 come back where integers and booleans were given.
fn changed(
    store: &mut Store,
    set: &EntitySet,
    path: &AttributePath,
    values: &[Option<Value>],
    places: &[u32],
) -> Result<Option<Vec<u32>>, OpError> {
    let present = with_codes(store, set, std::slice::from_ref(path), |store, codes| {
        Ok(store.read_column(&format!("SELECT c0 FROM {codes} ORDER BY pos"))?)
    })?;
    let mut codes = vec![NO_CODE; present.len()];
    let mut differs = false;
    for (value, place) in values.iter().zip(places) {
        let Some(value) = value else { continue };
        let place = *place as usize;
        let old = store.dictionary().present(present[place]).map(|old| old.to_value());
        let value = match (value, &old) {
            (Value::Float(n), Some(Value::Int(_))) if n.fract() == 0.0 && n.abs() < 9e15 => {
                Value::Int(*n as i64)
            }
            (Value::Int(n @ (0 | 1)), Some(Value::Bool(_))) => Value::Bool(*n == 1),
            (Value::Text(text), Some(Value::Json(old))) if text == old => Value::Json(text.clone()),
            _ => value.clone(),
        };
        differs |= old.as_ref() != Some(&value);
        codes[place] = store.dictionary_mut().intern(&(&value).into())?;
    }
    Ok(differs.then_some(codes))
}

/// Makes the set with further columns, which stand for values that the entities had before.
fn with_columns(
    store: &mut Store,
    set: &EntitySet,
    columns: Vec<(AttributePath, Vec<u32>)>,
) -> Result<EntitySet, OpError> {
    if columns.is_empty() {
        return Ok(set.clone());
    }
    let positions: Vec<u32> = (0..u32::try_from(set.count).unwrap_or(u32::MAX)).collect();
    let names: Vec<String> = (0..columns.len()).map(|n| format!("v{n}")).collect();
    let mut data = vec![("pos", Data::U32(positions))];
    data.extend(
        names.iter().zip(&columns).map(|(name, (_, codes))| (name.as_str(), Data::U32(codes.clone()))),
    );
    let table = store.put(&data)?;
    let mut extra: Vec<(AttributePath, String)> = Vec::new();
    let mut selected = vec!["s.pos".to_owned(), "s.ent".to_owned()];
    if set.rows == Rows::Appearances {
        selected.push("s.rec".to_owned());
    }
    let new = |path: &AttributePath| columns.iter().position(|(known, _)| known == path);
    for (path, column) in &set.extra {
        let name = format!("x{}", extra.len());
        selected.push(match new(path) {
            Some(n) => format!("coalesce(v.v{n}, s.{column}) AS {name}"),
            None => format!("s.{column} AS {name}"),
        });
        extra.push((path.clone(), name));
    }
    let mut shown = set.shown.clone();
    for (n, (path, _)) in columns.iter().enumerate() {
        if set.extra_column(path).is_none() {
            let name = format!("x{}", extra.len());
            selected.push(format!("v.v{n} AS {name}"));
            extra.push((path.clone(), name));
        }
        if let Some(shown) = &mut shown
            && !shown.contains(path)
            && !set.front.contains(path)
        {
            shown.push(path.clone());
        }
    }
    let rows = store.table(set)?;
    let select = format!("SELECT {} FROM {rows} s JOIN {table} v ON v.pos = s.pos", selected.join(", "));
    let made = store.set_from(&select, &EntitySet { extra, shown, ..set.clone() });
    store.drop_table(&table)?;
    Ok(made?)
}

/// Reads the values of a column; the error is the name of a type that is no attribute value.
fn values(array: &ArrayRef) -> Result<Vec<Option<Value>>, String> {
    let kind = array.data_type().clone();
    let to = |target: &DataType| cast(array, target).map_err(|_| kind.to_string());
    Ok(match &kind {
        DataType::Null => vec![None; array.len()],
        DataType::Boolean => array.as_boolean().iter().map(|b| b.map(Value::Bool)).collect(),
        kind if kind.is_integer() => {
            let ints = to(&DataType::Int64)?;
            ints.as_primitive::<Int64Type>().iter().map(|n| n.map(Value::Int)).collect()
        }
        kind if kind.is_floating() => {
            let floats = to(&DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>();
            floats.iter().map(|n| n.filter(|n| n.is_finite()).map(Value::Float)).collect()
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let texts = to(&DataType::Utf8)?;
            texts.as_string::<i32>().iter().map(|text| text.map(Value::text)).collect()
        }
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
            let times = to(&DataType::Timestamp(TimeUnit::Microsecond, None))?;
            let times = times.as_primitive::<TimestampMicrosecondType>();
            times.iter().map(|at| at.map(|at| Value::Text(Timestamp::from_micros(at).to_string()))).collect()
        }
        other => return Err(other.to_string()),
    })
}
