//! The records of all sources of a plan, numbered in source order, with objects that know
//! their entities and point at each other. Source: entities specification 1.6, 3.

use std::collections::BTreeMap;

use kestrel_stix::{
    Timestamp, Value,
    identity::{self, Identity, RecordScope},
    record::{Record, ValueRef},
    schema,
};
use uuid::Uuid;

/// What a source address stands for: the records behind each of its parts
/// (`a.json` and `b.json` of `stixbundle://a.json,b.json`), as readers give them.
pub type Sources = BTreeMap<String, Vec<Record<'static>>>;

/// Type and UUID of an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// The type.
    pub entity_type: String,
    /// The UUID of the STIX id.
    pub uuid: Uuid,
}

impl Entity {
    /// Returns the STIX id.
    pub fn id(&self) -> String {
        identity::id_text(&self.entity_type, self.uuid)
    }
}

/// One object of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Appearance {
    /// The entity it is a sighting of.
    pub entity: Entity,
    /// False if only references reach it.
    pub seen: bool,
    /// Attributes under their stored names, each once.
    pub attributes: Vec<(String, Value)>,
    /// References: name, whether it is a list, and the object's index in the record.
    pub links: Vec<(String, bool, usize)>,
}

impl Appearance {
    /// Returns an attribute by its stored name.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Its id.
    pub id: String,
    /// Start, and as given.
    pub first: Option<(Timestamp, String)>,
    /// End, and as given.
    pub last: Option<(Timestamp, String)>,
    /// How many sightings it sums up.
    pub number: i64,
    /// Its objects.
    pub objects: Vec<Appearance>,
    /// False for rows of `NEW`: they are no records, but entities are merged over them all the same.
    pub real: bool,
}

impl Sighting {
    /// Returns the instants of start and end.
    pub fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.first.as_ref().map(|(at, _)| *at), self.last.as_ref().map(|(at, _)| *at))
    }
}

/// All records, by number.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The records.
    pub records: Vec<Sighting>,
    /// Whether a process without unique id may turn out to be one with it.
    /// Source: entities specification 3.4.
    pub attaching: bool,
    /// What sources gave for each record, before entities turned out to be others.
    given: Vec<Vec<Sighting>>,
    /// The numbers of the records of each part of an address, in source order.
    parts: BTreeMap<String, Vec<usize>>,
    /// Entities that turned out to be others.
    aliases: BTreeMap<Entity, Entity>,
}

impl World {
    /// Makes a world without records; see [`World::attaching`].
    pub fn new(attaching: bool) -> World {
        World { attaching, ..World::default() }
    }

    /// Numbers the records of an address, unless that has been done.
    pub fn load(&mut self, address: &str, sources: &Sources) {
        for part in parts_of(address) {
            if self.parts.contains_key(part) {
                continue;
            }
            let mut numbers: Vec<usize> = Vec::new();
            for record in sources.get(part).map_or(&[][..], Vec::as_slice) {
                let sighting = sighting_of(record);
                // The same record, whatever source it comes from, counts once.
                if let Some(same) = self.given.iter().position(|given| given.contains(&sighting)) {
                    if !numbers.contains(&same) {
                        numbers.push(same);
                    }
                } else if let Some(same) =
                    numbers.iter().find(|number| self.records[**number].id == sighting.id)
                {
                    // Another record with its id: the objects of both belong to it.
                    self.given[*same].push(sighting.clone());
                    let into = &mut self.records[*same].objects;
                    let offset = into.len();
                    into.extend(sighting.objects.into_iter().map(|mut object| {
                        object.links.iter_mut().for_each(|(_, _, target)| *target += offset);
                        object
                    }));
                } else {
                    numbers.push(self.records.len());
                    self.given.push(vec![sighting.clone()]);
                    self.records.push(sighting);
                }
            }
            if self.attaching {
                self.attach(&numbers);
            }
            self.parts.insert(part.to_owned(), numbers);
        }
    }

    /// Returns the records of an address, in source order, each once.
    pub fn of_address(&self, address: &str) -> Vec<usize> {
        let mut numbers = Vec::new();
        for part in parts_of(address) {
            for number in self.parts.get(part).into_iter().flatten() {
                if !numbers.contains(number) {
                    numbers.push(*number);
                }
            }
        }
        numbers
    }

    /// Adds what is no record of a source and returns its number.
    pub fn add_synthetic(&mut self, record: &Record<'_>) -> usize {
        let sighting = Sighting { real: false, ..sighting_of(record) };
        self.given.push(Vec::new());
        self.records.push(sighting);
        self.records.len() - 1
    }

    /// Returns the entity that an entity turned out to be.
    pub fn resolved(&self, entity: &Entity) -> Entity {
        self.aliases.get(entity).unwrap_or(entity).clone()
    }

    /// The attach rule (entities specification 3.4), within one source: a process without unique
    /// id is the one with unique id that has its process id, its name and, where both have one,
    /// its host, and was seen near enough in time, if there is exactly one.
    fn attach(&mut self, source: &[usize]) {
        let processes = || {
            let records = source.iter().map(|number| &self.records[*number]);
            let objects =
                records.flat_map(|record| record.objects.iter().map(move |object| (record, object)));
            objects.filter(|(_, object)| object.entity.entity_type == "process" && object.seen)
        };
        let has_unique_id = |entity: &Entity| {
            processes().any(|(_, object)| object.entity == *entity && unique_id(object).is_some())
        };
        let mut candidates: BTreeMap<Entity, Vec<Entity>> = BTreeMap::new();
        for (record, object) in processes().filter(|(_, object)| !has_unique_id(&object.entity)) {
            let fitting = candidates.entry(object.entity.clone()).or_default();
            for (_, other) in processes().filter(|(_, other)| unique_id(other).is_some()) {
                if !fitting.contains(&other.entity) && self.attaches(source, record, object, &other.entity) {
                    fitting.push(other.entity.clone());
                }
            }
        }
        for (entity, fitting) in candidates {
            if let [only] = fitting.as_slice() {
                self.aliases.insert(entity, only.clone());
            }
        }
        for object in self.records.iter_mut().flat_map(|record| &mut record.objects) {
            if let Some(entity) = self.aliases.get(&object.entity) {
                object.entity = entity.clone();
            }
        }
    }

    fn attaches(&self, source: &[usize], record: &Sighting, object: &Appearance, entity: &Entity) -> bool {
        let Some(pid) = object.attribute("pid") else { return false };
        let Some(name) = lower(object.attribute("name")) else { return false };
        let (Some(first), _) = record.times() else { return false };
        let sightings = || {
            source
                .iter()
                .map(|number| &self.records[*number])
                .flat_map(|record| record.objects.iter().map(move |object| (record, object)))
                .filter(|(_, object)| object.seen && object.entity == *entity && unique_id(object).is_some())
        };
        let fits = sightings().any(|(_, other)| {
            other.attribute("pid") == Some(pid) && lower(other.attribute("name")).as_ref() == Some(&name)
        });
        let hosts: Vec<String> = sightings().filter_map(|(record, _)| host_of(record)).collect();
        let same_host = match host_of(record) {
            Some(host) => hosts.is_empty() || hosts.contains(&host),
            None => true,
        };
        let start = sightings().filter_map(|(record, _)| record.times().0).min();
        let end = sightings().filter_map(|(record, _)| record.times().1).max();
        let (Some(start), Some(end)) = (start, end) else { return false };
        fits && same_host && start.plus_seconds(-3600) <= first && first <= end.plus_seconds(3600)
    }
}

/// Returns the parts of `scheme://a,b`.
fn parts_of(address: &str) -> impl Iterator<Item = &str> {
    address.split_once("://").map_or(address, |(_, parts)| parts).split(',')
}

fn unique_id(object: &Appearance) -> Option<&Value> {
    object.attribute("x_unique_id").filter(|value| **value != Value::text(""))
}

fn lower(name: Option<&Value>) -> Option<String> {
    match name {
        Some(Value::Text(text)) if !text.is_empty() => Some(text.to_lowercase()),
        _ => None,
    }
}

/// The host of a record: `host_id` of the first asset that has one, else `hostname`.
fn host_of(record: &Sighting) -> Option<String> {
    let of = |name: &str| {
        let is_asset = |object: &&Appearance| object.seen && object.entity.entity_type == "x-oca-asset";
        let assets = record.objects.iter().filter(is_asset);
        let mut values = assets.filter_map(|asset| asset.attribute(name)).map(Value::to_string);
        values.find(|host| !host.is_empty())
    };
    of("host_id").or_else(|| of("hostname"))
}

/// Gives every object of a record its entity. References to nothing and to the object itself
/// are left out.
fn sighting_of(record: &Record<'_>) -> Sighting {
    let target_of = |from: usize, key: &str| {
        record.objects.iter().position(|object| object.key == key).filter(|target| *target != from)
    };
    let scope = RecordScope::new(record);
    let objects = record.objects.iter().enumerate().map(|(at, object)| {
        let mut attributes: Vec<(String, Value)> = Vec::new();
        for (name, value) in &object.attributes {
            match attributes.iter_mut().find(|(known, _)| *known == **name) {
                Some((_, known)) => *known = value.to_value(),
                None => attributes.push((name.clone().into_owned(), value.to_value())),
            }
        }
        let mut links: Vec<(String, bool, usize)> = Vec::new();
        for reference in &object.references {
            let Some(target) = target_of(at, &reference.key) else { continue };
            match links.iter_mut().find(|(known, list, _)| *known == *reference.name && !*list) {
                Some((_, _, known)) => *known = target,
                None => links.push((reference.name.clone().into_owned(), reference.list, target)),
            }
        }
        Appearance {
            entity: Entity {
                entity_type: object.entity_type.clone().into_owned(),
                uuid: uuid_of(record, &scope, at, &mut Vec::new()),
            },
            seen: object.seen,
            attributes,
            links,
        }
    });
    let moment = |moment: &Option<kestrel_stix::record::Moment<'_>>| {
        moment.as_ref().map(|moment| (moment.at, moment.text.clone().into_owned()))
    };
    Sighting {
        id: record.id.clone().into_owned(),
        first: moment(&record.first_observed),
        last: moment(&record.last_observed),
        number: record.number_observed.max(1),
        objects: objects.collect(),
        real: true,
    }
}

/// The UUID of an object, by way of those of the objects its identity refers to. A circle of
/// such references counts as absent.
fn uuid_of(record: &Record<'_>, scope: &RecordScope<'_>, at: usize, on_the_way: &mut Vec<usize>) -> Uuid {
    let object = &record.objects[at];
    let identity = scope.identity(object);
    if identity != Identity::Content {
        return identity::uuid(object, &identity, |_| None::<(&str, Uuid)>);
    }
    on_the_way.push(at);
    let targets: Vec<Option<(String, Uuid)>> = object
        .references
        .iter()
        .map(|reference| {
            let target = record.objects.iter().position(|object| object.key == reference.key)?;
            let contributes = identity::is_contributing(&object.entity_type, &reference.name);
            if target == at || on_the_way.contains(&target) || !contributes {
                return None;
            }
            let entity_type = record.objects[target].entity_type.clone().into_owned();
            Some((entity_type, uuid_of(record, scope, target, on_the_way)))
        })
        .collect();
    on_the_way.pop();
    let content =
        identity::content(object, |n| targets[n].as_ref().map(|(name, uuid)| (name.as_str(), *uuid)));
    content.unwrap_or_else(|| identity::named(&scope.appearance(object)))
}

/// Returns a value as records hold it.
pub fn value_ref(value: &Value) -> ValueRef<'static> {
    match value {
        Value::Int(n) => ValueRef::Int(*n),
        Value::Float(n) => ValueRef::Float(*n),
        Value::Bool(b) => ValueRef::Bool(*b),
        Value::Text(text) => ValueRef::Text(text.clone().into()),
        Value::Json(text) => ValueRef::Json(text.clone().into()),
    }
}

/// Returns the stored name of a reference or attribute of a type.
pub fn stored_name<'n>(entity_type: &str, name: &'n str) -> &'n str {
    schema::canonical_attribute(entity_type, name)
}
