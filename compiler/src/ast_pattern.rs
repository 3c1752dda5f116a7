//! The syntax tree of patterns, values and attributes.

use kestrel_ir::diagnostic::Span;
use serde::Serialize;

use crate::ast::{Name, Text};

/// What follows `WHERE`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pattern {
    /// The condition.
    pub expr: PatternExpr,
    /// Written in square brackets, as in STIX; means the same.
    pub bracketed: bool,
    /// With brackets.
    pub span: Span,
}

/// A condition. Nesting is bounded by the lexer (`classify::MAX_DEPTH`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum PatternExpr {
    /// All hold; at least two.
    And(Vec<PatternExpr>),
    /// At least one holds; at least two.
    Or(Vec<PatternExpr>),
    /// Parentheses, kept for the formatter.
    Paren(Box<PatternExpr>, Span),
    /// One comparison.
    Test(Box<Test>),
}

impl PatternExpr {
    /// Returns all tests, left to right.
    pub fn tests(&self) -> Vec<&Test> {
        let mut tests = Vec::new();
        self.collect(&mut tests);
        tests
    }

    fn collect<'e>(&'e self, tests: &mut Vec<&'e Test>) {
        match self {
            PatternExpr::And(parts) | PatternExpr::Or(parts) => {
                parts.iter().for_each(|part| part.collect(tests))
            }
            PatternExpr::Paren(inner, _) => inner.collect(tests),
            PatternExpr::Test(test) => tests.push(test),
        }
    }
}

/// `attribute operator value`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Test {
    /// The left side.
    pub attribute: AttributePath,
    /// The comparison.
    pub operator: Operator,
    /// The right side; none exactly for `IS NULL` and `IS NOT NULL`.
    pub value: Option<Value>,
    /// The whole of it.
    pub span: Span,
}

/// A comparison operator with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// Which; `==` is `Equal`, `!=` a negated `Equal`.
    pub kind: OperatorKind,
    /// With `NOT`, or `!=`.
    pub negated: bool,
    /// All its words.
    pub span: Span,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[allow(missing_docs, reason = "named as in the grammar")]
pub enum OperatorKind {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Like,
    Matches,
    IsSubset,
    IsSuperset,
    IsNull,
}

impl Operator {
    /// Returns the canonical spelling, such as `NOT IN` or `!=`.
    pub fn as_str(self) -> &'static str {
        match (self.kind, self.negated) {
            (OperatorKind::Equal, false) => "=",
            (OperatorKind::Equal, true) => "!=",
            (OperatorKind::Less, _) => "<",
            (OperatorKind::LessEqual, _) => "<=",
            (OperatorKind::Greater, _) => ">",
            (OperatorKind::GreaterEqual, _) => ">=",
            (OperatorKind::In, false) => "IN",
            (OperatorKind::In, true) => "NOT IN",
            (OperatorKind::Like, false) => "LIKE",
            (OperatorKind::Like, true) => "NOT LIKE",
            (OperatorKind::Matches, false) => "MATCHES",
            (OperatorKind::Matches, true) => "NOT MATCHES",
            (OperatorKind::IsSubset, false) => "ISSUBSET",
            (OperatorKind::IsSubset, true) => "NOT ISSUBSET",
            (OperatorKind::IsSuperset, false) => "ISSUPERSET",
            (OperatorKind::IsSuperset, true) => "NOT ISSUPERSET",
            (OperatorKind::IsNull, false) => "IS NULL",
            (OperatorKind::IsNull, true) => "IS NOT NULL",
        }
    }
}

/// A value of a comparison or an argument.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Value {
    /// A single one.
    Literal(Literal),
    /// A list, as nested as written.
    List(ValueList),
}

impl Value {
    /// Returns where it was written.
    pub fn span(&self) -> Span {
        match self {
            Value::Literal(literal) => literal.span(),
            Value::List(list) => list.span,
        }
    }

    /// Goes over all literals, nested lists flattened, in written order.
    pub fn each_literal(&self) -> impl Iterator<Item = &Literal> {
        // Without a list there is nothing to keep.
        let (mut single, mut open) = match self {
            Value::Literal(literal) => (Some(literal), Vec::new()),
            Value::List(list) => (None, vec![list.items.iter()]),
        };
        std::iter::from_fn(move || {
            if single.is_some() {
                return single.take();
            }
            loop {
                match open.last_mut()?.next() {
                    Some(Value::Literal(literal)) => return Some(literal),
                    Some(Value::List(list)) => open.push(list.items.iter()),
                    None => drop(open.pop()),
                }
            }
        })
    }

    /// Returns all literals, nested lists flattened, in written order.
    pub fn literals(&self) -> Vec<&Literal> {
        self.each_literal().collect()
    }
}

/// `(…)` or `[…]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueList {
    /// The elements, at least one.
    pub items: Vec<Value>,
    /// With brackets.
    pub span: Span,
}

/// A single value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Literal {
    /// A string.
    Text(Text),
    /// A number.
    Number(Number),
    /// A word without quotes and dots, which is text too.
    Bare(Name),
    /// `variable.attribute`.
    Reference(Box<Reference>),
}

impl Literal {
    /// Returns where it was written.
    pub fn span(&self) -> Span {
        match self {
            Literal::Text(text) => text.span,
            Literal::Number(number) => number.span,
            Literal::Bare(name) => name.span,
            Literal::Reference(reference) => reference.span,
        }
    }

    /// Returns the text if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Literal::Text(text) => Some(&text.value),
            Literal::Bare(name) => Some(&name.text),
            Literal::Number(_) | Literal::Reference(_) => None,
        }
    }
}

/// A number with its sign.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Number {
    /// Its value.
    pub value: NumberValue,
    /// With the sign.
    pub span: Span,
}

/// Integers stay integers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum NumberValue {
    /// Written without fraction and exponent.
    Int(i64),
    /// Finite.
    Float(f64),
}

/// `variable.attribute`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The variable.
    pub variable: Name,
    /// The attribute; never with an entity type.
    pub attribute: AttributePath,
    /// The whole of it.
    pub span: Span,
}

/// `[type:]name.step…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributePath {
    /// The entity type before the colon.
    pub entity_type: Option<Box<Name>>,
    /// The steps, at least one.
    pub steps: Vec<Step>,
    /// The whole of it.
    pub span: Span,
}

impl AttributePath {
    /// Returns the canonical spelling without the entity type: steps with a hyphen in
    /// single quotes, all others bare, such as `binary_ref.hashes.'SHA-256'`.
    pub fn canonical(&self) -> String {
        self.spell(true)
    }

    /// Returns the spelling that the language reads: as [`AttributePath::canonical`], but
    /// the first step is never quoted.
    pub fn in_source(&self) -> String {
        self.spell(false)
    }

    fn spell(&self, quote_first: bool) -> String {
        let mut text = String::new();
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                text.push('.');
            }
            if step.name.contains('-') && (index > 0 || quote_first) {
                text.push('\'');
                text.push_str(&step.name);
                text.push('\'');
            } else {
                text.push_str(&step.name);
            }
            if step.any {
                text.push_str("[*]");
            }
        }
        text
    }
}

/// One step of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Without quotes.
    pub name: String,
    /// Followed by `[*]`: any element of a list.
    pub any: bool,
}
