//! Asking a source again for all records about some entities.

use kestrel_ir::op::SameProcess;
use kestrel_stix::{
    AttributePath, EntityType, TimeWindow, Value,
    pattern::{Comparison, Operand, Operator, Pattern},
    record::ValueRef,
};

use super::{EntitySet, FetchRequest, QueryResult, SourceId, Store, StoreError};

/// See [`Store::expand`].
#[derive(Debug, Clone)]
pub struct ExpandRequest<'a> {
    /// The loaded sources of the address, in the order of its parts.
    pub sources: &'a [SourceId],
    /// The type of the entities.
    pub entity_type: &'a EntityType,
    /// Candidates for the attribute asked for.
    pub id_attributes: &'a [AttributePath],
    /// Nothing is asked if this is the attribute used.
    pub unless: Option<&'a AttributePath>,
    /// What the records must match besides, references replaced by values.
    pub pattern: Option<&'a Pattern>,
    /// When.
    pub window: TimeWindow,
    /// At most so many records.
    pub limit: Option<u64>,
    /// Which sightings with an equal process number are the same process.
    pub same_process: Option<SameProcess>,
    /// Whether entities stay that the answer does not show.
    pub keep: bool,
}

/// What [`Store::expand`] gives.
#[derive(Debug, Clone)]
pub struct Expanded {
    /// The entities, those that came back among them.
    pub entities: EntitySet,
    /// The query, if one was made.
    pub query: Option<QueryResult>,
    /// The attribute that was asked for, if the entities have any.
    pub attribute: Option<AttributePath>,
    /// How many different values of it were asked for.
    pub values: u64,
    /// Entities that the answer does not show and that were therefore left out.
    pub left_out: u64,
}

impl Store {
    /// Asks again for all records that show these entities, and adds the entities in them that
    /// are the same. Nothing is asked if there are no entities, if none has an id attribute, or
    /// if `unless` says so. Source: entities specification 6.
    pub fn expand(
        &mut self,
        entities: &EntitySet,
        request: &ExpandRequest<'_>,
    ) -> Result<Expanded, StoreError> {
        let unchanged = |attribute| Expanded {
            entities: entities.clone(),
            query: None,
            attribute,
            values: 0,
            left_out: 0,
        };
        if entities.is_empty() {
            return Ok(unchanged(None));
        }
        let Some((attribute, values)) = self.id_values(entities, request.id_attributes)? else {
            return Ok(unchanged(None));
        };
        if request.unless == Some(attribute) {
            return Ok(unchanged(Some(attribute.clone())));
        }
        let count = values.len() as u64;
        let about = Pattern::Test(Comparison {
            entity_type: request.entity_type.clone(),
            path: attribute.clone(),
            operator: Operator::Equal,
            negated: false,
            operand: Operand { values, references: Vec::new() },
        });
        let pattern = match request.pattern {
            Some(besides) => Pattern::And(vec![about, besides.clone()]),
            None => about,
        };
        let query = self.fetch(&FetchRequest {
            sources: request.sources,
            entity_type: request.entity_type,
            pattern: Some(&pattern),
            window: request.window,
            limit: request.limit,
        })?;
        let by_number = attribute.steps().len() == 1 && attribute.last_key() == "pid";
        let mut same = vec![false; self.entities.len()];
        match request.same_process {
            Some(offsets) if by_number && request.entity_type.as_str() == "process" => {
                for entity in self.same_processes(entities, &query, offsets)? {
                    same[entity as usize] = true;
                }
            }
            _ => {
                for (_, object) in &self.hits[query.query as usize] {
                    same[self.archive.entities[*object as usize] as usize] = true;
                }
            }
        }
        let mut world = entities.world.clone();
        world.queries.push(query.query);
        // Entities in the order they had, new ones behind them.
        let known = self.entities_of(entities)?;
        let mut found: Vec<u32> =
            known.iter().copied().filter(|entity| request.keep || same[*entity as usize]).collect();
        let left_out = (known.len() - found.len()) as u64;
        known.iter().for_each(|entity| same[*entity as usize] = false);
        found.extend((0u32..).zip(&same).filter(|(_, new)| **new).map(|(entity, _)| entity));
        let (found, left_out) = if found.is_empty() {
            // An empty answer must not lose what is known.
            (EntitySet { world, ..entities.clone() }, 0)
        } else {
            (self.set_of(found, request.entity_type, world)?, left_out)
        };
        let attribute = Some(attribute.clone());
        Ok(Expanded { entities: found, query: Some(query), attribute, values: count, left_out })
    }

    /// Returns the first of these attributes that any of the entities has a non-empty value
    /// for, with its distinct values.
    fn id_values<'a>(
        &mut self,
        entities: &EntitySet,
        candidates: &'a [AttributePath],
    ) -> Result<Option<(&'a AttributePath, Vec<Value>)>, StoreError> {
        for attribute in candidates {
            let codes = self.distinct_codes(entities, attribute)?;
            let present = |value: &ValueRef<'_>| value.as_text() != Some("");
            let values: Vec<Value> = codes
                .into_iter()
                .map(|code| self.dictionary.get(code))
                .filter(present)
                .map(|value| value.to_value())
                .collect();
            if !values.is_empty() {
                return Ok(Some((attribute, values)));
            }
        }
        Ok(None)
    }
}
