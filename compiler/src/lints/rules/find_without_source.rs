//! W1307 `find-without-source`: clauses of a FIND that asks nobody.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/find-without-source.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Command, StatementKind},
    hir::StepKind,
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1307, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let StatementKind::Yield { command: Command::Find(find), .. } = &statement.ast.kind else { continue };
        let Some(StepKind::Find { input, .. }) = statement.step.map(|step| &step.kind) else { continue };
        let Some(version) = cx.version(*input).filter(|version| version.data_source.is_none()) else {
            continue;
        };
        let limit = find.bounds.limit.map(|limit| limit.span);
        let Some(span) = find.bounds.range.as_ref().map(|range| range.span).or(limit) else { continue };
        let message = format!("no data source is asked: `{}` came from none", version.name);
        found.push(
            Finding::new(Code::W1307, span, message)
                .label(version.span, "made here")
                .help("GET the entities from a data source first, or leave the clause out"),
        );
    }
}
