//! The places of records in time.

use kestrel_stix::Timestamp;

use super::Store;

/// Records with times stand after all those without.
const TIMED: u32 = 1 << 31;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Place of each record by last time, and by first.
    ranks: Vec<u32>,
    born: Vec<u32>,
}

impl Times {
    /// Returns the place of a record by last time.
    pub(super) fn rank(&self, record: u32) -> u32 {
        self.ranks[record as usize]
    }

    /// Returns the place of a record by first appearance.
    pub(super) fn born(&self, record: u32) -> u32 {
        self.born[record as usize]
    }
}

impl Store {
    /// Returns the place of a record among all records by last time.
    pub fn rank(&self, record: u32) -> u32 {
        self.times.rank(record)
    }

    /// Orders the records by time, after a source was added.
    pub(super) fn rank_records(&mut self) {
        let count = self.records.len() as u32;
        // Records without times come first, in the order of their numbers; by first appearance,
        // they come last.
        let place = |times: &dyn Fn(u32) -> Option<Timestamp>, untimed: u32, base: u32| {
            let mut timed: Vec<(Timestamp, u32)> =
                (0..count).filter_map(|record| Some((times(record)?, record))).collect();
            if !timed.is_sorted() {
                timed.sort_unstable();
            }
            let mut places: Vec<u32> = (0..count).map(|record| untimed | record).collect();
            for (place, (_, record)) in timed.iter().enumerate() {
                places[*record as usize] = base | place as u32;
            }
            places
        };
        let records = &self.records;
        self.times.ranks = place(&|record| records.last(record), 0, TIMED);
        self.times.born = place(&|record| records.first(record), TIMED, 0);
        self.worlds.new_ranks();
    }

    /// Gives the last records, which have no times, their places.
    pub(super) fn rank_untimed(&mut self) {
        let (from, to) = (self.times.ranks.len() as u32, self.records.len() as u32);
        self.times.ranks.extend(from..to);
        self.times.born.extend((from..to).map(|record| TIMED | record));
    }
}
