//! Which of the processes that come back under a number are the ones that were asked about.
//!
//! A candidate is the same process as a known sighting when it is near enough in time for what
//! else agrees. The windows around all known sightings with one key are united first; they do
//! not overlap then, so that each candidate needs to be compared with one of them only.
//! Source: entities specification 3.6.

use kestrel_ir::op::SameProcess;
use kestrel_stix::record::ValueRef;

use super::{EntitySet, Store, StoreError};

/// One row of the table of rules: what must agree, and the seconds before and after.
struct Rule {
    keys: &'static [&'static str],
    time: &'static str,
    window: (i64, i64),
}

fn rules(offsets: SameProcess) -> [Rule; 5] {
    [
        Rule { keys: &["pid", "name", "ppid"], time: "first", window: offsets.name_and_parent },
        Rule { keys: &["pid", "name"], time: "first", window: offsets.name },
        Rule { keys: &["pid", "ppid"], time: "first", window: offsets.parent },
        Rule { keys: &["pid"], time: "first", window: offsets.number_only },
        Rule { keys: &["pid"], time: "last", window: offsets.number_only },
    ]
}

/// Windows wider than 30,000 years are as good as that.
const WIDEST: i64 = 1_000_000_000_000;

impl Store {
    /// Returns a query for the entities `(ent)` among the hits `(rec, obj)` that are the same
    /// processes as the known ones, directly or over one other hit.
    pub(super) fn same_processes(
        &mut self,
        known: &EntitySet,
        hits: &str,
        offsets: SameProcess,
    ) -> Result<String, StoreError> {
        let records = self.world_records(&known.world)?;
        let members =
            self.scratch(&format!("SELECT DISTINCT ent FROM {} WHERE ent IS NOT NULL", known.table))?;
        let local = format!(
            "(SELECT s.rec AS rec, s.obj AS obj FROM object o SEMI JOIN {members} m ON m.ent = o.ent
              JOIN seen s ON s.obj = o.obj SEMI JOIN {records} w ON w.rec = s.rec)"
        );
        let local = self.sightings_of_processes(&local)?;
        let candidates = self.sightings_of_processes(hits)?;
        let anchors = self.near(&local, &candidates, offsets)?;
        let result = self.near(&anchors, &candidates, offsets)?;
        Ok(format!("SELECT DISTINCT ent FROM {result}"))
    }

    /// Returns a table of what the rules compare: `n`, `ent`, `pid`, `name`, `ppid`, `first`,
    /// `last`; zero numbers and empty names are null.
    fn sightings_of_processes(&mut self, appearances: &str) -> Result<String, StoreError> {
        let none = "SELECT 0::UINTEGER AS n, 0::UINTEGER AS ent, 0::UINTEGER AS pid, 0::UINTEGER AS name,
                    0::UINTEGER AS ppid, 0::BIGINT AS first, 0::BIGINT AS last WHERE false";
        let Some(process) = self.stored_type("process") else { return self.scratch(none) };
        let column = |name: &str| {
            let found = self.catalog.resolve(process, name);
            found
                .into_iter()
                .find(|column| !self.catalog.is_narrow(*column))
                .map(|column| self.catalog.sql(column))
        };
        let (Some(pid), name) = (column("pid"), column("name")) else { return self.scratch(none) };
        let parents = self.catalog.references(process, "parent_ref");
        let parent = parents.into_iter().find(|column| {
            self.catalog.kind(*column) == super::ColumnKind::Reference && !self.catalog.is_narrow(*column)
        });
        let without = |code: Option<u32>, value: String| match code {
            Some(code) => format!("nullif({value}, {code})"),
            None => value,
        };
        let zero = self.dictionary.lookup(&ValueRef::Int(0));
        let empty = self.dictionary.lookup(&ValueRef::Text("".into()));
        let table = self.catalog.table(process);
        let (parent_join, ppid) = match parent {
            Some(parent) => (
                format!("LEFT JOIN {table} p ON p.obj = o.{}", self.catalog.sql(parent)),
                without(zero, format!("p.{pid}")),
            ),
            None => (String::new(), "NULL::UINTEGER".to_owned()),
        };
        let name = name.map_or("NULL::UINTEGER".to_owned(), |name| without(empty, format!("o.{name}")));
        self.scratch(&format!(
            "SELECT row_number() OVER ()::UINTEGER AS n, * FROM (
               SELECT DISTINCT o.ent AS ent, {} AS pid, {name} AS name, {ppid} AS ppid, r.first AS first, r.last AS last
               FROM {appearances} a JOIN {table} o ON o.obj = a.obj JOIN record r ON r.rec = a.rec {parent_join})",
            without(zero, format!("o.{pid}"))
        ))
    }

    /// Returns the rows of `candidates` that are the same process as some row of `known`.
    fn near(&mut self, known: &str, candidates: &str, offsets: SameProcess) -> Result<String, StoreError> {
        let mut parts = Vec::new();
        for Rule { keys, time, window: (begin, end) } in rules(offsets) {
            let columns = keys.join(", ");
            let present: String = keys.iter().map(|key| format!("{key} IS NOT NULL AND ")).collect();
            let micros = |seconds: i64| seconds.clamp(-WIDEST, WIDEST) * 1_000_000;
            let equal: Vec<String> = keys.iter().map(|key| format!("c.{key} = i.{key}")).collect();
            let windows = self.scratch(&format!(
                "WITH w AS (SELECT DISTINCT {columns}, first + ({}) AS lo, last + ({}) AS hi FROM {known}
                            WHERE {present}first IS NOT NULL AND last IS NOT NULL),
                      b AS (SELECT *, max(hi) OVER (PARTITION BY {columns} ORDER BY lo, hi
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM w WHERE lo < hi),
                      i AS (SELECT *, sum(CASE WHEN before IS NULL OR lo >= before THEN 1 ELSE 0 END)
                                    OVER (PARTITION BY {columns} ORDER BY lo, hi
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS part FROM b)
                 SELECT {columns}, min(lo) AS lo, max(hi) AS hi FROM i GROUP BY {columns}, part",
                micros(begin),
                micros(end)
            ))?;
            parts.push(format!(
                "SELECT c.n FROM {candidates} c ASOF JOIN {windows} i ON {} AND c.{time} > i.lo WHERE c.{time} < i.hi",
                equal.join(" AND ")
            ));
        }
        self.scratch(&format!("SELECT * FROM {candidates} WHERE n IN ({})", parts.join(" UNION ALL ")))
    }
}
