//! Objects that are read by their layout give what the parser gives.

use std::sync::Arc;

use proptest::{prelude::*, sample::select};

use super::*;
use crate::read::{
    frame::Chunk,
    worker::{StixWorker, Work},
};

/// What the lines give. With `parser`, all of them went through the parser; the number says how
/// many objects did not.
fn batches(lines: &str, parser: bool) -> (Vec<Batch>, u64) {
    let mut worker = StixWorker::new("a".into(), Arc::default());
    worker.only_parser = parser;
    #[expect(clippy::single_range_in_vec_init, reason = "one run of lines")]
    let items = vec![0..lines.len()];
    let mut chunk = Chunk { bytes: lines.into(), items, lines: true, ..Chunk::default() };
    let produced = worker.chunk(&mut chunk);
    (produced.batches, worker.laid_objects)
}

/// Everything in a batch but its hashes.
fn all_of(batches: &[Batch]) -> String {
    let mut out = shown(batches);
    for batch in batches {
        let values: Vec<_> = (0..batch.values.len() as u32).map(|n| batch.values.get(n)).collect();
        let (types, columns, objects) = (&batch.types, &batch.columns, &batch.objects);
        let (cells, links, seen) = (&batch.cells, &batch.links, &batch.seen);
        writeln!(out, "{types:?} {columns:?} {values:?} {objects:?} {cells:?} {links:?} {seen:?}")
            .expect("text");
    }
    out
}

fn line(n: usize, objects: &str) -> String {
    let time = "2021-04-03T09:00:00Z";
    format!(
        r#"{{"type":"observed-data","id":"o--{n}","first_observed":"{time}","last_observed":"{time}","number_observed":1,"objects":{{{objects}}}}}"#
    )
}

#[test]
fn the_second_object_of_its_members_needs_no_parser() {
    let object = |n: usize| {
        format!(
            r#""0":{{"type":"file","name":"n\u00e9\\{n}","size":"{n}","hashes":{{"MD5":"{n}"}},"x":[{n}, "b"],"parent_directory_ref":"1","contains_refs":["1", "2"]}},"1" : {{ "type": "directory", "path": "/{n}" }},"2":{{"type":"x-a","b":{{"c":[true,null]}},"n":{n}}}"#
        )
    };
    let lines: Vec<String> = (0..3).map(|n| line(n, &object(n))).collect();
    let (quick, laid) = batches(&lines.join("\n"), false);
    assert_eq!(laid, 6);
    let (slow, none) = batches(&lines.join("\n"), true);
    assert_eq!((all_of(&quick), none), (all_of(&slow), 0));
    let text = shown(&quick);
    let last = text.lines().skip(8).filter(|line| !line.starts_with('!'));
    insta::assert_snapshot!(last.collect::<Vec<_>>().join("\n"), @r#"
    o--2 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      file name=Text("né\\2") size=Int(2) hashes.MD5=Text("2") x=Json("[2,\"b\"]") parent_directory_ref→directory--e8d93f54 contains_refs[]→directory--e8d93f54 contains_refs[]→x-a--e2b3b7ab
      directory path=Text("/2")
      x-a b=Json("{\"c\":[true,null]}") n=Int(2)
    "#);
}

#[test]
fn members_without_end_are_forgotten() {
    let objects = |n: usize| {
        let object = |m: usize| format!(r#""{m}":{{"type":"x-a","a{n}_{m}":1}}"#);
        (0..100).map(object).collect::<Vec<_>>().join(",")
    };
    let lines: Vec<String> = (0..200).map(|n| line(n, &objects(n))).collect();
    let (quick, laid) = batches(&lines.join("\n"), false);
    assert_eq!((quick.len(), laid), (1, 0));
    assert_eq!(quick[0].columns.len(), 20_000);
}

#[test]
fn what_was_not_remembered_is_united_all_the_same() {
    let objects = |n: usize| format!(r#""0":{{"type":"url","value":"{n}"}},"1":{{"type":"x-a","b":{n}}}"#);
    let lines: Vec<String> = (0..1500).map(|n| line(n, &objects(n % 700))).collect();
    let (quick, laid) = batches(&lines.join("\n"), false);
    // More than once each, since their like did not repeat for so long.
    assert!(laid > 1400, "{laid}");
    assert_eq!((quick[0].objects.len(), quick[0].records.len()), (700 + 1500, 1500));
    let (slow, _) = batches(&lines.join("\n"), true);
    assert_eq!(all_of(&quick), all_of(&slow));
}

/// Members of an object and the blanks between them.
#[derive(Debug, Clone)]
struct Shape {
    entity_type: &'static str,
    keys: Vec<&'static str>,
    colon: &'static str,
    comma: &'static str,
}

fn shape() -> impl Strategy<Value = Shape> {
    let types = select(vec!["file", "process", "x-a", "network-traffic", "e\\u00e9", "url"]);
    let keys = select(vec![
        "name",
        "pid",
        "x_unique_id",
        "hashes",
        "extensions",
        "image_ref",
        "child_refs",
        "parent_directory_ref",
        "protocols",
        "id",
        "type",
        "object_marking_refs",
        "x y",
        "\\u0061",
        "value",
    ]);
    let blanks = (select(vec![":", ": ", "\t:\r"]), select(vec![",", ", ", " ,"]));
    (types, prop::collection::vec(keys, 0..5), blanks).prop_map(|(entity_type, keys, (colon, comma))| Shape {
        entity_type,
        keys,
        colon,
        comma,
    })
}

fn value() -> impl Strategy<Value = &'static str> {
    let usual = select(vec![
        r#""a""#,
        r#""1""#,
        r#""C:\\a \"b\"""#,
        "7",
        r#"["0", "1"]"#,
        r#"["tcp"]"#,
        r#"{"MD5":"a","SHA-1":"b"}"#,
    ]);
    let odd = select(vec![
        r#""""#,
        r#""é\u00e9""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        r#""a\/b\n""#,
        r#""\x""#,
        "\"\u{1}\"",
        r#""0x1f""#,
        "0",
        "-0",
        "-5",
        "007",
        "1.5",
        "1.0",
        "1e2",
        "123456789012345678",
        "12345678901234567890",
        "true",
        "false",
        "null",
        "nullx",
        "[]",
        "{}",
        r#"[1,[2.5],{"b": null,"a":"\\\u00e9"}]"#,
        r#"[ {"a" : "b\"c\\" , "d":[true,1]} ]"#,
        r#"{"a":{"b":{"c_ref":"1","d_refs":["1","2"],"e":1}}}"#,
        r#"{"x-ext":{"process_guid":"g","f":[{}]}}"#,
        r#"["0",1]"#,
        "",
    ]);
    prop_oneof![8 => usual, 1 => odd]
}

/// Records of objects of a few shapes.
fn lines() -> impl Strategy<Value = String> {
    let values = prop::collection::vec(value(), 5);
    let objects = prop::collection::vec((any::<prop::sample::Index>(), values), 1..5);
    let ends = select(vec!["", "", "", "", "", ",\"a\":[1, {}]", ",\"id\":\"x\"", " x", ",\"objects\":{}"]);
    let records = prop::collection::vec((objects, ends), 1..8);
    (prop::collection::vec(shape(), 1..4), records).prop_map(|(shapes, records)| {
        let mut out = String::new();
        for (number, (objects, end)) in records.iter().enumerate() {
            let mut members = String::new();
            for (n, (shape, values)) in objects.iter().enumerate() {
                let Shape { entity_type, keys, colon, comma } = shape.get(&shapes);
                let before = if n == 0 { "" } else { comma };
                write!(members, "{before}\"{n}\"{colon}{{\"type\"{colon}\"{entity_type}\"").expect("text");
                for (key, value) in keys.iter().zip(values) {
                    write!(members, "{comma}\"{key}\"{colon}{value}").expect("text");
                }
                members.push('}');
            }
            let mut line = line(number, &members);
            line.insert_str(line.len() - 1, end);
            out.push_str(&line.replace('\r', " "));
            out.push('\n');
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn layouts_give_what_the_parser_gives(lines in lines()) {
        let (quick, _) = batches(&lines, false);
        let (slow, _) = batches(&lines, true);
        prop_assert_eq!(all_of(&quick), all_of(&slow));
    }
}
