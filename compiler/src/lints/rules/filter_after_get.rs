//! W1306 `filter-after-get`: a GET that is only filtered.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/filter-after-get.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    hir::{Range, StepKind},
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::off(Code::W1306, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    if !cx.complete {
        return;
    }
    for statement in &cx.statements {
        let Some(StepKind::Derive(derive)) = statement.step.map(|step| &step.kind) else { continue };
        let plain = derive.transform.is_none() && derive.limit.is_none() && derive.range == Range::None;
        if !plain || derive.condition.is_none() || cx.reads.get(derive.input.0 as usize) != Some(&1) {
            continue;
        }
        let made_by = cx.made_by.get(derive.input.0 as usize).copied().flatten();
        let maker = made_by.and_then(|index| cx.statements.get(index)).and_then(|statement| statement.step);
        let Some(StepKind::Get { limit: None, .. }) = maker.map(|step| &step.kind) else { continue };
        let Some(version) = cx.version(derive.input) else { continue };
        let message = format!("`{}` is used only here, and only in part", version.name);
        found.push(
            Finding::new(Code::W1306, statement.ast.span, message)
                .label(version.span, "everything is fetched here")
                .help("move the tests into the pattern of the GET, so that the source filters"),
        );
    }
}
