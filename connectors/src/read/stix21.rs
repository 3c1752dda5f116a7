//! STIX 2.1: objects stand beside the records, and references lead anywhere in the content.
//!
//! They are kept as text until the content ends, then read together into one batch: each
//! object once, each record as a list of objects. Objects in no record become loose ones.
//! Source: entities specification 1.3.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    mem,
    ops::Range,
};

use kestrel_stix::{
    batch::{Batch, BatchBuilder, BatchFull, RecordRow},
    identity::{self, Identity},
    record::{Defect, Moment, Object, Record, ReferenceTo, ValueRef},
};
use simd_json::{Buffers, Tape};
use uuid::Uuid;

use super::{
    flatten::{Counter, object},
    options::Limits,
    record::Head,
    tape::{members, text},
    worker::place,
};

/// By id; the standard map is seeded at random.
type Index<'a, V> = HashMap<&'a str, V>;

/// The reference that a relationship of a type without one of its own gives: it connects for
/// `LINKED` only.
pub const RELATED: &str = "x_related_refs";

/// Objects that can be read only when all of the content is there, as JSON.
#[derive(Debug, Default)]
pub(crate) struct Late {
    chunks: Vec<LateChunk>,
}

#[derive(Debug, Default)]
struct LateChunk {
    bytes: Vec<u8>,
    items: Vec<LateItem>,
}

#[derive(Debug)]
struct LateItem {
    kind: LateKind,
    range: Range<usize>,
    offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LateKind {
    Listing,
    Observable,
    Relationship,
}

impl Late {
    pub(crate) fn push(&mut self, kind: LateKind, raw: &[u8], offset: u64) {
        if self.chunks.is_empty() {
            self.chunks.push(LateChunk::default());
        }
        if let Some(chunk) = self.chunks.last_mut() {
            let start = chunk.bytes.len();
            chunk.bytes.extend_from_slice(raw);
            chunk.items.push(LateItem { kind, range: start..chunk.bytes.len(), offset });
        }
    }

    /// Adds what a later chunk of the same content left.
    pub(crate) fn append(&mut self, mut later: Late) {
        self.chunks.append(&mut later.chunks);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// A record, without its objects.
struct Listing<'a> {
    record: Record<'a>,
    ids: Vec<&'a str>,
    offset: u64,
}

struct Relationship<'a> {
    name: &'a str,
    source: &'a str,
    target: &'a str,
    offset: u64,
}

/// Reads everything that was kept.
pub(crate) fn assemble(mut late: Late, name: &str, limits: &Limits) -> Result<Batch, BatchFull> {
    let mut builder = BatchBuilder::new();
    let mut buffers = Buffers::default();
    let mut tape = Tape(Vec::new());
    let mut objects: Vec<Object<'_>> = Vec::new();
    let mut listings = Vec::new();
    let mut relationships = Vec::new();
    for chunk in &mut late.chunks {
        let mut rest = chunk.bytes.as_mut_slice();
        for item in &chunk.items {
            let (json, tail) = mem::take(&mut rest).split_at_mut(item.range.len());
            rest = tail;
            let offset = item.offset;
            let mut counter = Counter::new(builder.defects(), || place(name, offset));
            if simd_json::fill_tape(json, &mut buffers, &mut tape).is_err() {
                // It was JSON when it was kept.
                counter.count(Defect::BadRecord, || "object beside the records".to_owned());
                continue;
            }
            let nodes = &tape.0;
            match item.kind {
                LateKind::Observable => {
                    let Some(id) = Head::of(nodes).id else { continue };
                    let mut next = Object {
                        key: Cow::Borrowed(id),
                        id: Some(Cow::Borrowed(id)),
                        seen: true,
                        ..Object::default()
                    };
                    if object(nodes, 0, limits, &mut next, &mut counter) {
                        next.attributes.shrink_to_fit();
                        next.references.shrink_to_fit();
                        objects.push(next);
                    }
                }
                LateKind::Listing => {
                    let head = Head::of(nodes);
                    let mut record = Record::default();
                    head.fill(nodes, limits, &mut record, &mut counter);
                    let ids = head.listed(nodes, &mut counter);
                    if ids.len() > limits.objects {
                        counter.count(Defect::TooLarge, || format!("record with {} objects", ids.len()));
                    } else {
                        listings.push(Listing { record, ids, offset });
                    }
                }
                LateKind::Relationship => {
                    let get = |wanted: &str| {
                        members(nodes, 0)
                            .filter(|(key, _)| *key == wanted)
                            .last()
                            .and_then(|(_, at)| text(nodes, at))
                    };
                    match (get("relationship_type"), get("source_ref"), get("target_ref")) {
                        (Some(name), Some(source), Some(target)) => {
                            relationships.push(Relationship { name, source, target, offset });
                        }
                        _ => counter.count(Defect::DanglingReference, || {
                            "relationship without its two ends".to_owned()
                        }),
                    }
                }
            }
        }
    }
    drop(tape);
    relate(&mut objects, relationships, name, &mut builder);
    derive_names(&mut objects);

    // Who each object is, to find it again in the batch, where equal ones are one.
    let entities: Vec<(Cow<'_, str>, Cow<'_, str>, Uuid)> = objects
        .iter()
        .map(|object| {
            let entity = identity::uuid(object, &Identity::Given(&object.key), |_| None);
            (object.key.clone(), object.entity_type.clone(), entity)
        })
        .collect();
    // An id of its own, so that circles of references in other content are other objects.
    let group = Record { id: Cow::Borrowed(name), number_observed: 1, objects, ..Record::default() };
    builder.loose(&group, || format!("{name}, objects beside the records"))?;
    drop(group);
    let mut batch = builder.take();
    let numbers = mem::take(&mut batch.loose);
    // Of several versions of an object, references and records lead to the last one; the
    // others are sightings of the same entity without record.
    let mut by_entity: HashMap<(&str, Uuid), u32> = HashMap::new();
    for number in &numbers {
        let object = &batch.objects[*number as usize];
        by_entity.insert((&batch.types[object.entity_type as usize], object.entity), *number);
    }
    let mut versions: Index<'_, u32> = Index::default();
    for (id, entity_type, entity) in &entities {
        if let Some(number) = by_entity.get(&(&**entity_type, *entity)) {
            versions.insert(id, *number);
        }
    }
    drop(by_entity);
    let mut listed: HashSet<u32> = HashSet::new();
    for listing in &listings {
        let offset = listing.offset;
        let start = batch.seen.len();
        for id in &listing.ids {
            match versions.get(*id) {
                Some(number) => {
                    listed.insert(*number);
                    batch.seen.push(*number);
                }
                None => {
                    let mut counter = Counter::new(&mut batch.defects, || place(name, offset));
                    counter
                        .count(Defect::DanglingReference, || format!("object_refs of observed-data: `{id}`"));
                }
            }
        }
        distinct(&mut batch.seen, start);
        let seen = (
            u32::try_from(start).map_err(|_| BatchFull)?,
            u32::try_from(batch.seen.len() - start).map_err(|_| BatchFull)?,
        );
        let record = &listing.record;
        let text = |moment: &Option<Moment<'_>>| {
            moment
                .as_ref()
                .filter(|moment| !moment.at.is_spelled(&moment.text))
                .map(|moment| moment.text.to_string())
        };
        batch.records.push(RecordRow {
            id: record.id.to_string(),
            first: record.first_observed.as_ref().map(|moment| moment.at),
            last: record.last_observed.as_ref().map(|moment| moment.at),
            first_text: text(&record.first_observed),
            last_text: text(&record.last_observed),
            number_observed: record.number_observed,
            seen,
        });
    }
    batch.loose = numbers.into_iter().filter(|number| !listed.contains(number)).collect();
    Ok(batch)
}

/// Removes repetitions from the end of the list, keeping the first of each.
fn distinct(seen: &mut Vec<u32>, start: usize) {
    let mut known = HashSet::new();
    let kept: Vec<u32> = seen[start..].iter().copied().filter(|number| known.insert(*number)).collect();
    seen.truncate(start);
    seen.extend(kept);
}

/// Turns relationships between objects into references of their sources.
fn relate<'a>(
    objects: &mut [Object<'a>],
    relationships: Vec<Relationship<'a>>,
    name: &str,
    builder: &mut BatchBuilder,
) {
    if relationships.is_empty() {
        return;
    }
    let index: Index<'_, usize> =
        objects.iter().enumerate().filter_map(|(n, object)| Some((borrowed(&object.key)?, n))).collect();
    for relationship in relationships {
        let offset = relationship.offset;
        let mut counter = Counter::new(builder.defects(), || place(name, offset));
        match (index.get(relationship.source), index.get(relationship.target)) {
            (Some(source), Some(_)) => {
                let reference = match relationship.name {
                    "resolves-to" => "resolves_to_refs",
                    "belongs-to" => "belongs_to_refs",
                    "contains" => "contains_refs",
                    _ => RELATED,
                };
                let key = Cow::Borrowed(relationship.target);
                let references = &mut objects[*source].references;
                if !references.iter().any(|known| known.name == reference && known.key == key) {
                    references.push(ReferenceTo { name: Cow::Borrowed(reference), list: true, key });
                }
            }
            // Between indicators and the like.
            (None, None) => {
                counter.count(Defect::IgnoredObject, || format!("relationship {}", relationship.name))
            }
            _ => counter.count(Defect::DanglingReference, || format!("relationship {}", relationship.name)),
        }
    }
}

/// Returns the text of a key that borrows from the content.
fn borrowed<'a>(key: &Cow<'a, str>) -> Option<&'a str> {
    match key {
        Cow::Borrowed(key) => Some(key),
        Cow::Owned(_) => None,
    }
}

/// Gives processes without name the one of their image or their command line, and says so in
/// `x_name_derived`.
fn derive_names(objects: &mut [Object<'_>]) {
    if !objects.iter().any(needs_name) {
        return;
    }
    let images: Index<'_, usize> =
        objects.iter().enumerate().filter_map(|(n, object)| Some((borrowed(&object.key)?, n))).collect();
    let derived: Vec<(usize, String)> = objects
        .iter()
        .enumerate()
        .filter(|(_, object)| needs_name(object))
        .filter_map(|(n, object)| {
            let image = object.targets("binary_ref").next().and_then(|key| images.get(key));
            let file = image.and_then(|image| objects[*image].attribute("name")).and_then(ValueRef::as_text);
            let file = file.and_then(|name| name.rsplit(['\\', '/']).next()).filter(|name| !name.is_empty());
            let command =
                || object.attribute("command_line").and_then(ValueRef::as_text).and_then(first_word);
            file.or_else(command).map(|name| (n, name.to_owned()))
        })
        .collect();
    for (n, name) in derived {
        objects[n].attributes.push((Cow::Borrowed("name"), ValueRef::Text(Cow::Owned(name))));
        objects[n].attributes.push((Cow::Borrowed("x_name_derived"), ValueRef::Bool(true)));
    }
}

fn needs_name(object: &Object<'_>) -> bool {
    object.entity_type == "process" && object.attribute("name").is_none()
}

/// Returns the program of a command line: its first word, which may be in quotes.
fn first_word(command: &str) -> Option<&str> {
    let command = command.trim_start();
    let word = match command.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => command.split_whitespace().next(),
    };
    word.filter(|word| !word.is_empty())
}
