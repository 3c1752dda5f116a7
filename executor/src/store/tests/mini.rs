//! The mini bundle of entities specification 14.1, step by step.

use super::*;

pub(super) fn bundle() -> Json {
    let record = |n: u32, at: &str, number: i64, objects: Json| {
        json!({
            "id": format!("observed-data--00000000-0000-4000-8000-00000000000{n}"),
            "first_observed": format!("2024-01-01T{at}Z"), "number_observed": number, "objects": objects,
        })
    };
    json!([
        record(
            1,
            "00:00:00",
            1,
            json!({
                "0": {"type": "process", "pid": 10, "name": "a.exe", "command_line": "a -1", "parent_ref": "1",
                      "binary_ref": "2", "creator_user_ref": "3"},
                "1": {"type": "process", "pid": 9, "name": "p.exe"},
                "2": {"type": "file", "name": "a.exe", "parent_directory_ref": "4"},
                "3": {"type": "user-account", "user_id": "joe"},
                "4": {"type": "directory", "path": "C:\\x"},
            })
        ),
        record(
            2,
            "00:01:00",
            5,
            json!({
                "0": {"type": "process", "pid": 10, "name": "a.exe", "opened_connection_refs": ["1"]},
                "1": {"type": "network-traffic", "src_ref": "2", "dst_ref": "3", "src_port": 1000, "dst_port": 443,
                      "protocols": ["ipv4", "tcp"]},
                "2": {"type": "ipv4-addr", "value": "1.1.1.1"},
                "3": {"type": "ipv4-addr", "value": "2.2.2.2"},
            })
        ),
        record(
            3,
            "00:00:00",
            1,
            json!({
                "0": {"type": "process", "pid": 9, "name": "p.exe", "command_line": "p -x", "parent_ref": "1"},
                "1": {"type": "process", "pid": 1, "name": "init"},
            })
        ),
        record(4, "00:04:59", 1, json!({"0": {"type": "process", "pid": 10, "name": "other.exe"}})),
        record(5, "00:00:04", 1, json!({"0": {"type": "process", "pid": 10, "name": "other.exe"}})),
        record(6, "00:30:00", 1, json!({"0": {"type": "process", "pid": 10, "name": "a.exe"}})),
    ])
}

#[test]
fn every_step_gives_the_documented_counts() {
    let mut hunt = Hunt::new(&bundle());
    let p = hunt.get("process", &equal("process", "command_line", "a -1"), None);
    insta::assert_snapshot!(hunt.show(&p), @"E 4 R 8; records 0001 0002 0004 0005; directory 1, file 1, ipv4-addr 2, network-traffic 1, process 1, user-account 1");
    let q = hunt.find("process CREATED", &p, None, None, true);
    insta::assert_snapshot!(hunt.show(&q), @"E 2 R 2; records 0001 0003; directory 1, file 1, ipv4-addr 2, network-traffic 1, process 5, user-account 1");
    insta::assert_snapshot!(hunt.rows(&q, &["pid", "name", "command_line", "parent_ref.name"]), @r"
        9 | p.exe | - | -
        9 | p.exe | p -x | init
        ");
    let n = hunt.find("network-traffic CREATED BY", &p, None, None, false);
    insta::assert_snapshot!(hunt.show(&n), @"E 1 R 5; records 0002; directory 1, file 1, ipv4-addr 2, process 5, user-account 1");
    let d = hunt.find("ipv4-addr ACCEPTED", &n, None, None, true);
    insta::assert_snapshot!(hunt.show(&d), @"E 1 R 5; records 0002; directory 1, file 1, ipv4-addr 1, network-traffic 1, process 5, user-account 1");
    insta::assert_snapshot!(hunt.rows(&d, &["value", "id"]), @"2.2.2.2 | ipv4-addr--a4c470a9-5498-5e8e-9fa2-66b1ceadcc12");
    let f = hunt.find("file LOADED BY", &p, None, None, false);
    insta::assert_snapshot!(hunt.show(&f), @"E 1 R 1; records 0001; directory 1, ipv4-addr 2, network-traffic 1, process 7, user-account 1");
    let u = hunt.find("user-account OWNED", &p, None, None, false);
    insta::assert_snapshot!(hunt.show(&u), @"E 1 R 1; records 0001; directory 1, file 1, ipv4-addr 2, network-traffic 1, process 7");
    insta::assert_snapshot!(hunt.rows(&u, &["user_id"]), @"joe");
    let day = TimeWindow::new(time("2024-01-01T00:00:00Z"), time("2024-01-02T00:00:00Z"));
    let p2 = hunt.find("process CREATED", &n, None, Some(day), true);
    insta::assert_snapshot!(hunt.show(&p2), @"E 4 R 8; records 0001 0002 0005 0006; directory 1, file 1, ipv4-addr 2, network-traffic 1, process 4, user-account 1");
    let both = Pattern::And(vec![equal("process", "name", "a.exe"), equal("ipv4-addr", "value", "1.1.1.1")]);
    let p3 = hunt.find("process CREATED", &n, Some(&both), None, true);
    insta::assert_snapshot!(hunt.show(&p3), @"E 1 R 5; records 0002; directory 1, file 1, ipv4-addr 2, network-traffic 1, process 5, user-account 1");
    insta::assert_snapshot!(hunt.rows(&p, &["pid", "name"]), @r"
        10 | a.exe
        10 | other.exe
        10 | a.exe
        10 | other.exe
        ");
    insta::assert_snapshot!(columns(&mut hunt.store, &p), @"pid, name, id, command_line, parent_ref.pid, parent_ref.name, parent_ref.id, binary_ref.name, binary_ref.id, binary_ref.parent_directory_ref.path, binary_ref.parent_directory_ref.id, creator_user_ref.user_id, creator_user_ref.id");
    insta::assert_snapshot!(columns(&mut hunt.store, &n), @"src_port, dst_port, protocols, id, src_ref.value, src_ref.id, dst_ref.value, dst_ref.id");
    let linked = hunt.find("ipv4-addr LINKED", &p, None, None, false);
    insta::assert_snapshot!(hunt.rows(&linked, &["value"]), @r"
        1.1.1.1
        2.2.2.2
        ");
}

#[test]
fn a_variable_shows_what_its_own_pool_shows() {
    let mut hunt = Hunt::new(&bundle());
    let first = hunt.get("process", &equal("process", "name", "p.exe"), Some("pid"));
    let before = hunt.rows(&first, &["pid", "parent_ref.name", "command_line"]);
    let again = hunt.get("process", &equal("process", "pid", 10), Some("pid"));
    assert_eq!(hunt.rows(&first, &["pid", "parent_ref.name", "command_line"]), before);
    insta::assert_snapshot!(before, @r"
        9 | - | -
        9 | init | p -x
        ");
    insta::assert_snapshot!(hunt.show(&again), @"E 5 R 9; records 0001 0002 0004 0005 0006; directory 1, file 1, ipv4-addr 2, network-traffic 1, process 3, user-account 1");
    insta::assert_snapshot!(hunt.rows(&again, &["opened_connection_refs[*].dst_ref.value", "binary_ref.parent_directory_ref.path"]), @r"
        - | C:\x
        - | -
        2.2.2.2 | -
        - | -
        - | -
        ");
}
