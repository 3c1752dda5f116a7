//! A record under construction: objects by their path in the field map, made when the first
//! attribute arrives.

use std::borrow::Cow;

use kestrel_stix::{
    record::{Object, Record, ReferenceTo, ValueRef},
    schema,
};

use super::paths::{Paths, Target};

/// Whether an object that a rule makes is a sighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    /// It is.
    Seen,
    /// It is only reached through references.
    Mentioned,
    /// None is made; the attribute is dropped unless the object is there.
    Nothing,
}

/// The record's objects so far.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    objects: Vec<DraftObject<'a>>,
    /// Object of each path, by number of the path.
    by_path: Vec<Option<u32>>,
}

#[derive(Debug)]
struct DraftObject<'a> {
    /// None: an address, whose value decides.
    entity_type: Option<&'a str>,
    seen: bool,
    attributes: Vec<(Cow<'a, str>, ValueRef<'a>)>,
    references: Vec<(&'a str, bool, u32)>,
}

impl<'a> Draft<'a> {
    /// Starts a record without objects.
    pub(crate) fn new(paths: &Paths) -> Self {
        Draft { objects: Vec::with_capacity(8), by_path: vec![None; paths.len()] }
    }

    /// Sets an attribute, making the object and those that lead to it. The last value wins.
    pub(crate) fn set(&mut self, paths: &'a Paths, target: &'a Target, value: ValueRef<'a>, make: Make) {
        if let Some(object) = self.object(paths, target.object, make) {
            self.set_attribute(object, Cow::Borrowed(&target.attribute), value);
        }
    }

    /// Sets an attribute of an object that is there.
    pub(crate) fn set_attribute(&mut self, object: u32, name: Cow<'a, str>, value: ValueRef<'a>) {
        let attributes = &mut self.objects[object as usize].attributes;
        match attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => attributes.push((name, value)),
        }
    }

    /// Returns the object of a path, making it if it is to be made.
    pub(crate) fn object(&mut self, paths: &'a Paths, path: u32, make: Make) -> Option<u32> {
        if self.by_path.len() <= path as usize {
            self.by_path.resize(paths.len(), None);
        }
        if let Some(object) = self.by_path[path as usize] {
            if make == Make::Seen {
                self.objects[object as usize].seen = true;
            }
            return Some(object);
        }
        if make == Make::Nothing {
            return None;
        }
        let node = paths.node(path);
        let holder = match &node.parent {
            Some(parent) => Some((self.object(paths, parent.object, make)?, parent)),
            None => None,
        };
        let object = self.push(node.entity_type.as_deref(), make);
        if let Some((holder, parent)) = holder {
            self.refer(holder, &parent.reference, parent.list, object);
        }
        self.by_path[path as usize] = Some(object);
        Some(object)
    }

    /// Makes one more object behind a list of references, beside those that are there.
    pub(crate) fn append(&mut self, paths: &'a Paths, path: u32, make: Make) -> Option<u32> {
        let node = paths.node(path);
        let parent = node.parent.as_ref()?;
        // What holds the list need not be there; a mention is none of its own then.
        let holder = self.object(paths, parent.object, make)?;
        let object = self.push(node.entity_type.as_deref(), make);
        self.refer(holder, &parent.reference, parent.list, object);
        Some(object)
    }

    fn push(&mut self, entity_type: Option<&'a str>, make: Make) -> u32 {
        let object = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
        self.objects.push(DraftObject {
            entity_type,
            seen: make == Make::Seen,
            attributes: Vec::with_capacity(4),
            references: Vec::new(),
        });
        object
    }

    /// Adds a reference; a single one that is there already stays.
    pub(crate) fn refer(&mut self, from: u32, reference: &'a str, list: bool, to: u32) {
        let references = &mut self.objects[from as usize].references;
        if list || !references.iter().any(|(known, ..)| *known == reference) {
            references.push((reference, list, to));
        }
    }

    /// Returns the object of a path, if it is there.
    pub(crate) fn at(&self, path: u32) -> Option<u32> {
        self.by_path.get(path as usize).copied().flatten()
    }

    /// Returns the objects of a type, in order.
    pub(crate) fn of_type(&self, entity_type: &str) -> impl DoubleEndedIterator<Item = u32> {
        let of_type = move |(_, object): &(usize, &DraftObject<'a>)| object.entity_type == Some(entity_type);
        self.objects.iter().enumerate().filter(of_type).map(|(at, _)| at as u32)
    }

    /// Returns true if the object is a sighting.
    pub(crate) fn is_seen(&self, object: u32) -> bool {
        self.objects[object as usize].seen
    }

    /// Returns what a single reference of an object leads to.
    pub(crate) fn reference(&self, object: u32, reference: &str) -> Option<u32> {
        self.objects[object as usize]
            .references
            .iter()
            .find(|(known, ..)| *known == reference)
            .map(|(.., to)| *to)
    }

    /// Returns an attribute of an object.
    pub(crate) fn attribute(&self, object: u32, name: &str) -> Option<&ValueRef<'a>> {
        self.objects[object as usize]
            .attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Takes away an object that has no references and to which none lead.
    pub(crate) fn remove_if_alone(&mut self, object: u32) {
        let alone = self.objects[object as usize].references.is_empty()
            && !self.objects.iter().any(|other| other.references.iter().any(|(.., to)| *to == object));
        if !alone {
            return;
        }
        self.objects.remove(object as usize);
        for (.., to) in self.objects.iter_mut().flat_map(|other| &mut other.references) {
            *to -= u32::from(*to > object);
        }
        for path in &mut self.by_path {
            *path = match *path {
                Some(at) if at == object => None,
                Some(at) => Some(at - u32::from(at > object)),
                None => None,
            };
        }
    }

    /// Returns the objects; `own_row` gives the id of an object that is a row of its own.
    pub(crate) fn finish(self, own_row: impl Fn(&str, &str) -> Option<String>) -> Vec<Object<'a>> {
        let keys: Vec<String> = (0..self.objects.len()).map(|at| at.to_string()).collect();
        let mut objects = Vec::with_capacity(self.objects.len());
        for (at, draft) in self.objects.into_iter().enumerate() {
            let entity_type = draft.entity_type.unwrap_or_else(|| address_type(&draft.attributes));
            let references = draft.references.iter().map(|(name, list, to)| ReferenceTo {
                name: Cow::Borrowed(name),
                list: *list,
                key: Cow::Owned(keys[*to as usize].clone()),
            });
            objects.push(Object {
                key: Cow::Owned(keys[at].clone()),
                entity_type: Cow::Borrowed(entity_type),
                id: own_row(entity_type, &keys[at]).map(Cow::Owned),
                seen: draft.seen,
                references: references.collect(),
                attributes: draft.attributes,
            });
        }
        objects
    }
}

/// The type of the object behind an address reference: by its value, as far as that is one.
fn address_type(attributes: &[(Cow<'_, str>, ValueRef<'_>)]) -> &'static str {
    let value = attributes.iter().find(|(name, _)| name == "value").and_then(|(_, value)| value.as_text());
    match value {
        Some(value) => match schema::address_type(value) {
            Some(entity_type) => entity_type,
            None if value.contains(':') => "ipv6-addr",
            None => "domain-name",
        },
        None => "ipv4-addr",
    }
}

/// Returns the record with texts of its own.
pub(crate) fn into_owned(record: Record<'_>) -> Record<'static> {
    fn text(text: Cow<'_, str>) -> Cow<'static, str> {
        Cow::Owned(text.into_owned())
    }
    fn moment(moment: kestrel_stix::record::Moment<'_>) -> kestrel_stix::record::Moment<'static> {
        kestrel_stix::record::Moment { at: moment.at, text: text(moment.text) }
    }
    fn value(value: ValueRef<'_>) -> ValueRef<'static> {
        match value {
            ValueRef::Int(n) => ValueRef::Int(n),
            ValueRef::Float(n) => ValueRef::Float(n),
            ValueRef::Bool(b) => ValueRef::Bool(b),
            ValueRef::Text(given) => ValueRef::Text(text(given)),
            ValueRef::Json(given) => ValueRef::Json(text(given)),
        }
    }
    let objects = record.objects.into_iter().map(|object| Object {
        key: text(object.key),
        entity_type: text(object.entity_type),
        id: object.id.map(text),
        seen: object.seen,
        attributes: object.attributes.into_iter().map(|(name, given)| (text(name), value(given))).collect(),
        references: object
            .references
            .into_iter()
            .map(|reference| ReferenceTo {
                name: text(reference.name),
                list: reference.list,
                key: text(reference.key),
            })
            .collect(),
    });
    Record {
        id: text(record.id),
        first_observed: record.first_observed.map(moment),
        last_observed: record.last_observed.map(moment),
        number_observed: record.number_observed,
        objects: objects.collect(),
    }
}
