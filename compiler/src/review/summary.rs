//! The effects of a plan in the lines that a reviewer reads first.
//!
//! Every row is always there: what a hunt does not do is said as well.

use std::{collections::BTreeMap, fmt::Write};

use kestrel_ir::{NodeId, Plan, text::visible};

use super::{
    effects::{Ask, Effects, Kept, Reach, SourceUse},
    extent::duration,
    places::Places,
};

/// One question of a reviewer and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is about: `sources`, `code` …
    pub title: &'static str,
    /// The answer; empty means none.
    pub items: Vec<Item>,
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// For people; control characters are visible.
    pub text: String,
    /// The nodes it is about.
    pub nodes: Vec<NodeId>,
    /// Worth a second look: code, unbounded ranges, written files, credentials.
    pub loud: bool,
}

/// Lines of one row that the text shows; the JSON form has all.
const SHOWN: usize = 20;

/// Returns all rows, in the order of reading.
pub fn rows(plan: &Plan, effects: &Effects, places: &Places) -> Vec<Row> {
    vec![
        Row {
            title: "sources",
            items: effects.sources.iter().map(|source| item_of(source, places)).collect(),
        },
        Row { title: "network", items: network(effects) },
        Row { title: "queries", items: queries(effects) },
        Row { title: "time range", items: time(plan, effects, places) },
        Row { title: "code", items: code(plan, effects, places) },
        Row { title: "writes", items: files(plan, &effects.writes, places, true) },
        Row { title: "reads", items: reads(plan, effects, places) },
        Row { title: "secrets", items: secrets(effects) },
        Row { title: "keeps", items: keeps(effects) },
    ]
}

/// Returns the summary as text: a title, then one row a line, further items below.
pub fn text(plan: &Plan, effects: &Effects, places: &Places) -> String {
    let mut out = String::new();
    for row in rows(plan, effects, places) {
        let mut title = row.title;
        if row.items.is_empty() {
            let _ = writeln!(out, "  {title:<12}none");
        }
        for item in row.items.iter().take(SHOWN) {
            let _ = writeln!(out, "{} {title:<12}{}", if item.loud { '!' } else { ' ' }, item.text);
            title = "";
        }
        if row.items.len() > SHOWN {
            let left = row.items.len() - SHOWN;
            let loud = row.items.iter().skip(SHOWN).any(|item| item.loud);
            let mark = if loud { '!' } else { ' ' };
            let _ = writeln!(out, "{mark} {title:<12}… and {left} more, all of them in `--format json`");
        }
    }
    out
}

fn item(text: String, nodes: Vec<NodeId>, loud: bool) -> Item {
    Item { text, nodes, loud }
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn item_of(source: &SourceUse, places: &Places) -> Item {
    let kind = match &source.reach {
        Reach::File => "file".to_owned(),
        Reach::Web(host) => format!("web, host {host}"),
        Reach::Profile => "profile".to_owned(),
        Reach::Unknown => "unknown kind".to_owned(),
    };
    let text = format!(
        "{} ({kind}): {}, {} at {}",
        visible(&source.address()),
        source.extent,
        count(source.nodes.len(), "query", "queries"),
        labels(&source.nodes, places),
    );
    item(text, source.nodes.clone(), matches!(source.reach, Reach::Unknown))
}

fn labels(nodes: &[NodeId], places: &Places) -> String {
    let shown: Vec<_> = nodes.iter().take(8).map(|id| places.label(*id)).collect();
    match nodes.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        left => format!("{} and {left} more", shown.join(", ")),
    }
}

fn network(effects: &Effects) -> Vec<Item> {
    let mut hosts: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    for source in &effects.sources {
        let name = match &source.reach {
            Reach::File => continue,
            Reach::Web(host) => format!("host {host}"),
            Reach::Profile => format!("what profile {} is configured for", visible(&source.target)),
            Reach::Unknown => format!("perhaps: {} cannot be read", visible(&source.target)),
        };
        hosts.entry(name).or_default().extend(&source.nodes);
    }
    hosts.into_iter().map(|(text, nodes)| item(text, nodes, true)).collect()
}

fn queries(effects: &Effects) -> Vec<Item> {
    if effects.asks.is_empty() {
        return Vec::new();
    }
    let number = |follow_up: bool| {
        effects.asks.iter().filter(|ask| ask.follow_up == follow_up).map(|ask| ask.queries).sum::<usize>()
    };
    let remote = effects.queries_over_network();
    let text = format!(
        "at most {}: {}, {} about what was found; {} over the network",
        effects.queries(),
        count(number(false), "search", "searches"),
        number(true),
        if remote == 0 { "none".to_owned() } else { remote.to_string() },
    );
    vec![item(text, effects.asks.iter().map(|ask| ask.node).collect(), false)]
}

fn time(plan: &Plan, effects: &Effects, places: &Places) -> Vec<Item> {
    let mut items = Vec::new();
    let unbounded: Vec<NodeId> = effects.unbounded().map(|ask| ask.node).collect();
    if let Some(first) = unbounded.first() {
        let more = match unbounded.len() - 1 {
            0 => String::new(),
            left => format!(" and {left} more: {}", labels(&unbounded[1..], places)),
        };
        items.push(item(format!("unbounded at {}{more}", places.at(plan, *first)), unbounded.clone(), true));
    }
    if let Some(widest) = effects.widest() {
        let length = widest.extent.seconds().map(duration).unwrap_or_default();
        let about = if widest.inferred { "about " } else { "" };
        let which = if unbounded.is_empty() { "widest" } else { "widest of the others" };
        items.push(item(
            format!("{which} {about}{length} at {}", places.at(plan, widest.node)),
            vec![widest.node],
            false,
        ));
    }
    let inferred: Vec<NodeId> =
        effects.asks.iter().filter(|ask| ask.inferred).map(|ask: &Ask| ask.node).collect();
    if !inferred.is_empty() {
        let text = format!("inferred from what was found at {}", labels(&inferred, places));
        items.push(item(text, inferred, false));
    }
    items
}

fn code(plan: &Plan, effects: &Effects, places: &Places) -> Vec<Item> {
    let items = effects.code.iter().map(|code| {
        let identity = match &code.identity {
            Some(identity) => format!("pinned to {}", visible(identity)),
            None => "not pinned: whatever is configured under this name".to_owned(),
        };
        let with = match code.arguments.as_slice() {
            [] => String::new(),
            arguments => format!(" with {}", arguments.join("; ")),
        };
        let text = format!(
            "{}{} at {}; {identity}",
            visible(&code.analytic),
            super::escape::shorten(&with, 200),
            places.at(plan, code.node),
        );
        item(text, vec![code.node], true)
    });
    items.collect()
}

fn files(plan: &Plan, files: &[super::effects::FileUse], places: &Places, loud: bool) -> Vec<Item> {
    let text =
        |file: &super::effects::FileUse| format!("{} at {}", visible(&file.path), places.at(plan, file.node));
    files.iter().map(|file| item(text(file), vec![file.node], loud)).collect()
}

fn reads(plan: &Plan, effects: &Effects, places: &Places) -> Vec<Item> {
    let mut items = files(plan, &effects.reads, places, false);
    for source in effects.sources.iter().filter(|source| source.reach == Reach::File) {
        items.push(item(format!("{} as data source", visible(&source.target)), source.nodes.clone(), false));
    }
    items
}

fn secrets(effects: &Effects) -> Vec<Item> {
    let text = |source: &SourceUse| format!("credentials of profile {}", visible(&source.target));
    effects.profiles().map(|source| item(text(source), source.nodes.clone(), true)).collect()
}

fn keeps(effects: &Effects) -> Vec<Item> {
    if effects.variables.is_empty() && effects.displays.is_empty() {
        return Vec::new();
    }
    let name = |kept: &Kept| match &kept.entity_type {
        Some(entity_type) => format!("{} ({})", visible(&kept.name), visible(entity_type.as_str())),
        None => visible(&kept.name),
    };
    let mut names: Vec<_> = effects.variables.iter().take(SHOWN).map(name).collect();
    if effects.variables.len() > SHOWN {
        names.push(format!("… {} more", effects.variables.len() - SHOWN));
    }
    let variables = match names.as_slice() {
        [] => "no variable".to_owned(),
        names => format!("{}: {}", count(effects.variables.len(), "variable", "variables"), names.join(", ")),
    };
    let shown = count(effects.displays.len(), "display", "displays");
    let nodes = effects.variables.iter().map(|kept| kept.node).collect();
    vec![item(format!("{variables}; shows {shown}"), nodes, false)]
}
