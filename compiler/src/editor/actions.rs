//! Repairs that an editor offers at a place.

use std::ops::Range;

use crate::lints::{Edit, Finding};

/// A repair of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action<'f> {
    /// What it does.
    pub title: String,
    /// The finding it removes.
    pub finding: &'f Finding,
    /// What changes.
    pub edits: &'f [Edit],
    /// The hunt does the same afterwards.
    pub safe: bool,
}

/// Returns the repairs of findings that touch a range of bytes of a block.
pub fn actions<'f>(findings: &'f [Finding], block: usize, range: &Range<usize>) -> Vec<Action<'f>> {
    let touches = |finding: &&Finding| {
        finding.diagnostic.span.is_some_and(|span| {
            span.source.0 as usize == block
                && span.start as usize <= range.end
                && range.start <= span.end as usize
        })
    };
    let with_fix = findings.iter().filter(touches).filter_map(|finding| {
        let fix = finding.fix.as_ref()?;
        let title = match fix.safe {
            true => fix.title.clone(),
            false => format!("{} (changes what is found)", fix.title),
        };
        Some(Action { title, finding, edits: &fix.edits, safe: fix.safe })
    });
    with_fix.collect()
}
