//! Applies the rules of a field map to one event.

use std::borrow::Cow;

use kestrel_stix::{
    Timestamp,
    record::{Defect, Defects, ValueRef, count_defect},
};

use super::{
    convert::{self, Convert},
    draft::{Draft, Make},
    fields::{Additions, FieldMap, Rule, Rules},
    raw::{self, Fields, Raw, push_text},
};

/// An event's fields by the slots of a field map.
#[derive(Debug)]
pub(crate) struct Slots<'a> {
    values: Vec<(u8, Raw<'a>)>,
}

/// How deep fields of known exporters are nested.
const DEPTH: usize = 8;

impl<'a> Slots<'a> {
    /// Looks up an event's fields; `named` lists give fields by their `@Name`.
    pub(crate) fn new(map: &FieldMap, fields: &Fields<'a>) -> Self {
        let mut slots = Slots { values: vec![(u8::MAX, Raw::Null); map.slots()] };
        for (name, raw) in fields {
            if raw.is_object() && map.is_container(name) {
                let mut path = String::from(*name);
                slots.nested(map, &mut path, *raw, DEPTH);
            } else if let Some((slot, rank)) = map.find(name) {
                slots.put(slot, rank, *raw);
            }
        }
        slots
    }

    fn nested(&mut self, map: &FieldMap, path: &mut String, raw: Raw<'a>, depth: usize) {
        let Raw::Nested(nodes) = raw else { return };
        if raw.is_object() && depth > 0 {
            raw::each_field(nodes, |name, raw| {
                let length = path.len();
                path.push('.');
                path.push_str(name);
                self.nested(map, path, raw, depth - 1);
                if !raw.is_object()
                    && let Some((slot, rank)) = map.find_nested(path)
                {
                    self.put(slot, rank, raw);
                }
                path.truncate(length);
            });
        } else if map.named.iter().any(|named| **named == **path) {
            raw::each_element(nodes, |element| {
                let Raw::Nested(pair) = element else { return };
                let (mut name, mut value) = (None, Raw::Null);
                raw::each_field(pair, |key, raw| match key {
                    "@Name" | "Name" | "name" => name = raw.as_text(),
                    "#text" | "text" | "Value" | "value" | "content" | "$" => value = raw,
                    _ => {}
                });
                if let Some((slot, rank)) = name.and_then(|name| map.find(name)) {
                    self.put(slot, rank.saturating_add(100), value);
                }
            });
        }
    }

    fn put(&mut self, slot: u16, rank: u8, raw: Raw<'a>) {
        if let Some(known) = self.values.get_mut(slot as usize)
            && rank <= known.0
            && !matches!(raw, Raw::Null)
        {
            *known = (rank, raw);
        }
    }

    /// Returns a field's value; absent ones are [`Raw::Null`].
    pub(crate) fn get(&self, slot: u16) -> Raw<'a> {
        self.values.get(slot as usize).map_or(Raw::Null, |(_, raw)| *raw)
    }
}

/// What applying rules needs beside the event.
pub(crate) struct Apply<'a, 'd> {
    pub(crate) map: &'a FieldMap,
    pub(crate) defects: &'d mut Defects,
    pub(crate) place: &'d dyn Fn() -> String,
}

impl<'a> Apply<'a, '_> {
    /// Applies rules, then constants, then links.
    pub(crate) fn rules(&mut self, rules: &'a Rules, slots: &Slots<'a>, draft: &mut Draft<'a>) {
        for rule in &rules.rules {
            self.rule(rule, slots, draft);
        }
        for (rule, value) in &rules.constants {
            self.convert(rule, Raw::Text(value), draft);
        }
        for link in &rules.links {
            if let (Some(from), Some(to)) = (draft.at(link.from), draft.at(link.to)) {
                draft.refer(from, &link.reference, link.list, to);
            }
        }
    }

    fn rule(&mut self, rule: &'a Rule, slots: &Slots<'a>, draft: &mut Draft<'a>) {
        if let Some((slot, is)) = &rule.when
            && slots.get(*slot).text() != is.as_str()
        {
            return;
        }
        // A placeholder in the first field says that there is none: no other field is asked.
        let first = rule.from.iter().map(|slot| slots.get(*slot)).find(|raw| !raw.is_falsy());
        if let Some(raw) = first
            && self.is_present(raw, rule)
        {
            self.convert(rule, raw, draft);
        }
    }

    /// Placeholders are no values; the original knows only the `-` of user names.
    fn is_present(&self, raw: Raw<'_>, rule: &Rule) -> bool {
        if rule.convert == Convert::Message {
            return true;
        }
        let Some(text) = raw.as_text() else { return true };
        match self.map.additions {
            Additions::None => text != "-" || &*rule.targets[0].attribute != "user_id",
            _ => !self.map.placeholders.iter().any(|placeholder| placeholder == text),
        }
    }

    fn convert(&mut self, rule: &'a Rule, raw: Raw<'a>, draft: &mut Draft<'a>) {
        let make = match (rule.existing, rule.mention) {
            (true, _) => Make::Nothing,
            (false, true) => Make::Mentioned,
            (false, false) => Make::Seen,
        };
        let paths = &self.map.paths;
        let targets = &rule.targets;
        let text = |text: Cow<'a, str>| ValueRef::Text(text);
        match rule.convert {
            Convert::Text => {
                let value = plain(raw);
                draft.set(paths, &targets[0], value, make);
            }
            Convert::Integer => {
                let value = self.integer(raw, &targets[0].attribute);
                draft.set(paths, &targets[0], value, make);
            }
            Convert::List => draft.set(paths, &targets[0], ValueRef::Json(list(raw).into()), make),
            Convert::Protocol => {
                let mut json = String::from("[");
                push_text(&mut json, &convert::protocol(&raw.text()));
                json.push(']');
                draft.set(paths, &targets[0], ValueRef::Json(json.into()), make);
            }
            Convert::Image => {
                let Some((directory, name)) = split(raw) else { return };
                draft.set(paths, &targets[0], text(name.clone()), make);
                draft.set(paths, &targets[1], text(name), make);
                if let Some(directory) = directory {
                    draft.set(paths, &targets[2], text(directory), make);
                }
            }
            Convert::Path => {
                let Some((directory, name)) = split(raw) else { return };
                draft.set(paths, &targets[0], text(name), make);
                if let Some(directory) = directory {
                    draft.set(paths, &targets[1], text(directory), make);
                }
            }
            Convert::Hashes => {
                let Some(list) = raw.as_text() else { return };
                for (hash, target) in convert::hashes(list).into_iter().zip(targets) {
                    if let Some(hash) = hash {
                        draft.set(paths, target, text(Cow::Borrowed(hash)), make);
                    }
                }
            }
            Convert::Key => {
                let Some(key) = raw.as_text() else { return };
                draft.set(paths, &targets[0], text(convert::registry_key(key)), make);
            }
            Convert::RegistryValue => {
                // What was written comes from the event's details, see `windows`.
                let Some(path) = raw.as_text() else { return };
                let (key, name) = path.rsplit_once('\\').unwrap_or((path, ""));
                draft.set(paths, &targets[0], text(convert::registry_key(key)), make);
                let mut json = String::from("[{\"name\":");
                push_text(&mut json, name);
                json.push_str("}]");
                draft.set(paths, &targets[1], ValueRef::Json(json.into()), make);
            }
            Convert::Message => {
                let action = match raw {
                    Raw::Text(message) => Cow::Borrowed(convert::first_words(message)),
                    _ => return,
                };
                if !action.is_empty() {
                    draft.set(paths, &targets[0], text(action), make);
                }
            }
            Convert::Addresses => {
                let mut found = Vec::new();
                raw.each(|part| {
                    if let Some(part) = part.as_text() {
                        found.extend(convert::addresses(part));
                    }
                });
                found.truncate(MAX_ADDRESSES);
                for address in found {
                    if let Some(object) = draft.append(paths, rule.object, make) {
                        draft.set_attribute(object, Cow::Borrowed(&targets[0].attribute), text(address));
                    }
                }
            }
            Convert::UserTime => {
                let value = match raw.as_text().and_then(Timestamp::parse) {
                    Some(at) => Cow::Owned(at.millis_text()),
                    None => raw.text(),
                };
                draft.set(paths, &targets[0], text(value), make);
            }
            Convert::HostApplication => {
                let Some(found) = raw.as_text().and_then(convert::host_application) else { return };
                draft.set(paths, &targets[0], text(Cow::Borrowed(found)), make);
            }
        }
    }

    /// Reads a whole number; anything else stays as it is, and is counted.
    pub(crate) fn integer(&mut self, raw: Raw<'a>, attribute: &str) -> ValueRef<'a> {
        match raw {
            Raw::Int(n) => ValueRef::Int(n),
            Raw::Float(n) if n.fract() == 0.0 && n.abs() < 9e15 => ValueRef::Int(n as i64),
            raw => {
                let text = raw.text();
                match convert::integer(&text) {
                    Some(n) => ValueRef::Int(n),
                    None => {
                        count_defect(self.defects, Defect::BadValue, || {
                            let shown: String = text.chars().take(40).collect();
                            ((self.place)(), format!("{attribute} `{shown}`"))
                        });
                        plain(raw)
                    }
                }
            }
        }
    }
}

/// An answer has at most this many addresses; a longer one is no DNS answer.
const MAX_ADDRESSES: usize = 1000;

/// The value as it is: numbers and truth values too, lists and objects as JSON.
pub(crate) fn plain<'a>(raw: Raw<'a>) -> ValueRef<'a> {
    match raw {
        Raw::Int(n) => ValueRef::Int(n),
        Raw::Float(n) => ValueRef::Float(n),
        Raw::Bool(b) => ValueRef::Bool(b),
        Raw::Nested(_) | Raw::Split(..) => ValueRef::Json(raw.json().into()),
        Raw::Text(_) | Raw::Null => ValueRef::Text(raw.text()),
    }
}

/// The value as a list: a list stays one.
fn list(raw: Raw<'_>) -> String {
    match raw {
        Raw::Nested(_) if !raw.is_object() => raw.json(),
        Raw::Split(..) => raw.json(),
        one => format!("[{}]", one.json()),
    }
}

/// Splits a path into directory and name; none if there is no name.
#[allow(clippy::type_complexity)]
fn split<'a>(raw: Raw<'a>) -> Option<(Option<Cow<'a, str>>, Cow<'a, str>)> {
    let path = raw.as_text()?;
    let (directory, name) = convert::split_path(path);
    let directory = directory.filter(|directory| !directory.is_empty()).map(Cow::Borrowed);
    if name.is_empty() {
        // A directory, or a device: the path is all that there is to tell.
        return Some((None, Cow::Borrowed(path)));
    }
    Some((directory, Cow::Borrowed(name)))
}
