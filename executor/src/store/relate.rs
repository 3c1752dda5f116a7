//! Entities connected to others, and entities that some record shows as a pattern says.

use kestrel_ir::op::Relate;
use kestrel_stix::{
    TimeWindow,
    pattern::Pattern,
    relation::{self, Found, Holder, Hop},
};

use super::{ColumnId, EntitySet, Pool, Store, StoreError, TypeId, World, counts::Members};

/// References to follow.
struct Edge {
    /// The type whose objects hold them.
    holder: TypeId,
    columns: Vec<ColumnId>,
    /// Which side of the relation holds them.
    side: Holder,
}

impl Store {
    /// Returns the entities connected to `input` by a relation, over the pool's records and
    /// those that `input` was written in. Edges are between entities: one that any record
    /// shows counts. Source: entities specification 5.
    pub fn relate(
        &mut self,
        input: &EntitySet,
        pool: Option<Pool>,
        relate: &Relate,
    ) -> Result<EntitySet, StoreError> {
        // A file says only when it is read what it holds.
        let input_type = match relate.input_type.as_str() {
            "*" => &input.entity_type,
            _ => &relate.input_type,
        };
        let found =
            relation::find(relate.entity_type.as_str(), &relate.relation, relate.by, input_type.as_str())
                .map_err(|unsupported| StoreError::Relation(Box::new(unsupported)))?;
        let world = World { pool, queries: Vec::new(), synthetic: input.world.synthetic.clone() };
        let Some(returned) = self.stored_type(relate.entity_type.as_str()) else {
            return self.empty_set(&relate.entity_type, world);
        };
        let members = self.members(input)?;
        let mut entities = match found {
            Found::Linked => self.linked(&world, &members, returned),
            Found::References(hops) => {
                let input_type = self.stored_type(input_type.as_str());
                let edges: Vec<Edge> =
                    hops.iter().filter_map(|hop| self.edge(*hop, input_type, returned)).collect();
                self.across(&world, &members, returned, &edges)?
            }
        };
        entities.sort_unstable();
        entities.dedup();
        self.set_of(entities, &relate.entity_type, world)
    }

    /// Entities that appear in a record in which an entity of the input appears.
    fn linked(&mut self, world: &World, members: &Members, returned: TypeId) -> Vec<u32> {
        let mut found = Vec::new();
        for record in self.world_candidates(world, TimeWindow::default()) {
            let (own, more) = self.archive.seen(record);
            let shown = || own.iter().chain(more);
            if shown().any(|object| members.has(self.archive.entities[*object as usize])) {
                let wanted = shown().filter(|object| self.archive.type_of(**object) == returned);
                found.extend(wanted.map(|object| self.archive.entities[*object as usize]));
            }
        }
        found
    }

    /// The references behind one hop; none if no object has any.
    fn edge(&self, hop: Hop, input_type: Option<TypeId>, returned: TypeId) -> Option<Edge> {
        let holder = match hop.holder {
            Holder::Input => input_type?,
            Holder::Returned => returned,
        };
        let columns = self.catalog.references(holder, hop.reference);
        (!columns.is_empty()).then_some(Edge { holder, columns, side: hop.holder })
    }

    /// Entities at the other end of references that objects of the world hold.
    fn across(
        &mut self,
        world: &World,
        members: &Members,
        returned: TypeId,
        edges: &[Edge],
    ) -> Result<Vec<u32>, StoreError> {
        let objects = self.world_objects(world)?;
        let archive = &self.archive;
        let entity = |object: u32| archive.entities[object as usize];
        let mut found = Vec::new();
        for (object, _) in &*objects {
            let object_type = archive.type_of(*object);
            for edge in edges.iter().filter(|edge| edge.holder == object_type) {
                if edge.side == Holder::Input && !members.has(entity(*object)) {
                    continue;
                }
                let links = archive.links(*object).iter().filter(|link| edge.columns.contains(&link.column));
                for link in links {
                    match edge.side {
                        Holder::Input if archive.type_of(link.target) == returned => {
                            found.push(entity(link.target));
                        }
                        Holder::Returned if members.has(entity(link.target)) => found.push(entity(*object)),
                        _ => {}
                    }
                }
            }
        }
        Ok(found)
    }

    /// Returns those entities of `input` that a record of the pool in the window shows as the
    /// pattern (references replaced by values) says.
    pub fn matching(
        &mut self,
        input: &EntitySet,
        pool: Pool,
        pattern: Option<&Pattern>,
        window: TimeWindow,
    ) -> Result<EntitySet, StoreError> {
        let world = World { pool: Some(pool), queries: Vec::new(), synthetic: input.world.synthetic.clone() };
        let candidates = self.world_candidates(&world, window);
        let hits = self.hits(&candidates, &input.entity_type, pattern)?;
        let mut shown = vec![false; self.entities.len()];
        for (_, object) in hits {
            shown[self.archive.entities[object as usize] as usize] = true;
        }
        // A row for each, as before: a join may have brought several of one entity.
        let rows = self.entities_of_rows(input)?.to_vec();
        let kept = rows.into_iter().filter(|entity| shown.get(*entity as usize) == Some(&true)).collect();
        self.set_of(kept, &input.entity_type, input.world.clone())
    }
}
