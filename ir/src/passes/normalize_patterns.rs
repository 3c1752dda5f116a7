//! `normalize_patterns`: say patterns in fewer words.
//!
//! Before                                          After
//! ```text
//! n0  fetch process <- stixbundle://b             n0  fetch process <- stixbundle://b
//!       where   name = 'a' OR (name = 'b' OR            where   name IN ('a', 'b')
//!               name = 'a')
//! ```
//! Nested junctions are flattened, repetitions dropped, alternatives of one attribute become one
//! list; what contradicts itself becomes false, what always holds true. See
//! [`simplified`] for every rule and why it keeps each test's case and null rules.
//! Does not fire: on tests that refer to variables and on regular expressions, since what they
//! tell when they run would be told less often; no constants in `filter`, which refuses
//! attributes that the entities do not have; no "always" for types other than the returned one,
//! which a record may lack altogether.

use std::collections::BTreeMap;

use kestrel_stix::pattern::{Pattern, Simplify, simplified};

use super::Pass;
use crate::{
    op::Op,
    plan::{Node, NodeId, Plan, Rewrite},
};

/// See the file's page.
#[derive(Debug, Clone, Copy)]
pub struct NormalizePatterns;

impl Pass for NormalizePatterns {
    fn name(&self) -> &'static str {
        "normalize_patterns"
    }

    fn run(&self, plan: &Plan) -> Option<Plan> {
        let found = |node: &Node| Some((node.id, normalized(&node.op)?));
        let mut simpler: BTreeMap<NodeId, Op> = plan.nodes().into_iter().filter_map(found).collect();
        if simpler.is_empty() {
            return None;
        }
        Some(plan.rewrite(|_, node, wired| match simpler.remove(&node.id) {
            Some(op) => {
                Rewrite::Node { op, inputs: wired.inputs, after: wired.after, shape: node.shape.clone() }
            }
            None => wired.keep(node),
        }))
    }
}

/// Returns the operation with a simpler pattern; none if there is no simpler one.
fn normalized(op: &Op) -> Option<Op> {
    op.pattern()?;
    let mut op = op.clone();
    let (pattern, centre): (&mut Pattern, _) = match &mut op {
        Op::Fetch(fetch) => (&mut fetch.pattern, Some(&fetch.entity_type)),
        Op::Select(select) => (&mut select.pattern, Some(&select.entity_type)),
        Op::Expand(expand) => (expand.pattern.as_mut()?, Some(&expand.entity_type)),
        Op::Match(matching) => (matching.pattern.as_mut()?, Some(&matching.entity_type)),
        Op::Filter(filter) => (filter.pattern.as_mut()?, None),
        _ => return None,
    };
    let rows = kestrel_stix::EntityType::new("*");
    let rules = Simplify { centre: centre.unwrap_or(&rows), constants: centre.is_some() };
    let simple = simplified(pattern, rules);
    if simple == *pattern {
        return None;
    }
    *pattern = simple;
    Some(op)
}
