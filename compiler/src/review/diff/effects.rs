//! Effects compared: what grew, what shrank.
//!
//! Growth is a source, server, profile, file or analytic that was not there; the same analytic with
//! other code or other arguments; more queries to a source; a time range that reaches beyond the
//! old one. A pattern that matches more is not, since nobody can tell; it is shown as changed work.

use std::collections::BTreeMap;

use kestrel_ir::text::visible;
use serde::Serialize;

use crate::review::{
    effects::{CodeUse, Effects, FileUse, Reach, SourceUse},
    extent::Extent,
};

/// Whether the world notices more or less of the new hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Growth {
    /// More.
    More,
    /// Less.
    Less,
}

/// One effect that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EffectChange {
    /// More or less.
    pub growth: Growth,
    /// The row of the summary: `source`, `time range`, `code` …
    pub kind: &'static str,
    /// What it is about: an address, a path.
    pub subject: String,
    /// The old value, for what changed or went.
    pub old: Option<String>,
    /// The new value, for what changed or came.
    pub new: Option<String>,
}

/// Returns the effects that differ, growth first, then by the rows of the summary.
pub fn compare(old: &Effects, new: &Effects) -> Vec<EffectChange> {
    let mut changes = Vec::new();
    sources(&old.sources, &new.sources, &mut changes);
    let code = |effects: &Effects| counted(effects.code.iter().map(code_text));
    counts("code", &code(old), &code(new), &mut changes);
    let files = |files: &[FileUse]| counted(files.iter().map(|file| visible(&file.path)));
    counts("writes", &files(&old.writes), &files(&new.writes), &mut changes);
    counts("reads", &files(&old.reads), &files(&new.reads), &mut changes);
    let profiles = |effects: &Effects| counted(effects.profiles().map(|source| visible(&source.target)));
    counts("secrets", &profiles(old), &profiles(new), &mut changes);
    changes.sort_by_key(|change| change.growth);
    changes
}

fn code_text(code: &CodeUse) -> String {
    let mut text = visible(&code.analytic);
    if !code.nameless.is_empty() {
        text.push_str(&format!(" with {}", code.nameless.join("; ")));
    }
    if let Some(identity) = &code.identity {
        text.push_str(&format!(", pinned to {}", visible(identity)));
    }
    text
}

fn counted(items: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_insert(0) += 1;
    }
    counts
}

fn counts(
    kind: &'static str,
    old: &BTreeMap<String, usize>,
    new: &BTreeMap<String, usize>,
    changes: &mut Vec<EffectChange>,
) {
    let times = |n: usize| match n {
        0 => None,
        _ if kind == "secrets" => Some("used".to_owned()),
        1 => Some("once".to_owned()),
        n => Some(format!("{n} times")),
    };
    let mut subjects: Vec<&String> = old.keys().chain(new.keys()).collect();
    subjects.sort();
    subjects.dedup();
    for subject in subjects {
        let count = |of: &BTreeMap<String, usize>| of.get(subject).copied().unwrap_or(0);
        let (before, after) = (count(old), count(new));
        // Credentials are used or not; how often is said by the queries.
        if before == after || (kind == "secrets" && before > 0 && after > 0) {
            continue;
        }
        changes.push(EffectChange {
            growth: if after > before { Growth::More } else { Growth::Less },
            kind,
            subject: subject.clone(),
            old: times(before),
            new: times(after),
        });
    }
}

fn sources(old: &[SourceUse], new: &[SourceUse], changes: &mut Vec<EffectChange>) {
    let key = |source: &SourceUse| (source.scheme.clone(), source.target.clone());
    let before: BTreeMap<_, _> = old.iter().map(|source| (key(source), source)).collect();
    let after: BTreeMap<_, _> = new.iter().map(|source| (key(source), source)).collect();
    for (key, source) in &after {
        match before.get(key) {
            None => changes.push(whole(source, Growth::More)),
            Some(old) => changed(old, source, changes),
        }
    }
    for (key, source) in &before {
        if !after.contains_key(key) {
            changes.push(whole(source, Growth::Less));
        }
    }
}

fn whole(source: &SourceUse, growth: Growth) -> EffectChange {
    let reach = match &source.reach {
        Reach::File => "file".to_owned(),
        Reach::Web(host) => format!("web, host {host}"),
        Reach::Profile => "profile".to_owned(),
        Reach::Unknown => "unknown kind".to_owned(),
    };
    let text = format!("{reach}; {}; {}", queries(source.nodes.len()), source.extent);
    let (old, new) = if growth == Growth::More { (None, Some(text)) } else { (Some(text), None) };
    EffectChange { growth, kind: "source", subject: visible(&source.address()), old, new }
}

fn queries(n: usize) -> String {
    format!("{n} {}", if n == 1 { "query" } else { "queries" })
}

fn changed(old: &SourceUse, new: &SourceUse, changes: &mut Vec<EffectChange>) {
    let subject = visible(&new.address());
    let (before, after) = (old.nodes.len(), new.nodes.len());
    if before != after {
        changes.push(EffectChange {
            growth: if after > before { Growth::More } else { Growth::Less },
            kind: "queries",
            subject: subject.clone(),
            old: Some(queries(before)),
            new: Some(queries(after)),
        });
    }
    if old.extent != new.extent {
        let narrower = new.extent.lies_in(old.extent);
        let text = |extent: Extent| Some(extent.to_string());
        changes.push(EffectChange {
            growth: if narrower { Growth::Less } else { Growth::More },
            kind: "time range",
            subject,
            old: text(old.extent),
            new: text(new.extent),
        });
    }
}
