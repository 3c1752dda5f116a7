//! The store on small data whose answers are known.

mod attach;
mod merge;
mod mini;
mod patterns;
mod sources;

use std::borrow::Cow;

use kestrel_ir::op::{Relate, SameProcess};
use kestrel_stix::{
    AttributePath, EntityType, TimeWindow, Timestamp, Value,
    attribute::is_reference_key,
    batch::{Batch, BatchBuilder},
    identity,
    pattern::{Comparison, Operand, Operator, Pattern},
    record::{Moment, Object, Record, ReferenceTo, ValueRef},
};
use serde_json::{Value as Json, json};

use super::*;

/// A store, the source it loaded, and the pool so far: what a hunt has while it runs.
struct Hunt {
    store: Store,
    source: SourceId,
    pool: Option<Pool>,
}

impl Hunt {
    fn new(records: &Json) -> Hunt {
        let mut store = Store::new(Options::default());
        let source = load(&mut store, &[batch(records)]);
        Hunt { store, source, pool: None }
    }

    /// `GET` with everything that follows from it.
    fn get(&mut self, entity_type: &str, pattern: &Pattern, unless: Option<&str>) -> EntitySet {
        let entity_type = EntityType::new(entity_type);
        let query = self
            .store
            .fetch(&FetchRequest {
                sources: &[self.source],
                entity_type: &entity_type,
                pattern: Some(pattern),
                window: TimeWindow::default(),
                limit: None,
            })
            .expect("the query runs");
        let selected = self.store.select(&query).expect("selected");
        let expanded = self.expand(&selected, None, None, unless);
        let mut brought = vec![&query];
        brought.extend(expanded.query.as_ref());
        let pool = self.store.pool(self.pool, &brought).expect("a pool");
        self.pool = Some(pool);
        self.store.assemble(&expanded.entities, pool).expect("assembled")
    }

    fn expand(
        &mut self,
        entities: &EntitySet,
        pattern: Option<&Pattern>,
        window: Option<TimeWindow>,
        unless: Option<&str>,
    ) -> Expanded {
        let window = window.unwrap_or_else(|| self.store.span(entities).expect("a span").widened(-300, 300));
        let ids: Vec<AttributePath> =
            identity::id_attributes(entities.entity_type.as_str()).iter().map(|name| path(name)).collect();
        let unless = unless.map(path);
        let request = ExpandRequest {
            sources: &[self.source],
            entity_type: &entities.entity_type,
            id_attributes: &ids,
            unless: unless.as_ref(),
            pattern,
            window,
            limit: None,
            same_process: Some(SameProcess::default()),
            keep: true,
        };
        self.store.expand(entities, &request).expect("expanded")
    }

    /// `FIND`, with a second query if `asks`.
    fn find(
        &mut self,
        text: &str,
        input: &EntitySet,
        pattern: Option<&Pattern>,
        window: Option<TimeWindow>,
        asks: bool,
    ) -> EntitySet {
        let words: Vec<&str> = text.split(' ').collect();
        let relate = Relate {
            entity_type: EntityType::new(words[0]),
            relation: words[1].to_lowercase(),
            by: words.get(2) == Some(&"BY"),
            input_type: input.entity_type.clone(),
        };
        let mut found = self.store.relate(input, self.pool, &relate).expect("related");
        if pattern.is_some() || window.is_some() {
            let pool = self.pool.expect("a pool");
            found = self.store.matching(&found, pool, pattern, window.unwrap_or_default()).expect("matched");
        }
        let query = if asks {
            let expanded = self.expand(&found, pattern, window, None);
            found = expanded.entities;
            expanded.query
        } else {
            None
        };
        let brought: Vec<&QueryResult> = query.iter().collect();
        let pool = self.store.pool(self.pool, &brought).expect("a pool");
        self.pool = Some(pool);
        self.store.assemble(&found, pool).expect("assembled")
    }

    /// Shows counts, the records of the set and what came along.
    fn show(&mut self, set: &EntitySet) -> String {
        let counts = self.store.counts(set).expect("counts");
        let sightings = self.store.sightings(set).expect("sightings");
        let records = format!("SELECT DISTINCT rec FROM {sightings} ORDER BY rec");
        let records = self.store.read_column(&records).expect("records");
        let records: Vec<String> = records.iter().map(|rec| short(self.store.records().id(*rec))).collect();
        let related: Vec<String> = self
            .store
            .related(set)
            .expect("related")
            .into_iter()
            .map(|(entity_type, count)| format!("{entity_type} {count}"))
            .collect();
        format!(
            "E {} R {}; records {}; {}",
            counts.entities,
            counts.records,
            records.join(" "),
            related.join(", ")
        )
    }

    fn rows(&mut self, set: &EntitySet, columns: &[&str]) -> String {
        let paths: Vec<AttributePath> = columns.iter().map(|name| path(name)).collect();
        rows(&mut self.store, set, &paths)
    }
}

/// Shows the rows of a set, a line each.
fn rows(store: &mut Store, set: &EntitySet, paths: &[AttributePath]) -> String {
    let table = store.codes(set, paths).expect("codes");
    let names: Vec<String> = (0..paths.len()).map(|n| format!("c{n}")).collect();
    let found = store.read(&format!("SELECT {} FROM {table} ORDER BY pos", names.join(", "))).expect("rows");
    store.drop_table(&table).expect("dropped");
    (0..found.len())
        .map(|at| {
            let cells =
                found.row(at).map(|code| store.dictionary().present(code).map(|value| value.to_value()));
            cells
                .map(|cell| cell.map_or("-".to_owned(), |cell| cell.to_string()))
                .collect::<Vec<_>>()
                .join(" | ")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn columns(store: &mut Store, set: &EntitySet) -> String {
    let columns = store.columns_of(set).expect("columns");
    columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn short(id: &str) -> String {
    id.rsplit_once("--")
        .map_or(id, |(_, uuid)| uuid)
        .trim_start_matches(['0', '-'])
        .chars()
        .rev()
        .take(4)
        .collect::<String>()
        .chars()
        .rev()
        .collect()
}

fn load(store: &mut Store, batches: &[Batch]) -> SourceId {
    let source = store.begin_source().expect("a source");
    for batch in batches {
        store.ingest(source, batch).expect("taken in");
    }
    store.finish_source(source).expect("finished");
    source
}

fn path(text: &str) -> AttributePath {
    text.parse().expect("a path")
}

fn test(entity_type: &str, attribute: &str, operator: Operator, values: &[Value]) -> Pattern {
    Pattern::Test(Comparison {
        entity_type: EntityType::new(entity_type),
        path: path(attribute),
        operator,
        negated: false,
        operand: Operand { values: values.to_vec(), references: Vec::new() },
    })
}

fn equal(entity_type: &str, attribute: &str, value: impl Into<Json>) -> Pattern {
    test(entity_type, attribute, Operator::Equal, &[value_of(&value.into())])
}

fn not(pattern: Pattern) -> Pattern {
    match pattern {
        Pattern::Test(test) => Pattern::Test(Comparison { negated: true, ..test }),
        other => other,
    }
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::String(text) => Value::text(text.clone()),
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => {
            n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or_default()), Value::Int)
        }
        other => Value::Json(other.to_string()),
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

/// Reads records in STIX 2.0 spelling, without any of the care that connectors take.
fn batch(records: &Json) -> Batch {
    let mut builder = BatchBuilder::new();
    for record in records.as_array().expect("a list") {
        builder.record(&read(record), || "test".to_owned()).expect("room");
    }
    builder.take()
}

fn read(json: &Json) -> Record<'static> {
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    let moment = |name: &str| text(name).map(|text| Moment { at: time(&text), text: Cow::Owned(text) });
    let first = moment("first_observed");
    let objects = json["objects"].as_object().expect("objects");
    Record {
        id: Cow::Owned(text("id").expect("an id")),
        last_observed: moment("last_observed").or_else(|| first.clone()),
        first_observed: first,
        number_observed: json["number_observed"].as_i64().unwrap_or(1),
        objects: objects.iter().map(|(key, object)| read_object(key, object)).collect(),
    }
}

fn read_object(key: &str, json: &Json) -> Object<'static> {
    let mut object = Object { key: Cow::Owned(key.to_owned()), seen: true, ..Object::default() };
    for (name, value) in json.as_object().expect("an object") {
        let owned = |key: &Json, list| ReferenceTo {
            name: Cow::Owned(name.clone()),
            list,
            key: Cow::Owned(key.as_str().expect("a key").to_owned()),
        };
        match value {
            _ if name == "type" => object.entity_type = Cow::Owned(value.as_str().expect("text").to_owned()),
            Json::Array(keys) if is_reference_key(name) => {
                object.references.extend(keys.iter().map(|key| owned(key, true)));
            }
            _ if is_reference_key(name) => object.references.push(owned(value, false)),
            Json::Null => {}
            Json::Object(members) => {
                for (member, value) in members {
                    let value = ValueRef::from(&value_of(value)).to_value();
                    object.attributes.push((Cow::Owned(format!("{name}.{member}")), owned_ref(value)));
                }
            }
            value => object.attributes.push((Cow::Owned(name.clone()), owned_ref(value_of(value)))),
        }
    }
    object
}

fn owned_ref(value: Value) -> ValueRef<'static> {
    match value {
        Value::Int(n) => ValueRef::Int(n),
        Value::Float(n) => ValueRef::Float(n),
        Value::Bool(b) => ValueRef::Bool(b),
        Value::Text(text) => ValueRef::Text(text.into()),
        Value::Json(text) => ValueRef::Json(text.into()),
    }
}
