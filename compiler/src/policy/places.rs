//! Which words of a statement a refusal is about: the address after `FROM`, the analytic, the path,
//! the time range.
//!
//! A plan knows the statement of a node. The words are looked for in the text that it carries, and
//! count only if they say what the node does: in a plan from elsewhere the text may be any.

use kestrel_ir::{
    Plan,
    diagnostic::{SourceId, Span},
};

use crate::{
    ast::{Bounds, Command, Effect, PathText, Statement, StatementKind},
    parse::parse,
};

/// What is refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Words<'p> {
    /// One part of the address of a data source.
    Source(&'p str),
    /// The address of an analytic.
    Analytic(&'p str),
    /// A file of `LOAD`, `SAVE` or a data source.
    Path(&'p str),
    /// The time range.
    Range,
}

/// Returns the place of these words in a statement; the statement if they are not in it.
pub(super) fn of(plan: &Plan, statement: Span, words: Words<'_>) -> Span {
    find(plan, statement, words).unwrap_or(statement)
}

fn find(plan: &Plan, statement: Span, words: Words<'_>) -> Option<Span> {
    let source = plan.sources.get(statement.source.0 as usize)?;
    let text = source.text.get(statement.range())?;
    let parsed = parse(text, SourceId(0));
    let [only] = parsed.ast.statements.as_slice() else { return None };
    let found = in_statement(only, words)?;
    let shifted = |at: u32| statement.start.checked_add(at);
    Some(Span { start: shifted(found.start)?, end: shifted(found.end)?, ..statement })
}

fn in_statement(statement: &Statement, words: Words<'_>) -> Option<Span> {
    let path = |written: &PathText, address: &str| {
        let name = written.text.split_once("://").map_or(written.text.as_str(), |(_, name)| name);
        (address.rsplit("://").next()? == name).then_some(written.span)
    };
    match (&statement.kind, words) {
        (
            StatementKind::Yield { command: Command::Get(get), .. },
            Words::Source(target) | Words::Path(target),
        ) => {
            let source = get.source.as_ref()?;
            let target = target.to_ascii_lowercase();
            let names = |written: &str| {
                let written = written.to_ascii_lowercase();
                written.ends_with(&target) || !written.is_empty() && target.ends_with(&written)
            };
            let part = source.parts.iter().find(|part| names(&part.text))?;
            Some(part.span)
        }
        (StatementKind::Yield { command: Command::Load(load), .. }, Words::Path(name)) => {
            path(&load.path, name)
        }
        (StatementKind::Effect(Effect::Save(save)), Words::Path(name)) => path(&save.path, name),
        (StatementKind::Effect(Effect::Apply(apply)), Words::Analytic(name)) => path(&apply.analytic, name),
        (StatementKind::Yield { command: Command::Get(get), .. }, Words::Range) => range(&get.bounds),
        (StatementKind::Yield { command: Command::Find(find), .. }, Words::Range) => range(&find.bounds),
        _ => None,
    }
}

fn range(bounds: &Bounds) -> Option<Span> {
    bounds.range.as_ref().map(|range| range.span)
}
