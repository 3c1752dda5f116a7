//! The aggregates of a `GROUP` without `WITH`. Language 3.13.

use kestrel_ir::op::{Aggregate, Function, GroupKey};
use kestrel_stix::{AttributePath, record::ValueRef};

use crate::{
    ops::{OpError, with_codes},
    store::{EntitySet, Store},
};

/// Returns one aggregate for every attribute of the set's own type, except `id`.
pub(super) fn aggregates(
    store: &mut Store,
    set: &EntitySet,
    keys: &[GroupKey],
) -> Result<Vec<Aggregate>, OpError> {
    let own: Vec<AttributePath> = store
        .columns_of(set)?
        .into_iter()
        .filter(|path| path.split_references().0.is_empty() && path.last_key() != "type")
        .filter(|path| *path != AttributePath::key("id"))
        .collect();
    let integers = integers(store, set, &own)?;
    let entity_type = set.entity_type.as_str();
    let all = own.into_iter().zip(integers).map(|(path, integer)| aggregate(entity_type, path, integer));
    // A key keeps its name; the aggregate of the same name gives way.
    Ok(all.filter(|aggregate| keys.iter().all(|key| key.column != aggregate.column)).collect())
}

fn aggregate(entity_type: &str, path: AttributePath, integer: bool) -> Aggregate {
    let name = path.to_string();
    let is_number = match entity_type {
        "process" => name.ends_with("pid"),
        "network-traffic" => name.ends_with("_port"),
        _ => false,
    };
    let (function, column) = match name.as_str() {
        "number_observed" => (Function::Sum, name),
        "first_observed" | "start" => (Function::Min, name),
        "last_observed" | "end" => (Function::Max, name),
        _ if integer && !is_number => (Function::Avg, format!("mean_{name}")),
        _ => (Function::Nunique, format!("unique_{name}")),
    };
    Aggregate { function, attribute: path, column }
}

/// Says which attributes have only integers as values.
fn integers(store: &mut Store, set: &EntitySet, paths: &[AttributePath]) -> Result<Vec<bool>, OpError> {
    if set.is_empty() || paths.is_empty() {
        return Ok(vec![false; paths.len()]);
    }
    with_codes(store, set, paths, |store, codes| {
        let mut out = Vec::with_capacity(paths.len());
        for n in 0..paths.len() {
            let distinct = store.distinct_in(codes, &format!("c{n}"))?;
            let dictionary = store.dictionary();
            let all = distinct.iter().all(|code| matches!(dictionary.get(*code), ValueRef::Int(_)));
            out.push(all && !distinct.is_empty());
        }
        Ok(out)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_kinds_decide_the_function() {
        let shown = |entity_type: &str, name: &str, integer: bool| {
            let made = aggregate(entity_type, name.parse().expect("a path"), integer);
            format!("{:?} {}", made.function, made.column)
        };
        assert_eq!(shown("process", "pid", true), "Nunique unique_pid");
        assert_eq!(shown("process", "x_ppid", true), "Nunique unique_x_ppid");
        assert_eq!(shown("process", "x_score", true), "Avg mean_x_score");
        assert_eq!(shown("process", "name", false), "Nunique unique_name");
        assert_eq!(shown("network-traffic", "src_port", true), "Nunique unique_src_port");
        assert_eq!(shown("network-traffic", "src_byte_count", true), "Avg mean_src_byte_count");
        assert_eq!(shown("network-traffic", "start", false), "Min start");
        assert_eq!(shown("x-any", "number_observed", true), "Sum number_observed");
        assert_eq!(shown("file", "hashes.'SHA-256'", false), "Nunique unique_hashes.'SHA-256'");
    }
}
