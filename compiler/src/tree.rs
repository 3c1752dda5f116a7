//! Prints the syntax tree and the resolved hunt as indented text: for `--stage`, and for
//! snapshots that somebody can read. Places in the text are left out.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// Returns any stage as an indented tree.
///
/// ```text
/// - kind: Yield
///     target: p
///     command: Get
///       entity_type: process
/// ```
pub fn tree(stage: &impl Serialize) -> String {
    let mut out = String::new();
    // Stages are plain data with text keys; that they serialise is an invariant of their types.
    let value = serde_json::to_value(stage).unwrap_or(Value::Null);
    print(&value, 0, &mut out);
    out
}

/// Appends a value that stands on lines of its own.
fn print(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Array(items) => {
            for item in items {
                let _ = write!(out, "{:indent$}-", "");
                inline(item, indent + 2, out);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                if is_place(key) || is_nothing(field) {
                    continue;
                }
                let _ = write!(out, "{:indent$}{key}:", "");
                inline(field, indent + 2, out);
            }
        }
        other => {
            let _ = writeln!(out, "{:indent$}{}", "", scalar(other));
        }
    }
}

/// Appends a value behind `key:` or `-`: on the same line if it is short.
fn inline(value: &Value, indent: usize, out: &mut String) {
    if let Some(text) = leaf(value) {
        let _ = writeln!(out, " {text}");
        return;
    }
    match value {
        // An enum variant: its name stays on the line.
        Value::Object(fields) if fields.len() == 1 => {
            for (name, inner) in fields {
                let _ = write!(out, " {name}");
                match leaf(inner) {
                    Some(text) => {
                        let _ = writeln!(out, " {text}");
                    }
                    None => {
                        out.push('\n');
                        print(inner, indent, out);
                    }
                }
            }
        }
        _ => {
            out.push('\n');
            print(value, indent, out);
        }
    }
}

/// A value that is one word: a scalar, a name with its place, an attribute.
fn leaf(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if items.is_empty() => Some("[]".to_owned()),
        Value::Array(_) => None,
        Value::Object(fields) => {
            let mut real = fields.iter().filter(|(key, field)| !is_place(key) && !is_nothing(field));
            match (real.next(), real.next()) {
                (Some((key, field)), None) if matches!(key.as_str(), "text" | "value") => leaf(field),
                (None, None) => Some(String::from("-")),
                _ => None,
            }
        }
        other => Some(scalar(other)),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text)
            if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/*[]'@,".contains(&byte))
                && !text.is_empty() =>
        {
            text.clone()
        }
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

fn is_place(key: &str) -> bool {
    key == "span" || key.ends_with("_span")
}

/// Absent clauses and flags that are off say nothing.
fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
}
