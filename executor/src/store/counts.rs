//! How many entities, records and related records a variable has; when they were seen.

use std::collections::HashMap;

use ahash::RandomState;
use kestrel_ir::plan::Rows;
use kestrel_stix::{EntityType, TimeWindow, Timestamp};

use super::{Data, EntitySet, NO_CODE, Records, Store, StoreError, TypeId};

/// Source: entities specification 2.2, language specification 3.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Distinct entities; of groups, the rows.
    pub entities: u64,
    /// Sightings: the sum of `number_observed` over distinct pairs of entity and record; for
    /// entities without any record, the rows.
    pub records: u64,
}

/// Answers of [`Store::related`] for so many groups of queries are kept.
const KEPT: usize = 16;

/// A group of queries, and what [`Store::related`] counted for it.
pub(super) type ShownBy = (Vec<u32>, Vec<(TypeId, u64)>);

/// The entities of a set, for looking up.
pub(super) struct Members {
    flags: Vec<bool>,
    count: u64,
}

impl Members {
    #[inline]
    pub(super) fn has(&self, entity: u32) -> bool {
        self.flags[entity as usize]
    }
}

impl Store {
    /// Counts entities and records.
    pub fn counts(&mut self, set: &EntitySet) -> Result<Counts, StoreError> {
        if set.rows == Rows::Groups || set.is_empty() {
            return Ok(Counts { entities: set.count, records: set.count });
        }
        let members = self.members(set)?;
        let mut shown = false;
        let mut sightings = 0u64;
        self.each_sighting(set, &members, |records, _, record| {
            shown = true;
            // Counts are given by data, so their sum may be beyond any number.
            sightings = sightings.saturating_add(records.number(record).unsigned_abs());
        });
        // Data without records count by their rows.
        let records = if shown { sightings.min(i64::MAX.unsigned_abs()) } else { set.count };
        Ok(Counts { entities: members.count, records })
    }

    /// Counts, by type, the entities that came with the queries that returned entities of the
    /// set, sorted by the type's name; the set's own entities are subtracted from their type.
    /// Types that are 0 are left out. Source: entities specification 2.3.
    pub fn related(&mut self, set: &EntitySet) -> Result<Vec<(EntityType, u64)>, StoreError> {
        if set.rows == Rows::Groups || set.is_empty() || self.queries.is_empty() {
            return Ok(Vec::new());
        }
        let members = self.members(set)?;
        let shows = |record: &u32| {
            let (own, more) = self.archive.seen(*record);
            own.iter().chain(more).any(|object| members.has(self.archive.entities[*object as usize]))
        };
        // Queries overlap: each record is looked at once.
        let mut looked: HashMap<u32, bool, RandomState> = HashMap::default();
        let asked: Vec<u32> = (0u32..)
            .zip(&self.queries)
            .filter(|(_, records)| {
                records.iter().any(|record| *looked.entry(*record).or_insert_with(|| shows(record)))
            })
            .map(|(query, _)| query)
            .collect();
        let mut out = Vec::new();
        for (entity_type, mut count) in self.shown_by(&asked) {
            let name = self.catalog.type_name(entity_type);
            if name == set.entity_type.as_str() {
                count = count.saturating_sub(members.count);
            }
            if count > 0 && !matches!(name, "identity" | "observed-data") {
                out.push((EntityType::new(name), count));
            }
        }
        out.sort();
        Ok(out)
    }

    /// Counts, by type, the distinct pairs of an entity and a record that these queries
    /// returned. Variables made of the same queries ask for the same.
    fn shown_by(&mut self, queries: &[u32]) -> Vec<(TypeId, u64)> {
        if let Some((_, known)) = self.shown.iter().find(|(asked, _)| asked == queries) {
            return known.clone();
        }
        let mut records: Vec<u32> =
            queries.iter().flat_map(|query| self.queries[*query as usize].iter().copied()).collect();
        records.sort_unstable();
        records.dedup();
        let mut counts = vec![0u64; self.catalog.types().count()];
        let mut stamps = vec![NO_CODE; self.entities.len()];
        for record in records {
            let (own, more) = self.archive.seen(record);
            for object in own.iter().chain(more) {
                let stamp = &mut stamps[self.archive.entities[*object as usize] as usize];
                if std::mem::replace(stamp, record) != record {
                    counts[self.archive.type_of(*object).0 as usize] += 1;
                }
            }
        }
        let counts: Vec<(TypeId, u64)> =
            self.catalog.types().zip(counts).filter(|(_, count)| *count > 0).collect();
        if self.shown.len() == KEPT {
            self.shown.pop_front();
        }
        self.shown.push_back((queries.to_vec(), counts.clone()));
        counts
    }

    /// Returns from when to when the entities of a set were seen; open if they have no records
    /// with times.
    pub fn span(&mut self, set: &EntitySet) -> Result<TimeWindow, StoreError> {
        let members = self.members(set)?;
        let (mut first, mut last) = (None::<Timestamp>, None::<Timestamp>);
        self.each_sighting(set, &members, |records, _, record| {
            if let Some(at) = records.first(record) {
                first = Some(first.map_or(at, |known| known.min(at)));
            }
            last = last.max(records.last(record));
        });
        Ok(match (first, last) {
            (Some(first), Some(last)) => TimeWindow::new(first, last),
            _ => TimeWindow::default(),
        })
    }

    /// Returns the entities of a set, for looking up.
    pub(super) fn members(&mut self, set: &EntitySet) -> Result<Members, StoreError> {
        let entities = self.entities_of(set)?;
        let mut flags = vec![false; self.entities.len()];
        entities.iter().for_each(|entity| flags[*entity as usize] = true);
        Ok(Members { flags, count: entities.len() as u64 })
    }

    /// Tells every distinct pair of an entity of the set and a real record of the set's world
    /// that shows it: entity and record.
    fn each_sighting(
        &mut self,
        set: &EntitySet,
        members: &Members,
        mut tell: impl FnMut(&Records, u32, u32),
    ) {
        let mut stamps = vec![NO_CODE; self.entities.len()];
        for record in self.world_candidates(&set.world, TimeWindow::default()) {
            if !self.records.is_real(record) {
                continue;
            }
            let (own, more) = self.archive.seen(record);
            for object in own.iter().chain(more) {
                let entity = self.archive.entities[*object as usize];
                if members.has(entity) && std::mem::replace(&mut stamps[entity as usize], record) != record {
                    tell(&self.records, entity, record);
                }
            }
        }
    }

    /// Returns a table `(ent, rec)` of the distinct pairs of an entity of the set and a real
    /// record that shows it, among the records of the set's world. The table is kept.
    pub fn sightings(&mut self, set: &EntitySet) -> Result<String, StoreError> {
        let members = self.members(set)?;
        let (mut entities, mut records) = (Vec::new(), Vec::new());
        self.each_sighting(set, &members, |_, entity, record| {
            entities.push(entity);
            records.push(record);
        });
        self.put(&[("ent", Data::U32(entities)), ("rec", Data::U32(records))])
    }
}
