//! W1102 `wide-time-range`: a live source asked about more than a year.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/wide-time-range.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Command, RangeKind, StatementKind},
    hir::StepKind,
    lints::{Cx, Finding, Lint, context::is_live},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1102, check);

/// Seconds of 366 days.
const MOST: u64 = 366 * 86_400;

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let StatementKind::Yield { command: Command::Get(get), .. } = &statement.ast.kind else { continue };
        let Some(StepKind::Get { source, .. }) = statement.step.map(|step| &step.kind) else { continue };
        let Some(range) = &get.bounds.range else { continue };
        let seconds = match &range.kind {
            RangeKind::Last(duration) => duration.seconds(),
            RangeKind::Absolute { start, stop } => {
                stop.micros.saturating_sub(start.micros).unsigned_abs() / 1_000_000
            }
        };
        if seconds > MOST && is_live(source) {
            let days = seconds / 86_400;
            found.push(
                Finding::new(Code::W1102, range.span, format!("the time range has {days} days"))
                    .help("check the years; split a search that is meant to be that wide"),
            );
        }
    }
}
