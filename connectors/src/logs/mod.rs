//! Raw logs as data sources: events of Windows, Zeek, the ISC honeypot, flat entities; as JSON,
//! as Zeek's tab-separated text or as CSV.
//!
//! What an event is, is decided event by event, by its fields:
//!
//! | family | recognised by | map |
//! |---|---|---|
//! | Windows | `EventID` (or the like) with a channel, provider or time; the tag `mordorDataset`; `winlog`, `Event.System` | `fields/windows.toml` |
//! | Zeek | `@stream`, `_path`, `id.orig_h` or `id_orig_h`; Zeek's header lines | `fields/zeek.toml` |
//! | honeypot | `url`, `user_agent` and `source` | `fields/honeypot.toml` |
//! | flat entity | `type` and that type's primary attribute | names are attributes |
//!
//! One event gives one record, whose id is made from source, member and line, so that reading
//! again gives the same record. `docs/raw-logs.md` is for users. Source: entities specification 10.

use std::sync::{Arc, OnceLock};

use kestrel_stix::{
    Timestamp,
    batch::{BatchBuilder, BatchFull},
    identity,
    record::{Defect, Defects, Record, count_defect},
};
use simd_json::tape::Node;

use crate::read::events::{EventMapper, EventOutcome, Place};

mod apply;
mod clock;
mod convert;
mod draft;
mod fields;
mod flat;
mod options;
mod paths;
mod raw;
mod table;
mod windows;

#[cfg(test)]
mod tests;

pub use fields::{Additions, FieldMapError};
pub use options::{LogOptions, LogOptionsError, ZipMembers};
pub use paths::BadTarget;

use apply::{Apply, Slots};
use clock::{Arrival, Clocks};
use draft::Draft;
use fields::{FieldMap, MapFile, Rules};
use raw::{Fields, Raw};
use table::{Line, Table};
use windows::{When, Windows};

/// Chooses the mapper for a file without STIX objects; none if no event of the sample is one
/// that `maps` recognise.
pub fn mapper_with(sample: &[u8], file: &str, maps: &Arc<FieldMaps>) -> Option<Box<dyn EventMapper>> {
    let mapper = LogMapper::new(Arc::clone(maps), file);
    mapper.recognises(sample).then(|| Box::new(mapper) as Box<dyn EventMapper>)
}

/// The families of logs that have a field map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogFamily {
    /// Windows event logs.
    Windows,
    /// Zeek logs.
    Zeek,
    /// The ISC honeypot's web log.
    Honeypot,
}

/// Field maps, ready for use.
#[derive(Debug)]
pub struct FieldMaps {
    windows: Windows,
    zeek: FieldMap,
    honeypot: FieldMap,
    stream: u16,
    ts: u16,
    date: u16,
    time: u16,
}

impl FieldMaps {
    /// The maps that come with the program, with [`Additions::Mentioned`].
    pub fn built_in() -> &'static Arc<FieldMaps> {
        static MAPS: OnceLock<Arc<FieldMaps>> = OnceLock::new();
        MAPS.get_or_init(|| {
            let maps = FieldMaps::new(Additions::default(), &[]);
            Arc::new(maps.expect("the built-in field maps are correct"))
        })
    }

    /// Looks whether a text is a field map at all.
    pub(crate) fn check(text: &str) -> Result<(), FieldMapError> {
        MapFile::parse(text).map(|_| ())
    }

    /// Compiles the built-in maps with the texts of own field map files merged over them, in
    /// order.
    pub fn new(additions: Additions, own: &[(LogFamily, &str)]) -> Result<FieldMaps, FieldMapError> {
        let compile = |family: LogFamily, built_in: &str| {
            let mut file = MapFile::parse(built_in)?;
            for (_, text) in own.iter().filter(|(of, _)| *of == family) {
                file.merge(MapFile::parse(text)?);
            }
            FieldMap::compile(&file, additions)
        };
        let windows = compile(LogFamily::Windows, include_str!("fields/windows.toml"))?;
        let mut zeek = compile(LogFamily::Zeek, include_str!("fields/zeek.toml"))?;
        let mut honeypot = compile(LogFamily::Honeypot, include_str!("fields/honeypot.toml"))?;
        Ok(FieldMaps {
            windows: Windows::new(windows),
            stream: zeek.slot("@stream"),
            ts: zeek.slot("ts"),
            date: honeypot.slot("date"),
            time: honeypot.slot("time"),
            zeek,
            honeypot,
        })
    }
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family<'a> {
    Windows,
    Zeek,
    Honeypot,
    Flat(&'a str),
}

/// Recognises an event by its fields, in the order of entities specification 10.1.
fn family<'a>(fields: &Fields<'a>) -> Option<Family<'a>> {
    let (mut id, mut company, mut nested, mut tagged, mut zeek) = (false, false, false, false, false);
    let mut honeypot = 0;
    for (name, raw) in fields {
        match *name {
            "EventID" | "EventId" | "event_id" => id = true,
            "TimeCreated" | "Channel" | "SourceName" | "ProviderGuid" | "Provider" | "ProviderName"
            | "LogName" | "log_name" | "source_name" => company = true,
            "winlog" | "event_data" => nested |= raw.is_object(),
            "Event" | "System" => nested |= raw.is_object() && has_event_id(*raw),
            "tags" => raw.each(|tag| tagged |= tag.as_text() == Some("mordorDataset")),
            "_source" => {
                let mut inner = Fields::new();
                if let Raw::Nested(nodes) = raw {
                    raw::each_field(nodes, |name, raw| inner.push((name, raw)));
                    nested |= !inner.iter().any(|(name, _)| *name == "_source")
                        && family(&inner) == Some(Family::Windows);
                }
            }
            "@stream" | "_path" | "id.orig_h" | "id_orig_h" => zeek = true,
            "url" | "user_agent" | "source" => honeypot += 1,
            _ => {}
        }
    }
    if tagged || id && company || nested {
        Some(Family::Windows)
    } else if zeek {
        Some(Family::Zeek)
    } else if honeypot == 3 {
        Some(Family::Honeypot)
    } else {
        flat::entity_type(fields).map(Family::Flat)
    }
}

/// Looks for `EventID` in `Event`, `Event.System` or `System`.
fn has_event_id(raw: Raw<'_>) -> bool {
    let mut found = false;
    if let Raw::Nested(nodes) = raw {
        raw::each_field(nodes, |name, inner| match name {
            "EventID" => found = true,
            "System" => {
                if let Raw::Nested(nodes) = inner {
                    raw::each_field(nodes, |name, _| found |= name == "EventID");
                }
            }
            _ => {}
        });
    }
    found
}

/// Maps the events of one file.
struct LogMapper {
    maps: Arc<FieldMaps>,
    /// The stream that the file's name tells, `conn` of `conn.log`.
    stream: String,
    buffers: simd_json::Buffers,
    clocks: Clocks,
    table: Table,
}

impl LogMapper {
    fn new(maps: Arc<FieldMaps>, file: &str) -> Self {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let stream = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
        let table = Table::default();
        LogMapper { maps, stream, buffers: simd_json::Buffers::new(0), clocks: Clocks::default(), table }
    }

    /// Returns true if an event of the sample is one of a known family.
    fn recognises(&self, sample: &[u8]) -> bool {
        let text = String::from_utf8_lossy(sample);
        let start = text.trim_start();
        if start.starts_with("#separator") || start.starts_with("#fields") {
            return true;
        }
        if !start.starts_with(['{', '[']) {
            return recognises_table(start);
        }
        for (whole, event) in Objects(start).enumerate() {
            let Some(event) = event else {
                // Cut: its beginning has to do.
                return whole == 0 && looks_like_event(start);
            };
            let mut json = event.as_bytes().to_vec();
            if simd_json::to_tape(&mut json).is_ok_and(|tape| family(&top_level(&tape.0)).is_some()) {
                return true;
            }
        }
        false
    }

    fn mapped<'a>(
        &self,
        maps: &'a FieldMaps,
        fields: &Fields<'a>,
        place: &Place<'_>,
        out: &mut Defects,
    ) -> Option<Mapped<'a>> {
        let at = || place.to_string();
        let id = record_id(place);
        let record =
            |objects| Record { id: id.clone().into(), number_observed: 1, objects, ..Record::default() };
        match family(fields)? {
            Family::Windows => {
                let windows = &maps.windows;
                let slots = Slots::new(&windows.map, fields);
                let mut draft = Draft::new(&windows.map.paths);
                let mut apply = Apply { map: &windows.map, defects: out, place: &at };
                let mapped = windows.map(&mut apply, &slots, &mut draft);
                let own_rows = windows.map.additions != Additions::Seen;
                let objects = draft.finish(|entity_type, key| {
                    (own_rows && windows.map.own_rows.iter().any(|own| own == entity_type))
                        .then(|| identity::id_text(entity_type, identity::named(&format!("{id}/{key}"))))
                });
                Some(Mapped {
                    record: record(objects),
                    when: Some(mapped.when),
                    host: mapped.host,
                    offset: mapped.offset,
                    unknown: mapped.unknown,
                })
            }
            Family::Zeek => {
                let map = &maps.zeek;
                let slots = Slots::new(map, fields);
                let named = slots.get(maps.stream).as_text().or(self.table.path.as_deref());
                let (mut rules, mut known) = map.stream(named.or(Some(&self.stream)), |_| false);
                if named.is_none() && !known {
                    (rules, known) = map.stream(None, |slot| !matches!(slots.get(slot), Raw::Null));
                }
                let time = match slots.get(maps.ts) {
                    Raw::Float(n) => seconds(n),
                    Raw::Int(n) => seconds(n as f64),
                    Raw::Text(text) => text.parse().ok().and_then(seconds).or_else(|| Timestamp::parse(text)),
                    _ => None,
                };
                let unknown = (!known).then(|| format!("stream {}", named.unwrap_or(&self.stream)));
                Some(Mapped { unknown, ..self.simple(map, rules, &slots, time, record, out, &at) })
            }
            Family::Honeypot => {
                let map = &maps.honeypot;
                let slots = Slots::new(map, fields);
                let time = match (slots.get(maps.date).as_text(), slots.get(maps.time).as_text()) {
                    (Some(date), Some(time)) => Timestamp::parse(&format!("{date}T{time}")),
                    _ => None,
                };
                Some(self.simple(map, map.common(), &slots, time, record, out, &at))
            }
            Family::Flat(entity_type) => {
                let mut record = flat::record(entity_type, fields, out, &at);
                record.id = id.into();
                Some(Mapped { record, when: None, host: "".into(), offset: None, unknown: None })
            }
        }
    }

    /// Maps an event whose time is known already.
    #[allow(clippy::too_many_arguments)]
    fn simple<'a>(
        &self,
        map: &'a FieldMap,
        rules: &'a Rules,
        slots: &Slots<'a>,
        time: Option<Timestamp>,
        record: impl FnOnce(Vec<kestrel_stix::record::Object<'a>>) -> Record<'a>,
        defects: &mut Defects,
        place: &dyn Fn() -> String,
    ) -> Mapped<'a> {
        let mut draft = Draft::new(&map.paths);
        Apply { map, defects, place }.rules(rules, slots, &mut draft);
        Mapped {
            record: record(draft.finish(|_, _| None)),
            when: Some(time.map_or(When::Never, When::Utc)),
            host: "".into(),
            offset: None,
            unknown: None,
        }
    }

    /// Maps fields and hands the record on.
    fn take(
        &mut self,
        fields: &Fields<'_>,
        place: &Place<'_>,
        out: &mut BatchBuilder,
    ) -> Result<EventOutcome, BatchFull> {
        let maps = Arc::clone(&self.maps);
        let Some(mapped) = self.mapped(&maps, fields, place, out.defects()) else {
            return Ok(EventOutcome::Unknown);
        };
        let at = || place.to_string();
        if mapped.record.objects.is_empty() {
            return Ok(EventOutcome::Unknown);
        }
        if let Some(unknown) = mapped.unknown {
            count_defect(out.defects(), Defect::UnknownEvent, || (at(), unknown));
        }
        let held = match mapped.when {
            Some(when) => {
                let arrival = Arrival {
                    record: mapped.record,
                    when,
                    host: &mapped.host,
                    offset: mapped.offset,
                    line: place.number,
                };
                self.clocks.submit(arrival, &at, out)?
            }
            None => {
                out.record(&mapped.record, at)?;
                false
            }
        };
        Ok(if held { EventOutcome::Held } else { EventOutcome::Recorded })
    }
}

/// An event on its way to the batch.
struct Mapped<'a> {
    record: Record<'a>,
    /// None: the record has its times already.
    when: Option<When>,
    host: std::borrow::Cow<'a, str>,
    offset: Option<i64>,
    /// What it is, if the field map does not describe such events.
    unknown: Option<String>,
}

impl EventMapper for LogMapper {
    fn event(
        &mut self,
        json: &mut [u8],
        place: &Place<'_>,
        out: &mut BatchBuilder,
    ) -> Result<EventOutcome, BatchFull> {
        if json.trim_ascii().is_empty() {
            return Ok(EventOutcome::Form);
        }
        let Ok(tape) = simd_json::to_tape_with_buffers(json, &mut self.buffers) else {
            return Ok(EventOutcome::Bad);
        };
        if !matches!(tape.0.first(), Some(Node::Object { .. })) {
            return Ok(EventOutcome::Bad);
        }
        self.take(&top_level(&tape.0), place, out)
    }

    fn line(
        &mut self,
        line: &[u8],
        place: &Place<'_>,
        out: &mut BatchBuilder,
    ) -> Result<EventOutcome, BatchFull> {
        let text = String::from_utf8_lossy(line);
        match self.table.line(text.strip_suffix('\r').unwrap_or(&text)) {
            Line::Form => Ok(EventOutcome::Form),
            Line::More => Ok(EventOutcome::More),
            Line::Bad => {
                // The reader counts one line; an unfinished row has more.
                for _ in 1..self.table.give_up() {
                    count_defect(out.defects(), Defect::BadEvent, || (place.to_string(), OPEN.to_owned()));
                }
                Ok(EventOutcome::Bad)
            }
            Line::Row(cells) => {
                let table = std::mem::take(&mut self.table);
                self.table.path.clone_from(&table.path);
                let taken = self.take(&table.fields(&cells), place, out);
                self.table = table;
                taken
            }
        }
    }

    fn finish(&mut self, out: &mut BatchBuilder) -> Result<(), BatchFull> {
        for _ in 0..self.table.give_up() {
            count_defect(out.defects(), Defect::BadEvent, || ("the last rows".to_owned(), OPEN.to_owned()));
        }
        self.clocks.finish(out)
    }
}

/// What is wrong with a row that never ends.
const OPEN: &str = "a quote that is not closed";

/// The id of an event's record.
fn record_id(place: &Place<'_>) -> String {
    identity::id_text("observed-data", identity::named(&place.key()))
}

/// The fields of the object at the start of a tape.
fn top_level<'a>(nodes: &'a [Node<'a>]) -> Fields<'a> {
    let mut fields = Fields::with_capacity(48);
    raw::each_field(nodes, |name, raw| fields.push((name, raw)));
    fields
}

/// An instant from seconds since 1970.
fn seconds(n: f64) -> Option<Timestamp> {
    let micros = n * 1e6;
    (micros.is_finite() && micros.abs() < 9e17).then(|| in_range(micros.round() as i64))?
}

/// An instant from microseconds since 1970, if it is in the years 0 to 9999.
fn in_range(micros: i64) -> Option<Timestamp> {
    let range = Timestamp::MIN.micros()..=Timestamp::MAX.micros();
    range.contains(&micros).then(|| Timestamp::from_micros(micros))
}

/// Returns true if the header of a CSV is that of known events.
fn recognises_table(sample: &str) -> bool {
    let mut table = Table::default();
    let mut lines = sample.lines();
    let header =
        lines.by_ref().take(100).any(|line| table.line(line) == Line::Form && !table.columns().is_empty());
    if !header {
        return false;
    }
    if let Some(Line::Row(cells)) = lines.next().map(|line| table.line(line))
        && family(&table.fields(&cells)).is_some()
    {
        return true;
    }
    let names: Fields<'_> = table.columns().iter().map(|name| (name.as_str(), Raw::Text("x"))).collect();
    family(&names).is_some()
}

/// Names that only events of known families have, for one that is longer than the sample.
fn looks_like_event(sample: &str) -> bool {
    const NAMES: [&str; 8] = [
        "\"EventID\"",
        "\"EventId\"",
        "\"event_id\"",
        "\"winlog\"",
        "\"mordorDataset\"",
        "\"@stream\"",
        "\"id.orig_h\"",
        "\"id_orig_h\"",
    ];
    NAMES.iter().any(|name| sample.contains(name))
}

/// The JSON objects at the start of a text, as lines or as elements of a list; none at the end
/// for one that is cut.
struct Objects<'a>(&'a str);

impl<'a> Iterator for Objects<'a> {
    type Item = Option<&'a str>;

    fn next(&mut self) -> Option<Option<&'a str>> {
        let start = self.0.find('{')?;
        let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
        for (at, byte) in self.0.bytes().enumerate().skip(start) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'{' if !quoted => depth += 1,
                b'}' if !quoted => {
                    depth -= 1;
                    if depth == 0 {
                        let object = &self.0[start..=at];
                        self.0 = &self.0[at + 1..];
                        return Some(Some(object));
                    }
                }
                _ => {}
            }
        }
        self.0 = "";
        Some(None)
    }
}
