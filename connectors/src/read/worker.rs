//! One thread's work on STIX content: chunks of JSON in, batches out.

use std::{collections::BTreeMap, mem, ops::Range, sync::Arc};

use kestrel_stix::{
    batch::{Batch, BatchBuilder},
    record::{Defect, Object, Record, count_defect},
};
use simd_json::{Buffers, Node, Tape};

use super::{
    flatten::{Counter, shortened},
    frame::{self, Chunk},
    options::{Limits, Note},
    record::{Class, Head, record},
    repair::repair,
    stix21::{Late, LateKind},
};

/// Records of a batch, about.
const BATCH_RECORDS: usize = 8192;
/// Bytes of distinct text of a batch, about.
const BATCH_TEXT: usize = 64 << 20;
/// Bundles inside each other.
const MAX_BUNDLES: usize = 4;

/// What a worker made of one chunk.
#[derive(Debug, Default)]
pub(crate) struct Produced {
    pub(crate) batches: Vec<Batch>,
    /// Objects that can be read only when all of the content is there.
    pub(crate) late: Late,
    pub(crate) tally: Tally,
}

/// Counts over the content so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Values looked at.
    pub(crate) items: u64,
    /// Values that were STIX, or events.
    pub(crate) usable: u64,
    pub(crate) ignored: BTreeMap<String, u64>,
    pub(crate) untyped_bundle: bool,
    pub(crate) empty: bool,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.items += other.items;
        self.usable += other.usable;
        self.untyped_bundle |= other.untyped_bundle;
        self.empty |= other.empty;
        for (name, count) in other.ignored {
            *self.ignored.entry(name).or_default() += count;
        }
    }

    /// Returns what a person should know.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.untyped_bundle {
            notes.push(Note::UntypedBundle);
        }
        if self.empty || self.items == 0 {
            notes.push(Note::NoObjects);
        }
        notes
    }
}

/// Something that turns chunks into batches.
pub(crate) trait Work: Send {
    fn chunk(&mut self, chunk: &mut Chunk) -> Produced;
}

pub(crate) struct StixWorker {
    /// The file or member.
    name: Arc<str>,
    limits: Arc<Limits>,
    buffers: Buffers,
    tape: Tape<'static>,
    builder: BatchBuilder,
    /// The item that is being read, as given: parsing overwrites it.
    raw: Vec<u8>,
    produced: Produced,
}

impl Work for StixWorker {
    fn chunk(&mut self, chunk: &mut Chunk) -> Produced {
        for offset in mem::take(&mut chunk.oversized) {
            self.produced.tally.items += 1;
            self.count(Defect::TooLarge, offset, "record".to_owned());
        }
        let mut tape = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let mut scratch = Scratch::default();
        let mut rest = chunk.bytes.as_mut_slice();
        let mut start = 0;
        for item in &chunk.items {
            let (head, tail) = mem::take(&mut rest).split_at_mut(item.end - start);
            rest = tail;
            let skipped = item.start - start;
            start = item.end;
            let offset = chunk.base + item.start as u64;
            let value = &mut head[skipped..];
            if chunk.lines {
                self.lines(value, offset, &mut tape, &mut scratch);
            } else {
                self.item(value, offset, &mut tape, &mut scratch, 0);
            }
        }
        self.tape = tape.reset();
        self.flush();
        mem::take(&mut self.produced)
    }
}

/// Buffers that live as long as the chunk that they borrow from.
#[derive(Default)]
struct Scratch<'c> {
    record: Record<'c>,
    spare: Vec<Object<'c>>,
}

impl StixWorker {
    pub(crate) fn new(name: Arc<str>, limits: Arc<Limits>) -> Self {
        StixWorker {
            name,
            limits,
            buffers: Buffers::default(),
            tape: Tape(Vec::new()),
            builder: BatchBuilder::new(),
            raw: Vec::new(),
            produced: Produced::default(),
        }
    }

    fn lines<'c>(
        &mut self,
        mut rest: &'c mut [u8],
        mut offset: u64,
        tape: &mut Tape<'c>,
        scratch: &mut Scratch<'c>,
    ) {
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', &*rest).map_or(rest.len(), |end| end + 1);
            let (line, tail) = mem::take(&mut rest).split_at_mut(end);
            rest = tail;
            if !line.trim_ascii().is_empty() {
                self.item(line, offset, tape, scratch, 0);
            }
            offset += end as u64;
        }
    }

    /// Reads one value. `bundles` says in how many bundles it is.
    fn item<'c>(
        &mut self,
        json: &'c mut [u8],
        offset: u64,
        tape: &mut Tape<'c>,
        scratch: &mut Scratch<'c>,
        bundles: usize,
    ) {
        if is_dense(json) {
            self.produced.tally.items += 1;
            self.count(Defect::TooLarge, offset, "record with millions of values".to_owned());
            return;
        }
        let mut raw = mem::take(&mut self.raw);
        raw.clear();
        raw.extend_from_slice(json);
        if simd_json::fill_tape(json, &mut self.buffers, tape).is_ok() {
            self.value(&raw, &tape.0, offset, scratch, bundles);
        } else if let Some((mut repaired, what)) = repair(&raw) {
            let copy = repaired.clone();
            let mut tape = Tape(Vec::new());
            match simd_json::fill_tape(&mut repaired, &mut self.buffers, &mut tape) {
                Ok(()) => {
                    self.count(Defect::BadValue, offset, what.to_owned());
                    self.value(&copy, &tape.0, offset, &mut Scratch::default(), bundles);
                }
                Err(error) => self.bad_json(offset, &error),
            }
        } else {
            // Once more, for the message only.
            let error = simd_json::fill_tape(&mut raw.clone(), &mut self.buffers, &mut Tape(Vec::new()));
            if let Err(error) = error {
                self.bad_json(offset, &error);
            }
        }
        self.raw = raw;
    }

    fn bad_json(&mut self, offset: u64, error: &simd_json::Error) {
        self.produced.tally.items += 1;
        let what = format!("{:?}", error.error());
        self.count(Defect::BadRecord, offset + error.index() as u64, format!("not JSON: {what}"));
    }

    fn value<'c>(
        &mut self,
        raw: &[u8],
        nodes: &[Node<'c>],
        offset: u64,
        scratch: &mut Scratch<'c>,
        bundles: usize,
    ) {
        let head = Head::of(nodes);
        let class = head.class(nodes);
        let tally = &mut self.produced.tally;
        if let Class::Bundle(typed) = class {
            tally.untyped_bundle |= !typed;
            let elements = frame::elements(raw);
            if elements.is_empty() || bundles == MAX_BUNDLES {
                tally.empty |= elements.is_empty();
                tally.items += 1;
                tally.usable += u64::from(elements.is_empty());
                if !elements.is_empty() {
                    self.count(Defect::TooLarge, offset, "bundles inside each other".to_owned());
                }
                return;
            }
            self.bundle(raw, &elements, offset, bundles + 1);
            return;
        }
        tally.items += 1;
        tally.usable += u64::from(class != Class::Foreign);
        match class {
            Class::Record => self.record(&head, nodes, offset, scratch),
            Class::Listing => self.produced.late.push(LateKind::Listing, raw, offset),
            Class::Observable => self.produced.late.push(LateKind::Observable, raw, offset),
            Class::Relationship => self.produced.late.push(LateKind::Relationship, raw, offset),
            Class::Hollow => {}
            Class::Ignored("identity") => {}
            Class::Ignored(name) => {
                *tally.ignored.entry(name.to_owned()).or_default() += 1;
                self.count(Defect::IgnoredObject, offset, name.to_owned());
            }
            Class::Foreign if head.empty => {
                tally.usable += 1;
                tally.empty = true;
            }
            Class::Foreign => {
                let start = String::from_utf8_lossy(&raw[..raw.len().min(120)]).into_owned();
                self.count(Defect::BadRecord, offset, start);
            }
            Class::Bundle(_) => {}
        }
    }

    /// Reads the elements of a bundle that stands in memory.
    fn bundle(&mut self, raw: &[u8], elements: &[Range<usize>], offset: u64, bundles: usize) {
        let mut tape = Tape(Vec::new());
        let mut scratch = Scratch::default();
        let mut copy = raw.to_vec();
        let mut rest = copy.as_mut_slice();
        let mut start = 0;
        for element in elements {
            let (head, tail) = mem::take(&mut rest).split_at_mut(element.end - start);
            rest = tail;
            let skipped = element.start - start;
            start = element.end;
            self.item(&mut head[skipped..], offset + element.start as u64, &mut tape, &mut scratch, bundles);
        }
    }

    fn record<'c>(&mut self, head: &Head<'c>, nodes: &[Node<'c>], offset: u64, scratch: &mut Scratch<'c>) {
        let name = &self.name;
        let place = || place(name, offset);
        let mut counter = Counter { defects: self.builder.defects(), place };
        if !record(head, nodes, &self.limits, &mut scratch.record, &mut scratch.spare, &mut counter) {
            return;
        }
        if scratch.record.objects.is_empty() {
            return;
        }
        if self.builder.record(&scratch.record, place).is_err() {
            self.flush();
            let name = &self.name;
            if self.builder.record(&scratch.record, || self::place(name, offset)).is_err() {
                self.flush();
                self.count(Defect::TooLarge, offset, shortened(scratch.record.id.to_string()));
            }
        }
        if self.builder.records() >= BATCH_RECORDS || self.builder.text_bytes() >= BATCH_TEXT {
            self.flush();
        }
    }

    fn count(&mut self, defect: Defect, offset: u64, detail: String) {
        let name = &self.name;
        count_defect(self.builder.defects(), defect, || (place(name, offset), shortened(detail)));
    }

    fn flush(&mut self) {
        flush(&mut self.builder, &mut self.produced.batches);
    }
}

/// Returns true for a large value that holds so many small ones that parsing it would take
/// many times its size.
fn is_dense(json: &[u8]) -> bool {
    const LARGE: usize = 4 << 20;
    json.len() > LARGE && json.iter().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count() > LARGE
}

/// Moves what is in the builder to `batches`.
pub(crate) fn flush(builder: &mut BatchBuilder, batches: &mut Vec<Batch>) {
    let batch = builder.take();
    if !batch.records.is_empty() || !batch.loose.is_empty() || !batch.defects.is_empty() {
        batches.push(batch);
    }
}

/// Says where something is.
pub(crate) fn place(name: &str, offset: u64) -> String {
    format!("byte {offset} of {name}")
}

/// Returns true if any of the first values is a STIX object.
pub(crate) fn is_stix(chunk: &Chunk) -> bool {
    let mut looked_at = 0;
    let mut only_empty = true;
    for item in &chunk.items {
        let values: Vec<&[u8]> = if chunk.lines {
            chunk.bytes[item.clone()]
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.trim_ascii().is_empty())
                .take(64)
                .collect()
        } else {
            vec![&chunk.bytes[item.clone()]]
        };
        for value in values {
            looked_at += 1;
            if is_dense(value) {
                continue;
            }
            let mut copy = value.to_vec();
            if let Ok(tape) = simd_json::to_tape(&mut copy) {
                let head = Head::of(&tape.0);
                if head.class(&tape.0) != Class::Foreign {
                    return true;
                }
                only_empty &= head.empty;
            }
            if looked_at == 64 {
                return false;
            }
        }
    }
    looked_at > 0 && only_empty
}
