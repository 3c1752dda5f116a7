//! W1219 `defanged-indicator`: an indicator in the spelling of reports.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/defanged-indicator.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Literal, OperatorKind},
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1219, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in &cx.tests {
        // In regular expressions brackets have a meaning.
        if site.test.operator.kind == OperatorKind::Matches {
            continue;
        }
        for (text, literal) in site.texts() {
            let Some(real) = refang(text) else { continue };
            let mut finding =
                Finding::new(Code::W1219, literal.span(), format!("`{text}` is written to be harmless"))
                    .help(format!("records hold `{real}`"));
            if let Literal::Text(written) = literal
                && cx.text(written.span).contains(text)
            {
                let edit = Edit::replace(written.span, cx.text(written.span).replacen(text, &real, 1));
                finding = finding.unsafe_fix("write the real value", vec![edit]);
            }
            found.push(finding);
        }
    }
}

/// Undoes the usual ways to make an indicator harmless; none if there is nothing to undo.
fn refang(text: &str) -> Option<String> {
    if !text.contains(['[', '(']) && !text.starts_with("hxxp") && !text.starts_with("fxp") {
        return None;
    }
    let mut real = text.to_owned();
    for (written, meant) in [
        ("[.]", "."),
        ("(.)", "."),
        ("[dot]", "."),
        ("(dot)", "."),
        ("[:]", ":"),
        ("[@]", "@"),
        ("[at]", "@"),
    ] {
        if real.contains(written) {
            real = real.replace(written, meant);
        }
    }
    for (written, meant) in [("hxxp://", "http://"), ("hxxps://", "https://"), ("fxp://", "ftp://")] {
        if let Some(rest) = real.strip_prefix(written) {
            real = format!("{meant}{rest}");
        }
    }
    (real != text).then_some(real)
}
