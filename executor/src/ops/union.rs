//! `a + b`: the entities of all inputs, each once. Language 3.15, entities 8.3.

use kestrel_ir::{Rows, diagnostic::Code};
use kestrel_stix::AttributePath;

use super::OpError;
use crate::store::{EntitySet, Store, World};

/// Puts sets together, first appearance first. Attributes are the union; where inputs have
/// columns of their own (of analytics and joins), the first value that is present counts.
pub fn union(store: &mut Store, inputs: &[&EntitySet]) -> Result<EntitySet, OpError> {
    let Some(first) = inputs.first() else {
        return Err(OpError::refused(Code::E0401, "a merge without inputs", ""));
    };
    let mut types: Vec<&str> = inputs.iter().map(|set| set.entity_type.as_str()).collect();
    types.dedup();
    if types.iter().any(|found| *found != types[0]) {
        return Err(OpError::refused(
            Code::E0303,
            format!("there is more than one entity type in the merge: `{}`", types.join("`, `")),
            "merge variables of one type",
        ));
    }
    // Empty inputs add nothing, whatever kind of rows they would have.
    let filled: Vec<&EntitySet> = inputs.iter().copied().filter(|set| !set.is_empty()).collect();
    let Some(kind) = filled.first().map(|set| set.rows) else { return Ok((*first).clone()) };
    if filled.iter().any(|set| set.rows != kind) {
        return Err(OpError::refused(
            Code::E0303,
            "entities, appearances and groups cannot be merged with each other",
            "merge variables before grouping or transforming them",
        ));
    }
    if kind != Rows::Entities
        && filled.iter().any(|set| set.shown != filled[0].shown || set.front != filled[0].front)
    {
        return Err(OpError::refused(
            Code::E0303,
            "groups and appearances can be merged only when they have the same columns",
            "group or transform the merged variable instead",
        ));
    }
    // Their attributes may still be named later: which ones those are is known before anything
    // runs, and must not depend on what was found.
    let alike: Vec<&EntitySet> = inputs.iter().copied().filter(|set| set.rows == kind).collect();
    let shown = shown(&alike);
    merged(store, &filled, kind, shown)
}

fn merged(
    store: &mut Store,
    inputs: &[&EntitySet],
    kind: Rows,
    shown: Option<Vec<AttributePath>>,
) -> Result<EntitySet, OpError> {
    let world = inputs.iter().fold(World::default(), |world, set| world.union(&set.world));
    if let Some(entities) = store.entities_of_all(inputs) {
        let made = store.set_of(entities, &inputs[0].entity_type, world)?;
        return Ok(EntitySet { shown, front: inputs[0].front.clone(), ..made });
    }
    let mut extra: Vec<(AttributePath, String)> = Vec::new();
    for (path, _) in inputs.iter().flat_map(|set| &set.extra) {
        if !extra.iter().any(|(known, _)| known == path) {
            extra.push((path.clone(), format!("x{}", extra.len())));
        }
    }
    let with_record = kind == Rows::Appearances;
    let tables: Result<Vec<String>, _> = inputs.iter().map(|set| store.table(set)).collect();
    let parts: Vec<String> = inputs
        .iter()
        .zip(tables?)
        .enumerate()
        .map(|(n, (set, table))| {
            let mut columns = format!("{n} AS input, s.pos, s.ent");
            if with_record {
                columns.push_str(", s.rec");
            }
            for (path, name) in &extra {
                match set.extra_column(path) {
                    Some(column) => columns.push_str(&format!(", s.{column} AS {name}")),
                    None => columns.push_str(&format!(", NULL::UINTEGER AS {name}")),
                }
            }
            format!("SELECT {columns} FROM {table} s")
        })
        .collect();
    let all = parts.join(" UNION ALL ");
    let keys = match kind {
        Rows::Entities => "ent".to_owned(),
        Rows::Appearances => "ent, rec".to_owned(),
        // Groups have no identity but their content.
        Rows::Groups => extra.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", "),
    };
    let values: String = match kind {
        Rows::Groups => ", any_value(ent) AS ent".to_owned(),
        _ => extra
            .iter()
            .map(|(_, name)| format!(", arg_min({name}, (input, pos)) FILTER ({name} IS NOT NULL) AS {name}"))
            .collect(),
    };
    let rec = if with_record { ", rec" } else { "" };
    let names: String = extra.iter().map(|(_, name)| format!(", {name}")).collect();
    let select = format!(
        "SELECT (row_number() OVER (ORDER BY place) - 1)::UINTEGER AS pos, ent{rec}{names} FROM \
         (SELECT {keys}{values}, min((input, pos)) AS place FROM ({all}) GROUP BY {keys})"
    );
    let like = EntitySet { rows: kind, extra, world, shown, ..inputs[0].clone() };
    Ok(store.set_from(&select, &like)?)
}

/// The visible columns: all when some input shows all, else those of any input in order.
fn shown(inputs: &[&EntitySet]) -> Option<Vec<AttributePath>> {
    let mut all: Vec<AttributePath> = Vec::new();
    for set in inputs {
        for path in set.shown.as_ref()? {
            if !all.contains(path) {
                all.push(path.clone());
            }
        }
    }
    Some(all)
}
