//! Several sources, limits, windows, repeated records.

use super::*;

fn record(id: &str, minute: u32, pid: i64) -> Json {
    json!({
        "id": id, "first_observed": format!("2024-01-01T00:{minute:02}:00Z"), "last_observed": format!("2024-01-01T00:{minute:02}:30Z"),
        "objects": {"0": {"type": "process", "pid": pid, "name": format!("p{pid}")}},
    })
}

fn fetched(store: &mut Store, sources: &[SourceId], window: TimeWindow, limit: Option<u64>) -> String {
    let process = EntityType::new("process");
    let request = FetchRequest { sources, entity_type: &process, pattern: None, window, limit };
    let query = store.fetch(&request).expect("runs");
    let set = store.select(&query).expect("selected");
    format!("{} records: {}", query.records, rows(store, &set, &[path("name")]).replace('\n', " "))
}

#[test]
fn sources_are_kept_apart_and_in_order() {
    let mut store = Store::new(Options::default());
    let a = load(&mut store, &[batch(&json!([record("r1", 1, 1), record("r2", 2, 2)]))]);
    let b = load(&mut store, &[batch(&json!([record("r3", 3, 3), record("r2", 2, 2), record("r1", 4, 4)]))]);
    let open = TimeWindow::default();
    insta::assert_snapshot!(fetched(&mut store, &[a], open, None), @"2 records: p1 p2");
    insta::assert_snapshot!(fetched(&mut store, &[b], open, None), @"3 records: p2 p3 p4");
    insta::assert_snapshot!(fetched(&mut store, &[a, b], open, None), @"4 records: p4 p2 p3");
    insta::assert_snapshot!(fetched(&mut store, &[a, b], open, Some(2)), @"2 records: p1 p2");
    insta::assert_snapshot!(fetched(&mut store, &[b, a], open, Some(2)), @"2 records: p2 p3");
    insta::assert_snapshot!(fetched(&mut store, &[a], open, Some(0)), @"0 records:");
    let window = TimeWindow::new(time("2024-01-01T00:01:30Z"), time("2024-01-01T00:02:00Z"));
    insta::assert_snapshot!(fetched(&mut store, &[a], window, None), @"1 records: p1");
}

#[test]
fn repeated_records_are_one_and_records_with_one_id_are_put_together() {
    let mut store = Store::new(Options::default());
    let source = store.begin_source().expect("a source");
    let records = json!([record("r1", 1, 1), record("r1", 1, 1), record("r1", 2, 2), record("r1", 2, 2)]);
    store.ingest(source, &batch(&records)).expect("taken in");
    let loaded = store.finish_source(source).expect("finished");
    assert_eq!(loaded.records, 1);
    let defects: Vec<String> =
        loaded.defects.iter().map(|(defect, count)| format!("{defect:?} {}", count.count)).collect();
    insta::assert_snapshot!(defects.join("; "), @"DuplicateRecordId 2");
    insta::assert_snapshot!(fetched(&mut store, &[source], TimeWindow::default(), None), @"1 records: p2");
}

#[test]
fn a_source_that_failed_leaves_nothing() {
    let mut store = Store::new(Options::default());
    let failed = store.begin_source().expect("a source");
    store.ingest(failed, &batch(&json!([record("r1", 1, 1)]))).expect("taken in");
    store.abandon_source(failed);
    let again = load(&mut store, &[batch(&json!([record("r1", 1, 1), record("r2", 2, 2)]))]);
    insta::assert_snapshot!(fetched(&mut store, &[again], TimeWindow::default(), None), @"2 records: p1 p2");
}

#[test]
fn many_attributes_of_a_type_are_fine() {
    let mut objects = serde_json::Map::new();
    objects.insert("type".to_owned(), json!("process"));
    for n in 0..1500 {
        objects.insert(format!("x_{n}"), json!(n));
    }
    let records = json!([{"id": "r1", "first_observed": "2024-01-01T00:00:00Z", "objects": {"0": objects}}]);
    let mut hunt = Hunt::new(&records);
    let set = hunt.get("process", &equal("process", "x_1499", 1499), None);
    insta::assert_snapshot!(hunt.rows(&set, &["x_0", "x_998", "x_1000", "x_1499"]), @"0 | 998 | 1000 | 1499");
    assert_eq!(hunt.store.columns_of(&set).expect("columns").len(), 1501);
    let set = hunt.get("process", &not(equal("process", "x_1499", 1499)), None);
    assert_eq!(set.count, 0);
}

#[test]
fn objects_that_refer_to_each_other_are_fine() {
    let records = json!([{"id": "r1", "first_observed": "2024-01-01T00:00:00Z", "objects": {
        "0": {"type": "process", "pid": 1, "name": "a", "parent_ref": "1"},
        "1": {"type": "process", "pid": 2, "name": "b", "parent_ref": "0"},
    }}]);
    let mut hunt = Hunt::new(&records);
    let set = hunt.get("process", &equal("process", "parent_ref.parent_ref.name", "a"), None);
    insta::assert_snapshot!(hunt.rows(&set, &["name", "parent_ref.name", "parent_ref.parent_ref.parent_ref.name"]), @"a | b | b");
}

/// Many records, each with a process of its own.
fn many(count: i64) -> Json {
    Json::Array((0..count).map(|n| record(&format!("r{n}"), (n % 60) as u32, n)).collect())
}

#[test]
fn what_does_not_fit_is_told_and_leaves_nothing_half_done() {
    let mut store = Store::new(Options { threads: 1, ..Options::default() });
    let source = load(&mut store, &[batch(&many(60_000))]);
    let process = EntityType::new("process");
    let window = TimeWindow::default();
    let all = FetchRequest { sources: &[source], entity_type: &process, pattern: None, window, limit: None };
    let query = store.fetch(&all).expect("fetched");
    let set = store.select(&query).expect("selected");
    let pid = [AttributePath::key("pid")];
    // The database has less than it needs for all of them.
    store.execute("SET memory_limit = '1MB'").expect("set");
    let error = store.codes(&set, &pid).expect_err("too much");
    assert!(matches!(error, StoreError::Memory(_)), "{error:?}");
    store.execute("SET memory_limit = '1GB'").expect("set");
    let table = store.codes(&set, &pid).expect("room now");
    assert_eq!(store.read_number(&format!("SELECT count(c0) FROM {table}")).expect("a number"), Some(60_000));
}

#[test]
fn sources_larger_than_the_limit_are_refused() {
    let mut store = Store::new(Options { memory: Some(1 << 20), ..Options::default() });
    let source = store.begin_source().expect("a source");
    let error = store.ingest(source, &batch(&many(20_000))).expect_err("too much");
    assert!(matches!(error, StoreError::TooLarge { limit: 0x10_0000, .. }), "{error:?}");
}
