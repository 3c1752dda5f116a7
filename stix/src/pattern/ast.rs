//! The pattern tree.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AttributePath, EntityType, Value};

/// A pattern: tests joined by `AND` and `OR`.
///
/// `And` and `Or` hold two or more parts after parsing; an empty `And` is true and an empty
/// `Or` is false, which passes may produce.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// Every part holds.
    And(Vec<Pattern>),
    /// Some part holds.
    Or(Vec<Pattern>),
    /// One attribute test.
    Test(Comparison),
}

/// One attribute test: `entity_type:path OP operand`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Comparison {
    /// The type it is about. Equal to the returned type for centred tests.
    pub entity_type: EntityType,
    /// The attribute that is tested.
    pub path: AttributePath,
    /// How.
    pub operator: Operator,
    /// True for `!=`, `NOT IN`, `NOT LIKE`, `IS NOT NULL` …: the test holds when the value is
    /// present and the plain test does not hold; for [`Operator::IsNull`], when it is present.
    pub negated: bool,
    /// What it is compared with; ignored by [`Operator::IsNull`].
    pub operand: Operand,
}

/// The comparison, without its negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// `=`, `==`, `IN`; negated `!=`, `NOT IN`. True when any operand value is equal.
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `LIKE`
    Like,
    /// `MATCHES`
    Matches,
    /// `ISSUBSET`
    IsSubset,
    /// `ISSUPERSET`
    IsSuperset,
    /// `IS NULL`
    IsNull,
}

/// Shows the operator as patterns write it; `=` for [`Operator::Equal`].
impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Operator::Equal => "=",
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterEqual => ">=",
            Operator::Like => "LIKE",
            Operator::Matches => "MATCHES",
            Operator::IsSubset => "ISSUBSET",
            Operator::IsSuperset => "ISSUPERSET",
            Operator::IsNull => "IS NULL",
        })
    }
}

/// The right side: literal values and references, in written order, duplicates removed.
///
/// Every operator but [`Operator::Equal`] needs exactly one value once references are
/// resolved; [`Operator::IsNull`] has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Operand {
    /// Values written in the huntflow.
    pub values: Vec<Value>,
    /// Values taken from variables when the step runs.
    pub references: Vec<Reference>,
}

/// `var.attr` on the right side: the distinct present values of an attribute of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// Which of the step's reference inputs holds the entities: its index.
    pub input: u32,
    /// The attribute.
    pub path: AttributePath,
}

impl Operand {
    /// Makes an operand of one literal value.
    pub fn value(value: Value) -> Self {
        Operand { values: vec![value], references: Vec::new() }
    }

    /// Returns true if there is neither a value nor a reference.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.references.is_empty()
    }
}

impl Pattern {
    /// Returns every test, in written order.
    pub fn comparisons(&self) -> Vec<&Comparison> {
        let mut found = Vec::new();
        let mut stack = vec![self];
        while let Some(pattern) = stack.pop() {
            match pattern {
                Pattern::And(parts) | Pattern::Or(parts) => stack.extend(parts.iter().rev()),
                Pattern::Test(comparison) => found.push(comparison),
            }
        }
        found
    }

    /// Calls `change` on every test.
    pub fn for_each_mut(&mut self, change: &mut impl FnMut(&mut Comparison)) {
        match self {
            Pattern::And(parts) | Pattern::Or(parts) => {
                for part in parts {
                    part.for_each_mut(change);
                }
            }
            Pattern::Test(comparison) => change(comparison),
        }
    }

    /// Returns the references of all tests, in written order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.comparisons().into_iter().flat_map(|test| test.operand.references.iter())
    }

    /// Returns true if nothing can match, whatever the data: every way through it meets an
    /// empty `OR` or an `IN` of no values.
    pub fn never_holds(&self) -> bool {
        match self {
            Pattern::And(parts) => parts.iter().any(Pattern::never_holds),
            Pattern::Or(parts) => parts.iter().all(Pattern::never_holds),
            Pattern::Test(test) => {
                test.operator == Operator::Equal && !test.negated && test.operand.is_empty()
            }
        }
    }

    /// Returns the pattern without alternatives that [never hold](Pattern::never_holds); none
    /// if it never holds itself.
    pub fn without_impossible(&self) -> Option<Pattern> {
        match self {
            Pattern::Test(_) => (!self.never_holds()).then(|| self.clone()),
            Pattern::And(parts) => {
                let parts: Option<Vec<_>> = parts.iter().map(Pattern::without_impossible).collect();
                parts.map(Pattern::And)
            }
            Pattern::Or(parts) => {
                let mut left: Vec<_> = parts.iter().filter_map(Pattern::without_impossible).collect();
                if left.len() > 1 { Some(Pattern::Or(left)) } else { left.pop() }
            }
        }
    }

    /// Keeps only tests that satisfy `keep`, replacing the others by "true". Under `OR` a
    /// dropped test makes the whole junction true, so the result is never narrower.
    ///
    /// Returns none when nothing is left to test.
    pub fn widened(&self, keep: &impl Fn(&Comparison) -> bool) -> Option<Pattern> {
        match self {
            Pattern::Test(comparison) => keep(comparison).then(|| self.clone()),
            Pattern::And(parts) => {
                let mut left: Vec<_> = parts.iter().filter_map(|part| part.widened(keep)).collect();
                match left.len() {
                    0 => None,
                    1 => left.pop(),
                    _ => Some(Pattern::And(left)),
                }
            }
            Pattern::Or(parts) => {
                let left: Option<Vec<_>> = parts.iter().map(|part| part.widened(keep)).collect();
                left.map(Pattern::Or)
            }
        }
    }
}
