//! Where the time of a run went: by operation, and by source that was read.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use kestrel_ir::{NodeId, Plan, text};
use serde_json::json;

/// What a run measured. Operations stand in the order in which they ran.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Operations.
    pub nodes: Vec<NodeTime>,
    /// Parts of sources that were taken in.
    pub parts: Vec<PartTime>,
    /// Putting the results together: counts and rows of variables.
    pub results: f64,
    /// The whole run.
    pub total: f64,
}

/// One operation. Times are wall time in seconds; the time of taking in sources is in the
/// operation that first needs them.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeTime {
    /// Its node.
    pub node: NodeId,
    /// When it started, from the start of the run.
    pub start: f64,
    /// How long it took.
    pub seconds: f64,
    /// Rows or records it gave.
    pub rows: Option<u64>,
    /// Statements the database ran for it.
    pub statements: u64,
    /// How long they took.
    pub database: f64,
    /// Rows it brought into the database.
    pub rows_in: u64,
}

/// One part of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct PartTime {
    /// Its name.
    pub part: String,
    /// When it began to be taken in, from the start of the run.
    pub start: f64,
    /// Until everything was taken in.
    pub seconds: f64,
    /// How long the reader was at work, which begins before.
    pub reading: f64,
    /// Records.
    pub records: u64,
    /// Bytes as stored; none if the reader does not say.
    pub bytes: Option<u64>,
    /// True if it came from the cache.
    pub cached: bool,
}

fn described(plan: &Plan, names: &BTreeMap<NodeId, String>, id: NodeId) -> String {
    let known = plan.get(id);
    known.map_or(String::new(), |node| format!("{}  {}", names[&id], text::summary(plan, names, node)))
}

impl Profile {
    /// Writes a table: sources first, then every operation with what it is.
    pub fn write(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        for part in &self.parts {
            let bytes = part.bytes.map_or(String::new(), |bytes| {
                let rate = bytes as f64 / part.seconds.max(1e-9) / 1e6;
                format!(", {:.1} MB, {rate:.0} MB/s", bytes as f64 / 1e6)
            });
            let from = if part.cached { " from the cache" } else { "" };
            writeln!(
                out,
                "source {}: {:.3} s{from}, {} records{bytes}",
                text::visible(&part.part),
                part.seconds,
                part.records
            )?;
        }
        writeln!(
            out,
            "{:>9} {:>6} {:>9} {:>5} {:>9}  operation",
            "seconds", "share", "rows", "sql", "rows in"
        )?;
        let names = text::names(plan);
        for node in &self.nodes {
            let share = 100.0 * node.seconds / self.total.max(1e-9);
            let rows = node.rows.map_or(String::new(), |rows| rows.to_string());
            let what = described(plan, &names, node.node);
            writeln!(
                out,
                "{:>9.4} {share:>5.1}% {rows:>9} {:>5} {:>9}  {what}",
                node.seconds, node.statements, node.rows_in
            )?;
        }
        let share = 100.0 * self.results / self.total.max(1e-9);
        writeln!(out, "{:>9.4} {share:>5.1}% {:>9} {:>5} {:>9}  results", self.results, "", "", "")?;
        writeln!(out, "{:>9.4}  total", self.total)
    }

    /// Writes the events of a trace for `chrome://tracing` and Perfetto, as one JSON document.
    pub fn write_trace(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let micros = |seconds: f64| (seconds * 1e6).round();
        let mut events = vec![
            json!({"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": {"name": "operations"}}),
            json!({"ph": "M", "pid": 1, "tid": 2, "name": "thread_name", "args": {"name": "sources"}}),
        ];
        let names = text::names(plan);
        for node in &self.nodes {
            let name = plan.get(node.node).map_or("operation", |known| known.op.name());
            let what = described(plan, &names, node.node);
            events.push(json!({
                "ph": "X", "pid": 1, "tid": 1, "cat": "operation", "name": name,
                "ts": micros(node.start), "dur": micros(node.seconds),
                "args": {
                    "node": what, "rows": node.rows, "statements": node.statements,
                    "database_seconds": node.database, "rows_in": node.rows_in,
                },
            }));
        }
        for part in &self.parts {
            events.push(json!({
                "ph": "X", "pid": 1, "tid": 2, "cat": "source", "name": part.part,
                "ts": micros(part.start), "dur": micros(part.seconds),
                "args": {
                    "records": part.records, "bytes": part.bytes, "cached": part.cached,
                    "reading_seconds": part.reading,
                },
            }));
        }
        serde_json::to_writer(&mut *out, &json!({"traceEvents": events, "displayTimeUnit": "ms"}))?;
        writeln!(out)
    }
}
