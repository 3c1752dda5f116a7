//! W1310 `unordered-limit`: LIMIT without an order.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/unordered-limit.md")]

use kestrel_ir::diagnostic::Code;

use crate::lints::{Cx, Finding, Lint, context::expression};

/// The table's entry.
pub(super) const LINT: Lint = Lint::off(Code::W1310, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let Some(expression) = expression(statement.ast) else { continue };
        if let Some(count) = expression.limit.or(expression.offset).filter(|_| expression.sort.is_none()) {
            found.push(
                Finding::new(
                    Code::W1310,
                    count.span,
                    "which rows are left depends on the order of the records",
                )
                .help("write SORT BY before it"),
            );
        }
    }
}
