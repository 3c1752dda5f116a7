//! W1208 `text-compared-with-number`: text compared with a number.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/text-compared-with-number.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::Literal,
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1208, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.is_equality() && site.is_about_text()) {
        let literals = site.test.value.as_ref().map(crate::ast::Value::literals).unwrap_or_default();
        for literal in literals {
            let Literal::Number(number) = literal else { continue };
            let written = cx.text(number.span);
            found.push(
                Finding::new(
                    Code::W1208,
                    number.span,
                    format!("`{}` is text and compared with a number", site.attribute),
                )
                .help(format!("put it in quotes: `'{written}'`"))
                .unsafe_fix("put it in quotes", vec![Edit::replace(number.span, format!("'{written}'"))]),
            );
        }
    }
}
