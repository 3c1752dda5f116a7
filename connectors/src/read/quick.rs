//! Records of which all objects are known: what else is in them is read without the parser.
//!
//! Anything that would be worth a diagnostic, or is not what nearly all records have, is left
//! to the parser: this is the same record read faster, never another one.

use std::borrow::Cow;

use kestrel_stix::{
    Timestamp,
    batch::Short,
    record::{Moment, Record},
};

use super::{condense::Entry, layout::Cursor};

/// Most lists and dictionaries inside each other in members that do not matter.
const LEVELS: usize = 8;

/// Reads a record; its objects are the entries, in order, all of known form. `scratch` is room
/// to work in.
pub(crate) fn record<'c>(
    text: &'c str,
    entries: &[Entry],
    short: &mut Vec<Short<'c>>,
    scratch: &mut String,
) -> Option<Record<'c>> {
    let mut at = Cursor::new(text, 0);
    let (mut entity_type, mut id, mut first, mut last) = (None, None, None, None);
    let (mut number, mut objects) = (None, None);
    at.blanks();
    at.take(b'{')?;
    loop {
        at.blanks();
        let key = at.plain()?;
        at.blanks();
        at.take(b':')?;
        at.blanks();
        let once = match key {
            "type" => entity_type.replace(at.plain()?).is_none(),
            "id" => id.replace(at.plain()?).is_none(),
            "first_observed" => first.replace(at.plain()?).is_none(),
            "last_observed" => last.replace(at.plain()?).is_none(),
            "number_observed" => number.replace(at.integer()?).is_none(),
            "objects" => objects.replace(members(&mut at, entries, short)?).is_none(),
            _ => {
                scratch.clear();
                at.json(scratch, LEVELS)?;
                true
            }
        };
        if !once {
            return None;
        }
        at.blanks();
        if at.take(b',').is_none() {
            break;
        }
    }
    at.take(b'}')?;
    at.blanks();
    objects?;
    if at.at != text.len() || entity_type? != "observed-data" {
        return None;
    }
    let id = id.filter(|id| !id.is_empty())?;
    let moment = |text: &'c str| Some(Moment { at: Timestamp::parse(text)?, text: Cow::Borrowed(text) });
    let (first, last) = (first?, last?);
    let first_observed = moment(first)?;
    // Most records are of one moment.
    let last_observed = if first == last { first_observed.clone() } else { moment(last)? };
    if last_observed.at < first_observed.at {
        return None;
    }
    Some(Record {
        id: Cow::Borrowed(id),
        first_observed: Some(first_observed),
        last_observed: Some(last_observed),
        number_observed: number.filter(|number| *number >= 1)?,
        objects: Vec::new(),
    })
}

/// Reads the keys of the objects.
fn members<'c>(at: &mut Cursor<'c>, entries: &[Entry], short: &mut Vec<Short<'c>>) -> Option<()> {
    at.take(b'{')?;
    for (n, entry) in entries.iter().enumerate() {
        if n > 0 {
            at.blanks();
            at.take(b',')?;
        }
        at.blanks();
        let key = at.plain()?;
        at.blanks();
        at.take(b':')?;
        at.blanks();
        if at.at != entry.range.start {
            return None;
        }
        short.push(Short { at: n, key, form: entry.form? });
        at.at = entry.range.end;
    }
    at.blanks();
    at.take(b'}')
}
