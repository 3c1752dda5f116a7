//! Attributes of entities seen in several records.

use super::*;

fn bundle() -> Json {
    let record = |n: u32, number: i64, process: Json| {
        json!({
            "id": format!("observed-data--00000000-0000-4000-8000-00000000000{n}"),
            "first_observed": format!("2024-01-01T00:0{n}:00Z"), "number_observed": number, "objects": {"0": process},
        })
    };
    json!([
        record(
            1,
            3,
            json!({"type": "process", "pid": 10, "name": "a.exe", "x_unique_id": "U1",
                            "command_line": "a -1", "x_tag": "old"})
        ),
        record(
            2,
            2,
            json!({"type": "process", "pid": 10, "x_unique_id": "U1", "command_line": "a -2", "x_extra": 7})
        ),
        record(
            3,
            1,
            json!({"type": "process", "pid": 10, "name": "a.exe", "x_unique_id": "U1", "x_tag": null,
                            "arguments": ["-x", "y"], "environment_variables": {"A": "1"}})
        ),
    ])
}

#[test]
fn the_last_present_value_counts() {
    let mut hunt = Hunt::new(&bundle());
    let set = hunt.get("process", &equal("process", "pid", 10), None);
    insta::assert_snapshot!(hunt.show(&set), @"E 1 R 6; records 0001 0002 0003; process 2");
    let found = columns(&mut hunt.store, &set);
    insta::assert_snapshot!(found, @"pid, name, x_unique_id, command_line, x_tag, id, x_extra, arguments, environment_variables.A");
    let names: Vec<&str> = found.split(", ").filter(|name| *name != "id").collect();
    insta::assert_snapshot!(hunt.rows(&set, &names), @r#"10 | a.exe | U1 | a -2 | old | 7 | ["-x","y"] | 1"#);
}

#[test]
fn the_order_of_records_does_not_matter() {
    let mut records = bundle();
    records.as_array_mut().expect("a list").reverse();
    let mut hunt = Hunt::new(&records);
    let set = hunt.get("process", &equal("process", "pid", 10), None);
    insta::assert_snapshot!(hunt.rows(&set, &["pid", "name", "command_line", "x_tag", "x_extra"]), @"10 | a.exe | a -2 | old | 7");
}

#[test]
fn rows_of_a_huntflow_are_entities() {
    let mut store = Store::new(Options::default());
    let traffic = EntityType::new("network-traffic");
    let names = ["src_ref.value", "dst_ref.value", "dst_port"].map(path);
    let row = |src: &str, dst: &str, port| {
        vec![Some(Value::text(src)), Some(Value::text(dst)), Some(Value::Int(port))]
    };
    let written =
        [row("192.0.2.4", "::1", 80), row("192.0.2.5", "a.example", 443), row("192.0.2.4", "::1", 80)];
    let set = store.literal(&traffic, &names, &written).expect("rows");
    insta::assert_snapshot!(rows(&mut store, &set, &names), @r"
        192.0.2.4 | ::1 | 80
        192.0.2.5 | a.example | 443
        ");
    insta::assert_snapshot!(format!("{:?}", store.counts(&set).expect("counts")), @"Counts { entities: 2, records: 2 }");
    let relate = |by_type: &str, relation: &str| Relate {
        entity_type: EntityType::new(by_type),
        relation: relation.to_owned(),
        by: false,
        input_type: traffic.clone(),
    };
    let pool = store.pool(None, &[]).expect("a pool");
    for (entity_type, relation) in
        [("ipv4-addr", "created"), ("ipv6-addr", "accepted"), ("domain-name", "accepted")]
    {
        let found = store.relate(&set, None, &relate(entity_type, relation)).expect("related");
        let found = store.assemble(&found, pool).expect("assembled");
        insta::allow_duplicates! {
            assert_eq!(rows(&mut store, &found, &[path("value")]).lines().count(), if relation == "created" { 2 } else { 1 });
        }
    }
    let process = EntityType::new("process");
    let same = vec![Some(Value::text("cmd.exe")), None];
    let unique = vec![Some(Value::text("x.exe")), Some(Value::text("U1"))];
    let later = vec![Some(Value::text("y.exe")), Some(Value::text("U1"))];
    let set = store
        .literal(&process, &["name", "x_unique_id"].map(path), &[same.clone(), same, unique, later])
        .expect("rows");
    insta::assert_snapshot!(rows(&mut store, &set, &["name", "x_unique_id"].map(path)), @r"
        cmd.exe | -
        cmd.exe | -
        y.exe | U1
        ");
    assert_eq!(store.known(&set, &path("name")).expect("known"), Known::Present);
    assert_eq!(
        store.known(&set, &path("nmae")).expect("known"),
        Known::Unknown { nearest: vec!["name".to_owned()] }
    );
}

#[test]
fn rows_about_one_entity_sum_up_when_it_was_seen() {
    let mut store = Store::new(Options::default());
    let names = ["id", "pid", "first_observed", "last_observed", "number_observed"].map(path);
    let id = "process--00000000-0000-4000-8000-000000000001";
    let row = |pid, first: &str, number| {
        let time = || Some(Value::text(first));
        vec![Some(Value::text(id)), Some(Value::Int(pid)), time(), time(), Some(Value::Int(number))]
    };
    let written = [row(1, "2024-01-02T00:00:00Z", 2), row(2, "2024-01-01T00:00:00Z", 3)];
    let set = store.literal(&EntityType::new("process"), &names, &written).expect("rows");
    insta::assert_snapshot!(rows(&mut store, &set, &names[1..]), @"2 | 2024-01-01T00:00:00Z | 2024-01-02T00:00:00Z | 5");
    assert_eq!(store.entity(id).map(|entity| store.entity_id(entity)).as_deref(), Some(id));
}

#[test]
fn dotted_columns_that_lead_nowhere_known_stay_columns() {
    let mut store = Store::new(Options::default());
    let names =
        ["name", "strange_ref.label", "binary_ref.parent_directory_ref.path", "parent_ref.name"].map(path);
    let row = [vec![Some(Value::text("a")), Some(Value::text("l")), Some(Value::text("/x")), None]];
    let set = store.literal(&EntityType::new("process"), &names, &row).expect("rows");
    insta::assert_snapshot!(rows(&mut store, &set, &names), @"a | l | /x | -");
    assert_eq!(store.known(&set, &path("parent_ref.name")).expect("known"), Known::InType);
}
