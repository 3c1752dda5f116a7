//! W1301 `plain-http-source`: a source read without encryption.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/plain-http-source.md")]

use kestrel_ir::diagnostic::{Code, Span};

use crate::{
    ast::{Command, StatementKind},
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1301, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for (text, span, exact) in addresses(cx) {
        let Some(at) = text.to_ascii_lowercase().find("http://") else { continue };
        let mut finding = Finding::new(Code::W1301, span, "the data source is read without encryption")
            .help("write `https://`");
        if exact {
            let start = span.start + u32::try_from(at).unwrap_or(0);
            let edit = Edit::replace(Span { start, end: start + 4, ..span }, "https");
            finding = finding.unsafe_fix("write `https://`", vec![edit]);
        }
        found.push(finding);
    }
}

/// Returns every part of every source address: the text, its place, and whether that place holds
/// exactly the text.
pub(super) fn addresses<'c>(cx: &'c Cx<'_>) -> impl Iterator<Item = (&'c str, Span, bool)> + 'c {
    cx.statements
        .iter()
        .filter_map(|statement| match &statement.ast.kind {
            StatementKind::Yield { command: Command::Get(get), .. } => get.source.as_ref(),
            _ => None,
        })
        .flat_map(|source| &source.parts)
        .map(|part| (part.text.as_str(), part.span, cx.text(part.span) == part.text))
}
