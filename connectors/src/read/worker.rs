//! One thread's work on STIX content: chunks of JSON in, batches out.

use std::{collections::BTreeMap, mem, ops::Range, sync::Arc};

use kestrel_stix::{
    batch::{Batch, BatchBuilder, BatchFull, Form, LaidOut, LaidSource, Short},
    record::{Defect, Object, count_defect},
};
use simd_json::{Buffers, Node, Tape};

use super::{
    condense::{self, Entry, Fragments, condense},
    flatten::{Counter, shortened},
    frame::{self, Chunk},
    layout::Layouts,
    options::{Limits, Note},
    quick,
    record::{Class, Fresh, Head, Sighted, emptied, fits, record},
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
    /// Objects that are in the batch already, as written.
    fragments: Fragments,
    /// What members objects have.
    layouts: Layouts,
    /// Objects of the record that is being read, by their layouts.
    laid: LaidOut,
    scratch: String,
    /// The item that is being read, without those; parsing overwrites it.
    text: Vec<u8>,
    entries: Vec<Entry>,
    sighted: Sighted<'static>,
    short: Vec<Short<'static>>,
    spare: Vec<Object<'static>>,
    produced: Produced,
    /// Nothing but the parser reads objects.
    #[cfg(test)]
    pub(crate) only_parser: bool,
    /// Objects that were read by their layout.
    #[cfg(test)]
    pub(crate) laid_objects: u64,
}

/// What came of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// It must be read without leaving anything out.
    Again,
}

impl Work for StixWorker {
    fn chunk(&mut self, chunk: &mut Chunk) -> Produced {
        for offset in mem::take(&mut chunk.oversized) {
            self.produced.tally.items += 1;
            self.count(Defect::TooLarge, offset, "record".to_owned());
        }
        for item in &chunk.items {
            let offset = chunk.base + item.start as u64;
            let value = &chunk.bytes[item.clone()];
            if chunk.lines {
                self.lines(value, offset);
            } else {
                self.item(value, offset, 0);
            }
        }
        self.flush();
        mem::take(&mut self.produced)
    }
}

impl StixWorker {
    pub(crate) fn new(name: Arc<str>, limits: Arc<Limits>) -> Self {
        StixWorker {
            name,
            limits,
            buffers: Buffers::default(),
            tape: Tape(Vec::new()),
            builder: BatchBuilder::new(),
            fragments: Fragments::default(),
            layouts: Layouts::default(),
            laid: LaidOut::default(),
            scratch: String::new(),
            text: Vec::new(),
            entries: Vec::new(),
            sighted: Sighted::default(),
            short: Vec::new(),
            spare: Vec::new(),
            produced: Produced::default(),
            #[cfg(test)]
            only_parser: false,
            #[cfg(test)]
            laid_objects: 0,
        }
    }

    fn lines(&mut self, mut rest: &[u8], mut offset: u64) {
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (line, tail) = rest.split_at(end);
            rest = tail;
            if !line.trim_ascii().is_empty() {
                self.item(line, offset, 0);
            }
            offset += end as u64;
        }
    }

    /// Reads one value. `bundles` says in how many bundles it is.
    fn item(&mut self, json: &[u8], offset: u64, bundles: usize) {
        if is_dense(json) {
            self.produced.tally.items += 1;
            self.count(Defect::TooLarge, offset, "record with millions of values".to_owned());
            return;
        }
        let (mut text, mut entries) = (mem::take(&mut self.text), mem::take(&mut self.entries));
        text.clear();
        entries.clear();
        let mut outcome = self.quick(json, offset, &mut entries);
        if outcome.is_none() {
            condense(json, &entries, &mut text);
            let mut tape = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
            outcome = match simd_json::fill_tape(&mut text, &mut self.buffers, &mut tape) {
                Ok(()) => Some(self.value(json, &tape.0, offset, &entries, bundles)),
                Err(_) => Some(Outcome::Again),
            };
            self.tape = tape.reset();
        }
        if outcome == Some(Outcome::Again) {
            self.whole(json, offset, bundles, &mut text);
        }
        (self.text, self.entries) = (text, entries);
    }

    /// Finds the objects of a record and what they are. If all of them are known, and the rest
    /// is as nearly always, reads the record; else none.
    fn quick(&mut self, json: &[u8], offset: u64, entries: &mut Vec<Entry>) -> Option<Outcome> {
        #[cfg(test)]
        if self.only_parser {
            return None;
        }
        condense::find(json, entries);
        if entries.is_empty() {
            return None;
        }
        self.laid.clear();
        let utf8 = simdutf8::basic::from_utf8(json).ok().filter(|text| u32::try_from(text.len()).is_ok());
        let (layouts, limits, laid) = (&mut self.layouts, &self.limits, &mut self.laid);
        let all = condense::recognise(json, utf8, entries, &mut self.fragments, layouts, limits, laid);
        #[cfg(test)]
        {
            self.laid_objects +=
                entries.iter().filter(|entry| matches!(entry.form, Some(Form::Laid(_)))).count() as u64;
        }
        let text = utf8.filter(|_| all && entries.len() <= self.limits.objects)?;
        let mut short: Vec<Short<'_>> = mem::take(&mut self.short);
        let Some(record) = quick::record(text, entries, &mut short, &mut self.scratch) else {
            self.short = emptied(short);
            return None;
        };
        let laid = LaidSource { out: &self.laid, record: text };
        let name = &self.name;
        let added = self.builder.record_with(&record, &short, laid, || place(name, offset));
        self.short = emptied(short);
        if added.is_err() {
            // The next batch does not know them.
            self.flush();
            return Some(Outcome::Again);
        }
        self.produced.tally.items += 1;
        self.produced.tally.usable += 1;
        for (entry, shape) in entries.iter().zip(self.builder.shapes()) {
            if let Some(Form::Laid(number)) = entry.form {
                self.fragments.insert(json, entry, *shape, self.laid.plan_of(number));
            }
        }
        self.flush_if_full();
        Some(Outcome::Done)
    }

    fn flush_if_full(&mut self) {
        if self.builder.records() >= BATCH_RECORDS || self.builder.text_bytes() >= BATCH_TEXT {
            self.flush();
        }
    }

    /// Reads one value, nothing left out, and repairs it if need be.
    fn whole(&mut self, json: &[u8], offset: u64, bundles: usize, text: &mut Vec<u8>) {
        text.clear();
        text.extend_from_slice(json);
        let mut tape = Tape(Vec::new());
        let error = match simd_json::fill_tape(text, &mut self.buffers, &mut tape) {
            Ok(()) => {
                self.value(json, &tape.0, offset, &[], bundles);
                return;
            }
            Err(error) => error,
        };
        let Some((mut repaired, what)) = repair(json) else {
            self.bad_json(offset, &error);
            return;
        };
        let copy = repaired.clone();
        let mut tape = Tape(Vec::new());
        match simd_json::fill_tape(&mut repaired, &mut self.buffers, &mut tape) {
            Ok(()) => {
                self.count(Defect::BadValue, offset, what.to_owned());
                self.value(&copy, &tape.0, offset, &[], bundles);
            }
            Err(error) => self.bad_json(offset, &error),
        }
    }

    fn bad_json(&mut self, offset: u64, error: &simd_json::Error) {
        self.produced.tally.items += 1;
        let what = format!("{:?}", error.error());
        self.count(Defect::BadRecord, offset + error.index() as u64, format!("not JSON: {what}"));
    }

    fn value(
        &mut self,
        raw: &[u8],
        nodes: &[Node<'_>],
        offset: u64,
        entries: &[Entry],
        bundles: usize,
    ) -> Outcome {
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
                return Outcome::Done;
            }
            self.bundle(raw, &elements, offset, bundles + 1);
            return Outcome::Done;
        }
        if class == Class::Record && !entries.is_empty() && !fits(&head, nodes, entries) {
            return Outcome::Again;
        }
        tally.items += 1;
        tally.usable += u64::from(class != Class::Foreign);
        match class {
            Class::Record => return self.record(raw, &head, nodes, offset, entries),
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
        Outcome::Done
    }

    /// Reads the elements of a bundle that stands in memory.
    fn bundle(&mut self, raw: &[u8], elements: &[Range<usize>], offset: u64, bundles: usize) {
        for element in elements {
            self.item(&raw[element.clone()], offset + element.start as u64, bundles);
        }
    }

    fn record<'c>(
        &mut self,
        raw: &[u8],
        head: &Head<'c>,
        nodes: &[Node<'c>],
        offset: u64,
        entries: &[Entry],
    ) -> Outcome {
        let mut sighted: Sighted<'c> = mem::take(&mut self.sighted);
        let name = &self.name;
        let place = || place(name, offset);
        let mut counter = Counter::new(self.builder.defects(), place);
        let usable = record(head, nodes, &self.limits, entries, &mut sighted, &mut self.spare, &mut counter)
            && !(sighted.record.objects.is_empty() && sighted.short.is_empty());
        let mut outcome = Outcome::Done;
        if usable {
            let text = if entries.is_empty() { None } else { str::from_utf8(raw).ok() };
            let laid = LaidSource { out: &self.laid, record: text.unwrap_or_default() };
            match self.builder.record_with(&sighted.record, &sighted.short, laid, place) {
                Ok(()) => self.remember(raw, text, entries, &sighted.fresh, &sighted.record.objects),
                Err(BatchFull) => {
                    let name = self.name.clone();
                    let place = || self::place(&name, offset);
                    self.flush();
                    if !sighted.short.is_empty() {
                        // The next batch does not know them.
                        self.produced.tally.items -= 1;
                        self.produced.tally.usable -= 1;
                        outcome = Outcome::Again;
                    } else if self.builder.record(&sighted.record, place).is_err() {
                        self.flush();
                        self.count(Defect::TooLarge, offset, shortened(sighted.record.id.to_string()));
                    }
                }
            }
        }
        self.sighted = sighted.emptied(&mut self.spare);
        self.flush_if_full();
        outcome
    }

    /// Keeps in mind how the objects of the record that was just added are written.
    fn remember(
        &mut self,
        raw: &[u8],
        text: Option<&str>,
        entries: &[Entry],
        fresh: &[Fresh],
        objects: &[Object<'_>],
    ) {
        for Fresh { place, entry, object } in fresh {
            let (Some(shape), Some(entry)) = (self.builder.shapes().get(*place), entries.get(*entry)) else {
                continue;
            };
            let plan = match entry.form {
                Some(Form::Laid(number)) => self.laid.plan_of(number),
                _ => None,
            };
            self.fragments.insert(raw, entry, *shape, plan);
            if let (Some(text), Some(object)) = (text, object.and_then(|object| objects.get(object))) {
                self.layouts.learn(text, entry.range.clone(), object, &self.limits, &mut self.builder);
            }
        }
    }

    fn count(&mut self, defect: Defect, offset: u64, detail: String) {
        let name = &self.name;
        count_defect(self.builder.defects(), defect, || (place(name, offset), shortened(detail)));
    }

    fn flush(&mut self) {
        self.fragments.clear();
        flush(&mut self.builder, &mut self.produced.batches);
        if self.layouts.refresh() {
            self.builder.forget_plans();
            self.fragments.forget_plans();
        }
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
