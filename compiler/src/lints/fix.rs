//! Applies fixes: those that do not overlap at once, then looks again, until nothing is left.

use std::collections::BTreeMap;

use kestrel_ir::diagnostic::Span;
use kestrel_stix::Timestamp;

use super::{Edit, Finding, Selection, check};
use crate::{config::Config, hunt::Hunt};

/// After so many rounds the rest is left to the author.
const MAX_ROUNDS: usize = 10;

/// Which fixes are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that keep the meaning.
    Safe,
    /// All.
    All,
}

/// Texts after fixing, and how many fixes were applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// One text a block.
    pub texts: Vec<String>,
    /// How many findings were repaired.
    pub count: usize,
}

/// Repairs what can be repaired. A round that would bring in a new error is not done.
pub fn fix(
    hunt: &Hunt,
    config: &Config,
    selection: &Selection,
    now: Option<Timestamp>,
    which: Which,
) -> Fixed {
    let mut texts: Vec<String> = hunt.blocks.iter().map(|block| block.text.clone()).collect();
    let mut count = 0;
    let errors = |hunt: &Hunt| hunt.diagnostics.iter().filter(|found| found.is_error()).count();
    let mut current = hunt.clone();
    for _ in 0..MAX_ROUNDS {
        let found = check(&current, config, selection, now);
        let Some((changed, repaired)) = round(&texts, &found, which) else { break };
        let mut next = Hunt::default();
        for text in &changed {
            next.add_text(text, config);
        }
        if errors(&next) > errors(&current) {
            break;
        }
        count += repaired;
        texts = changed;
        current = next;
    }
    Fixed { texts, count }
}

/// Applies one round of fixes to the texts; none if there was none.
fn round(texts: &[String], found: &[Finding], which: Which) -> Option<(Vec<String>, usize)> {
    let mut edits: Vec<&Edit> = Vec::new();
    let mut taken: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut count = 0;
    for finding in found {
        let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safe || which == Which::All) else { continue };
        // What is taken does not overlap itself, so looking at the neighbours is enough.
        let overlaps = |span: Span| {
            let source = span.source.0;
            let before = taken.range((source, 0)..=(source, span.end)).next_back();
            before.is_some_and(|(_, end)| *end >= span.start)
        };
        if fix.edits.iter().any(|edit| overlaps(edit.span)) {
            continue;
        }
        taken.extend(fix.edits.iter().map(|edit| ((edit.span.source.0, edit.span.start), edit.span.end)));
        edits.extend(&fix.edits);
        count += 1;
    }
    if count == 0 {
        return None;
    }
    edits.sort_by_key(|edit| edit.span);
    let mut changed = texts.to_vec();
    for (index, text) in changed.iter_mut().enumerate() {
        let own: Vec<&Edit> =
            edits.iter().copied().filter(|edit| edit.span.source.0 as usize == index).collect();
        if !own.is_empty() {
            *text = apply(text, &own)?;
        }
    }
    Some((changed, count))
}

/// Applies edits that are in order and do not overlap; none if they do, or miss the text.
pub fn apply(text: &str, edits: &[&Edit]) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        out.push_str(text.get(done..edit.span.start as usize)?);
        out.push_str(&edit.text);
        done = edit.span.end as usize;
    }
    out.push_str(text.get(done..)?);
    Some(out)
}
