//! Where a node comes from: the label it has in the plan's text, and the line of the huntflow.

use std::collections::BTreeMap;

use kestrel_ir::{
    Node, NodeId, Plan,
    diagnostic::{LineIndex, Span},
    text,
};

/// Labels and lines of a plan's nodes, made once.
#[derive(Debug, Clone)]
pub struct Places {
    names: BTreeMap<NodeId, String>,
    lines: Vec<LineIndex>,
}

impl Places {
    /// Counts the lines of the plan's texts.
    pub fn of(plan: &Plan) -> Places {
        Places {
            names: text::names(plan),
            lines: plan.sources.iter().map(|source| LineIndex::new(&source.text)).collect(),
        }
    }

    /// Returns the labels: `n0`, `n1` …
    pub fn names(&self) -> &BTreeMap<NodeId, String> {
        &self.names
    }

    /// Returns the label of a node.
    pub fn label(&self, id: NodeId) -> &str {
        self.names.get(&id).map_or("?", String::as_str)
    }

    /// Returns the line that a span starts on; none if the plan carries no text for it.
    pub fn line(&self, plan: &Plan, span: Span) -> Option<u32> {
        let index = self.lines.get(span.source.0 as usize)?;
        let source = plan.sources.get(span.source.0 as usize)?;
        (!source.text.is_empty()).then(|| index.position(&source.text, span.start as usize).line)
    }

    /// Returns the place of a node in words: `line 3`, or `b.hf line 3` when there are several texts.
    pub fn place(&self, plan: &Plan, node: &Node) -> String {
        let span = node.origin.span;
        match (self.line(plan, span), plan.sources.as_slice()) {
            (None, _) => String::new(),
            (Some(line), [_]) => format!("line {line}"),
            (Some(line), many) => {
                let name = many.get(span.source.0 as usize).map_or("", |source| source.name.as_str());
                format!("{} line {line}", text::visible(name))
            }
        }
    }

    /// Returns label and place: `n3, line 5`.
    pub fn at(&self, plan: &Plan, id: NodeId) -> String {
        let Some(node) = plan.get(id) else { return String::new() };
        match self.place(plan, node) {
            place if place.is_empty() => self.label(id).to_owned(),
            place => format!("{}, {place}", self.label(id)),
        }
    }
}
