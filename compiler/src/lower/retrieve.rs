//! `GET` from a source and `FIND`: the steps that ask, and the ones that ask again.

use kestrel_ir::{
    NodeId, Op,
    op::{self, Expand, Window},
};
use kestrel_stix::{AttributePath, EntityType, identity, pattern::Pattern};

use super::{Cx, open};
use crate::hir::{Condition, Range, StepKind};

/// Returns the window that a written range stands for.
pub fn written_window(range: &Range) -> Window {
    match range {
        Range::None => Window::Always,
        Range::Fixed(window) => Window::Fixed(*window),
        Range::Last(seconds) => Window::Last { seconds: *seconds },
    }
}

impl Cx<'_> {
    /// The window of a query: written, or inferred from the entities of some inputs.
    fn window(&self, range: &Range, inferred_from: Vec<u32>) -> Window {
        match range {
            Range::None if inferred_from.is_empty() => Window::Always,
            Range::None => Window::SpanOf {
                inputs: inferred_from,
                start_offset: self.config.start_offset,
                stop_offset: self.config.stop_offset,
            },
            written => written_window(written),
        }
    }

    pub(super) fn get(&mut self, kind: &StepKind) -> Option<NodeId> {
        let StepKind::Get { entity_type, source, condition, range, limit } = kind else { return None };
        let references = self.references(Some(condition))?;
        let of_references = (0..u32::try_from(references.len()).ok()?).collect();
        let fetch = op::Fetch {
            source: source.clone(),
            entity_type: entity_type.clone(),
            pattern: condition.pattern.clone(),
            window: self.window(range, of_references),
            limit: *limit,
        };
        let fetch = self.add(Op::Fetch(fetch), &references, None);
        let select = op::Select { entity_type: entity_type.clone(), pattern: condition.pattern.clone() };
        let mut inputs = vec![fetch];
        inputs.extend(&references);
        let mut entities = self.add(Op::Select(select), &inputs, Some(open(entity_type)));
        let mut brought = vec![fetch];
        // Only extended tests go along: the entities are known, the records shall be complete.
        let extended = condition.pattern.widened(&|test| test.entity_type != *entity_type);
        // A query for nothing but the identifying attribute has brought everything already.
        let tested = condition.attributes_of(entity_type);
        let unless = match &*tested {
            [only] => Some((*only).clone()),
            _ => None,
        };
        let wanted = self.config.prefetch_get;
        let ask = Ask {
            entity_type,
            source: Some(source),
            condition,
            pattern: extended,
            unless,
            range,
            limit: *limit,
        };
        if let Some(expanded) = wanted.then(|| self.expand(entities, ask)).flatten() {
            entities = expanded;
            brought.push(expanded);
        }
        let pool = self.grow_pool(&brought);
        Some(self.add(Op::Assemble, &[entities, pool], Some(open(entity_type))))
    }

    pub(super) fn find(&mut self, kind: &StepKind) -> Option<NodeId> {
        let StepKind::Find { entity_type, relation, by, input, condition, range, limit } = kind else {
            return None;
        };
        let input_type = self.scope.version(*input).entity_type.clone();
        let source = self.scope.version(*input).data_source.clone();
        let input = self.node(*input)?;
        let pool = match self.to.pool {
            Some(pool) => pool,
            None => self.grow_pool(&[]),
        };
        let relate = op::Relate {
            entity_type: entity_type.clone(),
            relation: relation.clone(),
            by: *by,
            input_type: input_type.unwrap_or_else(|| EntityType::new("*")),
        };
        let mut entities = self.add(Op::Relate(relate), &[input, pool], Some(open(entity_type)));
        if condition.is_some() || *range != Range::None {
            let matching = op::Match {
                entity_type: entity_type.clone(),
                pattern: condition.as_ref().map(|condition| condition.pattern.clone()),
                window: written_window(range),
            };
            let mut inputs = vec![entities, pool];
            inputs.extend(self.references(condition.as_ref())?);
            entities = self.add(Op::Match(matching), &inputs, Some(open(entity_type)));
        }
        let none = Condition { pattern: Pattern::And(Vec::new()), references: Vec::new() };
        let ask = Ask {
            entity_type,
            source: source.as_deref(),
            condition: condition.as_ref().unwrap_or(&none),
            pattern: condition.as_ref().map(|condition| condition.pattern.clone()),
            unless: None,
            range,
            limit: *limit,
        };
        let wanted = self.config.prefetch_find;
        let mut pool = pool;
        match wanted.then(|| self.expand(entities, ask)).flatten() {
            Some(expanded) => {
                entities = expanded;
                pool = self.grow_pool(&[expanded]);
            }
            None => {
                if limit.is_some() {
                    let slice = Op::Slice { offset: 0, limit: *limit };
                    let all = self.add(Op::Assemble, &[entities, pool], Some(open(entity_type)));
                    return Some(self.add(slice, &[all], Some(open(entity_type))));
                }
            }
        }
        Some(self.add(Op::Assemble, &[entities, pool], Some(open(entity_type))))
    }

    /// Adds the step that asks again for all records about some entities, where the
    /// configuration and the type allow it. Source: entities specification 6.2, 6.3.
    fn expand(&mut self, entities: NodeId, ask: Ask<'_>) -> Option<NodeId> {
        let source = ask.source?;
        let name = ask.entity_type.as_str();
        if self.config.prefetch_excluded.iter().any(|excluded| excluded.eq_ignore_ascii_case(name)) {
            return None;
        }
        let id_attributes: Vec<AttributePath> = identity::id_attributes(name)
            .iter()
            .filter(|attribute| self.config.support_id || **attribute != "id")
            .filter_map(|attribute| attribute.parse().ok())
            .collect();
        if id_attributes.is_empty() {
            return None;
        }
        // Only the references that the remaining tests use are inputs of this step.
        let references = self.references(Some(ask.condition))?;
        let mut pattern = ask.pattern;
        let mut used: Vec<NodeId> = Vec::new();
        if let Some(pattern) = &mut pattern {
            pattern.for_each_mut(&mut |test| {
                for reference in &mut test.operand.references {
                    let node = references[reference.input as usize];
                    let at = used.iter().position(|known| *known == node).unwrap_or_else(|| {
                        used.push(node);
                        used.len() - 1
                    });
                    reference.input = at as u32;
                }
            });
        }
        let expand = Expand {
            source: source.to_owned(),
            entity_type: ask.entity_type.clone(),
            id_attributes,
            unless: ask.unless,
            pattern,
            window: self.window(ask.range, vec![0]),
            limit: ask.limit,
            same_process: (name == "process").then_some(self.config.same_process),
            keep: self.config.prefetch_keep,
        };
        let mut inputs = vec![entities];
        inputs.extend(used);
        Some(self.add(Op::Expand(expand), &inputs, Some(open(ask.entity_type))))
    }

    /// Adds what retrievals brought to the records at hand.
    fn grow_pool(&mut self, brought: &[NodeId]) -> NodeId {
        let mut inputs: Vec<_> = self.to.pool.into_iter().collect();
        inputs.extend(brought);
        let pool = self.add(Op::Pool, &inputs, None);
        self.to.pool = Some(pool);
        pool
    }
}

/// What asking again is about.
struct Ask<'a> {
    entity_type: &'a EntityType,
    source: Option<&'a str>,
    /// Where the pattern's references come from.
    condition: &'a Condition,
    pattern: Option<Pattern>,
    unless: Option<AttributePath>,
    range: &'a Range,
    limit: Option<u64>,
}
