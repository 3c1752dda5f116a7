//! W1103 `future-time-range`: a time range that starts in the future.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/future-time-range.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Bounds, Command, RangeKind, StatementKind},
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1103, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    let Some(now) = cx.now else { return };
    for statement in &cx.statements {
        let Some(bounds) = bounds(&statement.ast.kind) else { continue };
        let Some(RangeKind::Absolute { start, .. }) = bounds.range.as_ref().map(|range| &range.kind) else {
            continue;
        };
        if start.micros > now.micros() {
            found.push(
                Finding::new(Code::W1103, start.span, "the time range starts in the future")
                    .help("check year and month"),
            );
        }
    }
}

/// Returns the bounds of a `GET` or `FIND`.
pub(super) fn bounds(kind: &StatementKind) -> Option<&Bounds> {
    match kind {
        StatementKind::Yield { command: Command::Get(get), .. } => Some(&get.bounds),
        StatementKind::Yield { command: Command::Find(find), .. } => Some(&find.bounds),
        _ => None,
    }
}
