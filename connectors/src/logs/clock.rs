//! Corrects times that follow a host's clock, from events of the same file and host that say
//! both UTC and the host's time.
//!
//! The nearest such event counts, before or after, by line; equally near, the one before. So
//! records may have to wait until it is seen, and all that come after them wait too, in order:
//! at most [`WINDOW`] lines and [`WINDOW_BYTES`], after which the last event that said both
//! decides, or, if there was none, the time is taken as UTC and that is reported. A host without
//! any such event in a whole window is not waited for again until there is one.
//!
//! Source: entities specification 10.6.

use std::collections::{HashMap, VecDeque};

use kestrel_stix::{
    Timestamp,
    batch::{BatchBuilder, BatchFull},
    record::{Defect, Moment, Record, count_defect},
};

use super::{draft, windows::When};

/// How many lines a record waits at most.
const WINDOW: u64 = 2000;
/// How much text waits at most.
const WINDOW_BYTES: usize = 32 << 20;
/// Of how many hosts the clock is known; further ones share one.
const HOSTS: usize = 10_000;

/// The clocks of a file's hosts, and the records that wait for them.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    hosts: HashMap<String, HostClock>,
    held: VecDeque<Held>,
    /// Records that have left the queue, so that waiting ones keep their numbers.
    gone: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct HostClock {
    /// Line and offset of the last event that said both times.
    last: Option<(u64, i64)>,
    /// A whole window had no such event.
    silent: bool,
    /// Numbers of the records that wait.
    waiting: Vec<u64>,
}

#[derive(Debug)]
struct Held {
    record: Record<'static>,
    place: String,
    bytes: usize,
    waits: Option<Waits>,
}

/// What a record waits for: an event of its host that says both times.
#[derive(Debug)]
struct Waits {
    local: Timestamp,
    host: String,
    /// The last line on which a later event would be nearer.
    until: u64,
    /// The offset by the last event before.
    before: Option<i64>,
}

/// One record on its way into the batch.
pub(crate) struct Arrival<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) when: When,
    pub(crate) host: &'a str,
    pub(crate) offset: Option<i64>,
    pub(crate) line: u64,
}

impl Clocks {
    /// Takes a record; returns true if it waits.
    pub(crate) fn submit(
        &mut self,
        arrival: Arrival<'_>,
        place: &dyn Fn() -> String,
        out: &mut BatchBuilder,
    ) -> Result<bool, BatchFull> {
        let Arrival { mut record, when, host, offset, line } = arrival;
        if let Some(offset) = offset {
            self.observe(host, line, offset);
        }
        let mut waits = None;
        match when {
            When::Utc(at) => set_times(&mut record, at),
            When::Never => {
                count_defect(out.defects(), Defect::NoTime, || (place(), String::new()));
            }
            When::Local(local) => {
                let clock = self.clock(host);
                match clock.last {
                    Some((last, offset)) if line.saturating_sub(last) <= 1 => {
                        set_times(&mut record, shifted(local, offset));
                    }
                    Some((_, offset)) if clock.silent => set_times(&mut record, shifted(local, offset)),
                    None if clock.silent => uncorrected(&mut record, local, place, out),
                    last => {
                        let distance = last.map_or(WINDOW, |(last, _)| (line - last - 1).min(WINDOW));
                        waits = Some(Waits {
                            local,
                            host: host.to_owned(),
                            until: line + distance,
                            before: last.map(|(_, offset)| offset),
                        });
                    }
                }
            }
        }
        if waits.is_none() && self.held.is_empty() {
            out.record(&record, place)?;
            return Ok(false);
        }
        let number = self.gone + self.held.len() as u64;
        if let Some(waits) = &waits {
            let (host, gone, held) = (waits.host.clone(), self.gone, self.held.len());
            let waiting = &mut self.clock(&host).waiting;
            if waiting.len() > 2 * held + 16 {
                waiting.retain(|number| *number >= gone);
            }
            waiting.push(number);
        }
        let record = draft::into_owned(record);
        let bytes = size(&record);
        self.bytes += bytes;
        self.held.push_back(Held { record, place: place(), bytes, waits });
        self.release(line, out)?;
        Ok(true)
    }

    /// Hands out everything that waits.
    pub(crate) fn finish(&mut self, out: &mut BatchBuilder) -> Result<(), BatchFull> {
        self.release(u64::MAX, out)
    }

    fn clock(&mut self, host: &str) -> &mut HostClock {
        let host = if self.hosts.len() >= HOSTS && !self.hosts.contains_key(host) { "" } else { host };
        if !self.hosts.contains_key(host) {
            self.hosts.insert(host.to_owned(), HostClock::default());
        }
        self.hosts.entry(host.to_owned()).or_default()
    }

    /// An event says both times: decides for those that wait for its host.
    fn observe(&mut self, host: &str, line: u64, offset: i64) {
        let clock = self.clock(host);
        clock.last = Some((line, offset));
        clock.silent = false;
        let waiting = std::mem::take(&mut clock.waiting);
        for number in waiting {
            let held =
                number.checked_sub(self.gone).and_then(|at| self.held.get_mut(usize::try_from(at).ok()?));
            if let Some(held) = held
                && let Some(waits) = held.waits.take()
            {
                let nearer = if line <= waits.until { offset } else { waits.before.unwrap_or(offset) };
                set_times(&mut held.record, shifted(waits.local, nearer));
            }
        }
    }

    /// Hands out what no longer waits, in order.
    fn release(&mut self, line: u64, out: &mut BatchBuilder) -> Result<(), BatchFull> {
        while let Some(mut held) = self.held.pop_front() {
            if let Some(waits) = &held.waits
                && line < waits.until
                && self.bytes <= WINDOW_BYTES
            {
                self.held.push_front(held);
                break;
            }
            self.gone += 1;
            self.bytes -= held.bytes;
            let place = &held.place;
            if let Some(waits) = held.waits.take() {
                match waits.before {
                    Some(offset) => set_times(&mut held.record, shifted(waits.local, offset)),
                    None => uncorrected(&mut held.record, waits.local, &|| place.clone(), out),
                }
                let clock = self.clock(&waits.host);
                clock.silent |= clock.last.is_none_or(|(last, _)| line.saturating_sub(last) > WINDOW);
            }
            out.record(&held.record, || place.clone())?;
        }
        Ok(())
    }
}

fn shifted(local: Timestamp, offset: i64) -> Timestamp {
    super::in_range(local.micros().saturating_add(offset)).unwrap_or(local)
}

/// Takes a local time as UTC, and says so.
fn uncorrected(
    record: &mut Record<'_>,
    local: Timestamp,
    place: &dyn Fn() -> String,
    out: &mut BatchBuilder,
) {
    count_defect(out.defects(), Defect::LocalTime, || (place(), local.millis_text()));
    set_times(record, local);
}

/// Sets both times of a record, to the millisecond.
pub(crate) fn set_times(record: &mut Record<'_>, at: Timestamp) {
    let at = Timestamp::from_micros(at.micros() - at.micros().rem_euclid(1000));
    let moment = Moment { at, text: at.millis_text().into() };
    record.first_observed = Some(moment.clone());
    record.last_observed = Some(moment);
}

/// About how much memory a record takes.
fn size(record: &Record<'_>) -> usize {
    let texts = record.objects.iter().flat_map(|object| &object.attributes).map(|(name, value)| {
        let value = match value {
            kestrel_stix::record::ValueRef::Text(text) | kestrel_stix::record::ValueRef::Json(text) => {
                text.len()
            }
            _ => 0,
        };
        name.len() + value + 64
    });
    texts.sum::<usize>() + record.objects.len() * 200
}
