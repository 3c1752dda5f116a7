//! Feeds the events of a log to its mapper, in order, and counts what became of them.

use kestrel_stix::{
    batch::{BatchBuilder, BatchFull},
    record::{Defect, count_defect},
};

use super::{
    events::{EventMapper, EventOutcome, Place},
    flatten::shortened,
    frame::Chunk,
    pipeline::StreamName,
    worker::{Produced, Work, flush},
};

const BATCH_RECORDS: usize = 8192;
const BATCH_TEXT: usize = 64 << 20;

pub(crate) struct EventWorker {
    mapper: Box<dyn EventMapper>,
    source: String,
    member: Option<String>,
    /// Lines of text rather than JSON.
    text: bool,
    /// Events, or lines, so far.
    number: u64,
    builder: BatchBuilder,
}

impl Work for EventWorker {
    fn chunk(&mut self, chunk: &mut Chunk) -> Produced {
        let mut produced = Produced::default();
        for offset in &chunk.oversized {
            self.number += 1;
            let place = Place {
                source: &self.source,
                member: self.member.as_deref(),
                number: self.number,
                offset: *offset,
            };
            count_defect(self.builder.defects(), Defect::TooLarge, || {
                (place.to_string(), "event".to_owned())
            });
        }
        let items = std::mem::take(&mut chunk.items);
        for item in items {
            let base = chunk.base;
            if !chunk.lines {
                self.event(&mut chunk.bytes[item.clone()], base + item.start as u64, &mut produced);
                continue;
            }
            let mut start = item.start;
            while start < item.end {
                let end = memchr::memchr(b'\n', &chunk.bytes[start..item.end])
                    .map_or(item.end, |end| start + end + 1);
                self.event(&mut chunk.bytes[start..end], base + start as u64, &mut produced);
                start = end;
            }
        }
        flush(&mut self.builder, &mut produced.batches);
        produced
    }
}

impl EventWorker {
    pub(crate) fn new(mapper: Box<dyn EventMapper>, name: &StreamName, text: bool) -> Self {
        EventWorker {
            mapper,
            source: name.source.clone(),
            member: name.member.clone(),
            text,
            number: 0,
            builder: BatchBuilder::new(),
        }
    }

    /// Takes what the mapper held until the end.
    pub(crate) fn finish(mut self) -> Produced {
        let mut produced = Produced::default();
        if self.mapper.finish(&mut self.builder).is_err() {
            let place = Place {
                source: &self.source,
                member: self.member.as_deref(),
                number: self.number,
                offset: 0,
            };
            count_defect(self.builder.defects(), Defect::TooLarge, || {
                (place.to_string(), "held events".to_owned())
            });
        }
        flush(&mut self.builder, &mut produced.batches);
        produced
    }

    /// One event, or one line with its end.
    fn event(&mut self, bytes: &mut [u8], offset: u64, produced: &mut Produced) {
        self.number += 1;
        let place =
            Place { source: &self.source, member: self.member.as_deref(), number: self.number, offset };
        let outcome = if self.text {
            self.mapper.line(without_end(bytes), &place, &mut self.builder)
        } else {
            if bytes.trim_ascii().is_empty() {
                return;
            }
            let start: Vec<u8> = bytes[..bytes.len().min(60)].to_vec();
            let outcome = self.mapper.event(bytes, &place, &mut self.builder);
            self.count(outcome, &start, offset);
            self.after(produced, outcome);
            return;
        };
        self.count(outcome, without_end(bytes), offset);
        self.after(produced, outcome);
    }

    fn count(&mut self, outcome: Result<EventOutcome, BatchFull>, start: &[u8], offset: u64) {
        let defect = match outcome {
            Ok(EventOutcome::Unknown) => Defect::UnknownEvent,
            Ok(EventOutcome::Bad) => Defect::BadEvent,
            Err(BatchFull) => Defect::TooLarge,
            Ok(EventOutcome::Recorded | EventOutcome::Held | EventOutcome::Form | EventOutcome::More) => {
                return;
            }
        };
        let place =
            Place { source: &self.source, member: self.member.as_deref(), number: self.number, offset };
        let start = String::from_utf8_lossy(&start[..start.len().min(60)]);
        count_defect(self.builder.defects(), defect, || (place.to_string(), shortened(start.into_owned())));
    }

    fn after(&mut self, produced: &mut Produced, outcome: Result<EventOutcome, BatchFull>) {
        produced.tally.items += 1;
        produced.tally.usable +=
            u64::from(matches!(outcome, Ok(EventOutcome::Recorded | EventOutcome::Held)));
        if outcome.is_err()
            || self.builder.records() >= BATCH_RECORDS
            || self.builder.text_bytes() >= BATCH_TEXT
        {
            flush(&mut self.builder, &mut produced.batches);
        }
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
