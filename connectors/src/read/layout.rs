//! Objects that have the members of an object before them: read without a parser, name by name
//! at places that are known.
//!
//! ```json
//! {"type":"process","name":"cmd.exe","pid":696,"binary_ref":"1"}
//! ```
//!
//! | what stands there | then |
//! |---|---|
//! | `{"type":"process","name":` | value `name` |
//! | `,"pid":` | value `pid`, a whole number |
//! | `,"binary_ref":` | reference |
//! | `}` | an object of the [`Plan`] `name`, `pid`, `binary_ref` |
//!
//! What objects of a source have in common is a tree of such rows, learned from objects that
//! were parsed. An object that is not in it, or has a value that is not plain, goes to the
//! parser. Both give the same, which a law says (`read/tests/layouts.rs`).

mod cursor;
mod learn;

use std::ops::Range;

use kestrel_stix::batch::{LaidOut, LaidValue, Plan};

pub(crate) use cursor::Cursor;

use super::{flatten::whole_number, options::Limits};

/// Most rows: about 200 times what a source of one kind has.
const MOST_NODES: usize = 8192;
/// Most rows that come after one.
const MOST_NEXT: usize = 64;
/// Most bytes of names.
const MOST_BYTES: usize = 4 << 20;
/// Objects in a row of which nothing was learned before only one in so many is looked at.
const PATIENCE: u32 = 64;

/// The layouts of objects that were seen.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    nodes: Vec<Node>,
    /// Rows that objects begin with.
    first: Vec<u32>,
    /// Bytes of names.
    bytes: usize,
    /// Nothing more can be learned.
    full: bool,
    /// Objects in a row of which nothing was learned.
    vain: u32,
}

#[derive(Debug)]
struct Node {
    /// What stands there.
    literal: Box<[u8]>,
    then: Then,
    /// What may come next, the more frequent ones first.
    next: Vec<u32>,
}

/// What comes after a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The next attribute.
    Value {
        whole_number: bool,
        /// A dictionary is a value like any other.
        dictionary: bool,
        /// How many lists and dictionaries may be inside each other.
        levels: usize,
    },
    Reference {
        number: u32,
        list: bool,
    },
    /// A value that does not matter.
    Ignored,
    /// The object ends.
    End(Plan),
}

impl Layouts {
    /// Makes room, when there is none, by forgetting everything: between batches. Returns true
    /// if plans are of no use any more.
    pub(crate) fn refresh(&mut self) -> bool {
        if !self.full {
            return false;
        }
        *self = Layouts::default();
        true
    }

    /// Reads the object that stands there, if its layout is known. Returns its number in `out`.
    pub(crate) fn read(
        &mut self,
        record: &str,
        range: Range<usize>,
        limits: &Limits,
        out: &mut LaidOut,
    ) -> Option<u32> {
        let mark = out.begin();
        let plan = self
            .walk(Cursor::new(record, range.start), range.end, limits, out)
            .filter(|_| out.references_since(mark) <= limits.attributes);
        match plan {
            Some(plan) => out.finish(mark, plan),
            None => {
                out.give_up(mark);
                None
            }
        }
    }

    fn walk(&mut self, mut at: Cursor<'_>, end: usize, limits: &Limits, out: &mut LaidOut) -> Option<Plan> {
        let mut node = next(&mut self.first, &self.nodes, &mut at)?;
        loop {
            match self.nodes[node].then {
                Then::Value { whole_number, dictionary, levels } => {
                    let value = value(&mut at, whole_number, dictionary, levels, limits, out)?;
                    out.value(value);
                }
                Then::Reference { number, list } => references(&mut at, number, list, out)?,
                Then::Ignored => drop(at.plain()?),
                Then::End(plan) => return (at.at == end).then_some(plan),
            }
            let mut after = std::mem::take(&mut self.nodes[node].next);
            let found = next(&mut after, &self.nodes, &mut at);
            self.nodes[node].next = after;
            node = found?;
        }
    }
}

/// Returns the row whose literal stands there, and goes past it.
#[inline]
fn next(rows: &mut [u32], nodes: &[Node], at: &mut Cursor<'_>) -> Option<usize> {
    let is_it = |row: &u32| at.take_all(&nodes[*row as usize].literal).is_some();
    let place = rows.iter().position(is_it)?;
    let found = rows[place];
    if place > 0 {
        rows.swap(place, place - 1);
    }
    Some(found as usize)
}

#[inline]
fn value(
    at: &mut Cursor<'_>,
    is_whole_number: bool,
    dictionary: bool,
    levels: usize,
    limits: &Limits,
    out: &mut LaidOut,
) -> Option<LaidValue> {
    match at.peek()? {
        b'"' if is_whole_number => whole_number(at.plain()?).map(LaidValue::Int),
        b'"' => {
            let start = at.at;
            let text = at.text(out)?;
            (at.at - start <= limits.string).then_some(LaidValue::Text(text))
        }
        b't' | b'f' => at.boolean().map(LaidValue::Bool),
        b'{' if !dictionary => None,
        b'[' | b'{' => {
            let start = out.unescaped.len();
            at.json(&mut out.unescaped, levels)?;
            let len = out.unescaped.len() - start;
            let text = kestrel_stix::batch::LaidText {
                start: u32::try_from(start).ok()?,
                len: u32::try_from(len).ok()?,
                unescaped: true,
            };
            (len <= limits.string).then_some(LaidValue::Json(text))
        }
        _ => at.integer().map(LaidValue::Int),
    }
}

fn references(at: &mut Cursor<'_>, number: u32, list: bool, out: &mut LaidOut) -> Option<()> {
    if !list || at.peek()? == b'"' {
        let key = at.text(out)?;
        out.reference(number, key);
        return Some(());
    }
    at.take(b'[')?;
    at.blanks();
    if at.take(b']').is_some() {
        return Some(());
    }
    loop {
        let key = at.text(out)?;
        out.reference(number, key);
        at.blanks();
        if at.take(b',').is_none() {
            return at.take(b']');
        }
        at.blanks();
    }
}
