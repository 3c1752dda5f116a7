//! W1201 `contradictory-pattern`: tests that exclude each other.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/contradictory-pattern.md")]

use std::collections::HashMap;

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Literal, NumberValue, OperatorKind, PatternExpr, Test},
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1201, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in &cx.patterns {
        let mut stack = vec![&site.pattern.expr];
        while let Some(expr) = stack.pop() {
            match expr {
                PatternExpr::And(parts) => {
                    conjunction(cx, parts, site.centre, found);
                    stack.extend(parts);
                }
                PatternExpr::Or(parts) => stack.extend(parts),
                PatternExpr::Paren(inner, _) => stack.push(inner),
                PatternExpr::Test(_) => {}
            }
        }
    }
}

/// What the tests of one attribute leave possible.
#[derive(Default)]
struct Possible<'t> {
    /// The values of the first `=` or `IN`, as they compare.
    among: Option<(Vec<String>, &'t Test)>,
    /// The value of the first `=` with a number.
    exactly: Option<(f64, &'t Test)>,
    above: Option<(f64, bool, &'t Test)>,
    below: Option<(f64, bool, &'t Test)>,
    absent: Option<&'t Test>,
    present: Option<&'t Test>,
}

fn conjunction(cx: &Cx<'_>, parts: &[PatternExpr], centre: Option<&str>, found: &mut Vec<Finding>) {
    let mut attributes: HashMap<String, Possible<'_>> = HashMap::new();
    let mut tests = Vec::new();
    let mut stack: Vec<&PatternExpr> = parts.iter().rev().collect();
    while let Some(part) = stack.pop() {
        match part {
            PatternExpr::Paren(inner, _) => stack.push(inner),
            PatternExpr::Test(test) => tests.push(test),
            PatternExpr::And(_) | PatternExpr::Or(_) => {}
        }
    }
    for test in tests {
        let own = test.attribute.entity_type.as_ref().is_none_or(|name| Some(name.text.as_str()) == centre);
        // Lists, and other entities of the record, can satisfy both tests with two values.
        let many = test.attribute.steps.iter().any(|step| step.any || step.name.ends_with("_refs"));
        if !own || many || test.attribute.steps.first().is_some_and(|step| step.name == "protocols") {
            continue;
        }
        let possible = attributes.entry(test.attribute.canonical()).or_default();
        if let Some(other) = narrow(possible, test) {
            found.push(
                Finding::new(
                    Code::W1201,
                    test.span,
                    format!(
                        "nothing can satisfy both `{}` and `{}`",
                        cx.text(other.span),
                        cx.text(test.span)
                    ),
                )
                .label(other.span, "excluded by this")
                .help("join them with OR, or correct one of them"),
            );
        }
    }
}

/// Adds a test; returns the earlier one that it contradicts.
fn narrow<'t>(possible: &mut Possible<'t>, test: &'t Test) -> Option<&'t Test> {
    let negated = test.operator.negated;
    if test.operator.kind == OperatorKind::IsNull && !negated {
        possible.absent = Some(test);
        return possible.present;
    }
    possible.present.get_or_insert(test);
    if possible.absent.is_some() {
        return possible.absent;
    }
    let literals = test.value.as_ref()?.literals();
    let texts: Option<Vec<String>> = literals.iter().map(|literal| comparable(literal)).collect();
    let single = match literals.as_slice() {
        [Literal::Number(number)] => Some(match number.value {
            NumberValue::Int(n) => n as f64,
            NumberValue::Float(n) => n,
        }),
        _ => None,
    };
    match test.operator.kind {
        OperatorKind::Equal | OperatorKind::In if !negated => {
            let texts = texts?;
            let other = match &possible.among {
                Some((known, other)) => {
                    let known: std::collections::HashSet<&String> = known.iter().collect();
                    (!texts.iter().any(|text| known.contains(text))).then_some(*other)
                }
                None => single.and_then(|value| {
                    let above =
                        possible.above.filter(|(low, open, _)| value < *low || *open && value <= *low);
                    let below =
                        possible.below.filter(|(high, open, _)| value > *high || *open && value >= *high);
                    above.or(below).map(|(_, _, other)| other)
                }),
            };
            possible.among = Some((texts, test));
            possible.exactly = possible.exactly.or(single.map(|value| (value, test)));
            other
        }
        OperatorKind::Equal | OperatorKind::In => {
            let excluded = texts?;
            let (known, other) = possible.among.as_ref()?;
            let excluded: std::collections::HashSet<&String> = excluded.iter().collect();
            known.iter().all(|text| excluded.contains(text)).then_some(*other)
        }
        OperatorKind::Greater | OperatorKind::GreaterEqual => {
            let (low, open) = (single?, test.operator.kind == OperatorKind::Greater);
            let below =
                possible.below.filter(|(high, other, _)| low > *high || (open || *other) && low >= *high);
            possible.above = Some((low, open, test));
            let exactly = possible.exactly.filter(|(value, _)| *value < low || open && *value <= low);
            below.map(|(_, _, other)| other).or(exactly.map(|(_, other)| other))
        }
        OperatorKind::Less | OperatorKind::LessEqual => {
            let (high, open) = (single?, test.operator.kind == OperatorKind::Less);
            let above =
                possible.above.filter(|(low, other, _)| high < *low || (open || *other) && high <= *low);
            possible.below = Some((high, open, test));
            let exactly = possible.exactly.filter(|(value, _)| *value > high || open && *value >= high);
            above.map(|(_, _, other)| other).or(exactly.map(|(_, other)| other))
        }
        _ => None,
    }
}

/// Returns a text that is equal for equal values; none for references, whose values are unknown.
fn comparable(literal: &Literal) -> Option<String> {
    match literal {
        Literal::Number(number) => Some(match number.value {
            NumberValue::Int(n) => n.to_string(),
            NumberValue::Float(n) => n.to_string(),
        }),
        other => other.as_text().map(str::to_owned),
    }
}
