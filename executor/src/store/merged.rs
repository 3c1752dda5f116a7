//! Attributes of entities, merged over the records of a world.
//!
//! The value of an attribute is the last one that is present, by the record's time, then by
//! record and place in it; single references are merged alike. Everything is computed for the
//! members of one set, a path of references at a time, and kept as long as sets are in use.
//! Source: entities specification 3.7.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use ahash::RandomState;
use kestrel_stix::batch::ColumnKind;

use super::{ColumnId, EntitySet, NO_CODE, Store, StoreError, TypeId, watch::MANY};

/// Results for so many sets are kept.
const KEPT: usize = 24;

/// Merged attributes of the members of sets.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// Sets, the one used longest ago first.
    order: VecDeque<String>,
    nodes: HashMap<(String, String), Node, RandomState>,
}

/// The entities that a path of references leads to from a set's.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The entities of the set, ascending.
    pub(super) members: Arc<[u32]>,
    /// The entities reached, ascending.
    targets: Arc<[u32]>,
    /// Which member leads to which target, by member and order.
    links: Arc<[Link]>,
    /// The types of the entities reached.
    types: Vec<TypeId>,
    /// Each column's merged codes, or objects referred to, by target.
    columns: Columns,
    /// Codes of the targets' ids.
    ids: Option<Arc<[u32]>>,
}

/// By column.
pub(super) type Columns = HashMap<ColumnId, Arc<[u32]>, RandomState>;

/// From a member of a set to an entity that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    /// The member's place among the members.
    pub(super) member: u32,
    /// Where the target comes among the member's.
    ord: u64,
    /// The target's place among the targets.
    pub(super) target: u32,
}

impl Node {
    /// Returns what a member leads to, in order.
    pub(super) fn links_of(&self, member: u32) -> &[Link] {
        let start = self.links.partition_point(|link| link.member < member);
        let length = self.links[start..].partition_point(|link| link.member == member);
        &self.links[start..start + length]
    }

    /// Returns all links, by member and order.
    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }
}

impl Store {
    /// Returns the entities that these references lead to from a set's; the set's own without
    /// any. None if the references lead nowhere.
    pub(super) fn node(
        &mut self,
        set: &EntitySet,
        references: &[String],
    ) -> Result<Option<Node>, StoreError> {
        let key = (set.name.clone(), references.join("\n"));
        self.use_set(&set.name);
        if let Some(node) = self.merged.nodes.get(&key) {
            return Ok(Some(node.clone()));
        }
        let node = match references.split_last() {
            None => self.own_node(set)?,
            Some((last, before)) => match self.node(set, before)? {
                Some(node) => self.hop(set, before, &node, last)?,
                None => None,
            },
        };
        if let Some(node) = &node {
            self.merged.nodes.insert(key, node.clone());
        }
        Ok(node)
    }

    /// Returns the entities of a set as the ones they lead to.
    fn own_node(&mut self, set: &EntitySet) -> Result<Option<Node>, StoreError> {
        let Some(entity_type) = self.stored_type(set.entity_type.as_str()) else { return Ok(None) };
        let mut members = self.entities_of(set)?.to_vec();
        members.sort_unstable();
        let members: Arc<[u32]> = members.into();
        let links = (0..members.len() as u32).map(|at| Link { member: at, ord: 0, target: at }).collect();
        Ok(Some(Node {
            targets: members.clone(),
            members,
            links,
            types: vec![entity_type],
            columns: Columns::default(),
            ids: None,
        }))
    }

    /// Follows one reference from a node.
    fn hop(
        &mut self,
        set: &EntitySet,
        before: &[String],
        node: &Node,
        reference: &str,
    ) -> Result<Option<Node>, StoreError> {
        let columns: Vec<ColumnId> = node
            .types
            .iter()
            .flat_map(|entity_type| self.catalog.references(*entity_type, reference))
            .collect();
        let mut types: Vec<TypeId> = Vec::new();
        for target in columns.iter().flat_map(|column| self.catalog.targets(*column)) {
            if !types.contains(target) && self.catalog.is_declared(*target) {
                types.push(*target);
            }
        }
        if types.is_empty() {
            return Ok(None);
        }
        let (singles, lists): (Vec<ColumnId>, Vec<ColumnId>) =
            columns.iter().partition(|column| self.is_single(**column));
        let merged = self.columns(set, before, &singles)?;
        // By member: the entity reached, and its order.
        let mut reached: Vec<(u32, u64, u32)> = Vec::new();
        for objects in singles.iter().filter_map(|column| merged.get(column)) {
            for link in node.links() {
                let object = objects[link.target as usize];
                if object != NO_CODE {
                    reached.push((link.member, link.ord, self.archive.entities[object as usize]));
                }
            }
        }
        if !lists.is_empty() {
            self.follow_lists(set, node, &lists, &mut reached)?;
        }
        let mut targets: Vec<u32> = reached.iter().map(|(_, _, entity)| *entity).collect();
        targets.sort_unstable();
        targets.dedup();
        let places = self.places(&targets);
        let mut links: Vec<Link> = reached
            .into_iter()
            .map(|(member, ord, entity)| Link { member, ord, target: places[entity as usize] })
            .collect();
        links.sort_unstable();
        Ok(Some(Node {
            members: node.members.clone(),
            targets: targets.into(),
            links: links.into(),
            types,
            columns: Columns::default(),
            ids: None,
        }))
    }

    /// Follows lists of references: any record's list counts, each target under its first place.
    fn follow_lists(
        &mut self,
        set: &EntitySet,
        node: &Node,
        lists: &[ColumnId],
        reached: &mut Vec<(u32, u64, u32)>,
    ) -> Result<(), StoreError> {
        let objects = self.world_objects(&set.world)?;
        let places = self.places(&node.targets);
        let mut elements: Vec<(u32, u32, u64)> = Vec::new();
        for (object, key) in &*objects {
            let place = places[self.archive.entities[*object as usize] as usize];
            if place == NO_CODE || !node.types.contains(&self.archive.type_of(*object)) {
                continue;
            }
            for element in self.archive.links(*object) {
                if lists.contains(&element.column) {
                    let ord = (key & u64::from(u32::MAX)) << 32 | u64::from(element.ord);
                    elements.push((place, self.archive.entities[element.target as usize], ord));
                }
            }
        }
        elements.sort_unstable();
        elements.dedup_by_key(|(place, entity, _)| (*place, *entity));
        let mut found: Vec<(u32, u32, u64)> = Vec::new();
        for link in node.links() {
            let start = elements.partition_point(|(place, _, _)| *place < link.target);
            let mine = elements[start..].iter().take_while(|(place, _, _)| *place == link.target);
            found.extend(mine.map(|(_, entity, ord)| (link.member, *entity, *ord)));
        }
        found.sort_unstable();
        found.dedup_by_key(|(member, entity, _)| (*member, *entity));
        reached.extend(found.into_iter().map(|(member, entity, ord)| (member, ord, entity)));
        Ok(())
    }

    /// Returns true for references that have one target, which is in a column of the archive.
    pub(super) fn is_single(&self, column: ColumnId) -> bool {
        self.catalog.kind(column) == ColumnKind::Reference && !self.catalog.is_narrow(column)
    }

    /// Returns the merged codes of columns of a node's types.
    pub(super) fn columns(
        &mut self,
        set: &EntitySet,
        references: &[String],
        columns: &[ColumnId],
    ) -> Result<Columns, StoreError> {
        let Some(node) = self.node(set, references)? else { return Ok(Columns::default()) };
        let mut known = node.columns.clone();
        let mut missing: Vec<ColumnId> = columns
            .iter()
            .copied()
            .filter(|column| !known.contains_key(column) && node.types.contains(&self.catalog.owner(*column)))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(known);
        }
        known.extend(self.merge(set, &node, &missing)?);
        let key = (set.name.clone(), references.join("\n"));
        if let Some(node) = self.merged.nodes.get_mut(&key) {
            node.columns = known.clone();
        }
        Ok(known)
    }

    /// Merges what a world's objects have in these columns, by target.
    fn merge(&mut self, set: &EntitySet, node: &Node, columns: &[ColumnId]) -> Result<Columns, StoreError> {
        let objects = self.world_objects(&set.world)?;
        let places = self.places(&node.targets);
        let archive = &self.archive;
        let width = node.targets.len();
        let mut codes: Vec<Vec<u32>> = vec![vec![NO_CODE; width]; columns.len()];
        let mut keys: Vec<Vec<u64>> = vec![vec![0; width]; columns.len()];
        // The columns of each type: those that are columns of the archive, and the others.
        let of_type = |entity_type: &TypeId, narrow: bool| -> Vec<usize> {
            let is_it = |at: &usize| {
                self.catalog.owner(columns[*at]) == *entity_type
                    && self.catalog.is_narrow(columns[*at]) == narrow
            };
            (0..columns.len()).filter(is_it).collect()
        };
        let of_types: Vec<(TypeId, Vec<usize>, Vec<usize>)> = node
            .types
            .iter()
            .map(|entity_type| (*entity_type, of_type(entity_type, false), of_type(entity_type, true)))
            .collect();
        for (at, (object, key)) in objects.iter().enumerate() {
            if at % MANY == 0 {
                self.go_on()?;
            }
            let place = places[archive.entities[*object as usize] as usize];
            if place == NO_CODE {
                continue;
            }
            let object_type = archive.type_of(*object);
            let Some((_, wide, narrow)) = of_types.iter().find(|(known, _, _)| *known == object_type) else {
                continue;
            };
            let mut put = |at: usize, code: u32| {
                let (known, last) = (&mut codes[at][place as usize], &mut keys[at][place as usize]);
                if *known == NO_CODE || *key > *last {
                    (*known, *last) = (code, *key);
                }
            };
            let row = archive.row_of(*object);
            for at in wide {
                let code = archive.code(columns[*at], row);
                if code != NO_CODE {
                    put(*at, code);
                }
            }
            if !narrow.is_empty() {
                for (column, code) in archive.cells(*object) {
                    if let Some(at) = narrow.iter().find(|at| columns[**at] == *column) {
                        put(*at, *code);
                    }
                }
            }
        }
        Ok(columns.iter().copied().zip(codes.into_iter().map(Into::into)).collect())
    }

    /// Returns the codes of the ids of a node's targets.
    pub(super) fn ids(
        &mut self,
        set: &EntitySet,
        references: &[String],
    ) -> Result<Option<Arc<[u32]>>, StoreError> {
        let Some(node) = self.node(set, references)? else { return Ok(None) };
        if let Some(known) = node.ids {
            return Ok(Some(known));
        }
        let mut codes = Vec::with_capacity(node.targets.len());
        for entity in &*node.targets {
            let id = kestrel_stix::record::ValueRef::Text(self.entity_id(*entity).into());
            codes.push(self.dictionary.intern(&id)?);
        }
        let codes: Arc<[u32]> = codes.into();
        let key = (set.name.clone(), references.join("\n"));
        if let Some(node) = self.merged.nodes.get_mut(&key) {
            node.ids = Some(codes.clone());
        }
        Ok(Some(codes))
    }

    /// Returns, for each entity of the session, its place among these.
    pub(super) fn places(&self, entities: &[u32]) -> Vec<u32> {
        let mut places = vec![NO_CODE; self.entities.len()];
        for (place, entity) in (0u32..).zip(entities) {
            places[*entity as usize] = place;
        }
        places
    }

    /// Notes that a set is used; forgets those that were not for long.
    fn use_set(&mut self, table: &str) {
        let order = &mut self.merged.order;
        if order.back().is_some_and(|last| last == table) {
            return;
        }
        if let Some(at) = order.iter().position(|known| known == table) {
            order.remove(at);
        }
        order.push_back(table.to_owned());
        if order.len() > KEPT
            && let Some(old) = order.pop_front()
        {
            self.forget_merged(&old);
        }
    }

    /// Drops what is known about a set.
    pub(super) fn forget_merged(&mut self, set: &str) {
        self.merged.nodes.retain(|(table, _), _| table != set);
    }

    /// Drops everything that depends on which entity an object belongs to.
    pub(super) fn forget_all_merged(&mut self) {
        self.merged = Cache::default();
    }

    /// Drops a set that is not needed any more.
    pub fn drop_set(&mut self, set: &EntitySet) -> Result<(), StoreError> {
        self.forget_merged(&set.name);
        self.merged.order.retain(|known| known != &set.name);
        self.sets.retain(|known| known != &set.name);
        if self.unmade.remove(&set.name) { Ok(()) } else { self.drop_table(&set.name) }
    }
}
