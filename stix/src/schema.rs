//! What is known about types and attributes before any data is read.
//!
//! Everything here is a hint or a spelling rule: types and attributes that are not listed are
//! as good as those that are. Source: entities specification 1.3, 4, 5.3, 8.1, 11.4.

use std::net::IpAddr;

/// The types that exist without having been seen; sorted. Source: entities specification 5.3.
pub const KNOWN_TYPES: &[&str] = &[
    "artifact",
    "autonomous-system",
    "directory",
    "domain-name",
    "email-addr",
    "email-message",
    "file",
    "ipv4-addr",
    "ipv6-addr",
    "mac-addr",
    "mutex",
    "network-traffic",
    "process",
    "software",
    "url",
    "user-account",
    "windows-registry-key",
    "x-ibm-finding",
    "x-oca-asset",
    "x-oca-event",
    "x509-certificate",
];

/// Returns true for the types of [`KNOWN_TYPES`].
pub fn is_known_type(entity_type: &str) -> bool {
    KNOWN_TYPES.binary_search(&entity_type).is_ok()
}

/// Returns the attribute that a plain text stands for in `NEW`. Source: entities
/// specification 4.6, 8.1.
pub fn primary_attribute(entity_type: &str) -> &'static str {
    match entity_type {
        "user-account" => "user_id",
        "file" | "mutex" | "process" | "software" | "x-ibm-finding" => "name",
        "directory" => "path",
        "autonomous-system" => "number",
        "windows-registry-key" => "key",
        "x509-certificate" => "serial_number",
        "x-oca-asset" => "hostname",
        "x-oca-event" => "action",
        _ => "value",
    }
}

/// Returns true if values of this attribute are whole numbers, whatever they look like:
/// readers parse them. Source: entities specification 4.2.
pub fn is_integer_attribute(entity_type: &str, name: &str) -> bool {
    match name {
        "pid" | "src_port" | "dst_port" | "src_byte_count" | "dst_byte_count" | "src_packets"
        | "dst_packets" | "size" | "number_observed" | "severity" | "event_count" => true,
        "number" => entity_type == "autonomous-system",
        _ => false,
    }
}

/// Returns true if an attribute holds times: names of entities specification 10.7 (last row)
/// and `*_time`, `*_observed`, with their STIX 2.1 spellings.
pub fn is_time_attribute(name: &str) -> bool {
    let last = last_key(name);
    matches!(
        last,
        "accessed"
            | "created"
            | "date"
            | "end"
            | "modified"
            | "start"
            | "timestamp"
            | "ctime"
            | "mtime"
            | "atime"
    ) || last.ends_with("_time")
        || last.ends_with("_observed") && last != "number_observed"
}

/// Returns true if an attribute holds base64 text: `payload_bin`, `*_bin`.
pub fn is_binary_attribute(name: &str) -> bool {
    last_key(name).ends_with("_bin")
}

/// Returns true if an attribute holds hexadecimal text: `*_hex`.
pub fn is_hex_attribute(name: &str) -> bool {
    last_key(name).ends_with("_hex")
}

/// Returns the type of an address by its form: `ipv4-addr` or `ipv6-addr`, networks included;
/// none for anything else.
pub fn address_type(value: &str) -> Option<&'static str> {
    match crate::pattern::Network::parse(value)?.address() {
        IpAddr::V4(_) => Some("ipv4-addr"),
        IpAddr::V6(_) => Some("ipv6-addr"),
    }
}

/// Returns the attributes that entities of a type usually have, most telling first; empty for
/// types that are not known. Source: entities specification 4.6, 1.5.
pub fn common_attributes(entity_type: &str) -> &'static [&'static str] {
    match entity_type {
        "process" => &[
            "name",
            "pid",
            "command_line",
            "created",
            "cwd",
            "arguments",
            "x_unique_id",
            "is_hidden",
            "environment_variables",
            "parent_ref",
            "binary_ref",
            "creator_user_ref",
            "opened_connection_refs",
            "child_refs",
        ],
        "network-traffic" => &[
            "src_ref",
            "src_port",
            "dst_ref",
            "dst_port",
            "protocols",
            "start",
            "end",
            "is_active",
            "src_byte_count",
            "dst_byte_count",
            "src_packets",
            "dst_packets",
            "ipfix",
            "extensions",
            "src_payload_ref",
            "dst_payload_ref",
            "encapsulates_refs",
            "encapsulated_by_ref",
        ],
        "file" => &[
            "name",
            "size",
            "hashes.MD5",
            "hashes.'SHA-1'",
            "hashes.'SHA-256'",
            "hashes.'SHA-512'",
            "mime_type",
            "created",
            "modified",
            "accessed",
            "parent_directory_ref",
            "content_ref",
            "contains_refs",
        ],
        "directory" => &["path", "created", "modified", "accessed", "contains_refs"],
        "user-account" => &[
            "user_id",
            "account_login",
            "account_type",
            "display_name",
            "is_privileged",
            "is_service_account",
            "password_last_changed",
        ],
        "windows-registry-key" => &["key", "values", "modified", "number_of_subkeys", "creator_user_ref"],
        "ipv4-addr" | "ipv6-addr" => &["value", "resolves_to_refs", "belongs_to_refs"],
        "domain-name" => &["value", "resolves_to_refs"],
        "mac-addr" | "url" => &["value"],
        "email-addr" => &["value", "display_name", "belongs_to_ref"],
        "email-message" => &[
            "date",
            "subject",
            "from_ref",
            "sender_ref",
            "to_refs",
            "cc_refs",
            "bcc_refs",
            "body",
            "is_multipart",
            "raw_email_ref",
        ],
        "autonomous-system" => &["number", "name", "rir"],
        "software" => &["name", "version", "vendor", "cpe", "swid"],
        "mutex" => &["name"],
        "x509-certificate" => &[
            "issuer",
            "subject",
            "serial_number",
            "hashes.MD5",
            "hashes.'SHA-1'",
            "hashes.'SHA-256'",
            "validity_not_before",
            "validity_not_after",
        ],
        "artifact" => {
            &["payload_bin", "mime_type", "url", "hashes.MD5", "hashes.'SHA-1'", "hashes.'SHA-256'"]
        }
        "x-oca-asset" => &[
            "hostname",
            "name",
            "device_id",
            "host_id",
            "os_name",
            "os_version",
            "os_platform",
            "architecture",
            "ip_refs",
            "mac_refs",
            "os_ref",
            "geo_ref",
            "parent_process_ref",
        ],
        "x-oca-event" => &[
            "action",
            "code",
            "category",
            "module",
            "provider",
            "outcome",
            "created",
            "ingested",
            "start",
            "end",
            "duration",
            "timezone",
            "severity",
            "original_ref",
            "host_ref",
            "process_ref",
            "parent_process_ref",
            "cross_process_target_ref",
            "user_ref",
            "file_ref",
            "network_ref",
            "domain_ref",
            "registry_ref",
            "url_ref",
            "ip_refs",
            "pipe_ref",
        ],
        "x-ibm-finding" => &[
            "name",
            "finding_type",
            "severity",
            "src_ip_ref",
            "dst_ip_ref",
            "src_application_ref",
            "dst_application_ref",
            "src_os_ref",
            "dst_os_ref",
            "ttp_tagging_refs",
        ],
        _ => &[],
    }
}

/// Returns the types that a reference of a type leads to; empty when that is not known, since
/// then the target decides. Source: entities specification 4.3, 1.5.
pub fn reference_targets(entity_type: &str, reference: &str) -> &'static [&'static str] {
    const ENDPOINTS: &[&str] = &["ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"];
    match (entity_type, reference) {
        ("process", "parent_ref" | "child_refs") => &["process"],
        ("process", "binary_ref" | "image_ref" | "extensions.'windows-service-ext'.service_dll_refs") => {
            &["file"]
        }
        ("process" | "windows-registry-key", "creator_user_ref") => &["user-account"],
        ("process", "opened_connection_refs") => &["network-traffic"],
        ("file", "parent_directory_ref") => &["directory"],
        ("file", "content_ref") => &["artifact"],
        ("file", "extensions.'archive-ext'.contains_refs") => &["file"],
        ("directory" | "file", "contains_refs") => &["directory", "file"],
        ("network-traffic" | "x-ibm-finding", "src_ref" | "dst_ref" | "src_ip_ref" | "dst_ip_ref") => {
            ENDPOINTS
        }
        ("network-traffic", "src_payload_ref" | "dst_payload_ref") => &["artifact"],
        ("network-traffic", "extensions.'http-request-ext'.message_body_data_ref") => &["artifact"],
        ("network-traffic", "encapsulates_refs" | "encapsulated_by_ref") => &["network-traffic"],
        ("ipv4-addr" | "ipv6-addr", "resolves_to_refs") => &["mac-addr"],
        ("domain-name", "resolves_to_refs") => &["ipv4-addr", "ipv6-addr", "domain-name"],
        ("ipv4-addr" | "ipv6-addr", "belongs_to_refs") => &["autonomous-system"],
        ("email-addr", "belongs_to_ref") => &["user-account"],
        ("email-message", "from_ref" | "sender_ref" | "to_refs" | "cc_refs" | "bcc_refs") => &["email-addr"],
        ("email-message", "raw_email_ref") => &["artifact"],
        ("email-message", "body_raw_ref") => &["artifact", "file"],
        ("x-oca-asset" | "x-oca-event", "ip_refs") => &["ipv4-addr", "ipv6-addr"],
        ("x-oca-asset" | "x-oca-event", "mac_refs") => &["mac-addr"],
        ("x-oca-asset", "parent_process_ref") => &["process"],
        ("x-oca-asset", "os_ref") => &["software"],
        ("x-oca-asset", "geo_ref") => &["x-oca-geo"],
        ("x-oca-event", "original_ref") => &["artifact"],
        ("x-oca-event", "host_ref") => &["x-oca-asset"],
        ("x-oca-event", "process_ref" | "parent_process_ref" | "cross_process_target_ref") => &["process"],
        ("x-oca-event", "user_ref") => &["user-account"],
        ("x-oca-event", "file_ref") => &["file"],
        ("x-oca-event", "network_ref") => &["network-traffic"],
        ("x-oca-event", "domain_ref") => &["domain-name"],
        ("x-oca-event", "registry_ref") => &["windows-registry-key"],
        ("x-oca-event", "url_ref") => &["url"],
        ("x-ibm-finding", "src_application_ref" | "dst_application_ref" | "src_os_ref" | "dst_os_ref") => {
            &["software"]
        }
        ("x-ibm-finding", "ttp_tagging_refs") => &["x-ibm-ttp-tagging"],
        _ => &[],
    }
}

/// Returns the stored spelling of an attribute or reference: the STIX 2.0 one where 2.1 has
/// another. Source: entities specification 1.3.
pub fn canonical_attribute<'k>(entity_type: &str, key: &'k str) -> &'k str {
    match (entity_type, key) {
        ("process", "image_ref") => "binary_ref",
        ("process", "created_time") => "created",
        ("file" | "directory", "ctime") => "created",
        ("file" | "directory", "mtime") => "modified",
        ("file" | "directory", "atime") => "accessed",
        ("windows-registry-key", "modified_time") => "modified",
        ("user-account", "credential_last_changed") => "password_last_changed",
        _ => key,
    }
}

/// The references whose targets' attributes are shown with an entity by default.
/// Source: entities specification 4.4.
pub const DEREFERENCED: &[&str] = &[
    "parent_ref",
    "binary_ref",
    "image_ref",
    "parent_directory_ref",
    "creator_user_ref",
    "src_ref",
    "dst_ref",
    "src_ip_ref",
    "dst_ip_ref",
    "src_payload_ref",
    "dst_payload_ref",
    "src_os_ref",
    "dst_os_ref",
    "src_application_ref",
    "dst_application_ref",
];

/// Says whether default columns follow a reference to a target of type `target`.
///
/// `types` are the types on the way, from the variable's own to the one that holds the
/// reference; `references` are the references between them, so one fewer. A type is not
/// followed into one that is already on the way, except from a process to its parent and to
/// the parent's parent, and nothing is followed from there.
pub fn is_dereferenced(types: &[&str], references: &[&str], reference: &str, target: &str) -> bool {
    if !DEREFERENCED.contains(&reference) || references == ["parent_ref", "parent_ref"] {
        return false;
    }
    if reference == "parent_ref" {
        let chain = types.iter().all(|on_the_way| *on_the_way == "process");
        return chain
            && target == "process"
            && references.len() < 2
            && references.iter().all(|r| *r == "parent_ref");
    }
    !types.contains(&target)
}

/// Returns the place of a reference's block among the default columns of its type; equal ranks
/// keep the order in which the store saw the references.
pub fn reference_rank(entity_type: &str, reference: &str) -> usize {
    const PROCESS: [&str; 3] = ["parent_ref", "binary_ref", "creator_user_ref"];
    match entity_type {
        "process" => PROCESS.iter().position(|known| *known == reference).unwrap_or(PROCESS.len()),
        _ => 0,
    }
}

/// Returns the short name of an extension attribute: `extensions.'windows-process-ext'.priority`
/// and `extensions.'x-windows-process-ext'.priority` are `x_priority`. None for other names.
///
/// The short name is shown, and accepted, where it is unique within the type.
/// Source: entities specification 4.1.
pub fn short_name(attribute: &str) -> Option<String> {
    let rest = attribute.strip_prefix("extensions.")?;
    let end = match rest.as_bytes().first()? {
        quote @ (b'\'' | b'"') => rest[1..].find(char::from(*quote))? + 2,
        _ => rest.find('.')?,
    };
    let property = rest[end..].strip_prefix('.')?;
    (!property.is_empty()).then(|| format!("x_{property}"))
}

/// Returns the stored names that a written name may mean: itself, its canonical spelling and
/// every name of `known` whose short name it is.
pub fn resolve_name<'k>(
    entity_type: &str,
    written: &'k str,
    known: impl Iterator<Item = &'k str>,
) -> Vec<&'k str> {
    let canonical = canonical_attribute(entity_type, written);
    let mut found = Vec::new();
    for name in known {
        if name == canonical {
            return vec![name];
        }
        if written.starts_with("x_") && short_name(name).as_deref() == Some(written) {
            found.push(name);
        }
    }
    found
}

fn last_key(name: &str) -> &str {
    let name = name.strip_suffix("[*]").unwrap_or(name);
    if let Some(quoted) = name.strip_suffix('\'') {
        return quoted.rsplit('\'').next().unwrap_or(quoted);
    }
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_classified_by_their_last_key() {
        for time in ["created", "start", "x_foo.start_time", "first_observed", "extensions.'x-a'.'my_time'"] {
            assert!(is_time_attribute(time), "{time}");
        }
        for other in ["name", "starts", "time", "number_observed", "created.by"] {
            assert!(!is_time_attribute(other), "{other}");
        }
        assert!(is_binary_attribute("payload_bin") && is_hex_attribute("x_data_hex"));
        assert!(is_integer_attribute("process", "pid"));
        assert!(!is_integer_attribute("user-account", "user_id"));
        assert!(
            is_integer_attribute("autonomous-system", "number") && !is_integer_attribute("file", "number")
        );
    }

    #[test]
    fn addresses_are_told_by_their_form() {
        assert_eq!(address_type("10.0.0.1"), Some("ipv4-addr"));
        assert_eq!(address_type("10.0.0.0/8"), Some("ipv4-addr"));
        assert_eq!(address_type("fe80::1"), Some("ipv6-addr"));
        assert_eq!(address_type("aa:bb:cc:dd:ee:ff"), None);
        assert_eq!(address_type("example.com"), None);
    }

    #[test]
    fn both_spellings_are_one_attribute() {
        assert_eq!(canonical_attribute("process", "image_ref"), "binary_ref");
        assert_eq!(canonical_attribute("file", "mtime"), "modified");
        assert_eq!(canonical_attribute("process", "mtime"), "mtime");
    }

    #[test]
    fn extension_attributes_have_short_names() {
        assert_eq!(short_name("extensions.'windows-process-ext'.priority").as_deref(), Some("x_priority"));
        assert_eq!(
            short_name("extensions.'http-request-ext'.request_header.'User-Agent'").as_deref(),
            Some("x_request_header.'User-Agent'")
        );
        assert_eq!(short_name("name"), None);
        let known = ["name", "extensions.'a'.p", "extensions.'b'.p", "x_q"];
        let resolve = |written| resolve_name("process", written, known.into_iter());
        assert_eq!(resolve("x_p"), ["extensions.'a'.p", "extensions.'b'.p"]);
        assert_eq!(resolve("x_q"), ["x_q"]);
        assert!(resolve("x_r").is_empty());
    }

    #[test]
    fn default_columns_follow_references_as_far_as_documented() {
        let p = "process";
        assert!(is_dereferenced(&[p], &[], "parent_ref", p));
        assert!(is_dereferenced(&[p, p], &["parent_ref"], "parent_ref", p));
        assert!(!is_dereferenced(&[p, p, p], &["parent_ref", "parent_ref"], "parent_ref", p));
        assert!(!is_dereferenced(&[p, p, p], &["parent_ref", "parent_ref"], "binary_ref", "file"));
        assert!(is_dereferenced(&[p, p], &["parent_ref"], "binary_ref", "file"));
        assert!(is_dereferenced(&[p, "file"], &["binary_ref"], "parent_directory_ref", "directory"));
        assert!(!is_dereferenced(&["file"], &[], "content_ref", "artifact"));
        assert!(!is_dereferenced(&["x-oca-asset"], &[], "parent_process_ref", p));
        assert!(is_dereferenced(&["network-traffic"], &[], "src_ref", "ipv6-addr"));
        assert!(reference_rank(p, "parent_ref") < reference_rank(p, "binary_ref"));
    }

    #[test]
    fn known_types_are_sorted() {
        assert!(KNOWN_TYPES.is_sorted());
        assert!(KNOWN_TYPES.iter().all(|known| !common_attributes(known).is_empty()));
    }
}
