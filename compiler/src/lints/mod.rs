//! Lints: advice about huntflows that are valid.
//!
//! A lint is one file in `rules`, one line in [`ALL`], and a page of documentation beside its code
//! in the registry (`ir/src/diagnostic/lints/NAME.md`): what it does, why it matters, an example
//! and what to use instead. The examples are run as tests, the pages in `docs/lints` are made
//! from them, and `kestrelc explain` prints them.

pub mod baseline;
mod context;
pub mod docs;
mod finding;
pub mod fix;
mod rules;
pub mod selection;
mod suppress;

pub use context::{Cx, follow};
pub use finding::{Edit, Finding, Fix};
pub use rules::ALL;
pub use selection::Selection;

use kestrel_ir::diagnostic::Code;
use kestrel_stix::Timestamp;

use crate::{config::Config, hunt::Hunt};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Lint {
    /// Its code; name and documentation belong to it.
    pub code: Code,
    /// Runs unless it is switched off.
    pub by_default: bool,
    /// Looks at a hunt and adds what it finds. Takes time linear in the text.
    pub check: fn(&Cx<'_>, &mut Vec<Finding>),
}

impl Lint {
    /// A rule that runs unless it is switched off.
    pub(crate) const fn on(code: Code, check: fn(&Cx<'_>, &mut Vec<Finding>)) -> Self {
        Lint { code, by_default: true, check }
    }

    /// A rule that runs only where it is asked for.
    pub(crate) const fn off(code: Code, check: fn(&Cx<'_>, &mut Vec<Finding>)) -> Self {
        Lint { code, by_default: false, check }
    }
}

/// Returns everything that is to be said about a hunt, in the order of the text: errors,
/// warnings and lints of the selection, less what comments in the text suppress.
///
/// `now` is the present for lints about time; without it they stay silent.
pub fn check(hunt: &Hunt, config: &Config, selection: &Selection, now: Option<Timestamp>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let wanted = |diagnostic: &&kestrel_ir::diagnostic::Diagnostic| {
        diagnostic.is_error() || selection.has(diagnostic.code)
    };
    found.extend(hunt.diagnostics.iter().filter(wanted).cloned().map(Finding::from));
    let lints = || ALL.iter().filter(|lint| selection.has(lint.code));
    if lints().next().is_some() {
        let cx = Cx::new(hunt, config, now);
        for lint in lints() {
            (lint.check)(&cx, &mut found);
        }
    }
    suppress::apply(hunt, selection, &mut found);
    found.sort_by_key(|finding| finding.diagnostic.span);
    found
}
