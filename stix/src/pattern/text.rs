//! Patterns as text: for data sources that take STIX patterns, and as huntflows write them.

use std::fmt::Write;

use super::{Comparison, Operator, Pattern, Reference};
use crate::{EntityType, TimeWindow, Value};

/// Returns the STIX pattern; `input` names a step's reference inputs. None when nothing is
/// left to test, so that every record is wanted.
///
/// Tests for absence have no STIX form and are left out, which makes the pattern wider:
/// whoever sends it must apply the whole pattern to what comes back. References are written
/// as `<var.attr>`; resolve them before a pattern is sent. Parts that nothing can match (an
/// empty `OR`, `IN` of no values) are left out of an `OR`; a pattern that
/// [never holds](Pattern::never_holds) is not to be sent at all, and is written `[FALSE]`.
///
/// ```text
/// [(process:name = 'a' AND process:pid IN (<p.pid>))] START t'2021-04-03T00:00:00.000Z' STOP t'…'
/// ```
///
/// Source: language specification 4.6.
pub fn stix_text(
    pattern: &Pattern,
    window: Option<&TimeWindow>,
    input: impl Fn(u32) -> String,
) -> Option<String> {
    let sent = pattern.widened(&|test| {
        let any_present = test.operator == Operator::Equal && test.negated && test.operand.is_empty();
        test.operator != Operator::IsNull && !any_present
    })?;
    let sent = sent.without_impossible().unwrap_or(Pattern::Or(Vec::new()));
    let style = Style { stix: true, centre: None, input: &input };
    let mut out = String::from("[");
    style.pattern(&mut out, &sent, Place::Top);
    out.push(']');
    if let Some(window) = window.filter(|window| !window.is_open()) {
        let _ = write!(out, " {window}");
    }
    Some(out)
}

/// Returns the pattern as a huntflow writes it after `WHERE`, in canonical spelling: the type
/// left out where it is the returned one, parentheses only where needed. `input` names the
/// variables of references.
pub fn kestrel_text(pattern: &Pattern, centre: &EntityType, input: impl Fn(u32) -> String) -> String {
    let style = Style { stix: false, centre: Some(centre), input: &input };
    let mut out = String::new();
    style.pattern(&mut out, pattern, Place::Top);
    out
}

/// Returns an attribute as huntflows write it: they have no quotes around the first step.
fn in_source(path: &crate::AttributePath) -> String {
    let text = path.to_string();
    match text.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
        Some((first, rest)) => format!("{first}{rest}"),
        None => text,
    }
}

/// Returns a value as patterns write it: text in single quotes with backslash and quote
/// escaped, floats with a point, booleans bare, lists as text.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Float(n) => {
            let mut text = n.to_string();
            if !text.contains('.') {
                text.push_str(".0");
            }
            text
        }
        Value::Int(_) | Value::Bool(_) => value.to_string(),
        Value::Text(text) | Value::Json(text) => {
            let mut out = String::with_capacity(text.len() + 2);
            out.push('\'');
            for c in text.chars() {
                if matches!(c, '\\' | '\'') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('\'');
            out
        }
    }
}

/// A text as huntflows write it: on one line.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\\' | '\'' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

struct Style<'s> {
    stix: bool,
    centre: Option<&'s EntityType>,
    input: &'s dyn Fn(u32) -> String,
}

/// What surrounds a part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    InAnd,
    InOr,
}

impl Style<'_> {
    fn pattern(&self, out: &mut String, pattern: &Pattern, place: Place) {
        let (parts, word, inner) = match pattern {
            Pattern::Test(test) => return self.test(out, test),
            Pattern::And(parts) => (parts, " AND ", Place::InAnd),
            Pattern::Or(parts) => (parts, " OR ", Place::InOr),
        };
        match parts.as_slice() {
            [] => out.push_str(if inner == Place::InAnd { "TRUE" } else { "FALSE" }),
            [only] => self.pattern(out, only, place),
            [first, others @ ..] if self.stix => {
                // Two at a time, left-associative.
                out.extend(std::iter::repeat_n('(', others.len()));
                self.pattern(out, first, inner);
                for part in others {
                    out.push_str(word);
                    self.pattern(out, part, inner);
                    out.push(')');
                }
            }
            [first, others @ ..] => {
                let parentheses = place != Place::Top && place != inner;
                out.push_str(if parentheses { "(" } else { "" });
                self.pattern(out, first, inner);
                for part in others {
                    out.push_str(word);
                    self.pattern(out, part, inner);
                }
                out.push_str(if parentheses { ")" } else { "" });
            }
        }
    }

    fn test(&self, out: &mut String, test: &Comparison) {
        if self.centre != Some(&test.entity_type) {
            let _ = write!(out, "{}:", test.entity_type);
        }
        if self.stix {
            let _ = write!(out, "{} ", test.path);
        } else {
            let _ = write!(out, "{} ", in_source(&test.path));
        }
        let operand = &test.operand;
        let not = if test.negated { "NOT " } else { "" };
        match (test.operator, operand.values.as_slice(), operand.references.as_slice()) {
            (Operator::IsNull, ..) => out.push_str(if test.negated { "IS NOT NULL" } else { "IS NULL" }),
            (Operator::Equal, [value], []) => {
                out.push_str(if test.negated { "!= " } else { "= " });
                out.push_str(&self.value(value));
            }
            (Operator::Equal, [], [reference]) if !self.stix => {
                let _ = write!(out, "{not}IN {}", self.reference(reference));
            }
            (Operator::Equal, values, references) => {
                let _ = write!(out, "{not}IN ({})", self.list(values, references));
            }
            (operator, values, references) => {
                let _ = write!(out, "{not}{operator} {}", self.list(values, references));
            }
        }
    }

    fn list(&self, values: &[Value], references: &[Reference]) -> String {
        let values = values.iter().map(|value| self.value(value));
        let all = values.chain(references.iter().map(|reference| self.reference(reference)));
        all.collect::<Vec<_>>().join(if self.stix { "," } else { ", " })
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Text(text) | Value::Json(text) if !self.stix => quoted(text),
            value => value_text(value),
        }
    }

    fn reference(&self, reference: &Reference) -> String {
        let name = (self.input)(reference.input);
        if self.stix { format!("<{name}.{}>", reference.path) } else { format!("{name}.{}", reference.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timestamp, pattern::Operand};

    fn test(attribute: &str, operator: Operator, negated: bool, values: Vec<Value>) -> Pattern {
        let (entity_type, path) = attribute.split_once(':').expect("type and path");
        Pattern::Test(Comparison {
            entity_type: entity_type.into(),
            path: path.parse().expect("a path"),
            operator,
            negated,
            operand: Operand { values, references: Vec::new() },
        })
    }

    fn is(attribute: &str, value: Value) -> Pattern {
        test(attribute, Operator::Equal, false, vec![value])
    }

    fn stix(pattern: &Pattern) -> String {
        stix_text(pattern, None, |n| format!("v{n}")).unwrap_or_else(|| "everything".to_owned())
    }

    fn kestrel(pattern: &Pattern) -> String {
        kestrel_text(pattern, &"process".into(), |n| format!("v{n}"))
    }

    #[test]
    fn the_documented_example() {
        let pids = Pattern::Or(vec![is("process:pid", Value::Int(1)), is("process:pid", Value::Int(2))]);
        let pattern = Pattern::And(vec![
            is("process:name", Value::text("a")),
            pids,
            is("x-oca-asset:hostname", Value::text("h")),
        ]);
        assert_eq!(
            stix(&pattern),
            "[((process:name = 'a' AND (process:pid = 1 OR process:pid = 2)) AND x-oca-asset:hostname = 'h')]"
        );
        assert_eq!(kestrel(&pattern), "name = 'a' AND (pid = 1 OR pid = 2) AND x-oca-asset:hostname = 'h'");
        let at = |text| Timestamp::parse(text).expect("a time");
        let window = TimeWindow::new(at("2021-04-03T00:00:00.1239Z"), at("2021-04-04T00:00:00Z"));
        assert_eq!(
            stix_text(&is("process:pid", Value::Int(1)), Some(&window), |_| String::new())
                .unwrap_or_default(),
            "[process:pid = 1] START t'2021-04-03T00:00:00.123Z' STOP t'2021-04-04T00:00:00.000Z'"
        );
    }

    #[test]
    fn operators_and_values() {
        let mut with_reference = test("process:pid", Operator::Equal, true, vec![Value::Int(4)]);
        with_reference.for_each_mut(&mut |test| {
            test.operand.references.push(Reference { input: 0, path: crate::AttributePath::key("pid") });
        });
        let mut only_reference = with_reference.clone();
        only_reference.for_each_mut(&mut |test| test.operand.values.clear());
        let patterns = [
            test("file:hashes.'SHA-256'", Operator::Equal, true, vec![Value::text("h")]),
            test("process:pid", Operator::Equal, true, vec![Value::Int(1), Value::Int(2)]),
            test("process:name", Operator::Like, true, vec![Value::text("it's\\%")]),
            test("process:x", Operator::GreaterEqual, false, vec![Value::Float(1000.0)]),
            test("process:x", Operator::Equal, false, vec![Value::Bool(true)]),
            test("process:name", Operator::Matches, false, vec![Value::text("a\n\u{7}")]),
            test("process:name", Operator::IsNull, false, vec![]),
            test("process:name", Operator::IsNull, true, vec![]),
            test("process:pid", Operator::Equal, false, vec![]),
            with_reference,
            only_reference,
        ];
        let lines =
            patterns.iter().map(|pattern| format!("{} | {}", stix(pattern).escape_debug(), kestrel(pattern)));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
        [file:hashes.\'SHA-256\' != \'h\'] | file:hashes.'SHA-256' != 'h'
        [process:pid NOT IN (1,2)] | pid NOT IN (1, 2)
        [process:name NOT LIKE \'it\\\'s\\\\%\'] | name NOT LIKE 'it\'s\\%'
        [process:x >= 1000.0] | x >= 1000.0
        [process:x = true] | x = true
        [process:name MATCHES \'a\n\u{7}\'] | name MATCHES 'a\n\x07'
        everything | name IS NULL
        everything | name IS NOT NULL
        [FALSE] | pid IN ()
        [process:pid NOT IN (4,<v0.pid>)] | pid NOT IN (4, v0.pid)
        [process:pid NOT IN (<v0.pid>)] | pid NOT IN v0.pid
        ");
    }

    #[test]
    fn tests_for_absence_are_left_out_and_take_their_or_with_them() {
        let absent = || test("process:name", Operator::IsNull, false, vec![]);
        let pid = || is("process:pid", Value::Int(1));
        assert_eq!(stix(&Pattern::And(vec![absent(), pid()])), "[process:pid = 1]");
        assert_eq!(stix(&Pattern::Or(vec![absent(), pid()])), "everything");
        assert_eq!(stix(&Pattern::And(vec![Pattern::Or(vec![absent(), pid()]), pid()])), "[process:pid = 1]");
        assert_eq!(stix(&Pattern::Or(vec![])), "[FALSE]");
    }

    #[test]
    fn deep_patterns_print_and_nest_only_where_needed() {
        let a = || is("process:pid", Value::Int(1));
        let nested = Pattern::And(vec![
            Pattern::And(vec![a(), a()]),
            Pattern::Or(vec![a(), Pattern::And(vec![a(), a()])]),
        ]);
        assert_eq!(kestrel(&nested), "pid = 1 AND pid = 1 AND (pid = 1 OR (pid = 1 AND pid = 1))");
    }
}
