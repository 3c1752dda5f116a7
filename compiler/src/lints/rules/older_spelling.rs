//! W1501 `older-spelling`: spellings of earlier releases.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/older-spelling.md")]

use kestrel_ir::diagnostic::{Code, Span};

use crate::{
    ast::{AttributePath, Command, Effect, Expression, RangeKind, StatementKind},
    lints::{Cx, Edit, Finding, Lint, context::Statement},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1501, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in &cx.tests {
        if cx.text(site.test.operator.span) == "==" {
            let edit = Edit::replace(site.test.operator.span, "=");
            found.push(older(site.test.operator.span, "`==`", "`=`", vec![edit]));
        }
    }
    for site in &cx.patterns {
        if site.pattern.bracketed {
            let span = site.pattern.span;
            let open = Span { end: span.start + 1, ..span };
            let close = Span { start: span.end.saturating_sub(1), ..span };
            // Without the bracket a keyword and a word must not grow together.
            let glued = cx.hunt.blocks.get(span.source.0 as usize).is_some_and(|block| {
                let byte = |at: u32| block.text.as_bytes().get(at as usize).copied().unwrap_or(b' ');
                !byte(span.start.wrapping_sub(1)).is_ascii_whitespace()
                    || !byte(span.end).is_ascii_whitespace()
            });
            let edits = if glued {
                vec![Edit::replace(open, " "), Edit::replace(close, " ")]
            } else {
                let body = cx.text(span);
                let inner = |text: &str| u32::try_from(text.len() - text.trim_start().len()).unwrap_or(0);
                let blanks = inner(body.get(1..).unwrap_or_default());
                let before = body.get(..body.len().saturating_sub(1)).unwrap_or_default();
                let after = u32::try_from(before.len() - before.trim_end().len()).unwrap_or(0);
                let holds_comment = body.contains('#');
                if holds_comment {
                    vec![Edit::delete(open), Edit::delete(close)]
                } else {
                    vec![
                        Edit::delete(Span { end: open.end + blanks, ..open }),
                        Edit::delete(Span { start: close.start - after, ..close }),
                    ]
                }
            };
            found.push(older(open, "a pattern in square brackets", "the pattern alone", edits));
        }
    }
    cx.statements.iter().for_each(|statement| in_statement(cx, statement, found));
}

fn older(span: Span, what: &str, instead: &str, edits: Vec<Edit>) -> Finding {
    Finding::new(Code::W1501, span, format!("{what} is an older spelling"))
        .help(format!("write {instead}"))
        .safe_fix(format!("write {instead}"), edits)
}

fn in_statement(cx: &Cx<'_>, statement: &Statement<'_>, found: &mut Vec<Finding>) {
    match &statement.ast.kind {
        StatementKind::Yield { command: Command::Find(find), .. } => {
            let written = cx.text(find.relation.span);
            if written.to_ascii_lowercase().ends_with("_by") {
                let verb = written.get(..written.len() - 3).unwrap_or(written);
                let instead = format!("{verb} BY");
                let edit = Edit::replace(find.relation.span, &*instead);
                found.push(older(
                    find.relation.span,
                    &format!("`{written}`"),
                    &format!("`{instead}`"),
                    vec![edit],
                ));
            }
        }
        StatementKind::Yield { command: Command::Sort(sort), .. } => {
            qualified(cx, statement, &sort.by.attribute, found);
        }
        StatementKind::Yield { command: Command::Assign(expression), .. }
        | StatementKind::Effect(Effect::Disp(expression)) => in_expression(cx, statement, expression, found),
        _ => {}
    }
    let Some(bounds) = super::future_time_range::bounds(&statement.ast.kind) else { return };
    let Some(range) = &bounds.range else { return };
    if let RangeKind::Absolute { start, stop } = &range.kind {
        for time in [start, stop] {
            let written = cx.text(time.span);
            let bare = written.trim_start_matches('t').trim_matches(['\'', '"', ' ', '\t']);
            if bare != written {
                let edit = Edit::replace(time.span, bare);
                found.push(older(time.span, "a timestamp in quotes", &format!("`{bare}`"), vec![edit]));
            }
        }
    }
    if let Some(limit) = bounds.limit.filter(|limit| limit.span.start < range.span.start) {
        // From the keyword LIMIT to the start of the range.
        let clause = cx.text(Span { start: statement.ast.span.start, ..limit.span });
        let keyword = clause.to_ascii_lowercase().rfind("limit");
        let between = cx.text(Span { start: limit.span.end, end: range.span.start, ..limit.span });
        let finding =
            Finding::new(Code::W1501, limit.span, "LIMIT before the time range is an older spelling")
                .help("write the time range first");
        found.push(match keyword.filter(|_| between.trim().is_empty() && !between.is_empty()) {
            Some(at) => {
                let start = statement.ast.span.start + u32::try_from(at).unwrap_or(0);
                let cut = Span { start, end: range.span.start, ..range.span };
                let end = Span { start: range.span.end, ..range.span };
                let clause = format!(" LIMIT {}", cx.text(limit.span));
                finding.safe_fix(
                    "write the time range first",
                    vec![Edit::delete(cut), Edit::replace(end, clause)],
                )
            }
            None => finding,
        });
    }
}

fn in_expression(cx: &Cx<'_>, statement: &Statement<'_>, expression: &Expression, found: &mut Vec<Finding>) {
    for attribute in expression.attributes.iter().flatten() {
        qualified(cx, statement, attribute, found);
    }
    if let Some(sort) = &expression.sort {
        qualified(cx, statement, &sort.attribute, found);
    }
}

/// `process:name` where only the variable's own type is possible.
fn qualified(cx: &Cx<'_>, statement: &Statement<'_>, attribute: &AttributePath, found: &mut Vec<Finding>) {
    let Some(qualifier) = attribute.entity_type.as_ref().filter(|_| statement.step.is_some()) else { return };
    let span = Span { end: qualifier.span.end + 1, ..qualifier.span };
    let what = format!("`{}`", cx.text(attribute.span));
    found.push(older(
        attribute.span,
        &what,
        &format!("`{}`", attribute.canonical()),
        vec![Edit::delete(span)],
    ));
}
