//! What patterns match: the examples of entities specification 11.5, and the corners.

use super::*;

fn bundle() -> Json {
    json!([{
        "id": "observed-data--1", "first_observed": "2024-01-01T00:00:00Z",
        "objects": {
            "0": {"type": "process", "pid": 10, "name": "Cmd.EXE", "command_line": "line1\nline2", "parent_ref": "1",
                  "opened_connection_refs": ["2", "3"], "x_list": [{"name": "aa"}, {"name": "b"}]},
            "1": {"type": "process", "pid": 9, "name": "p.exe"},
            "2": {"type": "network-traffic", "src_ref": "4", "dst_ref": "6", "dst_port": 53},
            "3": {"type": "network-traffic", "src_ref": "4", "dst_ref": "7", "dst_port": 443},
            "4": {"type": "ipv4-addr", "value": "10.1.2.3"},
            "5": {"type": "ipv4-addr", "value": "10.9.0.0/16"},
            "6": {"type": "ipv4-addr", "value": "2.2.2.2"},
            "7": {"type": "ipv6-addr", "value": "fe80::1"}
        }
    }, {
        "id": "observed-data--2", "first_observed": "2024-01-02T00:00:00Z",
        "objects": {"0": {"type": "process", "pid": 11, "name": "other"}, "1": {"type": "url", "value": "u"}}
    }])
}

struct Bench {
    store: Store,
    source: SourceId,
}

impl Bench {
    fn matches(&mut self, entity_type: &str, pattern: &Pattern) -> String {
        let entity_type = EntityType::new(entity_type);
        let request = FetchRequest {
            sources: &[self.source],
            entity_type: &entity_type,
            pattern: Some(pattern),
            window: TimeWindow::default(),
            limit: None,
        };
        let query = self.store.fetch(&request).expect("runs");
        let set = self.store.select(&query).expect("selected");
        let name = if entity_type.as_str() == "process" { "name" } else { "value" };
        rows(
            &mut self.store,
            &set,
            &[path(if entity_type.as_str() == "network-traffic" { "dst_port" } else { name })],
        )
        .replace('\n', ", ")
    }
}

#[test]
fn documented_examples() {
    let mut store = Store::new(Options::default());
    let source = load(&mut store, &[batch(&bundle())]);
    let mut bench = Bench { store, source };
    let p = |name: &str, operator, value: Json| test("process", name, operator, &[value_of(&value)]);
    let both = |a: Pattern, b: Pattern| Pattern::And(vec![a, b]);
    let either = |a: Pattern, b: Pattern| Pattern::Or(vec![a, b]);
    let address = || equal("ipv4-addr", "value", "2.2.2.2");
    let cases = [
        ("name = 'cmd.exe'", equal("process", "name", "cmd.exe")),
        ("name LIKE 'cmd%'", p("name", Operator::Like, json!("cmd%"))),
        ("name LIKE 'Cmd.EX_'", p("name", Operator::Like, json!("Cmd.EX_"))),
        ("command_line LIKE 'line1%'", p("command_line", Operator::Like, json!("line1%"))),
        ("pid = '10'", equal("process", "pid", "10")),
        (
            "(pid = 9 OR pid = 10) AND name LIKE '%.exe'",
            both(
                either(equal("process", "pid", 9), equal("process", "pid", 10)),
                p("name", Operator::Like, json!("%.exe")),
            ),
        ),
        ("parent_ref.name = 'p.exe'", equal("process", "parent_ref.name", "p.exe")),
        ("parent_ref.name != 'p.exe'", not(equal("process", "parent_ref.name", "p.exe"))),
        ("parent_ref.name IS NULL", p("parent_ref.name", Operator::IsNull, json!(""))),
        ("parent_ref IS NOT NULL", not(p("parent_ref", Operator::IsNull, json!("")))),
        (
            "opened_connection_refs[*].dst_port = 53",
            equal("process", "opened_connection_refs[*].dst_port", 53),
        ),
        (
            "opened_connection_refs[*].dst_ref.value = 'fe80::1'",
            equal("process", "opened_connection_refs[*].dst_ref.value", "fe80::1"),
        ),
        (
            "opened_connection_refs[*].dst_port != 53",
            not(equal("process", "opened_connection_refs[*].dst_port", 53)),
        ),
        ("x_list[*].name = 'aa'", equal("process", "x_list[*].name", "aa")),
        ("x_list[*].name = 'a'", equal("process", "x_list[*].name", "a")),
        ("command_line IS NULL", p("command_line", Operator::IsNull, json!(""))),
        ("unheard IS NULL", p("unheard", Operator::IsNull, json!(""))),
        ("unheard != 'x'", not(equal("process", "unheard", "x"))),
        (
            "name = 'Cmd.EXE' AND pid = 9",
            both(equal("process", "name", "Cmd.EXE"), equal("process", "pid", 9)),
        ),
        (
            "name = 'Cmd.EXE' AND ipv4-addr:value = '2.2.2.2'",
            both(equal("process", "name", "Cmd.EXE"), address()),
        ),
        (
            "name = 'Cmd.EXE' OR ipv4-addr:value = '2.2.2.2'",
            either(equal("process", "name", "Cmd.EXE"), address()),
        ),
        ("ipv4-addr:value = '2.2.2.2'", address()),
        ("url:value != 'v'", not(equal("url", "value", "v"))),
        (
            "unheard-type:value = 'v' OR pid = 9",
            either(equal("unheard-type", "value", "v"), equal("process", "pid", 9)),
        ),
        ("true", Pattern::And(Vec::new())),
        ("false", Pattern::Or(Vec::new())),
    ];
    let shown: Vec<String> = cases
        .iter()
        .map(|(text, pattern)| format!("{text}: {}", bench.matches("process", pattern)))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
        name = 'cmd.exe': 
        name LIKE 'cmd%': 
        name LIKE 'Cmd.EX_': Cmd.EXE
        command_line LIKE 'line1%': Cmd.EXE
        pid = '10': 
        (pid = 9 OR pid = 10) AND name LIKE '%.exe': p.exe
        parent_ref.name = 'p.exe': Cmd.EXE
        parent_ref.name != 'p.exe': 
        parent_ref.name IS NULL: p.exe, other
        parent_ref IS NOT NULL: Cmd.EXE
        opened_connection_refs[*].dst_port = 53: Cmd.EXE
        opened_connection_refs[*].dst_ref.value = 'fe80::1': Cmd.EXE
        opened_connection_refs[*].dst_port != 53: 
        x_list[*].name = 'aa': Cmd.EXE
        x_list[*].name = 'a': 
        command_line IS NULL: p.exe, other
        unheard IS NULL: p.exe, Cmd.EXE, other
        unheard != 'x': 
        name = 'Cmd.EXE' AND pid = 9: 
        name = 'Cmd.EXE' AND ipv4-addr:value = '2.2.2.2': Cmd.EXE
        name = 'Cmd.EXE' OR ipv4-addr:value = '2.2.2.2': p.exe, Cmd.EXE
        ipv4-addr:value = '2.2.2.2': p.exe, Cmd.EXE
        url:value != 'v': other
        unheard-type:value = 'v' OR pid = 9: p.exe
        true: p.exe, Cmd.EXE, other
        false:
        ");
    let subset = |value: &str| test("ipv4-addr", "value", Operator::IsSubset, &[Value::text(value)]);
    insta::assert_snapshot!(bench.matches("ipv4-addr", &subset("10.0.0.0/8")), @"10.1.2.3, 10.9.0.0/16");
    insta::assert_snapshot!(bench.matches("network-traffic", &equal("network-traffic", "dst_ref.value", "fe80::1")), @"443");
}

#[test]
fn large_lists_and_wide_junctions_are_fine() {
    let mut store = Store::new(Options::default());
    let source = load(&mut store, &[batch(&bundle())]);
    let mut bench = Bench { store, source };
    let values: Vec<Value> = (0..50_000).map(Value::Int).collect();
    assert_eq!(
        bench.matches("process", &test("process", "pid", Operator::Equal, &values)),
        "p.exe, Cmd.EXE, other"
    );
    let parts =
        (0..3000).map(|n| equal("process", "name", format!("{n}"))).chain([equal("process", "pid", 9)]);
    assert_eq!(bench.matches("process", &Pattern::Or(parts.collect())), "p.exe");
    let mixed = |n: usize| {
        Pattern::Or(vec![equal("url", "value", format!("{n}")), equal("file", "name", format!("{n}"))])
    };
    let process = EntityType::new("process");
    let pattern = Pattern::And((0..20).map(mixed).collect());
    let request = FetchRequest {
        sources: &[bench.source],
        entity_type: &process,
        pattern: Some(&pattern),
        window: TimeWindow::default(),
        limit: None,
    };
    assert!(matches!(bench.store.fetch(&request), Err(StoreError::TooManyTerms(_))));
}
