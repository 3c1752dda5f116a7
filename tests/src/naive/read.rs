//! A plain reader of STIX 2.0 bundles, for the twin to read hand-written ones.
//! Source: entities specification 1.2, 4.1.

use kestrel_stix::{
    Timestamp, Value,
    attribute::{is_reference_key, push_key},
    record::{Moment, Object, Record, ReferenceTo, ValueRef},
    schema,
};
use serde_json::Value as Json;

/// Returns the records of a bundle. Only well-formed ones: this is no test of repairs.
pub fn records(bundle: &Json) -> Vec<Record<'static>> {
    let objects = bundle["objects"].as_array().map_or(&[][..], Vec::as_slice);
    objects.iter().filter(|object| object["type"] == "observed-data").map(record).collect()
}

fn record(json: &Json) -> Record<'static> {
    let moment = |name: &str| {
        let text = json[name].as_str()?.to_owned();
        Timestamp::parse(&text).map(|at| Moment { at, text: text.into() })
    };
    let (first, last) = (moment("first_observed"), moment("last_observed"));
    let objects = json["objects"].as_object().into_iter().flatten();
    Record {
        id: json["id"].as_str().unwrap_or_default().to_owned().into(),
        first_observed: first.clone().or_else(|| last.clone()),
        last_observed: last.or(first),
        number_observed: json["number_observed"].as_i64().unwrap_or(1).max(1),
        objects: objects.map(|(key, object)| one_object(key, object)).collect(),
    }
}

fn one_object(key: &str, json: &Json) -> Object<'static> {
    let entity_type = json["type"].as_str().unwrap_or_default().to_owned();
    let mut object = Object {
        key: key.to_owned().into(),
        entity_type: entity_type.into(),
        seen: true,
        ..Object::default()
    };
    for (name, value) in json.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "type" | "id" | "spec_version") {
            let mut path = String::new();
            push_key(&mut path, name);
            flatten(&mut object, path, name, value);
        }
    }
    object
}

fn flatten(object: &mut Object<'static>, path: String, key: &str, value: &Json) {
    let custom = object.entity_type.starts_with("x-") && !path.starts_with("extensions");
    let path = schema::canonical_attribute(&object.entity_type, &path).to_owned();
    if is_reference_key(key) {
        let list = key.ends_with("_refs");
        let keys: Vec<&Json> = match value {
            Json::Array(keys) => keys.iter().collect(),
            one => vec![one],
        };
        for target in keys.into_iter().filter_map(Json::as_str) {
            let reference = ReferenceTo { name: path.clone().into(), list, key: target.to_owned().into() };
            object.references.push(reference);
        }
        return;
    }
    let value = match value {
        Json::Null => return,
        Json::Object(members) if !custom => {
            for (key, member) in members {
                let mut name = format!("{path}.");
                push_key(&mut name, key);
                flatten(object, name, key, member);
            }
            return;
        }
        Json::Bool(b) => ValueRef::Bool(*b),
        Json::Number(number) => match number.as_i64() {
            Some(n) => ValueRef::Int(n),
            None => ValueRef::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => match Value::text(text).as_number() {
            Some(n) if schema::is_integer_attribute(&object.entity_type, &path) => ValueRef::Int(n as i64),
            _ => ValueRef::Text(text.clone().into()),
        },
        list => ValueRef::Json(list.to_string().into()),
    };
    object.attributes.push((path.into(), value));
}
