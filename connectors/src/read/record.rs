//! One STIX object of a bundle: what it is, and the record that it gives.
//!
//! Source: entities specification 1.2, 1.4, 1.6.

use std::borrow::Cow;

use kestrel_stix::{
    Timestamp,
    identity::named,
    record::{Defect, Moment, Object, Record},
};
use simd_json::{Node, StaticNode};

use super::{
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
                "objects" => head.objects = Some(at),
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
        let last = self.moment(nodes, self.last, counter);
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

/// Reads a record with its objects. False if it is unusable; that is counted.
pub(crate) fn record<'c, P: Fn() -> String>(
    head: &Head<'c>,
    nodes: &[Node<'c>],
    limits: &Limits,
    record: &mut Record<'c>,
    spare: &mut Vec<Object<'c>>,
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
    head.fill(nodes, limits, record, counter);
    spare.append(&mut record.objects);
    for (key, at) in members(nodes, objects) {
        let mut next = spare.pop().unwrap_or_default();
        next.attributes.clear();
        next.references.clear();
        next.key = Cow::Borrowed(key);
        next.id = None;
        next.seen = true;
        if object(nodes, at, limits, &mut next, counter) {
            record.objects.push(next);
        } else {
            spare.push(next);
        }
    }
    true
}
