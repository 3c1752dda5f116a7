//! Finds the objects of a record before it is parsed, and takes out those that need no parser.
//!
//! ```json
//! {"type": "observed-data", "objects": {"0": {"type": "ipv4-addr", "value": "10.0.0.1"}, "1": {"type": "url", …}}}
//! {"type": "observed-data", "objects": {"0": [], "1": {"type": "url", …}}}
//! ```
//!
//! Three quarters of the objects of real data were seen just before, byte by byte: the batch
//! knows their [`Shape`]. Nearly all others have the members of one before them, and are read
//! by their [`Layouts`]. An empty list takes the place of both. What is left is JSON exactly
//! when the whole is, since only values that are JSON are replaced, by a value that cannot grow
//! together with what is around it.

use std::{
    hash::{BuildHasher, Hasher},
    ops::Range,
};

use hashbrown::{DefaultHashBuilder, HashTable};
use kestrel_stix::batch::{Form, LaidOut, Plan, Shape};

use super::{layout::Layouts, options::Limits, scan::Scanner};

/// What stands for an object that needs no parser.
const STAND_IN: &[u8] = b"[]";

/// A dictionary or list among the members of `objects`.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    hash: u64,
    /// Where it stands in the record.
    pub(crate) range: Range<usize>,
    /// What it is; none if that is for the parser to say.
    pub(crate) form: Option<Form>,
}

/// The objects of one batch as they were written.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    hasher: DefaultHashBuilder,
    known: HashTable<KnownFragment>,
    /// Their text.
    text: Vec<u8>,
    /// For each plan, how its objects repeat. Kept across batches.
    habits: Vec<Habit>,
}

/// How objects of a plan repeat.
#[derive(Debug, Clone, Copy, Default)]
struct Habit {
    /// Objects since one of them was written like one before.
    alone: u32,
}

/// So many different objects of a plan in a row, and few of those to come are remembered:
/// events have times, and are never written twice.
const ALONE: u32 = 256;
/// Of those, one in so many is, to notice when that changes.
const SAMPLE: u32 = 16;

impl Habit {
    /// Returns true if another object, written like none before, is worth remembering.
    fn is_worth_it(&mut self) -> bool {
        self.alone = self.alone.saturating_add(1);
        self.alone < ALONE || self.alone.is_multiple_of(SAMPLE)
    }
}

#[derive(Debug)]
struct KnownFragment {
    hash: u64,
    start: u32,
    len: u32,
    shape: Shape,
    /// Number of its plan, if it has one.
    plan: u32,
}

/// The plan of objects that the parser read.
const NO_PLAN: u32 = u32::MAX;

impl Fragments {
    /// Forgets all, since the batch was taken.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.text.clear();
    }

    /// Forgets which objects repeat, since plans have other numbers.
    pub(crate) fn forget_plans(&mut self) {
        self.habits.clear();
    }

    /// Remembers that the object which stands there in `record` has this shape, unless its like
    /// never repeats.
    pub(crate) fn insert(&mut self, record: &[u8], entry: &Entry, shape: Shape, plan: Option<Plan>) {
        let plan = plan.map_or(NO_PLAN, Plan::number);
        if plan != NO_PLAN {
            let at = plan as usize;
            if self.habits.len() <= at {
                self.habits.resize(at + 1, Habit::default());
            }
            if !self.habits[at].is_worth_it() {
                return;
            }
        }
        let Some(bytes) = record.get(entry.range.clone()) else { return };
        let start = u32::try_from(self.text.len());
        let (Ok(start), Ok(len)) = (start, u32::try_from(bytes.len())) else { return };
        if self.get(entry.hash, bytes).is_some() {
            return;
        }
        self.text.extend_from_slice(bytes);
        let known = KnownFragment { hash: entry.hash, start, len, shape, plan };
        self.known.insert_unique(entry.hash, known, |known| known.hash);
    }

    #[inline]
    fn get(&self, hash: u64, bytes: &[u8]) -> Option<&KnownFragment> {
        let text = |known: &KnownFragment| &self.text[known.start as usize..][..known.len as usize];
        self.known.find(hash, |known| known.hash == hash && *text(known) == *bytes)
    }

    #[inline]
    fn find(&mut self, hash: u64, bytes: &[u8]) -> Option<Shape> {
        let KnownFragment { shape, plan, .. } = *self.get(hash, bytes)?;
        if let Some(habit) = self.habits.get_mut(plan as usize) {
            habit.alone = 0;
        }
        Some(shape)
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

/// Lists the dictionaries and lists among the objects of a record. None are listed for what is
/// no record.
pub(crate) fn find(record: &[u8], entries: &mut Vec<Entry>) {
    let mut walk = Walk { record, entries, depth: 0, objects: Objects::Before, start: 0 };
    let mut scanner = Scanner::default();
    let (blocks, rest) = record.as_chunks::<64>();
    for (n, block) in blocks.iter().enumerate() {
        let (open, close) = scanner.brackets(block, 64);
        walk.brackets(n * 64, open, close);
    }
    if !rest.is_empty() {
        let mut padded = [b' '; 64];
        padded[..rest.len()].copy_from_slice(rest);
        let (open, close) = scanner.brackets(&padded, rest.len());
        walk.brackets(blocks.len() * 64, open, close);
    }
    if walk.objects != Objects::After {
        // Given twice, never or not to its end.
        walk.entries.clear();
    }
}

/// Says which entries are known. Returns true if all of them are.
///
/// `text` is the record again, if it is UTF-8.
pub(crate) fn recognise(
    record: &[u8],
    text: Option<&str>,
    entries: &mut [Entry],
    fragments: &mut Fragments,
    layouts: &mut Layouts,
    limits: &Limits,
    out: &mut LaidOut,
) -> bool {
    // One pass for each look at memory, so that they need not wait for each other.
    for entry in entries.iter_mut() {
        entry.hash = fragments.hash(&record[entry.range.clone()]);
    }
    for entry in entries.iter_mut() {
        entry.form = fragments.find(entry.hash, &record[entry.range.clone()]).map(Form::Again);
    }
    let mut all = true;
    for entry in entries.iter_mut().filter(|entry| entry.form.is_none()) {
        entry.form =
            text.and_then(|text| layouts.read(text, entry.range.clone(), limits, out)).map(Form::Laid);
        all &= entry.form.is_some();
    }
    all
}

/// Appends the record to `out`, entries of which the form is known replaced.
pub(crate) fn condense(record: &[u8], entries: &[Entry], out: &mut Vec<u8>) {
    let mut copied = 0;
    for entry in entries.iter().filter(|entry| entry.form.is_some()) {
        out.extend_from_slice(&record[copied..entry.range.start]);
        out.extend_from_slice(STAND_IN);
        copied = entry.range.end;
    }
    out.extend_from_slice(&record[copied..]);
}

/// Where a walk is with regard to the dictionary of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Objects {
    Before,
    Inside,
    After,
    /// There are two.
    Twice,
}

struct Walk<'w> {
    record: &'w [u8],
    entries: &'w mut Vec<Entry>,
    depth: usize,
    objects: Objects,
    /// Where the object begins that is being walked through.
    start: usize,
}

impl Walk<'_> {
    #[inline]
    fn brackets(&mut self, base: usize, open: u64, close: u64) {
        let mut brackets = open | close;
        while brackets != 0 {
            let bit = brackets & brackets.wrapping_neg();
            let at = base + bit.trailing_zeros() as usize;
            if open & bit != 0 {
                self.depth += 1;
                match self.depth {
                    2 if self.record[at] == b'{' && is_value_of_objects(&self.record[..at]) => {
                        self.objects = match self.objects {
                            Objects::Before => Objects::Inside,
                            _ => Objects::Twice,
                        };
                    }
                    3 => self.start = at,
                    _ => {}
                }
            } else {
                match self.depth {
                    2 if self.objects == Objects::Inside => self.objects = Objects::After,
                    3 if self.objects == Objects::Inside => {
                        self.entries.push(Entry { hash: 0, range: self.start..at + 1, form: None });
                    }
                    _ => {}
                }
                self.depth = self.depth.saturating_sub(1);
            }
            brackets ^= bit;
        }
    }
}

/// Returns true if the text ends with the key `objects` and a colon.
fn is_value_of_objects(text: &[u8]) -> bool {
    let before_value = text.trim_ascii_end();
    let Some(before_colon) = before_value.strip_suffix(b":") else { return false };
    before_colon.trim_ascii_end().strip_suffix(b"\"objects\"").is_some_and(|before| !before.ends_with(b"\\"))
}

#[cfg(test)]
mod tests {
    use kestrel_stix::batch::BatchBuilder;

    use super::*;

    /// What is left of a record when `{"type":"url","value":"x"}` is known.
    fn condensed(record: &str) -> String {
        let mut builder = BatchBuilder::new();
        let object = kestrel_stix::batch::object("0", "url", &[]);
        let known = kestrel_stix::record::Record { objects: vec![object], ..Default::default() };
        builder.record(&known, String::new).expect("room");
        let mut fragments = Fragments::default();
        let known = r#"{"objects":{"0":{"type":"url","value":"x"}}}"#.as_bytes();
        let mut entries = listed(known, &mut fragments);
        let [entry] = entries.as_mut_slice() else { panic!("one new object") };
        fragments.insert(known, entry, builder.shapes()[0], None);

        let mut out = Vec::new();
        let entries = listed(record.as_bytes(), &mut fragments);
        condense(record.as_bytes(), &entries, &mut out);
        format!("{}: {}", entries.len(), String::from_utf8(out).expect("text"))
    }

    fn listed(record: &[u8], fragments: &mut Fragments) -> Vec<Entry> {
        let mut entries = Vec::new();
        find(record, &mut entries);
        let (layouts, limits) = (&mut Layouts::default(), &Limits::default());
        recognise(record, None, &mut entries, fragments, layouts, limits, &mut LaidOut::default());
        entries
    }

    #[test]
    fn known_objects_are_taken_out() {
        insta::assert_snapshot!(condensed(r#"{"id":"1","objects" : {"0":{"type":"url","value":"x"},"1": {"type":"url","value":"y"} } , "a":[{}]}"#),
            @r#"2: {"id":"1","objects" : {"0":[],"1": {"type":"url","value":"y"} } , "a":[{}]}"#);
        // In another place it is not one of the objects.
        insta::assert_snapshot!(condensed(r#"{"object":{"0":{"type":"url","value":"x"}}}"#), @r#"0: {"object":{"0":{"type":"url","value":"x"}}}"#);
        insta::assert_snapshot!(condensed(r#"{"objects":[{"0":{"type":"url","value":"x"}}]}"#), @r#"0: {"objects":[{"0":{"type":"url","value":"x"}}]}"#);
        insta::assert_snapshot!(condensed(r#"{"a\"objects":{"0":{"type":"url","value":"x"}}}"#), @r#"0: {"a\"objects":{"0":{"type":"url","value":"x"}}}"#);
        // Given twice, or not closed: nothing is certain.
        insta::assert_snapshot!(condensed(r#"{"objects":{"0":{"type":"url","value":"x"}},"objects":{}}"#), @r#"0: {"objects":{"0":{"type":"url","value":"x"}},"objects":{}}"#);
        insta::assert_snapshot!(condensed(r#"{"objects":{"0":{"type":"url","value":"x"},"#), @r#"0: {"objects":{"0":{"type":"url","value":"x"},"#);
        // A stand-in does not grow together with what is around it.
        insta::assert_snapshot!(condensed(r#"{"objects":{"0":1{"type":"url","value":"x"}}}"#), @r#"1: {"objects":{"0":1[]}}"#);
    }
}
