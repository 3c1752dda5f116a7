//! The plan as text: one line a node, in plan order, details indented below.
//!
//! Stable: the same work gives the same text on every machine, and edits of layout, comments
//! or names of variables change only the lines about names. Labels count nodes from `n0`.
//!
//! ```text
//! n0   fetch process <- stixbundle://bundle.json
//!        where   process:name = 'cmd.exe'
//!        window  2021-04-01T00:00:00.000Z .. 2021-04-06T00:00:00.000Z
//! n1   select process <- n0
//! ```

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use kestrel_stix::{EntityType, Value, pattern};

use crate::{
    op::{Apply, Argument, Bin, Function, Group, Limit, Op, TransformKind, Window},
    plan::{Node, NodeId, Plan},
    secrets,
};

/// Returns the label of every node: `n0`, `n1` … in plan order.
pub fn names(plan: &Plan) -> BTreeMap<NodeId, String> {
    plan.ids().into_iter().enumerate().map(|(n, id)| (id, format!("n{n}"))).collect()
}

/// Returns the whole plan as text.
pub fn write(plan: &Plan) -> String {
    write_some(plan, &plan.ids())
}

/// Returns some nodes of a plan as text, under the labels they have in the whole plan.
pub fn write_some(plan: &Plan, ids: &[NodeId]) -> String {
    write_some_with(plan, ids, &names(plan))
}

/// As [`write_some`], under the given labels, which must hold every input.
pub fn write_some_with(plan: &Plan, ids: &[NodeId], names: &BTreeMap<NodeId, String>) -> String {
    let width = names.values().map(String::len).max().unwrap_or(2);
    let mut out = String::new();
    for id in ids {
        let node = plan.node(*id);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:width$}  {}", names[id], shown(&summary(plan, names, node)));
        for (label, detail) in details(plan, names, node) {
            let _ = writeln!(out, "{:width$}    {label:<8}{}", "", shown(&detail));
        }
    }
    out
}

/// Returns the one line that says what a node does, without its label.
pub fn summary(plan: &Plan, names: &BTreeMap<NodeId, String>, node: &Node) -> String {
    let inputs = plan.inputs(node.id);
    let input = |n: usize| inputs.get(n).map_or("?", |id| names[id].as_str());
    let all = || inputs.iter().map(|id| names[id].as_str()).collect::<Vec<_>>().join(", ");
    match &node.op {
        Op::Fetch(fetch) => format!("fetch {} <- {}", fetch.entity_type, fetch.source),
        Op::Pool => format!("pool {}", all()),
        Op::Select(select) => format!("select {} <- {}", select.entity_type, input(0)),
        Op::Expand(expand) => format!("expand {} <- {}", input(0), expand.source),
        Op::Relate(relate) => {
            let by = if relate.by { " by" } else { "" };
            format!("relate {} {}{by} {} in {}", relate.entity_type, relate.relation, input(0), input(1))
        }
        Op::Match(_) => format!("match {} in {}", input(0), input(1)),
        Op::Assemble => format!("assemble {} in {}", input(0), input(1)),
        Op::Literal(literal) => format!("literal {} of {} rows", literal.entity_type, literal.rows.len()),
        Op::Load(load) => {
            let entity_type = load.entity_type.as_ref().map_or(String::new(), |t| format!(" as {t}"));
            format!("load {}{entity_type}", quoted(&load.path))
        }
        Op::Filter(_) => format!("filter {}", input(0)),
        Op::Project { attributes } => format!("project {} to {}", input(0), join(attributes)),
        Op::Sort { attribute, descending } => {
            format!(
                "sort {} by {attribute} {}",
                input(0),
                if *descending { "descending" } else { "ascending" }
            )
        }
        Op::Slice { offset, limit } => match limit {
            Some(limit) => format!("slice {} from {offset}, {limit} rows", input(0)),
            None => format!("slice {} from {offset}", input(0)),
        },
        Op::Group(_) => format!("group {}", input(0)),
        Op::Join { left, right } => format!("join {}.{left} = {}.{right}", input(0), input(1)),
        Op::Union => format!("union {}", all()),
        Op::Transform { kind } => format!("transform {} with {}", input(0), transform_name(*kind)),
        Op::Apply(apply) => {
            let on: Vec<_> = (0..apply.inputs as usize).map(input).collect();
            format!("apply {} on {}", apply.analytic, on.join(", "))
        }
        Op::Updated { index } => format!("updated {} part {index}", input(0)),
        Op::Bind(bind) => format!("bind {}@{} = {}", bind.variable, bind.version, input(0)),
        Op::Display { .. } => format!("display {}", input(0)),
        Op::Info(about) => format!("info {} {}", about.variable, input(0)),
        Op::Describe { attribute } => format!("describe {}.{attribute}", input(0)),
        Op::Explain { variable } => format!("explain {variable} {}", input(0)),
        Op::Save { path } => format!("save {} to {}", input(0), quoted(path)),
    }
}

/// Returns the pattern of a node as a huntflow writes it, if it has one.
pub fn pattern_text(plan: &Plan, names: &BTreeMap<NodeId, String>, node: &Node) -> Option<String> {
    let references = plan.references(node.id);
    let name_of = |input: u32| {
        references.get(input as usize).and_then(|id| names.get(id)).map_or("?", String::as_str).to_owned()
    };
    node.op.pattern().map(|pattern| pattern::kestrel_text(pattern, &centre(node), name_of))
}

/// Returns the lines below a node's summary: a label and what it says.
pub fn details(plan: &Plan, names: &BTreeMap<NodeId, String>, node: &Node) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let references = plan.references(node.id);
    let name_of = |input: u32| references.get(input as usize).map_or("?", |id| names[id].as_str()).to_owned();
    out.extend(pattern_text(plan, names, node).map(|pattern| ("where", pattern)));
    let inputs = plan.inputs(node.id);
    match node.op.window() {
        Some(Window::Fixed(range)) => out.push(("window", range.to_string())),
        Some(Window::Last { seconds }) => {
            out.push(("window", format!("the last {seconds} s before the run")))
        }
        Some(Window::SpanOf { inputs: of, start_offset, stop_offset }) => {
            let of: Vec<_> =
                of.iter().map(|n| inputs.get(*n as usize).map_or("?", |id| names[id].as_str())).collect();
            out.push((
                "window",
                format!("span of {} {start_offset:+} s .. {stop_offset:+} s", of.join(", ")),
            ));
        }
        Some(Window::Always) | None => {}
    }
    match &node.op {
        Op::Fetch(fetch) => out.extend(fetch.limit.map(|limit| ("limit", format!("{limit} records")))),
        Op::Expand(expand) => {
            out.push(("by", join(&expand.id_attributes)));
            if let Some(attribute) = &expand.unless {
                out.push(("unless", format!("by {attribute}, which was asked for already")));
            }
            out.extend(expand.limit.map(|limit| ("limit", format!("{limit} records"))));
            if expand.keep {
                out.push(("keep", "entities that do not come back".to_owned()));
            }
            if let Some(same) = &expand.same_process {
                let windows = [same.name_and_parent, same.name, same.parent, same.number_only];
                let text: Vec<_> =
                    windows.iter().map(|(start, stop)| format!("{start:+}..{stop:+}")).collect();
                let [a, b, c, d] = [&text[0], &text[1], &text[2], &text[3]];
                out.push((
                    "same",
                    format!("pid, name and parent {a} s; name {b} s; parent {c} s; pid alone {d} s"),
                ));
            }
        }
        Op::Literal(literal) => {
            if !literal.columns.is_empty() {
                out.push(("columns", join(&literal.columns)));
            }
            for row in literal.rows.iter().take(20) {
                let cells: Vec<_> =
                    row.iter().map(|cell| cell.as_ref().map_or("null".to_owned(), literal_text)).collect();
                out.push(("row", cells.join(", ")));
            }
            if literal.rows.len() > 20 {
                out.push(("row", format!("… {} more", literal.rows.len() - 20)));
            }
        }
        Op::Group(group) => group_details(group, &mut out),
        Op::Apply(apply) => apply_details(apply, &name_of, &mut out),
        Op::Info(about) => {
            if let Some(source) = &about.data_source {
                out.push(("from", source.clone()));
            }
        }
        _ => {}
    }
    let after = plan.after(node.id);
    if !after.is_empty() {
        out.push(("after", after.iter().map(|id| names[id].as_str()).collect::<Vec<_>>().join(", ")));
    }
    out
}

/// The type that a node's pattern is about: left out where tests name it.
fn centre(node: &Node) -> EntityType {
    match &node.op {
        Op::Fetch(fetch) => fetch.entity_type.clone(),
        Op::Select(select) => select.entity_type.clone(),
        Op::Expand(expand) => expand.entity_type.clone(),
        Op::Match(matching) => matching.entity_type.clone(),
        _ => {
            let shape = node.shape.as_ref().and_then(|shape| shape.entity_type.clone());
            shape.unwrap_or_else(|| EntityType::new("*"))
        }
    }
}

fn group_details(group: &Group, out: &mut Vec<(&'static str, String)>) {
    for key in &group.keys {
        let text = match key.bin {
            None => key.attribute.to_string(),
            Some(Bin::Number { width }) => format!("{} in steps of {width}", key.attribute),
            Some(Bin::Time { seconds }) => format!("{} in steps of {seconds} s", key.attribute),
        };
        out.push(("by", if key.column == text { text } else { format!("{text} as {}", key.column) }));
    }
    match &group.aggregates {
        None => out.push(("with", "the automatic aggregates of every attribute".to_owned())),
        Some(aggregates) => {
            for aggregate in aggregates {
                let function = function_name(aggregate.function);
                out.push(("with", format!("{function}({}) as {}", aggregate.attribute, aggregate.column)));
            }
        }
    }
}

fn apply_details(apply: &Apply, name_of: &dyn Fn(u32) -> String, out: &mut Vec<(&'static str, String)>) {
    out.push(match &apply.identity {
        Some(identity) => ("code", visible(identity)),
        None => ("code", "not fixed: whatever has this name where the plan runs".to_owned()),
    });
    let limit = |limit: &Limit| format!("{} {}", visible(&limit.what), visible(&limit.value));
    let usual: Vec<_> = apply.limits.iter().filter(|limit| !limit.lifted).map(limit).collect();
    if !usual.is_empty() {
        out.push(("limits", usual.join(", ")));
    }
    for lifted in apply.limits.iter().filter(|limit| limit.lifted) {
        out.push(("lifted", limit(lifted)));
    }
    for (key, parts) in &apply.arguments {
        let text: Vec<_> = parts
            .iter()
            .map(|part| match part {
                Argument::Value(value) if secrets::is_secret(key, value) => secrets::REDACTED.to_owned(),
                Argument::Value(value) => literal_text(value),
                Argument::Reference { input, path } => format!("{}.{path}", name_of(*input)),
            })
            .collect();
        out.push(("with", format!("{key} = {}", text.join(", "))));
    }
}

/// Returns the lower-case name of an aggregate function.
pub fn function_name(function: Function) -> &'static str {
    match function {
        Function::Min => "min",
        Function::Max => "max",
        Function::Sum => "sum",
        Function::Avg => "avg",
        Function::Count => "count",
        Function::Nunique => "nunique",
    }
}

fn transform_name(kind: TransformKind) -> &'static str {
    match kind {
        TransformKind::Timestamped => "timestamped",
        TransformKind::Addobsid => "addobsid",
        TransformKind::Records => "records",
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns a value as a huntflow would write it, control characters made visible.
pub fn literal_text(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        other => visible(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", visible(text).replace('\'', "\\'"))
}

/// Returns text with control characters escaped, so that printing it cannot move the cursor
/// or break a line.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Returns a line with control and invisible characters escaped and backslashes as they are: names
/// in a plan that somebody sent can hold anything.
pub fn shown(line: &str) -> Cow<'_, str> {
    if !line.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Cow::Borrowed(line);
    }
    Cow::Owned(line.split('\\').map(visible).collect::<Vec<_>>().join("\\"))
}

/// Returns text of several lines, each as [`visible`] shows it.
pub fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// Characters that change the direction of text or show nothing: a way to hide what a plan does.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
