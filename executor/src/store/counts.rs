//! How many entities, records and related records a variable has; when they were seen.

use kestrel_ir::plan::Rows;
use kestrel_stix::{EntityType, TimeWindow, Timestamp};

use super::{EntitySet, NO_CODE, Store, StoreError, TypeId};

/// Source: entities specification 2.2, language specification 3.13.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Distinct entities; of groups, the rows.
    pub entities: u64,
    /// Sightings: the sum of `number_observed` over distinct pairs of entity and record; for
    /// entities without any record, the rows.
    pub records: u64,
}

impl Store {
    /// Counts entities and records.
    pub fn counts(&mut self, set: &EntitySet) -> Result<Counts, StoreError> {
        if set.rows == Rows::Groups || set.is_empty() {
            return Ok(Counts { entities: set.count, records: set.count });
        }
        let entities = self.number(&format!("SELECT count(DISTINCT ent) FROM {}", set.table))?;
        let sightings = self.sightings(set)?;
        let pairs = self.number(&format!("SELECT count(*) FROM {sightings}"))?;
        let records = if pairs == 0 {
            // Data without records count by their rows.
            set.count
        } else {
            // Counts are given by data, so their sum may be beyond any number.
            self.number(&format!(
                "SELECT least(sum(r.number), 9223372036854775807)::BIGINT FROM {sightings} s
                 JOIN record r ON r.rec = s.rec"
            ))?
        };
        self.drop_table(&sightings)?;
        Ok(Counts { entities, records })
    }

    pub(super) fn number(&mut self, sql: &str) -> Result<u64, StoreError> {
        Ok(self.read_number(sql)?.unwrap_or(0).cast_unsigned())
    }

    /// Counts, by type, the entities that came with the queries that returned entities of the
    /// set, sorted by the type's name; the set's own entities are subtracted from their type.
    /// Types that are 0 are left out. Source: entities specification 2.3.
    pub fn related(&mut self, set: &EntitySet) -> Result<Vec<(EntityType, u64)>, StoreError> {
        if set.rows == Rows::Groups || set.is_empty() || self.queries == 0 {
            return Ok(Vec::new());
        }
        let members =
            self.scratch(&format!("SELECT DISTINCT ent FROM {} WHERE ent IS NOT NULL", set.table))?;
        let records = self.scratch(&format!(
            "WITH mine AS (SELECT DISTINCT s.rec FROM object o SEMI JOIN {members} m ON m.ent = o.ent
                           JOIN seen s ON s.obj = o.obj),
                  asked AS (SELECT DISTINCT query FROM query SEMI JOIN mine ON mine.rec = query.rec)
             SELECT DISTINCT rec FROM query SEMI JOIN asked ON asked.query = query.query"
        ))?;
        let counts = self.read(&format!(
            "SELECT type, count(*)::UINTEGER AS n FROM (
               SELECT DISTINCT s.type AS type, o.ent AS ent, s.rec AS rec FROM seen s
               SEMI JOIN {records} r ON r.rec = s.rec JOIN object o ON o.obj = s.obj)
             GROUP BY type ORDER BY type"
        ))?;
        let own = self.number(&format!("SELECT count(*) FROM {members}"))?;
        self.sweep()?;
        let mut out = Vec::new();
        for at in 0..counts.len() {
            let name = self.catalog.type_name(TypeId(counts.columns[0][at]));
            let mut count = u64::from(counts.columns[1][at]);
            if name == set.entity_type.as_str() {
                count = count.saturating_sub(own);
            }
            if count > 0 && !matches!(name, "identity" | "observed-data") {
                out.push((EntityType::new(name), count));
            }
        }
        out.sort();
        Ok(out)
    }

    /// Returns from when to when the entities of a set were seen; open if they have no records
    /// with times.
    pub fn span(&mut self, set: &EntitySet) -> Result<TimeWindow, StoreError> {
        let sightings = self.sightings(set)?;
        let mut bound = |function: &str| {
            self.read_number(&format!("SELECT {function} FROM {sightings} s JOIN record r ON r.rec = s.rec"))
        };
        let (first, last) = (bound("min(r.first)")?, bound("max(r.last)")?);
        self.drop_table(&sightings)?;
        Ok(match (first, last) {
            (Some(first), Some(last)) => {
                TimeWindow::new(Timestamp::from_micros(first), Timestamp::from_micros(last))
            }
            _ => TimeWindow::default(),
        })
    }

    /// Returns a table `(ent, rec)` of the distinct pairs of an entity of the set and a real
    /// record that shows it, among the records of the set's world. The table is kept.
    pub fn sightings(&mut self, set: &EntitySet) -> Result<String, StoreError> {
        let records = self.world_records(&set.world)?;
        let members =
            self.scratch(&format!("SELECT DISTINCT ent FROM {} WHERE ent IS NOT NULL", set.table))?;
        let (table, _) = self.keep(&format!(
            "SELECT DISTINCT o.ent AS ent, s.rec AS rec FROM object o SEMI JOIN {members} m ON m.ent = o.ent
             JOIN seen s ON s.obj = o.obj SEMI JOIN {records} w ON w.rec = s.rec
             JOIN record r ON r.rec = s.rec WHERE r.\"real\" = 1"
        ))?;
        self.sweep()?;
        Ok(table)
    }

    /// Returns the records that show entities of a set, with times, in the order of the
    /// records: `(pos of the entity, record)` by entity and record. For transformers.
    pub fn appearances(&mut self, set: &EntitySet) -> Result<Vec<(u32, u32)>, StoreError> {
        let sightings = self.sightings(set)?;
        let rows = self.read(&format!(
            "SELECT m.pos AS pos, s.rec AS rec FROM (SELECT ent, min(pos) AS pos FROM {} GROUP BY ent) m
             JOIN {sightings} s ON s.ent = m.ent ORDER BY s.rec, m.pos",
            set.table
        ))?;
        self.drop_table(&sightings)?;
        let [pos, rec] = rows.columns.as_slice() else { return Ok(Vec::new()) };
        Ok(pos.iter().copied().zip(rec.iter().copied()).filter(|(pos, _)| *pos != NO_CODE).collect())
    }
}
