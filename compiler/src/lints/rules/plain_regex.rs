//! W1212 `plain-regex`: a regular expression that is plain text.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/plain-regex.md")]

use kestrel_ir::diagnostic::{Code, Span};

use crate::{
    ast::{Literal, OperatorKind},
    lints::{Cx, Edit, Finding, Lint, context::Place},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1212, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.test.operator.kind == OperatorKind::Matches) {
        for (regex, literal) in site.texts() {
            let Some((text, at_start, at_end)) = plain(regex) else { continue };
            if text.is_empty() {
                continue;
            }
            let negated = site.test.operator.negated;
            let (operator, value) = if at_start && at_end {
                (if negated { "!=" } else { "=" }, text.clone())
            } else {
                let (before, after) = (if at_start { "" } else { "%" }, if at_end { "" } else { "%" });
                (if negated { "NOT LIKE" } else { "LIKE" }, format!("{before}{text}{after}"))
            };
            let quoted = quote(&value);
            let mut finding =
                Finding::new(Code::W1212, literal.span(), format!("`{regex}` has no special character"))
                    .help(format!("write `{operator} {quoted}`, which sources can look up"));
            // `%` and `_` have a meaning in LIKE; on variables LIKE ignores case.
            let exact =
                operator.ends_with('=') || matches!(cx.site(site).place, Place::Source | Place::LiveSource);
            let written = matches!(literal, Literal::Text(_));
            if written && exact && (operator.ends_with('=') || !text.contains(['%', '_'])) {
                let span = Span { end: literal.span().end, ..site.test.operator.span };
                let edit = Edit::replace(span, format!("{operator} {quoted}"));
                // Only of text do the operators look at the same.
                let title = format!("write `{operator}`");
                finding = match site.is_about_text() {
                    true => finding.safe_fix(title, vec![edit]),
                    false => finding.unsafe_fix(title, vec![edit]),
                };
            }
            found.push(finding);
        }
    }
}

/// Returns the text that a regular expression stands for, and whether it must start and end the
/// value; none if there is more to it.
fn plain(regex: &str) -> Option<(String, bool, bool)> {
    let (at_start, rest) = match regex.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, regex),
    };
    let mut text = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            // `$` also matches before a last line break; nobody means that.
            '$' if chars.as_str().is_empty() => return Some((text, at_start, true)),
            '\\' => match chars.next()? {
                escaped if escaped.is_ascii_punctuation() => text.push(escaped),
                _ => return None,
            },
            '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => return None,
            other => text.push(other),
        }
    }
    Some((text, at_start, false))
}

/// Writes a text so that it is read back as it is.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("'");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}
