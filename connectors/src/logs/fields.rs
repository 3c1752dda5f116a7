//! Field maps: the tables of `fields/*.toml`, what they mean and how a user's own file is
//! merged over them.
//!
//! A map is read once, compiled for a choice of [`Additions`] and then only looked up: a raw
//! field has a slot number, an event has a list of rules over slots.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{
    convert::Convert,
    paths::{BadTarget, Paths, Target},
};

/// How much of an event becomes objects beyond those of Kestrel 1.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Additions {
    /// Nothing: exactly Kestrel 1.8's objects, times and values, its mistakes included.
    None,
    /// Corrections, more attributes, and more objects that are reached through references of
    /// the event but are not sightings: the counts of hunts are those of Kestrel 1.8.
    #[default]
    Mentioned,
    /// Every addition is a sighting: more entities and more records than in Kestrel 1.8.
    Seen,
}

impl Additions {
    /// Returns true if a rule of this kind is in force.
    fn takes(self, new: Option<New>) -> bool {
        match self {
            Additions::None => new.is_none(),
            Additions::Mentioned => new != Some(New::Full),
            Additions::Seen => new != Some(New::Aside),
        }
    }
}

/// The tables of a field map file, as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MapFile {
    #[serde(default)]
    placeholders: Vec<String>,
    #[serde(default)]
    own_rows: Vec<String>,
    #[serde(default)]
    times: Times,
    #[serde(default)]
    layout: Layout,
    #[serde(default)]
    channels: BTreeMap<String, Vec<String>>,
    #[serde(default, rename = "set")]
    sets: Vec<Set>,
    #[serde(default, rename = "event")]
    events: Vec<Event>,
}

/// What is said about one event number, by channel.
type ByChannel<'e> = Vec<(Option<usize>, Vec<&'e Event>)>;

/// Fields that say when an event happened.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    #[serde(default)]
    precedence: Vec<String>,
    #[serde(default)]
    local: Vec<String>,
    #[serde(default)]
    original: Vec<String>,
}

/// Where exporters put fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    #[serde(default)]
    strip: Vec<String>,
    #[serde(default)]
    named: Vec<String>,
    #[serde(default)]
    alias: BTreeMap<String, Vec<String>>,
}

/// Fields that several events share; the set `common` belongs to every event.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    name: String,
    #[serde(default)]
    fields: Vec<Field>,
    #[serde(default)]
    constants: Vec<Constant>,
}

/// What is particular to some events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    channel: Option<String>,
    #[serde(default)]
    ids: Vec<i64>,
    stream: Option<String>,
    #[serde(default)]
    has: Vec<String>,
    name: Option<String>,
    #[serde(default, rename = "use")]
    uses: Vec<String>,
    #[serde(default)]
    fields: Vec<Field>,
    #[serde(default)]
    links: Vec<LinkEntry>,
    /// In a user's file: forget what the map had for these ids.
    #[serde(default)]
    replace: bool,
}

/// One raw field and its target.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    from: OneOrMore,
    to: String,
    #[serde(rename = "as")]
    convert: Option<Convert>,
    new: Option<New>,
    when: Option<When>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// The kinds of additions; see [`Additions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum New {
    Attribute,
    Mention,
    Sighting,
    Full,
    Aside,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    field: String,
    is: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Constant {
    to: String,
    value: String,
    #[serde(rename = "as")]
    convert: Option<Convert>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkEntry {
    from: String,
    #[serde(rename = "ref")]
    reference: String,
    to: String,
    new: Option<New>,
}

/// Why a field map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FieldMapError {
    /// It is no TOML, or has other tables than a field map.
    #[error("the field map is not readable: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A target path is wrong.
    #[error("field `{from}`: {cause}")]
    Target {
        /// The raw field.
        from: String,
        /// What is wrong.
        cause: BadTarget,
    },
    /// An event uses a set that is nowhere.
    #[error("there is no set `{0}`")]
    UnknownSet(String),
    /// An event names a channel that is nowhere.
    #[error("there is no channel `{0}` in [channels]")]
    UnknownChannel(String),
}

impl MapFile {
    /// Reads a field map.
    pub(crate) fn parse(text: &str) -> Result<MapFile, FieldMapError> {
        Ok(toml::from_str(text)?)
    }

    /// Puts another map over this one: its lists come in addition, its events' fields after
    /// those of this one, so that they win; `replace` drops what this one has for the ids.
    pub(crate) fn merge(&mut self, over: MapFile) {
        self.placeholders.extend(over.placeholders);
        self.own_rows.extend(over.own_rows);
        for (into, from) in [
            (&mut self.times.precedence, over.times.precedence),
            (&mut self.times.local, over.times.local),
            (&mut self.times.original, over.times.original),
        ] {
            if !from.is_empty() {
                *into = from;
            }
        }
        self.layout.strip.extend(over.layout.strip);
        self.layout.named.extend(over.layout.named);
        for (name, spellings) in over.layout.alias {
            self.layout.alias.entry(name).or_default().extend(spellings);
        }
        for (name, values) in over.channels {
            self.channels.entry(name).or_default().extend(values);
        }
        for set in over.sets {
            match self.sets.iter_mut().find(|known| known.name == set.name) {
                Some(known) => {
                    known.fields.extend(set.fields);
                    known.constants.extend(set.constants);
                }
                None => self.sets.push(set),
            }
        }
        for event in over.events {
            if event.replace {
                for known in self.events.iter_mut().filter(|known| known.channel == event.channel) {
                    known.ids.retain(|id| !event.ids.contains(id));
                    if event.stream.is_some() && known.stream == event.stream {
                        known.stream = None;
                    }
                }
                self.events.retain(|known| !known.ids.is_empty() || known.stream.is_some());
            }
            self.events.push(event);
        }
    }
}

/// A compiled field map.
#[derive(Debug)]
pub(crate) struct FieldMap {
    pub(crate) additions: Additions,
    pub(crate) paths: Paths,
    /// Raw field, alias or stripped name → slot and rank; lower ranks win.
    slots: HashMap<Box<str>, (u16, u8)>,
    slot_count: u16,
    /// First steps of nested fields that are worth a look.
    containers: Vec<Box<str>>,
    strip: Vec<Box<str>>,
    pub(crate) named: Vec<Box<str>>,
    pub(crate) placeholders: Vec<String>,
    pub(crate) own_rows: Vec<String>,
    pub(crate) precedence: Vec<u16>,
    pub(crate) local: Vec<u16>,
    channels: Vec<(String, Vec<String>)>,
    events: HashMap<i64, Vec<(Option<usize>, Rules)>>,
    streams: Vec<StreamRules>,
    /// For events that the map does not know.
    common: Rules,
}

/// The rules of a stream of a log (Zeek).
#[derive(Debug)]
struct StreamRules {
    name: String,
    has: Vec<u16>,
    rules: Rules,
}

/// What to do with one kind of event.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// In the order in which they are applied; later ones win.
    pub(crate) rules: Vec<Rule>,
    pub(crate) constants: Vec<(Rule, String)>,
    pub(crate) links: Vec<Link>,
    /// The action of an event without message.
    pub(crate) name: Option<String>,
}

/// One raw field and its target, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// Slots of which the first present one counts.
    pub(crate) from: Vec<u16>,
    pub(crate) convert: Convert,
    /// The object of the target.
    pub(crate) object: u32,
    /// The attributes that the conversion fills, see [`Convert::attributes`].
    pub(crate) targets: Vec<Target>,
    /// Objects made for it are no sightings.
    pub(crate) mention: bool,
    /// Makes no object of its own.
    pub(crate) existing: bool,
    /// Only if this slot has this value.
    pub(crate) when: Option<(u16, String)>,
}

/// A reference between two objects that other rules make.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) from: u32,
    pub(crate) reference: Box<str>,
    pub(crate) list: bool,
    pub(crate) to: u32,
}

impl FieldMap {
    /// Compiles the tables.
    pub(crate) fn compile(file: &MapFile, additions: Additions) -> Result<FieldMap, FieldMapError> {
        let mut map = FieldMap {
            additions,
            paths: Paths::default(),
            slots: HashMap::new(),
            slot_count: 0,
            containers: Vec::new(),
            strip: file.layout.strip.iter().map(|text| text.as_str().into()).collect(),
            named: file.layout.named.iter().map(|text| text.as_str().into()).collect(),
            placeholders: file.placeholders.clone(),
            own_rows: file.own_rows.clone(),
            precedence: Vec::new(),
            local: Vec::new(),
            channels: file.channels.iter().map(|(name, values)| (name.clone(), lower(values))).collect(),
            events: HashMap::new(),
            streams: Vec::new(),
            common: Rules::default(),
        };
        let times = if additions == Additions::None { &file.times.original } else { &file.times.precedence };
        map.precedence = times.iter().map(|name| map.slot(name)).collect();
        map.local = file.times.local.iter().map(|name| map.slot(name)).collect();
        for (name, spellings) in &file.layout.alias {
            let slot = map.slot(name);
            for (at, spelling) in spellings.iter().enumerate() {
                let rank = u8::try_from(at + 1).unwrap_or(u8::MAX);
                map.slots.entry(spelling.as_str().into()).or_insert((slot, rank));
            }
        }
        let first_steps = |texts: &[Box<str>]| -> Vec<Box<str>> {
            texts.iter().filter_map(|text| text.split_once('.')).map(|(first, _)| first.into()).collect()
        };
        let mut containers = first_steps(&map.strip);
        containers.extend(first_steps(&map.named));
        containers
            .extend(map.slots.keys().filter_map(|name| name.split_once('.')).map(|(first, _)| first.into()));
        containers.sort_unstable();
        containers.dedup();
        map.containers = containers;

        let sets: HashMap<&str, &Set> = file.sets.iter().map(|set| (set.name.as_str(), set)).collect();
        map.common = map.rules(&sets, &[])?;
        // Events with one id of one channel may be described in several places (a user's file).
        let mut by_id: BTreeMap<i64, ByChannel<'_>> = BTreeMap::new();
        for event in &file.events {
            let channel = match &event.channel {
                Some(name) => {
                    let at = map.channels.iter().position(|(known, _)| known == name);
                    Some(at.ok_or_else(|| FieldMapError::UnknownChannel(name.clone()))?)
                }
                None => None,
            };
            for id in &event.ids {
                let channels = by_id.entry(*id).or_default();
                match channels.iter_mut().find(|(known, _)| *known == channel) {
                    Some((_, events)) => events.push(event),
                    None => channels.push((channel, vec![event])),
                }
            }
        }
        for (id, channels) in by_id {
            for (channel, events) in channels {
                let rules = map.rules(&sets, &events)?;
                map.events.entry(id).or_default().push((channel, rules));
            }
        }
        let mut names: Vec<&str> = file.events.iter().filter_map(|event| event.stream.as_deref()).collect();
        names.dedup();
        for name in names {
            let events: Vec<&Event> =
                file.events.iter().filter(|event| event.stream.as_deref() == Some(name)).collect();
            let rules = map.rules(&sets, &events)?;
            let has = events.iter().flat_map(|event| &event.has).map(|field| map.slot(field)).collect();
            map.streams.push(StreamRules { name: name.to_owned(), has, rules });
        }
        Ok(map)
    }

    /// Returns the slot of a raw field, making it if need be.
    pub(crate) fn slot(&mut self, name: &str) -> u16 {
        if let Some((slot, 0)) = self.slots.get(name) {
            return *slot;
        }
        let slot = self.slot_count;
        self.slot_count = self.slot_count.saturating_add(1);
        self.slots.insert(name.into(), (slot, 0));
        slot
    }

    /// Returns slot and rank of a raw field under its written name.
    pub(crate) fn find(&self, name: &str) -> Option<(u16, u8)> {
        self.slots.get(name).copied()
    }

    /// Returns slot and rank of a nested field: as an alias, else as a plain field below a
    /// prefix that is stripped (which is worse than any plain spelling).
    pub(crate) fn find_nested(&self, path: &str) -> Option<(u16, u8)> {
        if let Some(found) = self.find(path) {
            return Some(found);
        }
        self.strip.iter().filter(|prefix| !prefix.is_empty()).find_map(|prefix| {
            let (slot, rank) = self.find_nested(path.strip_prefix(&**prefix)?)?;
            Some((slot, rank.saturating_add(50)))
        })
    }

    /// Returns true if nested fields below this field may be of use.
    pub(crate) fn is_container(&self, name: &str) -> bool {
        self.containers.binary_search_by(|known| (**known).cmp(name)).is_ok()
    }

    /// Returns the number of slots.
    pub(crate) fn slots(&self) -> usize {
        self.slot_count as usize
    }

    /// Returns the rules of a Windows event, and whether the map knows it. `sources` are the
    /// event's channel, provider and provider GUID, as far as it has them; an event without any
    /// goes by its number.
    pub(crate) fn event(&self, id: Option<i64>, sources: &[&str]) -> (&Rules, bool) {
        let known = id.and_then(|id| self.events.get(&id)).into_iter().flatten();
        let by_number = self.additions == Additions::None || sources.is_empty();
        for (channel, rules) in known {
            let fits = match channel {
                Some(channel) if !by_number => self.names(*channel, sources),
                _ => true,
            };
            if fits {
                return (rules, true);
            }
        }
        (&self.common, false)
    }

    /// Returns the rules of a stream of a log, and whether the map knows it.
    pub(crate) fn stream(&self, name: Option<&str>, has: impl Fn(u16) -> bool) -> (&Rules, bool) {
        let stream = match name {
            Some(name) => self.streams.iter().find(|stream| stream.name == name),
            None => self
                .streams
                .iter()
                .find(|stream| !stream.has.is_empty() && stream.has.iter().all(|slot| has(*slot))),
        };
        match stream {
            Some(stream) => (&stream.rules, true),
            None => (&self.common, false),
        }
    }

    /// Returns the rules that every event shares.
    pub(crate) fn common(&self) -> &Rules {
        &self.common
    }

    fn names(&self, channel: usize, sources: &[&str]) -> bool {
        self.channels[channel].1.iter().any(|pattern| {
            let inner = pattern.strip_prefix('*').and_then(|rest| rest.strip_suffix('*'));
            sources.iter().any(|source| match inner {
                Some(inner) => contains_ignore_case(source, inner),
                None => source.eq_ignore_ascii_case(pattern),
            })
        })
    }

    fn rules(&mut self, sets: &HashMap<&str, &Set>, events: &[&Event]) -> Result<Rules, FieldMapError> {
        let additions = self.additions;
        let mut fields = Vec::new();
        let mut rules = Rules::default();
        let mut constants = Vec::new();
        for event in events {
            for name in &event.uses {
                let set = sets.get(name.as_str()).ok_or_else(|| FieldMapError::UnknownSet(name.clone()))?;
                fields.extend(set.fields.iter().filter(|field| additions.takes(field.new)));
                constants.extend(&set.constants);
            }
            fields.extend(event.fields.iter().filter(|field| additions.takes(field.new)));
            if event.name.is_some() {
                rules.name.clone_from(&event.name);
            }
            for link in event.links.iter().filter(|link| additions.takes(link.new)) {
                let target = |cause| FieldMapError::Target { from: link.from.clone(), cause };
                let from = self.paths.object(&link.from).map_err(target)?;
                let whole = format!(
                    "{}{}{}",
                    link.from,
                    if link.from.contains(':') { '.' } else { ':' },
                    link.reference
                );
                let (_, reference, list) = self.paths.reference(&whole).map_err(target)?;
                let to = self.paths.object(&link.to).map_err(target)?;
                rules.links.push(Link { from, reference, list, to });
            }
        }
        // An event's rule replaces the common one for the same raw field.
        let mut taken: Vec<u16> = Vec::new();
        for field in fields.iter().filter(|field| field.new.is_none()) {
            for name in field.from.names() {
                let slot = self.slot(name);
                taken.push(slot);
            }
        }
        if let Some(common) = sets.get("common") {
            let common_fields: Vec<&Field> =
                common.fields.iter().filter(|field| additions.takes(field.new)).collect();
            for field in common_fields {
                let rule = self.rule(field)?;
                // A rule with several fields to choose from stays.
                if rule.from.len() != 1 || !taken.contains(&rule.from[0]) {
                    rules.rules.push(rule);
                }
            }
            constants.extend(&common.constants);
        }
        for field in fields {
            let rule = self.rule(field)?;
            rules.rules.push(rule);
        }
        for constant in constants {
            let rule = self.target_rule(&constant.to, constant.convert, None, Vec::new(), "constant")?;
            rules.constants.push((rule, constant.value.clone()));
        }
        Ok(rules)
    }

    fn rule(&mut self, field: &Field) -> Result<Rule, FieldMapError> {
        let from: Vec<u16> = field.from.names().iter().map(|name| self.slot(name)).collect();
        let label = field.from.names().join(", ");
        let mut rule = self.target_rule(&field.to, field.convert, field.new, from, &label)?;
        if let Some(when) = &field.when {
            rule.when = Some((self.slot(&when.field), when.is.clone()));
        }
        Ok(rule)
    }

    fn target_rule(
        &mut self,
        to: &str,
        convert: Option<Convert>,
        new: Option<New>,
        from: Vec<u16>,
        label: &str,
    ) -> Result<Rule, FieldMapError> {
        let target = |cause| FieldMapError::Target { from: label.to_owned(), cause };
        let mut convert = convert.unwrap_or(Convert::Text);
        let (object, targets) = match convert.attributes() {
            None => {
                let only = self.paths.target(to).map_err(target)?;
                if convert == Convert::Text && only.integer {
                    convert = Convert::Integer;
                }
                (only.object, vec![only])
            }
            Some(attributes) => {
                let object = self.paths.object(to).map_err(target)?;
                let mut targets = Vec::new();
                for attribute in attributes {
                    let mut owner = object;
                    let mut steps: Vec<&str> = attribute.split('.').collect();
                    while steps.len() > 1 && steps[0].ends_with("_ref") {
                        owner = self.paths.child(owner, steps.remove(0), to).map_err(target)?;
                    }
                    targets.push(self.paths.attribute(owner, &steps.join("."), to).map_err(target)?);
                }
                (object, targets)
            }
        };
        let mention = matches!(new, Some(New::Mention | New::Aside)) && self.additions != Additions::Seen;
        Ok(Rule {
            from,
            convert,
            object,
            targets,
            mention,
            existing: new == Some(New::Attribute),
            when: None,
        })
    }
}

impl OneOrMore {
    fn names(&self) -> &[String] {
        match self {
            OneOrMore::One(name) => std::slice::from_ref(name),
            OneOrMore::More(names) => names,
        }
    }
}

fn lower(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| text.to_ascii_lowercase()).collect()
}

fn contains_ignore_case(text: &str, part: &str) -> bool {
    part.is_empty()
        || text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}
