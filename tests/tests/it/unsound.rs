//! Optimizations that other engines do and that would change answers here: one world each in
//! which they do. See `docs/optimizer.md`.

use std::collections::BTreeMap;

use kestrel_ir::{Op, Plan, plan::Rewrite};
use kestrel_stix::pattern::Pattern;
use kestrel_tests::{
    compare::{Rules, plan_of},
    naive::{Sources, Variable, evaluate, read},
};
use serde_json::{Value as Json, json};

/// Two sightings of one process: the later one shows no name and another command line.
fn sources() -> Sources {
    let record = |n: u32, process: Json| {
        let time = format!("2024-01-01T00:00:0{n}Z");
        json!({
            "type": "observed-data", "id": format!("observed-data--00000000-0000-4000-8000-{n:012}"),
            "first_observed": time, "last_observed": time, "number_observed": 1,
            "objects": {"0": process},
        })
    };
    let bundle = json!({"type": "bundle", "objects": [
        record(1, json!({"type": "process", "x_unique_id": "U1", "name": "a.exe", "command_line": "first"})),
        record(2, json!({"type": "process", "x_unique_id": "U1", "command_line": "second"})),
        record(3, json!({"type": "process", "x_unique_id": "U2", "name": "b.exe", "command_line": "first"})),
    ]});
    BTreeMap::from([("a.json".to_owned(), read::records(&bundle))])
}

fn variables(plan: &Plan) -> BTreeMap<String, Variable> {
    evaluate(plan, &sources(), false).variables
}

fn command_lines(variable: &Variable) -> Vec<String> {
    variable.rows.iter().filter_map(|row| row.get("command_line")).map(ToString::to_string).collect()
}

#[test]
fn a_filter_is_not_pushed_into_a_fetch() {
    let hunt = "
p = GET process FROM stixbundle://a.json WHERE x_unique_id = 'U1'
q = p WHERE name = 'a.exe'
";
    let lowered = plan_of(hunt, Rules::default()).expect("a valid huntflow");
    let filter = lowered.nodes().into_iter().find_map(|node| match &node.op {
        Op::Filter(filter) => filter.pattern.clone(),
        _ => None,
    });
    let filter = filter.expect("the huntflow filters");
    let pushed = lowered.rewrite(|_, node, wired| {
        let mut op = node.op.clone();
        if let Op::Fetch(fetch) = &mut op {
            fetch.pattern = Pattern::And(vec![fetch.pattern.clone(), filter.clone()]);
        }
        if let Op::Select(select) = &mut op {
            select.pattern = Pattern::And(vec![select.pattern.clone(), filter.clone()]);
        }
        Rewrite::Node { op, inputs: wired.inputs, after: wired.after, shape: node.shape.clone() }
    });
    // The filter looks at the entity, put together from all records at hand; a fetch looks at
    // one record, and the record that does not show the name is at hand no more.
    assert_eq!(command_lines(&variables(&lowered)["q"]), ["second"]);
    assert_eq!(command_lines(&variables(&pushed)["q"]), ["first"]);
}

#[test]
fn a_limit_is_not_pushed_into_a_fetch() {
    let hunt = "
p = GET process FROM stixbundle://a.json WHERE x_unique_id IN ('U1', 'U2')
q = p LIMIT 1
";
    let lowered = plan_of(hunt, Rules::default()).expect("a valid huntflow");
    let pushed = lowered.rewrite(|_, node, wired| {
        let mut op = node.op.clone();
        if let Op::Fetch(fetch) = &mut op {
            fetch.limit = Some(1);
        }
        Rewrite::Node { op, inputs: wired.inputs, after: wired.after, shape: node.shape.clone() }
    });
    // A fetch counts records, `LIMIT` after it entities.
    assert_eq!(command_lines(&variables(&lowered)["q"]), ["second"]);
    assert_eq!(command_lines(&variables(&pushed)["q"]), ["first"]);
}

#[test]
fn a_filter_is_not_pushed_through_a_union() {
    let hunt = "
a = GET process FROM stixbundle://a.json WHERE name = 'a.exe' START 2024-01-01T00:00:00Z STOP 2024-01-01T00:00:02Z
b = GET process FROM stixbundle://a.json WHERE x_unique_id IN ('U1', 'U2')
c = a + b
late = c WHERE command_line = 'first'
x = a WHERE command_line = 'first'
y = b WHERE command_line = 'first'
early = x + y
";
    let found = variables(&plan_of(hunt, Rules::default()).expect("a valid huntflow"));
    // Merged, the entities of `a` show what is known since `b`; alone, what was known before.
    assert_eq!(found["late"].entities, 1);
    assert_eq!(found["early"].entities, 2);
}
