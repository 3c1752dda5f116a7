//! The review of a plan as JSON: the interchange form of the plan, which `kestrel-run` reads, with
//! `summary` in front of the nodes and, when asked for, `queries` behind them.
//!
//! The schema is `docs/schemas/plan.schema.json`; fields are added, never changed.

use kestrel_ir::{Plan, Rows, wire};
use kestrel_stix::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    effects::{Ask, Effects, FileUse, Reach, SourceUse},
    extent::Extent,
    places::Places,
    queries::Asked,
};

/// Why the document cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The plan cannot be written.
    #[error(transparent)]
    Plan(#[from] wire::WriteError),
    /// It cannot be put together.
    #[error("the document cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Returns the document, indented, with a final line break.
pub fn document(plan: &Plan, queries: Option<&[Asked]>) -> Result<String, JsonError> {
    let places = Places::of(plan);
    let written: Map<String, Value> = serde_json::from_str(&wire::to_json(plan)?)?;
    let mut document = Map::new();
    for (key, value) in written {
        // People read from the top; the texts and nodes are long.
        if key == "sources" {
            document.insert("summary".to_owned(), summary(plan, &Effects::of(plan), &places));
        }
        document.insert(key, value);
    }
    if let Some(queries) = queries {
        document.insert("queries".to_owned(), queries.iter().map(|asked| query(asked, &places)).collect());
    }
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

/// Returns the effects as JSON. Nodes are named by id and by the label of the plan's text.
pub fn summary(plan: &Plan, effects: &Effects, places: &Places) -> Value {
    let node = |id: kestrel_ir::NodeId| {
        let line = plan.get(id).and_then(|node| places.line(plan, node.origin.span));
        json!({"id": id.to_string(), "label": places.label(id), "line": line})
    };
    let nodes = |ids: &[kestrel_ir::NodeId]| -> Value { ids.iter().map(|id| node(*id)).collect() };
    let source = |source: &SourceUse| {
        let (kind, host) = reach(&source.reach);
        json!({
            "address": source.address(), "scheme": source.scheme, "target": source.target,
            "kind": kind, "host": host, "network": source.is_remote(),
            "queries": source.nodes.len(), "time_range": extent(source.extent), "nodes": nodes(&source.nodes),
        })
    };
    let file = |file: &FileUse| json!({"path": file.path, "node": node(file.node)});
    let ask = |ask: &Ask| json!({"node": node(ask.node), "time_range": extent(ask.extent)});
    let mut hosts: Vec<&str> = effects.sources.iter().filter_map(|source| reach(&source.reach).1).collect();
    hosts.sort_unstable();
    hosts.dedup();
    json!({
        "sources": effects.sources.iter().map(source).collect::<Value>(),
        "network": {
            "used": effects.sources.iter().any(SourceUse::is_remote),
            "hosts": hosts,
        },
        "queries": {
            "at_most": effects.queries(),
            "searches": effects.asks.iter().filter(|ask| !ask.follow_up).map(|ask| ask.queries).sum::<usize>(),
            "follow_ups": effects.asks.iter().filter(|ask| ask.follow_up).map(|ask| ask.queries).sum::<usize>(),
            "over_network": effects.queries_over_network(),
        },
        "time_range": {
            "widest": effects.widest().map(ask),
            "unbounded": effects.unbounded().map(|ask| node(ask.node)).collect::<Value>(),
            "inferred": effects.asks.iter().filter(|ask| ask.inferred).map(|ask| node(ask.node)).collect::<Value>(),
        },
        "code": effects.code.iter().map(|code| json!({
            "analytic": code.analytic, "identity": code.identity, "pinned": code.identity.is_some(),
            "arguments": code.arguments, "node": node(code.node),
        })).collect::<Value>(),
        "files_written": effects.writes.iter().map(file).collect::<Value>(),
        "files_read": effects.reads.iter().map(file).collect::<Value>(),
        "secrets": effects.profiles().map(|source| json!({
            "profile": source.target, "used_by": source.address(), "nodes": nodes(&source.nodes),
        })).collect::<Value>(),
        "keeps": {
            "variables": effects.variables.iter().map(|kept| json!({
                "name": kept.name,
                "type": kept.entity_type.as_ref().map(kestrel_stix::EntityType::as_str),
                "rows": kept.rows.map(rows),
                "node": node(kept.node),
            })).collect::<Value>(),
            "displays": effects.displays.len(),
        },
    })
}

fn rows(rows: Rows) -> &'static str {
    match rows {
        Rows::Entities => "entities",
        Rows::Appearances => "appearances",
        Rows::Groups => "groups",
    }
}

fn reach(reach: &Reach) -> (&'static str, Option<&str>) {
    match reach {
        Reach::File => ("file", None),
        Reach::Web(host) => ("web", Some(host.as_str())),
        Reach::Profile => ("profile", None),
        Reach::Unknown => ("unknown", None),
    }
}

/// Returns an extent as JSON.
pub fn extent(extent: Extent) -> Value {
    let seconds = extent.seconds();
    let (kind, start, stop) = match extent {
        Extent::Nothing => ("nothing", None, None),
        Extent::Fixed { start, stop } => ("fixed", Some(start), Some(stop)),
        Extent::Last { .. } => ("last", None, None),
        Extent::Unbounded => ("unbounded", None, None),
    };
    let text = |at: Option<Timestamp>| at.map(Timestamp::millis_text);
    json!({"kind": kind, "start": text(start), "stop": text(stop), "seconds": seconds})
}

fn query(asked: &Asked, places: &Places) -> Value {
    let alternatives = asked.alternatives.iter().map(|alternative| {
        json!({
            "by": alternative.by.as_ref().map(ToString::to_string),
            "queries": alternative.queries.iter().map(|query| json!({
                "target": query.target, "language": query.language, "text": query.text,
            })).collect::<Value>(),
            "terms": alternative.terms,
            "source_filters_time_range": alternative.filters_window,
            "source_limits": alternative.limits,
        })
    });
    json!({
        "node": {"id": asked.node.to_string(), "label": places.label(asked.node)},
        "source": asked.source,
        "alternatives": alternatives.collect::<Value>(),
        "time_range": asked.window,
        "not_asked_if": asked.unless,
        "never_asked": asked.never,
        "problem": asked.problem,
    })
}
