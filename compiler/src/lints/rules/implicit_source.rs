//! W1304 `implicit-source`: GET without FROM after several sources.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/implicit-source.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Command, StatementKind},
    hir::StepKind,
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1304, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    let mut first: Option<&str> = None;
    let mut several = false;
    for statement in &cx.statements {
        let StatementKind::Yield { command: Command::Get(get), .. } = &statement.ast.kind else { continue };
        let Some(StepKind::Get { source, .. }) = statement.step.map(|step| &step.kind) else { continue };
        if get.source.is_none() && several {
            let message = format!("GET names no data source and asks `{source}`, one of several used above");
            found.push(
                Finding::new(Code::W1304, get.entity_type.span, message)
                    .help(format!("write `FROM {source}`")),
            );
        }
        several |= first.is_some_and(|first| first != source);
        first.get_or_insert(source);
    }
}
