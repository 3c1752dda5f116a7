//! Processes without unique id join the one process with unique id that fits.
//!
//! Windows reports one process both with a unique id (Sysmon) and without (Security log). A
//! sighting without joins the entity with unique id if exactly one has the same number, the
//! same name (whatever its case), the same host where both have one, and was seen around that
//! time. Looked for within one source, so that what a source gives does not depend on others.
//! Source: entities specification 3.4.

use std::collections::HashMap;

use ahash::RandomState;
use kestrel_stix::Timestamp;

use super::{ColumnId, Data, NO_CODE, Store, StoreError, TypeId};

/// Microseconds around the sightings of an entity with unique id.
const AROUND: i64 = 3_600_000_000;

/// One appearance of a process.
#[derive(Debug, Clone, Copy)]
struct Sighting {
    entity: u32,
    has_unique_id: bool,
    pid: Option<u32>,
    /// Number of the name in lower case.
    name: Option<u32>,
    host: Option<u32>,
    first: Option<i64>,
    last: Option<i64>,
}

/// What must agree: number, name, and host.
type Key = (u32, u32, Host);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Host {
    /// Processes of this host.
    Known(u32),
    /// Processes of which no sighting names a host.
    Unknown,
    /// All of them.
    Any,
}

/// Something that happens to the processes of one key, by time: at one time, processes begin to
/// be around before others are looked for, and end after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Begins(u32),
    IsSought { sighting: u32 },
    Ends(u32),
}

/// The processes that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    None,
    One(u32),
    Several,
}

impl Fit {
    fn and(self, other: Fit) -> Fit {
        match (self, other) {
            (Fit::None, fit) | (fit, Fit::None) => fit,
            (Fit::One(a), Fit::One(b)) if a == b => self,
            _ => Fit::Several,
        }
    }
}

impl Store {
    /// Applies the rule to the records from `first_record` on.
    pub(super) fn attach(&mut self, first_record: u32) -> Result<(), StoreError> {
        let sightings = self.process_sightings(first_record);
        if sightings.iter().all(|sighting| sighting.has_unique_id) {
            return Ok(());
        }
        let mut fits: HashMap<u32, Fit, RandomState> = HashMap::default();
        for (sighting, fit) in sought(&sightings) {
            let known = fits.entry(sightings[sighting as usize].entity).or_insert(Fit::None);
            *known = known.and(fit);
        }
        let mut replaced: Vec<(u32, u32)> = fits
            .into_iter()
            .filter_map(|(old, fit)| match fit {
                Fit::One(new) => Some((old, new)),
                Fit::None | Fit::Several => None,
            })
            .collect();
        replaced.sort_unstable();
        if replaced.is_empty() { Ok(()) } else { self.unite(&replaced) }
    }

    /// Makes entities, the first of each pair, those that they are, wherever they are used.
    fn unite(&mut self, replaced: &[(u32, u32)]) -> Result<(), StoreError> {
        let pairs: HashMap<u32, u32, RandomState> = replaced.iter().copied().collect();
        for entity in &mut self.archive.entities {
            *entity = pairs.get(entity).copied().unwrap_or(*entity);
        }
        self.aliases.extend(pairs);
        self.shown.clear();
        self.forget_all_merged();
        // Variables made before keep their rows, under the entity that is known now.
        let sets = self.sets.clone();
        if sets.is_empty() {
            return Ok(());
        }
        let (old, new) = replaced.iter().copied().unzip();
        let joined = self.put(&[("old", Data::U32(old)), ("new", Data::U32(new))])?;
        for set in sets {
            self.execute(&format!("UPDATE {set} SET ent = j.new FROM {joined} j WHERE {set}.ent = j.old"))?;
        }
        self.drop_table(&joined)
    }

    /// Returns the appearances of processes.
    fn process_sightings(&self, first_record: u32) -> Vec<Sighting> {
        let Some(process) = self.stored_type("process") else { return Vec::new() };
        let (Some(unique), Some(pid), Some(name)) = (
            self.attribute(process, "x_unique_id"),
            self.attribute(process, "pid"),
            self.attribute(process, "name"),
        ) else {
            return Vec::new();
        };
        let host = self.host_columns();
        let mut names = Names::default();
        let mut sightings = Vec::new();
        let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
        for record in first_record..self.records.len() as u32 {
            let (own, more) = self.archive.seen(record);
            let host = self.host_of(own.iter().chain(more), host.as_ref());
            for object in own.iter().chain(more) {
                if self.archive.type_of(*object) != process {
                    continue;
                }
                let (pid, name) = (self.code_of(*object, pid), self.code_of(*object, name));
                // An empty name says nothing, as in the test for the same process.
                let name = name.and_then(|name| names.number(self, name));
                sightings.push(Sighting {
                    entity: self.archive.entities[*object as usize],
                    has_unique_id: self.code_of(*object, unique).is_some_and(|id| !self.is_empty_text(id)),
                    pid,
                    name,
                    host,
                    first: micros(self.records.first(record)),
                    last: micros(self.records.last(record)),
                });
            }
        }
        sightings
    }

    /// Returns the columns that name a host.
    fn host_columns(&self) -> Option<(TypeId, Vec<ColumnId>)> {
        let asset = self.stored_type("x-oca-asset")?;
        let columns = ["host_id", "hostname"].iter().filter_map(|name| self.attribute(asset, name));
        Some((asset, columns.collect()))
    }

    /// Returns the host of a record: `host_id` of the first asset that has one, else
    /// `hostname`.
    fn host_of<'o>(
        &self,
        objects: impl Iterator<Item = &'o u32> + Clone,
        host: Option<&(TypeId, Vec<ColumnId>)>,
    ) -> Option<u32> {
        let (asset, columns) = host?;
        let mut assets = objects.filter(|object| self.archive.type_of(**object) == *asset).peekable();
        assets.peek()?;
        let host = |object: &u32, column: ColumnId| {
            self.code_of(*object, column).filter(|host| !self.is_empty_text(*host))
        };
        columns.iter().find_map(|column| assets.clone().find_map(|object| host(object, *column)))
    }

    fn attribute(&self, entity_type: TypeId, name: &str) -> Option<ColumnId> {
        self.catalog.resolve(entity_type, name).first().copied()
    }

    fn code_of(&self, object: u32, column: ColumnId) -> Option<u32> {
        if self.catalog.is_narrow(column) {
            let mut cells = self.archive.cells(object).iter();
            return cells.find(|(known, _)| *known == column).map(|(_, code)| *code);
        }
        Some(self.archive.code(column, self.archive.row_of(object))).filter(|code| *code != NO_CODE)
    }

    fn is_empty_text(&self, code: u32) -> bool {
        self.dictionary.get(code).as_text() == Some("")
    }
}

/// Numbers of names in lower case.
#[derive(Default)]
struct Names {
    by_code: HashMap<u32, Option<u32>, RandomState>,
    by_text: HashMap<String, u32, RandomState>,
}

impl Names {
    fn number(&mut self, store: &Store, code: u32) -> Option<u32> {
        *self.by_code.entry(code).or_insert_with(|| {
            let value = store.dictionary.get(code);
            let text = value.as_text().filter(|text| !text.is_empty())?.to_lowercase();
            let new = self.by_text.len() as u32;
            Some(*self.by_text.entry(text).or_insert(new))
        })
    }
}

/// Returns which processes fit each sighting without unique id of a process that never has one.
fn sought(sightings: &[Sighting]) -> Vec<(u32, Fit)> {
    // From when to when each process with unique id was around, and its hosts.
    let mut spans: HashMap<u32, (Option<i64>, Option<i64>), RandomState> = HashMap::default();
    let mut hosts: HashMap<u32, Vec<u32>, RandomState> = HashMap::default();
    for sighting in sightings.iter().filter(|sighting| sighting.has_unique_id) {
        let (first, last) = spans.entry(sighting.entity).or_default();
        *first = (*first).into_iter().chain(sighting.first).min();
        *last = (*last).into_iter().chain(sighting.last).max();
        let hosts = hosts.entry(sighting.entity).or_default();
        hosts.extend(sighting.host.filter(|host| !hosts.contains(host)));
    }
    let mut events: HashMap<Key, Vec<(i64, Event)>, RandomState> = HashMap::default();
    let mut known: Vec<(u32, u32, u32)> = sightings
        .iter()
        .filter(|sighting| sighting.has_unique_id)
        .filter_map(|sighting| Some((sighting.entity, sighting.pid?, sighting.name?)))
        .collect();
    known.sort_unstable();
    known.dedup();
    for (entity, pid, name) in known {
        let Some((Some(first), Some(last))) = spans.get(&entity) else { continue };
        let (begin, end) = (first.saturating_sub(AROUND), last.saturating_add(AROUND));
        let hosts = hosts.get(&entity).map_or(&[][..], Vec::as_slice);
        // A host is one of the process's, whichever sighting shows it.
        let of_hosts = hosts.iter().map(|host| Host::Known(*host));
        let unknown = hosts.is_empty().then_some(Host::Unknown);
        for host in of_hosts.chain(unknown).chain([Host::Any]) {
            let events = events.entry((pid, name, host)).or_default();
            events.extend([(begin, Event::Begins(entity)), (end, Event::Ends(entity))]);
        }
    }
    for (at, sighting) in (0u32..).zip(sightings) {
        let (Some(first), Some(pid), Some(name)) = (sighting.first, sighting.pid, sighting.name) else {
            continue;
        };
        if sighting.has_unique_id || spans.contains_key(&sighting.entity) {
            continue;
        }
        // Hosts are equal, or unknown on either side.
        let hosts = match sighting.host {
            Some(host) => vec![Host::Known(host), Host::Unknown],
            None => vec![Host::Any],
        };
        for host in hosts {
            if let Some(events) = events.get_mut(&(pid, name, host)) {
                events.push((first, Event::IsSought { sighting: at }));
            }
        }
    }
    let mut found = Vec::new();
    for events in events.values_mut() {
        events.sort_unstable();
        // How often each process that is around began to be.
        let mut around: HashMap<u32, u32, RandomState> = HashMap::default();
        for (_, event) in events {
            match event {
                Event::Begins(entity) => *around.entry(*entity).or_default() += 1,
                Event::IsSought { sighting } => {
                    let fit = match around.len() {
                        0 => Fit::None,
                        1 => around.keys().next().map_or(Fit::None, |entity| Fit::One(*entity)),
                        _ => Fit::Several,
                    };
                    found.push((*sighting, fit));
                }
                Event::Ends(entity) => {
                    if let Some(count) = around.get_mut(entity) {
                        *count -= 1;
                        if *count == 0 {
                            around.remove(entity);
                        }
                    }
                }
            }
        }
    }
    found
}
