//! W1203 `unselective-pattern`: nothing a live source could look up.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/unselective-pattern.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{OperatorKind, PatternExpr, Test},
    lints::{Cx, Finding, Lint, context::Place},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1203, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.patterns.iter().filter(|site| site.place == Place::LiveSource) {
        if !selective(&site.pattern.expr)
            && let Some(test) = site.pattern.expr.tests().first()
        {
            found.push(
                Finding::new(
                    Code::W1203,
                    test.span,
                    "the data source cannot look this up and reads everything",
                )
                .help("add a test with `=`, `IN`, a network, or LIKE with a fixed start"),
            );
        }
    }
}

/// Returns true if a source with an index need not read everything.
fn selective(expr: &PatternExpr) -> bool {
    match expr {
        PatternExpr::And(parts) => parts.iter().any(selective),
        PatternExpr::Or(parts) => parts.iter().all(selective),
        PatternExpr::Paren(inner, _) => selective(inner),
        PatternExpr::Test(test) => selective_test(test),
    }
}

fn selective_test(test: &Test) -> bool {
    if test.operator.negated {
        return false;
    }
    let texts = test.value.as_ref().map(crate::ast::Value::literals).unwrap_or_default();
    let text = texts.first().and_then(|literal| literal.as_text()).unwrap_or_default();
    match test.operator.kind {
        OperatorKind::Like => !text.starts_with(['%', '_']),
        OperatorKind::Matches => {
            text.strip_prefix('^').and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric)
        }
        OperatorKind::IsNull => false,
        _ => true,
    }
}
