//! Windows events, whatever exporter wrote them: plain fields, NXLog, Winlogbeat, or the
//! nested layout of `Event.System`.
//!
//! Source: entities specification 10.3 to 10.6.

use std::borrow::Cow;

use kestrel_stix::{
    Timestamp,
    record::{Defect, ValueRef, count_defect},
};

use super::{
    apply::{Apply, Slots},
    convert,
    draft::{Draft, Make},
    fields::{Additions, FieldMap},
    raw::{Raw, push_text},
};

/// What the windows map needs beside its rules: slots and targets that code looks at.
#[derive(Debug)]
pub(crate) struct Windows {
    pub(crate) map: FieldMap,
    id: u16,
    sources: [u16; 3],
    host: u16,
    message: u16,
    details: u16,
    utc: u16,
    event: u32,
    host_object: u32,
    process: u32,
    artifact: super::paths::Target,
    action: super::paths::Target,
    key: u32,
}

/// When an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// In UTC.
    Utc(Timestamp),
    /// By the host's clock, zone unknown.
    Local(Timestamp),
    /// Nobody knows.
    Never,
}

/// What one event gave beside its objects.
#[derive(Debug)]
pub(crate) struct Mapped<'a> {
    pub(crate) when: When,
    /// The event's host.
    pub(crate) host: Cow<'a, str>,
    /// Microseconds to add to the host's clock, if the event says both times.
    pub(crate) offset: Option<i64>,
    /// What it is, if the field map does not describe such events.
    pub(crate) unknown: Option<String>,
}

/// The events of which the original links the last file, beside those of additions.
const FILE_EVENTS: [i64; 5] = [6, 7, 9, 11, 15];

/// The events of which the original reads `UtcTime`.
const UTC_EVENTS: [i64; 7] = [1, 3, 5, 7, 11, 12, 13];

impl Windows {
    /// Prepares a compiled map.
    pub(crate) fn new(mut map: FieldMap) -> Windows {
        let paths = &mut map.paths;
        let target = |path: Result<super::paths::Target, _>| path.expect("a path of the data model");
        let object = |path: Result<u32, super::paths::BadTarget>| path.expect("a path of the data model");
        let artifact = target(paths.target("artifact:payload_bin"));
        let action = target(paths.target("x-oca-event:action"));
        let event = object(paths.object("x-oca-event"));
        let host_object = object(paths.object("x-oca-asset"));
        let process = object(paths.object("process"));
        let key = object(paths.object("windows-registry-key"));
        Windows {
            id: map.slot("EventID"),
            sources: ["Channel", "SourceName", "ProviderGuid"].map(|name| map.slot(name)),
            host: map.slot("Hostname"),
            message: map.slot("Message"),
            details: map.slot("Details"),
            utc: map.slot("UtcTime"),
            event,
            host_object,
            process,
            artifact,
            action,
            key,
            map,
        }
    }

    /// Maps one event.
    pub(crate) fn map<'a>(
        &'a self,
        apply: &mut Apply<'a, '_>,
        slots: &Slots<'a>,
        draft: &mut Draft<'a>,
    ) -> Mapped<'a> {
        let map = &self.map;
        let paths = &map.paths;
        let id = match slots.get(self.id) {
            Raw::Null => None,
            raw => match apply.integer(raw, "code") {
                ValueRef::Int(id) => Some(id),
                _ => None,
            },
        };
        let sources: Vec<&str> = self.sources.iter().filter_map(|slot| slots.get(*slot).as_text()).collect();
        let (rules, known) = map.event(id, &sources);
        if let Some(name) = &rules.name {
            draft.set(paths, &self.action, ValueRef::Text(Cow::Borrowed(name)), Make::Seen);
        }
        apply.rules(rules, slots, draft);
        self.message(slots, draft);
        if map.additions != Additions::None {
            self.drop_placeholder_process(draft);
        }
        if let Some(event) = draft.at(self.event) {
            self.references(draft, event, id);
        }
        let host = slots.get(self.host).text();
        let unknown = (!known).then(|| {
            let number = id.map_or("without number".to_owned(), |id| id.to_string());
            format!("event {number} of {}", sources.first().unwrap_or(&"no channel"))
        });
        Mapped { when: self.when(apply, slots, id), offset: self.offset(slots), host, unknown }
    }

    /// The message itself, and what its lines say about registry values and pipes.
    fn message<'a>(&'a self, slots: &Slots<'a>, draft: &mut Draft<'a>) {
        let paths = &self.map.paths;
        let original = self.map.additions == Additions::None;
        let mut written = None;
        if let Raw::Text(message) = slots.get(self.message)
            && !message.is_empty()
        {
            let payload = convert::base64(message.as_bytes());
            draft.set(paths, &self.artifact, ValueRef::Text(payload.into()), Make::Seen);
            let details = convert::message_details(message);
            if let Some((name, word)) = details.event_type {
                let action = format!("{name} - {word}");
                draft.set(paths, &self.action, ValueRef::Text(action.into()), Make::Seen);
            }
            written = details.details;
        }
        let Some(key) = draft.at(self.key) else { return };
        if original {
            if let Some((kind, data)) = written {
                let mut json = String::from("[{\"data\":");
                push_text(&mut json, data);
                json.push_str(",\"data_type\":");
                push_text(&mut json, kind);
                json.push_str("}]");
                draft.set_attribute(key, Cow::Borrowed("values"), ValueRef::Json(json.into()));
            }
            return;
        }
        // One entry with all that is known: name, data, kind of data.
        let Some(ValueRef::Json(values)) = draft.attribute(key, "values") else { return };
        let Some(open) = values.strip_suffix("}]") else { return };
        let (data, kind) = match (slots.get(self.details), written) {
            (Raw::Text(details), _) if !details.is_empty() => match convert::typed_details(details) {
                Some((kind, data)) => (convert::bare(data), Some(kind)),
                None => (details, None),
            },
            (_, Some((kind, data))) => (convert::bare(data), Some(kind)),
            _ => return,
        };
        let mut json = String::with_capacity(open.len() + data.len() + 32);
        json.push_str(open);
        json.push_str(",\"data\":");
        push_text(&mut json, data);
        if let Some(kind) = kind {
            json.push_str(",\"data_type\":");
            push_text(&mut json, kind);
        }
        json.push_str("}]");
        draft.set_attribute(key, Cow::Borrowed("values"), ValueRef::Json(json.into()));
    }

    /// Logon events name the process `-` with number 0: that is no process.
    fn drop_placeholder_process(&self, draft: &mut Draft<'_>) {
        let Some(process) = draft.at(self.process) else { return };
        let nothing = ["name", "x_unique_id", "command_line"]
            .iter()
            .all(|name| draft.attribute(process, name).is_none());
        if nothing && draft.attribute(process, "pid") == Some(&ValueRef::Int(0)) {
            draft.remove_if_alone(process);
        }
    }

    /// Links the event to the other objects of the record.
    fn references(&self, draft: &mut Draft<'_>, event: u32, id: Option<i64>) {
        let original = self.map.additions == Additions::None;
        let seen = |draft: &Draft<'_>, entity_type: &str| {
            draft.of_type(entity_type).find(|object| draft.is_seen(*object))
        };
        if let Some(network) = seen(draft, "network-traffic") {
            draft.refer(event, "network_ref", false, network);
        }
        let process = draft
            .of_type("process")
            .filter(|process| draft.is_seen(*process))
            .find(|process| draft.reference(*process, "parent_ref").is_some())
            .or_else(|| seen(draft, "process"));
        if let Some(process) = process {
            draft.refer(event, "process_ref", false, process);
            if let Some(parent) = draft.reference(process, "parent_ref") {
                draft.refer(event, "parent_process_ref", false, parent);
            }
        }
        if let Some(domain) = seen(draft, "domain-name") {
            draft.refer(event, "domain_ref", false, domain);
        }
        if let Some(host) = draft.at(self.host_object) {
            draft.refer(event, "host_ref", false, host);
        }
        if id.is_some_and(|id| FILE_EVENTS.contains(&id)) {
            let file = draft.of_type("file").rev().find(|file| draft.is_seen(*file));
            if let Some(file) = file {
                draft.refer(event, "file_ref", false, file);
            }
        }
        if !original {
            for (reference, entity_type) in
                [("registry_ref", "windows-registry-key"), ("user_ref", "user-account")]
            {
                if let Some(object) = seen(draft, entity_type) {
                    draft.refer(event, reference, false, object);
                }
            }
        }
    }

    /// The best of the event's times.
    fn when(&self, apply: &mut Apply<'_, '_>, slots: &Slots<'_>, id: Option<i64>) -> When {
        let original = self.map.additions == Additions::None;
        let without_utc = original && !id.is_some_and(|id| UTC_EVENTS.contains(&id));
        for slot in &self.map.precedence {
            let raw = slots.get(*slot);
            if raw.is_falsy() || without_utc && *slot == self.utc {
                continue;
            }
            let Some((at, zone)) = time(raw) else {
                count_defect(apply.defects, Defect::BadTimestamp, || {
                    ((apply.place)(), raw.text().chars().take(40).collect())
                });
                continue;
            };
            let local = !zone && self.map.local.contains(slot) && !original;
            return if local { When::Local(at) } else { When::Utc(at) };
        }
        When::Never
    }

    /// UTC minus the host's clock, to the quarter of an hour, where the event has both.
    fn offset(&self, slots: &Slots<'_>) -> Option<i64> {
        const QUARTER: i64 = 900_000_000;
        let (utc, _) = time(slots.get(self.utc))?;
        let local = self.map.local.iter().find_map(|slot| match time(slots.get(*slot))? {
            (at, false) => Some(at),
            (_, true) => None,
        })?;
        let quarters = (utc.micros() - local.micros() + QUARTER / 2).div_euclid(QUARTER);
        Some(quarters * QUARTER)
    }
}

/// Reads a time in one of the spellings that exporters use; true if it has a zone.
fn time(raw: Raw<'_>) -> Option<(Timestamp, bool)> {
    match raw {
        Raw::Text(text) => {
            let text = text.trim();
            if let Some(millis) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
                return Some((epoch(millis.parse().ok()?)?, true));
            }
            let clock = text.get(10..).unwrap_or_default();
            Some((Timestamp::parse(text)?, clock.contains(['Z', 'z', '+', '-'])))
        }
        Raw::Int(n) => Some((epoch(n)?, true)),
        Raw::Float(n) => Some((super::seconds(n)?, true)),
        _ => None,
    }
}

/// An instant from seconds or milliseconds since 1970, by size.
fn epoch(n: i64) -> Option<Timestamp> {
    let micros =
        if n.unsigned_abs() < 100_000_000_000 { n.checked_mul(1_000_000)? } else { n.checked_mul(1000)? };
    super::in_range(micros)
}
