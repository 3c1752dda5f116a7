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

/// Where some texts of objects stand.
const TEXT: &str = "key2 a 0";

/// The object by a plan, made if need be. None if it has no plan.
fn lay(
    object: &Object<'_>,
    plans: &mut HashMap<String, Option<Plan>>,
    builder: &mut BatchBuilder,
    out: &mut LaidOut,
) -> Option<Form> {
    let attributes: Vec<&str> = object.attributes.iter().map(|(name, _)| &**name).collect();
    let mut references: Vec<(&str, bool)> =
        object.references.iter().map(|reference| (&*reference.name, reference.list)).collect();
    references.dedup_by(|a, b| a == b && a.1);
    if object.id.is_some() {
        return None;
    }
    let names = format!("{} {attributes:?} {references:?}", object.entity_type);
    let mut plan = || builder.plan(&object.entity_type, &attributes, &references);
    let plan = (*plans.entry(names).or_insert_with(&mut plan))?;
    let mark = out.begin();
    let text = |text: &str, out: &mut LaidOut| {
        let at = TEXT.find(text);
        let start = at.unwrap_or(out.unescaped.len());
        if at.is_none() {
            out.unescaped.push_str(text);
        }
        LaidText { start: start as u32, len: text.len() as u32, unescaped: at.is_none() }
    };
    for (_, value) in &object.attributes {
        let value = match value {
            ValueRef::Int(n) => LaidValue::Int(*n),
            ValueRef::Bool(b) => LaidValue::Bool(*b),
            ValueRef::Text(given) => LaidValue::Text(text(given, out)),
            ValueRef::Json(given) => LaidValue::Json(text(given, out)),
            ValueRef::Float(_) => {
                out.give_up(mark);
                return None;
            }
        };
        out.value(value);
    }
    for reference in &object.references {
        let number = references.iter().position(|(name, _)| *name == reference.name)?;
        let key = text(&reference.key, out);
        out.reference(number as u32, key);
    }
    out.finish(mark, plan).map(Form::Laid)
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
        let mut plans = HashMap::new();
        let mut picks = picks.into_iter().cycle();
        for (n, objects) in records.into_iter().enumerate() {
            let id = format!("r{n}");
            let objects: Vec<_> = objects.into_iter().map(|object| Object { seen: true, ..object }).collect();
            let whole = record(&id, objects.clone());
            plain.record(&whole, || id.clone()).expect("room");
            let mut members = Vec::new();
            let mut left = Vec::new();
            let mut laid = LaidOut::default();
            for (at, object) in objects.iter().enumerate() {
                let shape = known.get(&written(object)).copied().map(Form::Again);
                let form = match shape.filter(|_| picks.next() == Some(true)) {
                    None if picks.next() == Some(true) => lay(object, &mut plans, &mut short, &mut laid),
                    form => form,
                };
                match form {
                    Some(form) => members.push(Short { at, key: &object.key, form }),
                    None => left.push(object.clone()),
                }
            }
            let laid = LaidSource { out: &laid, record: TEXT };
            short.record_with(&record(&id, left), &members, laid, || id.clone()).expect("room");
            for (object, shape) in objects.iter().zip(short.shapes()) {
                known.insert(written(object), *shape);
            }
        }
        let (plain, short) = (plain.take(), short.take());
        prop_assert_eq!(show(&plain), show(&short));
        prop_assert_eq!(plain.objects, short.objects);
        prop_assert_eq!(plain.columns, short.columns);
        prop_assert_eq!(plain.types, short.types);
        prop_assert_eq!(plain.values.len(), short.values.len());
        for n in 0..plain.values.len() as u32 {
            prop_assert_eq!(plain.values.get(n), short.values.get(n));
        }
    }
}
