//! `EXPLAIN`: how a variable is evaluated, as the part of the plan it needs. Language 3.16.

use kestrel_ir::{NodeId, Op, Plan, text};

/// Returns the nodes that `of` needs, as the plan text shows them, after a line about what
/// they touch. Nothing is evaluated.
pub fn explain(plan: &Plan, of: NodeId, variable: &str, is_known: impl Fn(NodeId) -> bool) -> String {
    let needed = plan.needed_for([of]);
    let count = |test: &dyn Fn(&Op) -> bool| needed.iter().filter(|id| test(&plan.node(**id).op)).count();
    let known = needed.iter().filter(|id| is_known(**id)).count();
    let remote = count(&Op::is_remote);
    let effects = count(&Op::is_effect);
    let plural = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    format!(
        "{variable}: {}, {} of a data source, {} outside, {known} evaluated already\n{}",
        plural(needed.len(), "operation"),
        if remote == 1 { "1 query".to_owned() } else { format!("{remote} queries") },
        plural(effects, "effect"),
        text::write_some(plan, &needed)
    )
}
