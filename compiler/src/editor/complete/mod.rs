//! What could come next at a place in a huntflow.
//!
//! The grammar itself is asked: the statement up to the cursor is parsed, followed by a token that
//! never fits, and the parser says what would have. `site` turns that into a `Site`,
//! `offers` fills it with names. Only the statement under the cursor is read; what stands before
//! it is taken from an [`Analysis`], which may be a little older than the text, so that the answer
//! never waits for one. Nothing is run and nothing is read from a disk; what the surroundings
//! offer is passed in. Source: language specification 7.2.

mod offers;
mod site;

use std::ops::Range;

use super::{Analysis, Place};

/// What the surroundings of a hunt offer.
#[derive(Clone, Copy)]
pub struct Surroundings<'s> {
    /// Addresses of configured data sources, such as `stixshifter://lab`.
    pub sources: &'s [String],
    /// Addresses of configured analytics, such as `python://score`.
    pub analytics: &'s [String],
    /// Returns the files and folders (with `/` at the end) whose path starts with a text.
    pub files: &'s dyn Fn(&str) -> Vec<String>,
    /// The present, as timestamps are written.
    pub now: Option<&'s str>,
}

impl Default for Surroundings<'_> {
    fn default() -> Self {
        Surroundings { sources: &[], analytics: &[], files: &|_| Vec::new(), now: None }
    }
}

/// What an offer is, for its icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is what its name says")]
pub enum OfferKind {
    Keyword,
    Operator,
    Variable,
    EntityType,
    Attribute,
    Relation,
    Function,
    Source,
    Analytic,
    File,
    Time,
}

/// One thing that could stand here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The text to insert; also what is shown.
    pub text: String,
    /// What it is.
    pub kind: OfferKind,
    /// A few words about it.
    pub detail: String,
}

/// The offers for a place, best first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// What could stand here.
    pub offers: Vec<Offer>,
    /// The bytes that an offer replaces, up to the cursor.
    pub replace: Range<usize>,
    /// There are more offers; typing on narrows them down.
    pub more: bool,
}

/// Offers at most so many; an editor that shows more helps nobody.
const MAX_OFFERS: usize = 200;

/// Returns what could come next at a place.
///
/// `text` is the block as it is now. `analysis` may be older; it is used as far as the two agree.
pub fn complete(
    analysis: &Analysis,
    place: Place,
    text: &str,
    surroundings: &Surroundings<'_>,
) -> Completion {
    let mut cursor = place.offset.min(text.len());
    while !text.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let known = analysis.block(place.block).map_or("", |block| block.text.as_str());
    let same = known.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    let from = analysis.statement_start(Place { offset: same.min(cursor), ..place });
    let from = if text.is_char_boundary(from) { from } else { 0 };
    let Some(typed) = site::typed(text, from, cursor) else {
        return Completion { replace: cursor..cursor, ..Completion::default() };
    };
    let Some((site, expected)) = site::site(&typed) else {
        return Completion { replace: typed.start..cursor, ..Completion::default() };
    };
    let cx = offers::Cx {
        versions: analysis.versions_before(Place { offset: from + site.first_byte, ..place }),
        default: &analysis.config.default_variable,
        analysis,
        site: &site,
        prefix: typed.prefix,
        surroundings,
    };
    let mut offers = offers::offers(&cx, &expected);
    let mut seen = std::collections::HashSet::new();
    offers.retain(|offer| seen.insert(offer.text.clone()));
    let more = offers.len() > MAX_OFFERS;
    offers.truncate(MAX_OFFERS);
    Completion { offers, replace: typed.start..cursor, more }
}

/// Returns true if an analysis knows everything before the statement at a place of `text`: only
/// then may [`complete`] use it.
pub fn is_recent(analysis: &Analysis, place: Place, text: &str) -> bool {
    let Some(block) = analysis.block(place.block) else { return false };
    let same = block.text.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    // Whole statements between the known text and the cursor would be missed.
    let between = text.get(same.min(place.offset)..place.offset.min(text.len())).unwrap_or("");
    between.matches('\n').count() <= 1
}
