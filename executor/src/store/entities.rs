//! The entities of a session: a STIX UUID and a type each, by number.

use ahash::RandomState;
use uuid::Uuid;

use super::{TypeId, index::Index};

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Entities {
    rows: Vec<(Uuid, TypeId)>,
    index: Index,
    hasher: RandomState,
}

impl Entities {
    /// Returns the number of entities.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns UUID and type of an entity.
    pub(super) fn get(&self, entity: u32) -> (Uuid, TypeId) {
        self.rows[entity as usize]
    }

    /// Returns the number of an entity that is known.
    pub(super) fn find(&self, uuid: Uuid, entity_type: TypeId) -> Option<u32> {
        let row = (uuid, entity_type);
        self.index.find(self.hasher.hash_one(row), |known| self.rows[known as usize] == row)
    }

    /// Returns the number of an entity; none if it is new and there is no number left below
    /// `most`.
    pub(super) fn intern(&mut self, uuid: Uuid, entity_type: TypeId, most: u32) -> Option<u32> {
        let row = (uuid, entity_type);
        let new = u32::try_from(self.rows.len()).ok().filter(|new| *new < most);
        let hash = self.hasher.hash_one(row);
        let rows = &self.rows;
        let Some(new) = new else { return self.find(uuid, entity_type) };
        let number = self.index.find_or_insert(hash, new, |known| rows[known as usize] == row);
        if number == new {
            self.rows.push(row);
        }
        Some(number)
    }

    /// Returns the bytes of memory that they take, about.
    pub(super) fn bytes(&self) -> u64 {
        (self.rows.len() * size_of::<(Uuid, TypeId)>()) as u64 + self.index.bytes()
    }
}
