//! The twin against the worked examples of the entities specification: 11.5, 14.1, 14.2.

use std::collections::BTreeMap;

use kestrel_tests::{
    compare::{Rules, naive_answer},
    naive::{Answer, Shown, Sources, read},
};
use serde_json::{Value as Json, json};

fn sources(records: Vec<Json>) -> Sources {
    let bundle = json!({"type": "bundle", "objects": records});
    BTreeMap::from([("a.json".to_owned(), read::records(&bundle))])
}

fn record(n: u32, time: &str, number: i64, objects: Json) -> Json {
    let time = format!("2024-01-01T{time}Z");
    json!({
        "type": "observed-data", "id": format!("observed-data--00000000-0000-4000-8000-{n:012}"),
        "first_observed": time, "last_observed": time, "number_observed": number, "objects": objects,
    })
}

/// Shows variables by name: entities / records, then the rows' values of some columns.
fn show(answer: &Answer, columns: &[&str]) -> String {
    let mut lines: Vec<String> = answer.errors.iter().map(|code| format!("error {code}")).collect();
    for (name, variable) in &answer.variables {
        if name == "_" {
            continue;
        }
        lines.push(format!("{name}: {} / {}", variable.entities, variable.records));
        let mut rows: Vec<String> = Vec::new();
        for row in &variable.rows {
            let cells: Vec<String> =
                columns.iter().filter_map(|column| row.get(*column)).map(ToString::to_string).collect();
            rows.push(cells.join(" "));
        }
        rows.retain(|row| !row.is_empty());
        rows.sort();
        lines.extend(rows.into_iter().map(|row| format!("  {row}")));
    }
    for shown in &answer.displays {
        match shown {
            Shown::Table { columns, rows } => {
                lines.push(columns.join(" | "));
                for row in rows {
                    let cells: Vec<String> = row
                        .iter()
                        .map(|cell| cell.as_ref().map_or(String::new(), ToString::to_string))
                        .collect();
                    lines.push(cells.join(" | "));
                }
            }
            Shown::Dict(items) => lines.extend(items.iter().map(|(name, value)| format!("{name} = {value}"))),
        }
    }
    lines.join("\n")
}

pub(crate) fn mini() -> Sources {
    sources(vec![
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
            "4": {"type": "directory", "path": "C:\\x"}}),
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
            "3": {"type": "ipv4-addr", "value": "2.2.2.2"}}),
        ),
        record(
            3,
            "00:00:00",
            1,
            json!({
            "0": {"type": "process", "pid": 9, "name": "p.exe", "command_line": "p -x", "parent_ref": "1"},
            "1": {"type": "process", "pid": 1, "name": "init"}}),
        ),
        record(4, "00:04:59", 1, json!({"0": {"type": "process", "pid": 10, "name": "other.exe"}})),
        record(5, "00:00:04", 1, json!({"0": {"type": "process", "pid": 10, "name": "other.exe"}})),
        record(6, "00:30:00", 1, json!({"0": {"type": "process", "pid": 10, "name": "a.exe"}})),
    ])
}

#[test]
fn the_mini_bundle_gives_the_documented_answers() {
    let hunt = "
p = GET process FROM stixbundle://a.json WHERE command_line = 'a -1'
q = FIND process CREATED p
n = FIND network-traffic CREATED BY p
d = FIND ipv4-addr ACCEPTED n
f = FIND file LOADED BY p
u = FIND user-account OWNED p
p2 = FIND process CREATED n START 2024-01-01T00:00:00Z STOP 2024-01-02T00:00:00Z
p3 = FIND process CREATED n WHERE name = 'a.exe' AND ipv4-addr:value = '1.1.1.1'
DISP p ATTR pid, name
DISP p ATTR pid, name, command_line, parent_ref.name, binary_ref.parent_directory_ref.path
";
    let answer = naive_answer(hunt, &mini(), Rules::default()).expect("a valid huntflow");
    insta::assert_snapshot!(show(&answer, &["pid", "name", "value", "dst_port", "user_id"]));
}

#[test]
fn appearances_are_merged() {
    let sources = sources(vec![
        record(
            1,
            "00:00:00",
            3,
            json!({"0": {"type": "process", "pid": 10, "name": "a.exe", "x_unique_id": "U1",
            "command_line": "a -1", "x_tag": "old"}}),
        ),
        record(
            2,
            "00:00:01",
            2,
            json!({"0": {"type": "process", "pid": 10, "x_unique_id": "U1",
            "command_line": "a -2", "x_extra": 7}}),
        ),
        record(
            3,
            "00:00:02",
            1,
            json!({"0": {"type": "process", "pid": 10, "name": "a.exe", "x_unique_id": "U1",
            "x_tag": null, "arguments": ["-x", "y"], "environment_variables": {"A": "1"}}}),
        ),
    ]);
    let hunt = "
p = GET process FROM stixbundle://a.json WHERE pid = 10
DISP TIMESTAMPED(p) ATTR command_line
DISP p ATTR pid, name, x_unique_id, command_line, x_tag, x_extra, arguments, environment_variables.A
";
    let answer = naive_answer(hunt, &sources, Rules::default()).expect("a valid huntflow");
    insta::assert_snapshot!(show(
        &answer,
        &["command_line", "x_tag", "x_extra", "arguments", "environment_variables.A"]
    ));
}

#[test]
fn patterns_hold_as_documented() {
    let sources = sources(vec![record(
        1,
        "00:00:00",
        1,
        json!({
        "0": {"type": "process", "pid": 10, "name": "Cmd.EXE", "command_line": "line1\nline2", "parent_ref": "1",
              "opened_connection_refs": ["2", "3"]},
        "1": {"type": "process", "pid": 9, "name": "p.exe"},
        "2": {"type": "network-traffic", "src_ref": "4", "dst_ref": "6", "dst_port": 53},
        "3": {"type": "network-traffic", "src_ref": "4", "dst_ref": "7", "dst_port": 80},
        "4": {"type": "ipv4-addr", "value": "10.1.2.3"},
        "5": {"type": "ipv4-addr", "value": "10.9.0.0/16"},
        "6": {"type": "ipv4-addr", "value": "2.2.2.2"},
        "7": {"type": "ipv6-addr", "value": "fe80::1"}}),
    )]);
    let wheres = [
        ("process", "name = 'cmd.exe'"),
        ("process", "name LIKE 'cmd%'"),
        ("process", "name MATCHES 'cmd'"),
        ("process", "name MATCHES '(?i)cmd'"),
        ("process", "name LIKE 'Cmd.EX_'"),
        ("process", "command_line LIKE 'line1%'"),
        ("process", "command_line MATCHES 'line1.line2'"),
        ("process", "pid = '10'"),
        ("process", "(pid = 9 OR pid = 10) AND name LIKE '%.exe'"),
        ("process", "parent_ref.name = 'p.exe'"),
        ("process", "opened_connection_refs[*].dst_port = 53"),
        ("process", "opened_connection_refs[*].dst_ref.value = '2.2.2.2'"),
        ("process", "name = 'Cmd.EXE' AND pid = 9"),
        ("process", "name = 'Cmd.EXE' AND ipv4-addr:value = '2.2.2.2'"),
        ("process", "name = 'Cmd.EXE' OR ipv4-addr:value = '2.2.2.2'"),
        ("process", "ipv4-addr:value = '2.2.2.2'"),
        ("process", "ipv4-addr:value = '2.2.2.2' AND ipv4-addr:value = '10.1.2.3'"),
        ("network-traffic", "dst_ref.value = 'fe80::1'"),
        ("network-traffic", "dst_ref.value ISSUBSET '10.0.0.0/8'"),
        ("ipv4-addr", "value ISSUBSET '10.0.0.0/8'"),
        ("ipv4-addr", "value ISSUPERSET '10.9.1.0/24'"),
    ];
    let mut lines = Vec::new();
    for (entity_type, pattern) in wheres {
        let hunt = format!("p = GET {entity_type} FROM stixbundle://a.json WHERE {pattern}\n");
        // Without asking again: what the pattern alone finds.
        let answer = naive_answer(&hunt, &sources, Rules::default()).expect("a valid huntflow");
        let rows = &answer.variables["p"].rows;
        let found = rows.iter().map(|row| {
            let names = ["name", "dst_port", "value"];
            names.iter().find_map(|name| row.get(*name)).map_or(String::new(), ToString::to_string)
        });
        lines.push(format!("{entity_type} {pattern}: {}", found.collect::<Vec<_>>().join(", ")));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
