//! What a hunt does to the world: whom it asks, what it runs, reads, writes and keeps.

use std::collections::HashMap;

use kestrel_connectors::address::{Address, Part};
use kestrel_ir::{
    NodeId, Op, Plan, Rows,
    op::{Apply, Argument, Expand, Window},
    secrets, text,
};
use kestrel_stix::EntityType;

use super::{
    extent::{Extent, Extents},
    host::Host,
};

/// Everything a plan does that somebody outside it can notice, in plan order.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// The data sources, each part of an address once.
    pub sources: Vec<SourceUse>,
    /// Every node that asks a source.
    pub asks: Vec<Ask>,
    /// The foreign code that runs.
    pub code: Vec<CodeUse>,
    /// Files of `LOAD`.
    pub reads: Vec<FileUse>,
    /// Files of `SAVE`.
    pub writes: Vec<FileUse>,
    /// The variables that are part of the result: the latest version of each.
    pub variables: Vec<Kept>,
    /// The sinks that show something.
    pub displays: Vec<NodeId>,
}

/// One part of an address: a file, a web address, a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUse {
    /// The scheme of the whole address, in lower case.
    pub scheme: String,
    /// The part.
    pub target: String,
    /// How it is reached.
    pub reach: Reach,
    /// The nodes that ask it.
    pub nodes: Vec<NodeId>,
    /// The time that all of them together ask for.
    pub extent: Extent,
}

/// How a data source is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// A file of this machine.
    File,
    /// A server.
    Web(Host),
    /// A configured profile: over the network, with its credentials.
    Profile,
    /// The address cannot be read.
    Unknown,
}

/// A node that asks a data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The node.
    pub node: NodeId,
    /// Asks about entities that were found, rather than searching for new ones.
    pub follow_up: bool,
    /// Queries it sends at most: one to each part of the address.
    pub queries: usize,
    /// How many of them leave this machine.
    pub over_network: usize,
    /// The time it asks for.
    pub extent: Extent,
    /// The range is not written but follows what was found.
    pub inferred: bool,
}

/// An analytic that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeUse {
    /// Its address.
    pub analytic: String,
    /// What identifies the code: recorded in the plan, or the digest in the address.
    pub identity: Option<String>,
    /// The arguments, as a huntflow writes them.
    pub arguments: Vec<String>,
    /// The same without names of variables: `ports = ….value`.
    pub nameless: Vec<String>,
    /// The node.
    pub node: NodeId,
}

/// A file that is read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUse {
    /// As written; `$NAME` and `~` are resolved when the hunt runs.
    pub path: String,
    /// The node.
    pub node: NodeId,
}

/// A variable of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Its type, where known.
    pub entity_type: Option<EntityType>,
    /// What a row is.
    pub rows: Option<Rows>,
    /// The node that binds it.
    pub node: NodeId,
}

impl SourceUse {
    /// Returns true if asking it leaves this machine; an address that cannot be read might.
    pub fn is_remote(&self) -> bool {
        self.reach != Reach::File
    }

    /// Returns the part as an address of its own.
    pub fn address(&self) -> String {
        match &self.reach {
            Reach::Web(_) | Reach::Unknown => self.target.clone(),
            Reach::File | Reach::Profile => format!("{}://{}", self.scheme, self.target),
        }
    }
}

impl CodeUse {
    /// `name` gives the variables that arguments refer to, by reference input.
    fn of(apply: &Apply, node: NodeId, name: impl Fn(u32) -> String) -> CodeUse {
        let texts = |name: &dyn Fn(u32) -> String| -> Vec<String> {
            let text = |(key, parts): &(String, Vec<Argument>)| {
                let parts: Vec<_> = parts
                    .iter()
                    .map(|part| match part {
                        Argument::Value(value) if secrets::is_secret(key, value) => {
                            secrets::REDACTED.to_owned()
                        }
                        Argument::Value(value) => text::literal_text(value),
                        Argument::Reference { input, path } => format!("{}.{path}", name(*input)),
                    })
                    .collect();
                format!("{} = {}", text::visible(key), parts.join(", "))
            };
            apply.arguments.iter().map(text).collect()
        };
        CodeUse {
            analytic: apply.analytic.clone(),
            identity: apply.identity.clone().or_else(|| digest(&apply.analytic)),
            arguments: texts(&name),
            nameless: texts(&|_| "…".to_owned()),
            node,
        }
    }
}

/// Returns true if an expansion has nothing to ask for but what the search asked for already.
pub fn never_asks(expand: &Expand) -> bool {
    let Some(done) = &expand.unless else { return false };
    expand.id_attributes.iter().all(|attribute| attribute == done)
}

/// Returns the digest that an address pins an image to: `docker://name@sha256:…`.
fn digest(analytic: &str) -> Option<String> {
    let (_, digest) = analytic.rsplit_once('@')?;
    let hex = digest.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| digest.to_ascii_lowercase())
}

impl Effects {
    /// Finds the effects of a plan; takes time in proportion to its size.
    pub fn of(plan: &Plan) -> Effects {
        let extents = Extents::of(plan);
        let mut effects = Effects::default();
        let mut known: HashMap<(String, String), usize> = HashMap::new();
        // What values are called, by the latest name so far.
        let mut bound: HashMap<NodeId, &str> = HashMap::new();
        let mut latest: HashMap<String, Kept> = HashMap::new();
        for node in plan.nodes() {
            match &node.op {
                Op::Fetch(fetch) => {
                    effects.ask(node.id, &fetch.source, &fetch.window, extents.asked(node.id), &mut known);
                }
                Op::Expand(expand) if never_asks(expand) => {}
                Op::Expand(expand) => {
                    effects.ask(node.id, &expand.source, &expand.window, extents.asked(node.id), &mut known);
                    effects.asks.last_mut().into_iter().for_each(|ask| ask.follow_up = true);
                }
                Op::Apply(apply) => {
                    let references = plan.references(node.id);
                    let name = |input: u32| {
                        let id = references.get(input as usize);
                        id.and_then(|id| bound.get(id)).map_or("?".to_owned(), |name| text::visible(name))
                    };
                    effects.code.push(CodeUse::of(apply, node.id, name));
                }
                Op::Load(load) => {
                    effects.reads.push(FileUse { path: load.path.clone(), node: node.id });
                }
                Op::Save { path } => effects.writes.push(FileUse { path: path.clone(), node: node.id }),
                Op::Bind(bind) => {
                    bound.extend(plan.inputs(node.id).first().map(|input| (*input, bind.variable.as_str())));
                    let shape =
                        plan.inputs(node.id).first().and_then(|input| plan.get(*input)?.shape.as_ref());
                    let kept = Kept {
                        name: bind.variable.clone(),
                        entity_type: shape.and_then(|shape| shape.entity_type.clone()),
                        rows: shape.map(|shape| shape.rows),
                        node: node.id,
                    };
                    latest.insert(bind.variable.clone(), kept);
                }
                Op::Display { .. } | Op::Info(_) | Op::Describe { .. } | Op::Explain { .. } => {
                    effects.displays.push(node.id);
                }
                _ => {}
            }
        }
        effects.variables =
            plan.variables().into_iter().filter_map(|node| latest_of(&mut latest, &node.op)).collect();
        effects
    }

    fn ask(
        &mut self,
        node: NodeId,
        source: &str,
        window: &Window,
        extent: Extent,
        known: &mut HashMap<(String, String), usize>,
    ) {
        let parts = parts(source);
        self.asks.push(Ask {
            node,
            follow_up: false,
            queries: parts.len(),
            over_network: parts.iter().filter(|(_, _, reach)| *reach != Reach::File).count(),
            extent,
            inferred: matches!(window, Window::SpanOf { .. }),
        });
        for (scheme, target, reach) in parts {
            let at = *known.entry((scheme.clone(), target.clone())).or_insert(self.sources.len());
            match self.sources.get_mut(at) {
                Some(source) => {
                    source.extent = source.extent.union(extent);
                    if source.nodes.last() != Some(&node) {
                        source.nodes.push(node);
                    }
                }
                None => self.sources.push(SourceUse { scheme, target, reach, nodes: vec![node], extent }),
            }
        }
    }

    /// Returns how many queries are sent at most.
    pub fn queries(&self) -> usize {
        self.asks.iter().map(|ask| ask.queries).sum()
    }

    /// Returns how many of them leave this machine.
    pub fn queries_over_network(&self) -> usize {
        self.asks.iter().map(|ask| ask.over_network).sum()
    }

    /// Returns the bounded retrieval that covers most time.
    pub fn widest(&self) -> Option<&Ask> {
        let bounded = self.asks.iter().filter_map(|ask| ask.extent.seconds().map(|seconds| (seconds, ask)));
        // The first of equal ones.
        bounded.rev().max_by_key(|(seconds, _)| *seconds).map(|(_, ask)| ask)
    }

    /// Returns the retrievals that cover any time.
    pub fn unbounded(&self) -> impl Iterator<Item = &Ask> {
        self.asks.iter().filter(|ask| ask.extent == Extent::Unbounded)
    }

    /// Returns the names of the profiles whose credentials are used.
    pub fn profiles(&self) -> impl Iterator<Item = &SourceUse> {
        self.sources.iter().filter(|source| source.reach == Reach::Profile)
    }
}

fn latest_of(latest: &mut HashMap<String, Kept>, op: &Op) -> Option<Kept> {
    match op {
        Op::Bind(bind) => latest.remove(&bind.variable),
        _ => None,
    }
}

/// Returns scheme, text and reach of each part of an address.
fn parts(source: &str) -> Vec<(String, String, Reach)> {
    let Ok(address) = Address::parse(source) else {
        let scheme = source.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        return vec![(scheme, source.to_owned(), Reach::Unknown)];
    };
    let scheme = address.scheme().name();
    let reach = |part: &Part| match part {
        Part::File(_) => Reach::File,
        Part::Url(url) => Reach::Web(Host::of_url(url)),
        Part::Profile(_) => Reach::Profile,
    };
    address.parts().iter().map(|part| (scheme.to_owned(), part.to_string(), reach(part))).collect()
}
