//! Which of the processes that come back under a number are the ones that were asked about.
//!
//! A candidate is the same process as a known sighting when it is near enough in time for what
//! else agrees. The windows around all known sightings with one key are united first; they do
//! not overlap then, so that each candidate is compared with one of them only.
//! Source: entities specification 3.6.

use std::collections::{BTreeSet, HashMap, HashSet};

use ahash::RandomState;
use kestrel_ir::op::SameProcess;
use kestrel_stix::{TimeWindow, Timestamp, record::ValueRef};

use super::{ColumnId, ColumnKind, EntitySet, NO_CODE, QueryResult, Store, StoreError};

/// What the rules compare; zero numbers and empty names are absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Sighting {
    entity: u32,
    pid: Option<u32>,
    name: Option<u32>,
    parent: Option<u32>,
    first: Option<i64>,
    last: Option<i64>,
}

/// What must agree, and how near in time in seconds.
struct Rule {
    key: fn(&Sighting) -> Option<Key>,
    time: fn(&Sighting) -> Option<i64>,
    window: (i64, i64),
}

/// Codes of number, name and number of the parent, as far as a rule compares them.
type Key = [u32; 3];

fn rules(offsets: SameProcess) -> [Rule; 5] {
    let pid: fn(&Sighting) -> Option<Key> = |s| Some([s.pid?, NO_CODE, NO_CODE]);
    let first: fn(&Sighting) -> Option<i64> = |s| s.first;
    [
        Rule { key: |s| Some([s.pid?, s.name?, s.parent?]), time: first, window: offsets.name_and_parent },
        Rule { key: |s| Some([s.pid?, s.name?, NO_CODE]), time: first, window: offsets.name },
        Rule { key: |s| Some([s.pid?, NO_CODE, s.parent?]), time: first, window: offsets.parent },
        Rule { key: pid, time: first, window: offsets.number_only },
        Rule { key: pid, time: |s| s.last, window: offsets.number_only },
    ]
}

/// Windows wider than 30,000 years are as good as that.
const WIDEST: i64 = 1_000_000_000_000;

impl Store {
    /// Returns the entities among a query's hits that are the same processes as the known ones,
    /// directly or over one other hit.
    pub(super) fn same_processes(
        &mut self,
        known: &EntitySet,
        query: &QueryResult,
        offsets: SameProcess,
    ) -> Result<Vec<u32>, StoreError> {
        let members = self.members(known)?;
        let mut local = Vec::new();
        for record in self.world_candidates(&known.world, TimeWindow::default()) {
            let shown = self.archive.shown(record).map(|(object, _)| object);
            let mine = shown.filter(|object| members.has(self.archive.entities[*object as usize]));
            local.extend(mine.map(|object| (record, object)));
        }
        let local = self.sightings_of_processes(&local);
        let candidates = self.sightings_of_processes(&self.hits[query.query as usize]);
        let anchors = near(&local, &candidates, offsets);
        let found = near(&anchors, &candidates, offsets);
        let entities: BTreeSet<u32> = found.into_iter().map(|sighting| sighting.entity).collect();
        Ok(entities.into_iter().collect())
    }

    /// Returns what the rules compare, for appearances of processes; each once.
    fn sightings_of_processes(&self, appearances: &[(u32, u32)]) -> Vec<Sighting> {
        let Some(process) = self.stored_type("process") else { return Vec::new() };
        let column = |name: &str| {
            let found: Vec<ColumnId> = self.catalog.resolve(process, name);
            found.into_iter().find(|column| !self.catalog.is_narrow(*column))
        };
        let Some(pid) = column("pid") else { return Vec::new() };
        let name = column("name");
        let parent = self.catalog.references(process, "parent_ref").into_iter().find(|column| {
            self.catalog.kind(*column) == ColumnKind::Reference && !self.catalog.is_narrow(*column)
        });
        let zero = self.dictionary.lookup(&ValueRef::Int(0));
        let empty = self.dictionary.lookup(&ValueRef::Text("".into()));
        let said = |column: ColumnId, object: u32, nothing: Option<u32>| {
            let code = self.archive.code(column, self.archive.row_of(object));
            Some(code).filter(|code| *code != NO_CODE && Some(*code) != nothing)
        };
        let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
        let mut known: HashSet<Sighting, RandomState> = HashSet::default();
        let mut sightings = Vec::new();
        for (record, object) in appearances {
            if self.archive.type_of(*object) != process {
                continue;
            }
            let parent = parent
                .and_then(|column| said(column, *object, None))
                .filter(|parent| self.archive.type_of(*parent) == process);
            let sighting = Sighting {
                entity: self.archive.entities[*object as usize],
                pid: said(pid, *object, zero),
                name: name.and_then(|name| said(name, *object, empty)),
                parent: parent.and_then(|parent| said(pid, parent, zero)),
                first: micros(self.records.first(*record)),
                last: micros(self.records.last(*record)),
            };
            if known.insert(sighting) {
                sightings.push(sighting);
            }
        }
        sightings
    }
}

/// Returns the candidates that are the same process as some known one.
fn near(known: &[Sighting], candidates: &[Sighting], offsets: SameProcess) -> Vec<Sighting> {
    let mut same = vec![false; candidates.len()];
    for rule in rules(offsets) {
        let windows = windows(known, &rule);
        for (candidate, same) in candidates.iter().zip(&mut same) {
            if let (Some(key), Some(time)) = ((rule.key)(candidate), (rule.time)(candidate)) {
                *same |= windows.get(&key).is_some_and(|windows| within(windows, time));
            }
        }
    }
    candidates.iter().zip(same).filter(|(_, same)| *same).map(|(candidate, _)| *candidate).collect()
}

/// Returns, for each key, the windows around all known sightings that have it: ascending, without
/// overlap.
fn windows(known: &[Sighting], rule: &Rule) -> HashMap<Key, Vec<(i64, i64)>, RandomState> {
    let micros = |seconds: i64| seconds.clamp(-WIDEST, WIDEST) * 1_000_000;
    let (begin, end) = (micros(rule.window.0), micros(rule.window.1));
    let mut windows: HashMap<Key, Vec<(i64, i64)>, RandomState> = HashMap::default();
    for sighting in known {
        if let (Some(key), Some(first), Some(last)) = ((rule.key)(sighting), sighting.first, sighting.last) {
            let window = (first.saturating_add(begin), last.saturating_add(end));
            if window.0 < window.1 {
                windows.entry(key).or_default().push(window);
            }
        }
    }
    for of_key in windows.values_mut() {
        of_key.sort_unstable();
        of_key.dedup_by(|next, united| {
            let overlap = next.0 < united.1;
            if overlap {
                united.1 = united.1.max(next.1);
            }
            overlap
        });
    }
    windows
}

/// Says whether a time is inside one of some windows, not at its ends.
fn within(windows: &[(i64, i64)], time: i64) -> bool {
    let after = windows.partition_point(|(begin, _)| *begin < time);
    after > 0 && time < windows[after - 1].1
}
