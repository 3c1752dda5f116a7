//! `TIMESTAMPED`, `ADDOBSID`, `RECORDS`: one row for each entity and record. Entities 7.

use kestrel_ir::{Rows, op::TransformKind};
use kestrel_stix::{AttributePath, Timestamp, Value};

use super::{OpError, require_entities, with_table};
use crate::store::{Data, EntitySet, Store};

/// What a transformer gives.
#[derive(Debug)]
pub struct Transformed {
    /// The rows.
    pub set: EntitySet,
    /// Entities that no record shows, so that they have no row.
    pub without_records: u64,
}

/// Joins the set's entities with the records that show them. Attributes are the entities'
/// merged ones, the same in each row. The columns of an earlier transformer are replaced.
pub fn transform(store: &mut Store, set: &EntitySet, kind: TransformKind) -> Result<Transformed, OpError> {
    require_entities(set, "a transformer")?;
    let sightings = store.sightings(set)?;
    with_table(store, sightings, |store, sightings| {
        let records = store.read_column(&format!("SELECT DISTINCT rec FROM {sightings} ORDER BY rec"))?;
        let fronts = record_columns(store, kind, records)?;
        with_table(store, fronts, |store, fronts| joined(store, set, kind, sightings, fronts))
    })
}

/// Makes a table `(rec, f0, f1 …, first, last, number, rank)` of the codes of the columns in
/// front, and of what orders records.
fn record_columns(store: &mut Store, kind: TransformKind, records: Vec<u32>) -> Result<String, OpError> {
    let mut columns = Vec::new();
    for name in kind.columns() {
        let mut codes = Vec::with_capacity(records.len());
        for record in &records {
            let known = store.records();
            let value = match *name {
                "first_observed" => known.first_text(*record).map(Value::Text),
                "last_observed" => known.last_text(*record).map(Value::Text),
                "number_observed" => Some(Value::Int(known.number(*record))),
                _ => Some(Value::text(known.id(*record))),
            };
            codes.push(match value {
                Some(value) => store.dictionary_mut().intern(&(&value).into())?,
                None => crate::store::NO_CODE,
            });
        }
        columns.push((format!("f{}", columns.len()), Data::U32(codes)));
    }
    let known = store.records();
    let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
    let mut named = vec![
        ("first", Data::I64(records.iter().map(|record| micros(known.first(*record))).collect())),
        ("last", Data::I64(records.iter().map(|record| micros(known.last(*record))).collect())),
        ("number", Data::I64(records.iter().map(|record| Some(known.number(*record))).collect())),
        ("rank", Data::U32(records.iter().map(|record| store.rank(*record)).collect())),
        ("rec", Data::U32(records)),
    ];
    named.extend(columns.iter().map(|(name, data)| (name.as_str(), data.clone())));
    Ok(store.put(&named)?)
}

fn joined(
    store: &mut Store,
    set: &EntitySet,
    kind: TransformKind,
    sightings: &str,
    fronts: &str,
) -> Result<Transformed, OpError> {
    let front: Vec<AttributePath> = kind.columns().iter().map(|name| AttributePath::key(name)).collect();
    // Other columns of the set come along by entity: those of its first row.
    let kept: Vec<(AttributePath, String)> = set
        .extra
        .iter()
        .filter(|(path, _)| !front.contains(path) && !set.front.contains(path))
        .cloned()
        .collect();
    let mut extra: Vec<(AttributePath, String)> =
        front.iter().enumerate().map(|(n, path)| (path.clone(), format!("x{n}"))).collect();
    let mut columns: Vec<String> = (0..front.len()).map(|n| format!("f.f{n} AS x{n}")).collect();
    let mut firsts = Vec::new();
    for (path, column) in kept {
        let name = format!("x{}", extra.len());
        firsts.push(format!("arg_min(s.{column}, s.pos) AS {name}"));
        columns.push(format!("e.{name}"));
        extra.push((path, name));
    }
    let firsts = firsts.iter().map(|first| format!(", {first}")).collect::<String>();
    let ids = match kind {
        TransformKind::Timestamped => None,
        TransformKind::Addobsid => Some(store.ranked(fronts, "f0")?),
        TransformKind::Records => Some(store.ranked(fronts, "f3")?),
    };
    let (order, join) = match (kind, &ids) {
        (TransformKind::Addobsid, Some(ids)) => {
            ("i.rank, f.rank".to_owned(), format!("JOIN {ids} i ON i.c = f.f0"))
        }
        (TransformKind::Records, Some(ids)) => (
            "f.number, f.first NULLS FIRST, f.last NULLS FIRST, i.rank, f.rank".to_owned(),
            format!("JOIN {ids} i ON i.c = f.f3"),
        ),
        _ => ("f.first NULLS FIRST, f.rec".to_owned(), String::new()),
    };
    let rows = store.table(set)?;
    let select = format!(
        "SELECT (row_number() OVER (ORDER BY {order}, e.place) - 1)::UINTEGER AS pos, g.ent, g.rec, {} \
         FROM {sightings} g \
         JOIN (SELECT s.ent, min(s.pos) AS place{firsts} FROM {rows} s GROUP BY s.ent) e ON e.ent = g.ent \
         JOIN {fronts} f ON f.rec = g.rec {join}",
        columns.join(", ")
    );
    let like = EntitySet { rows: Rows::Appearances, extra, front, ..set.clone() };
    let made = store.set_from(&select, &like);
    if let Some(ids) = ids {
        store.drop_table(&ids)?;
    }
    let made = made?;
    let entities = store.read_number(&format!("SELECT count(DISTINCT ent)::BIGINT FROM {rows}"))?;
    let seen = store.table(&made)?;
    let shown = store.read_number(&format!("SELECT count(DISTINCT ent)::BIGINT FROM {seen}"))?;
    let without_records = (entities.unwrap_or(0) - shown.unwrap_or(0)).max(0).unsigned_abs();
    Ok(Transformed { set: made, without_records })
}
