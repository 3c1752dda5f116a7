//! Random small worlds: one or two data sources with a handful of records each, over so few
//! different values that things match. As records for the twin and as STIX bundles for readers.

use std::collections::BTreeMap;

use kestrel_stix::{
    AttributePath, Timestamp, Value,
    record::{Moment, Object, Record, ReferenceTo},
    schema,
};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Map, Value as Json, json};

use crate::naive::{Sources, value_ref};

/// 2024-01-01T00:00:00Z.
const START: i64 = 1_704_067_200_000_000;

/// Seconds after the start at which things happen: on and beside the edges of the windows that
/// tell processes apart and widen time ranges.
pub const TIMES: &[i64] =
    &[0, 1, 4, 5, 6, 60, 299, 300, 301, 900, 3599, 3600, 3601, 7200, 43_200, 86_399, 86_400, 90_000, 172_800];

/// Process names: two that differ in case, two that are equal after Unicode normalisation.
pub const NAMES: &[&str] = &["a.exe", "A.EXE", "b.exe", "sh", "cafe\u{301}", "caf\u{e9}", ""];
/// Command lines.
pub const COMMANDS: &[&str] = &["a -1", "a -2", "b\nc", "100%"];
/// Unique ids of processes.
pub const UNIQUE_IDS: &[&str] = &["U1", "U2", "U3", ""];
/// Names of files.
pub const FILES: &[&str] = &["a.exe", "b.dll", "c.txt"];
/// MD5 hashes.
pub const HASHES: &[&str] = &["aaaa", "bbbb"];
/// Paths of directories.
pub const PATHS: &[&str] = &["C:\\x", "C:\\x\\y", "/tmp"];
/// Ids and logins of accounts.
pub const USERS: &[&str] = &["joe", "ann", "1001", "42"];
/// IPv4 addresses and networks.
pub const IPV4: &[&str] = &["10.0.0.1", "10.0.0.2", "10.9.0.0/16", "192.168.1.1", "1.1.1.1"];
/// IPv6 addresses.
pub const IPV6: &[&str] = &["fe80::1", "2001:db8::1"];
/// Host names.
pub const HOSTS: &[&str] = &["h1", "h2"];
/// Ports.
pub const PORTS: &[i64] = &[22, 53, 80, 443, 1000];
/// Process ids.
pub const PIDS: &[i64] = &[0, 1, 9, 10, 11];

/// An object before its references are connected.
#[derive(Debug, Clone)]
pub struct Draft {
    entity_type: &'static str,
    attributes: Vec<Option<(&'static str, Value)>>,
    references: Vec<Option<(&'static str, Vec<u8>)>>,
    /// Connects references to any object or none, instead of one of a fitting type.
    wild: bool,
}

/// A record before its references are connected.
#[derive(Debug, Clone)]
pub struct RecordDraft {
    number: u8,
    start: Option<(usize, usize)>,
    spelled_short: bool,
    observed: i64,
    objects: Vec<Draft>,
    /// The record is a copy of an earlier one of its source.
    copy_of: Option<u8>,
}

type Attribute = BoxedStrategy<Option<(&'static str, Value)>>;
type References = BoxedStrategy<Option<(&'static str, Vec<u8>)>>;

fn text(name: &'static str, probability: f64, pool: &'static [&'static str]) -> Attribute {
    let values = prop::sample::select(pool).prop_map(move |value| (name, Value::text(value)));
    option::weighted(probability, values).boxed()
}

fn number(name: &'static str, probability: f64, pool: &'static [i64]) -> Attribute {
    let values = prop::sample::select(pool).prop_map(move |value| (name, Value::Int(value)));
    option::weighted(probability, values).boxed()
}

/// A value of any kind, some of them equal in some sense.
fn mixed(name: &'static str, probability: f64) -> Attribute {
    let pool = vec![
        Value::Int(1),
        Value::Int(2),
        Value::Float(2.5),
        Value::Bool(true),
        Value::Bool(false),
        Value::text("1"),
        Value::text("true"),
        Value::text("zz"),
        Value::Json("[1,\"zz\"]".to_owned()),
    ];
    option::weighted(probability, prop::sample::select(pool).prop_map(move |value| (name, value))).boxed()
}

fn protocols() -> Attribute {
    let pool = vec!["[\"ipv4\",\"tcp\"]", "[\"ipv6\",\"udp\"]", "[\"tcp\",\"ipv4\"]"];
    let values =
        prop::sample::select(pool).prop_map(|text: &str| ("protocols", Value::Json(text.to_owned())));
    option::weighted(0.5, values).boxed()
}

fn reference(name: &'static str, probability: f64) -> References {
    option::weighted(probability, any::<u8>().prop_map(move |target| (name, vec![target]))).boxed()
}

fn references(name: &'static str, probability: f64) -> References {
    option::weighted(probability, vec(any::<u8>(), 1..3).prop_map(move |targets| (name, targets))).boxed()
}

fn draft(
    entity_type: &'static str,
    attributes: Vec<Attribute>,
    references: Vec<References>,
) -> BoxedStrategy<Draft> {
    (attributes, references, prop::bool::weighted(0.04))
        .prop_map(move |(attributes, references, wild)| Draft { entity_type, attributes, references, wild })
        .boxed()
}

fn object() -> BoxedStrategy<Draft> {
    let process = draft(
        "process",
        vec![
            number("pid", 0.9, PIDS),
            text("name", 0.8, NAMES),
            text("command_line", 0.4, COMMANDS),
            text("x_unique_id", 0.3, UNIQUE_IDS),
            mixed("x_tag", 0.3),
            text("environment_variables.A", 0.1, USERS),
            number("extensions.'windows-process-ext'.priority", 0.1, PORTS),
        ],
        vec![
            reference("parent_ref", 0.5),
            reference("binary_ref", 0.4),
            reference("creator_user_ref", 0.3),
            references("opened_connection_refs", 0.4),
            references("child_refs", 0.1),
        ],
    );
    let file = draft(
        "file",
        vec![text("name", 0.9, FILES), text("hashes.MD5", 0.3, HASHES), number("size", 0.3, PORTS)],
        vec![reference("parent_directory_ref", 0.5), references("contains_refs", 0.1)],
    );
    let directory =
        draft("directory", vec![text("path", 0.95, PATHS)], vec![references("contains_refs", 0.2)]);
    let user = draft(
        "user-account",
        vec![text("user_id", 0.8, USERS), text("account_login", 0.5, USERS), mixed("is_privileged", 0.1)],
        vec![],
    );
    let traffic = draft(
        "network-traffic",
        vec![number("src_port", 0.8, PORTS), number("dst_port", 0.9, PORTS), protocols()],
        vec![
            reference("src_ref", 0.8),
            reference("dst_ref", 0.8),
            references("encapsulates_refs", 0.1),
            reference("encapsulated_by_ref", 0.1),
        ],
    );
    let ipv4 = draft("ipv4-addr", vec![text("value", 0.999, IPV4)], vec![]);
    let ipv6 = draft("ipv6-addr", vec![text("value", 0.999, IPV6)], vec![]);
    let asset = draft("x-oca-asset", vec![text("hostname", 0.8, HOSTS), text("host_id", 0.2, HOSTS)], vec![]);
    let custom = draft(
        "x-thing",
        vec![mixed("value", 0.8), text("name", 0.5, FILES)],
        vec![reference("process_ref", 0.5)],
    );
    prop_oneof![
        8 => process, 2 => file, 2 => directory, 2 => user, 4 => traffic, 4 => ipv4, 2 => ipv6, 1 => asset, 1 => custom
    ]
    .boxed()
}

fn record() -> impl Strategy<Value = RecordDraft> {
    (
        any::<u8>(),
        option::weighted(0.97, (0..TIMES.len(), prop_oneof![4 => Just(0usize), 1 => 0..5usize])),
        any::<bool>(),
        1..4i64,
        prop_oneof![1 => vec(object(), 0..3), 5 => vec(object(), 2..8)],
        option::weighted(0.05, any::<u8>()),
    )
        .prop_map(|(number, start, spelled_short, observed, objects, copy_of)| RecordDraft {
            number,
            start,
            spelled_short,
            observed,
            objects,
            copy_of,
        })
}

/// Random records of one source.
pub fn drafts(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<RecordDraft>> {
    vec(record(), size)
}

/// A world of sources `a.json` and, sometimes, `b.json`.
pub fn world() -> impl Strategy<Value = Sources> {
    (drafts(1..30), option::weighted(0.3, drafts(0..10))).prop_map(|(a, b)| {
        let mut sources = BTreeMap::new();
        sources.insert("a.json".to_owned(), records(&a, 0));
        if let Some(b) = b {
            sources.insert("b.json".to_owned(), records(&b, 1));
        }
        sources
    })
}

/// Connects the references of drafts. Records of different sources have different ids, except
/// now and then.
pub fn records(drafts: &[RecordDraft], source: usize) -> Vec<Record<'static>> {
    let mut records: Vec<Record<'static>> = Vec::new();
    for (n, draft) in drafts.iter().enumerate() {
        if let Some(of) = draft.copy_of.filter(|_| n > 0) {
            let copy = records[usize::from(of) % n].clone();
            records.push(copy);
            continue;
        }
        let times = draft.start.map(|(start, length)| {
            let first = TIMES[start];
            (first, first + TIMES[length])
        });
        let moment = |seconds: i64| {
            let at = Timestamp::from_micros(START + seconds * 1_000_000);
            let text =
                if draft.spelled_short { at.to_string().replace(".000Z", "Z") } else { at.to_string() };
            Moment { at, text: text.into() }
        };
        // One in 32 takes the id that a record of the other source may have, too.
        let place = if draft.number < 8 { 0 } else { source };
        records.push(Record {
            id: format!("observed-data--00000000-0000-4000-8000-{place:04}{n:08}").into(),
            first_observed: times.map(|(first, _)| moment(first)),
            last_observed: times.map(|(_, last)| moment(last)),
            number_observed: draft.observed,
            objects: connected(&draft.objects),
        });
    }
    records
}

fn connected(drafts: &[Draft]) -> Vec<Object<'static>> {
    let types: Vec<&str> = drafts.iter().map(|draft| draft.entity_type).collect();
    drafts
        .iter()
        .enumerate()
        .map(|(at, draft)| {
            let mut links = Vec::new();
            for (name, targets) in draft.references.iter().flatten() {
                let mut fitting = schema::reference_targets(draft.entity_type, name).to_vec();
                if *name == "process_ref" {
                    fitting.push("process");
                }
                let places: Vec<usize> = (0..types.len())
                    .filter(|place| *place != at && fitting.contains(&types[*place]))
                    .collect();
                let mut keys: Vec<String> = Vec::new();
                for target in targets {
                    let target = usize::from(*target);
                    let key = match places.len() {
                        // Perhaps itself, perhaps nothing.
                        _ if draft.wild => (target % (types.len() + 1)).to_string(),
                        0 => continue,
                        count => places[target % count].to_string(),
                    };
                    if !keys.contains(&key) {
                        keys.push(key);
                    }
                }
                let list = name.ends_with("_refs");
                links.extend(keys.into_iter().map(|key| ReferenceTo {
                    name: (*name).into(),
                    list,
                    key: key.into(),
                }));
            }
            Object {
                key: at.to_string().into(),
                entity_type: draft.entity_type.into(),
                id: None,
                seen: true,
                attributes: draft
                    .attributes
                    .iter()
                    .flatten()
                    .map(|(name, value)| ((*name).into(), value_ref(value)))
                    .collect(),
                references: links,
            }
        })
        .collect()
}

/// Writes records as a STIX 2.0 bundle.
pub fn bundle(records: &[Record<'_>]) -> Json {
    let records: Vec<Json> = records.iter().map(record_json).collect();
    json!({"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": records})
}

fn record_json(record: &Record<'_>) -> Json {
    let mut out = Map::new();
    out.insert("type".to_owned(), json!("observed-data"));
    out.insert("id".to_owned(), json!(record.id));
    for (name, moment) in
        [("first_observed", &record.first_observed), ("last_observed", &record.last_observed)]
    {
        if let Some(moment) = moment {
            out.insert(name.to_owned(), json!(moment.text));
        }
    }
    out.insert("number_observed".to_owned(), json!(record.number_observed));
    let mut objects = Map::new();
    for object in &record.objects {
        objects.insert(object.key.clone().into_owned(), object_json(object));
    }
    out.insert("objects".to_owned(), Json::Object(objects));
    Json::Object(out)
}

fn object_json(object: &Object<'_>) -> Json {
    let mut out = Map::new();
    out.insert("type".to_owned(), json!(object.entity_type));
    for (name, value) in &object.attributes {
        let value = match value.to_value() {
            Value::Json(text) => serde_json::from_str(&text).unwrap_or(Json::Null),
            value => value.to_json(),
        };
        *place(&mut out, name) = value;
    }
    for reference in &object.references {
        let place = place(&mut out, &reference.name);
        match place {
            Json::Array(keys) => keys.push(json!(reference.key)),
            _ if reference.list => *place = json!([reference.key]),
            _ => *place = json!(reference.key),
        }
    }
    Json::Object(out)
}

/// Returns the place that a flattened name has in nested dictionaries.
fn place<'o>(object: &'o mut Map<String, Json>, name: &str) -> &'o mut Json {
    let path: Option<AttributePath> = name.parse().ok();
    let keys: Vec<String> = match &path {
        Some(path) => path.steps().iter().map(|step| step.key.clone()).collect(),
        None => vec![name.to_owned()],
    };
    let mut at = object.entry(keys[0].clone()).or_insert(Json::Null);
    for key in &keys[1..] {
        if !at.is_object() {
            *at = Json::Object(Map::new());
        }
        at = at
            .as_object_mut()
            .map(|inner| inner.entry(key.clone()).or_insert(Json::Null))
            .expect("it was just made a dictionary");
    }
    at
}
