//! Queries of data sources over what was loaded from them, and the entities they match.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ahash::RandomState;
use kestrel_stix::{EntityType, TimeWindow, pattern::Pattern};

use super::{EntitySet, Pool, SourceId, Store, StoreError, World};

/// One query of a data source.
#[derive(Debug, Clone)]
pub struct FetchRequest<'a> {
    /// The loaded sources of the address, in the order of its parts.
    pub sources: &'a [SourceId],
    /// The type whose tests are the centre.
    pub entity_type: &'a EntityType,
    /// What records must match, references replaced by values; none takes every record that
    /// has an object of the type.
    pub pattern: Option<&'a Pattern>,
    /// When.
    pub window: TimeWindow,
    /// At most so many records, in the order of the sources.
    pub limit: Option<u64>,
}

/// What a query of a data source returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryResult {
    /// Its number in the session.
    pub query: u32,
    /// The type of these objects.
    pub entity_type: EntityType,
    /// Number of records.
    pub records: u64,
}

impl Store {
    /// Finds the records that match, and in them the objects that the centre matched.
    pub fn fetch(&mut self, request: &FetchRequest<'_>) -> Result<QueryResult, StoreError> {
        let candidates = self.candidates(request.sources, request.window);
        let mut hits = self.hits(&candidates, request.entity_type, request.pattern)?;
        if let Some(limit) = request.limit {
            self.cut(&mut hits, request.sources, limit);
        }
        let mut records: Vec<u32> = hits.iter().map(|(record, _)| *record).collect();
        records.dedup();
        let query = u32::try_from(self.queries.len()).map_err(|_| StoreError::Full)?;
        let count = records.len() as u64;
        self.queries.push(records);
        self.hits.push(hits);
        Ok(QueryResult { query, entity_type: request.entity_type.clone(), records: count })
    }

    /// Returns the records of these sources that overlap a window, ascending.
    fn candidates(&self, sources: &[SourceId], window: TimeWindow) -> Vec<u32> {
        let mut records: Vec<u32> = Vec::new();
        for (at, source) in sources.iter().enumerate() {
            if !sources[..at].contains(source) {
                records.extend(self.ingest.sources[source.0 as usize].clone());
            }
        }
        let shared = self.ingest.shared.iter().filter(|(source, _, _)| sources.contains(source));
        records.extend(shared.map(|(_, record, _)| *record));
        ascending(&mut records);
        self.retain_overlapping(&mut records, window);
        records
    }

    /// Keeps the records that overlap a window. Source: entities specification 11.2.
    pub(super) fn retain_overlapping(&self, records: &mut Vec<u32>, window: TimeWindow) {
        if window.is_empty() {
            records.clear();
        }
        if let Some(start) = window.start {
            records.retain(|record| self.records.last(*record).is_some_and(|last| last >= start));
        }
        if let Some(stop) = window.stop {
            records.retain(|record| self.records.first(*record).is_some_and(|first| first < stop));
        }
    }

    /// Keeps the hits in the first records, in the order of the sources.
    fn cut(&self, hits: &mut Vec<(u32, u32)>, sources: &[SourceId], limit: u64) {
        let part = |source: SourceId| sources.iter().position(|known| *known == source);
        let mut places: HashMap<u32, (usize, u32), RandomState> = HashMap::default();
        for (record, _) in hits.iter() {
            let row = self.records.row(*record);
            if let Some(part) = part(row.source) {
                places.insert(*record, (part, row.place));
            }
        }
        let matched: HashSet<u32, RandomState> = hits.iter().map(|(record, _)| *record).collect();
        for (source, record, place) in &self.ingest.shared {
            if let Some(part) = part(*source).filter(|_| matched.contains(record)) {
                let place = (part, *place);
                places.entry(*record).and_modify(|known| *known = place.min(*known)).or_insert(place);
            }
        }
        let mut order: Vec<((usize, u32), u32)> =
            places.into_iter().map(|(record, place)| (place, record)).collect();
        order.sort_unstable();
        order.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let kept: HashSet<u32, RandomState> = order.into_iter().map(|(_, record)| record).collect();
        hits.retain(|(record, _)| kept.contains(record));
    }

    /// Returns the records of a world that overlap a window, ascending.
    pub(super) fn world_candidates(&mut self, world: &World, window: TimeWindow) -> Vec<u32> {
        let mut records = world.pool.map_or_else(Vec::new, |pool| self.pool_records(pool).to_vec());
        records.extend(world.queries.iter().flat_map(|query| &self.queries[*query as usize]));
        records
            .extend(world.synthetic.iter().flat_map(|source| self.ingest.sources[source.0 as usize].clone()));
        ascending(&mut records);
        self.retain_overlapping(&mut records, window);
        records
    }

    /// Returns the records of a pool and of those before it, ascending. Pools follow each other,
    /// so the last ones asked for are kept and only what came since is looked at.
    fn pool_records(&mut self, pool: Pool) -> Arc<[u32]> {
        let mut added = Vec::new();
        let mut known: Arc<[u32]> = Arc::default();
        let mut at = Some(pool);
        while let Some(step) = at {
            if let Some((_, records)) = self.pool_records.iter().find(|(kept, _)| *kept == step) {
                known = records.clone();
                break;
            }
            let Some((before, queries)) = self.pools.get(step.0 as usize) else { break };
            added.extend(queries.iter().flat_map(|query| &self.queries[*query as usize]));
            at = *before;
        }
        if !added.is_empty() {
            added.extend(&*known);
            ascending(&mut added);
            known = added.into();
        }
        if at != Some(pool) {
            if self.pool_records.len() == KEPT_POOLS {
                self.pool_records.pop_front();
            }
            self.pool_records.push_back((pool, known.clone()));
        }
        known
    }

    /// Returns how many different records these queries returned.
    pub fn returned(&self, queries: &[u32]) -> u64 {
        match queries {
            [] => 0,
            [one] => self.queries[*one as usize].len() as u64,
            several => {
                let mut records: Vec<u32> =
                    several.iter().flat_map(|query| self.queries[*query as usize].iter().copied()).collect();
                ascending(&mut records);
                records.len() as u64
            }
        }
    }

    /// Returns the entities that a query's centre matched, in the order of the records that
    /// first show them. They are seen in the query's records only.
    pub fn select(&mut self, result: &QueryResult) -> Result<EntitySet, StoreError> {
        let world = World { queries: vec![result.query], ..World::default() };
        let mut known = vec![false; self.entities.len()];
        let entities = self.hits[result.query as usize]
            .iter()
            .map(|(_, object)| self.archive.entities[*object as usize])
            .filter(|entity| !std::mem::replace(&mut known[*entity as usize], true))
            .collect();
        self.set_of(entities, &result.entity_type, world)
    }

    /// Makes the pool after `previous` that also holds the records of these queries.
    pub fn pool(&mut self, previous: Option<Pool>, brought: &[&QueryResult]) -> Result<Pool, StoreError> {
        let number = u32::try_from(self.pools.len()).map_err(|_| StoreError::Full)?;
        let pool = Pool(number);
        let queries: Vec<u32> = brought.iter().map(|result| result.query).collect();
        self.pools.push((previous, queries));
        Ok(pool)
    }

    /// Puts entities together: each once, with the attributes that the pool's records show,
    /// by first appearance (earliest `first_observed`, then record, then object).
    pub fn assemble(&mut self, entities: &EntitySet, pool: Pool) -> Result<EntitySet, StoreError> {
        let entity_type = &entities.entity_type;
        let world =
            World { pool: Some(pool), queries: Vec::new(), synthetic: entities.world.synthetic.clone() };
        let entities = self.entities_of(entities)?;
        let mut born: Vec<Option<u64>> = vec![None; self.entities.len()];
        let mut wanted = vec![false; self.entities.len()];
        entities.iter().for_each(|entity| wanted[*entity as usize] = true);
        for record in self.world_candidates(&world, TimeWindow::default()) {
            for (object, ord) in self.archive.shown(record) {
                let entity = self.archive.entities[object as usize] as usize;
                if wanted[entity] {
                    let place = u64::from(self.times.born(record)) << 32 | u64::from(ord);
                    born[entity] = Some(born[entity].map_or(place, |known| known.min(place)));
                }
            }
        }
        // Those that are only referred to come last.
        let mut order: Vec<(u64, u32)> =
            entities.iter().map(|entity| (born[*entity as usize].unwrap_or(u64::MAX), *entity)).collect();
        order.sort_unstable();
        self.set_of(order.into_iter().map(|(_, entity)| entity).collect(), entity_type, world)
    }
}

/// Records of so many pools are kept.
const KEPT_POOLS: usize = 4;

/// Sorts numbers, each once.
fn ascending(numbers: &mut Vec<u32>) {
    if !numbers.is_sorted_by(|a, b| a < b) {
        numbers.sort_unstable();
        numbers.dedup();
    }
}
