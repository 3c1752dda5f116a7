//! Processes: unique ids from extensions, and the test that tells reused pids apart.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    record::{Object, ValueRef},
};

/// Returns the unique id that a process's extensions hold: the first extension in document
/// order with a non-empty `process_id`, `process_uid`, `process_unique_id` or `process_guid`,
/// in this order. Readers store it as attribute `x_unique_id` when the process has none.
///
/// Source: entities specification 3.4 step 2.
pub fn extension_unique_id<'o, 'a>(object: &'o Object<'a>) -> Option<&'o ValueRef<'a>> {
    const NAMES: [&str; 4] = ["process_id", "process_uid", "process_unique_id", "process_guid"];
    let mut found: Option<(&str, usize, &ValueRef<'_>)> = None;
    for (name, value) in &object.attributes {
        let Some((extension, property)) = extension_property(name) else { continue };
        let Some(rank) = NAMES.iter().position(|candidate| *candidate == property) else { continue };
        let better = match found {
            None => true,
            Some((first, best, _)) => first == extension && rank < best,
        };
        if better && !is_empty(value) {
            found = Some((extension, rank, value));
        }
    }
    found.map(|(_, _, value)| value)
}

/// Splits `extensions.'name'.property` into name (as spelled) and property.
fn extension_property(attribute: &str) -> Option<(&str, &str)> {
    let rest = attribute.strip_prefix("extensions.")?;
    let end = match rest.as_bytes().first()? {
        quote @ (b'\'' | b'"') => rest[1..].find(char::from(*quote))? + 2,
        _ => rest.find('.')?,
    };
    Some((&rest[..end], rest[end..].strip_prefix('.')?))
}

fn is_empty(value: &ValueRef<'_>) -> bool {
    match value {
        ValueRef::Text(text) | ValueRef::Json(text) => text.is_empty(),
        ValueRef::Int(n) => *n == 0,
        ValueRef::Float(n) => *n == 0.0,
        ValueRef::Bool(_) => true,
    }
}

/// One sighting of a process, for [`same_process`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessSighting<'a> {
    /// Process id.
    pub pid: Option<i64>,
    /// Name, if known.
    pub name: Option<&'a str>,
    /// The parent's process id, if known.
    pub parent_pid: Option<i64>,
    /// The record's `first_observed`.
    pub first: Option<Timestamp>,
    /// The record's `last_observed`.
    pub last: Option<Timestamp>,
}

/// How far apart two sightings of one process may be, in seconds relative to the reference
/// sighting's start (begin) and end (end). Configuration `prefetch.process_identification`.
///
/// Source: entities specification 3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SameProcess {
    /// Rule D and E, begin.
    pub pid_but_name_changed_time_begin_offset: i64,
    /// Rule D and E, end.
    pub pid_but_name_changed_time_end_offset: i64,
    /// Rule B, begin.
    pub pid_and_name_time_begin_offset: i64,
    /// Rule B, end.
    pub pid_and_name_time_end_offset: i64,
    /// Rule C, begin.
    pub pid_and_ppid_time_begin_offset: i64,
    /// Rule C, end.
    pub pid_and_ppid_time_end_offset: i64,
    /// Rule A, begin.
    pub pid_and_name_and_ppid_time_begin_offset: i64,
    /// Rule A, end.
    pub pid_and_name_and_ppid_time_end_offset: i64,
}

impl Default for SameProcess {
    fn default() -> Self {
        SameProcess {
            pid_but_name_changed_time_begin_offset: -5,
            pid_but_name_changed_time_end_offset: 5,
            pid_and_name_time_begin_offset: -3600,
            pid_and_name_time_end_offset: 3600,
            pid_and_ppid_time_begin_offset: -3600,
            pid_and_ppid_time_end_offset: 3600,
            pid_and_name_and_ppid_time_begin_offset: -86400,
            pid_and_name_and_ppid_time_end_offset: 86400,
        }
    }
}

/// Returns true if `candidate` is a sighting of the same process as `reference`: equal,
/// non-zero pid, and near enough in time for what else agrees. Absent data makes a rule fail.
pub fn same_process(
    reference: &ProcessSighting<'_>,
    candidate: &ProcessSighting<'_>,
    offsets: &SameProcess,
) -> bool {
    if reference.pid.is_none_or(|pid| pid == 0) || reference.pid != candidate.pid {
        return false;
    }
    let name = reference.name.is_some_and(|name| !name.is_empty()) && reference.name == candidate.name;
    let parent =
        reference.parent_pid.is_some_and(|pid| pid != 0) && reference.parent_pid == candidate.parent_pid;
    let near = |time: Option<Timestamp>, begin: i64, end: i64| {
        let (Some(time), Some(first), Some(last)) = (time, reference.first, reference.last) else {
            return false;
        };
        first.plus_seconds(begin) < time && time < last.plus_seconds(end)
    };
    let o = offsets;
    let (changed_begin, changed_end) =
        (o.pid_but_name_changed_time_begin_offset, o.pid_but_name_changed_time_end_offset);
    (name
        && parent
        && near(
            candidate.first,
            o.pid_and_name_and_ppid_time_begin_offset,
            o.pid_and_name_and_ppid_time_end_offset,
        ))
        || (name && near(candidate.first, o.pid_and_name_time_begin_offset, o.pid_and_name_time_end_offset))
        || (parent && near(candidate.first, o.pid_and_ppid_time_begin_offset, o.pid_and_ppid_time_end_offset))
        || near(candidate.first, changed_begin, changed_end)
        || near(candidate.last, changed_begin, changed_end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Value, batch::object};

    #[test]
    fn the_first_extension_with_an_id_decides() {
        let attributes = [
            ("extensions.'x-a-ext'.other", Value::text("x")),
            ("extensions.'x-b-ext'.process_guid", Value::text("")),
            ("extensions.'x-c-ext'.process_guid", Value::text("guid")),
            ("extensions.'x-c-ext'.process_uid", Value::text("uid")),
            ("extensions.'x-d-ext'.process_id", Value::text("late")),
        ];
        let process = object("0", "process", &attributes);
        assert_eq!(extension_unique_id(&process).and_then(ValueRef::as_text), Some("uid"));
        assert_eq!(extension_unique_id(&object("0", "process", &attributes[..2])), None);
    }

    #[test]
    fn what_agrees_decides_how_far_apart_sightings_may_be() {
        let at = |second: i64| Some(Timestamp::from_micros(second * 1_000_000));
        let seen = |name, parent_pid, second| ProcessSighting {
            pid: Some(7),
            name,
            parent_pid,
            first: at(second),
            last: at(second),
        };
        let same =
            |a: &ProcessSighting<'_>, b: &ProcessSighting<'_>| same_process(a, b, &SameProcess::default());
        let reference = seen(Some("a"), Some(4), 100_000);
        assert!(same(&reference, &seen(Some("a"), Some(4), 186_399)));
        assert!(!same(&reference, &seen(Some("a"), Some(4), 186_400)), "strict");
        assert!(same(&reference, &seen(Some("a"), None, 103_599)));
        assert!(!same(&reference, &seen(Some("a"), None, 103_600)));
        assert!(same(&reference, &seen(Some("b"), Some(4), 96_401)));
        assert!(same(&reference, &seen(Some("b"), None, 100_004)));
        assert!(!same(&reference, &seen(Some("b"), None, 100_005)));
        let long = ProcessSighting { first: at(90_000), ..seen(Some("b"), None, 100_004) };
        assert!(same(&reference, &long), "the end is near");
        assert!(!same(&reference, &ProcessSighting { pid: Some(8), ..reference }));
        let zero = ProcessSighting { pid: Some(0), ..reference };
        assert!(!same(&zero, &zero));
        let timeless = ProcessSighting { first: None, last: None, ..reference };
        assert!(!same(&reference, &timeless) && !same(&timeless, &reference));
    }
}
