//! Batches of small records: what is united, what is kept apart, what is dropped.

mod laws;

use std::fmt::Write;

use super::*;
use crate::record::{Moment, Record, ReferenceTo, ValueRef};

fn record<'a>(id: &'a str, objects: Vec<Object<'a>>) -> Record<'a> {
    let moment = Moment {
        at: Timestamp::parse("2020-01-01T00:00:00Z").expect("a time"),
        text: "2020-01-01T00:00:00Z".into(),
    };
    let later = Moment { text: "2020-01-01T00:00:00.000Z".into(), ..moment.clone() };
    Record {
        id: id.into(),
        first_observed: Some(moment),
        last_observed: Some(later),
        number_observed: 1,
        objects,
    }
}

fn with<'a>(mut object: Object<'a>, references: &[(&'a str, &'a str)]) -> Object<'a> {
    object.references = references
        .iter()
        .map(|(name, key)| ReferenceTo {
            name: (*name).into(),
            list: name.ends_with('s'),
            key: (*key).into(),
        })
        .collect();
    object
}

fn batch(records: &[Record<'_>]) -> Batch {
    let mut builder = BatchBuilder::new();
    for record in records {
        builder.record(record, || format!("record {}", record.id)).expect("room");
    }
    builder.take()
}

/// One line an object and one a record; entities numbered in order of appearance.
fn show(batch: &Batch) -> String {
    let mut out = String::new();
    let mut entities: Vec<Uuid> = Vec::new();
    for (n, object) in batch.objects.iter().enumerate() {
        let entity = entities.iter().position(|known| *known == object.entity).unwrap_or_else(|| {
            entities.push(object.entity);
            entities.len() - 1
        });
        let _ = write!(out, "{n}: {} e{entity}", batch.types[object.entity_type as usize]);
        for cell in batch.cells_of(object) {
            let value = batch.values.get(cell.value).to_value();
            let _ = write!(out, " {}={value}", batch.columns[cell.column as usize].name);
        }
        for link in batch.links_of(object) {
            let _ =
                write!(out, " {}[{}]→{}", batch.columns[link.column as usize].name, link.ord, link.target);
        }
        out.push('\n');
    }
    for record in &batch.records {
        let _ = writeln!(out, "{}: {:?}", record.id, batch.seen_in(record));
    }
    for (defect, counted) in &batch.defects {
        let _ = writeln!(out, "{defect:?} ×{}: {}, {}", counted.count, counted.first, counted.detail);
    }
    out
}

const fn none() -> &'static [(&'static str, Value)] {
    &[]
}

#[test]
fn equal_objects_are_stored_once_and_targets_first() {
    let address = [("value", Value::text("10.0.0.1"))];
    let other = [("value", Value::text("10.0.0.2"))];
    let port = [("dst_port", Value::Int(53))];
    let pid = [("pid", Value::Int(4))];
    let objects = || {
        vec![
            with(object("0", "network-traffic", &port), &[("src_ref", "1"), ("dst_ref", "2")]),
            object("1", "ipv4-addr", &address),
            object("2", "ipv4-addr", &other),
            with(
                object("3", "process", &pid),
                &[("opened_connection_refs", "0"), ("opened_connection_refs", "0")],
            ),
            object("4", "ipv4-addr", &address),
        ]
    };
    // The process has no identity of its own, so it is another entity in each record.
    insta::assert_snapshot!(show(&batch(&[record("r1", objects()), record("r2", objects()), record("r1", objects())])), @r"
    0: ipv4-addr e0 value=10.0.0.1
    1: ipv4-addr e1 value=10.0.0.2
    2: network-traffic e2 dst_port=53 src_ref[0]→0 dst_ref[0]→1
    3: process e3 pid=4 opened_connection_refs[0]→2 opened_connection_refs[1]→2
    4: process e4 pid=4 opened_connection_refs[0]→2 opened_connection_refs[1]→2
    r1: [2, 0, 1, 3]
    r2: [2, 0, 1, 4]
    r1: [2, 0, 1, 3]
    ");
}

#[test]
fn bad_references_are_dropped_and_counted() {
    let objects = vec![
        with(
            object("0", "process", none()),
            &[("parent_ref", "0"), ("binary_ref", "9"), ("child_refs", "1")],
        ),
        object("1", "process", none()),
    ];
    insta::assert_snapshot!(show(&batch(&[record("r1", objects)])), @r"
    0: process e0
    1: process e1 child_refs[0]→0
    r1: [1, 0]
    DanglingReference ×1: record r1, binary_ref of process
    SelfReference ×1: record r1, parent_ref of process
    ");
}

#[test]
fn cycles_keep_identity_and_are_united_as_a_whole() {
    let address = [("value", Value::text("10.0.0.1"))];
    let outer = [("dst_port", Value::Int(1))];
    let inner = [("dst_port", Value::Int(2))];
    let objects = |inner| {
        vec![
            with(object("0", "network-traffic", &outer), &[("src_ref", "2"), ("encapsulates_refs", "1")]),
            with(object("1", "network-traffic", inner), &[("src_ref", "2"), ("encapsulated_by_ref", "0")]),
            object("2", "ipv4-addr", &address),
        ]
    };
    let alone = vec![
        with(object("a", "network-traffic", &outer), &[("src_ref", "b")]),
        object("b", "ipv4-addr", &address),
    ];
    let batch = batch(&[
        record("r1", objects(&inner)),
        record("r2", objects(&inner)),
        record("r3", objects(&address)),
        record("r4", alone),
    ]);
    // The outer connection of all records is one entity: its identity is in its address.
    insta::assert_snapshot!(show(&batch), @r"
    0: ipv4-addr e0 value=10.0.0.1
    1: network-traffic e1 dst_port=1 src_ref[0]→0 encapsulates_refs[0]→2
    2: network-traffic e2 dst_port=2 src_ref[0]→0 encapsulated_by_ref[0]→1
    3: network-traffic e1 dst_port=1 src_ref[0]→0 encapsulates_refs[0]→4
    4: network-traffic e3 value=10.0.0.1 src_ref[0]→0 encapsulated_by_ref[0]→3
    5: network-traffic e1 dst_port=1 src_ref[0]→0
    r1: [1, 2, 0]
    r2: [1, 2, 0]
    r3: [3, 4, 0]
    r4: [5, 0]
    ");
}

#[test]
fn a_circle_of_identities_still_ends() {
    let name = [("name", Value::text("a.zip"))];
    let contains = "extensions.'archive-ext'.contains_refs";
    let objects = vec![
        with(object("0", "file", &name), &[(contains, "1")]),
        with(object("1", "file", none()), &[(contains, "0")]),
        with(object("2", "file", none()), &[(contains, "3")]),
        with(object("3", "file", none()), &[(contains, "2")]),
    ];
    let batch = batch(&[record("r1", objects)]);
    assert_eq!(batch.objects.len(), 4);
    let distinct: std::collections::HashSet<Uuid> =
        batch.objects.iter().map(|object| object.entity).collect();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn repeated_properties_keep_the_last_value_and_order_of_lists() {
    let twice = [("name", Value::text("a")), ("pid", Value::Int(1)), ("name", Value::text("b"))];
    let mut process = with(
        object("0", "process", &twice),
        &[
            ("child_refs", "2"),
            ("x_refs", "1"),
            ("child_refs", "1"),
            ("binary_ref", "1"),
            ("binary_ref", "2"),
        ],
    );
    process.seen = false;
    let objects = vec![process, object("1", "a", none()), object("2", "b", none())];
    insta::assert_snapshot!(show(&batch(&[record("r1", objects)])), @r"
    0: a e0
    1: b e1
    2: process e2 name=b pid=1 child_refs[0]→1 x_refs[0]→0 child_refs[1]→0 binary_ref[0]→1
    r1: [0, 1]
    ");
}

#[test]
fn only_times_in_other_spelling_keep_their_text() {
    let batch = batch(&[record("r1", vec![object("0", "a", none())])]);
    assert_eq!(batch.records[0].first_text.as_deref(), Some("2020-01-01T00:00:00Z"));
    assert_eq!(batch.records[0].last_text, None);
}

#[test]
fn keys_agree_across_batches() {
    let address = [("value", Value::text("10.0.0.1"))];
    let one = batch(&[record("r1", vec![object("0", "ipv4-addr", &address)])]);
    let two = batch(&[record("r2", vec![object("9", "ipv4-addr", &address)])]);
    assert_eq!(one.objects[0].content, two.objects[0].content);
    assert_eq!(one.values.hash(0), two.values.hash(0));
    assert_eq!(one.attribute(0, "value"), Some(Value::text("10.0.0.1")));
}

#[test]
fn large_records_and_long_chains_take_linear_time() {
    let keys: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    let mut objects = Vec::new();
    for n in 0..keys.len() {
        let mut process = object(&keys[n], "process", none());
        if n + 1 < keys.len() {
            process.references = vec![ReferenceTo {
                name: "parent_ref".into(),
                list: false,
                key: keys[n + 1].as_str().into(),
            }];
        }
        objects.push(process);
    }
    let start = std::time::Instant::now();
    let chain = batch(&[record("r1", objects.clone())]);
    assert_eq!(chain.objects.len(), keys.len());
    // The same as one big circle.
    if let Some(last) = objects.last_mut() {
        last.references = vec![ReferenceTo { name: "parent_ref".into(), list: false, key: "0".into() }];
    }
    let circle = batch(&[record("r1", objects)]);
    assert_eq!(circle.objects.len(), keys.len());
    let mut hub = object("hub", "process", none());
    hub.references = keys
        .iter()
        .map(|key| ReferenceTo { name: "child_refs".into(), list: true, key: key.as_str().into() })
        .collect();
    hub.attributes = keys.iter().map(|key| (Cow::Borrowed(key.as_str()), ValueRef::Bool(true))).collect();
    let mut objects: Vec<_> = keys.iter().map(|key| object(key, "process", none())).collect();
    objects.push(hub);
    let wide = batch(&[record("r1", objects)]);
    assert_eq!(wide.links.len(), keys.len());
    assert!(start.elapsed().as_secs() < 60, "took {:?}", start.elapsed());
}

#[test]
fn loose_objects_are_in_no_record() {
    let mut builder = BatchBuilder::new();
    let mut address = object("ipv4-addr--x", "ipv4-addr", none());
    address.id = Some("ipv4-addr--x".into());
    builder.loose(&record("", vec![address]), String::new).expect("room");
    let batch = builder.take();
    assert_eq!((batch.loose.as_slice(), batch.records.len()), (&[0u32][..], 0));
}
