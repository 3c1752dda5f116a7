//! What makes two sightings the same entity.
//!
//! An entity is `type--UUIDv5(namespace, J)`, J being the canonical JSON of the *contributing
//! properties* of its type ([`contributing`]). Objects without any are entities of their own,
//! one for each record they stand in. Source: entities specification 3.
//!
//! | object | J | entity |
//! |---|---|---|
//! | `{"type":"ipv4-addr","value":"198.51.100.3"}` | `{"value":"198.51.100.3"}` | `ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4` |

use std::{cell::OnceCell, collections::BTreeMap};

use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    attribute::{AttributePath, Step},
    record::{Object, Record, ValueRef},
};

mod process;

pub use process::{ProcessSighting, SameProcess, extension_unique_id, same_process};

/// The namespace of deterministic ids, that of STIX 2.1.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);

/// What decides which entity an object is a sighting of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity<'o> {
    /// Its contributing properties: equal ones, equal entity, in whatever record.
    Content,
    /// Its record; the text from which the entity's UUID is made.
    Record(String),
    /// The id it came with.
    Given(&'o str),
}

/// Decides for one object. For many objects of one record, make a [`RecordScope`] once.
pub fn of<'o>(record: &Record<'_>, object: &'o Object<'_>) -> Identity<'o> {
    RecordScope::new(record).identity(object)
}

/// The identity rule for the objects of one record; keeps what it looks up.
#[derive(Debug)]
pub struct RecordScope<'r> {
    record: &'r Record<'r>,
    host: OnceCell<Option<String>>,
    keys: OnceCell<std::collections::HashSet<&'r str, ahash::RandomState>>,
}

impl<'r> RecordScope<'r> {
    /// Makes the scope; does no work yet.
    pub fn new(record: &'r Record<'r>) -> Self {
        RecordScope { record, host: OnceCell::new(), keys: OnceCell::new() }
    }

    /// Decides what makes `object` of this record the entity it is.
    pub fn identity<'o>(&self, object: &'o Object<'_>) -> Identity<'o> {
        if let Some(id) = object.id.as_deref().filter(|id| !id.is_empty()) {
            return Identity::Given(id);
        }
        let properties = contributing(&object.entity_type);
        if properties.iter().any(|property| self.contributes(object, property)) {
            return Identity::Content;
        }
        let sighting = (&*object.entity_type == "process").then(|| self.process_key(object)).flatten();
        Identity::Record(sighting.unwrap_or_else(|| self.appearance(object)))
    }

    /// Returns the text of an object that is its own entity: `<record id>/<object key>`.
    pub fn appearance(&self, object: &Object<'_>) -> String {
        format!("{}/{}", self.record.id, object.key)
    }

    fn contributes(&self, object: &Object<'_>, property: &str) -> bool {
        let given = object
            .attributes
            .iter()
            .any(|(name, value)| is_part(name, property) && !is_empty_id(name, value));
        // A reference counts when it leads somewhere.
        given
            || object.references.iter().any(|reference| {
                is_part(&reference.name, property)
                    && reference.key != object.key
                    && self.has_object(&reference.key)
            })
    }

    fn has_object(&self, key: &str) -> bool {
        let objects = &self.record.objects;
        if objects.len() <= 16 {
            return objects.iter().any(|object| object.key == key);
        }
        self.keys.get_or_init(|| objects.iter().map(|object| &*object.key).collect()).contains(key)
    }

    /// The canonical JSON of `pid_host_lastobserved`, when the record has all three.
    fn process_key(&self, object: &Object<'_>) -> Option<String> {
        let pid = match object.attribute("pid")? {
            ValueRef::Int(pid) if *pid != 0 => *pid,
            _ => return None,
        };
        let last = self.record.last_observed.as_ref()?;
        let host = self.host.get_or_init(|| host_of(self.record)).as_ref()?;
        let mut json = String::from("{\"x_unique_id\":");
        push_text(&mut json, &format!("{pid}_{host}_{}", last.text));
        json.push('}');
        Some(json)
    }
}

/// Returns the UUID of the entity an object is a sighting of.
///
/// `target` gives type and UUID of the entity behind the object's reference of this index (in
/// [`Object::references`]), none when it leads nowhere.
pub fn uuid<'t>(
    object: &Object<'_>,
    identity: &Identity<'_>,
    target: impl Fn(usize) -> Option<(&'t str, Uuid)>,
) -> Uuid {
    match identity {
        Identity::Content => content(object, target).unwrap_or_else(|| named(&object.key)),
        Identity::Record(text) => named(text),
        Identity::Given(id) => given(&object.entity_type, id),
    }
}

/// Returns the UUID that the contributing properties give; none if the object has none of them.
pub fn content<'t>(object: &Object<'_>, target: impl Fn(usize) -> Option<(&'t str, Uuid)>) -> Option<Uuid> {
    canonical_json(object, target).map(|json| named(&json))
}

/// Returns the canonical JSON of an object's contributing properties: sorted keys, no blanks,
/// one hash, references replaced by the ids of their targets. None if there are none.
pub fn canonical_json<'t>(
    object: &Object<'_>,
    target: impl Fn(usize) -> Option<(&'t str, Uuid)>,
) -> Option<String> {
    let is_contributing = |name: &str| is_contributing(&object.entity_type, name);
    let mut tree = Tree::default();
    for (name, value) in &object.attributes {
        if is_contributing(name) && !is_empty_id(name, value) {
            tree.insert(&keys(name), json_of(value));
        }
    }
    for (at, reference) in object.references.iter().enumerate() {
        if !is_contributing(&reference.name) {
            continue;
        }
        if let Some((entity_type, uuid)) = target(at) {
            let id = Json::String(id_text(entity_type, uuid));
            tree.insert_reference(&keys(&reference.name), id, reference.list);
        }
    }
    if let Some(Tree::Branch(hashes)) = tree.branch_mut().get_mut("hashes") {
        let kept =
            if hashes.contains_key("MD5") { Some("MD5".to_owned()) } else { hashes.keys().next().cloned() };
        hashes.retain(|name, _| Some(name) == kept.as_ref());
    }
    if tree.branch_mut().is_empty() {
        return None;
    }
    let mut out = String::new();
    tree.write(&mut out);
    Some(out)
}

/// The properties that make the entity, by type; every other type has none.
pub const CONTRIBUTING: &[(&str, &[&str])] = &[
    ("artifact", &["hashes", "payload_bin"]),
    ("autonomous-system", &["number"]),
    ("directory", &["path"]),
    ("domain-name", &["value"]),
    ("email-addr", &["value"]),
    ("email-message", &["from_ref", "subject", "body"]),
    ("file", &["hashes", "name", "extensions", "parent_directory_ref"]),
    ("ipv4-addr", &["value"]),
    ("ipv6-addr", &["value"]),
    ("mac-addr", &["value"]),
    ("mutex", &["name"]),
    (
        "network-traffic",
        &["start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "extensions"],
    ),
    ("process", &["x_unique_id"]),
    ("software", &["name", "cpe", "swid", "vendor", "version"]),
    ("url", &["value"]),
    ("user-account", &["account_type", "user_id", "account_login"]),
    ("windows-registry-key", &["key", "values"]),
    ("x-oca-asset", &["host_id", "device_id", "name", "hostname"]),
    ("x509-certificate", &["hashes", "serial_number"]),
];

/// Returns the properties of a type that make the entity. Source: entities specification 3.3.
pub fn contributing(entity_type: &str) -> &'static [&'static str] {
    match CONTRIBUTING.binary_search_by(|(name, _)| (*name).cmp(entity_type)) {
        Ok(at) => CONTRIBUTING[at].1,
        Err(_) => &[],
    }
}

/// Returns the candidates for the id attribute of a type, in order: the first that has any
/// value asks a source for more records of these entities. Source: entities specification 3.5.
pub fn id_attributes(entity_type: &str) -> &'static [&'static str] {
    match entity_type {
        "directory" => &["path"],
        "domain-name" | "email-addr" | "ipv4-addr" | "ipv6-addr" | "mac-addr" | "url" => &["value"],
        "mutex" | "software" => &["name"],
        "process" => &["x_unique_id", "pid"],
        "windows-registry-key" => &["key"],
        "file" => &["hashes.'SHA-256'", "hashes.'SHA-1'", "hashes.MD5", "name"],
        "user-account" => &["user_id"],
        "x-oca-asset" => &["device_id"],
        _ => &["id"],
    }
}

/// Returns the STIX id of an entity: `type--uuid`.
pub fn id_text(entity_type: &str, uuid: Uuid) -> String {
    format!("{entity_type}--{uuid}")
}

/// Returns the UUID of an id `type--uuid`; none if it is of another type or another form.
pub fn parse_id(entity_type: &str, id: &str) -> Option<Uuid> {
    let uuid = id.strip_prefix(entity_type)?.strip_prefix("--")?;
    (uuid.len() == 36).then(|| Uuid::try_parse(uuid).ok()).flatten()
}

/// Returns the UUID of a text in the namespace of deterministic ids.
pub fn named(text: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

/// An id that is not of the form `type--uuid` still tells entities apart.
fn given(entity_type: &str, id: &str) -> Uuid {
    parse_id(entity_type, id).unwrap_or_else(|| named(id))
}

/// Returns true if an attribute or reference of this flattened name is part of the identity.
pub fn is_contributing(entity_type: &str, name: &str) -> bool {
    contributing(entity_type).iter().any(|property| is_part(name, property))
}

/// `hashes.MD5` is part of `hashes`; so is `hashes` itself.
fn is_part(name: &str, property: &str) -> bool {
    name.strip_prefix(property).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// An empty unique id says nothing.
fn is_empty_id(name: &str, value: &ValueRef<'_>) -> bool {
    name == "x_unique_id" && value.as_text() == Some("")
}

/// The host that process keys name: `host_id` of the first asset that has one, else `hostname`.
fn host_of(record: &Record<'_>) -> Option<String> {
    let attribute = |name: &str| {
        let assets = record.objects.iter().filter(|object| object.entity_type == "x-oca-asset");
        assets
            .filter_map(|asset| asset.attribute(name))
            .map(|value| value.to_value().to_string())
            .find(|host| !host.is_empty())
    };
    attribute("host_id").or_else(|| attribute("hostname"))
}

/// Deeper names are taken as one key.
const MAX_DEPTH: usize = 128;

fn keys(name: &str) -> Vec<String> {
    match name.parse::<AttributePath>() {
        Ok(path) if path.steps().len() <= MAX_DEPTH => {
            path.steps().iter().map(|Step { key, .. }| key.clone()).collect()
        }
        _ => vec![name.to_owned()],
    }
}

fn json_of(value: &ValueRef<'_>) -> Json {
    match value {
        // A list or dictionary; whatever cannot be read is text.
        ValueRef::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string())),
        ValueRef::Text(text) => Json::String(text.to_string()),
        ValueRef::Int(n) => (*n).into(),
        ValueRef::Bool(b) => (*b).into(),
        ValueRef::Float(_) => value.to_value().to_json(),
    }
}

/// Flattened properties put together again; keys sorted.
enum Tree {
    Branch(BTreeMap<String, Tree>),
    Leaf(Json),
}

impl Default for Tree {
    fn default() -> Self {
        Tree::Branch(BTreeMap::new())
    }
}

impl Tree {
    fn branch_mut(&mut self) -> &mut BTreeMap<String, Tree> {
        if let Tree::Leaf(_) = self {
            *self = Tree::default();
        }
        match self {
            Tree::Branch(children) => children,
            Tree::Leaf(_) => unreachable!("a leaf was just replaced"),
        }
    }

    fn at(&mut self, keys: &[String]) -> &mut Tree {
        keys.iter().fold(self, |tree, key| tree.branch_mut().entry(key.clone()).or_default())
    }

    fn insert(&mut self, keys: &[String], value: Json) {
        *self.at(keys) = Tree::Leaf(value);
    }

    fn insert_reference(&mut self, keys: &[String], id: Json, list: bool) {
        let place = self.at(keys);
        match place {
            Tree::Leaf(Json::Array(ids)) if list => ids.push(id),
            _ => *place = Tree::Leaf(if list { Json::Array(vec![id]) } else { id }),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Tree::Leaf(value) => push_json(out, value),
            Tree::Branch(children) => {
                out.push('{');
                for (n, (key, child)) in children.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    push_text(out, key);
                    out.push(':');
                    child.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Appends canonical JSON: sorted keys, no blanks, plain `/`, UTF-8, numbers as given.
fn push_json(out: &mut String, value: &Json) {
    match value {
        Json::Array(elements) => {
            out.push('[');
            for (n, element) in elements.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                push_json(out, element);
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (n, (key, member)) in members.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                push_text(out, key);
                out.push(':');
                push_json(out, member);
            }
            out.push('}');
        }
        Json::String(text) => push_text(out, text),
        Json::Null | Json::Bool(_) | Json::Number(_) => out.push_str(&value.to_string()),
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&Json::from(text).to_string());
}

#[cfg(test)]
mod tests;
