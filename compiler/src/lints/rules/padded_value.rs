//! W1220 `padded-value`: a compared text with blanks around it.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/padded-value.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::Literal,
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1220, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.is_equality()) {
        for (text, literal) in site.texts() {
            let trimmed = text.trim();
            if trimmed == text || trimmed.is_empty() {
                continue;
            }
            let mut finding =
                Finding::new(Code::W1220, literal.span(), format!("`{text}` starts or ends with a blank"))
                    .help(format!("write `{trimmed}`"));
            if let Literal::Text(written) = literal
                && cx.text(written.span).contains(text)
            {
                let edit = Edit::replace(written.span, cx.text(written.span).replacen(text, trimmed, 1));
                finding = finding.unsafe_fix("take the blanks out", vec![edit]);
            }
            found.push(finding);
        }
    }
}
