//! W1005 `self-comparison`: an attribute compared with itself.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/self-comparison.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::Literal,
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1005, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for test in &cx.tests {
        let Some(input) = cx.site(test).input.and_then(|id| cx.version(id)) else { continue };
        let Some(value) = test.test.value.as_ref().filter(|_| test.is_equality()) else { continue };
        for literal in value.each_literal() {
            let Literal::Reference(reference) = literal else { continue };
            let same = reference.variable.text == input.name
                && reference.attribute.canonical() == test.test.attribute.canonical();
            if same {
                let holds = if test.test.operator.negated { "never holds" } else { "always holds" };
                let message =
                    format!("`{}` is compared with itself: the test {holds}", cx.text(reference.span));
                found.push(
                    Finding::new(Code::W1005, test.test.span, message)
                        .help("name another variable, or leave the test out"),
                );
            }
        }
    }
}
