//! W1210 `like-without-wildcard`: LIKE with nothing to fill in.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/like-without-wildcard.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::OperatorKind,
    lints::{Cx, Edit, Finding, Lint, context::Place},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1210, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.test.operator.kind == OperatorKind::Like) {
        for (text, literal) in site.texts() {
            if text.contains(['%', '_']) {
                continue;
            }
            let operator = if site.test.operator.negated { "!=" } else { "=" };
            let finding =
                Finding::new(Code::W1210, literal.span(), format!("`{text}` holds neither `%` nor `_`"))
                    .help(format!("write `{operator}`, or `LIKE '%…%'` to find it anywhere"));
            let edits = vec![Edit::replace(site.test.operator.span, operator)];
            let title = format!("write `{operator}`");
            // On variables LIKE ignores case, `=` does not. Of numbers LIKE tests the digits, which `=`
            // never equals at a source; of what is encoded it tests what is behind.
            let case = matches!(cx.site(site).place, Place::Source | Place::LiveSource)
                || !text.bytes().any(|byte| byte.is_ascii_alphabetic());
            let same = case && site.is_about_text();
            found.push(if same { finding.safe_fix(title, edits) } else { finding.unsafe_fix(title, edits) });
        }
    }
}
