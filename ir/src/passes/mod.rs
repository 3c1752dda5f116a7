//! Passes: plan to plan with the same answers. One pass a file, one list, one driver.

mod drop_unread_steps;

pub use drop_unread_steps::DropUnreadSteps;

use crate::{
    plan::Plan,
    verify::{Broken, verify},
};

/// A plan-to-plan step that never changes an answer.
pub trait Pass: Sync {
    /// Returns the name: the file's, and the one `--passes` takes.
    fn name(&self) -> &'static str;

    /// Returns the plan afterwards; an equal plan when the pass finds nothing to do.
    fn run(&self, plan: &Plan) -> Plan;
}

/// How much work optimization may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Nothing: the plan as lowered.
    O0,
    /// Passes that only remove.
    O1,
    /// Every pass.
    #[default]
    O2,
}

/// Every pass in the order in which they run, with the level from which on.
pub fn all() -> Vec<(Level, &'static dyn Pass)> {
    vec![(Level::O1, &DropUnreadSteps)]
}

/// How often the list is repeated at most until nothing changes.
const MAX_ROUNDS: usize = 8;

/// Runs the passes that `chosen` names to a fixed point, verifying after each in debug builds,
/// and tells `observe` each plan that differs from the one before.
pub fn optimize(
    plan: Plan,
    chosen: &[&'static dyn Pass],
    mut observe: impl FnMut(&'static str, &Plan),
) -> Result<Plan, Broken> {
    let mut plan = plan;
    for _ in 0..MAX_ROUNDS {
        let mut changed = false;
        for pass in chosen {
            let next = pass.run(&plan);
            if cfg!(debug_assertions) {
                verify(&next)?;
            }
            if next != plan {
                changed = true;
                plan = next;
                observe(pass.name(), &plan);
            }
        }
        if !changed {
            break;
        }
    }
    verify(&plan)?;
    Ok(plan)
}

/// Returns the passes of a level, in order.
pub fn of_level(level: Level) -> Vec<&'static dyn Pass> {
    all().into_iter().filter(|(from, _)| *from <= level).map(|(_, pass)| pass).collect()
}
