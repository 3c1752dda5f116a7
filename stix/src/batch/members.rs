//! The members of one record while it is added: where references lead, and an order in which
//! targets come first.

use hashbrown::HashMap;

use super::{
    builder::{Form, Short},
    laid::{LaidObject, LaidSource},
    shapes::{NONE, Shapes, small},
};
use crate::record::{Defect, Defects, Object, Record, count_defect};

/// A record and the members it has beside [`Record::objects`].
#[derive(Clone, Copy)]
pub(super) struct Source<'r, 'a> {
    pub(super) record: &'r Record<'a>,
    pub(super) short: &'r [Short<'r>],
    pub(super) laid: LaidSource<'r>,
}

/// What is worked out about one member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) shape: u32,
    /// Index into the record's objects, or into the short ones.
    at: u32,
    is_short: bool,
    /// The batch's object, once it is numbered.
    pub(super) number: u32,
    /// Start and count of its targets.
    targets: (u32, u32),
    /// Targets as bits, in small records.
    needs: u64,
}

/// Per-record working memory, kept to save allocations.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) list: Vec<Member>,
    /// Member that each reference leads to, or [`NONE`].
    targets: Vec<u32>,
    /// Members in an order in which targets come before those that refer to them; the ones in
    /// cycles, and those that lead to them, are absent.
    pub(super) order: Vec<u32>,
    /// For each small number as key: run and member.
    by_number: Vec<(u64, u32)>,
    run: u64,
}

/// Up to this many members, sets of them are bits.
const FEW: usize = 64;

impl Members {
    /// Starts a record.
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.targets.clear();
        self.order.clear();
        self.run += 1;
    }

    #[inline]
    pub(super) fn push(&mut self, shape: u32, at: usize, is_short: bool) {
        let at = u32::try_from(at).unwrap_or(NONE);
        self.list.push(Member { shape, at, is_short, number: NONE, targets: (0, 0), needs: 0 });
    }

    /// Returns the object of a member, if it is written out.
    #[inline]
    pub(super) fn object<'r, 'a>(&self, source: Source<'r, 'a>, n: usize) -> Option<&'r Object<'a>> {
        let member = &self.list[n];
        (!member.is_short).then(|| &source.record.objects[member.at as usize])
    }

    /// Returns the object of a member, if it is of a plan and new.
    #[inline]
    pub(super) fn laid<'r>(&self, source: Source<'r, '_>, n: usize) -> Option<&'r LaidObject> {
        let member = &self.list[n];
        match source.short.get(member.at as usize).filter(|_| member.is_short)?.form {
            Form::Laid(number) => Some(source.laid.object(number)),
            Form::Again(_) => None,
        }
    }

    #[inline]
    pub(super) fn key<'r>(&self, source: Source<'r, '_>, n: usize) -> &'r str {
        let member = &self.list[n];
        if member.is_short {
            source.short[member.at as usize].key
        } else {
            &source.record.objects[member.at as usize].key
        }
    }

    /// Returns true if the member is seen in the record, not only reached.
    #[inline]
    pub(super) fn is_seen(&self, source: Source<'_, '_>, n: usize) -> bool {
        self.object(source, n).is_none_or(|object| object.seen)
    }

    #[inline]
    pub(super) fn targets_of(&self, n: usize) -> &[u32] {
        let (start, count) = self.list[n].targets;
        &self.targets[start as usize..][..count as usize]
    }

    /// Finds the target of each reference; counts those that lead nowhere or to themselves.
    pub(super) fn resolve(
        &mut self,
        source: Source<'_, '_>,
        shapes: &Shapes,
        defects: &mut Defects,
        place: &impl Fn() -> String,
    ) {
        let count = self.list.len();
        // The first one has the key when it is given twice.
        for n in (0..count).rev() {
            if let Some(number) = small(self.key(source, n)) {
                let number = usize::from(number);
                if self.by_number.len() <= number {
                    self.by_number.resize(number + 1, (0, NONE));
                }
                self.by_number[number] = (self.run, n as u32);
            }
        }
        let mut by_key: Option<HashMap<&str, u32, ahash::RandomState>> = None;
        for n in 0..count {
            let shape = self.list[n].shape;
            let start = self.targets.len();
            let mut needs = 0;
            for reference in shapes.references_of(shape) {
                let found = match reference.small {
                    Some(number) => match self.by_number.get(usize::from(number)) {
                        Some((run, member)) if *run == self.run => *member,
                        _ => NONE,
                    },
                    None => {
                        let by_key = by_key.get_or_insert_with(|| {
                            (0..count).rev().map(|n| (self.key(source, n), n as u32)).collect()
                        });
                        by_key.get(shapes.key(reference)).copied().unwrap_or(NONE)
                    }
                };
                let defect = match found {
                    NONE => Some(Defect::DanglingReference),
                    found if found as usize == n => Some(Defect::SelfReference),
                    _ => None,
                };
                if let Some(defect) = defect {
                    count_defect(defects, defect, || {
                        (place(), format!("{} of {}", shapes.name(reference), shapes.kind_of(shape).name))
                    });
                    self.targets.push(NONE);
                } else {
                    self.targets.push(found);
                    needs |= 1u64.checked_shl(found).unwrap_or_default();
                }
            }
            let member = &mut self.list[n];
            member.targets = (start as u32, (self.targets.len() - start) as u32);
            member.needs = needs;
        }
        self.sort();
    }

    /// Kahn's algorithm, targets first. Records are small and shallow, so a few sweeps do;
    /// large ones build the reverse edges once.
    fn sort(&mut self) {
        let count = self.list.len();
        if count <= FEW {
            let mut done = 0u64;
            loop {
                let before = self.order.len();
                for (n, member) in self.list.iter().enumerate() {
                    if done >> n & 1 == 0 && member.needs & !done == 0 {
                        done |= 1 << n;
                        self.order.push(n as u32);
                    }
                }
                if self.order.len() == before || self.order.len() == count {
                    return;
                }
            }
        }
        let mut referrers: Vec<Vec<u32>> = vec![Vec::new(); count];
        let mut waiting = vec![0usize; count];
        for (n, waiting) in waiting.iter_mut().enumerate() {
            for target in self.targets_of(n).iter().filter(|target| **target != NONE) {
                referrers[*target as usize].push(n as u32);
                *waiting += 1;
            }
        }
        self.order.extend((0..count).filter(|n| waiting[*n] == 0).map(|n| n as u32));
        let mut at = 0;
        while at < self.order.len() {
            for referrer in &referrers[self.order[at] as usize] {
                waiting[*referrer as usize] -= 1;
                if waiting[*referrer as usize] == 0 {
                    self.order.push(*referrer);
                }
            }
            at += 1;
        }
    }
}
