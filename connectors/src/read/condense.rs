//! Takes objects that were read before out of a record, before it is parsed.
//!
//! ```json
//! {"type": "observed-data", "objects": {"0": {"type": "ipv4-addr", "value": "10.0.0.1"}, "1": {"type": "url", …}}}
//! {"type": "observed-data", "objects": {"0": [], "1": {"type": "url", …}}}
//! ```
//!
//! Three quarters of the objects of real data were seen just before, byte by byte. They need
//! neither be parsed nor flattened again: an empty list takes their place, and the batch knows
//! their [`Shape`]. What is left is JSON exactly when the whole is, since only values that were
//! parsed before are replaced, by a value that cannot grow together with what is around it.

use std::{
    hash::{BuildHasher, Hasher},
    ops::Range,
};

use hashbrown::{DefaultHashBuilder, HashTable};
use kestrel_stix::batch::Shape;

use super::scan::Scanner;

/// What stands for an object that was read before.
const STAND_IN: &[u8] = b"[]";

/// A dictionary or list among the members of `objects`.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// It was read before, and is replaced.
    Known(Shape),
    /// It is as it was.
    New(Fragment),
}

/// Where an object stands in the record.
#[derive(Debug, Clone)]
pub(crate) struct Fragment {
    hash: u64,
    range: Range<usize>,
}

/// The objects of one batch as they were written.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    hasher: DefaultHashBuilder,
    known: HashTable<KnownFragment>,
    /// Their text.
    text: Vec<u8>,
}

#[derive(Debug)]
struct KnownFragment {
    hash: u64,
    range: Range<usize>,
    shape: Shape,
}

impl Fragments {
    /// Forgets all, since the batch was taken.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.text.clear();
    }

    /// Remembers that the object which stands there in `record` has this shape.
    pub(crate) fn insert(&mut self, record: &[u8], fragment: &Fragment, shape: Shape) {
        let Some(bytes) = record.get(fragment.range.clone()) else { return };
        if self.find(fragment.hash, bytes).is_some() {
            return;
        }
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        let known = KnownFragment { hash: fragment.hash, range: start..self.text.len(), shape };
        self.known.insert_unique(fragment.hash, known, |known| known.hash);
    }

    fn find(&self, hash: u64, bytes: &[u8]) -> Option<Shape> {
        self.known
            .find(hash, |known| known.hash == hash && self.text[known.range.clone()] == *bytes)
            .map(|known| known.shape)
    }

    /// Appends the record to `out`, known objects replaced, and lists the dictionaries and lists
    /// among its objects. What is no record is copied as it is, and nothing is listed.
    pub(crate) fn condense(&self, record: &[u8], out: &mut Vec<u8>, entries: &mut Vec<Entry>) {
        let mut walk = Walk {
            record,
            fragments: self,
            out,
            entries,
            copied: 0,
            depth: 0,
            objects: Objects::Before,
            start: 0,
        };
        let before = walk.out.len();
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
            walk.out.truncate(before);
            walk.entries.clear();
            walk.copied = 0;
        }
        walk.out.extend_from_slice(&record[walk.copied..]);
    }
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
    fragments: &'w Fragments,
    out: &'w mut Vec<u8>,
    entries: &'w mut Vec<Entry>,
    /// Everything before is in `out`.
    copied: usize,
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
                    3 if self.objects == Objects::Inside => self.element(at + 1),
                    _ => {}
                }
                self.depth = self.depth.saturating_sub(1);
            }
            brackets ^= bit;
        }
    }

    /// A member of `objects` ends.
    fn element(&mut self, end: usize) {
        let bytes = &self.record[self.start..end];
        let mut hasher = self.fragments.hasher.build_hasher();
        hasher.write(bytes);
        let hash = hasher.finish();
        match self.fragments.find(hash, bytes) {
            Some(shape) => {
                self.out.extend_from_slice(&self.record[self.copied..self.start]);
                self.out.extend_from_slice(STAND_IN);
                self.copied = end;
                self.entries.push(Entry::Known(shape));
            }
            None => self.entries.push(Entry::New(Fragment { hash, range: self.start..end })),
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
    use super::*;

    fn condensed(fragments: &Fragments, record: &str) -> (String, usize) {
        let (mut out, mut entries) = (Vec::new(), Vec::new());
        fragments.condense(record.as_bytes(), &mut out, &mut entries);
        (String::from_utf8(out).expect("text"), entries.len())
    }

    /// Knows `{"type":"url","value":"x"}`.
    fn known() -> Fragments {
        let mut builder = kestrel_stix::batch::BatchBuilder::new();
        let object = kestrel_stix::batch::object("0", "url", &[]);
        let record = kestrel_stix::record::Record { objects: vec![object], ..Default::default() };
        builder.record(&record, String::new).expect("room");
        let mut fragments = Fragments::default();
        let record = r#"{"objects":{"0":{"type":"url","value":"x"}}}"#.as_bytes();
        let (mut out, mut entries) = (Vec::new(), Vec::new());
        fragments.condense(record, &mut out, &mut entries);
        let [Entry::New(fragment)] = entries.as_slice() else { panic!("one new object") };
        fragments.insert(record, &fragment.clone(), builder.shapes()[0]);
        fragments
    }

    #[test]
    fn known_objects_are_taken_out() {
        let fragments = known();
        let text = |record: &str| {
            let (text, entries) = condensed(&fragments, record);
            format!("{entries}: {text}")
        };
        insta::assert_snapshot!(text(r#"{"id":"1","objects" : {"0":{"type":"url","value":"x"},"1": {"type":"url","value":"y"} } , "a":[{}]}"#),
            @r#"2: {"id":"1","objects" : {"0":[],"1": {"type":"url","value":"y"} } , "a":[{}]}"#);
        // In another place it is not one of the objects.
        insta::assert_snapshot!(text(r#"{"object":{"0":{"type":"url","value":"x"}}}"#), @r#"0: {"object":{"0":{"type":"url","value":"x"}}}"#);
        insta::assert_snapshot!(text(r#"{"objects":[{"0":{"type":"url","value":"x"}}]}"#), @r#"0: {"objects":[{"0":{"type":"url","value":"x"}}]}"#);
        insta::assert_snapshot!(text(r#"{"a\"objects":{"0":{"type":"url","value":"x"}}}"#), @r#"0: {"a\"objects":{"0":{"type":"url","value":"x"}}}"#);
        // Given twice, or not closed: nothing is certain.
        insta::assert_snapshot!(text(r#"{"objects":{"0":{"type":"url","value":"x"}},"objects":{}}"#), @r#"0: {"objects":{"0":{"type":"url","value":"x"}},"objects":{}}"#);
        insta::assert_snapshot!(text(r#"{"objects":{"0":{"type":"url","value":"x"},"#), @r#"0: {"objects":{"0":{"type":"url","value":"x"},"#);
        // A stand-in does not grow together with what is around it.
        insta::assert_snapshot!(text(r#"{"objects":{"0":1{"type":"url","value":"x"}}}"#), @r#"1: {"objects":{"0":1[]}}"#);
    }
}
