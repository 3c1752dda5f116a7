//! The invariants of a plan, checked after lowering, after every pass in debug builds, and
//! always after reading one from outside.

use kestrel_stix::pattern::{Operator, Pattern};

use crate::{
    op::{Op, Port, Window},
    plan::{NodeId, Plan},
};

/// How deep patterns may nest in a plan; deeper ones are refused, so that no later walk can
/// exhaust the stack.
pub const MAX_PATTERN_DEPTH: usize = 500;

/// A broken invariant. In a plan made by the compiler this is a fault of the program; in one
/// that was read, of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node {} ({kind}): {problem}", .node.short())]
pub struct Broken {
    /// The node.
    pub node: NodeId,
    /// Its kind.
    pub kind: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error("needs {needs} inputs and has {has}")]
    Arity { needs: String, has: usize },
    #[error("input {input} gives {gives:?}, not {needs:?}")]
    Type { input: usize, gives: Port, needs: Port },
    #[error("its input stands after it")]
    Order,
    #[error("refers to input {input}, which it does not have")]
    Reference { input: u32 },
    #[error("its pattern nests deeper than {MAX_PATTERN_DEPTH} levels")]
    Depth,
    #[error("compares with no value")]
    NoOperand,
    #[error("its time range is empty or reversed")]
    Window,
    #[error("says nothing about the entities it gives")]
    NoShape,
    #[error("a row has another number of values than there are columns")]
    Ragged,
    #[error("has a width of zero")]
    ZeroWidth,
    #[error("takes part {index} of an apply with {inputs} inputs")]
    Part { index: u32, inputs: u32 },
    #[error("has no name where it needs one")]
    Unnamed,
    #[error("its place in the huntflow lies outside the text")]
    Origin,
}

/// Checks every invariant and returns the first one that is broken.
pub fn verify(plan: &Plan) -> Result<(), Broken> {
    for node in plan.nodes() {
        let broken = |problem| Broken { node: node.id, kind: node.op.name(), problem };
        check_node(plan, node.id).map_err(broken)?;
    }
    Ok(())
}

fn check_node(plan: &Plan, id: NodeId) -> Result<(), Problem> {
    let node = plan.node(id);
    let inputs = plan.inputs(id);
    let after = plan.after(id);
    if inputs.iter().chain(&after).any(|input| plan.node(*input).order >= node.order) {
        return Err(Problem::Order);
    }
    check_ports(plan, &node.op, &inputs)?;
    let references = plan.references(id).len();
    if let Some(pattern) = node.op.pattern() {
        check_pattern(pattern, references)?;
    }
    if let Some(window) = node.op.window() {
        check_window(window, inputs.len())?;
    }
    check_details(plan, &node.op, &inputs, references)?;
    if node.op.output() == Port::Entities && node.shape.is_none() {
        return Err(Problem::NoShape);
    }
    let span = node.origin.span;
    match plan.sources.get(span.source.0 as usize) {
        Some(source) if source.text.get(span.range()).is_none() => Err(Problem::Origin),
        None if span.end > 0 => Err(Problem::Origin),
        _ => Ok(()),
    }
}

fn check_ports(plan: &Plan, op: &Op, inputs: &[NodeId]) -> Result<(), Problem> {
    let gives = |n: usize| plan.output(inputs[n]);
    let has = inputs.len();
    let arity = |needs: &str| Problem::Arity { needs: needs.to_owned(), has };
    let need = |n: usize, port: Port| match gives(n) {
        found if found == port => Ok(()),
        found => Err(Problem::Type { input: n, gives: found, needs: port }),
    };
    let main: Vec<Port> = match op {
        Op::Pool => {
            for (n, input) in inputs.iter().enumerate() {
                let fits = match gives(n) {
                    Port::Pool => n == 0,
                    Port::Records => true,
                    Port::Entities => matches!(plan.node(*input).op, Op::Expand(_)),
                    _ => false,
                };
                if !fits {
                    return Err(Problem::Type { input: n, gives: gives(n), needs: Port::Records });
                }
            }
            return Ok(());
        }
        Op::Union => {
            if has < 2 {
                return Err(arity("at least 2"));
            }
            vec![Port::Entities; has]
        }
        Op::Fetch(_) | Op::Literal(_) | Op::Load(_) => vec![],
        Op::Select(_) => vec![Port::Records],
        Op::Relate(_) | Op::Match(_) | Op::Assemble => vec![Port::Entities, Port::Pool],
        Op::Join { .. } => vec![Port::Entities; 2],
        Op::Updated { .. } => vec![Port::Applied],
        Op::Apply(apply) if apply.inputs == 0 => return Err(arity("at least 1")),
        Op::Apply(apply) if apply.inputs as usize > has => return Err(arity(&apply.inputs.to_string())),
        Op::Apply(apply) => vec![Port::Entities; apply.inputs as usize],
        _ => vec![Port::Entities],
    };
    let takes_references = matches!(
        op,
        Op::Fetch(_) | Op::Select(_) | Op::Expand(_) | Op::Match(_) | Op::Filter(_) | Op::Apply(_)
    );
    if has < main.len() || (has > main.len() && !takes_references) {
        return Err(arity(&main.len().to_string()));
    }
    for (n, port) in main.iter().enumerate() {
        need(n, *port)?;
    }
    for n in main.len()..has {
        need(n, Port::Entities)?;
    }
    Ok(())
}

fn check_pattern(pattern: &Pattern, references: usize) -> Result<(), Problem> {
    // Depth first, so that the walks below and everywhere else are bounded.
    let mut stack = vec![(pattern, 1)];
    while let Some((pattern, depth)) = stack.pop() {
        if depth > MAX_PATTERN_DEPTH {
            return Err(Problem::Depth);
        }
        if let Pattern::And(parts) | Pattern::Or(parts) = pattern {
            stack.extend(parts.iter().map(|part| (part, depth + 1)));
        }
    }
    for test in pattern.comparisons() {
        let operand = &test.operand;
        if let Some(reference) =
            operand.references.iter().find(|reference| reference.input as usize >= references)
        {
            return Err(Problem::Reference { input: reference.input });
        }
        if test.operator != Operator::IsNull && operand.values.is_empty() && operand.references.is_empty() {
            return Err(Problem::NoOperand);
        }
    }
    Ok(())
}

fn check_window(window: &Window, inputs: usize) -> Result<(), Problem> {
    match window {
        Window::Fixed(range) => match (range.start, range.stop) {
            (Some(start), Some(stop)) if start >= stop => Err(Problem::Window),
            _ => Ok(()),
        },
        Window::Last { seconds: 0 } => Err(Problem::Window),
        Window::SpanOf { inputs: of, .. } => match of.iter().find(|input| **input as usize >= inputs) {
            Some(input) => Err(Problem::Reference { input: *input }),
            None => Ok(()),
        },
        Window::Always | Window::Last { .. } => Ok(()),
    }
}

fn check_details(plan: &Plan, op: &Op, inputs: &[NodeId], references: usize) -> Result<(), Problem> {
    match op {
        Op::Literal(literal) if literal.rows.iter().any(|row| row.len() != literal.columns.len()) => {
            Err(Problem::Ragged)
        }
        Op::Group(group) => {
            let zero = |key: &crate::op::GroupKey| match key.bin {
                Some(crate::op::Bin::Number { width }) => width == 0,
                Some(crate::op::Bin::Time { seconds }) => seconds == 0,
                None => false,
            };
            if group.keys.is_empty() {
                return Err(Problem::Unnamed);
            }
            if group.keys.iter().any(zero) { Err(Problem::ZeroWidth) } else { Ok(()) }
        }
        Op::Updated { index } => match &plan.node(inputs[0]).op {
            Op::Apply(apply) if *index >= apply.inputs => {
                Err(Problem::Part { index: *index, inputs: apply.inputs })
            }
            _ => Ok(()),
        },
        Op::Apply(apply) => {
            let used = apply.arguments.iter().flat_map(|(_, parts)| parts).filter_map(|part| match part {
                crate::op::Argument::Reference { input, .. } => Some(*input),
                crate::op::Argument::Value(_) => None,
            });
            match used.into_iter().find(|input| *input as usize >= references) {
                Some(input) => Err(Problem::Reference { input }),
                None => Ok(()),
            }
        }
        Op::Project { attributes } if attributes.is_empty() => Err(Problem::Unnamed),
        Op::Bind(bind) if bind.variable.is_empty() => Err(Problem::Unnamed),
        Op::Fetch(fetch) if fetch.source.is_empty() => Err(Problem::Unnamed),
        Op::Expand(expand) if expand.source.is_empty() || expand.id_attributes.is_empty() => {
            Err(Problem::Unnamed)
        }
        Op::Save { path } if path.is_empty() => Err(Problem::Unnamed),
        Op::Load(load) if load.path.is_empty() => Err(Problem::Unnamed),
        _ => Ok(()),
    }
}
