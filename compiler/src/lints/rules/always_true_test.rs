//! W1202 `always-true-test`: tests that exclude nothing.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/always-true-test.md")]

use std::collections::HashMap;

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{OperatorKind, PatternExpr, Test},
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1202, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in &cx.tests {
        let test = site.test;
        let holds = site.texts().any(|(text, _)| match test.operator.kind {
            OperatorKind::Like => !text.is_empty() && text.bytes().all(|byte| byte == b'%'),
            OperatorKind::Matches => matches!(text, "" | ".*" | "^.*$" | "^.*" | ".*$" | "^" | "$" | "^$|.*"),
            OperatorKind::IsSubset => matches!(text, "0.0.0.0/0" | "::/0"),
            _ => false,
        });
        if !holds {
            continue;
        }
        let negated = test.operator.negated;
        let what = if negated { "holds for no value" } else { "holds for every value" };
        let mut finding = Finding::new(Code::W1202, test.span, format!("`{}` {what}", cx.text(test.span)));
        if !negated && test.operator.kind != OperatorKind::IsSubset {
            let span = test.operator.span.to(test.span);
            let span =
                kestrel_ir::diagnostic::Span { end: test.span.end, start: test.operator.span.start, ..span };
            finding = finding
                .help("to ask for entities that have the attribute write `IS NOT NULL`")
                .unsafe_fix("write `IS NOT NULL`", vec![Edit::replace(span, "IS NOT NULL")]);
        } else {
            finding = finding.help("leave the test out, or narrow it");
        }
        found.push(finding);
    }
    for site in &cx.patterns {
        let mut stack = vec![&site.pattern.expr];
        while let Some(expr) = stack.pop() {
            match expr {
                PatternExpr::Or(parts) => {
                    alternatives(cx, parts, found);
                    stack.extend(parts);
                }
                PatternExpr::And(parts) => stack.extend(parts),
                PatternExpr::Paren(inner, _) => stack.push(inner),
                PatternExpr::Test(_) => {}
            }
        }
    }
}

/// Finds `a OR not a` among alternatives.
fn alternatives(cx: &Cx<'_>, parts: &[PatternExpr], found: &mut Vec<Finding>) {
    let mut known: HashMap<(String, OperatorKind, String, bool), &Test> = HashMap::new();
    for part in parts {
        let PatternExpr::Test(test) = part else { continue };
        let value = test.value.as_ref().map_or("", |value| cx.text(value.span()));
        let attribute = cx.text(test.attribute.span).to_owned();
        let key = |negated| (attribute.clone(), test.operator.kind, value.to_owned(), negated);
        if let Some(other) = known.get(&key(!test.operator.negated)) {
            let (one, two) = (cx.text(other.span), cx.text(test.span));
            found.push(
                Finding::new(
                    Code::W1202,
                    test.span,
                    format!("one of `{one}` and `{two}` holds for every value"),
                )
                .label(other.span, "the other one")
                .help("join them with AND, or leave both out"),
            );
        }
        known.insert(key(test.operator.negated), test);
    }
}
