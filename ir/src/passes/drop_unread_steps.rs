//! `drop_unread_steps`: remove work that no sink needs.
//!
//! Before                                   After
//! ```text
//! n0  fetch process <- stixbundle://b      n0  fetch process <- stixbundle://b
//! n1  select process <- n0                 n1  select process <- n0
//! n2  pool n0                              n2  pool n0
//! n3  assemble n1 in n2                    n3  assemble n1 in n2
//! n4  sort n3 by pid descending            n4  display n3
//! n5  display n3
//! ```
//! Sound because a node without effect is only seen through the sinks that it leads to.
//! Does not fire: for variables (their `bind` is a sink), for `save` and for `apply`, which
//! change something outside; for a fetch whose records a later pool holds, since `FIND` sees
//! them.

use std::collections::BTreeSet;

use super::Pass;
use crate::plan::{Plan, Rewrite};

/// See the file's page.
#[derive(Debug, Clone, Copy)]
pub struct DropUnreadSteps;

impl Pass for DropUnreadSteps {
    fn name(&self) -> &'static str {
        "drop_unread_steps"
    }

    fn run(&self, plan: &Plan) -> Option<Plan> {
        let sinks = plan
            .nodes()
            .into_iter()
            .filter(|node| node.op.is_sink() || node.op.is_effect())
            .map(|node| node.id);
        let needed: BTreeSet<_> = plan.needed_for(sinks).into_iter().collect();
        if needed.len() == plan.len() {
            return None;
        }
        Some(plan.rewrite(
            |_, node, wired| if needed.contains(&node.id) { wired.keep(node) } else { Rewrite::Drop },
        ))
    }
}
