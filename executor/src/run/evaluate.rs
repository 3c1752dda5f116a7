//! One node: its inputs' results in, its own result out.

use kestrel_ir::{
    Node, NodeId, Op,
    diagnostic::{Category, Code, Diagnostic},
    op,
};
use kestrel_stix::{EntityType, TimeWindow, identity, pattern::Pattern, schema, suggest::nearest};

use super::{
    Asked, Event, Run,
    references::{self, Referred},
    sources::Times,
};
use crate::{
    ops::{self, OpError, apply::Applied},
    results::DisplayResult,
    store::{EntitySet, ExpandRequest, FetchRequest, Known, Pool, QueryResult, SourceId},
};

/// The result of a node, kept for the nodes that use it and for later runs.
#[derive(Debug)]
pub(super) enum Value {
    Records(QueryResult),
    Pool(Pool),
    Entities(Entities),
    Applied(Applied),
    Nothing,
}

/// Rows, and what is known about how they came about.
#[derive(Debug, Clone)]
pub(super) struct Entities {
    pub(super) set: EntitySet,
    /// The query that brought some of them.
    query: Option<QueryResult>,
    /// Rows that `LIMIT` and `OFFSET` left out in the last step.
    cut: u64,
    /// Groups one of whose keys identifies entities of the type.
    pub(super) identified: bool,
    /// `ATTR` left out what identifies entities of the type: rows that do not count as entities,
    /// although the entities behind them are known to later steps.
    pub(super) anonymous: bool,
}

impl Value {
    /// Returns the number of rows, if there are rows.
    pub(super) fn rows(&self) -> Option<u64> {
        match self {
            Value::Entities(entities) => Some(entities.set.count),
            Value::Records(query) => Some(query.records),
            _ => None,
        }
    }
}

fn plain(set: EntitySet) -> Value {
    Value::Entities(Entities { set, query: None, cut: 0, identified: false, anonymous: false })
}

/// Looks up `$NAME` in paths of `LOAD` and `SAVE`.
#[expect(
    clippy::disallowed_methods,
    reason = "paths are expanded when the hunt runs, on the machine that runs it"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn fault(message: &str) -> OpError {
    OpError::refused(Code::E0401, message, "please report it with the huntflow")
}

impl Run<'_> {
    pub(super) fn evaluate(&mut self, node: &Node) -> Result<Value, OpError> {
        match &node.op {
            Op::Fetch(fetch) => self.fetch(node, fetch),
            Op::Pool => self.pool(node),
            Op::Select(_) => match self.input(node, 0)? {
                Value::Records(query) => {
                    let query = query.clone();
                    Ok(plain(self.session.store.select(&query)?))
                }
                _ => Err(fault("records were expected")),
            },
            Op::Expand(expand) => self.expand(node, expand),
            Op::Relate(relate) => {
                let (set, pool) = (self.entities(node, 0)?.set, self.pool_of(node, 1)?);
                Ok(plain(self.session.store.relate(&set, Some(pool), relate)?))
            }
            Op::Match(matching) => {
                let (set, pool) = (self.entities(node, 0)?.set, self.pool_of(node, 1)?);
                let pattern = self.pattern(node, matching.pattern.as_ref())?;
                let window = self.window(node, &matching.window)?;
                Ok(plain(self.session.store.matching(&set, pool, pattern.as_ref(), window)?))
            }
            Op::Assemble => {
                let (set, pool) = (self.entities(node, 0)?.set, self.pool_of(node, 1)?);
                let set = self.session.store.assemble(&set, pool)?;
                self.warn_of_unknown_type(node, &set);
                Ok(plain(set))
            }
            Op::Literal(literal) => {
                let store = &mut self.session.store;
                Ok(plain(store.literal(&literal.entity_type, &literal.columns, &literal.rows)?))
            }
            Op::Load(load) => {
                let loaded =
                    ops::load::load(&mut self.session.store, load, &self.options.base_dir, &environment)?;
                self.warn(node, loaded.warnings);
                Ok(plain(loaded.set))
            }
            Op::Bind(_) => {
                self.entities(node, 0)?;
                Ok(Value::Nothing)
            }
            Op::Apply(apply) => self.apply(node, apply),
            Op::Updated { index } => match self.input(node, 0)? {
                Value::Applied(applied) => match applied.versions.get(*index as usize) {
                    Some(set) => Ok(plain(set.clone())),
                    None => Err(fault("an analytic has no such input")),
                },
                _ => Err(fault("an analytic's answer was expected")),
            },
            Op::Display { .. } | Op::Info(_) | Op::Describe { .. } | Op::Explain { .. } | Op::Save { .. } => {
                self.sink(node)
            }
            _ => self.derive(node),
        }
    }

    /// Operations on rows that give rows.
    fn derive(&mut self, node: &Node) -> Result<Value, OpError> {
        let inputs = self.plan.inputs(node.id).len();
        let first = self.entities(node, 0)?;
        let set = match &node.op {
            Op::Filter(filter) => {
                let pattern = self.pattern(node, filter.pattern.as_ref())?;
                let window = self.window(node, &filter.window)?;
                ops::filter::filter(&mut self.session.store, &first.set, pattern.as_ref(), window)?
            }
            Op::Project { attributes } => {
                let set = ops::project::project(&mut self.session.store, &first.set, attributes)?;
                let shows = |name: &str| attributes.iter().any(|path| path.to_string() == name);
                let ids = identity::id_attributes(set.entity_type.as_str());
                let anonymous = first.anonymous || !ids.iter().chain(&["id"]).any(|name| shows(name));
                return Ok(Value::Entities(Entities { set, anonymous, ..first }));
            }
            Op::Sort { attribute, descending } => {
                ops::sort::sort(&mut self.session.store, &first.set, attribute, *descending)?
            }
            Op::Slice { offset, limit } => {
                let set = ops::slice::slice(&mut self.session.store, &first.set, *offset, *limit)?;
                let cut = first.set.count - set.count;
                return Ok(Value::Entities(Entities { set, cut, ..first }));
            }
            Op::Group(group) => {
                let grouped = ops::group::group(&mut self.session.store, &first.set, group)?;
                self.warn(node, grouped.warnings);
                let identified = self.identifies(&first.set, group)?;
                return Ok(Value::Entities(Entities {
                    set: grouped.set,
                    query: None,
                    cut: 0,
                    identified,
                    anonymous: false,
                }));
            }
            Op::Join { left, right } => {
                let second = self.entities(node, 1)?;
                ops::join::join(&mut self.session.store, &first.set, &second.set, left, right)?
            }
            Op::Union => {
                let sets = (0..inputs)
                    .map(|n| Ok(self.entities(node, n)?.set))
                    .collect::<Result<Vec<_>, OpError>>()?;
                ops::union::union(&mut self.session.store, &sets.iter().collect::<Vec<_>>())?
            }
            Op::Transform { kind } => {
                let transformed = ops::transform::transform(&mut self.session.store, &first.set, *kind)?;
                if transformed.without_records > 0 {
                    let message = format!(
                        "{} of the entities have no records, so that they have no rows here",
                        transformed.without_records
                    );
                    self.warn(node, vec![Diagnostic::new(Code::W0006, message)]);
                }
                transformed.set
            }
            other => return Err(fault(&format!("`{}` is no operation on rows", other.name()))),
        };
        let identified = first.identified && !matches!(node.op, Op::Join { .. });
        let anonymous = first.anonymous && matches!(node.op, Op::Filter(_) | Op::Sort { .. });
        Ok(Value::Entities(Entities { set, query: None, cut: 0, identified, anonymous }))
    }

    /// Operations that show or write something.
    fn sink(&mut self, node: &Node) -> Result<Value, OpError> {
        if let Op::Explain { variable } = &node.op {
            let of = self.plan.inputs(node.id).first().copied().ok_or_else(|| fault("nothing to explain"))?;
            let text =
                ops::explain::explain(self.plan, of, variable, |id| self.session.done.contains_key(&id));
            self.show(DisplayResult::Text(text));
            return Ok(Value::Nothing);
        }
        let entities = self.entities(node, 0)?;
        let store = &mut self.session.store;
        if let Op::Save { path } = &node.op {
            ops::save::save(store, &entities.set, path, &self.options.base_dir, &environment)?;
            return Ok(Value::Nothing);
        }
        if let Some(variable) = self.empty_variable(node) {
            (self.events)(Event::Empty { variable: &variable });
            return Ok(Value::Nothing);
        }
        let store = &mut self.session.store;
        let display = match &node.op {
            Op::Display { .. } => {
                DisplayResult::Table(ops::display::display(store, &entities.set, entities.cut)?)
            }
            Op::Info(about) => {
                DisplayResult::Dict(ops::info::info(store, &entities.set, about, entities.identified)?)
            }
            Op::Describe { attribute } => {
                DisplayResult::Dict(ops::describe::describe(store, &entities.set, attribute)?)
            }
            other => return Err(fault(&format!("`{}` shows nothing", other.name()))),
        };
        self.show(display);
        Ok(Value::Nothing)
    }

    /// Returns the name of the variable that a sink shows a part of, if that variable is empty.
    fn empty_variable(&self, node: &Node) -> Option<String> {
        let mut at = self.plan.inputs(node.id).first().copied()?;
        loop {
            let bound = self.bound_name(at);
            let derived = matches!(
                self.plan.node(at).op,
                Op::Filter(_)
                    | Op::Project { .. }
                    | Op::Sort { .. }
                    | Op::Slice { .. }
                    | Op::Transform { .. }
            );
            if bound.is_some() || !derived {
                let empty = matches!(self.session.done.get(&at), Some(Value::Entities(found)) if found.set.is_empty());
                return empty.then(|| bound.unwrap_or_else(|| "_".to_owned()));
            }
            at = self.plan.inputs(at).first().copied()?;
        }
    }

    /// Returns the name that a node's result is bound to; `_` only if there is no other.
    fn bound_name(&self, id: NodeId) -> Option<String> {
        let mut names =
            self.plan.consumers(id).into_iter().filter_map(|user| match &self.plan.node(user).op {
                Op::Bind(bind) => Some(bind.variable.clone()),
                _ => None,
            });
        let first = names.next()?;
        Some(if first == "_" { names.next().unwrap_or(first) } else { first })
    }

    fn fetch(&mut self, node: &Node, fetch: &op::Fetch) -> Result<Value, OpError> {
        let pattern = self.pattern(node, Some(&fetch.pattern))?;
        let window = self.window(node, &fetch.window)?;
        let sources = self.sources(node, &fetch.source)?;
        let request = FetchRequest {
            sources: &sources,
            entity_type: &fetch.entity_type,
            pattern: pattern.as_ref(),
            window,
            limit: fetch.limit,
        };
        let result = self.session.store.fetch(&request)?;
        self.asked(node, &fetch.source, Some(&result), fetch.limit);
        Ok(Value::Records(result))
    }

    fn expand(&mut self, node: &Node, expand: &op::Expand) -> Result<Value, OpError> {
        let local = self.entities(node, 0)?;
        let pattern = self.pattern(node, expand.pattern.as_ref())?;
        let window = self.window(node, &expand.window)?;
        let sources = self.sources(node, &expand.source)?;
        let request = ExpandRequest {
            sources: &sources,
            entity_type: &expand.entity_type,
            id_attributes: &expand.id_attributes,
            unless: expand.unless.as_ref(),
            pattern: pattern.as_ref(),
            window,
            limit: expand.limit,
            same_process: expand.same_process,
            keep: expand.keep,
        };
        let expanded = self.session.store.expand(&local.set, &request)?;
        self.asked(node, &expand.source, expanded.query.as_ref(), expand.limit);
        // With a limit, leaving out is what was asked for.
        if expanded.left_out > 0 && expand.limit.is_none() {
            let attribute = expanded.attribute.as_ref().map_or_else(String::new, ToString::to_string);
            let left_out = expanded.left_out;
            let message = format!(
                "{left_out} {} without a common `{attribute}` did not come back when the source was asked again, and {} left out",
                if left_out == 1 { "entity" } else { "entities" },
                if left_out == 1 { "was" } else { "were" },
            );
            let told = Diagnostic::new(Code::W0013, message).at(node.origin.span);
            self.tell(told.help("`keep = true` in the section [prefetch] of kestrel.toml keeps them"));
        }
        Ok(Value::Entities(Entities {
            set: expanded.entities,
            query: expanded.query,
            cut: 0,
            identified: false,
            anonymous: false,
        }))
    }

    fn pool(&mut self, node: &Node) -> Result<Value, OpError> {
        let mut previous = None;
        let mut brought = Vec::new();
        for (n, id) in self.plan.inputs(node.id).iter().enumerate() {
            if self.failed.contains_key(id) {
                continue;
            }
            match self.input(node, n)? {
                Value::Pool(pool) => previous = Some(*pool),
                Value::Records(query) => brought.push(query.clone()),
                Value::Entities(entities) => brought.extend(entities.query.clone()),
                _ => return Err(fault("records were expected")),
            }
        }
        let brought: Vec<&QueryResult> = brought.iter().collect();
        Ok(Value::Pool(self.session.store.pool(previous, &brought)?))
    }

    fn apply(&mut self, node: &Node, apply: &op::Apply) -> Result<Value, OpError> {
        let inputs = (0..apply.inputs as usize)
            .map(|n| Ok(self.entities(node, n)?.set))
            .collect::<Result<Vec<_>, OpError>>()?;
        let references: Vec<EntitySet> =
            self.referred(node)?.into_iter().map(|referred| referred.set).collect();
        let applied = ops::apply::apply(
            &mut self.session.store,
            &self.session.analytics,
            apply,
            &inputs.iter().collect::<Vec<_>>(),
            &references.iter().collect::<Vec<_>>(),
            &self.options.cancel,
        )?;
        if let Some(display) = applied.display.clone() {
            self.show(display);
        }
        Ok(Value::Applied(applied))
    }

    /// Returns the loaded sources of an address. Parts that cannot be read are told once; it
    /// is an error if none can.
    fn sources(&mut self, node: &Node, address: &str) -> Result<Vec<SourceId>, OpError> {
        let refused = |failure: super::ReadFailure| OpError::Refused {
            code: failure.code,
            message: failure.message,
            help: failure.help,
        };
        let parts = match self.addresses.get(address) {
            Some(Ok(parts)) => parts.clone(),
            Some(Err(failure)) => {
                let failure = failure.clone();
                self.asked_in_vain(address, &failure.message);
                return Err(refused(failure));
            }
            None => return Err(fault("an address was not planned")),
        };
        let mut sources = Vec::with_capacity(parts.len());
        let mut failures = Vec::new();
        let (mut redirects, mut notes) = (Vec::new(), Vec::new());
        for part in &parts {
            let super::Session { store, parts: loaded, .. } = &mut *self.session;
            let mut times = Times { start: self.start, parts: &mut self.results.profile.parts };
            match self.intake.take(
                part,
                store,
                loaded,
                &mut *self.events,
                &mut times,
                &self.options.cancel,
            )? {
                Ok(part) => {
                    sources.push(part.source);
                    redirects.extend(part.read.redirects.iter().cloned());
                    notes.extend(part.read.notes.iter().cloned());
                }
                Err(failure) => failures.push(failure),
            }
        }
        // Told where the address is asked first.
        if !self.asked.iter().any(|asked| asked.uri == address) {
            let help = "name that address in FROM if you trust it; a policy with `[hosts]` says which servers may answer";
            let told = |message| Diagnostic::new(Code::W0014, message).help(help);
            let redirects = redirects.into_iter().map(told);
            let notes = notes.into_iter().map(|note| Diagnostic::new(Code::W0015, note));
            self.warn(node, redirects.chain(notes).collect());
        }
        // What a policy forbids is no gap in an answer.
        if let Some(at) = failures.iter().position(|failure| failure.code.category() == Category::Policy) {
            let forbidden = failures.swap_remove(at);
            self.asked_in_vain(address, &forbidden.message);
            return Err(refused(forbidden));
        }
        match failures.into_iter().next() {
            Some(first) if sources.is_empty() => {
                self.asked_in_vain(address, &first.message);
                Err(refused(first))
            }
            Some(first) => {
                let known = self.asked.iter().any(|asked| asked.uri == address);
                if !known {
                    let message = format!("`{address}` answered in part: {}", first.message);
                    self.warn(node, vec![Diagnostic::new(Code::W0009, message)]);
                }
                self.asked_of(address).failure = Some(first.message);
                Ok(sources)
            }
            None => Ok(sources),
        }
    }

    fn asked_of(&mut self, address: &str) -> &mut Asked {
        let at = self.asked.iter().position(|asked| asked.uri == address).unwrap_or_else(|| {
            let uri = address.to_owned();
            self.asked.push(Asked { uri, queries: 0, numbers: Vec::new(), failure: None });
            self.asked.len() - 1
        });
        &mut self.asked[at]
    }

    fn asked_in_vain(&mut self, address: &str, message: &str) {
        self.asked_of(address).failure = Some(message.to_owned());
    }

    fn asked(&mut self, node: &Node, address: &str, query: Option<&QueryResult>, limit: Option<u64>) {
        let asked = self.asked_of(address);
        if let Some(query) = query {
            asked.queries += 1;
            asked.numbers.push(query.query);
            if limit.is_some_and(|limit| query.records >= limit) {
                let message =
                    format!("the query ended at `LIMIT {}`; further records may match", query.records);
                self.warn(node, vec![Diagnostic::new(Code::W0008, message)]);
            }
        }
    }

    /// Tells of a type that nothing is known about, when a retrieval found none of it.
    fn warn_of_unknown_type(&mut self, node: &Node, set: &EntitySet) {
        let entity_type: &EntityType = &set.entity_type;
        let name = entity_type.as_str();
        if !set.is_empty() || schema::is_known_type(name) || entity_type.is_custom() {
            return;
        }
        if self.session.store.has_type(entity_type) {
            return;
        }
        let mut warning = Diagnostic::new(
            Code::W0001,
            format!("unknown entity type `{name}`, and nothing of it was found"),
        );
        if let Some(near) = nearest(name, schema::KNOWN_TYPES.iter().copied()).first() {
            warning = warning.help(format!("did you mean `{near}`?"));
        }
        self.warn(node, vec![warning]);
    }

    /// Says whether a key of a grouping is the attribute that identifies entities of the type:
    /// the first candidate that any row has. Source: entities specification 2.2, 3.5.
    fn identifies(&mut self, set: &EntitySet, group: &op::Group) -> Result<bool, OpError> {
        for name in identity::id_attributes(set.entity_type.as_str()) {
            let Ok(path) = name.parse() else { continue };
            if self.session.store.known(set, &path)? == Known::Present {
                return Ok(group.keys.iter().any(|key| key.attribute == path && key.bin.is_none()));
            }
        }
        Ok(false)
    }

    fn warn(&mut self, node: &Node, warnings: Vec<Diagnostic>) {
        for warning in warnings {
            self.tell(warning.at(node.origin.span));
        }
    }

    fn input(&self, node: &Node, n: usize) -> Result<&Value, OpError> {
        let inputs = self.plan.inputs(node.id);
        inputs.get(n).and_then(|id| self.session.done.get(id)).ok_or_else(|| fault("an input has no result"))
    }

    fn entities(&self, node: &Node, n: usize) -> Result<Entities, OpError> {
        match self.input(node, n)? {
            Value::Entities(entities) => Ok(entities.clone()),
            _ => Err(fault("entities were expected")),
        }
    }

    fn pool_of(&self, node: &Node, n: usize) -> Result<Pool, OpError> {
        match self.input(node, n)? {
            Value::Pool(pool) => Ok(*pool),
            _ => Err(fault("a pool was expected")),
        }
    }

    /// Returns the sets that the node's references lead to, with names for messages.
    fn referred(&self, node: &Node) -> Result<Vec<Referred>, OpError> {
        let all = self.plan.inputs(node.id);
        let references = self.plan.references(node.id);
        let first = all.len() - references.len();
        references
            .iter()
            .enumerate()
            .map(|(n, id)| {
                let set = self.entities(node, first + n)?.set;
                Ok(Referred {
                    set,
                    variable: self.bound_name(*id).unwrap_or_else(|| "the variable".to_owned()),
                })
            })
            .collect()
    }

    fn pattern(&mut self, node: &Node, pattern: Option<&Pattern>) -> Result<Option<Pattern>, OpError> {
        let Some(pattern) = pattern else { return Ok(None) };
        let references = self.referred(node)?;
        let mut warnings = Vec::new();
        let resolved = references::resolve(&mut self.session.store, pattern, &references, &mut warnings)?;
        self.warn(node, warnings);
        Ok(Some(resolved))
    }

    fn window(&mut self, node: &Node, window: &op::Window) -> Result<TimeWindow, OpError> {
        let ids = self.plan.inputs(node.id);
        let sets: Vec<Option<EntitySet>> = ids
            .iter()
            .map(|id| match self.session.done.get(id) {
                Some(Value::Entities(entities)) => Some(entities.set.clone()),
                _ => None,
            })
            .collect();
        let sets: Vec<Option<&EntitySet>> = sets.iter().map(Option::as_ref).collect();
        references::window(&mut self.session.store, window, &sets, self.now)
    }
}
