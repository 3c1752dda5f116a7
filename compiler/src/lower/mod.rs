//! Resolved hunt to plan: one hunt step becomes a few nodes.
//!
//! | step | nodes |
//! |---|---|
//! | `GET … FROM source` | fetch, select, expand, pool, assemble |
//! | `FIND` | relate, match (with `WHERE` or a range), expand, pool, assemble |
//! | assignment, `DISP` | transform, filter, sort, slice, project, as far as written |
//! | `APPLY` | apply, and one updated for each input |
//!
//! What Kestrel 1.8 does behind the hunter's back (asking again for all records about what was
//! found, inferring time ranges) is a node or a field here that a reviewer sees.

mod retrieve;

use kestrel_ir::{
    NodeId, Op, Origin, Plan, Rows, Shape,
    op::{self, Bind},
};

use crate::{
    config::Config,
    hir::{Condition, Derive, Range, Step, StepKind, VarId},
    resolve::Scope,
};

/// A plan under construction, and what later blocks of a session need to extend it.
#[derive(Debug, Clone, Default)]
pub struct Lowering {
    /// The plan so far.
    pub plan: Plan,
    /// The entities of each version.
    nodes: Vec<Option<NodeId>>,
    /// All records at hand after the latest retrieval.
    pool: Option<NodeId>,
    /// Effects that the next file access must follow.
    files: FileOrder,
    /// The latest analytic; analytics run in the order of the text.
    last_apply: Option<NodeId>,
    /// Number of steps lowered.
    steps: u32,
}

/// `SAVE` and `LOAD` may meet in one file, so they keep their order.
#[derive(Debug, Clone, Default)]
struct FileOrder {
    last_save: Option<NodeId>,
    loads_since: Vec<NodeId>,
}

/// Adds the steps of a block to the plan.
pub fn lower(steps: &[Step], scope: &Scope, config: &Config, lowering: &mut Lowering) {
    for step in steps {
        let origin = Origin { step: lowering.steps, span: step.span };
        lowering.steps += 1;
        let mut cx = Cx { scope, config, origin, to: lowering };
        cx.step(step);
    }
}

/// One step being lowered.
struct Cx<'c> {
    scope: &'c Scope,
    config: &'c Config,
    origin: Origin,
    to: &'c mut Lowering,
}

impl Cx<'_> {
    fn add(&mut self, op: Op, inputs: &[NodeId], shape: Option<Shape>) -> NodeId {
        self.to.plan.add(op, inputs, &[], self.origin, shape)
    }

    fn node(&self, id: VarId) -> Option<NodeId> {
        self.to.nodes.get(id.0 as usize).copied().flatten()
    }

    /// Returns the nodes of variables; none if one of them failed to resolve, in which case
    /// the block is not run anyway.
    fn node_of(&self, ids: &[VarId]) -> Option<Vec<NodeId>> {
        ids.iter().map(|id| self.node(*id)).collect()
    }

    fn shape_of(&self, id: VarId) -> Shape {
        let version = self.scope.version(id);
        Shape {
            entity_type: version.entity_type.clone(),
            rows: version.rows,
            columns: version.columns.clone(),
        }
    }

    fn step(&mut self, step: &Step) -> Option<()> {
        let made = match &step.kind {
            StepKind::Get { .. } => Some(self.get(&step.kind)?),
            StepKind::Find { .. } => Some(self.find(&step.kind)?),
            StepKind::New { entity_type, columns, rows } => {
                let literal = op::Literal {
                    entity_type: entity_type.clone(),
                    columns: columns.clone(),
                    rows: rows.clone(),
                };
                let shape = step.result.map(|result| self.shape_of(result));
                Some(self.add(Op::Literal(literal), &[], shape))
            }
            StepKind::Load { path, entity_type } => {
                let load = Op::Load(op::Load { path: path.clone(), entity_type: entity_type.clone() });
                let after: Vec<_> = self.to.files.last_save.into_iter().collect();
                let shape = step.result.map(|result| self.shape_of(result));
                let id = self.to.plan.add(load, &[], &after, self.origin, shape);
                self.to.files.loads_since.push(id);
                Some(id)
            }
            StepKind::Derive(derive) => Some(self.derive(derive)?),
            StepKind::Group { input, keys, aggregates } => {
                let group = op::Group { keys: keys.clone(), aggregates: aggregates.clone() };
                let input = self.node(*input)?;
                let shape = step.result.map(|result| self.shape_of(result));
                Some(self.add(Op::Group(group), &[input], shape))
            }
            StepKind::Join { left, right, by } => {
                let inputs = self.node_of(&[*left, *right])?;
                let join = Op::Join { left: by.0.clone(), right: by.1.clone() };
                let shape = step.result.map(|result| self.shape_of(result));
                Some(self.add(join, &inputs, shape))
            }
            StepKind::Merge(inputs) => {
                let inputs = self.node_of(inputs)?;
                let shape = step.result.map(|result| self.shape_of(result));
                Some(self.add(Op::Union, &inputs, shape))
            }
            StepKind::Apply { .. } => {
                self.apply(&step.kind)?;
                None
            }
            StepKind::Disp(derive) => {
                let shown = self.derive(derive)?;
                self.add(Op::Display { limit: derive.limit }, &[shown], None);
                None
            }
            StepKind::Info(id) => {
                let version = self.scope.version(*id);
                let about = op::About {
                    variable: version.name.clone(),
                    birth_command: version.command.to_owned(),
                    data_source: version.data_source.clone(),
                    dependencies: version.dependencies.clone(),
                };
                let input = self.node(*id)?;
                self.add(Op::Info(about), &[input], None);
                None
            }
            StepKind::Describe(id, attribute) => {
                let input = self.node(*id)?;
                self.add(Op::Describe { attribute: attribute.clone() }, &[input], None);
                None
            }
            StepKind::Save { input, path } => {
                let input = self.node(*input)?;
                let mut after: Vec<_> = self.to.files.last_save.into_iter().collect();
                after.append(&mut self.to.files.loads_since);
                let save = Op::Save { path: path.clone() };
                let id = self.to.plan.add(save, &[input], &after, self.origin, None);
                self.to.files.last_save = Some(id);
                None
            }
            StepKind::Explain(id) => {
                let input = self.node(*id)?;
                let variable = self.scope.version(*id).name.clone();
                self.add(Op::Explain { variable }, &[input], None);
                None
            }
        };
        if let (Some(made), Some(result)) = (made, step.result) {
            self.bind(result, made);
        }
        Some(())
    }

    fn bind(&mut self, result: VarId, node: NodeId) {
        let at = result.0 as usize;
        if self.to.nodes.len() <= at {
            self.to.nodes.resize(at + 1, None);
        }
        self.to.nodes[at] = Some(node);
        let version = self.scope.version(result);
        let bind = Bind {
            variable: version.name.clone(),
            version: version.version,
            command: version.command.to_owned(),
        };
        self.add(Op::Bind(bind), &[node], None);
    }

    /// Lowers a variable with clauses. The order is the language's, except that `ATTR` comes
    /// last: it restricts what is seen, and sorting may use what it leaves out.
    fn derive(&mut self, derive: &Derive) -> Option<NodeId> {
        let mut node = self.node(derive.input)?;
        let mut shape = self.shape_of(derive.input);
        if let Some(kind) = derive.transform {
            shape.rows = Rows::Appearances;
            if let Some(columns) = &mut shape.columns {
                columns.splice(0..0, kind.columns().iter().map(|name| (*name).to_owned()));
            }
            node = self.add(Op::Transform { kind }, &[node], Some(shape.clone()));
        }
        if derive.condition.is_some() || derive.range != Range::None {
            let mut inputs = vec![node];
            inputs.extend(self.references(derive.condition.as_ref())?);
            let filter = op::Filter {
                pattern: derive.condition.as_ref().map(|condition| condition.pattern.clone()),
                window: retrieve::written_window(&derive.range),
            };
            node = self.add(Op::Filter(filter), &inputs, Some(shape.clone()));
        }
        if let Some((attribute, descending)) = &derive.sort {
            let sort = Op::Sort { attribute: attribute.clone(), descending: *descending };
            node = self.add(sort, &[node], Some(shape.clone()));
        }
        if derive.limit.is_some() || derive.offset > 0 {
            let slice = Op::Slice { offset: derive.offset, limit: derive.limit };
            node = self.add(slice, &[node], Some(shape.clone()));
        }
        if let Some(attributes) = &derive.attributes {
            let mut columns: Vec<String> = match derive.transform {
                Some(kind) => kind.columns().iter().map(|name| (*name).to_owned()).collect(),
                None => Vec::new(),
            };
            for attribute in attributes {
                let text = attribute.to_string();
                if !columns.contains(&text) {
                    columns.push(text);
                }
            }
            shape.columns = Some(columns);
            node = self.add(Op::Project { attributes: attributes.clone() }, &[node], Some(shape));
        }
        Some(node)
    }

    fn references(&self, condition: Option<&Condition>) -> Option<Vec<NodeId>> {
        match condition {
            None => Some(Vec::new()),
            Some(condition) => self.node_of(&condition.references),
        }
    }

    fn apply(&mut self, kind: &StepKind) -> Option<()> {
        let StepKind::Apply { analytic, inputs, results, arguments, references } = kind else { return None };
        let mut nodes = self.node_of(inputs)?;
        nodes.extend(self.node_of(references)?);
        let known = self.config.analytics.get(analytic).cloned().unwrap_or_default();
        let apply = op::Apply {
            analytic: analytic.clone(),
            inputs: u32::try_from(inputs.len()).ok()?,
            arguments: arguments.clone(),
            identity: self.config.analytics.identity(analytic),
            limits: known.limits,
        };
        let after: Vec<_> = self.to.last_apply.into_iter().collect();
        let applied = self.to.plan.add(Op::Apply(apply), &nodes, &after, self.origin, None);
        self.to.last_apply = Some(applied);
        for (index, result) in (0u32..).zip(results) {
            let shape = self.shape_of(*result);
            let updated = self.add(Op::Updated { index }, &[applied], Some(shape));
            self.bind(*result, updated);
        }
        Some(())
    }
}

/// Makes the shape of entities of a type whose columns the data decides.
fn open(entity_type: &kestrel_stix::EntityType) -> Shape {
    Shape { entity_type: Some(entity_type.clone()), rows: Rows::Entities, columns: None }
}
