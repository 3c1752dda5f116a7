//! What each retrieval asks its source, in the source's own language, and what is left to do here.
//!
//! Pure: the connectors write their queries without being connected to anything. Values that are
//! known only when the hunt runs stand as references, such as `n7.pid`; a range that is inferred
//! is described beside the query.

use std::fmt::Write;

use kestrel_connectors::{
    address::Address,
    connector::{Acceptance, NativeQuery, Query, connector_for},
};
use kestrel_ir::{
    NodeId, Op, Plan,
    op::{Expand, Window},
    text::shown,
};
use kestrel_stix::{
    AttributePath, EntityType, TimeWindow,
    pattern::{Comparison, Operand, Operator, Pattern, Reference, kestrel_text},
};
use serde::Serialize;

use super::places::Places;

/// The queries of one node.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The node.
    pub node: NodeId,
    /// The address.
    pub source: String,
    /// What is asked; for follow-ups one alternative for each identifying attribute, of which the
    /// first one is used that any entity has.
    pub alternatives: Vec<Alternative>,
    /// The range, where it is known only when the hunt runs.
    pub window: Option<String>,
    /// The case in which nothing is asked.
    pub unless: Option<String>,
    /// That case is always so: there is no other attribute to ask by.
    pub never: bool,
    /// Why there is no query: nothing can answer this address.
    pub problem: Option<Problem>,
}

/// One way in which a node asks.
#[derive(Debug, Clone)]
pub struct Alternative {
    /// The attribute that entities are asked for by.
    pub by: Option<AttributePath>,
    /// One query for each part of the address, or several.
    pub queries: Vec<NativeQuery>,
    /// The tests that all must hold, and how well the source does each.
    pub terms: Vec<Term>,
    /// Whether the source keeps to the range.
    pub filters_window: bool,
    /// Whether the source stops at the limit; none without one.
    pub limits: Option<bool>,
}

/// One of the tests that all must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Term {
    /// As a huntflow writes it.
    pub test: String,
    /// `source` if the source does it exactly, `both` if it lets more through, `here` if not at all.
    pub filtered: Filtered,
}

/// Who tests a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Filtered {
    /// The source, exactly.
    Source,
    /// The source roughly, then this program.
    Both,
    /// This program alone.
    Here,
}

/// Why an address has no query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// Writes the queries of every retrieval, in plan order.
pub fn of(plan: &Plan, places: &Places) -> Vec<Asked> {
    let nodes = plan.nodes().into_iter();
    nodes
        .filter_map(|node| {
            let references: Vec<String> =
                plan.references(node.id).iter().map(|id| places.label(*id).to_owned()).collect();
            match &node.op {
                Op::Fetch(fetch) => {
                    let ask = Ask {
                        source: &fetch.source,
                        entity_type: &fetch.entity_type,
                        references,
                        window: &fetch.window,
                        limit: fetch.limit,
                    };
                    let window = window_text(plan, places, node.id, &fetch.window);
                    Some(ask.asked(node.id, window, vec![(None, fetch.pattern.clone())], None))
                }
                Op::Expand(expand) => {
                    let entities =
                        plan.inputs(node.id).first().map_or("?", |id| places.label(*id)).to_owned();
                    let patterns = follow_ups(expand, references.len());
                    let mut references = references;
                    references.push(entities);
                    let ask = Ask {
                        source: &expand.source,
                        entity_type: &expand.entity_type,
                        references,
                        window: &expand.window,
                        limit: expand.limit,
                    };
                    let window = window_text(plan, places, node.id, &expand.window);
                    Some(ask.asked(node.id, window, patterns, expand.unless.as_ref()))
                }
                _ => None,
            }
        })
        .collect()
}

/// The patterns by which entities may be asked for; `entities` is the reference that stands for them.
fn follow_ups(expand: &Expand, entities: usize) -> Vec<(Option<AttributePath>, Pattern)> {
    let input = u32::try_from(entities).unwrap_or(u32::MAX);
    let by = |path: &AttributePath| {
        let values = Pattern::Test(Comparison {
            entity_type: expand.entity_type.clone(),
            path: path.clone(),
            operator: Operator::Equal,
            negated: false,
            operand: Operand {
                values: Vec::new(),
                references: vec![Reference { input, path: path.clone() }],
            },
        });
        let pattern = match &expand.pattern {
            Some(Pattern::And(parts)) => Pattern::And([vec![values], parts.clone()].concat()),
            Some(other) => Pattern::And(vec![values, other.clone()]),
            None => values,
        };
        (Some(path.clone()), pattern)
    };
    expand.id_attributes.iter().map(by).collect()
}

fn window_text(plan: &Plan, places: &Places, id: NodeId, window: &Window) -> Option<String> {
    match window {
        Window::Always | Window::Fixed(_) => None,
        Window::Last { seconds } => {
            Some(format!("the last {} before the run", super::extent::duration(*seconds)))
        }
        Window::SpanOf { inputs, start_offset, stop_offset } => {
            let all = plan.inputs(id);
            let of: Vec<_> = inputs
                .iter()
                .map(|n| all.get(*n as usize).map_or("?", |input| places.label(*input)))
                .collect();
            Some(format!(
                "from the earliest to the latest sighting of {}, {start_offset:+} s .. {stop_offset:+} s",
                of.join(", ")
            ))
        }
    }
}

/// What all alternatives of a node share.
struct Ask<'p> {
    source: &'p str,
    entity_type: &'p EntityType,
    references: Vec<String>,
    window: &'p Window,
    limit: Option<u64>,
}

impl Ask<'_> {
    fn asked(
        &self,
        node: NodeId,
        window: Option<String>,
        patterns: Vec<(Option<AttributePath>, Pattern)>,
        unless: Option<&AttributePath>,
    ) -> Asked {
        let mut asked = Asked {
            node,
            source: self.source.to_owned(),
            alternatives: Vec::new(),
            window,
            unless: unless.map(|path| format!("the entities are asked for by {path}: that was done already")),
            never: unless.is_some() && patterns.iter().all(|(by, _)| by.as_ref() == unless),
            problem: None,
        };
        let address = match Address::parse(self.source) {
            Ok(address) => address,
            Err(error) => {
                asked.problem = Some(Problem { message: error.to_string(), help: error.help() });
                return asked;
            }
        };
        let connector = match connector_for(&address) {
            Ok(connector) => connector,
            Err(error) => {
                asked.problem = Some(Problem { message: error.to_string(), help: error.help() });
                return asked;
            }
        };
        for (by, pattern) in patterns {
            // The alternative that brought everything already is not asked.
            if unless.is_some() && by.as_ref() == unless {
                continue;
            }
            let query = Query {
                address: &address,
                entity_type: self.entity_type,
                pattern: &pattern,
                references: &self.references,
                window: match self.window {
                    Window::Fixed(window) => *window,
                    _ => TimeWindow::default(),
                },
                limit: self.limit,
            };
            let terms: &[Pattern] = match &pattern {
                Pattern::And(parts) => parts,
                other => std::slice::from_ref(other),
            };
            let accepted = connector.accepts(terms);
            let name =
                |input: u32| self.references.get(input as usize).map_or("?", String::as_str).to_owned();
            let terms = terms.iter().enumerate().map(|(n, term)| Term {
                test: kestrel_text(term, self.entity_type, name),
                filtered: match accepted.get(n) {
                    Some(Acceptance::Exact) => Filtered::Source,
                    Some(Acceptance::Widened) => Filtered::Both,
                    // A connector that says nothing about a term does not do it.
                    Some(Acceptance::Refused) | None => Filtered::Here,
                },
            });
            let capability = connector.capability();
            asked.alternatives.push(Alternative {
                by,
                queries: connector.translate(&query),
                terms: terms.collect(),
                filters_window: capability.filter_window,
                limits: self.limit.map(|_| capability.limit),
            });
        }
        asked
    }
}

impl Alternative {
    /// Says what this program filters after the source, in words; none if nothing is left.
    pub fn left_to_do(&self) -> Option<String> {
        let of = |filtered: Filtered| -> Vec<&str> {
            let terms = self.terms.iter().filter(|term| term.filtered == filtered);
            terms.map(|term| term.test.as_str()).collect()
        };
        let (here, both) = (of(Filtered::Here), of(Filtered::Both));
        let mut parts = Vec::new();
        match here.len() {
            0 => {}
            n if n == self.terms.len() => parts.push("the whole pattern".to_owned()),
            _ => parts.push(here.join(" AND ")),
        }
        if !both.is_empty() {
            parts.push(format!("{} (the source lets more through)", both.join(" AND ")));
        }
        if !self.filters_window {
            parts.push("the time range".to_owned());
        }
        if self.limits == Some(false) {
            parts.push("the limit".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// Returns all queries as text, for `kestrelc plan --queries`.
pub fn text(plan: &Plan, places: &Places, all: &[Asked]) -> String {
    let mut out = String::new();
    let width = all.iter().map(|asked| places.label(asked.node).len()).max().unwrap_or(2);
    for asked in all {
        let node = plan.get(asked.node);
        let place = node.map(|node| places.place(plan, node)).filter(|place| !place.is_empty());
        let what = node.map_or("", |node| node.op.name());
        let label = places.label(asked.node);
        let place = place.map_or(String::new(), |place| format!(", {place}"));
        let _ = writeln!(out, "{label:width$}  {what} <- {}{place}", shown(&asked.source));
        let mut line = |title: &str, text: &str| {
            let _ = writeln!(out, "{:width$}    {title:<8}{text}", "");
        };
        if let Some(problem) = &asked.problem {
            line("none", &shown(&problem.message));
            line("help", &shown(&problem.help));
        }
        for (n, alternative) in asked.alternatives.iter().enumerate() {
            if let Some(by) = &alternative.by {
                line(if n == 0 { "by" } else { "else by" }, &by.to_string());
            }
            for query in &alternative.queries {
                line(query.language, &shown(&query.text));
            }
            if let Some(left) = alternative.left_to_do() {
                line("here", &left);
            }
        }
        if let Some(window) = asked.window.as_ref().filter(|_| !asked.never) {
            line("window", window);
        }
        match &asked.unless {
            Some(_) if asked.never => line("none", "the search has asked for everything already"),
            Some(unless) => line("unless", unless),
            None => {}
        }
    }
    out
}
