//! Objects beside the records.

use super::*;

const MIXED: &str = r#"{"type":"bundle","id":"bundle--1","objects":[
 {"type":"observed-data","spec_version":"2.1","id":"observed-data--1","first_observed":"2021-04-03T09:00:00Z","last_observed":"2021-04-03T09:00:00Z","number_observed":3,
  "object_refs":["process--00000000-0000-4000-8000-000000000001","domain-name--00000000-0000-4000-8000-000000000005","domain-name--00000000-0000-4000-8000-000000000005","file--missing",7]},
 {"type":"process","spec_version":"2.1","id":"process--00000000-0000-4000-8000-000000000001","pid":7,"image_ref":"file--00000000-0000-4000-8000-000000000002","parent_ref":"process--00000000-0000-4000-8000-000000000003"},
 {"type":"file","spec_version":"2.1","id":"file--00000000-0000-4000-8000-000000000002","name":"C:\\Windows\\cmd.exe","mtime":"2021-04-03T09:00:00Z"},
 {"type":"process","spec_version":"2.1","id":"process--00000000-0000-4000-8000-000000000003","pid":4,"command_line":"\"C:\\a b.exe\" -x","parent_ref":"process--00000000-0000-4000-8000-000000000001"},
 {"type":"ipv4-addr","id":"ipv4-addr--00000000-0000-4000-8000-000000000004","value":"10.0.0.1"},
 {"type":"domain-name","id":"domain-name--00000000-0000-4000-8000-000000000005","value":"a.example"},
 {"type":"relationship","id":"relationship--1","relationship_type":"resolves-to","source_ref":"domain-name--00000000-0000-4000-8000-000000000005","target_ref":"ipv4-addr--00000000-0000-4000-8000-000000000004"},
 {"type":"relationship","id":"relationship--2","relationship_type":"seen-near","source_ref":"domain-name--00000000-0000-4000-8000-000000000005","target_ref":"ipv4-addr--00000000-0000-4000-8000-000000000004"},
 {"type":"relationship","id":"relationship--3","relationship_type":"indicates","source_ref":"indicator--1","target_ref":"malware--1"},
 {"type":"observed-data","id":"observed-data--2","first_observed":"2021-04-03T09:00:00Z","last_observed":"2021-04-03T09:00:00Z","number_observed":1,"objects":{"0":{"type":"url","value":"u"}}},
 {"type":"observed-data","id":"observed-data--3","spec_version":"2.1","first_observed":"2021-04-03T09:00:00Z","number_observed":1,"object_refs":["url--x"],"objects":{"0":{"type":"url","value":"both"}}}
]}"#;

#[test]
fn records_of_both_versions() {
    insta::assert_snapshot!(read(MIXED), @r#"
    observed-data--2 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      url value=Text("u")
    observed-data--3 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      url value=Text("both")
    observed-data--1 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×3
      process pid=Int(7) name=Text("cmd.exe") x_name_derived=Bool(true) binary_ref→file--00000000 parent_ref→process--00000000
      domain-name value=Text("a.example") resolves_to_refs[]→ipv4-addr--00000000 x_related_refs[]→ipv4-addr--00000000
    no record: file name=Text("C:\\Windows\\cmd.exe") modified=Text("2021-04-03T09:00:00Z")
    no record: process pid=Int(4) command_line=Text("\"C:\\a b.exe\" -x") name=Text("C:\\a b.exe") x_name_derived=Bool(true) parent_ref→process--00000000
    no record: ipv4-addr value=Text("10.0.0.1")
    ! 2 × reference to a missing object was dropped (byte 47 of a.json: object_refs holds something else than text)
    ! 1 × STIX object that is no observation was ignored (byte 1597 of a.json: relationship indicates)
    "#);
}

#[test]
fn lines_and_any_cut_give_the_same() {
    let expected = read(MIXED);
    let value: serde_json::Value = serde_json::from_str(MIXED).expect("JSON");
    let objects = value["objects"].as_array().expect("a list");
    let lines: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let without_places = |text: &str| {
        text.lines().map(|line| line.split(" (byte").next().unwrap_or(line).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(without_places(&read(lines.join("\n"))), without_places(&expected));
    let mut case = Case::new(MIXED);
    case.options.threads = 2;
    case.options.tuning = Tuning { block: 50, chunk: 50, sample: 50 };
    assert_eq!(case.text("file://a.json"), expected);
}

#[test]
fn generated_bundles_hold_what_they_say() {
    for stix in [kestrel_fixtures::StixVersion::V20, kestrel_fixtures::StixVersion::V21] {
        let mut bytes = Vec::new();
        let options = kestrel_fixtures::Options { stix, ..kestrel_fixtures::Options::tutorial() };
        let made = kestrel_fixtures::generate(&options, &mut bytes).expect("a bundle");
        let (batches, result) = Case::new(bytes).read("file://a.json");
        assert_eq!(result.expect("read").records, made.observations);
        assert!(batches.iter().all(|batch| batch.defects.is_empty()), "{:?}", batches[0].defects);
    }
}
