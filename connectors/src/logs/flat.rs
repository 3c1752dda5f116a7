//! Flat entities: an event that names a type and that type's attributes, and so is one object.
//!
//! Source: entities specification 10.1, 10.7.

use std::{borrow::Cow, collections::HashMap};

use kestrel_stix::{
    Timestamp,
    record::{Defect, Defects, Moment, Object, Record, ReferenceTo, ValueRef, count_defect},
    schema,
};

use super::{
    apply::plain,
    raw::{Fields, Raw},
};

/// Attributes that tell when, if the record's own times are absent; the last present one counts.
const TIMES: [&str; 7] = ["accessed", "created", "date", "end", "modified", "start", "timestamp"];

/// Returns the entity's type if the event is a flat entity.
pub(crate) fn entity_type<'a>(fields: &Fields<'a>) -> Option<&'a str> {
    let entity_type = fields.iter().find(|(name, _)| *name == "type").and_then(|(_, raw)| raw.as_text())?;
    let known = schema::is_known_type(entity_type);
    let primary = schema::primary_attribute(entity_type);
    (known && fields.iter().any(|(name, raw)| *name == primary && !raw.is_falsy())).then_some(entity_type)
}

/// Makes the record of a flat entity; its id is the caller's.
pub(crate) fn record<'a>(
    entity_type: &'a str,
    fields: &Fields<'a>,
    defects: &mut Defects,
    place: &dyn Fn() -> String,
) -> Record<'a> {
    let mut bad = |defect, name: &str| count_defect(defects, defect, || (place(), name.to_owned()));
    let mut record = Record { number_observed: 1, ..Record::default() };
    let mut objects = vec![object("0", entity_type)];
    let mut known = Known::default();
    for (name, raw) in fields {
        match *name {
            "type" | "id" => continue,
            "first_observed" | "last_observed" => {
                let read = moment(*raw);
                if read.is_none() {
                    bad(Defect::BadTimestamp, name);
                }
                match *name {
                    "first_observed" => record.first_observed = read,
                    _ => record.last_observed = read,
                }
            }
            "number_observed" => match whole(*raw).filter(|n| *n >= 1) {
                Some(n) => record.number_observed = n,
                None => bad(Defect::BadCount, name),
            },
            _ if raw.is_falsy() => continue,
            path => {
                if !set(&mut objects, &mut known, path, *raw) {
                    bad(Defect::BadValue, name);
                }
            }
        }
    }
    if record.first_observed.is_none() {
        let known =
            |wanted: &&str| fields.iter().find(|(name, _)| name == wanted).and_then(|(_, raw)| moment(*raw));
        let time = TIMES.iter().rev().find_map(known);
        record.first_observed = time.clone().or_else(|| record.last_observed.clone());
        if time.is_some() {
            record.last_observed = time;
        }
    }
    if record.last_observed.is_none() {
        record.last_observed = record.first_observed.clone();
    }
    if record.first_observed.is_none() {
        bad(Defect::NoTime, entity_type);
    }
    record.objects = objects;
    record
}

fn object<'a>(key: impl Into<Cow<'a, str>>, entity_type: &'a str) -> Object<'a> {
    Object { key: key.into(), entity_type: Cow::Borrowed(entity_type), seen: true, ..Object::default() }
}

/// What the record has so far: objects by holder and reference, attributes by object and name.
#[derive(Debug, Default)]
struct Known<'a> {
    objects: HashMap<String, usize>,
    attributes: HashMap<(usize, &'a str), usize>,
}

/// Sets the attribute at a path of references, `src_ref.value`, making the objects on the way.
/// Returns false if the value is none that the attribute should have.
fn set<'a>(objects: &mut Vec<Object<'a>>, known: &mut Known<'a>, path: &'a str, raw: Raw<'a>) -> bool {
    /// Chains of references in a flat name are short.
    const STEPS: usize = 8;
    let mut at = 0;
    let mut rest = path;
    let mut walked = 0;
    while let Some((step, after)) = rest.split_once('.') {
        let name = step.split_once('[').map_or(step, |(name, _)| name);
        let targets = schema::reference_targets(&objects[at].entity_type, name);
        let (true, Some(first)) = (walked < STEPS, targets.first()) else { break };
        walked += 1;
        let key = format!("{at}.{step}");
        let next = match known.objects.get(&key) {
            Some(next) => *next,
            None => {
                let next = objects.len();
                let address = raw.as_text().filter(|_| targets.contains(&"ipv4-addr") && after == "value");
                let entity_type = address.and_then(schema::address_type).unwrap_or(first);
                objects.push(object(next.to_string(), entity_type));
                objects[at].references.push(ReferenceTo {
                    name: Cow::Borrowed(name),
                    list: name.ends_with("_refs"),
                    key: Cow::Owned(next.to_string()),
                });
                known.objects.insert(key, next);
                next
            }
        };
        at = next;
        rest = after;
    }
    let entity_type = objects[at].entity_type.clone();
    let name = schema::canonical_attribute(&entity_type, rest);
    let mut good = true;
    let value = match name {
        "protocols" => ValueRef::Json(match raw {
            Raw::Nested(_) => raw.json().into(),
            one => format!("[{}]", one.json()).into(),
        }),
        _ if schema::is_integer_attribute(&entity_type, name) => {
            let read = whole(raw);
            good = read.is_some();
            read.map_or_else(|| plain(raw), ValueRef::Int)
        }
        _ => plain(raw),
    };
    let attributes = &mut objects[at].attributes;
    match known.attributes.get(&(at, name)) {
        Some(position) => attributes[*position].1 = value,
        None => {
            known.attributes.insert((at, name), attributes.len());
            attributes.push((Cow::Borrowed(name), value));
        }
    }
    good
}

fn whole(raw: Raw<'_>) -> Option<i64> {
    match raw {
        Raw::Int(n) => Some(n),
        Raw::Text(text) => super::convert::integer(text),
        _ => None,
    }
}

fn moment<'a>(raw: Raw<'_>) -> Option<Moment<'a>> {
    let at = Timestamp::parse(raw.as_text()?)?;
    let at = Timestamp::from_micros(at.micros() - at.micros().rem_euclid(1000));
    Some(Moment { at, text: at.millis_text().into() })
}
