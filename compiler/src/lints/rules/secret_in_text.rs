//! W1503 `secret-in-text`: a password, token or key in the huntflow.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/secret-in-text.md")]

use kestrel_ir::{
    diagnostic::{Code, Span},
    secrets::{LEAST, names_secret, token},
};

use super::plain_http_source::addresses;
use crate::{
    ast::{Effect, StatementKind},
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1503, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    let mut report = |span: Span, what: &str| {
        found.push(Finding::new(Code::W1503, span, format!("this looks like {what}")).help(
            "keep it in the configuration of the source or the analytic, and change it where it was used",
        ));
    };
    for statement in &cx.statements {
        let StatementKind::Effect(Effect::Apply(apply)) = &statement.ast.kind else { continue };
        for argument in &apply.arguments {
            for literal in argument.value.literals() {
                let Some(text) = literal.as_text() else { continue };
                if let Some(what) = token(text) {
                    report(literal.span(), what);
                } else if names_secret(&argument.key.text) && text.len() >= LEAST {
                    report(literal.span(), "a secret");
                }
            }
        }
    }
    for test in &cx.tests {
        for (text, literal) in test.texts() {
            if let Some(what) = token(text) {
                report(literal.span(), what);
            }
        }
    }
    for (text, span, _) in addresses(cx) {
        let authority =
            text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest));
        let in_query = text.split_once('?').is_some_and(|(_, query)| {
            query.split('&').any(|pair| {
                pair.split_once('=').is_some_and(|(key, value)| names_secret(key) && value.len() >= LEAST)
            })
        });
        if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
            report(span, "a password in an address");
        } else if in_query || token(text).is_some() {
            report(span, "a secret in an address");
        }
    }
    for block in &cx.hunt.blocks {
        for comment in &block.comments {
            let text = cx.text(comment.span);
            if let Some(what) = text.split_ascii_whitespace().find_map(token) {
                report(comment.span, what);
            }
        }
    }
}
