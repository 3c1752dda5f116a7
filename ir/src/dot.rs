//! The plan for Graphviz: `dot -Tsvg`.

use std::fmt::Write;

use crate::{op::Op, plan::Plan, text};

/// Returns the plan as a DOT graph: data flows down along solid edges, order along dashed ones.
/// Remote work and side effects stand out by shape.
pub fn write(plan: &Plan) -> String {
    let mut out =
        String::from("digraph plan {\n  rankdir=TB;\n  node [shape=box, fontname=\"monospace\"];\n");
    let names = text::names(plan);
    for node in plan.nodes() {
        let shape = match &node.op {
            op if op.is_remote() => "cylinder",
            Op::Save { .. } | Op::Load(_) => "note",
            Op::Apply(_) => "component",
            op if op.is_sink() => "ellipse",
            _ => "box",
        };
        let label = format!("{} {}", names[&node.id], text::summary(plan, &names, node));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {} [shape={shape}, label=\"{}\"];", names[&node.id], escape(&label));
    }
    for node in plan.nodes() {
        for (n, input) in plan.inputs(node.id).into_iter().enumerate() {
            let _ = writeln!(
                out,
                "  {} -> {} [taillabel=\"\", headlabel=\"{n}\"];",
                names[&input], names[&node.id]
            );
        }
        for earlier in plan.after(node.id) {
            let _ = writeln!(out, "  {} -> {} [style=dashed];", names[&earlier], names[&node.id]);
        }
    }
    out.push_str("}\n");
    out
}

/// Names can hold anything, as in the plan's text.
fn escape(label: &str) -> String {
    text::shown(label).replace('\\', "\\\\").replace('"', "\\\"")
}
