//! W1101 `unbounded-time-range`: a live source asked without a time range.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/unbounded-time-range.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Command, StatementKind},
    hir::{Range, StepKind},
    lints::{Cx, Finding, Lint, context::is_live},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1101, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let StatementKind::Yield { command: Command::Get(get), .. } = &statement.ast.kind else { continue };
        let Some(StepKind::Get { source, condition, range: Range::None, .. }) =
            statement.step.map(|step| &step.kind)
        else {
            continue;
        };
        // The time range of a variable in the pattern bounds the search.
        if is_live(source) && condition.references.is_empty() {
            let span = get.source.as_ref().map_or(get.entity_type.span, |source| source.span);
            found.push(
                Finding::new(Code::W1101, span, "a live data source is asked without a time range")
                    .help("write `LAST 1 DAY` or `START … STOP …` after the pattern"),
            );
        }
    }
}
