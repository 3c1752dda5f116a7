//! What a node gives: rows over entities, and the attributes they have in the records at hand.
//! Source: entities specification 3.7, 4; language specification 3.2.

use std::collections::{BTreeMap, BTreeSet};

use kestrel_ir::Rows;
use kestrel_stix::{AttributePath, Step, Timestamp, Value, schema};

use super::{
    matching::{name_of, own_values},
    world::{Entity, Sighting, World, stored_name},
};

/// One row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The entity; none for groups.
    pub entity: Option<Entity>,
    /// The record, for appearances.
    pub record: Option<usize>,
    /// Values of columns that do not come from records.
    pub extra: BTreeMap<String, Value>,
}

/// Rows, and the records over which their attributes are merged.
#[derive(Debug, Clone)]
pub struct Set {
    /// Type of the entities.
    pub entity_type: String,
    /// What a row is.
    pub kind: Rows,
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// The records at hand, by number.
    pub records: BTreeSet<usize>,
    /// The only visible columns, if that set is closed.
    pub shown: Option<Vec<String>>,
    /// Columns of transformers, always visible.
    pub front: Vec<String>,
    /// Other columns that do not come from records, in order.
    pub added: Vec<String>,
    /// True for groups by what identifies entities: they count as entities.
    pub identified: bool,
    /// True when `ATTR` left out what identifies entities: rows do not count as entities.
    pub anonymous: bool,
}

impl Set {
    /// Makes a set of entities, one row each.
    pub fn of_entities(entity_type: &str, entities: Vec<Entity>, records: BTreeSet<usize>) -> Set {
        let rows =
            entities.into_iter().map(|entity| Row { entity: Some(entity), ..Row::default() }).collect();
        Set {
            entity_type: entity_type.to_owned(),
            kind: Rows::Entities,
            rows,
            records,
            shown: None,
            front: Vec::new(),
            added: Vec::new(),
            identified: false,
            anonymous: false,
        }
    }

    /// Returns the distinct entities, in order.
    pub fn entities(&self, world: &World) -> Vec<Entity> {
        let mut found: Vec<Entity> = Vec::new();
        for entity in self.rows.iter().filter_map(|row| row.entity.as_ref()) {
            let entity = world.resolved(entity);
            if !found.contains(&entity) {
                found.push(entity);
            }
        }
        found
    }

    /// Returns the same set with other rows.
    #[must_use]
    pub fn with_rows(&self, rows: Vec<Row>) -> Set {
        Set { rows, ..self.clone() }
    }

    /// Returns the real records in which an entity of the set was seen, each once.
    pub fn seen_in(&self, world: &World) -> Vec<usize> {
        let entities = self.entities(world);
        let seen = |record: &Sighting| {
            record.objects.iter().any(|object| object.seen && entities.contains(&object.entity))
        };
        let numbers = self.records.iter().copied();
        numbers.filter(|number| world.records[*number].real && seen(&world.records[*number])).collect()
    }

    /// Returns the earliest start and the latest end of the records of the set's entities.
    pub fn span(&self, world: &World) -> (Option<Timestamp>, Option<Timestamp>) {
        let records = self.seen_in(world);
        let first = records.iter().filter_map(|number| world.records[*number].times().0).min();
        let last = records.iter().filter_map(|number| world.records[*number].times().1).max();
        (first, last)
    }
}

/// An entity with the last value that records show for each attribute and reference.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    /// Attributes by stored name.
    pub attributes: BTreeMap<String, Value>,
    /// Single references by stored name.
    pub references: BTreeMap<String, Entity>,
    /// Reference lists by stored name: all targets of all sightings.
    pub lists: BTreeMap<String, Vec<Entity>>,
}

/// Puts an entity together from records: later `last_observed` wins, then the later record,
/// then the later object; a missing time is earlier than any.
pub fn merged(world: &World, records: &BTreeSet<usize>, entity: &Entity) -> Merged {
    let entity = world.resolved(entity);
    let mut order: Vec<usize> = records.iter().copied().collect();
    order.sort_by_key(|number| (world.records[*number].times().1, *number));
    let mut merged = Merged::default();
    for number in order {
        let record = &world.records[number];
        for object in record.objects.iter().filter(|object| object.entity == entity) {
            merged.attributes.extend(object.attributes.iter().cloned());
            for (name, list, target) in &object.links {
                let target = record.objects[*target].entity.clone();
                if *list {
                    let targets = merged.lists.entry(name.clone()).or_default();
                    if !targets.contains(&target) {
                        targets.push(target);
                    }
                } else {
                    merged.references.insert(name.clone(), target);
                }
            }
        }
    }
    merged
}

/// Returns the values of an attribute path for a row: at most one, unless the path goes through
/// lists.
pub fn row_values(world: &World, set: &Set, row: &Row, path: &AttributePath) -> Vec<Value> {
    if let Some(value) = row.extra.get(&name_of(path.steps())) {
        return vec![value.clone()];
    }
    if set.kind == Rows::Groups {
        return Vec::new();
    }
    match &row.entity {
        Some(entity) => entity_values(world, &set.records, entity, path.steps()),
        None => Vec::new(),
    }
}

fn entity_values(world: &World, records: &BTreeSet<usize>, entity: &Entity, steps: &[Step]) -> Vec<Value> {
    let entity_type = entity.entity_type.as_str();
    let merged = merged(world, records, entity);
    for length in (1..=steps.len()).rev() {
        let name = name_of(&steps[..length]);
        let name = stored_name(entity_type, &name);
        let mut targets: Vec<Entity> = merged.references.get(name).cloned().into_iter().collect();
        targets.extend(merged.lists.get(name).cloned().unwrap_or_default());
        if targets.is_empty() {
            continue;
        }
        return targets
            .iter()
            .flat_map(|target| match &steps[length..] {
                [] => vec![Value::text(target.id())],
                rest => entity_values(world, records, target, rest),
            })
            .collect();
    }
    if name_of(steps) == "id" {
        return vec![Value::text(world.resolved(entity).id())];
    }
    own_values(steps, entity_type, |name| {
        merged.attributes.get(name).cloned().or_else(|| {
            let short = |known: &String| schema::short_name(known).as_deref() == Some(name);
            merged.attributes.iter().find(|(known, _)| short(known)).map(|(_, value)| value.clone())
        })
    })
}

/// Returns what a row shows without `ATTR`: its own attributes and `id`, and those of what its
/// references lead to, as far as entities specification 4.4 follows them.
pub fn all_columns(world: &World, set: &Set, row: &Row) -> BTreeMap<String, Value> {
    let mut paths = BTreeSet::new();
    if set.kind != Rows::Groups {
        collect(world, &mut vec![set.entity_type.clone()], &mut Vec::new(), &mut paths);
    }
    let value = |path: String| {
        let value = row_value(world, set, row, &path.parse().ok()?)?;
        Some((path, value))
    };
    let mut columns: BTreeMap<String, Value> = paths.into_iter().filter_map(value).collect();
    columns.extend(row.extra.clone());
    columns
}

/// Collects the columns that entities of a type may have: `types` are those on the way, over
/// these references.
fn collect(
    world: &World,
    types: &mut Vec<String>,
    references: &mut Vec<String>,
    paths: &mut BTreeSet<String>,
) {
    let Some(entity_type) = types.last().cloned() else { return };
    let prefix: String = references.iter().map(|reference| format!("{reference}.")).collect();
    paths.insert(format!("{prefix}id"));
    let mut followed: BTreeSet<(String, String)> = BTreeSet::new();
    for record in &world.records {
        for object in record.objects.iter().filter(|object| object.entity.entity_type == entity_type) {
            for (name, _) in &object.attributes {
                paths.insert(format!("{prefix}{}", shown_name(world, &entity_type, name)));
            }
            for (name, list, target) in &object.links {
                if !list {
                    followed.insert((name.clone(), record.objects[*target].entity.entity_type.clone()));
                }
            }
        }
    }
    for (name, target) in followed {
        let on_the_way: Vec<&str> = types.iter().map(String::as_str).collect();
        let before: Vec<&str> = references.iter().map(String::as_str).collect();
        if schema::is_dereferenced(&on_the_way, &before, &name, &target) {
            types.push(target);
            references.push(name);
            collect(world, types, references, paths);
            references.pop();
            types.pop();
        }
    }
}

/// Attributes of extensions are shown under their short name, where nothing else of the type has
/// it. Source: entities specification 4.1.
fn shown_name(world: &World, entity_type: &str, name: &str) -> String {
    let Some(short) = schema::short_name(name) else { return name.to_owned() };
    let objects = world.records.iter().flat_map(|record| &record.objects);
    let mut others = objects
        .filter(|object| object.entity.entity_type == entity_type)
        .flat_map(|object| &object.attributes)
        .map(|(known, _)| known)
        .filter(|known| *known != name);
    if others.any(|known| *known == short || schema::short_name(known).as_ref() == Some(&short)) {
        name.to_owned()
    } else {
        short
    }
}

/// Returns the names of the columns that some row has a value for, or the closed set.
pub fn visible_columns(world: &World, set: &Set) -> Vec<String> {
    let mut columns = set.front.clone();
    match &set.shown {
        Some(shown) => columns.extend(shown.iter().filter(|name| !set.front.contains(name)).cloned()),
        None => {
            let mut names: BTreeSet<String> = BTreeSet::new();
            for row in &set.rows {
                names.extend(all_columns(world, set, row).into_keys());
            }
            columns.extend(names.into_iter().filter(|name| !set.front.contains(name)));
        }
    }
    columns
}

/// Returns a row's cells.
pub fn cells(world: &World, set: &Set, row: &Row, columns: &[String]) -> Vec<Option<Value>> {
    columns
        .iter()
        .map(|column| match row.extra.get(column) {
            Some(value) => Some(value.clone()),
            None => column.parse::<AttributePath>().ok().and_then(|path| row_value(world, set, row, &path)),
        })
        .collect()
}

/// Returns the one value of a path for a row.
pub fn row_value(world: &World, set: &Set, row: &Row, path: &AttributePath) -> Option<Value> {
    row_values(world, set, row, path).into_iter().next()
}

/// Says whether entities of the set may have the attribute: the type has it in the data or in
/// the schema, or it is a column that some step added.
pub fn is_known(world: &World, set: &Set, path: &AttributePath) -> bool {
    let name = name_of(path.steps());
    if set.front.contains(&name) || set.added.contains(&name) {
        return true;
    }
    if let Some(shown) = &set.shown
        && shown.contains(&name)
    {
        return true;
    }
    set.kind != Rows::Groups && type_has(world, &set.entity_type, path.steps())
}

fn type_has(world: &World, entity_type: &str, steps: &[Step]) -> bool {
    let objects = || {
        world
            .records
            .iter()
            .flat_map(|record| record.objects.iter().map(move |object| (record, object)))
            .filter(|(_, object)| object.entity.entity_type == entity_type)
    };
    for length in 1..=steps.len() {
        let written = name_of(&steps[..length]);
        let name = stored_name(entity_type, &written);
        let mut targets: Vec<String> =
            schema::reference_targets(entity_type, name).iter().map(|target| (*target).to_owned()).collect();
        for (record, object) in objects() {
            let links = object.links.iter().filter(|(known, _, _)| known == name);
            targets.extend(links.map(|(_, _, target)| record.objects[*target].entity.entity_type.clone()));
        }
        if !targets.is_empty() {
            let rest = &steps[length..];
            return rest.is_empty() || targets.iter().any(|target| type_has(world, target, rest));
        }
    }
    let written = name_of(steps);
    let name = stored_name(entity_type, &written);
    let own =
        |known: &str| known == name || name.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'));
    name == "id"
        || schema::common_attributes(entity_type).iter().any(|known| own(known))
        || objects().any(|(_, object)| {
            object
                .attributes
                .iter()
                .any(|(known, _)| own(known) || schema::short_name(known).as_deref() == Some(name))
        })
}
