//! W1211 `single-value-list`: a list of one value.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/single-value-list.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Literal, OperatorKind, Value},
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1211, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.test.operator.kind == OperatorKind::In) {
        let Some(Value::List(list)) = &site.test.value else { continue };
        let literals = site.test.value.as_ref().map(Value::literals).unwrap_or_default();
        let [only] = literals.as_slice() else { continue };
        // A reference may stand for many values.
        if matches!(only, Literal::Reference(_)) {
            continue;
        }
        let operator = if site.test.operator.negated { "!=" } else { "=" };
        found.push(
            Finding::new(Code::W1211, list.span, "the list has one value")
                .help(format!("write `{operator} {}`, or add the missing values", cx.text(only.span())))
                .safe_fix(
                    format!("write `{operator}`"),
                    vec![
                        Edit::replace(site.test.operator.span, operator),
                        Edit::replace(list.span, cx.text(only.span())),
                    ],
                ),
        );
    }
}
