//! Small helpers over the parser's flat list of nodes, and JSON text from it.

use simd_json::{Node, StaticNode};

/// Returns the index after the value at `at`.
#[inline]
pub(crate) fn after(nodes: &[Node<'_>], at: usize) -> usize {
    match nodes.get(at) {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => at + 1 + count,
        _ => at + 1,
    }
}

/// Walks the members of the dictionary at `at`: key and index of the value. Nothing for other
/// values.
#[inline]
pub(crate) fn members<'t, 'c>(
    nodes: &'t [Node<'c>],
    at: usize,
) -> impl Iterator<Item = (&'c str, usize)> + use<'t, 'c> {
    let count = match nodes.get(at) {
        Some(Node::Object { len, .. }) => *len,
        _ => 0,
    };
    let mut next = at + 1;
    (0..count).map(move |_| {
        let key = match nodes.get(next) {
            Some(Node::String(key)) => *key,
            _ => "",
        };
        let value = next + 1;
        next = after(nodes, value);
        (key, value)
    })
}

/// Walks the elements of the list at `at`: index of each. Nothing for other values.
pub(crate) fn elements<'t>(nodes: &'t [Node<'_>], at: usize) -> impl Iterator<Item = usize> + use<'t> {
    let count = match nodes.get(at) {
        Some(Node::Array { len, .. }) => *len,
        _ => 0,
    };
    let nodes: &'t [Node<'t>] = nodes;
    let mut next = at + 1;
    (0..count).map(move |_| {
        let value = next;
        next = after(nodes, value);
        value
    })
}

/// Returns the text of a string node.
#[inline]
pub(crate) fn text<'c>(nodes: &[Node<'c>], at: usize) -> Option<&'c str> {
    match nodes.get(at) {
        Some(Node::String(text)) => Some(text),
        _ => None,
    }
}

/// A value nested deeper than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooDeep;

/// Appends the value at `at` as JSON without blanks. With `sorted`, keys are in order, as
/// canonical JSON has them.
pub(crate) fn write_json(
    out: &mut String,
    nodes: &[Node<'_>],
    at: usize,
    sorted: bool,
    depth: usize,
) -> Result<(), TooDeep> {
    match nodes.get(at) {
        Some(Node::String(text)) => push_string(out, text),
        Some(Node::Static(value)) => push_static(out, *value),
        Some(Node::Array { .. }) => {
            let depth = depth.checked_sub(1).ok_or(TooDeep)?;
            out.push('[');
            for (n, element) in elements(nodes, at).enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_json(out, nodes, element, sorted, depth)?;
            }
            out.push(']');
        }
        Some(Node::Object { .. }) => {
            let depth = depth.checked_sub(1).ok_or(TooDeep)?;
            out.push('{');
            let mut pairs: Vec<_> = members(nodes, at).collect();
            if sorted {
                pairs.sort_by_key(|(key, _)| *key);
            }
            for (n, (key, value)) in pairs.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                push_string(out, key);
                out.push(':');
                write_json(out, nodes, value, sorted, depth)?;
            }
            out.push('}');
        }
        None => {}
    }
    Ok(())
}

fn push_static(out: &mut String, value: StaticNode) {
    use std::fmt::Write;
    // Writing to a text cannot fail.
    let _ = match value {
        StaticNode::I64(n) => write!(out, "{n}"),
        StaticNode::U64(n) => write!(out, "{n}"),
        // As the canonical JSON of the data model writes floats.
        StaticNode::F64(n) => write!(out, "{}", serde_json::Value::from(n)),
        StaticNode::Bool(b) => write!(out, "{b}"),
        StaticNode::Null => write!(out, "null"),
    };
}

/// Appends a quoted string, escaping only what JSON demands.
fn push_string(out: &mut String, text: &str) {
    use std::fmt::Write;
    out.push('"');
    // Looks at all bytes, which is faster than stopping.
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if !text.bytes().fold(false, |found, byte| found | special(byte)) {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
