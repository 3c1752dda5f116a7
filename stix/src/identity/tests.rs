//! The vectors of entities specification 3.2 and the process rule.

use super::*;
use crate::{
    Timestamp, Value,
    batch::object,
    record::{Moment, ReferenceTo},
};

fn record<'a>(objects: Vec<Object<'a>>) -> Record<'a> {
    let moment = Moment {
        at: Timestamp::parse("2020-01-01T00:00:00Z").expect("a time"),
        text: "2020-01-01T00:00:00Z".into(),
    };
    Record {
        id: "observed-data--00000000-0000-4000-8000-000000000001".into(),
        first_observed: Some(moment.clone()),
        last_observed: Some(moment),
        number_observed: 1,
        objects,
    }
}

/// Identity and UUID of the first object, with acyclic references.
fn entity(record: &Record<'_>, key: &str) -> Uuid {
    let object = record.object(key).expect("an object");
    uuid(object, &of(record, object), |at| {
        let target = record.object(&object.references[at].key)?;
        Some((&*target.entity_type, entity(record, &target.key)))
    })
}

#[test]
fn ids_are_those_of_the_specification() {
    let text = Value::text;
    let cases = [
        ("ipv4-addr", vec![("value", text("198.51.100.3"))], "28bb3599-77cd-5a82-a950-b5bc3caf07c4"),
        ("ipv4-addr", vec![("value", text("10.0.0.0/8"))], "86428b07-0841-50f5-884f-260544a6ebee"),
        ("url", vec![("value", text("https://example.com/a?b=1"))], "f0b708c7-0030-504f-a762-2499ab88d483"),
        ("directory", vec![("path", text("C:\\Windows\\System32"))], "0a58d0c1-59e6-5afd-8252-dcd3f13e5622"),
        ("file", vec![("name", text("cmd.exe"))], "89cf33b0-d6ed-55ab-ad48-857fa71e17f5"),
        (
            "file",
            vec![
                ("name", text("cmd.exe")),
                ("size", Value::Int(3)),
                ("hashes.'SHA-256'", text("b")),
                ("hashes.MD5", text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")),
            ],
            "3f310377-2149-5e16-be35-e097b111d90e",
        ),
        (
            "user-account",
            vec![("user_id", Value::Int(1001)), ("account_login", text("joe"))],
            "27359fd3-60ff-5363-8ca3-6eba9a6676f2",
        ),
        ("process", vec![("x_unique_id", text("{abc}"))], "6a491946-0f5e-5fbf-aa56-b31e8f921a93"),
        ("x-oca-asset", vec![("hostname", text("h1"))], "5a6989cc-9922-5159-ba57-669ce93a3f40"),
        ("process", vec![("pid", Value::Int(5))], "44c09000-ca4a-53bb-b38e-b4da8528d5bc"),
        (
            "process",
            vec![("x_unique_id", text("")), ("pid", Value::Int(5))],
            "44c09000-ca4a-53bb-b38e-b4da8528d5bc",
        ),
        ("x-new", vec![("value", text("a"))], "44c09000-ca4a-53bb-b38e-b4da8528d5bc"),
    ];
    for (entity_type, attributes, expected) in &cases {
        let record = record(vec![object("0", entity_type, attributes)]);
        assert_eq!(entity(&record, "0").to_string(), *expected, "{entity_type} {attributes:?}");
    }
}

#[test]
fn a_process_on_a_known_host_is_named_by_pid_host_and_time() {
    let pid = [("pid", Value::Int(5))];
    let host = [("hostname", Value::text("h1"))];
    let with_host = record(vec![object("0", "process", &pid), object("1", "x-oca-asset", &host)]);
    assert_eq!(entity(&with_host, "0").to_string(), "f3e0122f-593d-5694-847a-4794f880fb2b");
    let zero = [("pid", Value::Int(0))];
    let without_pid = record(vec![object("0", "process", &zero), object("1", "x-oca-asset", &host)]);
    assert_eq!(entity(&without_pid, "0").to_string(), "44c09000-ca4a-53bb-b38e-b4da8528d5bc");
    let id = [("host_id", Value::text("i1"))];
    let named = record(vec![
        object("0", "process", &pid),
        object("1", "x-oca-asset", &host),
        object("2", "x-oca-asset", &id),
    ]);
    assert_eq!(
        of(&named, &named.objects[0]),
        Identity::Record("{\"x_unique_id\":\"5_i1_2020-01-01T00:00:00Z\"}".into())
    );
}

#[test]
fn given_ids_are_kept() {
    let mut process = object("a", "process", &[]);
    process.id = Some("process--11111111-2222-4333-8444-555555555555".into());
    let mut odd = object("b", "process", &[]);
    odd.id = Some("my-process".into());
    let record = record(vec![process, odd]);
    assert_eq!(entity(&record, "a").to_string(), "11111111-2222-4333-8444-555555555555");
    assert_eq!(entity(&record, "b"), super::named("my-process"));
    assert_eq!(id_text("process", entity(&record, "a")), "process--11111111-2222-4333-8444-555555555555");
    assert_eq!(parse_id("file", "process--11111111-2222-4333-8444-555555555555"), None);
}

#[test]
fn contributions_are_canonical_json() {
    let attributes = [
        ("values", Value::Json("[{\"name\":\"n\",\"data\":\"a/ü\"},{\"data\":1.50}]".into())),
        ("key", Value::text("HKLM\\\"x\"")),
        ("modified", Value::text("2020-01-01T00:00:00Z")),
    ];
    let json = canonical_json(&object("0", "windows-registry-key", &attributes), |_| None);
    insta::assert_snapshot!(json.unwrap_or_default(), @r#"{"key":"HKLM\\\"x\"","values":[{"data":"a/ü","name":"n"},{"data":1.50}]}"#);

    let attributes = [
        ("extensions.'http-request-ext'.request_header.'User-Agent'", Value::text("curl")),
        ("extensions.'http-request-ext'.request_method", Value::text("get")),
        ("dst_port", Value::Int(80)),
        ("protocols", Value::Json("[\"tcp\",\"http\"]".into())),
        ("src_byte_count", Value::Int(5)),
    ];
    let mut traffic = object("0", "network-traffic", &attributes);
    let to = |name: &'static str, list, key: &'static str| ReferenceTo {
        name: name.into(),
        list,
        key: key.into(),
    };
    traffic.references = vec![
        to("src_ref", false, "1"),
        to("dst_ref", false, "nowhere"),
        to("extensions.'x-ext'.via_refs", true, "1"),
        to("extensions.'x-ext'.via_refs", true, "1"),
        to("src_payload_ref", false, "1"),
    ];
    let json = canonical_json(&traffic, |at| (at != 1).then_some(("ipv4-addr", Uuid::nil())));
    insta::assert_snapshot!(json.unwrap_or_default(), @r#"{"dst_port":80,"extensions":{"http-request-ext":{"request_header":{"User-Agent":"curl"},"request_method":"get"},"x-ext":{"via_refs":["ipv4-addr--00000000-0000-0000-0000-000000000000","ipv4-addr--00000000-0000-0000-0000-000000000000"]}},"protocols":["tcp","http"],"src_ref":"ipv4-addr--00000000-0000-0000-0000-000000000000"}"#);
}

#[test]
fn a_reference_that_leads_nowhere_makes_no_identity() {
    let mut file = object("0", "file", &[]);
    file.references = vec![ReferenceTo { name: "parent_directory_ref".into(), list: false, key: "9".into() }];
    let alone = record(vec![file.clone()]);
    assert!(matches!(of(&alone, &file), Identity::Record(_)));
    let path = [("path", Value::text("/a"))];
    let record = record(vec![file.clone(), object("9", "directory", &path)]);
    assert_eq!(of(&record, &file), Identity::Content);
}

#[test]
fn the_table_is_sorted() {
    assert!(CONTRIBUTING.is_sorted_by_key(|(name, _)| *name));
}

#[test]
fn short_texts_are_hashed_like_long_ones() {
    for length in 0..300 {
        let text = "\u{7f}".repeat(length);
        assert_eq!(named(&text), Uuid::new_v5(&NAMESPACE, text.as_bytes()), "{length} bytes");
    }
}
