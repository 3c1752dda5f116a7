//! A plan as a list of statements again: the nodes that came from each, described without labels,
//! so that equal descriptions mean equal work and lines that differ are the change.
//!
//! Everything is read off the nodes; the text that a plan file carries is not trusted.

use std::collections::{BTreeMap, HashSet};

use kestrel_ir::{
    Node, NodeId, Op, Plan,
    diagnostic::Span,
    text::{details, shown, summary},
};

use kestrel_stix::pattern::{Pattern, kestrel_text};

use crate::review::effects::never_asks;

/// One statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// The statements whose results it reads, by index.
    pub(super) needs: Vec<usize>,
    /// The variables it makes, under the names they have in the plan.
    pub(super) variables: Vec<String>,
    /// What it is called: `p = get process`, `display`.
    pub(super) title: String,
    /// What it does, one fact a line, each once: a label and a text.
    pub(super) facts: Vec<(String, String)>,
    /// Where it stands in the text.
    pub(super) first: Span,
}

/// Returns the statements of a plan, in its order, with some variables under other names.
pub(super) fn of(plan: &Plan, renamed: &BTreeMap<String, String>) -> Vec<Statement> {
    let nodes = plan.nodes();
    let names = names(plan, &nodes, renamed);
    let mut at: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let mut statements: Vec<Vec<&Node>> = Vec::new();
    for node in &nodes {
        let key = (node.origin.span.source.0, node.origin.step);
        let n = *at.entry(key).or_insert(statements.len());
        match statements.get_mut(n) {
            Some(statement) => statement.push(node),
            None => statements.push(vec![node]),
        }
    }
    // Which statement made what, for who depends on whom.
    let mut makers: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (n, nodes) in statements.iter().enumerate() {
        makers.extend(nodes.iter().map(|node| (node.id, n)));
    }
    let of = |(n, nodes): (usize, &Vec<&Node>)| {
        let mut statement = Statement::of(plan, &names, nodes);
        let inputs = nodes.iter().flat_map(|node| plan.inputs(node.id));
        statement.needs = inputs.filter_map(|id| makers.get(&id).copied()).filter(|m| *m != n).collect();
        statement.needs.sort_unstable();
        statement.needs.dedup();
        statement
    };
    statements.iter().enumerate().map(of).collect()
}

/// What inputs are called: a variable by its name, records at hand as such, the rest `it`, which is
/// nearly always the node before in the same statement.
fn names(plan: &Plan, nodes: &[&Node], renamed: &BTreeMap<String, String>) -> BTreeMap<NodeId, String> {
    let mut names: BTreeMap<NodeId, String> = BTreeMap::new();
    for node in nodes {
        let name = match node.op {
            Op::Pool => "the records at hand",
            _ => "it",
        };
        names.insert(node.id, name.to_owned());
    }
    // The first name of a value; later ones are aliases.
    for node in nodes.iter().rev() {
        if let (Op::Bind(bind), [input]) = (&node.op, plan.inputs(node.id).as_slice()) {
            let name = renamed.get(&bind.variable).unwrap_or(&bind.variable);
            names.insert(*input, shown(name).into_owned());
        }
    }
    names
}

impl Statement {
    fn of(plan: &Plan, names: &BTreeMap<NodeId, String>, nodes: &[&Node]) -> Statement {
        // Within the statement its own result is `it`, whatever it is called.
        let mut own = input_names(plan, names, nodes);
        for node in nodes {
            if !matches!(node.op, Op::Pool) {
                own.insert(node.id, "it".to_owned());
            }
        }
        let mut facts: Vec<(String, String)> = Vec::new();
        let mut known = HashSet::new();
        let mut add = |label: &str, text: String| {
            let fact = (label.to_owned(), text);
            if known.insert(fact.clone()) {
                facts.push(fact);
            }
        };
        let mut variables = Vec::new();
        for node in nodes {
            match &node.op {
                Op::Bind(bind) => {
                    variables.push(bind.variable.clone());
                    let input = plan.inputs(node.id).first().and_then(|id| own.get(id)).cloned();
                    // A second name for something that was there.
                    if let Some(input) = input.filter(|input| input != "it") {
                        add("is", input);
                    }
                    continue;
                }
                Op::Fetch(fetch) => {
                    add("type", fetch.entity_type.to_string());
                    add("source", shown(&fetch.source).into_owned());
                }
                Op::Expand(expand) if never_asks(expand) => continue,
                Op::Expand(expand) => {
                    add("asks", format!("{} again about what was found", shown(&expand.source)));
                }
                // Parts of how it is done that say nothing by themselves.
                Op::Select(_) | Op::Pool | Op::Assemble | Op::Updated { .. } => {}
                Op::Display { .. } if nodes.len() > 1 => {}
                Op::Literal(literal) if literal.rows.len() > 20 => {
                    // Its first rows are shown; the others count too.
                    let content = NodeId::of(&node.op, &[], &[], 0).short();
                    add("does", format!("{}, content {content}", summary(plan, &own, node)));
                }
                _ => add("does", shown(&summary(plan, &own, node)).into_owned()),
            }
            pattern_facts(plan, &own, node, &mut add);
            for (label, text) in details(plan, &own, node) {
                // The pattern is above, term by term; order among effects follows the statements.
                if label != "where" && label != "after" {
                    add(label, shown(&text).into_owned());
                }
            }
            if node.op.is_remote() && matches!(node.op.window(), Some(kestrel_ir::op::Window::Always)) {
                add("window", "any time".to_owned());
            }
        }
        let title = title(plan, names, nodes, &variables);
        // Every statement has a node, that is why it is one.
        let first = nodes.first().map(|node| node.origin.span).unwrap_or_default();
        Statement { needs: Vec::new(), variables, title, facts, first }
    }
}

/// Names for the inputs of some nodes only; copying all names for each statement would take time
/// with the square of their number.
fn input_names(plan: &Plan, names: &BTreeMap<NodeId, String>, nodes: &[&Node]) -> BTreeMap<NodeId, String> {
    let mut own = BTreeMap::new();
    for node in nodes {
        for id in plan.inputs(node.id).into_iter().chain(plan.after(node.id)) {
            own.insert(id, names.get(&id).cloned().unwrap_or_default());
        }
    }
    own
}

/// One line for each test that must hold, so that a changed one stands alone.
fn pattern_facts(
    plan: &Plan,
    names: &BTreeMap<NodeId, String>,
    node: &Node,
    add: &mut impl FnMut(&str, String),
) {
    let Some(pattern) = node.op.pattern() else { return };
    let references = plan.references(node.id);
    let name = |input: u32| {
        references.get(input as usize).and_then(|id| names.get(id)).map_or("?", String::as_str).to_owned()
    };
    let centre = match &node.op {
        Op::Fetch(fetch) => fetch.entity_type.clone(),
        Op::Select(select) => select.entity_type.clone(),
        Op::Expand(expand) => expand.entity_type.clone(),
        Op::Match(matching) => matching.entity_type.clone(),
        _ => node.shape.as_ref().and_then(|shape| shape.entity_type.clone()).unwrap_or_else(|| "*".into()),
    };
    let mut terms: Vec<&Pattern> = vec![pattern];
    if let Pattern::And(parts) = pattern {
        terms = parts.iter().collect();
    }
    let mut texts: Vec<String> =
        terms.into_iter().map(|term| shown(&kestrel_text(term, &centre, name)).into_owned()).collect();
    // All of them must hold; in which order they are written is layout.
    texts.sort();
    for text in texts {
        add("where", text);
    }
}

fn title(plan: &Plan, names: &BTreeMap<NodeId, String>, nodes: &[&Node], variables: &[String]) -> String {
    let command = nodes.iter().find_map(|node| match &node.op {
        Op::Bind(bind) => Some(bind.command.as_str()),
        _ => None,
    });
    let input = |node: &Node| {
        plan.inputs(node.id).first().and_then(|id| names.get(id)).filter(|name| *name != "it").cloned()
    };
    // What a display shows is several nodes away from the variable.
    let of = nodes.iter().find_map(|node| input(node)).map_or(String::new(), |name| format!(" {name}"));
    let sink = nodes.iter().find_map(|node| match &node.op {
        Op::Display { .. } => Some(format!("display{of}")),
        Op::Info(about) => Some(format!("info {}", about.variable)),
        Op::Describe { attribute } => Some(format!("describe{of}.{attribute}")),
        Op::Explain { variable } => Some(format!("explain {variable}")),
        Op::Save { path } => Some(format!("save{of} to {path}")),
        Op::Apply(apply) => Some(format!("apply {}{}", apply.analytic, of.replacen(' ', " on ", 1))),
        _ => None,
    });
    let what = nodes.iter().find_map(|node| match &node.op {
        Op::Fetch(fetch) => Some(fetch.entity_type.to_string()),
        Op::Relate(relate) => Some(relate.entity_type.to_string()),
        Op::Literal(literal) => Some(literal.entity_type.to_string()),
        Op::Load(load) => Some(load.path.clone()),
        _ => None,
    });
    let title = match (sink, command) {
        (Some(sink), _) => sink,
        (None, Some("assign")) => format!("{} ={of}", variables.join(", ")),
        (None, Some(command)) => {
            let what = what.map_or(String::new(), |what| format!(" {what}"));
            format!("{} = {command}{what}", variables.join(", "))
        }
        (None, None) => nodes.first().map_or("", |node| node.op.name()).to_owned(),
    };
    shown(&title).into_owned()
}
