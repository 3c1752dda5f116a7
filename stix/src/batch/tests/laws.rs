//! Laws over random records: entities are those of the identity rules, and objects that are
//! known by their shape give what they give when they are written out.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::identity::{self, Identity, RecordScope};

fn value() -> impl Strategy<Value = ValueRef<'static>> {
    let text = |text: &'static str| ValueRef::Text(text.into());
    prop_oneof![
        Just(ValueRef::Int(0)),
        Just(ValueRef::Int(7)),
        Just(ValueRef::Float(1.5)),
        Just(ValueRef::Bool(true)),
        Just(text("")),
        Just(text("a")),
        Just(text("b\"\\\n")),
        Just(ValueRef::Json("[\"tcp\",\"ü\"]".into())),
        Just(ValueRef::Json("[{\"b\":1,\"a\":[]}]".into())),
    ]
}

fn attribute() -> impl Strategy<Value = (Cow<'static, str>, ValueRef<'static>)> {
    let names = prop::sample::select(vec![
        "name",
        "hashes",
        "hashes.MD5",
        "hashes.'SHA-1'",
        "hashes.\"it's\"",
        "value",
        "pid",
        "x_unique_id",
        "hostname",
        "host_id",
        "src_port",
        "protocols",
        "extensions.'x-ext'.a",
        "other",
    ]);
    (names, value()).prop_map(|(name, value)| (name.into(), value))
}

fn reference(objects: usize) -> impl Strategy<Value = ReferenceTo<'static>> {
    let names = prop::sample::select(vec![
        "parent_directory_ref",
        "src_ref",
        "binary_ref",
        "child_refs",
        "extensions.'x-ext'.via_refs",
    ]);
    (names, 0..objects + 1).prop_map(|(name, to)| ReferenceTo {
        name: name.into(),
        list: name.ends_with('s'),
        key: key(to).into(),
    })
}

/// Keys of every kind: small numbers, and others.
fn key(n: usize) -> String {
    if n % 3 == 2 { format!("key{n}") } else { n.to_string() }
}

fn objects() -> impl Strategy<Value = Vec<Object<'static>>> {
    const MOST: usize = 7;
    let types = prop::sample::select(vec![
        "file",
        "process",
        "network-traffic",
        "x-oca-asset",
        "ipv4-addr",
        "x-oca-event",
    ]);
    let id = prop::option::weighted(
        0.1,
        prop::sample::select(vec!["odd", "file--11111111-2222-4333-8444-555555555555"]),
    );
    let object = (
        types,
        id,
        any::<bool>(),
        prop::collection::vec(attribute(), 0..5),
        prop::collection::vec(reference(MOST), 0..3),
    );
    prop::collection::vec(object, 1..MOST).prop_map(|objects| {
        let object = |(n, (entity_type, id, seen, attributes, references))| {
            let id: Option<&str> = id;
            Object {
                key: key(n).into(),
                entity_type: Cow::Borrowed(entity_type),
                id: id.map(Into::into),
                seen,
                attributes,
                references,
            }
        };
        objects.into_iter().enumerate().map(object).collect()
    })
}

/// Leaves only references to later objects, so that there are no cycles.
fn acyclic(objects: &mut [Object<'_>]) {
    let keys: Vec<String> = objects.iter().map(|object| object.key.to_string()).collect();
    for (n, object) in objects.iter_mut().enumerate() {
        object.references.retain(|reference| !keys[..=n].iter().any(|key| *key == reference.key));
    }
}

/// The entity by the general rules.
fn entity(record: &Record<'_>, scope: &RecordScope<'_>, n: usize) -> Uuid {
    let object = &record.objects[n];
    let target = |at: usize| {
        let key = &object.references[at].key;
        let target = record.objects.iter().position(|object| object.key == *key)?;
        Some((&*record.objects[target].entity_type, entity(record, scope, target)))
    };
    match scope.identity(object) {
        Identity::Content => {
            identity::content(object, target).unwrap_or_else(|| identity::named(&scope.appearance(object)))
        }
        given => identity::uuid(object, &given, target),
    }
}

/// What makes two members the same shape.
fn written(object: &Object<'_>) -> String {
    format!("{:?}", Object { key: "".into(), seen: true, ..object.clone() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn entities_are_those_of_the_rules(records in prop::collection::vec(objects(), 1..4)) {
        let mut builder = BatchBuilder::new();
        for (n, mut objects) in records.into_iter().enumerate() {
            acyclic(&mut objects);
            let id = format!("r{}", n / 2);
            let record = record(&id, objects.clone());
            builder.record(&record, String::new).expect("room");
            let scope = RecordScope::new(&record);
            for (n, object) in objects.iter().enumerate() {
                let number = builder.members.list[n].number;
                let row = builder.batch.objects[number as usize];
                prop_assert_eq!(row.entity, entity(&record, &scope, n), "object {} of {:?}", n, record);
                for (name, _) in &object.attributes {
                    let given = object.attribute(name).map(ValueRef::to_value);
                    prop_assert_eq!(builder.batch.attribute(number, name), given);
                }
            }
        }
    }

    #[test]
    fn shapes_give_what_objects_give(
        records in prop::collection::vec(objects(), 1..6),
        picks in prop::collection::vec(any::<bool>(), 64),
    ) {
        let (mut plain, mut short) = (BatchBuilder::new(), BatchBuilder::new());
        let mut known: HashMap<String, Shape> = HashMap::new();
        let mut picks = picks.into_iter().cycle();
        for (n, objects) in records.into_iter().enumerate() {
            let id = format!("r{n}");
            let objects: Vec<_> = objects.into_iter().map(|object| Object { seen: true, ..object }).collect();
            let whole = record(&id, objects.clone());
            plain.record(&whole, || id.clone()).expect("room");
            let mut again = Vec::new();
            let mut left = Vec::new();
            for (at, object) in objects.iter().enumerate() {
                match known.get(&written(object)).filter(|_| picks.next() == Some(true)) {
                    Some(shape) => again.push(Again { at, key: &object.key, shape: *shape }),
                    None => left.push(object.clone()),
                }
            }
            short.record_with(&record(&id, left), &again, || id.clone()).expect("room");
            for (object, shape) in objects.iter().zip(short.shapes()) {
                known.insert(written(object), *shape);
            }
        }
        let (plain, short) = (plain.take(), short.take());
        prop_assert_eq!(show(&plain), show(&short));
        prop_assert_eq!(plain.objects, short.objects);
        prop_assert_eq!(plain.columns, short.columns);
    }
}
