//! What is done with rows: filter, sort, group, join, merge, transform, `NEW`.
//! Source: language specification 3.1, 3.6–3.9, 3.13–3.15; entities specification 7, 8.

use std::collections::{BTreeMap, BTreeSet};

use kestrel_ir::{
    Rows,
    op::{Bin, Function, Group, Literal, TransformKind},
};
use kestrel_stix::{
    AttributePath, TimeWindow, Timestamp, Value,
    identity::{self, Identity},
    pattern::{Pattern, Site, Test},
    record::{Object, Record, ReferenceTo},
    schema,
};

use super::{
    Failure,
    retrieve::in_window,
    set::{Row, Set, all_columns, is_known, row_value, row_values, visible_columns},
    world::{World, value_ref},
};

/// Keeps the rows that satisfy the pattern and were seen in the window.
pub fn filter(
    world: &World,
    set: &Set,
    pattern: Option<&Pattern>,
    window: &TimeWindow,
) -> Result<Set, Failure> {
    if let Some(pattern) = pattern {
        for test in pattern.comparisons() {
            known(world, set, &test.path)?;
        }
    }
    let mut rows = Vec::new();
    for row in &set.rows {
        let holds = match pattern {
            Some(pattern) => row_holds(world, set, row, pattern)?,
            None => true,
        };
        if holds && (window.is_open() || row_seen_in(world, set, row, window)) {
            rows.push(row.clone());
        }
    }
    Ok(set.with_rows(rows))
}

fn row_holds(world: &World, set: &Set, row: &Row, pattern: &Pattern) -> Result<bool, Failure> {
    match pattern {
        Pattern::And(parts) => {
            let held: Result<Vec<bool>, Failure> =
                parts.iter().map(|part| row_holds(world, set, row, part)).collect();
            Ok(held?.into_iter().all(|held| held))
        }
        Pattern::Or(parts) => {
            let held: Result<Vec<bool>, Failure> =
                parts.iter().map(|part| row_holds(world, set, row, part)).collect();
            Ok(held?.into_iter().any(|held| held))
        }
        Pattern::Test(test) => {
            let values: Vec<_> = row_values(world, set, row, &test.path).iter().map(value_ref).collect();
            Ok(Test::new(test, Site::Variable)?.holds_among(&values))
        }
    }
}

/// An appearance was seen in its record, an entity in any of its records.
fn row_seen_in(world: &World, set: &Set, row: &Row, window: &TimeWindow) -> bool {
    let records = match row.record {
        Some(record) => vec![record],
        None => set.with_rows(vec![row.clone()]).seen_in(world),
    };
    records.into_iter().any(|number| in_window(&world.records[number], window))
}

fn known(world: &World, set: &Set, path: &AttributePath) -> Result<(), Failure> {
    // Without rows there is nothing that could tell what is known.
    if set.rows.is_empty() || is_known(world, set, path) { Ok(()) } else { Err(Failure::UnknownAttribute) }
}

/// Shows only these attributes.
pub fn project(world: &World, set: &Set, attributes: &[AttributePath]) -> Result<Set, Failure> {
    let mut shown = Vec::new();
    for attribute in attributes {
        known(world, set, attribute)?;
        let name = attribute.to_string();
        if !shown.contains(&name) {
            shown.push(name);
        }
    }
    let identifying = identity::id_attributes(&set.entity_type).iter().chain(&["id"]);
    let anonymous =
        set.anonymous || !identifying.into_iter().any(|name| shown.iter().any(|known| known == name));
    Ok(Set { shown: Some(shown), anonymous, ..set.clone() })
}

/// Sorts by one attribute; missing values first when ascending, last when descending.
pub fn sort(world: &World, set: &Set, attribute: &AttributePath, descending: bool) -> Result<Set, Failure> {
    known(world, set, attribute)?;
    let mut keyed: Vec<(Option<Value>, Row)> =
        set.rows.iter().map(|row| (row_value(world, set, row, attribute), row.clone())).collect();
    keyed.sort_by(|(a, _), (b, _)| {
        let order = compare(a.as_ref(), b.as_ref());
        if descending { order.reverse() } else { order }
    });
    Ok(set.with_rows(keyed.into_iter().map(|(_, row)| row).collect()))
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> std::cmp::Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.sort_order(b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// Skips some rows and keeps some.
pub fn slice(set: &Set, offset: u64, limit: Option<u64>) -> Set {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    set.with_rows(set.rows.iter().skip(offset).take(limit).cloned().collect())
}

/// One row for each combination of key values, ascending; missing is a value of its own.
pub fn group(world: &World, set: &Set, op: &Group) -> Result<Set, Failure> {
    for key in &op.keys {
        known(world, set, &key.attribute)?;
    }
    for key in &op.keys {
        let values: Vec<Value> =
            set.rows.iter().filter_map(|row| row_value(world, set, row, &key.attribute)).collect();
        if let Some(bin) = key.bin
            && !values.is_empty()
            && values.iter().all(|value| binned(value, bin).is_none())
        {
            return Err(Failure::GroupFunction);
        }
    }
    let identifying = identity::id_attributes(&set.entity_type)
        .iter()
        .filter_map(|name| name.parse::<AttributePath>().ok())
        .find(|path| set.rows.iter().any(|row| row_value(world, set, row, path).is_some()));
    let identified =
        op.keys.iter().any(|key| Some(&key.attribute) == identifying.as_ref() && key.bin.is_none());
    let mut groups: Vec<(Vec<Option<Value>>, Vec<&Row>)> = Vec::new();
    for row in &set.rows {
        let mut key = Vec::new();
        for part in &op.keys {
            let value = row_value(world, set, row, &part.attribute);
            key.push(match (value, part.bin) {
                (Some(value), Some(bin)) => binned(&value, bin),
                (value, _) => value,
            });
        }
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    groups.sort_by(|(a, _), (b, _)| {
        let parts = a.iter().zip(b).map(|(a, b)| compare(a.as_ref(), b.as_ref()));
        parts.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    let aggregates = match &op.aggregates {
        Some(aggregates) => {
            for aggregate in aggregates {
                known(world, set, &aggregate.attribute)?;
            }
            aggregates.iter().map(|one| (one.column.clone(), one.function, one.attribute.clone())).collect()
        }
        None => automatic(world, set),
    };
    let mut columns: Vec<String> = op.keys.iter().map(|key| key.column.clone()).collect();
    for (column, _, _) in &aggregates {
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    let mut rows = Vec::new();
    for (key, members) in groups {
        let mut extra = BTreeMap::new();
        for (column, function, attribute) in &aggregates {
            let values: Vec<Value> =
                members.iter().filter_map(|row| row_value(world, set, row, attribute)).collect();
            if let Some(value) = aggregate(*function, values)? {
                extra.insert(column.clone(), value);
            }
        }
        for (part, value) in op.keys.iter().zip(key) {
            match value {
                Some(value) => extra.insert(part.column.clone(), value),
                None => extra.remove(&part.column),
            };
        }
        rows.push(Row { extra, ..Row::default() });
    }
    Ok(Set {
        entity_type: set.entity_type.clone(),
        kind: Rows::Groups,
        rows,
        records: BTreeSet::new(),
        shown: Some(columns.clone()),
        front: Vec::new(),
        added: columns,
        identified,
        anonymous: false,
    })
}

/// The aggregates of a grouping without `WITH`: of every own attribute but `id`.
fn automatic(world: &World, set: &Set) -> Vec<(String, Function, AttributePath)> {
    let mut columns = visible_columns(world, set);
    columns.retain(|column| {
        column != "id" && column != "type" && !column.split('.').any(|step| step.ends_with("_ref"))
    });
    let mut found = Vec::new();
    for column in columns {
        let Ok(path) = column.parse::<AttributePath>() else { continue };
        let integers = || {
            let values: Vec<Value> =
                set.rows.iter().filter_map(|row| row_value(world, set, row, &path)).collect();
            !values.is_empty() && values.iter().all(|value| matches!(value, Value::Int(_)))
        };
        let counted = match set.entity_type.as_str() {
            "process" => column.ends_with("pid"),
            "network-traffic" => column.ends_with("_port"),
            _ => false,
        };
        let (name, function) = match column.as_str() {
            "number_observed" => (column.clone(), Function::Sum),
            "first_observed" | "start" => (column.clone(), Function::Min),
            "last_observed" | "end" => (column.clone(), Function::Max),
            _ if counted => (format!("unique_{column}"), Function::Nunique),
            _ if integers() => (format!("mean_{column}"), Function::Avg),
            _ => (format!("unique_{column}"), Function::Nunique),
        };
        found.push((name, function, path));
    }
    found
}

/// Rounds a value down; none if it is of another kind.
fn binned(value: &Value, bin: Bin) -> Option<Value> {
    match (value, bin) {
        (Value::Int(n), Bin::Number { width }) => {
            let width = i64::try_from(width).unwrap_or(i64::MAX);
            Some(Value::Int(n.div_euclid(width) * width))
        }
        (Value::Float(_) | Value::Text(_), Bin::Number { width }) => {
            let number = value.as_number()?;
            Some(Value::Int(((number / width as f64).floor() * width as f64) as i64))
        }
        (Value::Text(text), Bin::Time { seconds }) => {
            let time = Timestamp::parse(text)?;
            let width = i64::try_from(seconds).unwrap_or(i64::MAX / 1_000_000) * 1_000_000;
            let floor = Timestamp::from_micros(time.micros().div_euclid(width) * width).to_string();
            Some(Value::Text(floor.replace(".000Z", "Z")))
        }
        _ => None,
    }
}

fn aggregate(function: Function, values: Vec<Value>) -> Result<Option<Value>, Failure> {
    let numbers = || -> Result<Vec<f64>, Failure> {
        let numbers = values.iter().map(|value| match value {
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
                value.as_number().ok_or(Failure::GroupFunction)
            }
            _ => Err(Failure::GroupFunction),
        });
        numbers.collect()
    };
    let count = |n: usize| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    Ok(match function {
        Function::Count => Some(count(values.len())),
        Function::Nunique => {
            let mut distinct: Vec<&Value> = Vec::new();
            for value in &values {
                if !distinct.contains(&value) {
                    distinct.push(value);
                }
            }
            Some(count(distinct.len()))
        }
        Function::Min => values.into_iter().min_by(|a, b| a.sort_order(b)),
        Function::Max => values.into_iter().max_by(|a, b| a.sort_order(b)),
        Function::Sum | Function::Avg => {
            let numbers = numbers()?;
            let sum: f64 = numbers.iter().sum();
            let all_integers = values.iter().all(|value| matches!(value, Value::Int(_)));
            match function {
                _ if numbers.is_empty() => None,
                Function::Sum if all_integers => Some(Value::Int(sum as i64)),
                Function::Sum => Some(Value::Float(sum)),
                _ => Some(Value::Float(sum / numbers.len() as f64)),
            }
        }
    })
}

/// A row of the left side for each row of the right side with an equal value.
pub fn join(
    world: &World,
    left: &Set,
    right: &Set,
    by: (&AttributePath, &AttributePath),
) -> Result<Set, Failure> {
    known(world, left, by.0)?;
    known(world, right, by.1)?;
    let mut shown = visible_columns(world, left);
    let added: Vec<String> =
        visible_columns(world, right).into_iter().filter(|column| !shown.contains(column)).collect();
    shown.extend(added.iter().cloned());
    let mut rows = Vec::new();
    for one in &left.rows {
        let Some(key) = row_value(world, left, one, by.0) else { continue };
        for other in &right.rows {
            if !row_value(world, right, other, by.1).is_some_and(|value| are_equal(&key, &value)) {
                continue;
            }
            let mut extra = BTreeMap::new();
            for column in &shown {
                let Ok(path) = column.parse::<AttributePath>() else { continue };
                let value = one.extra.get(column).cloned().or_else(|| row_value(world, left, one, &path));
                let value = value.or_else(|| other.extra.get(column).cloned());
                if let Some(value) = value.or_else(|| row_value(world, right, other, &path)) {
                    extra.insert(column.clone(), value);
                }
            }
            rows.push(Row { extra, ..one.clone() });
        }
    }
    let mut all_added = left.added.clone();
    all_added.extend(added);
    // Unless the left side's columns are fixed, rows show what has a value.
    let shown = left.shown.as_ref().map(|_| shown);
    Ok(Set { rows, shown, added: all_added, anonymous: false, ..left.clone() })
}

/// Numbers are equal by value, a text that spells a number equals that number, and everything
/// else equals itself.
fn are_equal(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_));
    let spelled = |value: &Value| matches!(value, Value::Text(_));
    let comparable = number(a) && (number(b) || spelled(b)) || spelled(a) && number(b);
    a == b || comparable && a.as_number().is_some() && a.as_number() == b.as_number()
}

/// The entities of all inputs, each once; empty ones add nothing.
pub fn union(world: &World, inputs: &[&Set]) -> Set {
    let filled: Vec<&Set> = inputs.iter().copied().filter(|set| !set.rows.is_empty()).collect();
    let mut all = (*filled.first().unwrap_or(&inputs[0])).clone();
    all.rows.clear();
    all.anonymous = false;
    for input in filled {
        all.records.extend(&input.records);
        for row in &input.rows {
            let mut row = row.clone();
            row.entity = row.entity.map(|entity| world.resolved(&entity));
            let same = |known: &&mut Row| match &row.entity {
                Some(_) => known.entity == row.entity && known.record == row.record,
                None => known.extra == row.extra,
            };
            match all.rows.iter_mut().find(same) {
                Some(known) => {
                    for (column, value) in row.extra {
                        known.extra.entry(column).or_insert(value);
                    }
                }
                None => all.rows.push(row),
            }
        }
        for column in &input.added {
            if !all.added.contains(column) {
                all.added.push(column.clone());
            }
        }
    }
    // The attributes are the union of all inputs', found something or not.
    all.shown = inputs
        .iter()
        .map(|input| input.shown.clone())
        .reduce(|all, more| {
            let mut all = all?;
            for column in more? {
                if !all.contains(&column) {
                    all.push(column);
                }
            }
            Some(all)
        })
        .flatten();
    all
}

/// One row for each entity and record it was seen in.
pub fn transform(world: &World, set: &Set, kind: TransformKind) -> Set {
    let columns: Vec<String> = kind.columns().iter().map(|column| (*column).to_owned()).collect();
    let mut rows: Vec<(Vec<Option<Value>>, Row)> = Vec::new();
    for (place, entity) in set.entities(world).into_iter().enumerate() {
        // Other columns come along by entity: the first value of its rows.
        let mut along: BTreeMap<String, Value> = BTreeMap::new();
        for row in
            set.rows.iter().filter(|row| row.entity.as_ref().is_some_and(|of| world.resolved(of) == entity))
        {
            for (column, value) in &row.extra {
                if !set.front.contains(column) && !columns.contains(column) {
                    along.entry(column.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        for number in &set.records {
            let record = &world.records[*number];
            let has = record.objects.iter().any(|object| object.seen && object.entity == entity);
            if !record.real || !has {
                continue;
            }
            let mut extra = along.clone();
            let mut key = Vec::new();
            let (first, last) = record.times();
            for column in &columns {
                let value = match column.as_str() {
                    "number_observed" => Some(Value::Int(record.number)),
                    "first_observed" => record.first.as_ref().map(|(_, text)| Value::text(text)),
                    "last_observed" => record.last.as_ref().map(|(_, text)| Value::text(text)),
                    _ => Some(Value::text(&record.id)),
                };
                key.push(match column.as_str() {
                    "first_observed" => first.map(|time| Value::Int(time.micros())),
                    "last_observed" => last.map(|time| Value::Int(time.micros())),
                    _ => value.clone(),
                });
                if let Some(value) = value {
                    extra.insert(column.clone(), value);
                }
            }
            let number_of = |n: usize| Some(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)));
            // Equal keys: the record, then the entity's place.
            if kind != TransformKind::Timestamped {
                key.push(last.map(|time| Value::Int(time.micros())));
            }
            key.extend([number_of(*number), number_of(place)]);
            rows.push((key, Row { entity: Some(entity.clone()), record: Some(*number), extra }));
        }
    }
    rows.sort_by(|(a, _), (b, _)| {
        let parts = a.iter().zip(b).map(|(a, b)| compare(a.as_ref(), b.as_ref()));
        parts.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    // The columns of an earlier transformer are replaced.
    let kept = |shown: &Vec<String>| {
        shown.iter().filter(|column| !set.front.contains(*column)).cloned().collect::<Vec<_>>()
    };
    Set {
        kind: Rows::Appearances,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        shown: set.shown.as_ref().map(kept),
        front: columns,
        anonymous: false,
        ..set.clone()
    }
}

/// Entities written in the huntflow, in written order. Dotted columns make the entities they
/// are about.
pub fn literal(world: &mut World, op: &Literal) -> Set {
    let entity_type = op.entity_type.as_str();
    let mut numbers = BTreeSet::new();
    let mut rows: Vec<Row> = Vec::new();
    for (n, row) in op.rows.iter().enumerate() {
        let mut objects: Vec<Object<'static>> = vec![new_object("0", entity_type)];
        for (column, value) in op.columns.iter().zip(row) {
            let Some(value) = value else { continue };
            let mut at = 0;
            let (references, rest) = column.split_references();
            for step in references {
                let holder = objects[at].entity_type.clone().into_owned();
                let name = schema::canonical_attribute(&holder, &step.key).to_owned();
                let known = objects[at].targets(&name).next().map(str::to_owned);
                at = match known.and_then(|key| key.parse::<usize>().ok()) {
                    Some(target) => target,
                    None => {
                        let key = objects.len().to_string();
                        let target = target_type(&holder, &name, value);
                        objects[at].references.push(ReferenceTo {
                            name: name.into(),
                            list: false,
                            key: key.clone().into(),
                        });
                        objects.push(new_object(&key, &target));
                        objects.len() - 1
                    }
                };
            }
            let name = AttributePath::text_of(rest);
            if name == "id" {
                objects[at].id = Some(value.to_string().into());
            } else {
                let name = schema::canonical_attribute(&objects[at].entity_type, &name).to_owned();
                objects[at].attributes.push((name.into(), value_ref(value)));
            }
        }
        // Each row is a record only in form.
        let mut record = Record { id: "row".into(), objects, number_observed: 1, ..Record::default() };
        name_nameless(&mut record, op, row, n);
        let number = world.add_synthetic(&record);
        numbers.insert(number);
        let entity = world.records[number].objects[0].entity.clone();
        if !rows.iter().any(|row| row.entity.as_ref() == Some(&entity)) {
            rows.push(Row { entity: Some(entity), ..Row::default() });
        }
    }
    let columns: Vec<String> = op.columns.iter().map(ToString::to_string).collect();
    Set {
        entity_type: entity_type.to_owned(),
        kind: Rows::Entities,
        rows,
        records: numbers,
        shown: Some(columns.clone()),
        front: Vec::new(),
        added: columns,
        identified: false,
        anonymous: false,
    }
}

/// Entities without anything that makes them get ids from the row's canonical JSON and number.
/// Source: entities specification 8.1.
fn name_nameless(record: &mut Record<'static>, op: &Literal, row: &[Option<Value>], number: usize) {
    let nameless: Vec<usize> = (0..record.objects.len())
        .filter(|at| matches!(identity::of(record, &record.objects[*at]), Identity::Record(_)))
        .collect();
    let given =
        op.columns.iter().zip(row).filter_map(|(path, value)| Some((path.to_string(), value.as_ref()?)));
    let cells: BTreeMap<String, serde_json::Value> =
        given.map(|(path, value)| (path, value.to_json())).collect();
    let json = serde_json::to_string(&cells).unwrap_or_default();
    for at in nameless {
        let object = &mut record.objects[at];
        let name = identity::named(&format!("{json}/{number}/{}", object.key));
        object.id = Some(identity::id_text(&object.entity_type, name).into());
    }
}

/// Only the row's own entity is seen in it; others are referred to.
fn new_object(key: &str, entity_type: &str) -> Object<'static> {
    Object {
        key: key.to_owned().into(),
        entity_type: entity_type.to_owned().into(),
        seen: key == "0",
        ..Object::default()
    }
}

fn target_type(holder: &str, reference: &str, value: &Value) -> String {
    let known = schema::reference_targets(holder, reference);
    match known {
        [only] => (*only).to_owned(),
        [first, ..] => schema::address_type(&value.to_string()).unwrap_or(first).to_owned(),
        [] => reference.trim_end_matches("_ref").replace('_', "-"),
    }
}

/// Returns every column and value of every row, for results.
pub fn full_rows(world: &World, set: &Set) -> Vec<BTreeMap<String, Value>> {
    set.rows
        .iter()
        .map(|row| match &set.shown {
            Some(_) => {
                let columns = visible_columns(world, set);
                let cells = super::set::cells(world, set, row, &columns);
                columns.into_iter().zip(cells).filter_map(|(column, cell)| Some((column, cell?))).collect()
            }
            None => all_columns(world, set, row),
        })
        .collect()
}
