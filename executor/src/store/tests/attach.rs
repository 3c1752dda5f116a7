//! Processes without unique id join the one that fits.

use super::*;

fn record(n: u32, second: u32, host: Option<&str>, process: Json) -> Json {
    let mut objects = json!({"0": process});
    if let Some(host) = host {
        objects["1"] = json!({"type": "x-oca-asset", "hostname": host});
    }
    json!({
        "id": format!("observed-data--{n}"),
        "first_observed": format!("2024-01-01T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60),
        "objects": objects,
    })
}

fn process(pid: i64, name: &str, unique: Option<&str>) -> Json {
    match unique {
        Some(unique) => json!({"type": "process", "pid": pid, "name": name, "x_unique_id": unique}),
        None => json!({"type": "process", "pid": pid, "name": name, "command_line": "security"}),
    }
}

fn attaching() -> Options {
    Options { attach_processes: true, ..Options::default() }
}

fn entities(records: &Json, options: Options) -> String {
    let mut store = Store::new(options);
    let source = load(&mut store, &[batch(records)]);
    let mut hunt = Hunt { store, source, pool: None };
    let set = hunt.get("process", &Pattern::And(Vec::new()), Some("x_unique_id"));
    let counts = hunt.store.counts(&set).expect("counts");
    format!(
        "E {} R {}\n{}",
        counts.entities,
        counts.records,
        hunt.rows(&set, &["pid", "name", "x_unique_id", "command_line"])
    )
}

#[test]
fn exactly_one_fitting_process_takes_them_in() {
    let records = json!([
        record(1, 100, Some("h1"), process(7, "a.exe", Some("U1"))),
        record(2, 120, Some("h1"), process(7, "A.EXE", None)),
        record(3, 120, None, process(7, "a.exe", None)),
        record(4, 120, Some("h2"), process(7, "a.exe", None)),
        record(5, 7000, Some("h1"), process(7, "a.exe", None)),
        record(6, 130, Some("h1"), process(8, "b.exe", Some("U2"))),
        record(7, 140, Some("h1"), process(8, "b.exe", Some("U3"))),
        record(8, 150, Some("h1"), process(8, "b.exe", None)),
    ]);
    insta::assert_snapshot!(entities(&records, attaching()), @r"
        E 6 R 8
        7 | a.exe | U1 | security
        7 | a.exe | - | security
        8 | b.exe | U2 | -
        8 | b.exe | U3 | -
        8 | b.exe | - | security
        7 | a.exe | - | security
        ");
    let off = Options { attach_processes: false, ..Options::default() };
    assert!(entities(&records, off).starts_with("E 8 R 8"));
}

#[test]
fn data_without_any_unique_id_is_unaffected() {
    let records = json!([
        record(1, 100, None, process(7, "a.exe", None)),
        record(2, 120, None, process(7, "a.exe", None)),
    ]);
    assert!(entities(&records, attaching()).starts_with("E 2 R 2"));
}

#[test]
fn a_host_that_any_sighting_shows_is_the_entitys() {
    let records = json!([
        record(1, 100, Some("h1"), process(7, "a.exe", Some("U1"))),
        // This sighting names no host, but the entity has one.
        record(2, 110, None, process(7, "a.exe", Some("U1"))),
        record(3, 120, Some("h2"), process(7, "a.exe", None)),
        record(4, 130, Some("h1"), process(7, "a.exe", None)),
    ]);
    assert!(entities(&records, attaching()).starts_with("E 2 R 4"), "{}", entities(&records, attaching()));
}
