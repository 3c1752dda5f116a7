//! W1305 `limit-counts-records`: LIMIT on a data source.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/limit-counts-records.md")]

use kestrel_ir::diagnostic::Code;

use super::future_time_range::bounds;
use crate::{
    hir::StepKind,
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1305, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let Some(step) = statement.step else { continue };
        let (asks, entity_type) = match &step.kind {
            StepKind::Get { entity_type, .. } => (true, entity_type),
            StepKind::Find { input, entity_type, .. } => {
                (cx.version(*input).is_some_and(|version| version.data_source.is_some()), entity_type)
            }
            _ => continue,
        };
        let limit = bounds(&statement.ast.kind).and_then(|bounds| bounds.limit);
        if let Some(limit) = limit.filter(|_| asks) {
            let message =
                format!("LIMIT {} counts records of the source, not {entity_type} entities", limit.value);
            found.push(
                Finding::new(Code::W1305, limit.span, message).help(format!(
                    "for that many entities limit the variable: `x = x LIMIT {}`",
                    limit.value
                )),
            );
        }
    }
}
