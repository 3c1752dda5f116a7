//! Canonical JSON of contributing properties for objects that all have the same members: which
//! of them it has, in which order, is found once.
//!
//! | members | template |
//! |---|---|
//! | `src_ref`, `dst_ref`, `src_port` | `{"dst_ref":`→`,"src_port":`→`,"src_ref":`→`}` |

use uuid::Uuid;

use super::{
    canonical::{hash_key, is_plain, push_target, push_value},
    is_empty_id, is_part,
};
use crate::record::ValueRef;

/// The canonical JSON but for its values.
#[derive(Debug)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug)]
struct Part {
    /// `"name":`, or `"hashes":{"MD5":`.
    start: String,
    member: Member,
    /// `}` after a hash.
    end: &'static str,
    /// Left out when it is empty.
    unique_id: bool,
}

#[derive(Debug, Clone, Copy)]
enum Member {
    Attribute(usize),
    Reference(usize),
}

impl Template {
    /// For objects with these attributes and references, all of different names; a reference
    /// says whether it is a list. None where the general form is needed.
    pub(crate) fn new(
        contributing: &[&str],
        attributes: &[&str],
        references: &[(&str, bool)],
    ) -> Option<Self> {
        let is_contributing = |name: &str| contributing.iter().any(|property| is_part(name, property));
        let mut parts: Vec<(&str, Part)> = Vec::new();
        let mut hash: Option<(&str, usize)> = None;
        let mut algorithms = Vec::new();
        for (at, name) in attributes.iter().enumerate().filter(|(_, name)| is_contributing(name)) {
            if let Some(algorithm) = name.strip_prefix("hashes.") {
                let algorithm = hash_key(algorithm)?;
                if algorithms.contains(&algorithm) {
                    return None;
                }
                algorithms.push(algorithm);
                let better =
                    hash.is_none_or(|(known, _)| known != "MD5" && (algorithm == "MD5" || algorithm < known));
                if better {
                    hash = Some((algorithm, at));
                }
                continue;
            }
            let part = Part {
                start: format!("\"{name}\":"),
                member: Member::Attribute(at),
                end: "",
                unique_id: *name == "x_unique_id",
            };
            parts.push((name, part));
        }
        if let Some((algorithm, at)) = hash {
            let start = format!("\"hashes\":{{\"{algorithm}\":");
            let part = Part { start, member: Member::Attribute(at), end: "}", unique_id: false };
            parts.push(("hashes", part));
        }
        for (at, (name, list)) in references.iter().enumerate().filter(|(_, (name, _))| is_contributing(name))
        {
            if *list {
                return None;
            }
            let start = format!("\"{name}\":");
            parts.push((name, Part { start, member: Member::Reference(at), end: "", unique_id: false }));
        }
        parts.sort_by_key(|(name, _)| *name);
        let plain = parts.iter().all(|(name, _)| is_plain(name));
        let distinct = parts.windows(2).all(|pair| pair[0].0 != pair[1].0);
        (plain && distinct).then(|| Template(parts.into_iter().map(|(_, part)| part).collect()))
    }

    /// Appends the JSON of one object; false (and nothing appended) when it has none of the
    /// properties.
    pub(crate) fn write<'v, 't>(
        &self,
        value: impl Fn(usize) -> ValueRef<'v>,
        target: impl Fn(usize) -> Option<(&'t str, Uuid)>,
        out: &mut String,
    ) -> bool {
        let mut separator = '{';
        for part in &self.0 {
            match part.member {
                Member::Attribute(at) => {
                    let value = value(at);
                    if part.unique_id && is_empty_id("x_unique_id", &value) {
                        continue;
                    }
                    out.push(separator);
                    out.push_str(&part.start);
                    push_value(out, &value);
                    out.push_str(part.end);
                }
                Member::Reference(at) => {
                    let Some((entity_type, uuid)) = target(at) else { continue };
                    out.push(separator);
                    out.push_str(&part.start);
                    push_target(out, entity_type, uuid);
                }
            }
            separator = ',';
        }
        if separator == '{' {
            return false;
        }
        out.push('}');
        true
    }
}
