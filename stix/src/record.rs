//! Records as sources give them, before equal objects are united and stored.
//!
//! Every way into the store makes these: STIX bundles, raw logs, `NEW`, `LOAD`. Text is
//! borrowed from the input where it can be.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Timestamp, Value};

/// One observed-data record. Source: entities specification 1.2, 1.3.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Record<'a> {
    /// The record's id, as given or made up deterministically by the reader.
    pub id: Cow<'a, str>,
    /// When the first of the sightings it sums up happened; none if unreadable or absent
    /// together with `last_observed` (such a record fails every time-range test).
    pub first_observed: Option<Moment<'a>>,
    /// When the last of them happened; never before `first_observed`.
    pub last_observed: Option<Moment<'a>>,
    /// How many sightings it sums up; at least 1.
    pub number_observed: i64,
    /// Its objects, in document order.
    pub objects: Vec<Object<'a>>,
}

/// A time and the text that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment<'a> {
    /// The instant, for logic.
    pub at: Timestamp,
    /// As given, for display.
    pub text: Cow<'a, str>,
}

/// One cyber-observable in a record.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Object<'a> {
    /// The name references use: the key in `objects`, or the id in STIX 2.1.
    pub key: Cow<'a, str>,
    /// Its type.
    pub entity_type: Cow<'a, str>,
    /// An id to keep (STIX 2.1, `NEW` and `LOAD` rows with `id`); otherwise the identity rule decides.
    pub id: Option<Cow<'a, str>>,
    /// False for an object that is only reached by references, not seen in this record
    /// (STIX 2.1 objects outside `object_refs`).
    pub seen: bool,
    /// Present attributes under their flattened names (`hashes.MD5`), in document order.
    pub attributes: Vec<(Cow<'a, str>, ValueRef<'a>)>,
    /// References, under their flattened names, lists element by element.
    pub references: Vec<ReferenceTo<'a>>,
}

/// One reference of an object to another one of the same record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferenceTo<'a> {
    /// The property, `parent_ref` or `opened_connection_refs`, flattened.
    pub name: Cow<'a, str>,
    /// True when the property is a list.
    pub list: bool,
    /// The target's key.
    pub key: Cow<'a, str>,
}

/// A [`Value`] whose text may be borrowed.
#[derive(Debug, Clone, Serialize)]
pub enum ValueRef<'a> {
    /// See [`Value::Int`].
    Int(i64),
    /// See [`Value::Float`].
    Float(f64),
    /// See [`Value::Bool`].
    Bool(bool),
    /// See [`Value::Text`].
    Text(Cow<'a, str>),
    /// See [`Value::Json`].
    Json(Cow<'a, str>),
}

impl<'a> ValueRef<'a> {
    /// Returns the value with text of its own.
    pub fn to_value(&self) -> Value {
        match self {
            ValueRef::Int(n) => Value::Int(*n),
            ValueRef::Float(n) => Value::Float(*n),
            ValueRef::Bool(b) => Value::Bool(*b),
            ValueRef::Text(text) => Value::Text(text.clone().into_owned()),
            ValueRef::Json(text) => Value::Json(text.clone().into_owned()),
        }
    }

    /// Returns the text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            ValueRef::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Same kind and same content; floats by bits, as [`Value`] compares.
impl PartialEq for ValueRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ValueRef::Int(a), ValueRef::Int(b)) => a == b,
            (ValueRef::Float(a), ValueRef::Float(b)) => a.to_bits() == b.to_bits(),
            (ValueRef::Bool(a), ValueRef::Bool(b)) => a == b,
            (ValueRef::Text(a), ValueRef::Text(b)) | (ValueRef::Json(a), ValueRef::Json(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for ValueRef<'_> {}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Int(n) => ValueRef::Int(*n),
            Value::Float(n) => ValueRef::Float(*n),
            Value::Bool(b) => ValueRef::Bool(*b),
            Value::Text(text) => ValueRef::Text(Cow::Borrowed(text)),
            Value::Json(text) => ValueRef::Json(Cow::Borrowed(text)),
        }
    }
}

impl<'a> Object<'a> {
    /// Returns the attribute of this flattened name; the last one when it is given twice.
    pub fn attribute(&self, name: &str) -> Option<&ValueRef<'a>> {
        self.attributes.iter().rev().find(|(attribute, _)| attribute == name).map(|(_, value)| value)
    }

    /// Returns the keys that references of this name lead to, in order.
    pub fn targets<'o>(&'o self, name: &'o str) -> impl Iterator<Item = &'o str> {
        self.references
            .iter()
            .filter(move |reference| reference.name == name)
            .map(|reference| &*reference.key)
    }
}

impl<'a> Record<'a> {
    /// Returns the object of this key.
    pub fn object(&self, key: &str) -> Option<&Object<'a>> {
        self.objects.iter().find(|object| object.key == key)
    }
}

/// What was wrong in the data, and was repaired or skipped: counted, never silent.
///
/// Source: entities specification 1.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// A record that is no object or has no usable content; skipped.
    BadRecord,
    /// A record without id; one was made from its content.
    MissingRecordId,
    /// Two different records with one id; their objects were put together.
    DuplicateRecordId,
    /// `number_observed` absent, no whole number or below 1; taken as 1.
    BadCount,
    /// A time that cannot be read; taken as absent.
    BadTimestamp,
    /// Neither `first_observed` nor `last_observed` can be used.
    NoTime,
    /// `last_observed` before `first_observed`; swapped.
    SwappedTimes,
    /// An object without type; skipped.
    ObjectWithoutType,
    /// An object that is no dictionary; skipped.
    BadObject,
    /// A reference to nothing, or that is no text; dropped.
    DanglingReference,
    /// A reference of an object to itself; dropped.
    SelfReference,
    /// A value of another kind than its attribute has; kept as text.
    BadValue,
    /// A value, list or record beyond the limits; skipped.
    TooLarge,
    /// A STIX object that is neither record nor observable (indicator, malware …); ignored.
    IgnoredObject,
    /// A log event that no mapping knows; only its common fields were used.
    UnknownEvent,
    /// A log line that is no event; skipped.
    BadEvent,
    /// Times that carry no zone and could not be corrected; taken as UTC.
    LocalTime,
}

impl Defect {
    /// Returns true when data was lost, so that the source's answer is incomplete.
    pub fn loses_data(self) -> bool {
        matches!(
            self,
            Defect::BadRecord
                | Defect::ObjectWithoutType
                | Defect::BadObject
                | Defect::DanglingReference
                | Defect::TooLarge
                | Defect::BadEvent
        )
    }

    /// Says what happened, for one occurrence: "object without a type was skipped".
    pub fn describe(self) -> &'static str {
        match self {
            Defect::BadRecord => "record that is no STIX object was skipped",
            Defect::MissingRecordId => "record without id got one made from its content",
            Defect::DuplicateRecordId => "record with the id of another one was put together with it",
            Defect::BadCount => "record without a usable number_observed was counted once",
            Defect::BadTimestamp => "time that cannot be read was taken as absent",
            Defect::NoTime => "record without any usable time fails every time range",
            Defect::SwappedTimes => "record that ends before it starts had its times swapped",
            Defect::ObjectWithoutType => "object without a type was skipped",
            Defect::BadObject => "object that is no dictionary was skipped",
            Defect::DanglingReference => "reference to a missing object was dropped",
            Defect::SelfReference => "reference of an object to itself was dropped",
            Defect::BadValue => "value of an unexpected kind was kept as text",
            Defect::TooLarge => "value or record beyond the size limits was skipped",
            Defect::IgnoredObject => "STIX object that is no observation was ignored",
            Defect::UnknownEvent => "event of an unknown kind gave only its common fields",
            Defect::BadEvent => "line that is no event was skipped",
            Defect::LocalTime => "event time without zone was taken as UTC",
        }
    }
}

/// How often a defect occurred, and where first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct DefectCount {
    /// Occurrences.
    pub count: u64,
    /// Where the first one is: "byte 1234", "line 7", with the file or member.
    pub first: String,
    /// What exactly it was about, shortened: a record id, a type, a value.
    pub detail: String,
}

/// The defects of one source, by kind.
pub type Defects = std::collections::BTreeMap<Defect, DefectCount>;

/// Counts one occurrence of `defect`.
pub fn count_defect(defects: &mut Defects, defect: Defect, place: impl FnOnce() -> (String, String)) {
    match defects.entry(defect) {
        std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().count += 1,
        std::collections::btree_map::Entry::Vacant(entry) => {
            let (first, detail) = place();
            entry.insert(DefectCount { count: 1, first, detail });
        }
    }
}

/// Adds the counts of a later part of the same source.
pub fn merge_defects(into: &mut Defects, later: Defects) {
    for (defect, counted) in later {
        into.entry(defect).and_modify(|entry| entry.count += counted.count).or_insert(counted);
    }
}
