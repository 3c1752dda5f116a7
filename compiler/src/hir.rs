//! The resolved hunt: every name bound to a version of a variable, every pattern typed, every
//! default filled in. Still one step a statement, and nothing about how it is done.

use kestrel_ir::{
    diagnostic::Span,
    op::{Aggregate, GroupKey, TransformKind},
    plan::Rows,
};
use kestrel_stix::{AttributePath, EntityType, TimeWindow, Value, pattern::Pattern};
use serde::Serialize;

/// A version of a variable: index into [`Scope::versions`](crate::resolve::Scope).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct VarId(pub u32);

/// One version of a variable and what is known about it without running anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The variable's name.
    pub name: String,
    /// Which assignment of it, from 1.
    pub version: u32,
    /// Type of the entities; none after `LOAD` without `AS`.
    pub entity_type: Option<EntityType>,
    /// What a row is.
    pub rows: Rows,
    /// The visible attributes where that set is closed; none when data decides.
    pub columns: Option<Vec<String>>,
    /// True when `columns` leaves out attributes that the entities have (`ATTR`), or there are
    /// no others (`GROUP`): naming another one is an error, not an empty column.
    pub exact: bool,
    /// The source that `FIND` asks for more.
    pub data_source: Option<String>,
    /// Direct inputs, by name.
    pub dependencies: Vec<String>,
    /// The command that made it, lower case.
    pub command: &'static str,
    /// Where it was defined.
    pub span: Span,
}

/// One hunt step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// The version it makes, for steps that make one.
    pub result: Option<VarId>,
    /// The statement.
    pub span: Span,
}

/// A pattern whose references are inputs of the step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    /// The tests; references count into `references`.
    pub pattern: Pattern,
    /// The variables that tests refer to.
    pub references: Vec<VarId>,
}

/// A written time range.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum Range {
    /// None.
    None,
    /// `START … STOP …`.
    Fixed(TimeWindow),
    /// `LAST …`, in seconds.
    Last(u64),
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum StepKind {
    /// `GET` from a data source.
    Get {
        /// Type returned.
        entity_type: EntityType,
        /// Canonical address.
        source: String,
        /// What is looked for.
        condition: Condition,
        /// When.
        range: Range,
        /// Records at most.
        limit: Option<u64>,
    },
    /// `FIND`.
    Find {
        /// Type returned.
        entity_type: EntityType,
        /// Lower case.
        relation: String,
        /// Written with `BY`.
        by: bool,
        /// Related to these.
        input: VarId,
        /// What the result must satisfy.
        condition: Option<Condition>,
        /// When.
        range: Range,
        /// Records at most.
        limit: Option<u64>,
    },
    /// `NEW`.
    New {
        /// Type of the entities.
        entity_type: EntityType,
        /// Column names.
        columns: Vec<AttributePath>,
        /// One value or none a column.
        rows: Vec<Vec<Option<Value>>>,
    },
    /// `LOAD`.
    Load {
        /// As written.
        path: String,
        /// `AS`.
        entity_type: Option<EntityType>,
    },
    /// An assignment, `SORT`, or `GET` from a variable.
    Derive(Derive),
    /// `GROUP`.
    Group {
        /// The input.
        input: VarId,
        /// The keys.
        keys: Vec<GroupKey>,
        /// The aggregates; none for the automatic ones.
        aggregates: Option<Vec<Aggregate>>,
    },
    /// `JOIN`.
    Join {
        /// Left input.
        left: VarId,
        /// Right input.
        right: VarId,
        /// Attribute of each.
        by: (AttributePath, AttributePath),
    },
    /// `a + b`.
    Merge(Vec<VarId>),
    /// `APPLY`; makes a version of each input.
    Apply {
        /// Address with scheme.
        analytic: String,
        /// The inputs.
        inputs: Vec<VarId>,
        /// The new versions, in the same order.
        results: Vec<VarId>,
        /// Arguments; references count into `references`.
        arguments: Vec<(String, Vec<kestrel_ir::op::Argument>)>,
        /// The variables that arguments refer to.
        references: Vec<VarId>,
    },
    /// `DISP`.
    Disp(Derive),
    /// `INFO`.
    Info(VarId),
    /// `DESCRIBE`.
    Describe(VarId, AttributePath),
    /// `SAVE`.
    Save {
        /// What.
        input: VarId,
        /// As written.
        path: String,
    },
    /// `EXPLAIN`.
    Explain(VarId),
}

/// A variable with clauses, in the order in which they work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Derive {
    /// The input.
    pub input: VarId,
    /// Transformer.
    pub transform: Option<TransformKind>,
    /// `WHERE`.
    pub condition: Option<Condition>,
    /// Entities seen in it (`GET … FROM var … START`).
    pub range: Range,
    /// `SORT BY`: key, and descending or not.
    pub sort: Option<(AttributePath, bool)>,
    /// Rows at most.
    pub limit: Option<u64>,
    /// Rows skipped.
    pub offset: u64,
    /// `ATTR`.
    pub attributes: Option<Vec<AttributePath>>,
}

impl Derive {
    /// Makes the plain copy of a variable.
    pub fn of(input: VarId) -> Self {
        Derive {
            input,
            transform: None,
            condition: None,
            range: Range::None,
            sort: None,
            limit: None,
            offset: 0,
            attributes: None,
        }
    }
}
