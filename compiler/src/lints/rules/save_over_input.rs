//! W1403 `save-over-input`: SAVE over a file of the hunt.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/save-over-input.md")]

use std::collections::HashMap;

use kestrel_connectors::address::{Address, Part};
use kestrel_ir::diagnostic::{Code, Span};

use crate::{
    hir::StepKind,
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1403, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    let mut known: HashMap<String, (Span, &str)> = HashMap::new();
    for statement in &cx.statements {
        let Some(step) = statement.step else { continue };
        match &step.kind {
            StepKind::Load { path, .. } => {
                known.entry(plain(path)).or_insert((step.span, "read here"));
            }
            StepKind::Get { source, .. } => {
                let Ok(address) = Address::parse(source) else { continue };
                for part in address.parts() {
                    if let Part::File(path) = part {
                        known.entry(plain(path)).or_insert((step.span, "read here"));
                    }
                }
            }
            StepKind::Save { path, .. } => {
                let place = plain(path);
                if let Some((span, what)) = known.get(&place) {
                    found.push(
                        Finding::new(
                            Code::W1403,
                            step.span,
                            format!("SAVE overwrites `{path}`, a file of this hunt"),
                        )
                        .label(*span, *what)
                        .help("choose another name"),
                    );
                }
                known.insert(place, (step.span, "saved here"));
            }
            _ => {}
        }
    }
}

/// Writes a path without empty and `.` parts and without inner `..`.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}
