//! Passes: plan to plan with the same answers. One pass a file, one list, one driver.
//!
//! | pass | from level | does |
//! |---|---|---|
//! | [`normalize_patterns`](NormalizePatterns) | 2 | patterns in fewer words |
//! | [`settle_windows`](SettleWindows) | 2 | inferred time ranges that are known already |
//! | [`drop_idle_expansions`](DropIdleExpansions) | 1 | no prefetch where nothing would be asked |
//! | [`drop_unread_steps`](DropUnreadSteps) | 1 | no work that reaches no sink |
//!
//! "The same answers" are the same variables, displays and diagnostics, for every subset of the
//! passes. `docs/optimizer.md` says what is deliberately not done, and why.

mod drop_idle_expansions;
mod drop_unread_steps;
mod normalize_patterns;
mod settle_windows;

pub use drop_idle_expansions::DropIdleExpansions;
pub use drop_unread_steps::DropUnreadSteps;
use kestrel_stix::suggest::nearest;
pub use normalize_patterns::NormalizePatterns;
pub use settle_windows::SettleWindows;

use crate::{
    plan::Plan,
    verify::{Broken, verify},
};

/// A plan-to-plan step that never changes an answer.
pub trait Pass: Sync + std::fmt::Debug {
    /// Returns the name: the file's, and the one `--passes` takes.
    fn name(&self) -> &'static str;

    /// Returns the plan afterwards; none when the pass finds nothing to do, which it notices
    /// before it builds anything.
    fn run(&self, plan: &Plan) -> Option<Plan>;
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
    vec![
        (Level::O2, &NormalizePatterns),
        (Level::O2, &SettleWindows),
        (Level::O1, &DropIdleExpansions),
        (Level::O1, &DropUnreadSteps),
    ]
}

/// Returns the passes of a level, in order.
pub fn of_level(level: Level) -> Vec<&'static dyn Pass> {
    all().into_iter().filter(|(from, _)| *from <= level).map(|(_, pass)| pass).collect()
}

/// Returns the passes of these names, in the order in which passes run, each once.
///
/// # Errors
/// When a name is none of a pass.
pub fn named<N: AsRef<str>>(names: &[N]) -> Result<Vec<&'static dyn Pass>, UnknownPass> {
    let all = all();
    let known = || all.iter().map(|(_, pass)| pass.name());
    if let Some(name) = names.iter().map(AsRef::as_ref).find(|name| !known().any(|known| known == *name)) {
        let near = nearest(name, known()).first().map(|near| (*near).to_owned());
        let known = known().collect::<Vec<_>>().join(", ");
        return Err(UnknownPass { name: crate::text::visible(name), near, known });
    }
    let chosen = |pass: &&'static dyn Pass| names.iter().any(|name| name.as_ref() == pass.name());
    Ok(all.iter().map(|(_, pass)| *pass).filter(chosen).collect())
}

/// There is no pass of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no pass `{name}`{}; the passes are {known}", near.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownPass {
    /// As given.
    pub name: String,
    /// A name that looks like it.
    pub near: Option<String>,
    /// All names.
    pub known: String,
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
            let Some(next) = pass.run(&plan) else { continue };
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

#[cfg(test)]
mod tests;
