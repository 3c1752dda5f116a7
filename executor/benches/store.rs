//! The store by itself: taking in, asking, putting together, following relations, showing.
//!
//! ```sh
//! cargo bench -p kestrel-executor --bench store
//! ```

#![allow(missing_docs, reason = "made by criterion's macros")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kestrel_connectors::{
    address::Address,
    read::{ReadOptions, read_source},
};
use kestrel_executor::{
    ops,
    store::{EntitySet, FetchRequest, Options, Pool, QueryResult, SourceId, Store},
};
use kestrel_fixtures::{Options as Generated, generate};
use kestrel_ir::op::Relate;
use kestrel_stix::{
    EntityType, TimeWindow, Value,
    batch::Batch,
    pattern::{Comparison, Operand, Operator, Pattern},
};

/// Records of the generated bundle: about 18 MB.
const RECORDS: u64 = 10_000;

fn batches() -> Vec<Batch> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bundle.json");
    let mut file = std::fs::File::create(&path).expect("a file");
    generate(&Generated { observations: RECORDS, ..Generated::tutorial() }, &mut file).expect("a bundle");
    let address = Address::parse(&format!("file://{}", path.display())).expect("an address");
    let mut batches = Vec::new();
    let mut take = |batch| {
        batches.push(batch);
        Ok(())
    };
    read_source(&address, &ReadOptions::default(), &mut take).expect("read");
    batches
}

fn load(batches: &[Batch]) -> (Store, SourceId) {
    let mut store = Store::new(Options::default());
    let source = store.begin_source().expect("a source");
    for batch in batches {
        store.ingest(source, batch).expect("taken in");
    }
    store.finish_source(source).expect("finished");
    (store, source)
}

fn test(entity_type: &str, attribute: &str, value: &str) -> Pattern {
    Pattern::Test(Comparison {
        entity_type: EntityType::new(entity_type),
        path: attribute.parse().expect("a path"),
        operator: Operator::Equal,
        negated: false,
        operand: Operand { values: vec![Value::text(value)], references: Vec::new() },
    })
}

fn fetch(store: &mut Store, source: SourceId, entity_type: &str, pattern: Option<&Pattern>) -> QueryResult {
    let entity_type = EntityType::new(entity_type);
    let sources = [source];
    let window = TimeWindow::default();
    let request = FetchRequest { sources: &sources, entity_type: &entity_type, pattern, window, limit: None };
    store.fetch(&request).expect("asked")
}

fn assembled(
    store: &mut Store,
    source: SourceId,
    entity_type: &str,
    pattern: Option<&Pattern>,
) -> (EntitySet, Pool) {
    let query = fetch(store, source, entity_type, pattern);
    let chosen = store.select(&query).expect("selected");
    let pool = store.pool(None, &[&query]).expect("a pool");
    (store.assemble(&chosen, pool).expect("assembled"), pool)
}

fn benches(criterion: &mut Criterion) {
    let batches = batches();
    let mut group = criterion.benchmark_group("store");
    group.sample_size(10).throughput(Throughput::Elements(RECORDS));
    group.bench_function("take-in", |bench| bench.iter_with_large_drop(|| load(&batches)));
    let cmd = test("process", "name", "cmd.exe");
    for (name, pattern) in [("few", Some(&cmd)), ("all", None)] {
        group.bench_function(format!("fetch/{name}"), |bench| {
            bench.iter_batched(
                || load(&batches),
                |(mut store, source)| {
                    fetch(&mut store, source, "process", pattern);
                    store
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("assemble/{name}"), |bench| {
            let (mut store, source) = load(&batches);
            let query = fetch(&mut store, source, "process", pattern);
            let chosen = store.select(&query).expect("selected");
            let pool = store.pool(None, &[&query]).expect("a pool");
            bench.iter(|| {
                let made = store.assemble(&chosen, pool).expect("assembled");
                store.drop_set(&made).expect("dropped");
            });
        });
        group.bench_function(format!("find/{name}"), |bench| {
            let (mut store, source) = load(&batches);
            let (set, pool) = assembled(&mut store, source, "process", pattern);
            let relate = Relate {
                entity_type: EntityType::new("network-traffic"),
                relation: "created".to_owned(),
                by: true,
                input_type: EntityType::new("process"),
            };
            bench.iter(|| {
                let found = store.relate(&set, Some(pool), &relate).expect("found");
                store.drop_set(&found).expect("dropped");
            });
        });
        group.bench_function(format!("show/{name}"), |bench| {
            let (mut store, source) = load(&batches);
            let (set, _) = assembled(&mut store, source, "process", pattern);
            bench.iter(|| ops::display::display(&mut store, &set, 0).expect("shown"));
        });
    }
    group.finish();
}

criterion_group!(store, benches);
criterion_main!(store);
