//! The plan: a directed acyclic graph of operations, in which equal work is one node.
//!
//! The graph (petgraph, stable indices) is private; passes and executors see [`NodeId`]s.
//! A node's id is a hash of its operation and its inputs' ids, so two plans differ exactly in
//! the ids they do not share, and a cache key is free.

use std::{collections::BTreeMap, fmt};

use kestrel_stix::EntityType;
use petgraph::{
    Direction,
    stable_graph::{NodeIndex, StableDiGraph},
    visit::EdgeRef,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    diagnostic::Span,
    op::{Op, Port},
};

/// The hash of an operation and its inputs: equal for equal work, in every plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 16]);

impl NodeId {
    /// Returns the hash of `op` over `inputs`, for the `repeat`-th sink that does the same.
    pub fn of(op: &Op, inputs: &[NodeId], after: &[NodeId], repeat: u32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"kestrel-node-1");
        // Serialising plain data into memory cannot fail; an empty text would only make
        // different operations equal, which `verify` would notice.
        let text = serde_json::to_vec(op).unwrap_or_default();
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(&text);
        hasher.update(&(inputs.len() as u64).to_le_bytes());
        for id in inputs.iter().chain(after) {
            hasher.update(&id.0);
        }
        hasher.update(&repeat.to_le_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        NodeId(id)
    }

    /// Returns the first eight hexadecimal digits.
    pub fn short(self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

impl std::str::FromStr for NodeId {
    type Err = BadNodeId;

    fn from_str(text: &str) -> Result<Self, BadNodeId> {
        let bad = || BadNodeId(text.chars().take(40).collect());
        if text.len() != 32 || !text.is_ascii() {
            return Err(bad());
        }
        let mut id = [0; 16];
        for (n, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).map_err(|_| bad())?;
        }
        Ok(NodeId(id))
    }
}

/// The text is no node id: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no node id")]
pub struct BadNodeId(pub String);

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where a node comes from; never part of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The hunt step, from 0, in the order of the text.
    pub step: u32,
    /// The text of it.
    pub span: Span,
}

/// What kind of rows entities are. Source: language specification 3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rows {
    /// One row an entity.
    Entities,
    /// One row an entity and record.
    Appearances,
    /// One row a group.
    Groups,
}

/// What is known, when compiling, about the entities a node gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Their type; none for a file whose type is in its data.
    pub entity_type: Option<EntityType>,
    /// What a row is.
    pub rows: Rows,
    /// The visible columns, where that set is closed; none when sources may bring others.
    pub columns: Option<Vec<String>>,
}

/// A node as the outside sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// See [`NodeId`].
    pub id: NodeId,
    /// What it does.
    pub op: Op,
    /// Where it comes from.
    pub origin: Origin,
    /// What it gives, if it gives entities.
    pub shape: Option<Shape>,
    /// Position among all nodes: inputs have smaller ones. Sinks take effect in this order.
    pub order: u32,
    /// Distinguishes sinks that do the same.
    repeat: u32,
}

/// What an edge means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Data: input number so-and-so.
    Input(u32),
    /// Order only: runs after it, since both touch files or foreign code.
    After(u32),
}

/// A text that nodes point into, kept so that messages at run time can show the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceText {
    /// File name as given, `-` for standard input, `cell 3` for a notebook.
    pub name: String,
    /// The text.
    pub text: String,
}

/// A query plan. See the module's page.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    graph: StableDiGraph<Node, Role>,
    by_id: BTreeMap<NodeId, NodeIndex>,
    next_order: u32,
    /// The huntflows it was made from; [`Span::source`] counts into it.
    pub sources: Vec<SourceText>,
}

impl Plan {
    /// Makes an empty plan over these texts.
    pub fn new(sources: Vec<SourceText>) -> Self {
        Plan { sources, ..Plan::default() }
    }

    /// Adds an operation, or returns the node that already does it. A repeated sink is a node
    /// of its own.
    ///
    /// # Panics
    /// If an input is not in the plan.
    pub fn add(
        &mut self,
        op: Op,
        inputs: &[NodeId],
        after: &[NodeId],
        origin: Origin,
        shape: Option<Shape>,
    ) -> NodeId {
        let mut repeat = 0;
        let mut id = NodeId::of(&op, inputs, after, repeat);
        while self.by_id.contains_key(&id) {
            if !op.is_sink() {
                return id;
            }
            repeat += 1;
            id = NodeId::of(&op, inputs, after, repeat);
        }
        let order = self.next_order;
        self.insert(Node { id, op, origin, shape, order, repeat }, inputs, after);
        id
    }

    fn insert(&mut self, node: Node, inputs: &[NodeId], after: &[NodeId]) {
        let id = node.id;
        self.next_order = self.next_order.max(node.order + 1);
        let at = self.graph.add_node(node);
        for (n, input) in inputs.iter().enumerate() {
            self.graph.add_edge(self.by_id[input], at, Role::Input(n as u32));
        }
        for (n, earlier) in after.iter().enumerate() {
            self.graph.add_edge(self.by_id[earlier], at, Role::After(n as u32));
        }
        self.by_id.insert(id, at);
    }

    /// Returns the node of this id.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.by_id.get(&id).and_then(|at| self.graph.node_weight(*at))
    }

    /// Returns the node of this id.
    ///
    /// # Panics
    /// If it is not in the plan.
    pub fn node(&self, id: NodeId) -> &Node {
        self.get(id).expect("node ids come from the plan they are used with")
    }

    /// Returns every node, inputs before the nodes that use them, otherwise in the order of
    /// the huntflow.
    pub fn nodes(&self) -> Vec<&Node> {
        let mut nodes: Vec<_> = self.graph.node_weights().collect();
        nodes.sort_by_key(|node| (node.order, node.id));
        nodes
    }

    /// Returns the ids of all nodes, in the order of [`Plan::nodes`].
    pub fn ids(&self) -> Vec<NodeId> {
        self.nodes().into_iter().map(|node| node.id).collect()
    }

    /// Returns how many nodes there are.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.graph.node_count() == 0
    }

    fn edges(&self, id: NodeId, direction: Direction) -> Vec<(Role, NodeId)> {
        let Some(at) = self.by_id.get(&id) else { return Vec::new() };
        let mut edges: Vec<_> = self
            .graph
            .edges_directed(*at, direction)
            .filter_map(|edge| {
                let other = if direction == Direction::Incoming { edge.source() } else { edge.target() };
                self.graph.node_weight(other).map(|node| (*edge.weight(), node.id))
            })
            .collect();
        edges.sort();
        edges
    }

    /// Returns the inputs of a node, in order.
    pub fn inputs(&self, id: NodeId) -> Vec<NodeId> {
        let input = |(role, id)| matches!(role, Role::Input(_)).then_some(id);
        self.edges(id, Direction::Incoming).into_iter().filter_map(input).collect()
    }

    /// Returns the nodes that must have run before this one without giving it data.
    pub fn after(&self, id: NodeId) -> Vec<NodeId> {
        let after = |(role, id)| matches!(role, Role::After(_)).then_some(id);
        self.edges(id, Direction::Incoming).into_iter().filter_map(after).collect()
    }

    /// Returns the nodes that use this one's result (or wait for it), in plan order, each once.
    pub fn consumers(&self, id: NodeId) -> Vec<NodeId> {
        let mut users: Vec<_> = self
            .edges(id, Direction::Outgoing)
            .into_iter()
            .map(|(_, id)| (self.node(id).order, id))
            .collect();
        users.sort();
        users.dedup();
        users.into_iter().map(|(_, id)| id).collect()
    }

    /// Returns the reference inputs of a node: those after its main inputs.
    pub fn references(&self, id: NodeId) -> Vec<NodeId> {
        let mut inputs = self.inputs(id);
        match self.node(id).op.main_inputs() {
            Some(main) if main <= inputs.len() => inputs.split_off(main),
            _ => Vec::new(),
        }
    }

    /// Returns what a node gives.
    pub fn output(&self, id: NodeId) -> Port {
        self.node(id).op.output()
    }

    /// Returns the version of a variable that is current at the end, by name, in the order of
    /// their last assignment: the [`Op::Bind`] nodes.
    pub fn variables(&self) -> Vec<&Node> {
        self.latest_versions(|_| true)
    }

    /// Returns the latest version of each variable among the [`Op::Bind`] nodes that count, in
    /// the order of the huntflow.
    pub fn latest_versions(&self, counts: impl Fn(NodeId) -> bool) -> Vec<&Node> {
        let mut latest: BTreeMap<&str, &Node> = BTreeMap::new();
        for node in self.nodes() {
            if let Op::Bind(bind) = &node.op
                && counts(node.id)
            {
                latest.insert(&bind.variable, node);
            }
        }
        let mut variables: Vec<_> = latest.into_values().collect();
        variables.sort_by_key(|node| node.order);
        variables
    }

    /// Returns the nodes that these need, themselves included, in plan order.
    pub fn needed_for(&self, roots: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
        let mut seen = std::collections::BTreeSet::new();
        let mut stack: Vec<_> = roots.into_iter().collect();
        while let Some(id) = stack.pop() {
            if seen.insert(id) {
                stack.extend(self.edges(id, Direction::Incoming).into_iter().map(|(_, id)| id));
            }
        }
        self.ids().into_iter().filter(|id| seen.contains(id)).collect()
    }

    /// Builds a new plan by deciding, node by node in plan order, what becomes of each.
    ///
    /// `decide` gets the new plan so far, the old node and its inputs' new ids.
    pub fn rewrite(&self, mut decide: impl FnMut(&mut Plan, &Node, Rewired) -> Rewrite) -> Plan {
        let mut next = Plan::new(self.sources.clone());
        let mut new_ids: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        for node in self.nodes() {
            let map =
                |ids: Vec<NodeId>| ids.iter().filter_map(|id| new_ids.get(id).copied()).collect::<Vec<_>>();
            let wired = Rewired { inputs: map(self.inputs(node.id)), after: map(self.after(node.id)) };
            match decide(&mut next, node, wired) {
                Rewrite::Node { op, inputs, after, shape } => {
                    let id = next.add(op, &inputs, &after, node.origin, shape);
                    new_ids.insert(node.id, id);
                }
                Rewrite::Use(id) => {
                    new_ids.insert(node.id, id);
                }
                Rewrite::Drop => {}
            }
        }
        next
    }
}

/// The inputs of an old node, as they are called in the new plan.
#[derive(Debug, Clone)]
pub struct Rewired {
    /// Data inputs, in order.
    pub inputs: Vec<NodeId>,
    /// Order-only inputs.
    pub after: Vec<NodeId>,
}

/// What becomes of a node in [`Plan::rewrite`].
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack, while a plan is rewritten")]
pub enum Rewrite {
    /// This operation over these inputs of the new plan.
    Node {
        /// The operation.
        op: Op,
        /// Data inputs.
        inputs: Vec<NodeId>,
        /// Order-only inputs.
        after: Vec<NodeId>,
        /// What it gives.
        shape: Option<Shape>,
    },
    /// A node of the new plan stands for it.
    Use(NodeId),
    /// Nothing; nodes that use it must not stay.
    Drop,
}

impl Rewired {
    /// Keeps the node as it is, over the new inputs.
    pub fn keep(self, node: &Node) -> Rewrite {
        Rewrite::Node {
            op: node.op.clone(),
            inputs: self.inputs,
            after: self.after,
            shape: node.shape.clone(),
        }
    }
}

/// Equality of plans is equality of their work and order.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.nodes() == other.nodes() && self.ids().iter().all(|id| self.inputs(*id) == other.inputs(*id))
    }
}

/// The parts of a plan as they are stored; see [`crate::wire`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredNode {
    pub(crate) node: Node,
    pub(crate) inputs: Vec<NodeId>,
    pub(crate) after: Vec<NodeId>,
}

impl Plan {
    /// Takes the plan apart for storing.
    pub(crate) fn stored(&self) -> Vec<StoredNode> {
        self.nodes()
            .into_iter()
            .map(|node| StoredNode {
                node: node.clone(),
                inputs: self.inputs(node.id),
                after: self.after(node.id),
            })
            .collect()
    }

    /// Puts a stored plan together. Refuses nodes whose inputs do not stand before them, whose
    /// id is not the hash of their work, and repeated ids; everything else is for `verify`.
    pub(crate) fn from_stored(
        sources: Vec<SourceText>,
        stored: Vec<StoredNode>,
    ) -> Result<Self, BadStoredNode> {
        let mut plan = Plan::new(sources);
        for StoredNode { node, inputs, after } in stored {
            let id = node.id;
            if !inputs.iter().chain(&after).all(|input| plan.by_id.contains_key(input)) {
                return Err(BadStoredNode::Dangling(id));
            }
            if plan.by_id.contains_key(&id) {
                return Err(BadStoredNode::Repeated(id));
            }
            if node.order < plan.next_order || node.order == u32::MAX {
                return Err(BadStoredNode::Order(id));
            }
            if NodeId::of(&node.op, &inputs, &after, node.repeat) != id {
                return Err(BadStoredNode::Altered(id));
            }
            plan.insert(node, &inputs, &after);
        }
        Ok(plan)
    }
}

/// Why a stored node cannot be part of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadStoredNode {
    /// An input does not stand before it.
    #[error("node {} uses a node that does not stand before it", .0.short())]
    Dangling(NodeId),
    /// The id occurs twice.
    #[error("node {} occurs twice", .0.short())]
    Repeated(NodeId),
    /// Orders do not increase.
    #[error("node {} is out of order", .0.short())]
    Order(NodeId),
    /// The id does not fit the work: somebody changed it.
    #[error("node {} does not do what its id says", .0.short())]
    Altered(NodeId),
}
