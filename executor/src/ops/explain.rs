//! `EXPLAIN`: how a variable is evaluated, as the part of the plan it needs. Language 3.16.

use std::{collections::BTreeMap, fmt::Write};

use kestrel_connectors::{
    address::Address,
    connector::{Query, connector_for},
};
use kestrel_ir::{NodeId, Op, Plan, op::Window, text};
use kestrel_stix::TimeWindow;

/// Returns the nodes that `of` needs, as the plan text shows them, between a line about what
/// they touch and the queries that sources will get. Nothing is evaluated, nobody is asked.
pub fn explain(plan: &Plan, of: NodeId, variable: &str, is_known: impl Fn(NodeId) -> bool) -> String {
    let needed = plan.needed_for([of]);
    let count = |test: &dyn Fn(&Op) -> bool| needed.iter().filter(|id| test(&plan.node(**id).op)).count();
    let known = needed.iter().filter(|id| is_known(**id)).count();
    let remote = count(&Op::is_remote);
    let effects = count(&Op::is_effect);
    let plural = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    format!(
        "{variable}: {}, {} of a data source, {} outside, {known} evaluated already\n{}{}",
        plural(needed.len(), "operation"),
        if remote == 1 { "1 query".to_owned() } else { format!("{remote} queries") },
        plural(effects, "effect"),
        text::write_some(plan, &needed),
        queries(plan, &needed)
    )
}

/// What each query is in the language of its source; those that ask again for entities depend on
/// which are found, and are named only.
fn queries(plan: &Plan, needed: &[NodeId]) -> String {
    let names = text::names(plan);
    let mut out = String::new();
    for id in needed {
        let lines = match &plan.node(*id).op {
            Op::Fetch(_) => native(plan, *id, &names),
            Op::Expand(expand) => {
                let entities = plan.inputs(*id).first().map_or("?", |input| names[input].as_str());
                let by: Vec<String> = expand.id_attributes.iter().map(ToString::to_string).collect();
                vec![format!("asks again for the entities of {entities}, by {}", by.join(" or "))]
            }
            _ => continue,
        };
        for line in lines {
            // Writing to a text cannot fail.
            let _ = writeln!(out, "query of {}: {}", names[id], text::visible(&line).replace(r"\\", r"\"));
        }
    }
    out
}

fn native(plan: &Plan, id: NodeId, names: &BTreeMap<NodeId, String>) -> Vec<String> {
    let Op::Fetch(fetch) = &plan.node(id).op else { return Vec::new() };
    let Ok(address) = Address::parse(&fetch.source) else { return Vec::new() };
    let Ok(connector) = connector_for(&address) else { return Vec::new() };
    let references: Vec<String> = plan.references(id).iter().map(|input| names[input].clone()).collect();
    let query = Query {
        address: &address,
        entity_type: &fetch.entity_type,
        pattern: &fetch.pattern,
        references: &references,
        // Ranges that are known only when the hunt runs stand in the plan above.
        window: match &fetch.window {
            Window::Fixed(window) => *window,
            _ => TimeWindow::default(),
        },
        limit: fetch.limit,
    };
    connector
        .translate(&query)
        .into_iter()
        .map(|native| format!("[{}] {}", native.language, native.text))
        .collect()
}
