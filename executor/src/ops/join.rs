//! `JOIN a, b BY x, y`: rows side by side where two attributes are equal. Language 3.14.

use kestrel_stix::{AttributePath, Value, record::ValueRef};

use super::{OpError, carried, require, with_codes, with_table};
use crate::store::{EntitySet, Store};

/// Joins `a` with `b`. A row of `a` appears once per partner, in the order of `a`, then of `b`;
/// type, identity and records are those of `a`. Columns: those of `a`, then those only in `b`;
/// of shared ones the value of `a`, or that of `b` where it is missing.
pub fn join(
    store: &mut Store,
    a: &EntitySet,
    b: &EntitySet,
    left: &AttributePath,
    right: &AttributePath,
) -> Result<EntitySet, OpError> {
    require(store, a, left)?;
    require(store, b, right)?;
    let columns_of_a = store.columns_of(a)?;
    let columns_of_b = store.columns_of(b)?;
    let pairs = pairs(store, a, b, left, right)?;
    with_table(store, pairs, |store, pairs| put_together(store, a, b, &columns_of_a, &columns_of_b, pairs))
}

/// Makes a table `(a, b)` of the positions of matching rows. Numbers are equal by value, and a
/// text that spells a number equals that number.
fn pairs(
    store: &mut Store,
    a: &EntitySet,
    b: &EntitySet,
    left: &AttributePath,
    right: &AttributePath,
) -> Result<String, OpError> {
    with_codes(store, a, std::slice::from_ref(left), |store, ta| {
        with_codes(store, b, std::slice::from_ref(right), |store, tb| {
            let mut tables = Vec::new();
            let result = matched(store, ta, tb, &mut tables);
            for table in tables {
                store.drop_table(&table)?;
            }
            result
        })
    })
}

fn matched(store: &mut Store, ta: &str, tb: &str, tables: &mut Vec<String>) -> Result<String, OpError> {
    let mut keep = |made: Result<String, crate::store::StoreError>| -> Result<String, OpError> {
        let table = made?;
        tables.push(table.clone());
        Ok(table)
    };
    let exact_a = keep(store.mapped(ta, "c0", exact))?;
    let exact_b = keep(store.mapped(tb, "c0", exact))?;
    let number = |value: &ValueRef<'_>| match value {
        ValueRef::Int(_) | ValueRef::Float(_) => value.to_value().as_number(),
        _ => None,
    };
    let spelled = |value: &ValueRef<'_>| match value {
        ValueRef::Text(_) => value.to_value().as_number(),
        _ => None,
    };
    let number_a = keep(store.numbered(ta, "c0", number))?;
    let number_b = keep(store.numbered(tb, "c0", number))?;
    let spelled_a = keep(store.numbered(ta, "c0", spelled))?;
    let spelled_b = keep(store.numbered(tb, "c0", spelled))?;
    let on = |ka: &str, kb: &str| {
        format!(
            "SELECT a.pos AS a, b.pos AS b FROM {ta} a JOIN {ka} ka ON ka.c = a.c0 \
             JOIN {kb} kb ON kb.v = ka.v JOIN {tb} b ON b.c0 = kb.c"
        )
    };
    // The three cases have no pair in common: they differ in the kinds of the two values.
    let select =
        [on(&exact_a, &exact_b), on(&number_a, &spelled_b), on(&spelled_a, &number_b)].join(" UNION ALL ");
    Ok(store.keep(&select)?.0)
}

/// The value by which equal ones are found: whole floats are integers.
fn exact(value: &ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Float(n) if n.fract() == 0.0 && n.abs() < 9e15 => Value::Int(*n as i64),
        other => other.to_value(),
    })
}

fn put_together(
    store: &mut Store,
    a: &EntitySet,
    b: &EntitySet,
    columns_of_a: &[AttributePath],
    columns_of_b: &[AttributePath],
    pairs: &str,
) -> Result<EntitySet, OpError> {
    let id = AttributePath::key("id");
    let shared: Vec<&AttributePath> =
        columns_of_b.iter().filter(|path| columns_of_a.contains(path) && **path != id).collect();
    let only_b: Vec<&AttributePath> =
        columns_of_b.iter().filter(|path| !columns_of_a.contains(path)).collect();
    let from_a: Vec<AttributePath> = shared.iter().map(|path| (*path).clone()).collect();
    let from_b: Vec<AttributePath> = shared.iter().chain(&only_b).map(|path| (*path).clone()).collect();
    let mut extra: Vec<(AttributePath, String)> =
        a.extra.iter().filter(|(path, _)| !from_b.contains(path)).cloned().collect();
    let kept = EntitySet { extra: extra.clone(), ..a.clone() };
    let mut columns = vec![carried(&kept, "s")];
    for (n, path) in from_b.iter().enumerate() {
        let name = format!("j{n}");
        columns.push(if n < from_a.len() {
            format!("coalesce(ca.c{n}, cb.c{n}) AS {name}")
        } else {
            format!("cb.c{n} AS {name}")
        });
        extra.push((path.clone(), name));
    }
    let renumbered: Vec<(AttributePath, String)> =
        extra.iter().enumerate().map(|(n, (path, _))| (path.clone(), format!("x{n}"))).collect();
    let shown = a.shown.clone().map(|mut shown| {
        shown.extend(only_b.into_iter().cloned());
        shown
    });
    let rows = store.table(a)?;
    with_codes(store, a, &from_a, |store, ca| {
        with_codes(store, b, &from_b, |store, cb| {
            let inner = format!(
                "SELECT p.a, p.b, {} FROM {pairs} p JOIN {rows} s ON s.pos = p.a \
                 JOIN {ca} ca ON ca.pos = p.a JOIN {cb} cb ON cb.pos = p.b",
                columns.join(", ")
            );
            let names: String = extra
                .iter()
                .zip(&renumbered)
                .map(|((_, old), (_, new))| format!(", {old} AS {new}"))
                .collect();
            let rec = if a.rows == kestrel_ir::Rows::Appearances { ", rec" } else { "" };
            let select = format!(
                "SELECT (row_number() OVER (ORDER BY a, b) - 1)::UINTEGER AS pos, ent{rec}{names} FROM ({inner})"
            );
            let like = EntitySet { extra: renumbered.clone(), shown, ..a.clone() };
            Ok(store.set_from(&select, &like)?)
        })
    })
}
