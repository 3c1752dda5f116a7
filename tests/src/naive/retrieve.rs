//! Asking sources and walking relations: fetch, select, expand, relate, match, assemble.
//! Source: entities specification 5, 6, 11; language specification 3.4, 3.5.

use std::collections::BTreeSet;

use kestrel_ir::op::{Expand, Fetch, Match, Relate};
use kestrel_stix::{
    EntityType, TimeWindow, Timestamp, Value,
    identity::{ProcessSighting, SameProcess, same_process},
    pattern::{Comparison, Operand, Operator, Pattern},
    relation::{self, Found, Holder},
};

use super::{
    Failure,
    matching::results,
    set::{Set, row_value},
    world::{Entity, Sighting, World},
};

/// An object of a record that is a result.
type Hit = (usize, usize);

/// Returns the records of an address that have a result, in source order, and the results.
pub fn query(
    world: &World,
    address: &str,
    centre: &EntityType,
    pattern: &Pattern,
    window: &TimeWindow,
    limit: Option<u64>,
) -> Result<Vec<Hit>, Failure> {
    let mut hits = Vec::new();
    let mut returned = 0;
    for number in world.of_address(address) {
        if limit.is_some_and(|limit| returned >= limit) {
            break;
        }
        let record = &world.records[number];
        if !in_window(record, window) {
            continue;
        }
        let found = results(record, centre.as_str(), pattern)?;
        if !found.is_empty() {
            returned += 1;
            hits.extend(found.into_iter().map(|object| (number, object)));
        }
    }
    Ok(hits)
}

/// A record overlaps a window: start inclusive, stop exclusive. A bound needs a time.
pub fn in_window(record: &Sighting, window: &TimeWindow) -> bool {
    let (first, last) = record.times();
    let after_start = match window.start {
        Some(start) => last.is_some_and(|last| last >= start),
        None => true,
    };
    let before_stop = match window.stop {
        Some(stop) => first.is_some_and(|first| first < stop),
        None => true,
    };
    let some_time = !matches!((window.start, window.stop), (Some(start), Some(stop)) if start >= stop);
    after_start && before_stop && some_time
}

/// Returns the records that a query returns.
pub fn fetch(
    world: &World,
    op: &Fetch,
    pattern: &Pattern,
    window: &TimeWindow,
) -> Result<Vec<usize>, Failure> {
    let hits = query(world, &op.source, &op.entity_type, pattern, window, op.limit)?;
    let mut records: Vec<usize> = hits.into_iter().map(|(record, _)| record).collect();
    records.dedup();
    Ok(records)
}

/// Returns the entities that are results in some records.
pub fn select(
    world: &World,
    records: &[usize],
    centre: &EntityType,
    pattern: &Pattern,
) -> Result<Set, Failure> {
    let mut entities = Vec::new();
    for number in records {
        let record = &world.records[*number];
        for object in results(record, centre.as_str(), pattern)? {
            entities.push(record.objects[object].entity.clone());
        }
    }
    let records: BTreeSet<usize> = records.iter().copied().collect();
    let entities = by_first_appearance(world, &records, entities);
    Ok(Set::of_entities(centre.as_str(), entities, records))
}

/// Returns each entity once: the earliest `first_observed` first (records without one last),
/// then the earlier record, then the earlier object.
pub fn by_first_appearance(world: &World, records: &BTreeSet<usize>, entities: Vec<Entity>) -> Vec<Entity> {
    let mut known: Vec<Entity> = Vec::new();
    for entity in entities {
        let entity = world.resolved(&entity);
        if !known.contains(&entity) {
            known.push(entity);
        }
    }
    let key = |entity: &Entity| {
        let appearances = records.iter().flat_map(|number| {
            let record = &world.records[*number];
            let places = record.objects.iter().enumerate().filter(|(_, object)| object.entity == *entity);
            let first = record.times().0;
            places.map(move |(place, _)| (!record.real, first.is_none(), first, *number, place))
        });
        appearances.min().unwrap_or((true, true, None, usize::MAX, 0))
    };
    known.sort_by_key(key);
    known
}

/// What asking again gave: the entities, and the records the source returned.
pub fn expand(
    world: &World,
    op: &Expand,
    local: &Set,
    pattern: Option<&Pattern>,
    window: &TimeWindow,
) -> Result<(Set, Vec<usize>), Failure> {
    let nothing = || (local.clone(), Vec::new());
    if local.rows.is_empty() {
        return Ok(nothing());
    }
    // The first attribute that any entity has.
    let mut used = None;
    for attribute in &op.id_attributes {
        let mut values: Vec<Value> = Vec::new();
        for row in &local.rows {
            let value = row_value(world, local, row, attribute);
            if let Some(value) = value.filter(|value| *value != Value::text("") && !values.contains(value)) {
                values.push(value);
            }
        }
        if !values.is_empty() {
            used = Some((attribute, values));
            break;
        }
    }
    let Some((attribute, values)) = used else { return Ok(nothing()) };
    if op.unless.as_ref() == Some(attribute) {
        return Ok(nothing());
    }
    let about_them = Pattern::Test(Comparison {
        entity_type: op.entity_type.clone(),
        path: attribute.clone(),
        operator: Operator::Equal,
        negated: false,
        operand: Operand { values, references: Vec::new() },
    });
    let pattern = match pattern {
        Some(pattern) => Pattern::And(vec![about_them, pattern.clone()]),
        None => about_them,
    };
    let hits = query(world, &op.source, &op.entity_type, &pattern, window, op.limit)?;
    let mut returned: Vec<usize> = hits.iter().map(|(record, _)| *record).collect();
    returned.dedup();
    let entity_of = |(record, object): &Hit| world.records[*record].objects[*object].entity.clone();
    let kept: Vec<Hit> = match &op.same_process {
        Some(offsets) if attribute.to_string() == "pid" => same_processes(world, local, &hits, offsets),
        _ => hits,
    };
    let mut entities: Vec<Entity> = kept.iter().map(entity_of).collect();
    // An empty answer must not lose what is known.
    if entities.is_empty() || op.keep {
        entities.extend(local.entities(world));
    }
    let mut records = local.records.clone();
    records.extend(&returned);
    let entities = by_first_appearance(world, &records, entities);
    Ok((Set::of_entities(op.entity_type.as_str(), entities, records), returned))
}

/// Keeps the hits that are the same process as an anchor: a hit that is the same process as
/// a sighting of the local stage. Source: entities specification 3.6.
fn same_processes(world: &World, local: &Set, hits: &[Hit], op: &kestrel_ir::op::SameProcess) -> Vec<Hit> {
    let offsets = SameProcess {
        pid_but_name_changed_time_begin_offset: op.number_only.0,
        pid_but_name_changed_time_end_offset: op.number_only.1,
        pid_and_name_time_begin_offset: op.name.0,
        pid_and_name_time_end_offset: op.name.1,
        pid_and_ppid_time_begin_offset: op.parent.0,
        pid_and_ppid_time_end_offset: op.parent.1,
        pid_and_name_and_ppid_time_begin_offset: op.name_and_parent.0,
        pid_and_name_and_ppid_time_end_offset: op.name_and_parent.1,
    };
    let members = local.entities(world);
    let mut known = Vec::new();
    for number in &local.records {
        for (place, object) in world.records[*number].objects.iter().enumerate() {
            if members.contains(&object.entity) {
                known.push((*number, place));
            }
        }
    }
    let same = |reference: &Hit, candidate: &Hit| {
        let (reference, candidate) = (sighting(world, reference), sighting(world, candidate));
        same_process(&borrowed(&reference), &borrowed(&candidate), &offsets)
    };
    let anchors: Vec<Hit> =
        hits.iter().filter(|hit| known.iter().any(|local| same(local, hit))).copied().collect();
    hits.iter().filter(|hit| anchors.iter().any(|anchor| same(anchor, hit))).copied().collect()
}

type Process = (Option<i64>, Option<String>, Option<i64>, Option<Timestamp>, Option<Timestamp>);

fn sighting(world: &World, (record, object): &Hit) -> Process {
    let record = &world.records[*record];
    let object = &record.objects[*object];
    let pid = |object: &super::world::Appearance| match object.attribute("pid") {
        Some(Value::Int(pid)) => Some(*pid),
        _ => None,
    };
    let name = match object.attribute("name") {
        Some(Value::Text(name)) => Some(name.clone()),
        _ => None,
    };
    let parent = object.links.iter().find(|(name, _, _)| name == "parent_ref");
    let parent_pid = parent.and_then(|(_, _, target)| pid(&record.objects[*target]));
    let (first, last) = record.times();
    (pid(object), name, parent_pid, first, last)
}

fn borrowed((pid, name, parent_pid, first, last): &Process) -> ProcessSighting<'_> {
    ProcessSighting { pid: *pid, name: name.as_deref(), parent_pid: *parent_pid, first: *first, last: *last }
}

/// Returns the entities connected to those of the input by a relation.
pub fn relate(world: &World, op: &Relate, input: &Set, pool: &BTreeSet<usize>) -> Result<Set, Failure> {
    let records: BTreeSet<usize> = pool.union(&synthetic(world, &input.records)).copied().collect();
    let members = input.entities(world);
    let wanted = op.entity_type.as_str();
    let mut entities = Vec::new();
    let found =
        relation::find(wanted, &op.relation, op.by, op.input_type.as_str()).map_err(|_| Failure::Relation)?;
    for number in &records {
        let record = &world.records[*number];
        match &found {
            Found::Linked => {
                if record.objects.iter().any(|object| object.seen && members.contains(&object.entity)) {
                    let of_type = record
                        .objects
                        .iter()
                        .filter(|object| object.seen && object.entity.entity_type == wanted);
                    entities.extend(of_type.map(|object| object.entity.clone()));
                }
            }
            Found::References(hops) => {
                for object in &record.objects {
                    for (name, _, target) in &object.links {
                        let target = &record.objects[*target].entity;
                        for hop in hops.iter().filter(|hop| hop.reference == name) {
                            let (input, returned) = match hop.holder {
                                Holder::Input => (&object.entity, target),
                                Holder::Returned => (target, &object.entity),
                            };
                            if members.contains(input) && returned.entity_type == wanted {
                                entities.push(returned.clone());
                            }
                        }
                    }
                }
            }
        }
    }
    let entities = by_first_appearance(world, &records, entities);
    Ok(Set::of_entities(wanted, entities, records))
}

/// Returns the entities that some record at hand shows as the pattern says.
pub fn matching(
    world: &World,
    op: &Match,
    input: &Set,
    pool: &BTreeSet<usize>,
    pattern: Option<&Pattern>,
    window: &TimeWindow,
) -> Result<Set, Failure> {
    let everything = Pattern::And(Vec::new());
    let pattern = pattern.unwrap_or(&everything);
    let mut shown: Vec<Entity> = Vec::new();
    for number in pool.union(&synthetic(world, &input.records)) {
        let record = &world.records[*number];
        if in_window(record, window) {
            let found = results(record, op.entity_type.as_str(), pattern)?;
            shown.extend(found.into_iter().map(|object| record.objects[object].entity.clone()));
        }
    }
    let rows = input
        .rows
        .iter()
        .filter(|row| row.entity.as_ref().is_some_and(|entity| shown.contains(&world.resolved(entity))));
    Ok(input.with_rows(rows.cloned().collect()))
}

/// Puts entities together over the records of a pool.
pub fn assemble(world: &World, input: &Set, pool: &BTreeSet<usize>) -> Set {
    let records: BTreeSet<usize> = pool.union(&synthetic(world, &input.records)).copied().collect();
    let entities = by_first_appearance(world, &records, input.entities(world));
    Set::of_entities(&input.entity_type, entities, records)
}

/// Rows of `NEW` are seen by what comes from them, besides the records at hand.
fn synthetic(world: &World, records: &BTreeSet<usize>) -> BTreeSet<usize> {
    records.iter().copied().filter(|number| !world.records[*number].real).collect()
}
