//! Relations between entity types: what `FIND` can follow.
//!
//! A row *X verb Y* says that X does it to Y. `FIND X verb y` returns the X that did it to y;
//! `FIND Y verb BY x` returns the Y that x did it to. Source: entities specification 5.

use std::fmt;

use crate::schema::KNOWN_TYPES;

/// One relation and the references that hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation {
    /// The type that does it.
    pub subject: &'static str,
    /// What it does, upper case.
    pub verb: &'static str,
    /// The type it is done to.
    pub object: &'static str,
    /// References of the subject that lead to the object.
    pub forward: &'static [&'static str],
    /// References of the object that lead to the subject.
    pub backward: &'static [&'static str],
}

/// The verb that every two types have: seen in one record.
pub const LINKED: &str = "LINKED";

/// Every relation but [`LINKED`]. Source: entities specification 5.2.
pub static RELATIONS: &[Relation] = &[
    row("process", "CREATED", "process", &["child_refs"], &["parent_ref"]),
    row("process", "CREATED", "network-traffic", &["opened_connection_refs"], &[]),
    row(
        "process",
        "LOADED",
        "file",
        &["binary_ref", "image_ref", "extensions.'windows-service-ext'.service_dll_refs"],
        &[],
    ),
    row("user-account", "OWNED", "process", &[], &["creator_user_ref"]),
    row("user-account", "OWNED", "email-addr", &[], &["belongs_to_ref"]),
    row("user-account", "OWNED", "windows-registry-key", &[], &["creator_user_ref"]),
    row("ipv4-addr", "CREATED", "network-traffic", &[], &["src_ref"]),
    row("ipv6-addr", "CREATED", "network-traffic", &[], &["src_ref"]),
    row("mac-addr", "CREATED", "network-traffic", &[], &["src_ref"]),
    row("domain-name", "CREATED", "network-traffic", &[], &["src_ref"]),
    row("artifact", "CREATED", "network-traffic", &[], &["src_payload_ref"]),
    row("ipv4-addr", "ACCEPTED", "network-traffic", &[], &["dst_ref"]),
    row("ipv6-addr", "ACCEPTED", "network-traffic", &[], &["dst_ref"]),
    row("mac-addr", "ACCEPTED", "network-traffic", &[], &["dst_ref"]),
    row("domain-name", "ACCEPTED", "network-traffic", &[], &["dst_ref"]),
    row("artifact", "ACCEPTED", "network-traffic", &[], &["dst_payload_ref"]),
    row("network-traffic", "CONTAINED", "network-traffic", &["encapsulates_refs"], &["encapsulated_by_ref"]),
    row("file", "CONTAINED", "artifact", &["content_ref"], &[]),
    row("file", "CONTAINED", "file", &["extensions.'archive-ext'.contains_refs", "contains_refs"], &[]),
    row("directory", "CONTAINED", "directory", &["contains_refs"], &[]),
    row("directory", "CONTAINED", "file", &["contains_refs"], &["parent_directory_ref"]),
    row("autonomous-system", "OWNED", "ipv4-addr", &[], &["belongs_to_refs"]),
    row("autonomous-system", "OWNED", "ipv6-addr", &[], &["belongs_to_refs"]),
    row("email-addr", "CREATED", "email-message", &[], &["from_ref", "sender_ref"]),
    row("email-addr", "ACCEPTED", "email-message", &[], &["to_refs", "cc_refs", "bcc_refs"]),
];

const fn row(
    subject: &'static str,
    verb: &'static str,
    object: &'static str,
    forward: &'static [&'static str],
    backward: &'static [&'static str],
) -> Relation {
    Relation { subject, verb, object, forward, backward }
}

/// How to get from input entities to returned ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Both are seen in one record.
    Linked,
    /// Any of these references connects them.
    References(Vec<Hop>),
}

/// One reference that connects an input entity with a returned one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// The reference's flattened name.
    pub reference: &'static str,
    /// The side that has it.
    pub holder: Holder,
}

/// The side of a `FIND` that holds a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The input entity refers to the returned one.
    Input,
    /// The returned entity refers to the input one.
    Returned,
}

/// There is no such relation between the two types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// The type that would do it.
    pub subject: Box<str>,
    /// The verb, upper case.
    pub verb: Box<str>,
    /// The type it would be done to.
    pub object: Box<str>,
    /// True if some types have a relation of this name.
    pub is_verb: bool,
    /// Verbs that work between returned and input type without `BY`.
    pub without_by: Vec<&'static str>,
    /// Verbs that work between returned and input type with `BY`.
    pub with_by: Vec<&'static str>,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unsupported relation `{}--{}--{}`", self.subject, self.verb, self.object)
    }
}

impl std::error::Error for Unsupported {}

/// Finds what `FIND returned verb [BY] input` follows. The verb's case does not matter.
pub fn find(returned: &str, verb: &str, by: bool, input: &str) -> Result<Found, Unsupported> {
    if verb.eq_ignore_ascii_case(LINKED) {
        return Ok(Found::Linked);
    }
    let (subject, object) = if by { (input, returned) } else { (returned, input) };
    let relation = RELATIONS.iter().find(|relation| {
        relation.subject == subject && relation.object == object && relation.verb.eq_ignore_ascii_case(verb)
    });
    let Some(relation) = relation else {
        return Err(Unsupported {
            subject: subject.into(),
            verb: verb.to_ascii_uppercase().into(),
            object: object.into(),
            is_verb: verbs().any(|known| known.eq_ignore_ascii_case(verb)),
            without_by: between(returned, input).collect(),
            with_by: between(input, returned).collect(),
        });
    };
    let (subject_side, object_side) =
        if by { (Holder::Input, Holder::Returned) } else { (Holder::Returned, Holder::Input) };
    let hops = |references: &'static [&'static str], holder| {
        references.iter().map(move |reference| Hop { reference, holder })
    };
    Ok(Found::References(
        hops(relation.forward, subject_side).chain(hops(relation.backward, object_side)).collect(),
    ))
}

/// Returns the verbs with this subject and object, without [`LINKED`].
pub fn between<'a>(subject: &'a str, object: &'a str) -> impl Iterator<Item = &'static str> + 'a {
    let rows =
        RELATIONS.iter().filter(move |relation| relation.subject == subject && relation.object == object);
    rows.map(|relation| relation.verb)
}

/// Returns every verb once, upper case.
pub fn verbs() -> impl Iterator<Item = &'static str> {
    ["CREATED", "LOADED", "OWNED", "ACCEPTED", "CONTAINED", LINKED].into_iter()
}

/// Returns the known types that a verb can return for an input type. [`LINKED`] returns any.
pub fn returned_types(input: &str, verb: &str, by: bool) -> Vec<&'static str> {
    KNOWN_TYPES.iter().copied().filter(|returned| find(returned, verb, by, input).is_ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn every_find_by_pair() {
        let mut out = String::new();
        for input in KNOWN_TYPES {
            for returned in KNOWN_TYPES {
                let plain = between(returned, input).map(str::to_owned);
                let words: Vec<String> =
                    plain.chain(between(input, returned).map(|verb| format!("{verb} BY"))).collect();
                if !words.is_empty() {
                    writeln!(out, "{input} → {returned}: {}", words.join(", ")).expect("text");
                }
            }
        }
        insta::assert_snapshot!(out, @r"
        artifact → file: CONTAINED
        artifact → network-traffic: CREATED BY, ACCEPTED BY
        autonomous-system → ipv4-addr: OWNED BY
        autonomous-system → ipv6-addr: OWNED BY
        directory → directory: CONTAINED, CONTAINED BY
        directory → file: CONTAINED BY
        domain-name → network-traffic: CREATED BY, ACCEPTED BY
        email-addr → email-message: CREATED BY, ACCEPTED BY
        email-addr → user-account: OWNED
        email-message → email-addr: CREATED, ACCEPTED
        file → artifact: CONTAINED BY
        file → directory: CONTAINED
        file → file: CONTAINED, CONTAINED BY
        file → process: LOADED
        ipv4-addr → autonomous-system: OWNED
        ipv4-addr → network-traffic: CREATED BY, ACCEPTED BY
        ipv6-addr → autonomous-system: OWNED
        ipv6-addr → network-traffic: CREATED BY, ACCEPTED BY
        mac-addr → network-traffic: CREATED BY, ACCEPTED BY
        network-traffic → artifact: CREATED, ACCEPTED
        network-traffic → domain-name: CREATED, ACCEPTED
        network-traffic → ipv4-addr: CREATED, ACCEPTED
        network-traffic → ipv6-addr: CREATED, ACCEPTED
        network-traffic → mac-addr: CREATED, ACCEPTED
        network-traffic → network-traffic: CONTAINED, CONTAINED BY
        network-traffic → process: CREATED
        process → file: LOADED BY
        process → network-traffic: CREATED BY
        process → process: CREATED, CREATED BY
        process → user-account: OWNED
        user-account → email-addr: OWNED BY
        user-account → process: OWNED BY
        user-account → windows-registry-key: OWNED BY
        windows-registry-key → user-account: OWNED
        ");
    }

    #[test]
    fn parents_and_children_use_the_same_references_the_other_way_round() {
        let show = |found: Result<Found, Unsupported>| match found {
            Ok(Found::Linked) => "linked".to_owned(),
            Ok(Found::References(hops)) => {
                let hops = hops.iter().map(|hop| match hop.holder {
                    Holder::Input => format!("input.{} → returned", hop.reference),
                    Holder::Returned => format!("returned.{} → input", hop.reference),
                });
                hops.collect::<Vec<_>>().join("; ")
            }
            Err(error) => format!("{error}; {:?}; BY {:?}", error.without_by, error.with_by),
        };
        insta::assert_snapshot!(show(find("process", "created", false, "process")), @"returned.child_refs → input; input.parent_ref → returned");
        insta::assert_snapshot!(show(find("process", "CREATED", true, "process")), @"input.child_refs → returned; returned.parent_ref → input");
        insta::assert_snapshot!(show(find("network-traffic", "Accepted", true, "ipv4-addr")), @"returned.dst_ref → input");
        insta::assert_snapshot!(show(find("network-traffic", "CONTAINED", false, "network-traffic")), @"returned.encapsulates_refs → input; input.encapsulated_by_ref → returned");
        insta::assert_snapshot!(show(find("x-foo", "LINKED", true, "url")), @"linked");
        insta::assert_snapshot!(show(find("file", "LOADED", false, "process")), @r#"unsupported relation `file--LOADED--process`; []; BY ["LOADED"]"#);
        insta::assert_snapshot!(show(find("process", "EATEN", false, "file")), @r#"unsupported relation `process--EATEN--file`; ["LOADED"]; BY []"#);
    }

    #[test]
    fn every_verb_is_listed_once() {
        for relation in RELATIONS {
            assert!(verbs().any(|verb| verb == relation.verb));
        }
        assert_eq!(returned_types("file", "loaded", false), ["process"]);
    }
}
