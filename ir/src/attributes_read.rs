//! Column pruning: which attributes of data sources the answers of a plan can depend on.
//!
//! A reader that knows this need not decode or store the rest. Asked once for a whole plan and
//! not for each source: entities are put together from the records of every source, and what a
//! `FIND` or a display reads of them may come from any. What is always read, whatever a plan
//! says:
//!
//! - references (`*_ref`, `*_refs`): `FIND`, merging and counting walk them, so they are no part
//!   of the answer here;
//! - what makes an object the entity it is ([`identity::contributing`]) and what a source is
//!   asked again by ([`identity::id_attributes`]);
//! - what tells processes apart: number, name, unique id, extensions, and the host's names.
//!
//! | node | reads |
//! |---|---|
//! | fetch, select, expand, match, filter | what the pattern tests, over its references |
//! | project, sort, group, join, describe | the attributes named |
//! | display, save, info, apply, join, group without `WITH` | every visible attribute |
//! | bind | every visible attribute, if rows of variables are wanted |
//!
//! Visible are the attributes that a projection or a grouping leaves, else everything: all
//! attributes of the type and of the types that default columns follow references to. A step
//! that may be refused for an attribute reads everything too, since the message names what looks
//! like it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use kestrel_stix::{AttributePath, EntityType, Step, identity, pattern::Pattern, schema};

use crate::{
    op::{Argument, Op},
    plan::{Node, NodeId, Plan},
};

/// Whether the caller shows rows of variables, besides what the plan itself displays and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsOfVariables {
    /// Only how many there are.
    Unread,
    /// Rows with every visible attribute.
    Read,
}

/// What is read of one entity type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needed {
    /// Every attribute.
    All,
    /// The attributes whose names begin with one of these keys: `hashes` stands for
    /// `hashes.MD5`, too.
    Only(BTreeSet<String>),
}

/// See the module's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributesRead {
    /// Read of every type, known or not; all of them when nothing may be left out.
    anywhere: Needed,
    types: BTreeMap<EntityType, Needed>,
}

/// Returns what a plan reads. Linear in the size of the plan.
///
/// Right for plans that are run as they are. A session that goes on may read anything of what
/// it loads now: [`AttributesRead::everything`].
pub fn attributes_read(plan: &Plan, rows: RowsOfVariables) -> AttributesRead {
    let mut walk = Walk {
        plan,
        rows,
        visible: BTreeMap::new(),
        read: AttributesRead { anywhere: Needed::Only(BTreeSet::new()), types: BTreeMap::new() },
    };
    for node in plan.nodes() {
        let visible = walk.visible_of(node);
        walk.visible.insert(node.id, visible);
        walk.node(node);
    }
    walk.read
}

impl AttributesRead {
    /// Returns the answer that leaves nothing out.
    pub fn everything() -> Self {
        AttributesRead { anywhere: Needed::All, types: BTreeMap::new() }
    }

    /// Returns true if nothing may be left out.
    pub fn is_everything(&self) -> bool {
        self.anywhere == Needed::All
    }

    /// Says whether an attribute is read, by the flattened name that a reader gives it, in the
    /// spelling of STIX 2.0 or 2.1: `pid`, `hashes.MD5`, `extensions.'x-ext'.score`.
    ///
    /// Not for references, which are always read.
    pub fn reads(&self, entity_type: &str, name: &str) -> bool {
        let (Needed::Only(anywhere), of_type) = (&self.anywhere, self.types.get(entity_type)) else {
            return true;
        };
        let of_type = match of_type {
            Some(Needed::All) => return true,
            Some(Needed::Only(keys)) => Some(keys),
            None => None,
        };
        let has = |key: &str| {
            key == "id"
                || anywhere.contains(key)
                || of_type.is_some_and(|keys| keys.contains(key))
                || is_always_read(entity_type, key)
        };
        let key = first_key(name);
        has(&key)
            || has(schema::canonical_attribute(entity_type, &key))
            || schema::short_name(name).is_some_and(|short| has(&first_key(&short)))
    }

    /// Returns what is read of a type, without what is always read.
    pub fn of(&self, entity_type: &str) -> Needed {
        match (&self.anywhere, self.types.get(entity_type)) {
            (Needed::All, _) | (_, Some(Needed::All)) => Needed::All,
            (Needed::Only(anywhere), None) => Needed::Only(anywhere.clone()),
            (Needed::Only(anywhere), Some(Needed::Only(keys))) => Needed::Only(anywhere | keys),
        }
    }

    /// Says whether a reference leads to a type that [`AttributesRead::reads`] reckoned with.
    /// A reader that meets another one (a `binary_ref` to an address) must keep every attribute
    /// of the object behind it, since default columns follow it.
    pub fn expects(&self, holder: &str, reference: &str, target: &str) -> bool {
        let name = schema::canonical_attribute(holder, reference);
        self.is_everything()
            || !schema::DEREFERENCED.contains(&name)
            || schema::reference_targets(holder, name).contains(&target)
    }
}

/// What makes entities, tells processes apart, or is asked by; by first key.
fn is_always_read(entity_type: &str, key: &str) -> bool {
    let names = |names: &[&str]| names.iter().any(|name| first_key(name) == key);
    names(identity::contributing(entity_type))
        || names(identity::id_attributes(entity_type))
        || match entity_type {
            "process" => matches!(key, "pid" | "name" | "x_unique_id" | "extensions"),
            "x-oca-asset" => matches!(key, "host_id" | "hostname"),
            _ => false,
        }
}

/// The attributes of a node's entities that are visible.
#[derive(Debug, Clone, Copy)]
enum Visible {
    /// Everything that the data has; in front, columns of records.
    Open { front: bool },
    /// Those that a projection or a grouping named.
    Closed,
}

struct Walk<'p> {
    plan: &'p Plan,
    rows: RowsOfVariables,
    visible: BTreeMap<NodeId, Visible>,
    read: AttributesRead,
}

impl Walk<'_> {
    fn visible_of(&self, node: &Node) -> Visible {
        let inputs = self.plan.inputs(node.id);
        let of = |n: usize| {
            let known = inputs.get(n).and_then(|input| self.visible.get(input));
            known.copied().unwrap_or(Visible::Open { front: false })
        };
        match &node.op {
            // Columns of groups are values of their own, made from what was read.
            Op::Project { .. } | Op::Group(_) => Visible::Closed,
            Op::Transform { .. } => match of(0) {
                Visible::Open { .. } => Visible::Open { front: true },
                Visible::Closed => Visible::Closed,
            },
            Op::Filter(_) | Op::Sort { .. } | Op::Slice { .. } => of(0),
            _ => Visible::Open { front: false },
        }
    }

    fn node(&mut self, node: &Node) {
        let inputs = self.plan.inputs(node.id);
        if let Some(pattern) = node.op.pattern() {
            self.pattern(node, pattern);
        }
        match &node.op {
            Op::Expand(expand) => {
                for path in &expand.id_attributes {
                    self.path(expand.entity_type.as_str(), path.steps());
                }
            }
            Op::Project { attributes } => {
                for path in attributes {
                    self.checked(inputs[0], path);
                }
            }
            Op::Sort { attribute, .. } | Op::Describe { attribute } => self.checked(inputs[0], attribute),
            Op::Group(group) => {
                for key in &group.keys {
                    self.checked(inputs[0], &key.attribute);
                }
                match &group.aggregates {
                    Some(aggregates) => {
                        for aggregate in aggregates {
                            self.checked(inputs[0], &aggregate.attribute);
                        }
                    }
                    None => self.all_visible(inputs[0]),
                }
            }
            Op::Join { left, right } => {
                for (input, path) in [(inputs[0], left), (inputs[1], right)] {
                    self.checked(input, path);
                    self.all_visible(input);
                }
            }
            Op::Apply(apply) => {
                for input in &inputs[..apply.inputs as usize] {
                    self.all_visible(*input);
                }
                let references = self.plan.references(node.id);
                for (_, parts) in &apply.arguments {
                    for part in parts {
                        if let Argument::Reference { input, path } = part {
                            self.checked(references[*input as usize], path);
                        }
                    }
                }
            }
            Op::Display { .. } | Op::Save { .. } | Op::Info(_) => self.all_visible(inputs[0]),
            Op::Bind(_) if self.rows == RowsOfVariables::Read => self.all_visible(inputs[0]),
            _ => {}
        }
    }

    fn pattern(&mut self, node: &Node, pattern: &Pattern) {
        let references = self.plan.references(node.id);
        let on_rows = matches!(node.op, Op::Filter(_)).then(|| self.plan.inputs(node.id)[0]);
        for test in pattern.comparisons() {
            match on_rows {
                Some(input) => self.checked(input, &test.path),
                None => self.path(test.entity_type.as_str(), test.path.steps()),
            }
            for reference in &test.operand.references {
                self.checked(references[reference.input as usize], &reference.path);
            }
        }
    }

    /// Reads an attribute of a node's entities, which may be refused.
    fn checked(&mut self, input: NodeId, path: &AttributePath) {
        let Some(entity_type) = self.type_of(input) else { return self.everything() };
        let text = path.to_string().replace("[*]", "");
        let begins = |known: &&str| {
            text.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_common = text == "id" || schema::common_attributes(entity_type.as_str()).iter().any(begins);
        let of_record = match self.visible.get(&input) {
            Some(Visible::Open { front: true }) => {
                crate::op::TransformKind::Records.columns().contains(&text.as_str())
            }
            // What is not in a closed list is refused when compiling.
            Some(Visible::Closed) => true,
            _ => false,
        };
        if !is_common && !of_record {
            self.all_visible(input);
        }
        self.path(entity_type.as_str(), path.steps());
    }

    /// Reads what a path leads to, over the targets of its references.
    fn path(&mut self, entity_type: &str, steps: &[Step]) {
        if entity_type == "*" {
            return self.everything();
        }
        let Some(first) = steps.first() else { return };
        self.key(Some(entity_type), &first.key);
        let canonical = schema::canonical_attribute(entity_type, &first.key).to_owned();
        self.key(Some(entity_type), &canonical);
        // Whatever the references lead to: data may know better than the schema.
        let mut rest = steps;
        while let Some(at) = rest.iter().position(Step::is_reference) {
            rest = &rest[at + 1..];
            let Some(next) = rest.first() else { return };
            self.key(None, &next.key);
            for stored in stored_spellings(&next.key) {
                self.key(None, stored);
            }
        }
    }

    /// Notes one key of a type, or of every type.
    fn key(&mut self, entity_type: Option<&str>, key: &str) {
        if self.read.is_everything() {
            return;
        }
        let needed = match entity_type {
            None => &mut self.read.anywhere,
            Some(name) => match self.read.types.get_mut(name) {
                Some(known) => known,
                None => self
                    .read
                    .types
                    .entry(EntityType::new(name))
                    .or_insert_with(|| Needed::Only(BTreeSet::new())),
            },
        };
        if let Needed::Only(keys) = needed
            && !keys.contains(key)
        {
            keys.insert(key.to_owned());
        }
    }

    fn all_visible(&mut self, input: NodeId) {
        let Some(entity_type) = self.type_of(input) else { return self.everything() };
        // What closed a list has read it.
        if !matches!(self.visible.get(&input), Some(Visible::Closed)) {
            self.all_of(&entity_type);
        }
    }

    /// Reads everything of a type and of the types that its default columns follow references to.
    fn all_of(&mut self, entity_type: &EntityType) {
        if self.read.is_everything() {
            return;
        }
        let mut waiting = vec![entity_type.as_str().to_owned()];
        while let Some(name) = waiting.pop() {
            if self.read.types.get(name.as_str()) == Some(&Needed::All) {
                continue;
            }
            self.read.types.insert(EntityType::new(&name), Needed::All);
            for reference in schema::DEREFERENCED {
                waiting.extend(schema::reference_targets(&name, reference).iter().map(|t| (*t).to_owned()));
            }
        }
    }

    fn everything(&mut self) {
        self.read = AttributesRead::everything();
    }

    fn type_of(&self, id: NodeId) -> Option<EntityType> {
        let found = self.plan.node(id).shape.as_ref()?.entity_type.clone()?;
        (found.as_str() != "*").then_some(found)
    }
}

/// The stored spellings that a key may have on some type.
fn stored_spellings(key: &str) -> impl Iterator<Item = &str> {
    schema::KNOWN_TYPES
        .iter()
        .map(move |name| schema::canonical_attribute(name, key))
        .filter(move |k| *k != key)
}

/// Returns the first key of a flattened name.
fn first_key(name: &str) -> Cow<'_, str> {
    if name.starts_with(['\'', '"']) {
        return match name.parse::<AttributePath>() {
            Ok(path) => Cow::Owned(path.steps()[0].key.clone()),
            Err(_) => Cow::Borrowed(name),
        };
    }
    Cow::Borrowed(name.split(['.', '[']).next().unwrap_or(name))
}
