//! The syntax tree: what was written, with the place of every part.
//!
//! Names are plain strings, nothing is bound or checked against data. Literals are
//! decoded; how they were written is the source under their span. Alternative
//! spellings are kept apart only where the formatter needs them: brackets around a
//! pattern, parentheses, quotes.

use kestrel_ir::diagnostic::Span;
use serde::Serialize;

pub use crate::ast_pattern::{
    AttributePath, Literal, Number, NumberValue, Operator, OperatorKind, Pattern, PatternExpr, Reference,
    Step, Test, Value, ValueList,
};

/// A whole text.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Huntflow {
    /// The statements that could be read, in order.
    pub statements: Vec<Statement>,
    /// The statements that could not be read; a diagnostic tells why.
    pub broken: Vec<Broken>,
}

/// A statement that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The variable it would have made: later uses of it are no second mistake.
    pub target: Option<Name>,
    /// Up to the place of the error.
    pub span: Span,
}

/// One hunt step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// From its first to its last token.
    pub span: Span,
}

/// A statement yields a variable or has an effect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum StatementKind {
    /// `target = command`, or a bare command whose result goes to `_`.
    Yield {
        /// The variable left of `=`; none when nothing was written.
        target: Option<Name>,
        /// What makes the result.
        command: Command,
    },
    /// A command that yields no variable.
    Effect(Effect),
}

/// Commands that yield a variable. Boxed: the parser moves what it has read with every token.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "each variant is the command of its name")]
pub enum Command {
    Get(Box<Get>),
    Find(Box<Find>),
    New(Box<New>),
    Load(Box<Load>),
    Sort(Box<Sort>),
    Group(Box<Group>),
    Join(Box<Join>),
    /// `a + b + …`; at least two variables.
    Merge(Vec<Name>),
    /// `a WHERE …`, also a plain `a`.
    Assign(Box<Expression>),
}

/// Commands that yield none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "each variant is the command of its name")]
pub enum Effect {
    Apply(Box<Apply>),
    Disp(Box<Expression>),
    Info(Name),
    /// `DESCRIBE variable.attribute`.
    Describe(Box<Reference>),
    Save(Box<Save>),
    Explain(Name),
}

/// A name: variable, entity type, relation, alias, argument key or bare word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// As written, without case folding.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// A decoded string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text {
    /// The value, escapes decoded.
    pub value: String,
    /// Written with the prefix `r`.
    pub raw: bool,
    /// With prefix and quotes.
    pub span: Span,
}

/// `GET type [FROM source] WHERE pattern [range] [LIMIT n]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Get {
    /// The entity type.
    pub entity_type: Name,
    /// Where from; none means the latest source.
    pub source: Option<Source>,
    /// What is looked for.
    pub pattern: Pattern,
    /// Time range and limit.
    pub bounds: Bounds,
}

/// What follows `FROM`: a variable or one or more addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The parts between the commas, blanks trimmed; never empty.
    pub parts: Vec<SourcePart>,
    /// The whole of it.
    pub span: Span,
}

impl Source {
    /// Returns the name if this may be a variable: a single unquoted word of its shape.
    pub fn as_variable(&self) -> Option<&str> {
        match &*self.parts {
            [part] if !part.quoted && is_variable(&part.text) => Some(&part.text),
            _ => None,
        }
    }
}

/// One address of a source list; the scheme of the first part holds for those without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourcePart {
    /// As written, decoded when quoted.
    pub text: String,
    /// Stood in quotes.
    pub quoted: bool,
    /// Where; the whole string if escapes make the exact place unclear.
    pub span: Span,
}

/// The bounds of `GET` and `FIND`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// The time range.
    pub range: Option<Box<TimeRange>>,
    /// `LIMIT n`.
    pub limit: Option<Count>,
    /// `LIMIT` stood before the time range (P3).
    pub limit_first: bool,
}

/// `START … STOP …` or `LAST …`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimeRange {
    /// Its two forms.
    pub kind: RangeKind,
    /// From the keyword to the last token.
    pub span: Span,
}

/// The forms of a time range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as in the grammar")]
pub enum RangeKind {
    /// Two instants.
    Absolute { start: Timestamp, stop: Timestamp },
    /// A duration up to now.
    Last(Duration),
}

/// An instant in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z; finer fractions are cut.
    pub micros: i64,
    /// With prefix and quotes.
    pub span: Span,
}

/// A count of time units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Duration {
    /// How many.
    pub count: Count,
    /// Of what.
    pub unit: Unit,
    /// Number and unit.
    pub span: Span,
}

impl Duration {
    /// Returns its length in seconds; the parser has checked that it fits.
    pub fn seconds(&self) -> u64 {
        self.count.value.saturating_mul(self.unit.seconds())
    }
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as in the grammar")]
pub enum Unit {
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    /// Returns how many seconds one unit has.
    pub fn seconds(self) -> u64 {
        match self {
            Unit::Day => 86_400,
            Unit::Hour => 3_600,
            Unit::Minute => 60,
            Unit::Second => 1,
        }
    }

    /// Returns the keyword for `count` units, such as `DAYS`.
    pub fn keyword(self, count: u64) -> &'static str {
        match (self, count) {
            (Unit::Day, 1) => "DAY",
            (Unit::Day, _) => "DAYS",
            (Unit::Hour, 1) => "HOUR",
            (Unit::Hour, _) => "HOURS",
            (Unit::Minute, 1) => "MINUTE",
            (Unit::Minute, _) => "MINUTES",
            (Unit::Second, 1) => "SECOND",
            (Unit::Second, _) => "SECONDS",
        }
    }
}

/// A whole number without sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// At most the largest 64-bit signed integer.
    pub value: u64,
    /// Where.
    pub span: Span,
}

/// `FIND type relation [BY] variable [WHERE pattern] [range] [LIMIT n]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Find {
    /// The entity type of the result.
    pub entity_type: Name,
    /// In lower case, without `_by`.
    pub relation: Name,
    /// Was `BY` written: the variable is the one that does it.
    pub reversed: bool,
    /// The input.
    pub variable: Name,
    /// The condition.
    pub pattern: Option<Pattern>,
    /// Time range and limit.
    pub bounds: Bounds,
}

/// `NEW [type] data`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct New {
    /// The entity type, if named.
    pub entity_type: Option<Name>,
    /// The entities.
    pub data: NewData,
    /// The brackets and what is in them.
    pub data_span: Span,
}

/// The data of `NEW`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum NewData {
    /// `[]`.
    Empty,
    /// One entity a string.
    Texts(Vec<Text>),
    /// One entity an object.
    Objects(Vec<Object>),
}

/// `{"key": value, …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Object {
    /// Keys and values in order; no key occurs twice.
    pub fields: Vec<(Text, Scalar)>,
    /// With braces.
    pub span: Span,
}

/// A value in an object of `NEW`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "named as in the grammar")]
pub enum Scalar {
    Text(Text),
    Number(Number),
    Bool(bool, Span),
    Null(Span),
}

impl Scalar {
    /// Returns where it was written.
    pub fn span(&self) -> Span {
        match self {
            Scalar::Text(text) => text.span,
            Scalar::Number(number) => number.span,
            Scalar::Bool(_, span) | Scalar::Null(span) => *span,
        }
    }
}

/// A file path or the address of an analytic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathText {
    /// As written, decoded when quoted; variables and `~` not expanded. Never empty.
    pub text: String,
    /// Stood in quotes.
    pub quoted: bool,
    /// Where.
    pub span: Span,
}

/// `LOAD path [AS type]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Load {
    /// The file.
    pub path: PathText,
    /// The entity type, if named.
    pub entity_type: Option<Name>,
}

/// `SORT variable BY attribute [ASC|DESC]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sort {
    /// The input.
    pub variable: Name,
    /// Key and direction.
    pub by: SortBy,
}

/// A sort key with its direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SortBy {
    /// The key.
    pub attribute: AttributePath,
    /// None when not written: the configured default, descending.
    pub order: Option<SortOrder>,
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as in the grammar")]
pub enum SortOrder {
    Ascending,
    Descending,
}

/// `GROUP variable BY key, … [WITH aggregate, …]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The input.
    pub variable: Name,
    /// The keys, at least one.
    pub keys: Vec<GroupKey>,
    /// The aggregates; empty means automatic aggregation.
    pub aggregates: Vec<Aggregate>,
}

/// A key of `GROUP`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum GroupKey {
    /// The value itself.
    Attribute(AttributePath),
    /// `BIN(attribute, size [unit])`.
    Bin {
        /// What is rounded down.
        attribute: AttributePath,
        /// The size of a bin, at least 1.
        size: Count,
        /// For timestamps.
        unit: Option<Unit>,
        /// The whole call.
        span: Span,
    },
}

impl GroupKey {
    /// Returns the name of its column: the attribute, or `attr_bin`.
    pub fn column(&self) -> String {
        match self {
            GroupKey::Attribute(attribute) => attribute.canonical(),
            GroupKey::Bin { attribute, .. } => format!("{}_bin", attribute.canonical()),
        }
    }

    /// Returns where it was written.
    pub fn span(&self) -> Span {
        match self {
            GroupKey::Attribute(attribute) => attribute.span,
            GroupKey::Bin { span, .. } => *span,
        }
    }
}

/// `function(attribute) [AS alias]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Aggregate {
    /// The function.
    pub function: AggregateFunction,
    /// What is aggregated.
    pub attribute: AttributePath,
    /// As written; see [`Aggregate::column`] for the default.
    pub alias: Option<Name>,
    /// The whole of it.
    pub span: Span,
}

impl Aggregate {
    /// Returns the name of its column: the alias, or `function_attribute`.
    pub fn column(&self) -> String {
        match &self.alias {
            Some(alias) => alias.text.clone(),
            None => format!("{}_{}", self.function.as_str(), self.attribute.canonical()),
        }
    }
}

/// A function over the values of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as in the grammar")]
pub enum AggregateFunction {
    Min,
    Max,
    Sum,
    Avg,
    Count,
    Nunique,
}

impl AggregateFunction {
    /// Returns its name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            AggregateFunction::Min => "min",
            AggregateFunction::Max => "max",
            AggregateFunction::Sum => "sum",
            AggregateFunction::Avg => "avg",
            AggregateFunction::Count => "count",
            AggregateFunction::Nunique => "nunique",
        }
    }
}

/// `JOIN a, b [BY attribute, attribute]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Join {
    /// Type and identity come from this one.
    pub left: Name,
    /// The other input.
    pub right: Name,
    /// The attributes that must be equal, one of each input.
    pub by: Option<(AttributePath, AttributePath)>,
}

/// `APPLY address ON variable, … [WITH key=value, …]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Apply {
    /// The analytic.
    pub analytic: PathText,
    /// The inputs, at least one.
    pub variables: Vec<Name>,
    /// The arguments; no key occurs twice.
    pub arguments: Vec<Argument>,
}

/// `key=value` of `APPLY`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Argument {
    /// The name the analytic sees.
    pub key: Name,
    /// The value.
    pub value: Value,
}

/// `SAVE variable TO path`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Save {
    /// What is written.
    pub variable: Name,
    /// Where to.
    pub path: PathText,
}

/// What `DISP` shows and an assignment takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expression {
    /// Applied to the variable before all clauses.
    pub transformer: Option<Transformer>,
    /// The input.
    pub variable: Name,
    /// `WHERE`.
    pub pattern: Option<Pattern>,
    /// `ATTR`; never an empty list.
    pub attributes: Option<Vec<AttributePath>>,
    /// `SORT BY`.
    pub sort: Option<SortBy>,
    /// `LIMIT`.
    pub limit: Option<Count>,
    /// `OFFSET`.
    pub offset: Option<Count>,
    /// The whole of it.
    pub span: Span,
}

/// Turns entities into appearances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as in the grammar")]
pub enum Transformer {
    Timestamped,
    AddObsId,
    Records,
}

impl Transformer {
    /// Returns the keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Transformer::Timestamped => "TIMESTAMPED",
            Transformer::AddObsId => "ADDOBSID",
            Transformer::Records => "RECORDS",
        }
    }
}

/// Is `text` a legal variable name: an ASCII letter or `_`, then letters, digits, `_`?
pub fn is_variable(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
