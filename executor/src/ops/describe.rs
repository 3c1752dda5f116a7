//! `DESCRIBE var.attr`: figures about one attribute. Language 3.12.

use duckdb::arrow::{
    array::AsArray,
    datatypes::{Int64Type, UInt32Type},
};
use kestrel_stix::{AttributePath, Value, schema};

use super::{OpError, require, with_codes};
use crate::store::{EntitySet, Store};

/// Returns `count`, `mean`, `min`, `max` of numbers, or `count`, `unique`, `top`, `freq` of
/// other values. Missing values do not count; of values equally frequent the smallest is `top`.
pub fn describe(
    store: &mut Store,
    set: &EntitySet,
    attribute: &AttributePath,
) -> Result<Vec<(String, Option<Value>)>, OpError> {
    require(store, set, attribute)?;
    let counted = with_codes(store, set, std::slice::from_ref(attribute), |store, codes| {
        let select =
            format!("SELECT c0, count(*)::BIGINT FROM {codes} WHERE c0 IS NOT NULL GROUP BY c0 ORDER BY c0");
        let batches = store.read_batches(&select)?;
        let mut counted: Vec<(Value, i64)> = Vec::new();
        for batch in &batches {
            let codes = batch.column(0).as_primitive_opt::<UInt32Type>();
            let counts = batch.column(1).as_primitive_opt::<Int64Type>();
            if let (Some(codes), Some(counts)) = (codes, counts) {
                let values = codes.values().iter().map(|code| store.dictionary().value(*code));
                counted.extend(values.zip(counts.values().iter().copied()));
            }
        }
        Ok(counted)
    })?;
    let name = attribute.last_key();
    Ok(figures(counted, schema::is_integer_attribute(set.entity_type.as_str(), name)))
}

/// The figures of distinct values and how often each occurs; `number` decides what is shown
/// when there are none.
fn figures(mut counted: Vec<(Value, i64)>, number: bool) -> Vec<(String, Option<Value>)> {
    counted.sort_by(|(a, _), (b, _)| a.sort_order(b));
    let count: i64 = counted.iter().map(|(_, count)| count).sum();
    let numeric = match counted.as_slice() {
        [] => number,
        all => all.iter().all(|(value, _)| matches!(value, Value::Int(_) | Value::Float(_))),
    };
    let named = |name: &str, value: Option<Value>| (name.to_owned(), value);
    let total = named("count", Some(Value::Int(count)));
    if numeric {
        let smallest = counted.first().map(|(value, _)| value.clone());
        let largest = counted.last().map(|(value, _)| value.clone());
        return vec![
            total,
            named("mean", mean(&counted, count).map(Value::Float)),
            named("min", smallest),
            named("max", largest),
        ];
    }
    // The first of the most frequent, since they are in ascending order.
    let freq = counted.iter().map(|(_, count)| *count).max();
    let top = freq.and_then(|freq| counted.iter().find(|(_, count)| *count == freq));
    vec![
        total,
        named("unique", Some(Value::Int(i64::try_from(counted.len()).unwrap_or(i64::MAX)))),
        named("top", top.map(|(value, _)| value.clone())),
        named("freq", freq.map(Value::Int)),
    ]
}

/// The mean, exact before the division where all values are integers.
fn mean(counted: &[(Value, i64)], count: i64) -> Option<f64> {
    if count == 0 {
        return None;
    }
    let whole: Option<i128> = counted
        .iter()
        .map(|(value, count)| match value {
            Value::Int(n) => Some(i128::from(*n) * i128::from(*count)),
            _ => None,
        })
        .sum();
    let sum = match whole {
        Some(sum) => sum as f64,
        None => counted.iter().filter_map(|(value, count)| Some(value.as_number()? * *count as f64)).sum(),
    };
    Some(sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(counted: Vec<(Value, i64)>, number: bool) -> String {
        figures(counted, number)
            .into_iter()
            .map(|(name, value)| {
                format!("{name}={}", value.map(|value| value.to_string()).unwrap_or_default())
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn numbers_texts_and_nothing() {
        assert_eq!(
            shown(vec![(Value::Int(22), 3), (Value::Int(80), 1)], true),
            "count=4 mean=36.5 min=22 max=80"
        );
        assert_eq!(
            shown(vec![(Value::Float(0.5), 1), (Value::Int(2), 1)], false),
            "count=2 mean=1.25 min=0.5 max=2"
        );
        assert_eq!(
            shown(vec![(Value::text("b"), 2), (Value::text("a"), 2), (Value::text("c"), 1)], false),
            "count=5 unique=3 top=a freq=2"
        );
        assert_eq!(
            shown(vec![(Value::text("9"), 1), (Value::Int(9), 1)], false),
            "count=2 unique=2 top=9 freq=1"
        );
        assert_eq!(shown(Vec::new(), false), "count=0 unique=0 top= freq=");
        assert_eq!(shown(Vec::new(), true), "count=0 mean= min= max=");
    }
}
