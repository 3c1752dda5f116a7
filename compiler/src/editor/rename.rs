//! Gives a variable another name, if that changes nothing else.

use std::collections::BTreeSet;

use kestrel_ir::{NodeId, Op, Plan, diagnostic::Span};

use super::{Analysis, Place, names};
use crate::{
    ast::{self, Command, StatementKind},
    token::Kind,
};

/// Why a variable cannot be renamed, in words for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The place is not on a variable.
    #[error("there is no variable here")]
    NoVariable,
    /// The default variable is set by every step.
    #[error("`{0}` is set by every step and has no other name")]
    Default(String),
    /// Not the form of a name.
    #[error("`{0}` is no variable name: it starts with a letter or `_` and holds letters, digits and `_`")]
    NoName(String),
    /// A keyword.
    #[error("`{0}` is a keyword")]
    Keyword(String),
    /// There is such a variable.
    #[error("there is a variable `{0}` already")]
    Taken(String),
    /// A data source is called so; the variable would take its place.
    #[error("`{0}` is the name of a data source in this hunt")]
    Source(String),
    /// The hunt would do something else.
    #[error("the hunt would not do the same with the name `{0}`")]
    OtherMeaning(String),
}

/// Returns the place of the variable's name, if it can be renamed.
pub fn prepare(analysis: &Analysis, place: Place) -> Result<Span, Refused> {
    let found = names::at(analysis, place).ok_or(Refused::NoVariable)?;
    match found.name {
        name if name == analysis.config.default_variable => Err(Refused::Default(name.to_owned())),
        _ => Ok(found.span),
    }
}

/// Returns the places whose text becomes the new name.
pub fn rename(analysis: &Analysis, place: Place, new: &str) -> Result<Vec<Span>, Refused> {
    prepare(analysis, place)?;
    let old = names::at(analysis, place).ok_or(Refused::NoVariable)?.name;
    let refused = |why: fn(String) -> Refused| Err(why(new.to_owned()));
    if !ast::is_variable(new) {
        return refused(Refused::NoName);
    }
    if new == old {
        return Ok(Vec::new());
    }
    if Kind::keyword(new).is_some() {
        return refused(Refused::Keyword);
    }
    let all = names::occurrences(analysis);
    if new == analysis.config.default_variable || all.iter().any(|found| found.name == new) {
        return refused(Refused::Taken);
    }
    if sources(analysis).any(|source| source == new) {
        return refused(Refused::Source);
    }
    let places: Vec<Span> =
        all.iter().filter(|found| found.name == old).map(|found| name_of(found.span, old)).collect();
    let changed =
        Analysis::new(changed(analysis, &places, new).iter().map(String::as_str), analysis.config.clone());
    let errors =
        |analysis: &Analysis| analysis.hunt.diagnostics.iter().filter(|found| found.is_error()).count();
    if errors(&changed) != errors(analysis) || work(changed.plan()) != work(analysis.plan()) {
        return refused(Refused::OtherMeaning);
    }
    Ok(places)
}

/// The name at the start of a span.
fn name_of(span: Span, name: &str) -> Span {
    Span { end: span.start.saturating_add(u32::try_from(name.len()).unwrap_or(0)), ..span }
}

/// The single words that name data sources.
fn sources(analysis: &Analysis) -> impl Iterator<Item = &str> {
    let statements = analysis.hunt.blocks.iter().flat_map(|block| &block.ast.statements);
    statements.filter_map(|statement| match &statement.kind {
        StatementKind::Yield { command: Command::Get(get), .. } => get.source.as_ref()?.as_variable(),
        _ => None,
    })
}

/// The blocks with the name changed.
fn changed(analysis: &Analysis, places: &[Span], new: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for (index, block) in analysis.hunt.blocks.iter().enumerate() {
        let mut text = String::with_capacity(block.text.len());
        let mut done = 0;
        for place in places.iter().filter(|place| place.source.0 as usize == index) {
            text.push_str(block.text.get(done..place.start as usize).unwrap_or_default());
            text.push_str(new);
            done = place.end as usize;
        }
        text.push_str(block.text.get(done..).unwrap_or_default());
        texts.push(text);
    }
    texts
}

/// The nodes that do something; names are only in the others.
fn work(plan: &Plan) -> BTreeSet<NodeId> {
    let named = |op: &Op| matches!(op, Op::Bind(_) | Op::Info(_) | Op::Explain { .. });
    plan.nodes().into_iter().filter(|node| !named(&node.op)).map(|node| node.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn renames_every_mention_or_says_why_not() {
        let text = "p = GET process FROM lab WHERE pid = 4\nq = p WHERE pid = p.pid\nDISP q ATTR pid INFO p";
        let analysis = Analysis::new([text], Config::default());
        let at = |needle: &str| Place { block: 0, offset: text.find(needle).unwrap() };
        let show = |place, new| match rename(&analysis, place, new) {
            Ok(places) => changed(&analysis, &places, new).concat(),
            Err(refused) => refused.to_string(),
        };
        let mut shown = String::new();
        for (place, new) in [
            (at("p = GET"), "procs"),
            (at("p.pid"), "x1"),
            (at("p"), "q"),
            (at("p"), "limit"),
            (at("p"), "a-b"),
            (at("p"), "1x"),
            (at("p"), "lab"),
            (at("p"), "_"),
            (at("process"), "x"),
        ] {
            shown.push_str(&format!("{} → {new}: {}\n", place.offset, show(place, new)));
        }
        insta::assert_snapshot!(shown);
    }
}
