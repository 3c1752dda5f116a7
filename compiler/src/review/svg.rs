//! The plan drawn: boxes in layers, coloured by what a reviewer asks about, every text escaped.
//!
//! The same drawing stands alone as a file and inside the review page, which brings the style.

use std::fmt::Write;

use kestrel_ir::{Node, Op, Plan, op::Port, text};
use unicode_width::UnicodeWidthStr;

use super::{
    escape::{html, shorten},
    layout::{self, Layout, Point, Size},
    places::Places,
};

/// Columns of text in a box at most.
const COLUMNS: usize = 34;
/// Width of a character.
const CHARACTER: f64 = 7.3;

/// The plan has too many nodes to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the plan has {0} nodes; at most {max} can be drawn so that people can read them", max = layout::MAX_NODES)]
pub struct TooLarge(pub usize);

/// Colours and shapes, for light and dark; shared with the review page.
pub const STYLE: &str = include_str!("graph.css");

/// Returns the drawing as a document of its own, in light or dark as the viewer prefers.
pub fn document(plan: &Plan, places: &Places) -> Result<String, TooLarge> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let style = format!("<style>\n{STYLE}svg.plan {{ background: var(--page); }}\n</style>\n");
    out.push_str(&drawing(plan, places, &style)?);
    Ok(out)
}

/// Returns the `svg` element with `head` inside it first.
pub fn drawing(plan: &Plan, places: &Places, head: &str) -> Result<String, TooLarge> {
    let nodes = plan.nodes();
    let texts: Vec<BoxText> = nodes.iter().map(|node| BoxText::of(plan, places, node)).collect();
    let sizes: Vec<Size> = texts.iter().map(BoxText::size).collect();
    let at = |id| nodes.binary_search_by_key(&(plan.node(id).order, id), |node| (node.order, node.id)).ok();
    let mut edges = Vec::new();
    let mut roles = Vec::new();
    for (to, node) in nodes.iter().enumerate() {
        for input in plan.inputs(node.id) {
            if let Some(from) = at(input) {
                edges.push((from, to));
                roles.push(match plan.output(input) {
                    Port::Pool => "pool",
                    _ => "data",
                });
            }
        }
        for earlier in plan.after(node.id) {
            if let Some(from) = at(earlier) {
                edges.push((from, to));
                roles.push("order");
            }
        }
    }
    let layout = layout::layout(&sizes, &edges).ok_or(TooLarge(nodes.len()))?;
    let mut out = String::new();
    let (width, height) = (layout.size.width.ceil(), layout.size.height.ceil());
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<svg class=\"plan\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"group\" aria-label=\"plan of {} nodes\">",
        nodes.len()
    );
    out.push_str(head);
    out.push_str(
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"tip\" d=\"M0 0.5 L7.5 4 L0 7.5 z\"/></marker></defs>\n",
    );
    lines(&mut out, &layout, &edges, &roles);
    for (n, (node, text)) in nodes.iter().zip(&texts).enumerate() {
        text.draw(&mut out, plan, places, node, layout.boxes[n], sizes[n]);
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn lines(out: &mut String, layout: &Layout, edges: &[(usize, usize)], roles: &[&str]) {
    for (((from, to), role), points) in edges.iter().zip(roles).zip(&layout.lines) {
        let _ = writeln!(
            out,
            "<path class=\"line {role}\" data-from=\"n{from}\" data-to=\"n{to}\" d=\"{}\" marker-end=\"url(#tip)\"/>",
            path(points)
        );
    }
}

/// Curves between layers, straight through them.
fn path(points: &[Point]) -> String {
    let mut out = String::new();
    for (n, point) in points.iter().enumerate() {
        let Some(before) = n.checked_sub(1).and_then(|before| points.get(before)) else {
            let _ = write!(out, "M{:.1} {:.1}", point.x, point.y);
            continue;
        };
        if (before.x - point.x).abs() < 0.5 {
            let _ = write!(out, " L{:.1} {:.1}", point.x, point.y);
            continue;
        }
        let middle = (before.y + point.y) / 2.0;
        let _ = write!(
            out,
            " C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {:.1}",
            before.x, point.x, point.x, point.y
        );
    }
    out
}

/// What stands in a box.
struct BoxText {
    head: String,
    detail: String,
}

impl BoxText {
    fn of(plan: &Plan, places: &Places, node: &Node) -> BoxText {
        let (head, detail) = words(plan, places, node);
        let label = places.label(node.id);
        BoxText {
            head: shorten(&format!("{label} {}", text::visible(&head)), COLUMNS),
            detail: shorten(&text::visible(&detail), COLUMNS),
        }
    }

    fn size(&self) -> Size {
        let columns = self.head.width().max(self.detail.width()) as f64;
        let height = if self.detail.is_empty() { 26.0 } else { 42.0 };
        Size { width: (columns * CHARACTER + 20.0).max(60.0).round(), height }
    }

    fn draw(&self, out: &mut String, plan: &Plan, places: &Places, node: &Node, at: Point, size: Size) {
        let full = text::write_some_with(plan, &[node.id], places.names());
        let origin = node.origin;
        let kind = kind(&node.op);
        let line = places.line(plan, origin.span).map_or(String::new(), |line| format!(", line {line}"));
        let _ = writeln!(
            out,
            "<g class=\"node {kind}\" id=\"{label}\" tabindex=\"0\" role=\"img\" aria-label=\"{name}{line}\" \
             data-step=\"{source}.{step}\">",
            label = places.label(node.id),
            name = html(&text::visible(&text::summary(plan, places.names(), node))),
            source = origin.span.source.0,
            step = origin.step,
        );
        let _ = writeln!(out, "<title>{}</title>", html(full.trim_end()));
        let left = at.x - size.width / 2.0;
        let radius = if matches!(node.op, Op::Bind(_)) { size.height / 2.0 } else { 5.0 };
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{}\" height=\"{}\" rx=\"{radius}\"/>",
            at.y, size.width, size.height
        );
        let _ = writeln!(
            out,
            "<text class=\"head\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            at.x,
            at.y + 17.5,
            html(&self.head)
        );
        if !self.detail.is_empty() {
            let _ = writeln!(
                out,
                "<text class=\"detail\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                at.x,
                at.y + 33.5,
                html(&self.detail)
            );
        }
        out.push_str("</g>\n");
    }
}

/// What a reviewer asks about a node: does it ask somebody, run code, touch files, show something?
pub fn kind(op: &Op) -> &'static str {
    match op {
        Op::Fetch(_) | Op::Expand(_) => "asks",
        Op::Apply(_) => "runs",
        Op::Save { .. } => "writes",
        Op::Load(_) => "reads",
        Op::Bind(_) => "binds",
        Op::Display { .. } | Op::Info(_) | Op::Describe { .. } | Op::Explain { .. } => "shows",
        Op::Pool => "pools",
        _ => "works",
    }
}

/// The words of a box: what it does, and the most telling detail.
fn words(plan: &Plan, places: &Places, node: &Node) -> (String, String) {
    let name = node.op.name();
    let pattern = || text::pattern_text(plan, places.names(), node).unwrap_or_default();
    let join = |items: Vec<String>| items.join(", ");
    match &node.op {
        Op::Fetch(fetch) => (format!("{name} {}", fetch.entity_type), tail(&fetch.source)),
        Op::Expand(expand) => (format!("{name} {}", expand.entity_type), tail(&expand.source)),
        Op::Select(select) => (format!("{name} {}", select.entity_type), pattern()),
        Op::Relate(relate) => {
            let by = if relate.by { " by" } else { "" };
            (
                format!("{name} {}", relate.entity_type),
                format!("{}{by} {}", relate.relation, relate.input_type),
            )
        }
        Op::Match(matching) => (format!("{name} {}", matching.entity_type), pattern()),
        Op::Filter(_) => (name.to_owned(), pattern()),
        Op::Literal(literal) => {
            (format!("{name} {}", literal.entity_type), format!("{} rows", literal.rows.len()))
        }
        Op::Load(load) => (name.to_owned(), tail(&load.path)),
        Op::Save { path } => (name.to_owned(), tail(path)),
        Op::Project { attributes } => {
            (name.to_owned(), join(attributes.iter().map(ToString::to_string).collect()))
        }
        Op::Sort { attribute, descending } => {
            (name.to_owned(), format!("{attribute} {}", if *descending { "descending" } else { "ascending" }))
        }
        Op::Slice { offset: 0, limit: Some(limit) } => (format!("{name} {limit} rows"), String::new()),
        Op::Slice { offset, limit } => {
            let most = limit.map_or(String::new(), |limit| format!(", {limit} rows"));
            (name.to_owned(), format!("from {offset}{most}"))
        }
        Op::Group(group) => {
            (name.to_owned(), join(group.keys.iter().map(|key| key.column.clone()).collect()))
        }
        Op::Join { left, right } => (name.to_owned(), format!("{left} = {right}")),
        Op::Apply(apply) => (name.to_owned(), apply.analytic.clone()),
        Op::Updated { index } => (format!("{name} part {index}"), String::new()),
        Op::Bind(bind) => (bind.variable.clone(), String::new()),
        Op::Info(about) => (format!("{name} {}", about.variable), String::new()),
        Op::Describe { attribute } => (format!("{name} {attribute}"), String::new()),
        Op::Explain { variable } => (format!("{name} {variable}"), String::new()),
        Op::Assemble | Op::Pool | Op::Union | Op::Transform { .. } | Op::Display { .. } => {
            (name.to_owned(), String::new())
        }
    }
}

/// The end of a path or address, which says more than its beginning.
fn tail(text: &str) -> String {
    let count = text.chars().count();
    if count <= COLUMNS {
        return text.to_owned();
    }
    let scheme = text.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
    let keep = COLUMNS.saturating_sub(scheme.chars().count() + 1);
    format!("{scheme}…{}", text.chars().skip(count - keep).collect::<String>())
}
