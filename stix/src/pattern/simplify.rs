//! The same pattern in fewer words: flat, without repetition, alternatives of one attribute in
//! one `IN`, and constants where data cannot matter.
//!
//! | pattern | becomes | why it is the same |
//! |---|---|---|
//! | `a AND (b AND c)` | `a AND b AND c` | |
//! | `a OR a` | `a` | |
//! | `x = 1 OR x IN (2, 3)` | `x IN (1, 2, 3)` | any value of `x` may satisfy either |
//! | `x != 1 AND x != 2` | `x NOT IN (1, 2)` | present, and none of its values is among them |
//! | `x = 1 OR x != 1` | `x IS NOT NULL` | a negated test holds where the plain one does not, for present values |
//! | `x IS NULL OR x IS NOT NULL` | true | only for the returned type: other types may be missing altogether |
//! | `x = 1 AND x != 1`, `x IS NULL AND x = 1` | false | both are about one object |
//! | `x = 'a' AND x = 'b'`, `x > 5 AND x < 3` | false | only where `x` has one value, and no value equals both |
//!
//! A comparison carries its own rules about case and missing values, which depend on where it is
//! applied ([`Site`](super::Site)) and not on what surrounds it; so tests are moved and merged
//! only with tests of the same attribute, operator and negation. Two kinds of tests are never
//! moved, merged or dropped, since what they do besides is seen: those with references to
//! variables (empty ones are told) and regular expressions (those that give up are told).

use std::collections::{HashMap, HashSet};

use ahash::RandomState;

use super::{Comparison, Operand, Operator, Pattern};
use crate::{AttributePath, EntityType, Value, schema};

/// What a simplification may rely on.
#[derive(Debug, Clone, Copy)]
pub struct Simplify<'a> {
    /// The type whose objects are looked at one by one, so that one is always there.
    pub centre: &'a EntityType,
    /// Whether tests may go that data cannot fail or satisfy. Not where a test for an unknown
    /// attribute is refused, which its disappearance would hide.
    pub constants: bool,
}

/// Returns the simplified pattern: true is an empty `And`, false an empty `Or`.
///
/// Linear in the number of tests and values for a given depth.
pub fn simplified(pattern: &Pattern, rules: Simplify<'_>) -> Pattern {
    let (parts, all) = match pattern {
        Pattern::Test(test) => return Pattern::Test(distinct(test)),
        Pattern::And(parts) => (parts, true),
        Pattern::Or(parts) => (parts, false),
    };
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match (simplified(part, rules), all) {
            (Pattern::And(inner), true) | (Pattern::Or(inner), false) => flat.extend(inner),
            (other, _) => flat.push(other),
        }
    }
    let mut parts = merged(flat, all);
    if rules.constants
        && let Some(constant) = constant(&parts, all, rules.centre)
    {
        return constant;
    }
    if !all {
        present_instead(&mut parts);
    }
    match parts.len() {
        1 => parts.remove(0),
        _ if all => Pattern::And(parts),
        _ => Pattern::Or(parts),
    }
}

/// Returns true if evaluating the pattern, or not doing so, says nothing besides its result.
fn is_quiet(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Test(test) => test.operand.references.is_empty() && test.operator != Operator::Matches,
        Pattern::And(parts) | Pattern::Or(parts) => parts.iter().all(is_quiet),
    }
}

fn quiet_test(pattern: &Pattern) -> Option<&Comparison> {
    match pattern {
        Pattern::Test(test) if is_quiet(pattern) => Some(test),
        _ => None,
    }
}

/// The test with each value once.
fn distinct(test: &Comparison) -> Comparison {
    let mut test = test.clone();
    if test.operand.values.len() > 1 {
        let mut known: HashSet<Value, RandomState> = HashSet::default();
        test.operand.values.retain(|value| known.insert(value.clone()));
    }
    test
}

/// Drops repeated parts, and puts the values of `=` under `OR` and of `!=` under `AND` into the
/// first test of the attribute.
fn merged(parts: Vec<Pattern>, all: bool) -> Vec<Pattern> {
    if parts.len() < 2 {
        return parts;
    }
    type Known = (usize, HashSet<Value, RandomState>);
    let mut out: Vec<Pattern> = Vec::with_capacity(parts.len());
    let mut lists: HashMap<(EntityType, AttributePath), Known, RandomState> = HashMap::default();
    let mut seen: HashSet<Pattern, RandomState> = HashSet::default();
    for part in parts {
        match part {
            Pattern::Test(test)
                if test.operator == Operator::Equal
                    && test.negated == all
                    && test.operand.references.is_empty() =>
            {
                let key = (test.entity_type.clone(), test.path.clone());
                match lists.get_mut(&key) {
                    None => {
                        let values = test.operand.values.iter().cloned().collect();
                        lists.insert(key, (out.len(), values));
                        out.push(Pattern::Test(test));
                    }
                    Some((at, known)) => {
                        if let Pattern::Test(first) = &mut out[*at] {
                            let new =
                                test.operand.values.into_iter().filter(|value| known.insert(value.clone()));
                            first.operand.values.extend(new);
                        }
                    }
                }
            }
            part if is_quiet(&part) => {
                if seen.insert(part.clone()) {
                    out.push(part);
                }
            }
            loud => out.push(loud),
        }
    }
    out
}

/// Everything that one junction says about one attribute.
#[derive(Default)]
struct Said<'p> {
    absent: bool,
    present: bool,
    /// Some test that only a present value satisfies.
    tested: bool,
    plain: Vec<&'p Comparison>,
    negated: Vec<&'p Comparison>,
}

fn said_by_attribute(parts: &[Pattern]) -> HashMap<(&EntityType, &AttributePath), Said<'_>, RandomState> {
    let mut said: HashMap<_, Said<'_>, RandomState> = HashMap::default();
    for test in parts.iter().filter_map(quiet_test) {
        let said = said.entry((&test.entity_type, &test.path)).or_default();
        match (test.operator, test.negated) {
            (Operator::IsNull, false) => said.absent = true,
            (Operator::IsNull, true) => {
                said.present = true;
                said.tested = true;
            }
            (_, negated) => {
                said.tested = true;
                if negated { &mut said.negated } else { &mut said.plain }.push(test);
            }
        }
    }
    said
}

/// Says whether a junction is true or false whatever the data.
fn constant(parts: &[Pattern], all: bool, centre: &EntityType) -> Option<Pattern> {
    let never = || Pattern::Or(Vec::new());
    let always = || Pattern::And(Vec::new());
    if !parts.iter().all(is_quiet) {
        return None;
    }
    if all {
        let is_never = |part: &Pattern| matches!(part, Pattern::Or(parts) if parts.is_empty());
        let contradicts = || {
            said_by_attribute(parts).into_iter().any(|((entity_type, path), said)| {
                (said.absent && said.tested)
                    || complements(&said)
                    || (has_one_value(entity_type, path) && none_satisfies(&said.plain))
            })
        };
        return (parts.iter().any(is_never) || contradicts()).then(never);
    }
    let is_always = |part: &Pattern| matches!(part, Pattern::And(parts) if parts.is_empty());
    let covers = || {
        said_by_attribute(parts).into_iter().any(|((entity_type, _), said)| {
            entity_type == centre && said.absent && (said.present || complements(&said))
        })
    };
    (parts.iter().any(is_always) || covers()).then(always)
}

/// Returns true if some plain test and some negated one are of the same comparison, or if every
/// value that `=` allows is one that `!=` forbids. Under `AND` nothing satisfies both; under
/// `OR` every present value satisfies one.
fn complements(said: &Said<'_>) -> bool {
    let negated: HashSet<(Operator, &[Value]), RandomState> =
        said.negated.iter().map(|test| (test.operator, test.operand.values.as_slice())).collect();
    said.plain.iter().any(|test| negated.contains(&(test.operator, test.operand.values.as_slice())))
}

/// Replaces, under `OR`, a test and its negation by the test for presence, which stands where
/// the first of them stood.
fn present_instead(parts: &mut Vec<Pattern>) {
    let whole: HashSet<(EntityType, AttributePath), RandomState> = said_by_attribute(parts)
        .into_iter()
        .filter(|(_, said)| complements(said) || (said.present && said.tested && said_more(said)))
        .map(|((entity_type, path), _)| (entity_type.clone(), path.clone()))
        .collect();
    if whole.is_empty() {
        return;
    }
    let mut placed: HashSet<(EntityType, AttributePath), RandomState> = HashSet::default();
    parts.retain_mut(|part| {
        let Some(test) = quiet_test(part) else { return true };
        if test.operator == Operator::IsNull && !test.negated {
            return true;
        }
        let key = (test.entity_type.clone(), test.path.clone());
        if !whole.contains(&key) {
            return true;
        }
        let present = Comparison {
            operator: Operator::IsNull,
            negated: true,
            operand: Operand::default(),
            ..test.clone()
        };
        *part = Pattern::Test(present);
        placed.insert(key)
    });
}

/// `IS NOT NULL` beside other tests that need a value.
fn said_more(said: &Said<'_>) -> bool {
    !said.plain.is_empty() || !said.negated.is_empty()
}

/// Returns true for attributes that an object has at most once, under one name, and that are no
/// lists: a plain key of a kind that has no second spelling.
fn has_one_value(_entity_type: &EntityType, path: &AttributePath) -> bool {
    let [step] = path.steps() else { return false };
    !step.any && !step.is_reference() && !step.key.starts_with("x_")
}

/// Returns true if no single value satisfies all of these plain tests, which are about numbers
/// and simple texts; false where that is not sure.
fn none_satisfies(tests: &[&Comparison]) -> bool {
    let key = tests.first().map_or("", |test| test.path.last_key());
    if schema::is_time_attribute(key) || schema::is_binary_attribute(key) || schema::is_hex_attribute(key) {
        return false;
    }
    let mut allowed: Option<HashSet<&Value, RandomState>> = None;
    // Bounds that are in force, each with whether the bound itself satisfies it.
    let mut lowest: Option<(i64, bool)> = None;
    let mut highest: Option<(i64, bool)> = None;
    for test in tests {
        let values = &test.operand.values;
        match (test.operator, values.as_slice()) {
            (Operator::Equal, values) if values.iter().all(is_simple) => {
                let values: HashSet<&Value, RandomState> = values.iter().collect();
                allowed = Some(match allowed {
                    None => values,
                    Some(before) => before.into_iter().filter(|value| values.contains(value)).collect(),
                });
            }
            (Operator::Greater | Operator::GreaterEqual, [Value::Int(n)]) => {
                let bound = (*n, test.operator == Operator::GreaterEqual);
                lowest =
                    Some(lowest.map_or(bound, |known| if tighter_low(bound, known) { bound } else { known }));
            }
            (Operator::Less | Operator::LessEqual, [Value::Int(n)]) => {
                let bound = (*n, test.operator == Operator::LessEqual);
                highest = Some(
                    highest.map_or(bound, |known| if tighter_high(bound, known) { bound } else { known }),
                );
            }
            _ => {}
        }
    }
    let crossed = matches!((lowest, highest), (Some((low, at_low)), Some((high, at_high)))
        if low > high || (low == high && !(at_low && at_high)));
    crossed || allowed.is_some_and(|allowed| allowed.is_empty())
}

fn tighter_low(new: (i64, bool), known: (i64, bool)) -> bool {
    new.0 > known.0 || (new.0 == known.0 && !new.1)
}

fn tighter_high(new: (i64, bool), known: (i64, bool)) -> bool {
    new.0 < known.0 || (new.0 == known.0 && !new.1)
}

/// Returns true for values that equal no other simple value, in whatever way they are compared:
/// numbers that stand for no truth value, and texts that spell neither numbers nor truth, have
/// one form in Unicode, and are no lists.
fn is_simple(value: &Value) -> bool {
    match value {
        Value::Int(n) => !matches!(n, 0 | 1),
        Value::Text(text) => {
            text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text.is_ascii()
                && !["true", "false", "t", "f", "yes", "no", "y", "n", "null", "inf", "infinity", "nan"]
                    .contains(&text.to_ascii_lowercase().as_str())
        }
        Value::Float(_) | Value::Bool(_) | Value::Json(_) => false,
    }
}

#[cfg(test)]
mod tests;
