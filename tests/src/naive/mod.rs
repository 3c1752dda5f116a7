//! The naive twin: evaluates a plan over records in memory with plain loops, straight from the
//! prose of the specifications. It is slow and shares nothing with the store but words: the
//! pattern tree and the test of one value, the rule for ids, the tables of relations and types.
//!
//! | file | answers |
//! |---|---|
//! | `world` | which records and entities there are |
//! | `matching` | whether a record matches a pattern |
//! | `set` | what rows are and which attributes they have |
//! | `retrieve` | fetch, select, expand, relate, match, assemble |
//! | `rows` | everything that turns rows into rows |
//! | `show` | displays and counts |

mod matching;
pub mod read;
mod retrieve;
mod rows;
mod set;
mod show;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use kestrel_ir::{NodeId, Op, Plan, op::Window};
use kestrel_stix::{
    EntityType, TimeWindow, Timestamp, Value,
    pattern::{BadOperand, Operator, Pattern},
};

pub use set::Set;
pub use show::Shown;
pub use world::{Sources, World, value_ref};

/// Why a step gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No entity of the type has the attribute.
    UnknownAttribute,
    /// The operator needs one value and there are several or none.
    NotOneValue,
    /// An aggregate cannot work on the values.
    GroupFunction,
    /// The types have no such relation.
    Relation,
    /// A regular expression that cannot be read.
    BadRegex,
    /// A step that this one needs failed.
    Skipped,
    /// The twin does not do this kind of step: files, analytics, plans.
    Unsupported,
}

impl Failure {
    /// Returns the code of the diagnostic; none for steps that were only skipped.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Failure::UnknownAttribute => Some("E0301"),
            Failure::NotOneValue => Some("E0703"),
            Failure::GroupFunction => Some("E0308"),
            Failure::Relation => Some("E0302"),
            Failure::BadRegex => Some("E0111"),
            Failure::Skipped => None,
            Failure::Unsupported => Some("unsupported"),
        }
    }
}

impl From<BadOperand> for Failure {
    fn from(error: BadOperand) -> Self {
        match error {
            BadOperand::BadRegex { .. } => Failure::BadRegex,
            _ => Failure::NotOneValue,
        }
    }
}

/// One variable at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Type of the entities.
    pub entity_type: String,
    /// What a row is.
    pub kind: kestrel_ir::Rows,
    /// Number of entities.
    pub entities: u64,
    /// Number of records.
    pub records: u64,
    /// Every row with every visible column that has a value.
    pub rows: Vec<BTreeMap<String, Value>>,
}

/// Everything a plan gives.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The latest version of each variable whose steps worked.
    pub variables: BTreeMap<String, Variable>,
    /// What was shown, in order.
    pub displays: Vec<Shown>,
    /// The codes of errors, in plan order.
    pub errors: Vec<&'static str>,
    /// What the errors say, from an evaluation that says it.
    pub messages: Vec<String>,
}

enum Given {
    Records(Vec<usize>),
    Pool(BTreeSet<usize>),
    Entities(Set),
    Nothing,
}

/// Evaluates a plan over sources.
///
/// `attach` says whether processes without unique id may be ones with it; see
/// [`World::attaching`].
pub fn evaluate(plan: &Plan, sources: &Sources, attach: bool) -> Answer {
    let mut twin = Twin {
        plan,
        sources,
        world: World::new(attach),
        given: BTreeMap::new(),
        brought: BTreeMap::new(),
        answer: Answer::default(),
    };
    let mut bound: BTreeMap<String, NodeId> = BTreeMap::new();
    for node in plan.nodes() {
        let given = twin.node(node.id);
        if let Err(failure) = &given
            && let Some(code) = failure.code()
        {
            twin.answer.errors.push(code);
        }
        // An assignment that fails leaves the variable as it was.
        if let Op::Bind(bind) = &node.op
            && given.is_ok()
        {
            bound.insert(bind.variable.clone(), plan.inputs(node.id)[0]);
        }
        twin.given.insert(node.id, given);
    }
    for (name, node) in bound {
        if let Some(Ok(Given::Entities(set))) = twin.given.get(&node) {
            let (entities, records) = show::counts(&twin.world, set);
            let variable = Variable {
                entity_type: set.entity_type.clone(),
                kind: set.kind,
                entities: if set.anonymous { 0 } else { entities },
                records,
                rows: rows::full_rows(&twin.world, set),
            };
            twin.answer.variables.insert(name, variable);
        }
    }
    twin.answer
}

struct Twin<'p> {
    plan: &'p Plan,
    sources: &'p Sources,
    world: World,
    given: BTreeMap<NodeId, Result<Given, Failure>>,
    /// The records that expansions brought.
    brought: BTreeMap<NodeId, Vec<usize>>,
    answer: Answer,
}

impl Twin<'_> {
    fn set(&self, id: NodeId) -> Result<&Set, Failure> {
        match self.given.get(&id) {
            Some(Ok(Given::Entities(set))) => Ok(set),
            _ => Err(Failure::Skipped),
        }
    }

    fn pool(&self, id: NodeId) -> Result<&BTreeSet<usize>, Failure> {
        match self.given.get(&id) {
            Some(Ok(Given::Pool(pool))) => Ok(pool),
            _ => Err(Failure::Skipped),
        }
    }

    fn node(&mut self, id: NodeId) -> Result<Given, Failure> {
        let node = self.plan.node(id);
        let inputs = self.plan.inputs(id);
        if inputs.iter().any(|input| matches!(self.given.get(input), Some(Err(_)) | None))
            && node.op != Op::Pool
        {
            return Err(Failure::Skipped);
        }
        let pattern = match node.op.pattern() {
            Some(pattern) => Some(self.resolved(pattern, &self.plan.references(id))?),
            None => None,
        };
        let window = match node.op.window() {
            Some(window) => self.window(window, &inputs)?,
            None => TimeWindow::default(),
        };
        // Sources are read when they are first needed.
        match &node.op {
            Op::Fetch(fetch) => self.world.load(&fetch.source, self.sources),
            Op::Expand(expand) => self.world.load(&expand.source, self.sources),
            _ => {}
        }
        let everything = Pattern::And(Vec::new());
        let set = match &node.op {
            Op::Fetch(fetch) => {
                let pattern = pattern.as_ref().unwrap_or(&everything);
                return Ok(Given::Records(retrieve::fetch(&self.world, fetch, pattern, &window)?));
            }
            Op::Pool => return self.grown_pool(&inputs),
            Op::Select(select) => {
                let Some(Ok(Given::Records(records))) = self.given.get(&inputs[0]) else {
                    return Err(Failure::Skipped);
                };
                retrieve::select(
                    &self.world,
                    records,
                    &select.entity_type,
                    pattern.as_ref().unwrap_or(&everything),
                )?
            }
            Op::Expand(expand) => {
                let local = self.set(inputs[0])?;
                let (set, records) = retrieve::expand(&self.world, expand, local, pattern.as_ref(), &window)?;
                self.brought.insert(id, records);
                set
            }
            Op::Relate(relate) => {
                retrieve::relate(&self.world, relate, self.set(inputs[0])?, self.pool(inputs[1])?)?
            }
            Op::Match(matching) => {
                let (set, pool) = (self.set(inputs[0])?, self.pool(inputs[1])?);
                retrieve::matching(&self.world, matching, set, pool, pattern.as_ref(), &window)?
            }
            Op::Assemble => retrieve::assemble(&self.world, self.set(inputs[0])?, self.pool(inputs[1])?),
            Op::Literal(literal) => rows::literal(&mut self.world, literal),
            Op::Filter(_) => rows::filter(&self.world, self.set(inputs[0])?, pattern.as_ref(), &window)?,
            Op::Project { attributes } => rows::project(&self.world, self.set(inputs[0])?, attributes)?,
            Op::Sort { attribute, descending } => {
                rows::sort(&self.world, self.set(inputs[0])?, attribute, *descending)?
            }
            Op::Slice { offset, limit } => rows::slice(self.set(inputs[0])?, *offset, *limit),
            Op::Group(group) => rows::group(&self.world, self.set(inputs[0])?, group)?,
            Op::Join { left, right } => {
                rows::join(&self.world, self.set(inputs[0])?, self.set(inputs[1])?, (left, right))?
            }
            Op::Union => {
                let sets: Result<Vec<&Set>, Failure> = inputs.iter().map(|input| self.set(*input)).collect();
                rows::union(&self.world, &sets?)
            }
            Op::Transform { kind } => rows::transform(&self.world, self.set(inputs[0])?, *kind),
            Op::Bind(_) => return Ok(Given::Nothing),
            Op::Display { .. } => {
                let shown = show::display(&self.world, self.set(inputs[0])?);
                self.answer.displays.push(shown);
                return Ok(Given::Nothing);
            }
            Op::Info(about) => {
                let shown = show::info(&self.world, self.set(inputs[0])?, about);
                self.answer.displays.extend(shown);
                return Ok(Given::Nothing);
            }
            Op::Describe { attribute } => {
                let shown = show::describe(&self.world, self.set(inputs[0])?, attribute)?;
                self.answer.displays.extend(shown);
                return Ok(Given::Nothing);
            }
            Op::Load(_) | Op::Apply(_) | Op::Updated { .. } | Op::Explain { .. } | Op::Save { .. } => {
                return Err(Failure::Unsupported);
            }
        };
        Ok(Given::Entities(set))
    }

    /// A pool holds what there is of its inputs; a failed query brings nothing.
    fn grown_pool(&self, inputs: &[NodeId]) -> Result<Given, Failure> {
        let mut pool = BTreeSet::new();
        for input in inputs {
            match self.given.get(input) {
                Some(Ok(Given::Pool(before))) => pool.extend(before),
                Some(Ok(Given::Records(records))) => pool.extend(records),
                _ => pool.extend(self.brought.get(input).into_iter().flatten()),
            }
        }
        Ok(Given::Pool(pool))
    }

    /// Replaces references by the distinct present values of the attribute, in row order.
    fn resolved(&self, pattern: &Pattern, references: &[NodeId]) -> Result<Pattern, Failure> {
        let mut pattern = pattern.clone();
        let mut failure = None;
        pattern.for_each_mut(&mut |test| {
            if test.operand.references.is_empty() {
                return;
            }
            for reference in std::mem::take(&mut test.operand.references) {
                let set = match self.set(references[reference.input as usize]) {
                    Ok(set) => set,
                    Err(skipped) => {
                        failure.get_or_insert(skipped);
                        continue;
                    }
                };
                if !set.rows.is_empty() && !set::is_known(&self.world, set, &reference.path) {
                    failure.get_or_insert(Failure::UnknownAttribute);
                }
                for row in &set.rows {
                    for value in set::row_values(&self.world, set, row, &reference.path) {
                        if !test.operand.values.contains(&value) {
                            test.operand.values.push(value);
                        }
                    }
                }
            }
            if test.operator != Operator::Equal
                && test.operator != Operator::IsNull
                && test.operand.values.len() != 1
            {
                failure.get_or_insert(Failure::NotOneValue);
            }
        });
        match failure {
            Some(failure) => Err(failure),
            None => Ok(pattern),
        }
    }

    fn window(&self, window: &Window, inputs: &[NodeId]) -> Result<TimeWindow, Failure> {
        Ok(match window {
            Window::Always => TimeWindow::default(),
            Window::Fixed(window) => *window,
            // Generated records lie in the past, far from any `LAST`.
            Window::Last { seconds } => {
                let now = Timestamp::MAX;
                TimeWindow::new(now.plus_seconds(-i64::try_from(*seconds).unwrap_or(i64::MAX)), now)
            }
            Window::SpanOf { inputs: of, start_offset, stop_offset } => {
                let mut first: Option<Timestamp> = None;
                let mut last: Option<Timestamp> = None;
                for input in of {
                    let (start, stop) = self.set(inputs[*input as usize])?.span(&self.world);
                    first = first.into_iter().chain(start).min();
                    last = last.into_iter().chain(stop).max();
                }
                TimeWindow { start: first, stop: last }.widened(*start_offset, *stop_offset)
            }
        })
    }
}

/// Returns what the twin thinks of one record: the indices of the objects that are results.
///
/// # Errors
/// When a test cannot be applied.
pub fn matches(
    record: &kestrel_stix::record::Record<'_>,
    centre: &EntityType,
    pattern: &Pattern,
) -> Result<Vec<usize>, Failure> {
    let mut world = World::default();
    let number = world.add_synthetic(record);
    Ok(matching::results(&world.records[number], centre.as_str(), pattern)?)
}
