//! What makes two sightings the same entity.
//!
//! An entity is `type--UUIDv5(namespace, J)`, J being the canonical JSON of the *contributing
//! properties* of its type ([`contributing`]). Objects without any are entities of their own,
//! one for each record they stand in. Source: entities specification 3.
//!
//! | object | J | entity |
//! |---|---|---|
//! | `{"type":"ipv4-addr","value":"198.51.100.3"}` | `{"value":"198.51.100.3"}` | `ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4` |

use std::cell::OnceCell;

use sha1::{Digest, Sha1};
use uuid::Uuid;

use crate::record::{Object, Record, ValueRef};

pub(crate) mod canonical;
mod process;
pub(crate) mod template;

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
        canonical::push_text(&mut json, &format!("{pid}_{host}_{}", last.text));
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
    let mut json = String::new();
    canonical::write(object, contributing(&object.entity_type), target, &mut json).then_some(json)
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
    let hash = short_sha1(text)
        .unwrap_or_else(|| Sha1::new().chain_update(NAMESPACE).chain_update(text).finalize().into());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

/// Blocks of SHA-1 that nearly all texts fit in.
const BLOCKS: usize = 4;

/// Returns the SHA-1 hash of namespace and text, if that is short: padded here, since most of
/// the general way's time goes into putting blocks together.
fn short_sha1(text: &str) -> Option<[u8; 20]> {
    const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut blocks = [[0u8; 64]; BLOCKS];
    let bytes = blocks.as_flattened_mut();
    let space = NAMESPACE.as_bytes().len();
    let end = space + text.len();
    // A bit that ends the text, and its length.
    let count = (end + 9).div_ceil(64);
    if count > BLOCKS {
        return None;
    }
    bytes[..space].copy_from_slice(NAMESPACE.as_bytes());
    bytes[space..end].copy_from_slice(text.as_bytes());
    bytes[end] = 0x80;
    bytes[count * 64 - 8..count * 64].copy_from_slice(&(end as u64 * 8).to_be_bytes());
    let mut state = START;
    sha1::block_api::compress(&mut state, &blocks[..count]);
    let mut hash = [0; 20];
    for (part, word) in hash.chunks_exact_mut(4).zip(state) {
        part.copy_from_slice(&word.to_be_bytes());
    }
    Some(hash)
}

/// An id that is not of the form `type--uuid` still tells entities apart.
pub(crate) fn given(entity_type: &str, id: &str) -> Uuid {
    parse_id(entity_type, id).unwrap_or_else(|| named(id))
}

/// Returns true if an attribute or reference of this flattened name is part of the identity.
pub fn is_contributing(entity_type: &str, name: &str) -> bool {
    contributing(entity_type).iter().any(|property| is_part(name, property))
}

/// `hashes.MD5` is part of `hashes`; so is `hashes` itself.
#[inline]
pub(crate) fn is_part(name: &str, property: &str) -> bool {
    // Nearly all differ in their first letter.
    name.as_bytes().first() == property.as_bytes().first()
        && name.strip_prefix(property).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// An empty unique id says nothing.
pub(crate) fn is_empty_id(name: &str, value: &ValueRef<'_>) -> bool {
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

#[cfg(test)]
mod tests;
