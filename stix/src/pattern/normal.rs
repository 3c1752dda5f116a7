//! Disjunctive normal form: what one record must hold, alternative by alternative.
//!
//! `name = 'a' AND (pid = 1 OR x-oca-asset:hostname = 'h')` under `GET process` becomes
//!
//! | term | centre | extended |
//! |---|---|---|
//! | 1 | `name = 'a' AND pid = 1` | |
//! | 2 | `name = 'a'` | `x-oca-asset`: `hostname = 'h'` |
//!
//! Only junctions that mix types are distributed. A part whose tests are all about one type
//! stays whole, since one object answers all of it.
//! Source: entities specification 11.2, language specification 4.2.

use std::sync::Arc;

use super::Pattern;
use crate::EntityType;

/// One alternative of a pattern: a record matches if it has, for each type, one object of it
/// that satisfies all its parts; then every such object of the centre's type is a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conjunction {
    /// What the returned object must satisfy; empty if any will do. Tests are about the
    /// centre's type only.
    pub centre: Vec<Arc<Pattern>>,
    /// For each other type, in written order, what one object of it must satisfy.
    pub extended: Vec<(EntityType, Vec<Arc<Pattern>>)>,
}

/// A pattern has more alternatives than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pattern mixes entity types in more than {limit} ways")]
pub struct TooManyTerms {
    /// How many are allowed.
    pub limit: usize,
}

/// Returns the alternatives of a pattern; a record matches if it matches any of them. No
/// alternatives: nothing matches.
///
/// Patterns about one type have one alternative whatever their size. Fails as soon as more
/// than `limit` are needed, before they are built.
pub fn conjunctions(
    pattern: &Pattern,
    centre: &EntityType,
    limit: usize,
) -> Result<Vec<Conjunction>, TooManyTerms> {
    let terms = normalize(pattern, limit)?.terms();
    Ok(terms.into_iter().map(|term| conjunction(term, centre)).collect())
}

/// A conjunction of parts, each about one type.
type Term = Vec<(EntityType, Arc<Pattern>)>;

enum Normal {
    /// All tests are about one type.
    Pure(EntityType, Pattern),
    /// A disjunction of terms.
    Mixed(Vec<Term>),
}

impl Normal {
    fn terms(self) -> Vec<Term> {
        match self {
            Normal::Pure(entity_type, pattern) => vec![vec![(entity_type, Arc::new(pattern))]],
            Normal::Mixed(terms) => terms,
        }
    }
}

fn normalize(pattern: &Pattern, limit: usize) -> Result<Normal, TooManyTerms> {
    let (parts, all) = match pattern {
        Pattern::Test(test) => return Ok(Normal::Pure(test.entity_type.clone(), pattern.clone())),
        Pattern::And(parts) => (parts, true),
        Pattern::Or(parts) => (parts, false),
    };
    let mut pure: Vec<(EntityType, Vec<Pattern>)> = Vec::new();
    let mut mixed: Vec<Vec<Term>> = Vec::new();
    for part in parts {
        match normalize(part, limit)? {
            Normal::Pure(entity_type, part) => match pure.iter_mut().find(|(known, _)| *known == entity_type)
            {
                Some((_, parts)) => parts.push(part),
                None => pure.push((entity_type, vec![part])),
            },
            Normal::Mixed(terms) => mixed.push(terms),
        }
    }
    let join = |mut parts: Vec<Pattern>| match parts.len() {
        1 => parts.remove(0),
        _ if all => Pattern::And(parts),
        _ => Pattern::Or(parts),
    };
    if mixed.is_empty() && pure.len() == 1 {
        let (entity_type, parts) = pure.remove(0);
        return Ok(Normal::Pure(entity_type, join(parts)));
    }
    let pure = pure.into_iter().map(|(entity_type, parts)| (entity_type, Arc::new(join(parts))));
    let terms = if all {
        let mut terms: Vec<Term> = vec![pure.collect()];
        for alternatives in mixed {
            if terms.len().saturating_mul(alternatives.len()) > limit {
                return Err(TooManyTerms { limit });
            }
            let product = terms.iter().flat_map(|term| {
                alternatives.iter().map(move |other| term.iter().chain(other).cloned().collect::<Term>())
            });
            terms = product.collect();
            check_size(&terms, limit)?;
        }
        terms
    } else {
        pure.map(|part| vec![part]).chain(mixed.into_iter().flatten()).collect()
    };
    if terms.len() > limit {
        return Err(TooManyTerms { limit });
    }
    // An empty term is true, and so are all alternatives together then.
    if terms.iter().any(Vec::is_empty) {
        return Ok(Normal::Mixed(vec![Vec::new()]));
    }
    Ok(Normal::Mixed(terms))
}

/// Terms may be few and long; their parts are bounded, too.
fn check_size(terms: &[Term], limit: usize) -> Result<(), TooManyTerms> {
    let parts: usize = terms.iter().map(Vec::len).sum();
    if parts > limit.saturating_mul(64) { Err(TooManyTerms { limit }) } else { Ok(()) }
}

fn conjunction(term: Term, centre: &EntityType) -> Conjunction {
    let mut result = Conjunction { centre: Vec::new(), extended: Vec::new() };
    for (entity_type, part) in term {
        if entity_type == *centre {
            result.centre.push(part);
        } else {
            match result.extended.iter_mut().find(|(known, _)| *known == entity_type) {
                Some((_, parts)) => parts.push(part),
                None => result.extended.push((entity_type, vec![part])),
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Value,
        pattern::{Comparison, Operand, Operator, kestrel_text},
    };

    fn test(entity_type: &str, n: i64) -> Pattern {
        Pattern::Test(Comparison {
            entity_type: entity_type.into(),
            path: crate::AttributePath::key("a"),
            operator: Operator::Equal,
            negated: false,
            operand: Operand::value(Value::Int(n)),
        })
    }

    fn show(pattern: &Pattern) -> String {
        let centre = EntityType::new("c");
        let part = |part: &Arc<Pattern>| kestrel_text(part, &centre, |_| String::new());
        let parts = |parts: &[Arc<Pattern>]| parts.iter().map(part).collect::<Vec<_>>().join(" & ");
        match conjunctions(pattern, &centre, 1000) {
            Err(error) => error.to_string(),
            Ok(terms) => {
                let terms = terms.iter().map(|term| {
                    let extended = term.extended.iter().map(|(_, tests)| format!(" + [{}]", parts(tests)));
                    format!("[{}]{}", parts(&term.centre), extended.collect::<String>())
                });
                terms.collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn and(parts: Vec<Pattern>) -> Pattern {
        Pattern::And(parts)
    }

    fn or(parts: Vec<Pattern>) -> Pattern {
        Pattern::Or(parts)
    }

    #[test]
    fn tests_of_one_type_stay_together() {
        let pattern = and(vec![test("c", 1), or(vec![test("c", 2), and(vec![test("c", 3), test("c", 4)])])]);
        insta::assert_snapshot!(show(&pattern), @"[a = 1 AND (a = 2 OR (a = 3 AND a = 4))]");
        let extended_only = test("x", 1);
        insta::assert_snapshot!(show(&extended_only), @"[] + [x:a = 1]");
    }

    #[test]
    fn mixed_junctions_are_distributed() {
        let pattern =
            and(vec![test("c", 1), or(vec![test("c", 2), test("x", 3), test("x", 4)]), test("y", 5)]);
        insta::assert_snapshot!(show(&pattern), @r"
        [a = 1 & a = 2] + [y:a = 5]
        [a = 1] + [y:a = 5] + [x:a = 3 OR x:a = 4]
        ");
        let pattern =
            or(vec![test("c", 1), and(vec![test("c", 2), test("x", 3)]), test("c", 4), test("x", 5)]);
        insta::assert_snapshot!(show(&pattern), @r"
        [a = 1 OR a = 4]
        [] + [x:a = 5]
        [a = 2] + [x:a = 3]
        ");
    }

    #[test]
    fn constants_disappear() {
        insta::assert_snapshot!(show(&and(vec![])), @"[]");
        insta::assert_snapshot!(show(&or(vec![])), @"");
        insta::assert_snapshot!(show(&or(vec![test("c", 1), and(vec![])])), @"[]");
        insta::assert_snapshot!(show(&and(vec![test("c", 1), or(vec![])])), @"");
        insta::assert_snapshot!(show(&and(vec![test("c", 1), and(vec![])])), @"[a = 1]");
    }

    #[test]
    fn too_many_terms_are_noticed_at_once() {
        let pair = || or(vec![test("c", 1), test("x", 2)]);
        insta::assert_snapshot!(show(&and((0..40).map(|_| pair()).collect())), @"the pattern mixes entity types in more than 1000 ways");
        let wide = or((0..100_000).map(|n| test("c", n)).chain([test("x", 1)]).collect());
        assert_eq!(conjunctions(&wide, &"c".into(), 1000).map(|terms| terms.len()), Ok(2));
    }
}
