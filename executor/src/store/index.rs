//! A hash table of dense numbers: which number something has that lies elsewhere.

use hashbrown::{HashTable, hash_table::Entry};

/// Numbers by the hash of what they stand for. Half of the hash lies beside each number, so that
/// looking for something rarely has to look at something else, and growing looks at nothing.
#[derive(Debug, Default)]
pub(super) struct Index {
    table: HashTable<Slot>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    number: u32,
}

impl Slot {
    fn new(hash: u64, number: u32) -> Self {
        Slot { hash: (hash >> 32) as u32, number }
    }

    /// The hash to the table: it takes the place from the low bits and a tag from the high ones.
    fn spread(self) -> u64 {
        spread(self.hash)
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

impl Index {
    /// Returns the number under this hash for which `same` is true.
    pub(super) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = (hash >> 32) as u32;
        let found = self.table.find(spread(hash), |slot| slot.hash == hash && same(slot.number));
        found.map(|slot| slot.number)
    }

    /// Returns the number under this hash for which `same` is true, which is `new` if there was
    /// none before.
    pub(super) fn find_or_insert(&mut self, hash: u64, new: u32, same: impl Fn(u32) -> bool) -> u32 {
        let slot = Slot::new(hash, new);
        let is_it = |known: &Slot| known.hash == slot.hash && same(known.number);
        match self.table.entry(slot.spread(), is_it, |known| known.spread()) {
            Entry::Occupied(known) => known.get().number,
            Entry::Vacant(place) => place.insert(slot).get().number,
        }
    }

    /// Adds a number, whether or not there is another one like it.
    pub(super) fn insert(&mut self, hash: u64, number: u32) {
        let slot = Slot::new(hash, number);
        self.table.insert_unique(slot.spread(), slot, |known| known.spread());
    }

    /// Returns the bytes of memory that it takes, about.
    pub(super) fn bytes(&self) -> u64 {
        self.table.capacity() as u64 * (size_of::<Slot>() as u64 + 1)
    }
}
