//! W1002 `overwritten-variable`: a value that nobody reads before it is replaced.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/overwritten-variable.md")]

use kestrel_ir::diagnostic::Code;

use super::unused_variable::{successors, unread};
use crate::lints::{Cx, Finding, Lint};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1002, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    if !cx.complete {
        return;
    }
    let successors = successors(cx);
    for (id, _) in unread(cx) {
        let Some(next) = successors.get(&id).and_then(|next| cx.version(*next)) else { continue };
        let Some(version) = cx.version(id) else { continue };
        if version.name == cx.config.default_variable || version.name.starts_with('_') {
            continue;
        }
        found.push(
            Finding::new(
                Code::W1002,
                version.span,
                format!("variable `{}` gets a new value before this one is used", version.name),
            )
            .label(next.span, "replaced here")
            .help("give one of them another name, or take this step out"),
        );
    }
}
