//! What is under the cursor: a variable, a step and what it costs, a type, an attribute, a keyword.

use kestrel_ir::{Node, NodeId, Op, Plan, Rows, diagnostic::Span, op::Window};
use kestrel_stix::{TimeWindow, relation, schema};

use super::{Analysis, Place, names};
use crate::{
    ast::{self, Command, Effect, Find, StatementKind},
    hir::{StepKind, VarId, Version},
    lexer,
    lints::follow,
    token::{Kind, Token},
};

/// An explanation, in Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub span: Span,
    /// What is said.
    pub markdown: String,
}

/// Returns what there is to say about a place.
pub fn hover(analysis: &Analysis, place: Place) -> Option<Hover> {
    if let Some(found) = names::at(analysis, place) {
        let markdown = match found.version.and_then(|id| Some((id, analysis.version(id)?))) {
            Some((id, version)) => variable(analysis, id, version),
            None => format!("`{}`: no step above makes this variable", found.name),
        };
        return Some(Hover { span: found.span, markdown });
    }
    let block = analysis.block(place.block)?;
    let start = analysis.statement_start(place);
    // A statement is short; what follows it is not looked at.
    let text = block.text.get(start..next_start(analysis, place).unwrap_or(block.text.len()))?;
    let token = *lexer::lex(text).tokens.iter().rfind(|token| {
        token.start as usize + start <= place.offset && place.offset <= token.end as usize + start
    })?;
    let word = token.text(text);
    let span = Span::new(
        super::analysis::source(place.block),
        start + token.start as usize,
        start + token.end as usize,
    );
    let statement = block.ast.statements.iter().find(|statement| place.touches(statement.span));
    let markdown = in_statement(analysis, place, statement, span, word, token)?;
    Some(Hover { span, markdown })
}

fn next_start(analysis: &Analysis, place: Place) -> Option<usize> {
    let block = analysis.block(place.block)?;
    let right = block.ast.statements.iter().map(|statement| statement.span.start as usize);
    let wrong = block.ast.broken.iter().map(|broken| broken.span.start as usize);
    right.chain(wrong).filter(|start| *start > place.offset).min()
}

fn in_statement(
    analysis: &Analysis,
    place: Place,
    statement: Option<&ast::Statement>,
    span: Span,
    word: &str,
    token: Token,
) -> Option<String> {
    if let Some(statement) = statement {
        if let Some(find) = find_of(statement).filter(|find| place.touches(find.relation.span)) {
            return Some(about_relation(analysis, place, find));
        }
        if let Some(name) = entity_types(statement).into_iter().find(|name| name.span == span) {
            return Some(about_type(&name.text));
        }
        if let Some((path, centre)) =
            attributes(analysis, place, statement).into_iter().find(|(path, _)| path.span == span)
        {
            return Some(about_attribute(path, centre.as_deref()));
        }
    }
    if token.kind.is_command() {
        let (step, _) = analysis.step_at(place)?;
        let cost = cost(analysis, step);
        return Some(format!("{}{cost}", keyword(token.kind, word)?));
    }
    keyword(token.kind, word)
}

fn find_of(statement: &ast::Statement) -> Option<&Find> {
    match &statement.kind {
        StatementKind::Yield { command: Command::Find(find), .. } => Some(find),
        _ => None,
    }
}

/// The names of entity types in a statement.
pub(super) fn entity_types(statement: &ast::Statement) -> Vec<&ast::Name> {
    let StatementKind::Yield { command, .. } = &statement.kind else { return Vec::new() };
    let own = match command {
        Command::Get(get) => Some(&get.entity_type),
        Command::Find(find) => Some(&find.entity_type),
        Command::New(new) => new.entity_type.as_ref(),
        Command::Load(load) => load.entity_type.as_ref(),
        _ => None,
    };
    own.into_iter().collect()
}

/// The attributes in a statement, each with the type it starts from.
fn attributes<'a>(
    analysis: &Analysis,
    place: Place,
    statement: &'a ast::Statement,
) -> Vec<(&'a ast::AttributePath, Option<String>)> {
    let of_variable = |name: &ast::Name| {
        let at = Place { offset: statement.span.start as usize, ..place };
        let known = analysis.versions_before(at).iter().rev().find(|version| version.name == name.text);
        known.and_then(Version::type_name).map(str::to_owned)
    };
    let mut found = Vec::new();
    let tests = |pattern: &'a ast::Pattern, centre: Option<String>| {
        let tests = pattern.expr.tests();
        tests.into_iter().map(move |test| (&test.attribute, centre.clone())).collect::<Vec<_>>()
    };
    let mut of_expression = |expression: &'a ast::Expression| {
        let centre = of_variable(&expression.variable);
        if let Some(pattern) = &expression.pattern {
            found.extend(tests(pattern, centre.clone()));
        }
        let sort = expression.sort.as_ref().map(|sort| &sort.attribute);
        let all = expression.attributes.iter().flatten().chain(sort);
        found.extend(all.map(|attribute| (attribute, centre.clone())));
    };
    match &statement.kind {
        StatementKind::Yield { command: Command::Assign(expression), .. }
        | StatementKind::Effect(Effect::Disp(expression)) => of_expression(expression),
        StatementKind::Yield { command: Command::Get(get), .. } => {
            found.extend(tests(&get.pattern, Some(get.entity_type.text.clone())));
        }
        StatementKind::Yield { command: Command::Find(find), .. } => {
            if let Some(pattern) = &find.pattern {
                found.extend(tests(pattern, Some(find.entity_type.text.clone())));
            }
        }
        StatementKind::Yield { command: Command::Sort(sort), .. } => {
            found.push((&sort.by.attribute, of_variable(&sort.variable)));
        }
        StatementKind::Yield { command: Command::Group(group), .. } => {
            let centre = of_variable(&group.variable);
            let keys = group.keys.iter().map(|key| match key {
                ast::GroupKey::Attribute(attribute) | ast::GroupKey::Bin { attribute, .. } => attribute,
            });
            let aggregated = group.aggregates.iter().map(|aggregate| &aggregate.attribute);
            found.extend(keys.chain(aggregated).map(|attribute| (attribute, centre.clone())));
        }
        StatementKind::Yield { command: Command::Join(join), .. } => {
            if let Some((left, right)) = &join.by {
                found.push((left, of_variable(&join.left)));
                found.push((right, of_variable(&join.right)));
            }
        }
        _ => {}
    }
    found
}

// ------------------------------------------------------------ variables and steps

fn variable(analysis: &Analysis, id: VarId, version: &Version) -> String {
    let what = match (version.type_name(), version.rows) {
        (None, _) => "entities of a type that its file tells".to_owned(),
        (Some(entity_type), Rows::Entities) => format!("{entity_type} entities"),
        (Some(entity_type), Rows::Appearances) => format!("appearances of {entity_type} entities"),
        (Some(entity_type), Rows::Groups) => format!("groups of {entity_type} entities"),
    };
    let mut text = format!("`{}`: {what}\n\nmade by {}", version.name, version.command.to_ascii_uppercase());
    if version.version > 1 {
        text.push_str(&format!(", version {} of this name", version.version));
    }
    if !version.dependencies.is_empty() {
        let names: Vec<String> = version.dependencies.iter().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!(", from {}", names.join(", ")));
    }
    if let Some(columns) = &version.columns {
        let shown: Vec<&str> = columns.iter().take(12).map(String::as_str).collect();
        let more = if columns.len() > shown.len() { ", …" } else { "" };
        text.push_str(&format!("\n\nattributes: {}{more}", shown.join(", ")));
    }
    let plan = analysis.plan();
    if let Some(node) = bound(analysis, id) {
        let needed = plan.needed_for([node]);
        let range = time_range(plan, &needed);
        text.push_str(&format!("\n\ntime range: {range}\n\n{}", total(plan, &needed)));
    }
    text
}

/// The node that holds a version.
fn bound(analysis: &Analysis, id: VarId) -> Option<NodeId> {
    let version = analysis.version(id)?;
    let plan = analysis.plan();
    let bind = plan.variables().into_iter().find(|node| match &node.op {
        Op::Bind(bind) => bind.variable == version.name && bind.version == version.version,
        _ => false,
    })?;
    plan.inputs(bind.id).first().copied()
}

/// What a step adds to the work of the hunt.
fn cost(analysis: &Analysis, step: u32) -> String {
    let plan = analysis.plan();
    let ids = analysis.nodes_of(step);
    if ids.is_empty() {
        return "\n\ncost: nothing new, the same work is done by a step above".to_owned();
    }
    let mut text = String::new();
    let asks = ids.iter().any(|id| matches!(plan.node(*id).op, Op::Fetch(_) | Op::Expand(_)));
    if asks {
        text.push_str(&format!("\n\ntime range: {}", time_range(plan, &ids)));
    }
    text.push_str(&format!("\n\ncost: {}", work(plan, &ids)));
    text
}

fn total(plan: &Plan, ids: &[NodeId]) -> String {
    format!("cost with all that it needs: {}", work(plan, ids))
}

/// "asks `stixbundle://a.json` 2 times; 6 plan nodes".
fn work(plan: &Plan, ids: &[NodeId]) -> String {
    let mut asked: Vec<(&str, usize)> = Vec::new();
    let mut analytics: Vec<&str> = Vec::new();
    for node in ids.iter().filter_map(|id| plan.get(*id)) {
        let source = match &node.op {
            Op::Fetch(fetch) => fetch.source.as_str(),
            Op::Expand(expand) => expand.source.as_str(),
            Op::Apply(apply) => {
                analytics.push(&apply.analytic);
                continue;
            }
            _ => continue,
        };
        match asked.iter_mut().find(|(known, _)| *known == source) {
            Some((_, count)) => *count += 1,
            None => asked.push((source, 1)),
        }
    }
    let mut parts: Vec<String> = asked
        .iter()
        .map(|(source, count)| match count {
            1 => format!("asks `{source}` once"),
            2 => format!("asks `{source}` twice"),
            count => format!("asks `{source}` {count} times"),
        })
        .collect();
    parts.extend(analytics.iter().map(|analytic| format!("runs `{analytic}`")));
    if parts.is_empty() {
        parts.push("asks no source".to_owned());
    }
    let nodes = ids.len();
    parts.push(format!("{nodes} plan node{}", if nodes == 1 { "" } else { "s" }));
    parts.join("; ")
}

/// The time that the queries among some nodes look at.
fn time_range(plan: &Plan, ids: &[NodeId]) -> String {
    let mut ranges: Vec<String> = Vec::new();
    let nodes = ids.iter().filter_map(|id| plan.get(*id));
    for node in nodes {
        let window = match &node.op {
            Op::Fetch(fetch) => &fetch.window,
            Op::Expand(expand) => &expand.window,
            Op::Match(matching) => &matching.window,
            Op::Filter(filter) if filter.window != Window::Always => &filter.window,
            _ => continue,
        };
        let text = window_text(plan, node, window);
        if !ranges.contains(&text) {
            ranges.push(text);
        }
    }
    match &*ranges {
        [] => "none, no source is asked".to_owned(),
        ranges => ranges.join("; "),
    }
}

fn window_text(plan: &Plan, node: &Node, window: &Window) -> String {
    match window {
        Window::Always => "unbounded".to_owned(),
        Window::Fixed(TimeWindow { start, stop }) => {
            let text =
                |at: &Option<kestrel_stix::Timestamp>| at.map_or("…".to_owned(), |at| at.to_string());
            format!("{} to {}", text(start), text(stop))
        }
        Window::Last { seconds } => format!("the last {} before the hunt runs", duration(*seconds)),
        Window::SpanOf { inputs, start_offset, stop_offset } => {
            let ids = plan.inputs(node.id);
            let inputs = inputs.iter().filter_map(|index| ids.get(*index as usize));
            let names: Vec<String> = inputs.filter_map(|id| name_of(plan, *id)).collect();
            let of = if names.is_empty() { "the entities found".to_owned() } else { names.join(", ") };
            format!(
                "inferred: from {} before the first to {} after the last sighting of {of}",
                duration(start_offset.unsigned_abs()),
                duration(stop_offset.unsigned_abs())
            )
        }
    }
}

/// A variable that holds a node.
fn name_of(plan: &Plan, id: NodeId) -> Option<String> {
    plan.consumers(id).into_iter().find_map(|consumer| match &plan.get(consumer)?.op {
        Op::Bind(bind) => Some(format!("`{}`", bind.variable)),
        _ => None,
    })
}

fn duration(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0 => return "0 seconds".to_owned(),
        n if n % 86_400 == 0 => (n / 86_400, "day"),
        n if n % 3_600 == 0 => (n / 3_600, "hour"),
        n if n % 60 == 0 => (n / 60, "minute"),
        n => (n, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

// ------------------------------------------------------------ the language and its data model

fn about_type(entity_type: &str) -> String {
    let attributes = schema::common_attributes(entity_type);
    if attributes.is_empty() {
        return format!("entity type `{entity_type}`: its attributes are those in the data");
    }
    let mut text = format!("entity type `{entity_type}`\n\nusual attributes: {}", attributes.join(", "));
    let relations: Vec<String> = schema::KNOWN_TYPES
        .iter()
        .flat_map(|other| {
            let forward = relation::between(entity_type, other).map(move |verb| format!("{verb} {other}"));
            let back = relation::between(other, entity_type).map(move |verb| format!("{verb} BY {other}"));
            forward.chain(back)
        })
        .collect();
    if !relations.is_empty() {
        text.push_str(&format!("\n\nrelations: {}", relations.join(", ")));
    }
    text
}

fn about_attribute(path: &ast::AttributePath, centre: Option<&str>) -> String {
    let own = path.entity_type.as_ref().map(|name| name.text.as_str()).or(centre);
    let (owners, attribute) = follow(own, &path.steps);
    let owners: Vec<&str> = match &*owners {
        [] => Vec::new(),
        owners => owners.to_vec(),
    };
    let of = if owners.is_empty() { String::new() } else { format!(" of {}", owners.join(", ")) };
    let owner = owners.first().copied().unwrap_or("");
    let kind = if attribute.ends_with("_ref") || attribute.ends_with("_refs") {
        let mut targets: Vec<&str> = Vec::new();
        for target in owners.iter().flat_map(|owner| schema::reference_targets(owner, &attribute)) {
            if !targets.contains(target) {
                targets.push(target);
            }
        }
        match &*targets {
            [] => "a reference".to_owned(),
            targets => format!("a reference to {}", targets.join(", ")),
        }
    } else if schema::is_integer_attribute(owner, &attribute) {
        "a whole number".to_owned()
    } else if schema::is_time_attribute(&attribute) {
        "a point in time".to_owned()
    } else if schema::is_binary_attribute(&attribute) {
        "binary data, as base64 text".to_owned()
    } else if schema::is_hex_attribute(&attribute) {
        "hexadecimal text".to_owned()
    } else {
        "text, as far as is known".to_owned()
    };
    let known = owners.iter().any(|owner| schema::common_attributes(owner).contains(&attribute.as_str()));
    let usual = if known || owners.is_empty() { "" } else { "; not among the usual attributes" };
    format!("attribute `{attribute}`{of}: {kind}{usual}")
}

fn about_relation(analysis: &Analysis, place: Place, find: &Find) -> String {
    let input = analysis
        .step_at(place)
        .and_then(|(_, step)| match &step.kind {
            StepKind::Find { input, .. } => analysis.version(*input).and_then(Version::type_name),
            _ => None,
        })
        .unwrap_or("?");
    let verb = find.relation.text.to_ascii_uppercase();
    let (subject, object) = match find.reversed {
        true => (input, find.entity_type.text.as_str()),
        false => (find.entity_type.text.as_str(), input),
    };
    let how = match relation::find(&find.entity_type.text, &verb, find.reversed, input) {
        Ok(relation::Found::Linked) => "any two entities of one record".to_owned(),
        Ok(relation::Found::References(hops)) => {
            let hops: Vec<String> = hops
                .iter()
                .map(|hop| match hop.holder {
                    relation::Holder::Input => format!("`{}` of {input}", hop.reference),
                    relation::Holder::Returned => format!("`{}` of {}", hop.reference, find.entity_type.text),
                })
                .collect();
            format!("follows {}", hops.join(", "))
        }
        Err(_) => "there is no such relation".to_owned(),
    };
    format!("relation {subject} {verb} {object}: {how}")
}

/// One line about a keyword.
fn keyword(kind: Kind, word: &str) -> Option<String> {
    let text = match kind {
        Kind::Get => "entities of a type that match a pattern, from a data source or a variable",
        Kind::Find => "entities connected to those of a variable by a relation",
        Kind::New => "entities written in the huntflow",
        Kind::Load => "entities from a file",
        Kind::Sort | Kind::SortClause => {
            "the rows in the order of an attribute; descending unless ASC is written"
        }
        Kind::Group => "one row for each combination of values",
        Kind::Join => "rows of two variables side by side where an attribute is equal",
        Kind::Apply => "runs an analytic over variables; they get new attributes",
        Kind::Disp => "shows a table",
        Kind::Info => "shows what is known about a variable",
        Kind::Describe => "shows figures about an attribute",
        Kind::Save => "writes a variable to a file",
        Kind::Explain => "shows how a variable is evaluated, without evaluating it",
        Kind::From => "the data source, or the variable, that is searched",
        Kind::Where => "the pattern that entities must match",
        Kind::Attr => "the attributes to show",
        Kind::Limit => "at most so many records (GET, FIND) or rows",
        Kind::Offset => "leaves out so many rows at the start",
        Kind::Start | Kind::Stop => "the time range: START inclusive, STOP exclusive, in UTC",
        Kind::Last => "the time range: up to the moment the hunt runs",
        Kind::With => "arguments of an analytic, or aggregates of GROUP",
        Kind::Like => "text with `%` for any run and `_` for any one character",
        Kind::Matches => "a regular expression that is found anywhere in the value",
        Kind::IsSubset => "an address inside a network",
        Kind::IsSuperset => "a network that holds an address or network",
        Kind::In => "any of a list, or of the values of a variable's attribute",
        Kind::Transformer => match word.to_ascii_uppercase().as_str() {
            "TIMESTAMPED" => "one row for each sighting, with `first_observed`",
            "ADDOBSID" => "one row for each sighting, with `observation_id`",
            _ => "one row for each record that shows the entities",
        },
        Kind::Bin => "rounds values down, so that near ones fall together",
        Kind::Aggregate => match word.to_ascii_uppercase().as_str() {
            "MIN" => "the smallest value",
            "MAX" => "the largest value",
            "SUM" => "the sum of numbers",
            "AVG" => "the mean of numbers",
            "COUNT" => "how many values are present",
            _ => "how many different values there are",
        },
        _ => return None,
    };
    Some(format!("{}: {text}", word.to_ascii_uppercase()))
}
