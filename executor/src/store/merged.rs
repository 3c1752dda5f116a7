//! Attributes of entities, merged over the records of a world.
//!
//! The value of an attribute is the last one that is present, by the record's time, then by
//! record and place in it; single references are merged alike. Everything is computed for the
//! members of one set, a path of references at a time, and kept as long as sets are in use.
//! Source: entities specification 3.7.

use std::collections::{HashMap, VecDeque};

use ahash::RandomState;
use kestrel_stix::batch::ColumnKind;

use super::{ColumnId, EntitySet, Pool, Store, StoreError, TypeId, World, patterns::list};

/// Results for so many worlds are kept, and for so many sets.
const KEPT_WORLDS: usize = 8;
const KEPT_SETS: usize = 24;

/// Tables about worlds.
#[derive(Debug, Default)]
pub(super) struct Worlds {
    /// Records: table `(rec)`.
    records: VecDeque<(World, String)>,
    /// Objects: table `(obj, key)`, the key of the last record that shows or reaches each.
    objects: VecDeque<(World, u32, String)>,
    /// Ranks of records change when a source is added; their order does not.
    ranks: u32,
}

impl Worlds {
    /// Notes that ranks changed.
    pub(super) fn new_ranks(&mut self) {
        self.ranks += 1;
    }
}

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
    /// Table or subquery `(ent, target, ord)`: the set's entity, the one reached, and their order.
    pub(super) links: String,
    /// The types of the entities reached.
    pub(super) types: Vec<TypeId>,
    /// True if one entity may lead to several.
    pub(super) many: bool,
    /// Where each column's merged codes are: table `(ent, c<column>)`.
    pub(super) columns: HashMap<ColumnId, String, RandomState>,
    /// Table `(ent, c)` of the codes of the reached entities' ids.
    pub(super) ids: Option<String>,
}

impl Store {
    /// Returns the condition on `visible.pool` for the records of a pool.
    pub(super) fn pool_condition(&self, pool: Pool) -> String {
        let mut chain = vec![pool.0];
        let mut at = pool;
        while let Some((Some(before), _)) = self.pools.get(at.0 as usize) {
            chain.push(before.0);
            at = *before;
        }
        // Pools usually follow each other.
        if chain.windows(2).all(|pair| pair[0] == pair[1] + 1) && chain.last() == Some(&0) {
            format!("pool <= {}", pool.0)
        } else {
            format!("pool IN ({})", list(&chain))
        }
    }

    /// Returns a table `(rec)` of the records of a world, each once.
    pub(super) fn world_records(&mut self, world: &World) -> Result<String, StoreError> {
        if let Some((_, table)) = self.worlds.records.iter().find(|(known, _)| known == world) {
            return Ok(table.clone());
        }
        let mut parts = Vec::new();
        if let Some(pool) = world.pool {
            parts.push(format!("SELECT rec FROM visible WHERE {}", self.pool_condition(pool)));
        }
        if !world.queries.is_empty() {
            parts.push(format!("SELECT rec FROM query WHERE query IN ({})", list(&world.queries)));
        }
        if !world.synthetic.is_empty() {
            let sources: Vec<u32> = world.synthetic.iter().map(|source| source.0).collect();
            parts.push(format!("SELECT rec FROM record WHERE source IN ({})", list(&sources)));
        }
        let select = match parts.as_slice() {
            [] => "SELECT 0::UINTEGER AS rec WHERE false".to_owned(),
            [one] => one.clone(),
            parts => parts.join(" UNION "),
        };
        let (table, _) = self.keep(&select)?;
        self.worlds.records.push_back((world.clone(), table.clone()));
        if self.worlds.records.len() > KEPT_WORLDS
            && let Some((_, old)) = self.worlds.records.pop_front()
        {
            self.scratch.push(old);
        }
        Ok(table)
    }

    /// Returns a table `(obj, key)` of the objects that a world's records show or reach; the
    /// key orders sightings, the last one counts.
    pub(super) fn world_objects(&mut self, world: &World) -> Result<String, StoreError> {
        if let Some((_, _, table)) = self.worlds.objects.iter().find(|(known, _, _)| known == world) {
            return Ok(table.clone());
        }
        let records = self.world_records(world)?;
        let ranks = self.worlds.ranks;
        // What the pool before has need not be looked at again.
        let before = self.worlds.objects.iter().rev().find(|(known, at, _)| {
            *at == ranks
                && known.queries == world.queries
                && known.synthetic == world.synthetic
                && known.pool.is_some_and(|known| world.pool.is_some_and(|pool| self.is_before(known, pool)))
        });
        let base = before.map(|(known, _, table)| (known.clone(), table.clone()));
        let records = match &base {
            None => records,
            Some((known, _)) => {
                let known = self.world_records(known)?;
                self.scratch(&format!(
                    "SELECT rec FROM {records} ANTI JOIN {known} ON {known}.rec = {records}.rec"
                ))?
            }
        };
        let fresh = format!(
            "SELECT s.obj AS obj, (r.rank::UBIGINT << 32) | s.ord AS key
             FROM (SELECT rec, obj, ord FROM seen UNION ALL SELECT rec, obj, ord FROM reached) s
             JOIN (SELECT r.rec, r.rank FROM record r SEMI JOIN {records} w ON w.rec = r.rec) r ON r.rec = s.rec"
        );
        let all = match base {
            None => fresh,
            Some((_, table)) => format!("SELECT obj, key FROM {table} UNION ALL {fresh}"),
        };
        let (table, _) = self.keep(&format!("SELECT obj, max(key) AS key FROM ({all}) GROUP BY obj"))?;
        self.worlds.objects.push_back((world.clone(), ranks, table.clone()));
        if self.worlds.objects.len() > KEPT_WORLDS
            && let Some((_, _, old)) = self.worlds.objects.pop_front()
        {
            self.scratch.push(old);
        }
        Ok(table)
    }

    fn is_before(&self, earlier: Pool, later: Pool) -> bool {
        let mut at = Some(later);
        while let Some(pool) = at {
            if pool == earlier {
                return true;
            }
            at = self.pools.get(pool.0 as usize).and_then(|(before, _)| *before);
        }
        false
    }

    /// Returns the entities that these references lead to from a set's; the set's own without
    /// any. None if the references lead nowhere.
    pub(super) fn node(
        &mut self,
        set: &EntitySet,
        references: &[String],
    ) -> Result<Option<Node>, StoreError> {
        let key = (set.table.clone(), references.join("\n"));
        self.use_set(&set.table);
        if let Some(node) = self.merged.nodes.get(&key) {
            return Ok(Some(node.clone()));
        }
        let node = match references.split_last() {
            None => {
                let Some(entity_type) = self.stored_type(set.entity_type.as_str()) else { return Ok(None) };
                let own = "ent, ent AS target, 0::UBIGINT AS ord FROM";
                let links = match set.members {
                    // Each entity has one row, so that the set's own table does.
                    Some(_) => format!("(SELECT {own} {})", set.table),
                    None => {
                        self.keep(&format!("SELECT DISTINCT {own} {} WHERE ent IS NOT NULL", set.table))?.0
                    }
                };
                Node { links, types: vec![entity_type], many: false, columns: HashMap::default(), ids: None }
            }
            Some((last, before)) => {
                let Some(node) = self.node(set, before)? else { return Ok(None) };
                let Some(node) = self.hop(set, before, node, last)? else { return Ok(None) };
                node
            }
        };
        self.merged.nodes.insert(key, node.clone());
        Ok(Some(node))
    }

    /// Follows one reference from a node.
    fn hop(
        &mut self,
        set: &EntitySet,
        before: &[String],
        node: Node,
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
        let single = |store: &Self, column: &ColumnId| {
            store.catalog.kind(*column) == ColumnKind::Reference && !store.catalog.is_narrow(*column)
        };
        let (singles, lists): (Vec<ColumnId>, Vec<ColumnId>) =
            columns.iter().partition(|column| single(self, column));
        let merged = self.columns(set, before, &singles)?;
        let mut parts = Vec::new();
        for column in &singles {
            if let Some(table) = merged.get(column) {
                parts.push(format!(
                    "SELECT l.ent AS ent, t.ent AS target, l.ord AS ord FROM {} l JOIN {table} m ON m.ent = l.target
                     JOIN object t ON t.obj = m.{}",
                    node.links,
                    self.catalog.sql(*column)
                ));
            }
        }
        let many = node.many || !lists.is_empty();
        if !lists.is_empty() {
            let objects = self.world_objects(&set.world)?;
            let lists: Vec<u32> = lists.iter().map(|column| column.0).collect();
            parts.push(format!(
                "SELECT l.ent AS ent, t.ent AS target, min(((n.key & 4294967295::UBIGINT) << 32) | k.ord) AS ord FROM {} l
                 JOIN object o ON o.ent = l.target JOIN {objects} n ON n.obj = o.obj
                 JOIN link k ON k.obj = o.obj AND k.col IN ({}) JOIN object t ON t.obj = k.target
                 GROUP BY l.ent, t.ent",
                node.links,
                list(&lists)
            ));
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let (links, _) = self.keep(&parts.join(" UNION ALL "))?;
        Ok(Some(Node { links, types, many, columns: HashMap::default(), ids: None }))
    }

    /// Returns, for each column of a node's types, the table of its merged codes `(ent, c<n>)`.
    pub(super) fn columns(
        &mut self,
        set: &EntitySet,
        references: &[String],
        columns: &[ColumnId],
    ) -> Result<HashMap<ColumnId, String, RandomState>, StoreError> {
        let Some(node) = self.node(set, references)? else { return Ok(HashMap::default()) };
        let mut known = node.columns.clone();
        let mut missing: Vec<ColumnId> =
            columns.iter().copied().filter(|column| !known.contains_key(column)).collect();
        missing.dedup();
        if missing.is_empty() {
            return Ok(known);
        }
        let objects = self.world_objects(&set.world)?;
        let members = format!("(SELECT target FROM {})", node.links);
        for entity_type in &node.types {
            let of_type = |column: &&ColumnId| self.catalog.owner(**column) == *entity_type;
            let mine: Vec<ColumnId> = missing.iter().filter(of_type).copied().collect();
            let (narrow, wide): (Vec<ColumnId>, Vec<ColumnId>) =
                mine.iter().partition(|column| self.catalog.is_narrow(**column));
            if !wide.is_empty() {
                let stored = self.type_table(*entity_type)?;
                let aggregates: Vec<String> = wide
                    .iter()
                    .map(|column| format!("arg_max(o.{0}, n.key) AS {0}", self.catalog.sql(*column)))
                    .collect();
                let (table, _) = self.keep(&format!(
                    "SELECT o.ent AS ent, {} FROM {stored} o JOIN {objects} n ON n.obj = o.obj
                     SEMI JOIN {members} m ON m.target = o.ent GROUP BY o.ent",
                    aggregates.join(", ")
                ))?;
                known.extend(wide.iter().map(|column| (*column, table.clone())));
            }
            if !narrow.is_empty() {
                let numbers: Vec<u32> = narrow.iter().map(|column| column.0).collect();
                let picked: Vec<String> = narrow
                    .iter()
                    .map(|column| {
                        format!(
                            "max(code) FILTER (WHERE col = {}) AS {}",
                            column.0,
                            self.catalog.sql(*column)
                        )
                    })
                    .collect();
                let (table, _) = self.keep(&format!(
                    "SELECT ent, {} FROM (
                       SELECT o.ent AS ent, c.col AS col, arg_max(c.code, n.key) AS code
                       FROM cell c JOIN object o ON o.obj = c.obj JOIN {objects} n ON n.obj = o.obj
                       SEMI JOIN {members} m ON m.target = o.ent WHERE c.col IN ({}) GROUP BY o.ent, c.col)
                     GROUP BY ent",
                    picked.join(", "),
                    list(&numbers)
                ))?;
                known.extend(narrow.iter().map(|column| (*column, table.clone())));
            }
        }
        let key = (set.table.clone(), references.join("\n"));
        if let Some(node) = self.merged.nodes.get_mut(&key) {
            node.columns = known.clone();
        }
        Ok(known)
    }

    /// Returns a table `(ent, c)` of the codes of the ids of a node's entities.
    pub(super) fn ids(
        &mut self,
        set: &EntitySet,
        references: &[String],
    ) -> Result<Option<String>, StoreError> {
        let Some(node) = self.node(set, references)? else { return Ok(None) };
        if let Some(known) = node.ids {
            return Ok(Some(known));
        }
        let entities =
            self.read_column(&format!("SELECT DISTINCT target FROM {} ORDER BY target", node.links))?;
        let mut codes = Vec::with_capacity(entities.len());
        for entity in &entities {
            let id = kestrel_stix::record::ValueRef::Text(self.entity_id(*entity).into());
            codes.push(self.dictionary.intern(&id)?);
        }
        let table = self.put(&[("ent", super::Data::U32(entities)), ("c", super::Data::U32(codes))])?;
        let key = (set.table.clone(), references.join("\n"));
        if let Some(node) = self.merged.nodes.get_mut(&key) {
            node.ids = Some(table.clone());
        }
        Ok(Some(table))
    }

    /// Notes that a set is used; forgets those that were not for long.
    fn use_set(&mut self, table: &str) {
        let order = &mut self.merged.order;
        if let Some(at) = order.iter().position(|known| known == table) {
            order.remove(at);
        }
        order.push_back(table.to_owned());
        if order.len() > KEPT_SETS
            && let Some(old) = order.pop_front()
        {
            self.forget_merged(&old);
        }
    }

    /// Drops what is known about a set; its tables go at the operation's end.
    pub(super) fn forget_merged(&mut self, set: &str) {
        let (gone, kept) =
            std::mem::take(&mut self.merged.nodes).into_iter().partition(|((table, _), _)| table == set);
        self.merged.nodes = kept;
        let gone: HashMap<(String, String), Node, RandomState> = gone;
        for node in gone.into_values() {
            if !node.links.starts_with('(') {
                self.scratch.push(node.links);
            }
            self.scratch.extend(node.columns.into_values());
            self.scratch.extend(node.ids);
        }
    }

    /// Drops everything that depends on which entity an object belongs to.
    pub(super) fn forget_all_merged(&mut self) {
        let sets: Vec<String> = self.merged.order.drain(..).collect();
        for set in sets {
            self.forget_merged(&set);
        }
    }

    /// Drops a set that is not needed any more.
    pub fn drop_set(&mut self, set: &EntitySet) -> Result<(), StoreError> {
        self.forget_merged(&set.table);
        self.merged.order.retain(|known| known != &set.table);
        self.sets.retain(|known| known != &set.table);
        self.scratch.push(set.table.clone());
        self.sweep()
    }
}
