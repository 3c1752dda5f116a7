//! W1004 `repeated-transformer`: a transformer over the result of one.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/repeated-transformer.md")]

use kestrel_ir::{Rows, diagnostic::Code};

use crate::{
    hir::StepKind,
    lints::{Cx, Finding, Lint, context::expression},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1004, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let Some(expression) = expression(statement.ast) else { continue };
        let Some(transformer) = expression.transformer else { continue };
        let input = match statement.step.map(|step| &step.kind) {
            Some(StepKind::Derive(derive) | StepKind::Disp(derive)) => cx.version(derive.input),
            _ => None,
        };
        let Some(input) = input.filter(|input| input.rows == Rows::Appearances) else { continue };
        let message = format!("`{}` already holds appearances in records", input.name);
        found.push(
            Finding::new(Code::W1004, expression.variable.span, message)
                .label(input.span, "made by a transformer")
                .help(format!("leave out {}, or use the variable before it", transformer.keyword())),
        );
    }
}
