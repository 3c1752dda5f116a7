//! Entities connected to others, and entities that some record shows as a pattern says.

use kestrel_ir::op::Relate;
use kestrel_stix::{
    TimeWindow,
    batch::ColumnKind,
    pattern::Pattern,
    relation::{self, Found, Holder, Hop},
};

use super::{ColumnId, EntitySet, Pool, Store, StoreError, TypeId, World};

/// The two sides of a step, and what the world shows.
struct Sides {
    /// Table with the column `ent`: the input's entities.
    input: String,
    /// Table `(obj, key)` of the world's objects.
    objects: String,
    returned: TypeId,
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
        let members = input.table.clone();
        let related = match found {
            Found::Linked => Some(self.linked(&world, &members, returned)?),
            Found::References(hops) => {
                let sides = Sides { input: members, objects: self.world_objects(&world)?, returned };
                let input_type = self.stored_type(input_type.as_str());
                let mut parts = Vec::new();
                for hop in hops {
                    parts.extend(self.edges(&sides, input_type, hop)?);
                }
                (!parts.is_empty()).then(|| parts.join(" UNION "))
            }
        };
        let Some(related) = related else { return self.empty_set(&relate.entity_type, world) };
        let mut entities = self.read_column(&related)?;
        entities.sort_unstable();
        entities.dedup();
        let set = self.set_of(entities, &relate.entity_type, world)?;
        self.sweep()?;
        Ok(set)
    }

    /// Entities that appear in a record in which an entity of the input appears.
    fn linked(&mut self, world: &World, members: &str, returned: TypeId) -> Result<String, StoreError> {
        let records = self.world_records(world)?;
        let shared = self.scratch(&format!(
            "SELECT DISTINCT s.rec FROM object o SEMI JOIN {members} m ON m.ent = o.ent JOIN seen s ON s.obj = o.obj
             SEMI JOIN {records} w ON w.rec = s.rec"
        ))?;
        Ok(format!(
            "SELECT o.ent AS ent FROM seen s SEMI JOIN {shared} k ON k.rec = s.rec JOIN object o ON o.obj = s.obj
             WHERE s.type = {}",
            returned.0
        ))
    }

    /// Queries for the entities at the other end of one reference.
    fn edges(
        &mut self,
        sides: &Sides,
        input_type: Option<TypeId>,
        hop: Hop,
    ) -> Result<Vec<String>, StoreError> {
        let holder = match hop.holder {
            Holder::Input => input_type,
            Holder::Returned => Some(sides.returned),
        };
        let Some(holder) = holder else { return Ok(Vec::new()) };
        let columns = self.catalog.references(holder, hop.reference);
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let table = self.type_table(holder)?;
        Ok(columns.into_iter().map(|column| self.edge(sides, &table, column, hop.holder)).collect())
    }

    /// The query over a reference that objects of this table hold.
    fn edge(&self, sides: &Sides, table: &str, column: ColumnId, side: Holder) -> String {
        let Sides { input, objects, returned } = sides;
        let single = self.catalog.kind(column) == ColumnKind::Reference && !self.catalog.is_narrow(column);
        let target = if single {
            format!("JOIN object t ON t.obj = o.{}", self.catalog.sql(column))
        } else {
            format!("JOIN link k ON k.obj = o.obj AND k.col = {} JOIN object t ON t.obj = k.target", column.0)
        };
        let from = format!("FROM {table} o SEMI JOIN {objects} n ON n.obj = o.obj {target}");
        match side {
            Holder::Input => format!(
                "SELECT t.ent AS ent {from} SEMI JOIN {input} m ON m.ent = o.ent WHERE t.type = {}",
                returned.0
            ),
            Holder::Returned => format!("SELECT o.ent AS ent {from} SEMI JOIN {input} m ON m.ent = t.ent"),
        }
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
        let mut entities: Vec<u32> =
            hits.iter().map(|(_, object)| self.archive.entities[*object as usize]).collect();
        entities.sort_unstable();
        entities.dedup();
        let shown = self.scratch_codes(entities)?;
        let select = format!(
            "SELECT (row_number() OVER (ORDER BY pos) - 1)::UINTEGER AS pos, ent FROM {0}
             WHERE ent IN (SELECT c FROM {shown})",
            input.table
        );
        let set = self.entity_set(&select, &input.entity_type, input.world.clone())?;
        self.sweep()?;
        Ok(set)
    }
}
