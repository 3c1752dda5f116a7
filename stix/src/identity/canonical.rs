//! Canonical JSON of contributing properties: the general form, and a quick one for what
//! nearly all objects look like. Both write the same bytes.
//!
//! | attribute or reference | canonical JSON |
//! |---|---|
//! | `name` = `a.exe`, `hashes.MD5` = `0c`, `hashes.'SHA-1'` = `77` | `{"hashes":{"MD5":"0c"},"name":"a.exe"}` |
//! | `src_ref` → an address, `src_port` = 53, `protocols` = `["udp"]` | `{"protocols":["udp"],"src_port":53,"src_ref":"ipv4-addr--28bb3599-…"}` |

use std::collections::BTreeMap;

use serde_json::Value as Json;
use uuid::Uuid;

use super::{id_text, is_empty_id, is_part};
use crate::{
    attribute::{AttributePath, Step},
    record::{Object, ValueRef},
};

/// Appends the canonical JSON of the `contributing` properties of an object to `out`; false
/// (and nothing appended) when it has none of them.
pub(crate) fn write<'t>(
    object: &Object<'_>,
    contributing: &[&str],
    target: impl Fn(usize) -> Option<(&'t str, Uuid)>,
    out: &mut String,
) -> bool {
    let start = out.len();
    match quick(object, contributing, &target, out) {
        Some(written) => written,
        None => {
            out.truncate(start);
            general(object, contributing, &target, out)
        }
    }
}

/// A property on its way into the JSON.
#[derive(Clone, Copy)]
enum Part<'p> {
    Value(&'p ValueRef<'p>),
    /// Type and UUID of a reference's target.
    Target(&'p str, Uuid),
    /// The hash that counts: its name and its text.
    Hash(&'p str, &'p ValueRef<'p>),
}

/// Most properties that the quick form has room for.
const ROOM: usize = 12;

/// Properties with plain names, hashes with plain or quoted names, single references, each
/// given once. None for everything else.
fn quick<'t>(
    object: &Object<'_>,
    contributing: &[&str],
    target: &impl Fn(usize) -> Option<(&'t str, Uuid)>,
    out: &mut String,
) -> Option<bool> {
    let mut parts = [("", Part::Target("", Uuid::nil())); ROOM];
    let mut count = 0;
    let mut algorithms = [""; ROOM];
    let mut hashes = 0;
    let mut hash: Option<(&str, &ValueRef<'_>)> = None;
    for (name, value) in &object.attributes {
        if !contributing.iter().any(|property| is_part(name, property)) || is_empty_id(name, value) {
            continue;
        }
        if let Some(algorithm) = name.strip_prefix("hashes.") {
            let algorithm = hash_key(algorithm)?;
            if hashes == ROOM || algorithms[..hashes].contains(&algorithm) {
                return None;
            }
            algorithms[hashes] = algorithm;
            hashes += 1;
            let better =
                hash.is_none_or(|(known, _)| known != "MD5" && (algorithm == "MD5" || algorithm < known));
            if better {
                hash = Some((algorithm, value));
            }
            continue;
        }
        if !is_plain(name) || count == ROOM {
            return None;
        }
        parts[count] = (&**name, Part::Value(value));
        count += 1;
    }
    if let Some((algorithm, value)) = hash {
        if count == ROOM {
            return None;
        }
        parts[count] = ("hashes", Part::Hash(algorithm, value));
        count += 1;
    }
    for (at, reference) in object.references.iter().enumerate() {
        if !contributing.iter().any(|property| is_part(&reference.name, property)) {
            continue;
        }
        let Some((entity_type, uuid)) = target(at) else { continue };
        if reference.list || !is_plain(&reference.name) || count == ROOM {
            return None;
        }
        parts[count] = (&*reference.name, Part::Target(entity_type, uuid));
        count += 1;
    }
    let parts = &mut parts[..count];
    parts.sort_unstable_by_key(|(name, _)| *name);
    if parts.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return None;
    }
    if parts.is_empty() {
        return Some(false);
    }
    for (n, (name, part)) in parts.iter().enumerate() {
        out.push(if n == 0 { '{' } else { ',' });
        // A plain name needs no escapes.
        out.push('"');
        out.push_str(name);
        out.push_str("\":");
        match part {
            Part::Value(value) => push_value(out, value),
            Part::Target(entity_type, uuid) => push_target(out, entity_type, *uuid),
            Part::Hash(algorithm, value) => {
                out.push('{');
                push_text(out, algorithm);
                out.push(':');
                push_value(out, value);
                out.push('}');
            }
        }
    }
    out.push('}');
    Some(true)
}

/// Appends the id of a reference's target.
pub(super) fn push_target(out: &mut String, entity_type: &str, uuid: Uuid) {
    out.push('"');
    push_escaped(out, entity_type);
    out.push_str("--");
    out.push_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    out.push('"');
}

/// Returns true for a name of one step that is spelled as its key is.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the key that one step spells, plainly or in single quotes.
pub(super) fn hash_key(step: &str) -> Option<&str> {
    if is_plain(step) {
        return Some(step);
    }
    let key = step.strip_prefix('\'')?.strip_suffix('\'')?;
    let simple = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (!key.is_empty() && key.bytes().all(simple)).then_some(key)
}

pub(super) fn push_value(out: &mut String, value: &ValueRef<'_>) {
    match value {
        ValueRef::Text(text) => push_text(out, text),
        ValueRef::Int(n) => out.push_str(itoa::Buffer::new().format(*n)),
        ValueRef::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        ValueRef::Json(text) if is_list_of_texts(text) => out.push_str(text),
        ValueRef::Json(_) | ValueRef::Float(_) => push_json(out, &json_of(value)),
    }
}

/// Returns true for `["a","b"]` without blanks and escapes: that is canonical already.
fn is_list_of_texts(json: &str) -> bool {
    let Some(inner) = json.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    let mut rest = inner;
    loop {
        let Some(text) = rest.strip_prefix('"') else { return false };
        let Some(end) = text.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') else {
            return false;
        };
        if text.as_bytes()[end] != b'"' {
            return false;
        }
        rest = &text[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return rest.is_empty(),
        }
    }
}

/// Any object: puts the flattened properties together again.
fn general<'t>(
    object: &Object<'_>,
    contributing: &[&str],
    target: &impl Fn(usize) -> Option<(&'t str, Uuid)>,
    out: &mut String,
) -> bool {
    let is_contributing = |name: &str| contributing.iter().any(|property| is_part(name, property));
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
        return false;
    }
    tree.write(out);
    true
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

/// Appends a text in quotes.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// Appends a text, escaped as JSON demands.
fn push_escaped(out: &mut String, text: &str) {
    // Looks at all bytes, which is faster than stopping.
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if !text.bytes().fold(false, |found, byte| found | special(byte)) {
        out.push_str(text);
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(special) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            _ => {
                let quoted = Json::from(&rest[at..=at]).to_string();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::ReferenceTo;

    const NAMES: &[&str] = &[
        "name",
        "hashes",
        "hashes.MD5",
        "hashes.'SHA-1'",
        "hashes.'SHA-256'",
        "hashes.MD5.x",
        "hashes.\"it's\"",
        "extensions.'x-ext'.a",
        "extensions",
        "payload_bin",
        "x_unique_id",
    ];

    fn value() -> impl Strategy<Value = ValueRef<'static>> {
        prop_oneof![
            any::<i64>().prop_map(ValueRef::Int),
            any::<bool>().prop_map(ValueRef::Bool),
            (-1e9..1e9f64).prop_map(ValueRef::Float),
            "[a-c\"\\\\/\\x00-\\x1f\\x7fü]{0,8}".prop_map(|text| ValueRef::Text(text.into())),
            "\\[(\"[a,\\\\n ü]{0,3}\",?){0,3}\\]".prop_map(|text| ValueRef::Json(text.into())),
            Just(ValueRef::Json("[{\"b\":1.50,\"a\":null}, 2]".into())),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn texts_are_quoted_as_json(text in "[a\"\\\\/\\x00-\\x20\\x7fü]{0,12}") {
            let mut quoted = String::new();
            push_text(&mut quoted, &text);
            prop_assert_eq!(quoted, Json::from(text).to_string());
        }

        #[test]
        fn both_forms_write_the_same(
            attributes in prop::collection::vec((prop::sample::select(NAMES), value()), 0..6),
            references in prop::collection::vec((0..3usize, any::<bool>()), 0..4),
        ) {
            let object = Object {
                attributes: attributes.into_iter().map(|(name, value)| (name.into(), value)).collect(),
                references: references
                    .iter()
                    .map(|(n, list)| ReferenceTo {
                        name: ["src_ref", "dst_ref", "extensions.'x-ext'.via_refs"][*n].into(),
                        list: *list,
                        key: "".into(),
                    })
                    .collect(),
                ..Object::default()
            };
            let contributing =
                ["hashes", "name", "extensions", "payload_bin", "x_unique_id", "src_ref", "dst_ref"];
            let target = |at: usize| (at != 1).then(|| ("x-\"type", Uuid::from_u128(at as u128)));
            let (mut fast, mut slow) = (String::new(), String::new());
            if let Some(written) = quick(&object, &contributing, &target, &mut fast) {
                prop_assert_eq!(written, general(&object, &contributing, &target, &mut slow));
                prop_assert_eq!(fast, slow);
            }
        }
    }
}
