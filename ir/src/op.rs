//! What a node of a plan does: one operation a kind, each with its inputs and its result.
//!
//! Every operation says in prose what a reviewer can check. "Input 0" is the first input
//! edge. Trailing inputs named *references* are entities whose attributes a pattern or an
//! argument mentions; a [`Reference`](kestrel_stix::pattern::Reference) holds the index
//! among them.

use kestrel_stix::{AttributePath, EntityType, TimeWindow, Value, pattern::Pattern};
use serde::{Deserialize, Serialize};

/// An operation. Its canonical serialisation and its inputs' ids make a node's id, so nothing
/// about layout, names of variables or the machine belongs in here, except in sinks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Asks a data source for the records that match. Inputs: references. Gives records.
    Fetch(Fetch),
    /// The records at hand after a step: those of input 0, a pool, if there is one before, and
    /// those that the other inputs (fetches and expansions) brought. Without inputs there are
    /// none. Gives a pool.
    Pool,
    /// The entities of one type that a pattern's centre matched. Input 0: records; then
    /// references. Gives entities without attributes of other records.
    Select(Select),
    /// Asks the source again for all records about these entities, and adds the sightings in
    /// them that are the same entities. Input 0: entities; then references. Gives entities.
    Expand(Expand),
    /// Entities connected to those of input 0 by a relation, through the references in the
    /// records of input 1, a pool. Gives entities.
    Relate(Relate),
    /// Those entities of input 0 that a record of input 1, a pool, shows as the pattern says;
    /// then references. Gives entities.
    Match(Match),
    /// Puts entities together: input 0's entities, each attribute with the last value that the
    /// records of input 1, a pool, show. Rows by first appearance. Gives entities.
    Assemble,
    /// Entities written in the huntflow. Gives entities without records.
    Literal(Literal),
    /// Entities read from a file when the hunt runs. Gives entities without records.
    Load(Load),
    /// The rows of input 0 that satisfy the pattern and, if there is a window, were seen in it;
    /// then references. A missing value satisfies only `IS NULL`. Order is kept.
    Filter(Filter),
    /// Shows only these attributes of input 0, in this order; identity stays.
    Project {
        /// The attributes, in order.
        attributes: Vec<AttributePath>,
    },
    /// The rows of input 0 in the order of one attribute; equal ones keep their order. Missing
    /// values come first when ascending, last when descending.
    Sort {
        /// The sort key.
        attribute: AttributePath,
        /// Descending unless `ASC` is written.
        descending: bool,
    },
    /// Some rows of input 0: skips `offset`, then keeps at most `limit`.
    Slice {
        /// Rows left out at the start.
        offset: u64,
        /// Rows kept; none means all.
        limit: Option<u64>,
    },
    /// One row for each combination of key values of input 0, ascending by the keys.
    Group(Group),
    /// Rows of input 0 beside rows of input 1 where two attributes are equal; a missing value
    /// equals nothing. Shared columns: input 0's value, or input 1's where that is missing.
    Join {
        /// Attribute of input 0.
        left: AttributePath,
        /// Attribute of input 1.
        right: AttributePath,
    },
    /// The entities of all inputs, first appearance first, each once.
    Union,
    /// One row for each entity of input 0 and record it was seen in, with columns of the record
    /// in front.
    Transform {
        /// Which columns.
        kind: TransformKind,
    },
    /// Runs an analytic over the first [`Apply::inputs`] inputs; then references. Gives its
    /// answer, which [`Op::Updated`] takes apart.
    Apply(Apply),
    /// New version of one input of the apply that is input 0.
    Updated {
        /// Which of the apply's inputs.
        index: u32,
    },
    /// Names a version of a variable: input 0. A sink: the variable is part of the result.
    Bind(Bind),
    /// Shows input 0 as a table: rows that are missing altogether and repeated rows are folded.
    Display {
        /// Number of rows asked for after `LIMIT`, to say what was cut; none without.
        limit: Option<u64>,
    },
    /// Shows what is known about a variable: input 0.
    Info(About),
    /// Shows figures about one attribute of input 0.
    Describe {
        /// The attribute.
        attribute: AttributePath,
    },
    /// Shows how input 0 is evaluated, without evaluating it.
    Explain {
        /// The variable's name.
        variable: String,
    },
    /// Writes input 0 to a file. A side effect.
    Save {
        /// As written; `$NAME`, `~` and relative paths are resolved when the hunt runs.
        path: String,
    },
}

/// See [`Op::Fetch`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fetch {
    /// The address, `scheme://…`; several parts separated by commas share the scheme.
    pub source: String,
    /// The type whose tests are the centre.
    pub entity_type: EntityType,
    /// What records must match.
    pub pattern: Pattern,
    /// When.
    pub window: Window,
    /// At most so many records, in the order of the source, over all its parts.
    pub limit: Option<u64>,
}

/// See [`Op::Select`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Select {
    /// The type returned.
    pub entity_type: EntityType,
    /// The pattern whose centre matched.
    pub pattern: Pattern,
}

/// See [`Op::Expand`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expand {
    /// Where to ask.
    pub source: String,
    /// The type of the entities.
    pub entity_type: EntityType,
    /// Attributes that identify entities at a source; the first one that any entity has is used.
    pub id_attributes: Vec<AttributePath>,
    /// Nothing is asked if this is the attribute used: the first query asked for it already.
    pub unless: Option<AttributePath>,
    /// What the records must match besides.
    pub pattern: Option<Pattern>,
    /// When.
    pub window: Window,
    /// At most so many records.
    pub limit: Option<u64>,
    /// Which sightings with an equal process number are the same process; none for other types.
    pub same_process: Option<SameProcess>,
    /// Whether entities stay that the second answer does not show, such as sightings without
    /// the attribute that was asked for. Kestrel 1.8 drops them; what is dropped is reported.
    pub keep: bool,
}

/// When two sightings with the same process number are the same process: offsets in seconds
/// around the known sighting. Source: entities specification 3.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameProcess {
    /// Name and parent's number agree.
    pub name_and_parent: (i64, i64),
    /// The name agrees.
    pub name: (i64, i64),
    /// The parent's number agrees.
    pub parent: (i64, i64),
    /// Only the number agrees: the name changed (fork and exec).
    pub number_only: (i64, i64),
}

impl Default for SameProcess {
    fn default() -> Self {
        SameProcess {
            name_and_parent: (-86_400, 86_400),
            name: (-3_600, 3_600),
            parent: (-3_600, 3_600),
            number_only: (-5, 5),
        }
    }
}

/// See [`Op::Relate`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Relate {
    /// The type returned.
    pub entity_type: EntityType,
    /// The relation, lower case: `created`, `linked`.
    pub relation: String,
    /// True when written with `BY`: input 0 does it to the result.
    pub by: bool,
    /// The type of input 0.
    pub input_type: EntityType,
}

/// See [`Op::Match`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The type of the entities.
    pub entity_type: EntityType,
    /// What a record must show; none if only the window counts.
    pub pattern: Option<Pattern>,
    /// When.
    pub window: Window,
}

/// See [`Op::Literal`]. Rows as written; absent keys and `null` are missing values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Literal {
    /// Type of the entities.
    pub entity_type: EntityType,
    /// Column names, in order of first appearance.
    pub columns: Vec<AttributePath>,
    /// One value, or none, for each column.
    pub rows: Vec<Vec<Option<Value>>>,
}

/// See [`Op::Load`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// As written.
    pub path: String,
    /// The type after `AS`.
    pub entity_type: Option<EntityType>,
}

/// See [`Op::Filter`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// What rows must satisfy; none if only the window counts.
    pub pattern: Option<Pattern>,
    /// When the entities must have been seen.
    pub window: Window,
}

/// A time range, perhaps one that is known only when the hunt runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// No restriction.
    Always,
    /// Written in the huntflow.
    Fixed(TimeWindow),
    /// `LAST`: so many seconds before the instant at which the hunt starts to run.
    Last {
        /// Length in seconds, at least 1.
        seconds: u64,
    },
    /// From the earliest to the latest sighting of the entities of these inputs, widened; no
    /// restriction when they have no records.
    SpanOf {
        /// Indices of the node's inputs (not only references).
        inputs: Vec<u32>,
        /// Seconds added to the earliest start; negative widens.
        start_offset: i64,
        /// Seconds added to the latest end.
        stop_offset: i64,
    },
}

/// See [`Op::Group`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The keys, in order.
    pub keys: Vec<GroupKey>,
    /// The aggregates, in order; none means the automatic ones of every attribute.
    pub aggregates: Option<Vec<Aggregate>>,
}

/// One key of a grouping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupKey {
    /// The attribute.
    pub attribute: AttributePath,
    /// How values are rounded down; none takes them as they are.
    pub bin: Option<Bin>,
    /// Name of the column.
    pub column: String,
}

/// Rounding of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bin {
    /// Down to a multiple of a number, at least 1.
    Number {
        /// Width.
        width: u64,
    },
    /// Down to a multiple of so many seconds since 1970, at least 1.
    Time {
        /// Width in seconds.
        seconds: u64,
    },
}

/// One aggregate of a grouping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The function.
    pub function: Function,
    /// The attribute.
    pub attribute: AttributePath,
    /// Name of the column.
    pub column: String,
}

/// Aggregate functions. Missing values never count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Sum of numbers.
    Sum,
    /// Mean of numbers.
    Avg,
    /// How many are present.
    Count,
    /// How many differ.
    Nunique,
}

/// Columns that a transformer puts in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransformKind {
    /// `first_observed`; rows in its order.
    Timestamped,
    /// `observation_id`; rows in its order.
    Addobsid,
    /// `number_observed`, `first_observed`, `last_observed`, `observation_id`; rows in their order.
    Records,
}

impl TransformKind {
    /// Returns the columns put in front.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            TransformKind::Timestamped => &["first_observed"],
            TransformKind::Addobsid => &["observation_id"],
            TransformKind::Records => {
                &["number_observed", "first_observed", "last_observed", "observation_id"]
            }
        }
    }
}

/// See [`Op::Apply`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Apply {
    /// The address, `scheme://name`.
    pub analytic: String,
    /// How many of the inputs are variables to work on.
    pub inputs: u32,
    /// Arguments, in written order.
    pub arguments: Vec<(String, Vec<Argument>)>,
    /// What identifies the code that will run (file hash, image digest), where known.
    pub identity: Option<String>,
    /// What it may use, in the order shown; empty where the configuration was not known.
    #[serde(default)]
    pub limits: Vec<Limit>,
}

/// Something that an analytic may use no more of, or may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What: `network`, `memory`, `time` …
    pub what: String,
    /// How much: `none`, `2G`.
    pub value: String,
    /// Whether it is more than analytics of this kind get unless somebody grants it.
    #[serde(default)]
    pub lifted: bool,
}

impl Limit {
    /// Makes one that is not lifted.
    pub fn usual(what: &str, value: impl Into<String>) -> Self {
        Limit { what: what.to_owned(), value: value.into(), lifted: false }
    }
}

/// One part of an argument's value; parts are joined by commas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    /// A literal.
    Value(Value),
    /// The distinct present values of an attribute.
    Reference {
        /// Index among the reference inputs.
        input: u32,
        /// The attribute.
        path: AttributePath,
    },
}

/// See [`Op::Bind`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// The variable.
    pub variable: String,
    /// Which assignment of it, from 1.
    pub version: u32,
    /// The command that made it, lower case: `get`, `find`, `assign` …
    pub command: String,
}

/// See [`Op::Info`]: what is known when compiling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The variable.
    pub variable: String,
    /// The command that made it, lower case.
    pub birth_command: String,
    /// Where its data comes from.
    pub data_source: Option<String>,
    /// The variables it was made from.
    pub dependencies: Vec<String>,
}

/// What flows along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Port {
    /// Records of one query.
    Records,
    /// All records at hand.
    Pool,
    /// Entities.
    Entities,
    /// An analytic's answer.
    Applied,
    /// Nothing: a sink.
    Nothing,
}

impl Op {
    /// Returns the name of the kind, as the plan text shows it.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Fetch(_) => "fetch",
            Op::Pool => "pool",
            Op::Select(_) => "select",
            Op::Expand(_) => "expand",
            Op::Relate(_) => "relate",
            Op::Match(_) => "match",
            Op::Assemble => "assemble",
            Op::Literal(_) => "literal",
            Op::Load(_) => "load",
            Op::Filter(_) => "filter",
            Op::Project { .. } => "project",
            Op::Sort { .. } => "sort",
            Op::Slice { .. } => "slice",
            Op::Group(_) => "group",
            Op::Join { .. } => "join",
            Op::Union => "union",
            Op::Transform { .. } => "transform",
            Op::Apply(_) => "apply",
            Op::Updated { .. } => "updated",
            Op::Bind(_) => "bind",
            Op::Display { .. } => "display",
            Op::Info(_) => "info",
            Op::Describe { .. } => "describe",
            Op::Explain { .. } => "explain",
            Op::Save { .. } => "save",
        }
    }

    /// Returns what the operation gives.
    pub fn output(&self) -> Port {
        match self {
            Op::Fetch(_) => Port::Records,
            Op::Pool => Port::Pool,
            Op::Apply(_) => Port::Applied,
            Op::Bind(_) | Op::Display { .. } | Op::Info(_) | Op::Describe { .. } => Port::Nothing,
            Op::Explain { .. } | Op::Save { .. } => Port::Nothing,
            _ => Port::Entities,
        }
    }

    /// Returns true for operations that a plan keeps although nothing uses them.
    pub fn is_sink(&self) -> bool {
        self.output() == Port::Nothing || matches!(self, Op::Apply(_))
    }

    /// Returns true for operations that ask a data source.
    pub fn is_remote(&self) -> bool {
        matches!(self, Op::Fetch(_) | Op::Expand(_))
    }

    /// Returns true for operations that touch something outside: files and foreign code. Their
    /// order is kept by [`Role::After`](crate::plan::Role::After) edges.
    pub fn is_effect(&self) -> bool {
        matches!(self, Op::Save { .. } | Op::Load(_) | Op::Apply(_))
    }

    /// Returns how many inputs come before the references; `None` when every input counts.
    pub fn main_inputs(&self) -> Option<usize> {
        match self {
            Op::Fetch(_) | Op::Literal(_) | Op::Load(_) => Some(0),
            Op::Pool | Op::Union => None,
            Op::Relate(_) | Op::Match(_) | Op::Assemble | Op::Join { .. } => Some(2),
            Op::Apply(apply) => Some(apply.inputs as usize),
            _ => Some(1),
        }
    }

    /// Returns the pattern, if the operation has one.
    pub fn pattern(&self) -> Option<&Pattern> {
        match self {
            Op::Fetch(fetch) => Some(&fetch.pattern),
            Op::Select(select) => Some(&select.pattern),
            Op::Expand(expand) => expand.pattern.as_ref(),
            Op::Match(matching) => matching.pattern.as_ref(),
            Op::Filter(filter) => filter.pattern.as_ref(),
            _ => None,
        }
    }

    /// Returns the time window, if the operation has one.
    pub fn window(&self) -> Option<&Window> {
        match self {
            Op::Fetch(fetch) => Some(&fetch.window),
            Op::Expand(expand) => Some(&expand.window),
            Op::Match(matching) => Some(&matching.window),
            Op::Filter(filter) => Some(&filter.window),
            _ => None,
        }
    }
}
