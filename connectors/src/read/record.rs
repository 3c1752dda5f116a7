//! One STIX object of a bundle: what it is, and the record that it gives.
//!
//! Source: entities specification 1.2, 1.4, 1.6.

use std::borrow::Cow;

use kestrel_stix::{
    Timestamp,
    batch::{Form, Short},
    identity::named,
    record::{Defect, Moment, Object, Record},
};
use simd_json::{Node, StaticNode};

use super::{
    condense::Entry,
    flatten::{Counter, object, type_of_id},
    options::Limits,
    tape::{members, text, write_json},
};

/// The properties of a top-level object that decide what it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Head<'c> {
    pub(crate) id: Option<&'c str>,
    stated_type: Option<&'c str>,
    objects: Option<usize>,
    /// How often `objects` is given.
    objects_given: u32,
    object_refs: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    number: Option<usize>,
    /// It has no member at all.
    pub(crate) empty: bool,
}

/// What a top-level object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class<'c> {
    /// A record with its objects.
    Record,
    /// A record that lists objects that stand beside it.
    Listing,
    /// A record without objects: it can never match.
    Hollow,
    /// A cyber-observable that stands beside the records.
    Observable,
    /// An edge between two of them.
    Relationship,
    /// A bundle; true if it says so.
    Bundle(bool),
    /// Another STIX object.
    Ignored(&'c str),
    /// Nothing of STIX.
    Foreign,
}

/// Types of STIX that are neither records, nor observables, nor edges. Not listed: `identity`,
/// which is expected everywhere.
const IGNORED: &[&str] = &[
    "attack-pattern",
    "campaign",
    "course-of-action",
    "extension-definition",
    "grouping",
    "indicator",
    "infrastructure",
    "intrusion-set",
    "language-content",
    "location",
    "malware",
    "malware-analysis",
    "marking-definition",
    "note",
    "opinion",
    "report",
    "sighting",
    "threat-actor",
    "tool",
    "vulnerability",
];

impl<'c> Head<'c> {
    /// Looks at the members of the dictionary at the root; of members given twice, the last one
    /// counts.
    pub(crate) fn of(nodes: &[Node<'c>]) -> Self {
        let mut head =
            Head { empty: matches!(nodes.first(), Some(Node::Object { len: 0, .. })), ..Head::default() };
        for (key, at) in members(nodes, 0) {
            match key {
                "type" => head.stated_type = text(nodes, at),
                "id" => head.id = text(nodes, at).filter(|id| !id.is_empty()),
                "objects" => {
                    head.objects = Some(at);
                    head.objects_given += 1;
                }
                "object_refs" => head.object_refs = Some(at),
                "first_observed" => head.first = Some(at),
                "last_observed" => head.last = Some(at),
                "number_observed" => head.number = Some(at),
                _ => {}
            }
        }
        head
    }

    pub(crate) fn class(&self, nodes: &[Node<'c>]) -> Class<'c> {
        let id_type = self.id.and_then(type_of_id);
        let is_list =
            |at: Option<usize>| at.is_some_and(|at| matches!(nodes.get(at), Some(Node::Array { .. })));
        let is_null = |at: usize| matches!(nodes.get(at), Some(Node::Static(StaticNode::Null)));
        match self.stated_type.or(id_type) {
            Some("bundle") => Class::Bundle(self.stated_type.is_some()),
            Some("observed-data") if self.objects.is_some_and(|at| !is_null(at)) => Class::Record,
            Some("observed-data") if is_list(self.object_refs) => Class::Listing,
            Some("observed-data") => Class::Hollow,
            Some("relationship") if id_type.is_some() => Class::Relationship,
            Some("identity") => Class::Ignored("identity"),
            Some(known) if IGNORED.binary_search(&known).is_ok() => Class::Ignored(known),
            Some(_) if id_type.is_some() => Class::Observable,
            None if is_list(self.objects) => Class::Bundle(false),
            _ => Class::Foreign,
        }
    }

    /// Returns the ids that a record lists, with those that are no text counted.
    pub(crate) fn listed<P: Fn() -> String>(
        &self,
        nodes: &[Node<'c>],
        counter: &mut Counter<'_, P>,
    ) -> Vec<&'c str> {
        let Some(at) = self.object_refs else { return Vec::new() };
        let mut ids = Vec::new();
        for element in super::tape::elements(nodes, at) {
            match text(nodes, element) {
                Some(id) => ids.push(id),
                None => counter
                    .count(Defect::DanglingReference, || "object_refs holds something else than text".into()),
            }
        }
        ids
    }

    /// Fills in id, times and count.
    pub(crate) fn fill<P: Fn() -> String>(
        &self,
        nodes: &[Node<'c>],
        limits: &Limits,
        record: &mut Record<'c>,
        counter: &mut Counter<'_, P>,
    ) {
        record.id = match self.id {
            Some(id) => Cow::Borrowed(id),
            None => {
                let mut json = String::new();
                // Deeper than allowed: what was written so far tells records apart as well.
                let _ = write_json(&mut json, nodes, 0, true, limits.depth);
                let id = format!("observed-data--{}", named(&json));
                counter.count(Defect::MissingRecordId, || id.clone());
                Cow::Owned(id)
            }
        };
        let first = self.moment(nodes, self.first, counter);
        let same = |known: &Moment<'_>| self.last.and_then(|at| text(nodes, at)) == Some(&*known.text);
        let last = match &first {
            // Most records are of one moment.
            Some(known) if same(known) => first.clone(),
            _ => self.moment(nodes, self.last, counter),
        };
        let (mut first, mut last) = match (first, last) {
            (Some(first), None) => (Some(first.clone()), Some(first)),
            (None, Some(last)) => (Some(last.clone()), Some(last)),
            both => both,
        };
        match (&first, &last) {
            (Some(start), Some(end)) if end.at < start.at => {
                counter.count(Defect::SwappedTimes, || record.id.to_string());
                std::mem::swap(&mut first, &mut last);
            }
            (None, None) => counter.count(Defect::NoTime, || record.id.to_string()),
            _ => {}
        }
        record.first_observed = first;
        record.last_observed = last;
        record.number_observed = match self.number.and_then(|at| nodes.get(at)) {
            Some(Node::Static(StaticNode::I64(n))) if *n >= 1 => *n,
            Some(Node::Static(StaticNode::U64(n))) if *n >= 1 => i64::try_from(*n).unwrap_or(i64::MAX),
            _ => {
                counter.count(Defect::BadCount, || record.id.to_string());
                1
            }
        };
    }

    fn moment<P: Fn() -> String>(
        &self,
        nodes: &[Node<'c>],
        at: Option<usize>,
        counter: &mut Counter<'_, P>,
    ) -> Option<Moment<'c>> {
        let at = at?;
        let given = match nodes.get(at)? {
            Node::String(given) => *given,
            Node::Static(StaticNode::Null) => return None,
            _ => {
                counter.count(Defect::BadTimestamp, || "a time that is no text".to_owned());
                return None;
            }
        };
        match Timestamp::parse(given) {
            Some(instant) => Some(Moment { at: instant, text: Cow::Borrowed(given) }),
            None => {
                counter.count(Defect::BadTimestamp, || format!("`{given}`"));
                None
            }
        }
    }
}

/// A record with its members: objects that the parser read, and the others.
#[derive(Debug, Default)]
pub(crate) struct Sighted<'c> {
    pub(crate) record: Record<'c>,
    pub(crate) short: Vec<Short<'c>>,
    /// Members that are new, and were read without any defect.
    pub(crate) fresh: Vec<Fresh>,
}

/// A member that the batch has not had written like this.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh {
    /// Its place among all members.
    pub(crate) place: usize,
    /// Which entry it is.
    pub(crate) entry: usize,
    /// Which object of the record, if the parser read it.
    pub(crate) object: Option<usize>,
}

impl Sighted<'_> {
    /// Returns an empty one with the buffers of this one, whatever they borrowed from.
    pub(crate) fn emptied(self, spare: &mut Vec<Object<'static>>) -> Sighted<'static> {
        let Sighted { mut record, short, mut fresh } = self;
        spare.extend(record.objects.drain(..).map(|object| Object {
            attributes: emptied(object.attributes),
            references: emptied(object.references),
            ..Object::default()
        }));
        fresh.clear();
        let record = Record { objects: emptied(record.objects), ..Record::default() };
        Sighted { record, short: emptied(short), fresh }
    }
}

/// Empties a list; the memory is used again, since both types have the same size.
pub(crate) fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    list.into_iter().filter_map(|_| None).collect()
}

/// Returns true if the entries are those of the record's objects, one for each dictionary and
/// list, so that it is certain which is which.
pub(crate) fn fits(head: &Head<'_>, nodes: &[Node<'_>], entries: &[Entry]) -> bool {
    let Some(objects) = head.objects.filter(|_| head.objects_given == 1) else { return false };
    let mut rest = entries.iter();
    for (_, at) in members(nodes, objects) {
        let fits = match nodes.get(at) {
            Some(Node::Array { len, .. }) => {
                rest.next().is_some_and(|entry| *len == 0 || entry.form.is_none())
            }
            Some(Node::Object { .. }) => rest.next().is_some_and(|entry| entry.form.is_none()),
            _ => true,
        };
        if !fits {
            return false;
        }
    }
    // The id of a record without one is made from all of it.
    rest.next().is_none() && head.id.is_some()
}

/// Reads a record with its objects, but for those whose form `entries` knows. False if it
/// is unusable; that is counted.
pub(crate) fn record<'c, P: Fn() -> String>(
    head: &Head<'c>,
    nodes: &[Node<'c>],
    limits: &Limits,
    entries: &[Entry],
    out: &mut Sighted<'c>,
    spare: &mut Vec<Object<'static>>,
    counter: &mut Counter<'_, P>,
) -> bool {
    let Some(objects) = head.objects else { return false };
    match nodes.get(objects) {
        Some(Node::Object { len, .. }) if *len > limits.objects => {
            counter.count(Defect::TooLarge, || format!("record with {len} objects"));
            return false;
        }
        Some(Node::Object { .. }) => {}
        _ => {
            counter.count(Defect::BadRecord, || "`objects` of a record is no dictionary".to_owned());
            return false;
        }
    }
    head.fill(nodes, limits, &mut out.record, counter);
    let mut entries = entries.iter().enumerate();
    let mut place = 0;
    for (key, at) in members(nodes, objects) {
        let entry = match nodes.get(at) {
            Some(Node::Object { .. } | Node::Array { .. }) => entries.next(),
            _ => None,
        };
        if let Some((number, Entry { form: Some(form), .. })) = entry {
            out.short.push(Short { at: place, key, form: *form });
            if let Form::Laid(_) = form {
                out.fresh.push(Fresh { place, entry: number, object: None });
            }
            place += 1;
            continue;
        }
        let mut next: Object<'c> = spare.pop().unwrap_or_default();
        next.key = Cow::Borrowed(key);
        next.seen = true;
        let before = counter.counted;
        if object(nodes, at, limits, &mut next, counter) {
            out.record.objects.push(next);
            if let Some((entry, _)) = entry.filter(|_| counter.counted == before) {
                let object = Some(out.record.objects.len() - 1);
                out.fresh.push(Fresh { place, entry, object });
            }
            place += 1;
        }
    }
    true
}
