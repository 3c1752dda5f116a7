//! W1209 `null-as-text`: a comparison with the word NULL.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/null-as-text.md")]

use kestrel_ir::diagnostic::{Code, Span};

use crate::lints::{Cx, Edit, Finding, Lint};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1209, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.is_equality()) {
        for (text, literal) in site.texts() {
            if !text.eq_ignore_ascii_case("null") {
                continue;
            }
            let instead = if site.test.operator.negated { "IS NOT NULL" } else { "IS NULL" };
            let mut finding = Finding::new(
                Code::W1209,
                literal.span(),
                format!("`{text}` is the text of four letters here"),
            )
            .help(format!("for entities without the attribute write `{instead}`"));
            if site.texts().count() == 1 {
                let span = Span { end: site.test.span.end, ..site.test.operator.span };
                finding =
                    finding.unsafe_fix(format!("write `{instead}`"), vec![Edit::replace(span, instead)]);
            }
            found.push(finding);
        }
    }
}
