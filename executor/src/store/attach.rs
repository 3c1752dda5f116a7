//! Processes without unique id join the one process with unique id that fits.
//!
//! Windows reports one process both with a unique id (Sysmon) and without (Security log). A
//! sighting without joins the entity with unique id if exactly one has the same number, the
//! same name (whatever its case), the same host where both have one, and was seen around that
//! time. Looked for within one source, so that what a source gives does not depend on others.
//! Source: entities specification 3.4.

use std::collections::HashMap;

use ahash::RandomState;
use kestrel_stix::{Value, record::ValueRef};

use super::{ColumnId, Store, StoreError, TypeId};

/// Microseconds around the sightings of an entity with unique id.
const AROUND: i64 = 3_600_000_000;

impl Store {
    /// Applies the rule to the records from `first_record` on.
    pub(super) fn attach(&mut self, first_record: u32) -> Result<(), StoreError> {
        let Some(process) = self.stored_type("process") else { return Ok(()) };
        let (Some(unique), Some(pid), Some(name)) = (
            self.wide_column(process, "x_unique_id"),
            self.wide_column(process, "pid"),
            self.wide_column(process, "name"),
        ) else {
            return Ok(());
        };
        let table = self.type_table(process)?;
        let unique = match self.dictionary.lookup(&ValueRef::Text("".into())) {
            Some(empty) => format!("nullif(o.{unique}, {empty})"),
            None => format!("o.{unique}"),
        };
        let without = self.read_number(&format!("SELECT count(*) FROM {table} o WHERE {unique} IS NULL"))?;
        if without == Some(0) {
            return Ok(());
        }
        // An empty name says nothing, as in the test for the same process.
        let lower = self.mapped(&table, &name, |value| {
            value.as_text().filter(|text| !text.is_empty()).map(|text| Value::Text(text.to_lowercase()))
        })?;
        self.scratch.push(lower.clone());
        let hosts = self.hosts(first_record)?;
        let seen = self.scratch(&format!(
            "SELECT o.ent AS ent, {unique} IS NOT NULL AS known, o.{pid} AS pid, l.v AS name, h.host AS host,
                    r.first AS first, r.last AS last
             FROM seen s JOIN {table} o ON o.obj = s.obj JOIN record r ON r.rec = s.rec
             LEFT JOIN {lower} l ON l.c = o.{name} LEFT JOIN {hosts} h ON h.rec = s.rec
             WHERE s.rec >= {first_record}"
        ))?;
        let spans = self.scratch(&format!(
            "SELECT ent, min(first) - {AROUND} AS lo, max(last) + {AROUND} AS hi FROM {seen} WHERE known GROUP BY ent"
        ))?;
        // A host is one of the entity's, whichever sighting shows it; null if none does.
        let keys = self.scratch(&format!(
            "SELECT DISTINCT k.ent, k.pid, k.name, g.host, p.lo, p.hi FROM {seen} k JOIN {spans} p ON p.ent = k.ent
             LEFT JOIN (SELECT DISTINCT ent, host FROM {seen} WHERE known AND host IS NOT NULL) g ON g.ent = k.ent
             WHERE k.known AND k.pid IS NOT NULL AND k.name IS NOT NULL"
        ))?;
        let loose = self.scratch(&format!(
            "SELECT DISTINCT ent, pid, name, host, first FROM {seen} WHERE NOT known AND pid IS NOT NULL
             AND name IS NOT NULL AND first IS NOT NULL AND ent NOT IN (SELECT ent FROM {spans})"
        ))?;
        // Hosts are equal or unknown on either side: three joins that each have exact keys.
        let fit = |host: &str| {
            format!(
                "SELECT n.ent AS old, k.ent AS new FROM {loose} n JOIN {keys} k
                 ON k.pid = n.pid AND k.name = n.name AND {host} WHERE n.first BETWEEN k.lo AND k.hi"
            )
        };
        let fits =
            [fit("k.host = n.host"), fit("k.host IS NULL"), fit("n.host IS NULL AND k.host IS NOT NULL")];
        let joined = self.scratch(&format!(
            "SELECT old, min(new) AS new FROM ({}) GROUP BY old HAVING min(new) = max(new)",
            fits.join(" UNION ALL ")
        ))?;
        self.unite(&joined, &table)?;
        self.sweep()
    }

    /// Makes entities `old` the entities `new`, wherever they are used.
    fn unite(&mut self, joined: &str, table: &str) -> Result<(), StoreError> {
        let pairs = self.read(&format!("SELECT old, new FROM {joined} ORDER BY old"))?;
        if pairs.is_empty() {
            return Ok(());
        }
        let replaced: HashMap<u32, u32, RandomState> =
            (0..pairs.len()).map(|at| (pairs.columns[0][at], pairs.columns[1][at])).collect();
        for entity in &mut self.archive.entities {
            *entity = replaced.get(entity).copied().unwrap_or(*entity);
        }
        self.aliases.extend(replaced);
        self.shown.clear();
        // Variables made before keep their rows, under the entity that is known now.
        let sets = self.sets.clone();
        for changed in ["object", table].into_iter().chain(sets.iter().map(String::as_str)) {
            self.execute(&format!(
                "UPDATE {changed} SET ent = j.new FROM {joined} j WHERE {changed}.ent = j.old"
            ))?;
        }
        self.forget_all_merged();
        Ok(())
    }

    /// Returns a table `(rec, host)`: `host_id` of the first asset that has one, else
    /// `hostname`.
    fn hosts(&mut self, first_record: u32) -> Result<String, StoreError> {
        let asset = self.stored_type("x-oca-asset");
        let columns: Vec<String> = match asset {
            Some(asset) => {
                ["host_id", "hostname"].iter().filter_map(|name| self.wide_column(asset, name)).collect()
            }
            None => Vec::new(),
        };
        let (Some(asset), false) = (asset, columns.is_empty()) else {
            return self.scratch("SELECT 0::UINTEGER AS rec, 0::UINTEGER AS host WHERE false");
        };
        let assets = self.type_table(asset)?;
        let firsts: Vec<String> =
            columns.iter().map(|column| format!("arg_min(o.{column}, s.ord)")).collect();
        self.scratch(&format!(
            "SELECT s.rec AS rec, coalesce({}) AS host FROM seen s JOIN {assets} o ON o.obj = s.obj
             WHERE s.rec >= {first_record} GROUP BY s.rec",
            firsts.join(", ")
        ))
    }

    /// Returns the column of the type's table that holds an attribute.
    fn wide_column(&self, entity_type: TypeId, name: &str) -> Option<String> {
        let found: Vec<ColumnId> = self.catalog.resolve(entity_type, name);
        found
            .into_iter()
            .find(|column| !self.catalog.is_narrow(*column))
            .map(|column| self.catalog.sql(column))
    }
}
