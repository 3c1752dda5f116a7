//! Two plans compared as a reviewer would: first what the hunt newly does to the world, then
//! which work was added, removed or changed, in words of statements and variables.
//!
//! Nothing is said about comments and layout, since neither is in a plan, and a renamed variable is
//! a renamed variable. Work that reads the result of changed work is listed apart: its statement is
//! the same, its answer may not be.

pub mod effects;
pub mod render;
mod statements;
mod work;

use kestrel_ir::Plan;

pub use effects::{EffectChange, Growth};
pub use work::{Change, StatementChange};

use super::effects::Effects;

/// What differs between two plans.
#[derive(Debug, Clone, Default)]
pub struct Difference {
    /// Effects that came, went or changed, those that grew first.
    pub effects: Vec<EffectChange>,
    /// Statements that came, went or changed, in the order of the new plan.
    pub work: Vec<StatementChange>,
    /// Variables that only changed their name: before and after.
    pub renamed: Vec<(String, String)>,
}

impl Difference {
    /// Compares two plans, which should be optimized alike.
    pub fn of(old: &Plan, new: &Plan) -> Difference {
        let (work, renamed) = work::compare(old, new);
        Difference { effects: effects::compare(&Effects::of(old), &Effects::of(new)), work, renamed }
    }

    /// Returns true if the new hunt does more to the world than the old one.
    pub fn grew(&self) -> bool {
        self.effects.iter().any(|change| change.growth == Growth::More)
    }

    /// Returns true if both plans do the same.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty() && self.work.is_empty()
    }
}
