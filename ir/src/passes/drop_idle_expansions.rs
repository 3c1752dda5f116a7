//! `drop_idle_expansions`: do not ask again (prefetch) where nothing would be asked.
//!
//! Before                                          After
//! ```text
//! n0  fetch ipv4-addr <- stixbundle://b           n0  fetch ipv4-addr <- stixbundle://b
//!       where   value = '10.0.0.1'                      where   value = '10.0.0.1'
//! n1  select ipv4-addr <- n0                      n1  select ipv4-addr <- n0
//! n2  expand n1 <- stixbundle://b                 n2  pool n0
//!       by      value                             n3  assemble n1 in n2
//!       unless  by value, …
//! n3  pool n0, n2
//! n4  assemble n2 in n3
//! ```
//! An expansion asks by the first attribute that any of the entities has, and asks nothing if
//! that is the one the first query was about. So it does nothing where that is the only
//! candidate, and where there never are entities, since the pattern that selected them is false.
//! It gives the entities that it was given, and brings no records.
//! Does not fire: when there is another candidate, which only the data decides between; when its
//! own pattern refers to variables, since empty ones are told.

use std::collections::BTreeSet;

use kestrel_stix::pattern::Pattern;

use super::Pass;
use crate::{
    op::{Expand, Op},
    plan::{Node, NodeId, Plan, Rewrite},
};

/// See the file's page.
#[derive(Debug, Clone, Copy)]
pub struct DropIdleExpansions;

impl Pass for DropIdleExpansions {
    fn name(&self) -> &'static str {
        "drop_idle_expansions"
    }

    fn run(&self, plan: &Plan) -> Option<Plan> {
        let idle = |node: &Node| match &node.op {
            Op::Expand(expand) => is_idle(expand, plan, node.id).then_some(node.id),
            _ => None,
        };
        let gone: BTreeSet<NodeId> = plan.nodes().into_iter().filter_map(idle).collect();
        if gone.is_empty() {
            return None;
        }
        Some(plan.rewrite(|_, node, mut wired| match &node.op {
            Op::Expand(_) if gone.contains(&node.id) => match wired.inputs.first() {
                Some(input) => Rewrite::Use(*input),
                None => wired.keep(node),
            },
            Op::Pool => {
                // What an expansion brought was nothing.
                let mut old = plan.inputs(node.id).into_iter();
                wired.inputs.retain(|_| old.next().is_some_and(|input| !gone.contains(&input)));
                wired.keep(node)
            }
            _ => wired.keep(node),
        }))
    }
}

fn is_idle(expand: &Expand, plan: &Plan, id: NodeId) -> bool {
    let tells = expand.pattern.as_ref().is_some_and(|pattern| pattern.references().next().is_some());
    if tells {
        return false;
    }
    let asked_already =
        matches!((expand.id_attributes.as_slice(), &expand.unless), ([only], Some(asked)) if only == asked);
    let inputs = plan.inputs(id);
    let selected = inputs.first().map(|input| &plan.node(*input).op);
    let nobody = match selected {
        Some(Op::Select(select)) => is_false(&select.pattern),
        Some(Op::Match(matching)) => matching.pattern.as_ref().is_some_and(is_false),
        _ => false,
    };
    asked_already || nobody
}

fn is_false(pattern: &Pattern) -> bool {
    pattern.never_holds() && pattern.references().next().is_none()
}
