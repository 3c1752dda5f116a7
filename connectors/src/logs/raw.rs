//! Fields of an event before they mean anything: names and values as the log has them.

use std::{borrow::Cow, fmt::Write as _};

use simd_json::{StaticNode, tape::Node};

/// A field's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raw<'a> {
    /// Text, unescaped.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// A number with a fraction, or beyond 64 bits.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Absent in all but name.
    Null,
    /// A list or an object, with everything in it.
    Nested(&'a [Node<'a>]),
    /// A set or vector of a delimited text: the text and what stands between elements.
    Split(&'a str, &'a str),
}

/// The fields of an event, outermost level, in source order.
pub(crate) type Fields<'a> = Vec<(&'a str, Raw<'a>)>;

/// Returns the value that starts at `nodes[0]` and the number of nodes that it takes.
pub(crate) fn value<'a>(nodes: &'a [Node<'a>]) -> (Raw<'a>, usize) {
    match nodes.first() {
        Some(Node::String(text)) => (Raw::Text(text), 1),
        Some(Node::Static(StaticNode::I64(n))) => (Raw::Int(*n), 1),
        Some(Node::Static(StaticNode::U64(n))) => {
            (i64::try_from(*n).map_or(Raw::Float(*n as f64), Raw::Int), 1)
        }
        Some(Node::Static(StaticNode::F64(n))) => (Raw::Float(*n), 1),
        Some(Node::Static(StaticNode::Bool(b))) => (Raw::Bool(*b), 1),
        Some(Node::Static(StaticNode::Null)) | None => (Raw::Null, 1),
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => {
            let end = (count + 1).min(nodes.len());
            (Raw::Nested(&nodes[..end]), end)
        }
    }
}

/// Goes over the fields of the object at `nodes[0]`; over nothing if that is no object.
pub(crate) fn each_field<'a>(nodes: &'a [Node<'a>], mut with: impl FnMut(&'a str, Raw<'a>)) {
    let Some(Node::Object { len, .. }) = nodes.first() else { return };
    let mut at = 1;
    for _ in 0..*len {
        let Some(Node::String(key)) = nodes.get(at) else { return };
        let (raw, taken) = value(&nodes[(at + 1).min(nodes.len())..]);
        with(key, raw);
        at += 1 + taken;
    }
}

/// Goes over the elements of the list at `nodes[0]`; over nothing if that is no list.
pub(crate) fn each_element<'a>(nodes: &'a [Node<'a>], mut with: impl FnMut(Raw<'a>)) {
    let Some(Node::Array { len, .. }) = nodes.first() else { return };
    let mut at = 1;
    for _ in 0..*len {
        let (raw, taken) = value(&nodes[at.min(nodes.len())..]);
        with(raw);
        at += taken;
    }
}

impl<'a> Raw<'a> {
    /// Returns true for what counts as no value: absent, empty, the number 0, false.
    ///
    /// The text `0` is a value. Source: entities specification 10.2.
    pub(crate) fn is_falsy(self) -> bool {
        match self {
            Raw::Text(text) | Raw::Split(text, _) => text.is_empty(),
            Raw::Int(n) => n == 0,
            Raw::Float(n) => n == 0.0,
            Raw::Bool(b) => !b,
            Raw::Null => true,
            Raw::Nested(nodes) => nodes.len() <= 1,
        }
    }

    /// Returns true for a JSON object.
    pub(crate) fn is_object(self) -> bool {
        matches!(self, Raw::Nested([Node::Object { .. }, ..]))
    }

    /// Returns the text of a text.
    pub(crate) fn as_text(self) -> Option<&'a str> {
        match self {
            Raw::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the value as text; lists and objects as JSON.
    pub(crate) fn text(self) -> Cow<'a, str> {
        match self {
            Raw::Text(text) | Raw::Split(text, _) => Cow::Borrowed(text),
            Raw::Int(n) => Cow::Owned(n.to_string()),
            Raw::Float(n) => Cow::Owned(n.to_string()),
            Raw::Bool(b) => Cow::Borrowed(if b { "true" } else { "false" }),
            Raw::Null => Cow::Borrowed(""),
            Raw::Nested(_) => Cow::Owned(self.json()),
        }
    }

    /// Returns the value as JSON without blanks.
    pub(crate) fn json(self) -> String {
        let mut out = String::new();
        push_json(&mut out, self, DEPTH);
        out
    }

    /// Goes over the elements of a list; over the value itself if it is none.
    pub(crate) fn each(self, mut with: impl FnMut(Raw<'a>)) {
        match self {
            Raw::Nested(nodes @ [Node::Array { .. }, ..]) => each_element(nodes, with),
            Raw::Split(text, between) if !between.is_empty() => {
                text.split(between).for_each(|part| with(Raw::Text(part)));
            }
            one => with(one),
        }
    }
}

/// How deep the value of an attribute may be nested; what is deeper becomes `null`. Readers
/// refuse such events earlier.
const DEPTH: usize = 128;

/// Appends JSON without blanks.
fn push_json(out: &mut String, raw: Raw<'_>, depth: usize) {
    match raw {
        Raw::Nested(_) if depth == 0 => out.push_str("null"),
        Raw::Text(text) => push_text(out, text),
        Raw::Null => out.push_str("null"),
        Raw::Float(n) if !n.is_finite() => out.push_str("null"),
        Raw::Int(_) | Raw::Float(_) | Raw::Bool(_) => out.push_str(&raw.text()),
        Raw::Nested(nodes @ [Node::Object { .. }, ..]) => {
            out.push('{');
            let mut first = true;
            each_field(nodes, |key, raw| {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                push_text(out, key);
                out.push(':');
                push_json(out, raw, depth - 1);
            });
            out.push('}');
        }
        Raw::Split(text, between) => {
            out.push('[');
            for (at, part) in text.split(between).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_text(out, part);
            }
            out.push(']');
        }
        Raw::Nested(_) => {
            out.push('[');
            let mut first = true;
            raw.each(|raw| {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                push_json(out, raw, depth - 1);
            });
            out.push(']');
        }
    }
}

/// Appends a JSON string.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
