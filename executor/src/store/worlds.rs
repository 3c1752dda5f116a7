//! The objects that a world's records show or reach, each under its last sighting.

use std::{collections::VecDeque, sync::Arc};

use kestrel_stix::TimeWindow;

use super::{NO_CODE, Pool, Store, StoreError, World, archive::Archive, watch::MANY};

/// Objects of so many worlds are kept.
const KEPT: usize = 8;
/// Objects, each with the key of the last record that shows or reaches it: the record's place by
/// last time, then the object's place in it.
pub(super) type Objects = Arc<[(u32, u64)]>;

/// What is known of worlds.
#[derive(Debug, Default)]
pub(super) struct Worlds {
    objects: VecDeque<Known>,
    /// Places of records by time change when a source is added; their order does not.
    ranks: u32,
}

#[derive(Debug)]
struct Known {
    world: World,
    ranks: u32,
    records: Vec<u32>,
    objects: Objects,
}

impl Worlds {
    /// Notes that places of records by time changed.
    pub(super) fn new_ranks(&mut self) {
        self.ranks += 1;
    }
}

/// Walks over what records show and reach.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The number of the last visit of each object.
    stamps: Vec<u32>,
    visit: u32,
    stack: Vec<u32>,
}

impl Walk {
    /// Tells each object that a record shows, with its place in it, and each that is only
    /// reached by references from there, after those.
    pub(super) fn record(&mut self, archive: &Archive, record: u32, mut tell: impl FnMut(u32, u32)) {
        self.stamps.resize(archive.objects(), NO_CODE);
        self.visit = match self.visit.checked_add(1).filter(|visit| *visit < NO_CODE) {
            Some(visit) => visit,
            None => {
                self.stamps.fill(NO_CODE);
                0
            }
        };
        self.stack.clear();
        for (object, ord) in archive.shown(record) {
            if std::mem::replace(&mut self.stamps[object as usize], self.visit) != self.visit {
                tell(object, ord);
                self.stack.push(object);
            }
        }
        let mut place = archive.shown(record).last().map_or(0, |(_, ord)| ord + 1);
        while let Some(object) = self.stack.pop() {
            for link in archive.links(object) {
                if std::mem::replace(&mut self.stamps[link.target as usize], self.visit) != self.visit {
                    tell(link.target, place);
                    place += 1;
                    self.stack.push(link.target);
                }
            }
        }
    }
}

impl Store {
    /// Returns the objects that a world's records show or reach; the key orders sightings, the
    /// last one counts.
    pub(super) fn world_objects(&mut self, world: &World) -> Result<Objects, StoreError> {
        if let Some(known) = self.worlds.objects.iter().find(|known| known.world == *world) {
            return Ok(known.objects.clone());
        }
        let records = self.world_candidates(world, TimeWindow::default());
        let ranks = self.worlds.ranks;
        // What the pool before has need not be looked at again.
        let before = self.worlds.objects.iter().rev().find(|known| {
            let pools = known.world.pool.zip(world.pool);
            known.ranks == ranks
                && known.world.queries == world.queries
                && known.world.synthetic == world.synthetic
                && pools.is_some_and(|(known, pool)| self.is_before(known, pool))
        });
        let (old, base) =
            before.map_or((&[][..], &[][..]), |known| (known.records.as_slice(), &*known.objects));
        let mut objects = base.to_vec();
        let mut places = vec![NO_CODE; self.archive.objects()];
        for ((object, _), place) in base.iter().zip(0u32..) {
            places[*object as usize] = place;
        }
        let mut walk = Walk::default();
        let mut old = old.iter().peekable();
        for (at, record) in records.iter().enumerate() {
            if at % MANY == 0 {
                self.go_on()?;
            }
            // Both ascend.
            while old.next_if(|known| *known < record).is_some() {}
            if old.next_if(|known| *known == record).is_some() {
                continue;
            }
            let rank = u64::from(self.times.rank(*record)) << 32;
            walk.record(&self.archive, *record, |object, ord| {
                let key = rank | u64::from(ord);
                let place = &mut places[object as usize];
                if *place == NO_CODE {
                    *place = objects.len() as u32;
                    objects.push((object, key));
                } else {
                    let known = &mut objects[*place as usize].1;
                    *known = key.max(*known);
                }
            });
        }
        let objects: Objects = objects.into();
        self.worlds.objects.push_back(Known {
            world: world.clone(),
            ranks,
            records,
            objects: objects.clone(),
        });
        if self.worlds.objects.len() > KEPT {
            self.worlds.objects.pop_front();
        }
        Ok(objects)
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
}
