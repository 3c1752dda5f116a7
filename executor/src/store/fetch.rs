//! Queries of data sources over what was loaded from them, and the entities they match.

use kestrel_stix::{EntityType, TimeWindow, Timestamp, pattern::Pattern};

use super::{Data, EntitySet, Pool, SourceId, Store, StoreError, World, pattern_sql::Candidates};

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
    /// Its number in the session; its records are in table `query`.
    pub query: u32,
    /// The table of what the centre matched: `rec`, `obj`.
    pub hits: String,
    /// The type of these objects.
    pub entity_type: EntityType,
    /// Number of records.
    pub records: u64,
}

impl Store {
    /// Finds the records that match, and in them the objects that the centre matched.
    pub fn fetch(&mut self, request: &FetchRequest<'_>) -> Result<QueryResult, StoreError> {
        let candidates = self.candidates(request.sources, request.window)?;
        let hits = self.hits(&candidates, request.entity_type, request.pattern)?;
        let records = format!("SELECT DISTINCT rec FROM {hits}");
        let records = match request.limit {
            None => records,
            Some(limit) => {
                let limit = limit.min(i64::MAX.cast_unsigned());
                format!(
                    "SELECT h.rec FROM ({records}) h JOIN {} k ON k.rec = h.rec ORDER BY k.place LIMIT {limit}",
                    candidates.table
                )
            }
        };
        let records = self.scratch(&records)?;
        let (kept, _) = self.keep(&format!(
            "SELECT rec, obj FROM {hits} SEMI JOIN {records} ON {records}.rec = {hits}.rec"
        ))?;
        let query = self.queries;
        self.queries += 1;
        self.execute(&format!("INSERT INTO query SELECT {query}, rec FROM {records}"))?;
        let count = self.read_number(&format!("SELECT count(*) FROM {records}"))?.unwrap_or(0);
        self.sweep()?;
        Ok(QueryResult {
            query,
            hits: kept,
            entity_type: request.entity_type.clone(),
            records: count.cast_unsigned(),
        })
    }

    /// Returns the records of these sources that overlap a window, with their `place`s in
    /// the order of the sources.
    fn candidates(&mut self, sources: &[SourceId], window: TimeWindow) -> Result<Candidates, StoreError> {
        let mut parts: Vec<(u32, u32)> = Vec::new();
        for (part, source) in sources.iter().enumerate() {
            if !parts.iter().any(|(known, _)| *known == source.0) {
                parts.push((source.0, part as u32));
            }
        }
        let order = self.put(&[
            ("source", Data::U32(parts.iter().map(|(source, _)| *source).collect())),
            ("part", Data::U32(parts.iter().map(|(_, part)| *part).collect())),
        ])?;
        self.scratch.push(order.clone());
        let within = overlaps(window);
        let at = "(p.part::UBIGINT << 32) | ";
        let owned = format!(
            "SELECT r.rec AS rec, {at} r.place AS place FROM record r JOIN {order} p ON p.source = r.source WHERE {within}"
        );
        let select = if self.ingest.any_shared {
            format!(
                "SELECT rec, min(place) AS place FROM ({owned} UNION ALL
                   SELECT r.rec AS rec, {at} h.place AS place FROM shared h JOIN {order} p ON p.source = h.source
                   JOIN record r ON r.rec = h.rec WHERE {within}) GROUP BY rec"
            )
        } else {
            owned
        };
        Ok(Candidates { table: self.scratch(&select)? })
    }

    /// Returns the records of a world that overlap a window.
    pub(super) fn world_candidates(
        &mut self,
        world: &World,
        window: TimeWindow,
    ) -> Result<Candidates, StoreError> {
        let records = self.world_records(world)?;
        let table = if window.is_open() {
            records
        } else {
            self.scratch(&format!(
                "SELECT r.rec FROM record r SEMI JOIN {records} w ON w.rec = r.rec WHERE {}",
                overlaps(window)
            ))?
        };
        Ok(Candidates { table })
    }

    /// Returns the entities that a query's centre matched, in the order of the records that
    /// first show them. They are seen in the query's records only.
    pub fn select(&mut self, result: &QueryResult) -> Result<EntitySet, StoreError> {
        let world = World { queries: vec![result.query], ..World::default() };
        let hits = &result.hits;
        let select = format!(
            "SELECT (row_number() OVER (ORDER BY rec, obj) - 1)::UINTEGER AS pos, ent FROM (
               SELECT o.ent AS ent, min(h.rec) AS rec, arg_min(h.obj, h.rec) AS obj
               FROM {hits} h JOIN object o ON o.obj = h.obj GROUP BY o.ent)"
        );
        self.entity_set(&select, &result.entity_type, world)
    }

    /// Makes the pool after `previous` that also holds the records of these queries.
    pub fn pool(&mut self, previous: Option<Pool>, brought: &[&QueryResult]) -> Result<Pool, StoreError> {
        let number = u32::try_from(self.pools.len()).map_err(|_| StoreError::Full)?;
        let pool = Pool(number);
        self.pools.push(previous);
        let queries: Vec<u32> = brought.iter().map(|result| result.query).collect();
        if !queries.is_empty() {
            let before = match previous {
                Some(previous) => format!("WHERE {}", self.pool_condition(previous)),
                None => "WHERE false".to_owned(),
            };
            self.execute(&format!(
                "INSERT INTO visible SELECT DISTINCT rec, {number} FROM query WHERE query IN ({})
                 AND rec NOT IN (SELECT rec FROM visible {before})",
                super::pattern_sql::list(&queries)
            ))?;
        }
        Ok(pool)
    }

    /// Puts entities together: each once, with the attributes that the pool's records show,
    /// by first appearance (earliest `first_observed`, then record, then object).
    pub fn assemble(&mut self, entities: &EntitySet, pool: Pool) -> Result<EntitySet, StoreError> {
        let world =
            World { pool: Some(pool), queries: Vec::new(), synthetic: entities.world.synthetic.clone() };
        let records = self.world_records(&world)?;
        let members =
            self.scratch(&format!("SELECT DISTINCT ent FROM {} WHERE ent IS NOT NULL", entities.table))?;
        // The first appearance of each entity; those that are only referred to come last.
        let select = format!(
            "WITH mine AS (SELECT o.obj, o.ent FROM object o SEMI JOIN {members} m ON m.ent = o.ent),
             shown AS (
               SELECT a.ent AS ent, min((r.born::UBIGINT << 32) | s.ord) AS born
               FROM mine a JOIN seen s ON s.obj = a.obj SEMI JOIN {records} w ON w.rec = s.rec
               JOIN record r ON r.rec = s.rec GROUP BY a.ent)
             SELECT (row_number() OVER (ORDER BY s.born NULLS LAST, m.ent) - 1)::UINTEGER AS pos, m.ent AS ent
             FROM {members} m LEFT JOIN shown s ON s.ent = m.ent"
        );
        let set = self.entity_set(&select, &entities.entity_type, world)?;
        self.sweep()?;
        Ok(set)
    }
}

/// Returns the condition that record `r` overlaps a window. Source: entities specification 11.2.
fn overlaps(window: TimeWindow) -> String {
    if window.is_empty() {
        return "false".to_owned();
    }
    let bound = |column: &str, sign: &str, at: Option<Timestamp>| {
        at.map(|at| format!("r.{column} {sign} {}", at.micros()))
    };
    let bounds: Vec<String> =
        [bound("last", ">=", window.start), bound("first", "<", window.stop)].into_iter().flatten().collect();
    if bounds.is_empty() { "true".to_owned() } else { bounds.join(" AND ") }
}
