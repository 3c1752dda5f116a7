//! One JSON dictionary to one object: attributes under flattened names, references apart.
//!
//! ```json
//! {"type": "process", "pid": "0x2b8", "image_ref": "1", "extensions": {"windows-process-ext": {"priority": "HIGH"}}}
//! ```
//!
//! | attribute | value | reference | key |
//! |---|---|---|---|
//! | `pid` | 696 | `binary_ref` | `1` |
//! | `extensions.'windows-process-ext'.priority` | `HIGH` | | |
//!
//! Source: entities specification 1.3, 1.5, 3.4, 4.1, 4.2.

use std::borrow::Cow;

use kestrel_stix::{
    attribute::{is_reference_key, push_key},
    identity::extension_unique_id,
    record::{Defect, Defects, Object, ReferenceTo, ValueRef, count_defect},
    schema::{canonical_attribute, is_integer_attribute},
};
use simd_json::{Node, StaticNode};

use super::{
    options::Limits,
    tape::{elements, members, text, write_json},
};

/// Where things are counted that were wrong.
pub(crate) struct Counter<'d, P> {
    pub(crate) defects: &'d mut Defects,
    /// Says where the record is.
    pub(crate) place: P,
    /// How much was counted here.
    pub(crate) counted: u64,
}

impl<'d, P: Fn() -> String> Counter<'d, P> {
    pub(crate) fn new(defects: &'d mut Defects, place: P) -> Self {
        Counter { defects, place, counted: 0 }
    }

    pub(crate) fn count(&mut self, defect: Defect, detail: impl FnOnce() -> String) {
        self.counted += 1;
        let place = &self.place;
        count_defect(self.defects, defect, || (place(), shortened(detail())));
    }
}

/// Cuts a text that came from the data to a length that fits a message.
pub(crate) fn shortened(text: String) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Fills `out`, which is empty but for its key, from the dictionary at `at`. Returns false when
/// it is no usable object; that is counted.
pub(crate) fn object<'c, P: Fn() -> String>(
    nodes: &[Node<'c>],
    at: usize,
    limits: &Limits,
    out: &mut Object<'c>,
    counter: &mut Counter<'_, P>,
) -> bool {
    if !matches!(nodes.get(at), Some(Node::Object { .. })) {
        counter.count(Defect::BadObject, || format!("object `{}`", out.key));
        return false;
    }
    let Some(entity_type) = type_of(nodes, at) else {
        counter.count(Defect::ObjectWithoutType, || format!("object `{}`", out.key));
        return false;
    };
    out.entity_type = Cow::Borrowed(entity_type);
    let mut flatten = Flatten { nodes, limits, entity_type, counter, out };
    for (key, value) in members(nodes, at) {
        flatten.property(key, value);
    }
    if entity_type == "process" {
        unique_id(out);
    }
    true
}

/// Returns the type that a dictionary says it has, or that its id says.
pub(crate) fn type_of<'c>(nodes: &[Node<'c>], at: usize) -> Option<&'c str> {
    let (mut given, mut id) = (None, None);
    for (key, value) in members(nodes, at) {
        match key {
            "type" => given = text(nodes, value),
            "id" => id = text(nodes, value),
            _ => {}
        }
    }
    given.filter(|name| !name.is_empty()).or_else(|| type_of_id(id?))
}

/// Returns what stands before `--` in an id.
pub(crate) fn type_of_id(id: &str) -> Option<&str> {
    id.split_once("--").map(|(entity_type, _)| entity_type).filter(|name| !name.is_empty())
}

/// Stores the unique id that extensions give, where the process has none of its own.
fn unique_id(out: &mut Object<'_>) {
    let extended = out.attributes.iter().any(|(name, _)| name.starts_with("extensions."));
    if !extended || out.attribute("x_unique_id").is_some_and(|value| value.as_text() != Some("")) {
        return;
    }
    if let Some(id) = extension_unique_id(out).cloned() {
        out.attributes.retain(|(name, _)| name != "x_unique_id");
        out.attributes.push((Cow::Borrowed("x_unique_id"), id));
    }
}

/// What becomes of a property.
pub(crate) enum Member<'k> {
    /// Nothing: it is said elsewhere, or about the STIX object rather than the thing it describes.
    Ignored,
    /// Its members become attributes under dotted names; true if there may be references.
    Nested(Cow<'k, str>, bool),
    Reference(Cow<'k, str>),
    Value(Cow<'k, str>),
}

/// Decides what becomes of a property from its name, and whether it is a dictionary.
#[inline]
pub(crate) fn member<'k>(entity_type: &str, key: &'k str, is_dictionary: bool) -> Member<'k> {
    match key {
        "type" | "id" | "spec_version" | "object_marking_refs" | "granular_markings" | "created_by_ref" => {
            return Member::Ignored;
        }
        "extensions" if is_dictionary => return Member::Nested(Cow::Borrowed("extensions"), true),
        _ => {}
    }
    let name = name_of(canonical_attribute(entity_type, key));
    if is_reference_key(key) {
        Member::Reference(name)
    } else if is_dictionary && !entity_type.starts_with("x-") {
        Member::Nested(name, false)
    } else {
        Member::Value(name)
    }
}

/// Returns true if an attribute of this name holds a list of references.
pub(crate) fn is_list(name: &str) -> bool {
    name.ends_with("_refs") || name.ends_with("_refs'")
}

/// Reads a whole number: decimal, or hexadecimal after `0x`.
pub(crate) fn whole_number(given: &str) -> Option<i64> {
    let digits = given.trim_ascii();
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            i64::from_str_radix(digits, 16).ok()
        }
        Some(_) => None,
        None => digits.parse().ok(),
    }
}

struct Flatten<'t, 'c, 'd, P> {
    nodes: &'t [Node<'c>],
    limits: &'t Limits,
    entity_type: &'c str,
    counter: &'t mut Counter<'d, P>,
    out: &'t mut Object<'c>,
}

impl<'c, P: Fn() -> String> Flatten<'_, 'c, '_, P> {
    /// One property of the object itself.
    #[inline]
    fn property(&mut self, key: &'c str, at: usize) {
        let is_dictionary = matches!(self.nodes.get(at), Some(Node::Object { .. }));
        match member(self.entity_type, key, is_dictionary) {
            Member::Ignored => {}
            Member::Nested(name, references) => self.nested(&name, at, references, 3),
            Member::Reference(name) => self.reference(name, at),
            Member::Value(name) => self.value(name, at, 3),
        }
    }

    /// The members of a dictionary, under dotted names.
    fn nested(&mut self, prefix: &str, at: usize, references: bool, depth: usize) {
        if depth >= self.limits.depth {
            self.counter
                .count(Defect::TooLarge, || format!("{prefix} of {} is nested too deeply", self.entity_type));
            return;
        }
        for (key, value) in members(self.nodes, at) {
            let name = dotted(prefix, key);
            match self.nodes.get(value) {
                Some(Node::Object { .. }) => self.nested(&name, value, references, depth + 1),
                _ if references && is_reference_key(key) => self.reference(name, value),
                _ => self.value(name, value, depth + 1),
            }
        }
    }

    fn value(&mut self, name: Cow<'c, str>, at: usize, depth: usize) {
        let value = match self.nodes.get(at) {
            Some(Node::String(given)) => {
                if given.len() > self.limits.string {
                    self.counter.count(Defect::TooLarge, || format!("{name} of {}", self.entity_type));
                    return;
                }
                if is_integer_attribute(self.entity_type, &name) {
                    self.integer_from_text(&name, given)
                } else {
                    ValueRef::Text(Cow::Borrowed(given))
                }
            }
            Some(Node::Static(StaticNode::I64(n))) => ValueRef::Int(*n),
            Some(Node::Static(StaticNode::U64(n))) => match i64::try_from(*n) {
                Ok(n) => ValueRef::Int(n),
                Err(_) => {
                    self.bad_value(&name, &n.to_string());
                    ValueRef::Text(Cow::Owned(n.to_string()))
                }
            },
            Some(Node::Static(StaticNode::F64(n))) => {
                let whole = n.trunc() == *n && n.abs() < 9e15;
                if whole && is_integer_attribute(self.entity_type, &name) {
                    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
                    ValueRef::Int(*n as i64)
                } else {
                    ValueRef::Float(*n)
                }
            }
            Some(Node::Static(StaticNode::Bool(b))) => ValueRef::Bool(*b),
            Some(Node::Static(StaticNode::Null)) | None => return,
            Some(Node::Array { .. } | Node::Object { .. }) => {
                let mut json = String::with_capacity(64);
                let left = self.limits.depth.saturating_sub(depth);
                if write_json(&mut json, self.nodes, at, false, left).is_err()
                    || json.len() > self.limits.string
                {
                    self.counter.count(Defect::TooLarge, || format!("{name} of {}", self.entity_type));
                    return;
                }
                ValueRef::Json(Cow::Owned(json))
            }
        };
        if self.out.attributes.len() >= self.limits.attributes {
            self.counter.count(Defect::TooLarge, || format!("too many attributes of {}", self.entity_type));
            return;
        }
        self.out.attributes.push((name, value));
    }

    /// Anything else stays text.
    fn integer_from_text(&mut self, name: &str, given: &'c str) -> ValueRef<'c> {
        match whole_number(given) {
            Some(n) => ValueRef::Int(n),
            None => {
                self.bad_value(name, given);
                ValueRef::Text(Cow::Borrowed(given))
            }
        }
    }

    fn reference(&mut self, name: Cow<'c, str>, at: usize) {
        let list = is_list(&name);
        match self.nodes.get(at) {
            Some(Node::String(key)) => self.push_reference(name, list, key),
            Some(Node::Array { .. }) => {
                for element in elements(self.nodes, at) {
                    match text(self.nodes, element) {
                        Some(key) if list => {
                            self.push_reference(name.clone(), list, key);
                        }
                        _ => self.dangling(&name),
                    }
                }
            }
            Some(Node::Static(StaticNode::Null)) | None => {}
            Some(_) => self.dangling(&name),
        }
    }

    fn push_reference(&mut self, name: Cow<'c, str>, list: bool, key: &'c str) {
        if self.out.references.len() >= self.limits.attributes {
            self.counter.count(Defect::TooLarge, || format!("too many references of {}", self.entity_type));
            return;
        }
        self.out.references.push(ReferenceTo { name, list, key: Cow::Borrowed(key) });
    }

    fn dangling(&mut self, name: &str) {
        self.counter
            .count(Defect::DanglingReference, || format!("{name} of {} is no text", self.entity_type));
    }

    fn bad_value(&mut self, name: &str, given: &str) {
        self.counter.count(Defect::BadValue, || format!("{name} of {}: `{given}`", self.entity_type));
    }
}

/// The name of a member of a dictionary. Hashes are in every other object, so their names are
/// not made anew.
pub(crate) fn dotted(prefix: &str, key: &str) -> Cow<'static, str> {
    if prefix == "hashes" {
        match key {
            "MD5" => return Cow::Borrowed("hashes.MD5"),
            "SHA-1" => return Cow::Borrowed("hashes.'SHA-1'"),
            "SHA-256" => return Cow::Borrowed("hashes.'SHA-256'"),
            "SHA-512" => return Cow::Borrowed("hashes.'SHA-512'"),
            _ => {}
        }
    }
    let mut name = String::with_capacity(prefix.len() + key.len() + 3);
    name.push_str(prefix);
    name.push('.');
    push_key(&mut name, key);
    Cow::Owned(name)
}

/// A key as attribute name.
#[inline]
fn name_of(key: &str) -> Cow<'_, str> {
    // Looks at all bytes, which is faster than stopping.
    if key.bytes().fold(true, |all, byte| all & PLAIN[usize::from(byte)]) {
        return Cow::Borrowed(key);
    }
    let mut name = String::with_capacity(key.len() + 2);
    push_key(&mut name, key);
    Cow::Owned(name)
}

/// Bytes of names that need no quotes.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'_' as usize;
        byte += 1;
    }
    plain
};
