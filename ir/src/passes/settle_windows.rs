//! `settle_windows`: time ranges that are known before the hunt runs are written as known.
//!
//! Before                                          After
//! ```text
//! n0  literal process of 2 rows                   n0  literal process of 2 rows
//! n1  fetch process <- stixbundle://b             n1  fetch process <- stixbundle://b
//!       where   pid IN n0.pid                           where   pid IN n0.pid
//!       window  span of n0 -300 s .. +300 s
//! ```
//! A range inferred from variables is that of the records that show their entities. Entities
//! written in a huntflow or read from a file, and groups, have no records, so they restrict
//! nothing: a reviewer sees that all of the source will be read. An input named twice counts
//! once.
//! Does not fire: for entities that some record may show, whose range only the data knows; ranges
//! of different steps are not intersected, since an entity that was seen in both need not have
//! been seen in what they have in common.

use std::collections::BTreeSet;

use super::Pass;
use crate::{
    op::{Op, Window},
    plan::{Node, NodeId, Plan, Rewrite},
};

/// See the file's page.
#[derive(Debug, Clone, Copy)]
pub struct SettleWindows;

impl Pass for SettleWindows {
    fn name(&self) -> &'static str {
        "settle_windows"
    }

    fn run(&self, plan: &Plan) -> Option<Plan> {
        let inferred = |node: &&Node| matches!(node.op.window(), Some(Window::SpanOf { .. }));
        plan.nodes().iter().find(|node| inferred(node))?;
        // Nodes of the old plan whose entities no record shows.
        let mut unseen: BTreeSet<NodeId> = BTreeSet::new();
        let mut changed = false;
        let next = plan.rewrite(|_, node, wired| {
            let old_inputs = plan.inputs(node.id);
            let is_unseen = match &node.op {
                Op::Literal(_) | Op::Load(_) | Op::Group(_) => true,
                Op::Filter(_) | Op::Sort { .. } | Op::Slice { .. } | Op::Project { .. } => {
                    old_inputs.first().is_some_and(|input| unseen.contains(input))
                }
                Op::Union => old_inputs.iter().all(|input| unseen.contains(input)),
                _ => false,
            };
            if is_unseen {
                unseen.insert(node.id);
            }
            let mut op = node.op.clone();
            let window = match &mut op {
                Op::Fetch(fetch) => &mut fetch.window,
                Op::Expand(expand) => &mut expand.window,
                Op::Match(matching) => &mut matching.window,
                Op::Filter(filter) => &mut filter.window,
                _ => return wired.keep(node),
            };
            match settled(window, &old_inputs, &unseen) {
                Some(settled) => {
                    *window = settled;
                    changed = true;
                }
                None => return wired.keep(node),
            }
            Rewrite::Node { op, inputs: wired.inputs, after: wired.after, shape: node.shape.clone() }
        });
        changed.then_some(next)
    }
}

/// Returns a simpler window that is the same; none if there is none.
fn settled(window: &Window, inputs: &[NodeId], unseen: &BTreeSet<NodeId>) -> Option<Window> {
    let Window::SpanOf { inputs: of, start_offset, stop_offset } = window else { return None };
    let mut known = BTreeSet::new();
    let mut left = of.clone();
    left.retain(|input| {
        inputs.get(*input as usize).is_some_and(|id| !unseen.contains(id) && known.insert(*id))
    });
    if left.len() == of.len() {
        return None;
    }
    Some(match left.is_empty() {
        true => Window::Always,
        false => Window::SpanOf { inputs: left, start_offset: *start_offset, stop_offset: *stop_offset },
    })
}
