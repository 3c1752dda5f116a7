//! Statements of two plans put side by side.
//!
//! Statements with the same facts are the same, wherever they moved; of the others, those that
//! stand at the same place and make the same variable, or do the same kind of thing, are one
//! statement that changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use kestrel_ir::Plan;
use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::statements::{self, Statement};
use crate::review::places::Places;

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only in the new hunt.
    Added,
    /// Only in the old hunt.
    Removed,
    /// In both, doing something else.
    Changed,
    /// The same, at another place.
    Moved,
    /// The same, on the result of changed work.
    Affected,
}

/// A statement that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementChange {
    /// What became of it.
    pub change: Change,
    /// What it is called.
    pub statement: String,
    /// Line in the old huntflow, if the plan carries its text.
    pub old_line: Option<u32>,
    /// Line in the new huntflow.
    pub new_line: Option<u32>,
    /// Facts that went: `where name = 'cmd.exe'`.
    pub removed: Vec<String>,
    /// Facts that came.
    pub added: Vec<String>,
}

/// Above so many statements, an exact alignment may stop early; it stays correct, only longer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// A statement of one plan or a pair.
#[derive(Debug, Clone, Copy)]
enum Aligned {
    Both(usize, usize),
    Old(usize),
    New(usize),
}

/// Times that renamed variables are looked for: the renaming of one can hide that of another.
const MAX_ROUNDS: usize = 8;

pub(super) fn compare(old: &Plan, new: &Plan) -> (Vec<StatementChange>, Vec<(String, String)>) {
    let news = statements::of(new, &BTreeMap::new());
    let mut renamed = BTreeMap::new();
    let mut olds = statements::of(old, &renamed);
    let mut aligned = align(&olds, &news);
    for _ in 0..MAX_ROUNDS {
        let more = renamings(&aligned, &olds, &news, &renamed);
        if more.is_empty() {
            break;
        }
        renamed.extend(more);
        olds = statements::of(old, &renamed);
        aligned = align(&olds, &news);
    }
    let affected = affected(&aligned, &olds, &news);
    let sides = Sides {
        old,
        new,
        olds: &olds,
        news: &news,
        old_places: Places::of(old),
        new_places: Places::of(new),
    };
    let mut changes = Vec::new();
    for (n, pair) in aligned.iter().enumerate() {
        match *pair {
            Aligned::Old(a) => changes.push(sides.change(Change::Removed, Some(a), None)),
            Aligned::New(b) => changes.push(sides.change(Change::Added, None, Some(b))),
            Aligned::Both(a, b) if olds[a].facts != news[b].facts => changes.push(sides.changed(a, b)),
            Aligned::Both(a, b) if affected.contains(&n) => {
                let mut change = sides.change(Change::Affected, Some(a), Some(b));
                change.removed.clear();
                change.added.clear();
                changes.push(change);
            }
            Aligned::Both(..) => {}
        }
    }
    // The same statement gone here and come there has moved.
    join_moved(&mut changes);
    (changes, renamed.into_iter().collect())
}

/// Variables that statements with the same facts make under names that only one plan has.
fn renamings(
    aligned: &[Aligned],
    olds: &[Statement],
    news: &[Statement],
    known: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let all = |statements: &[Statement]| -> BTreeSet<String> {
        statements.iter().flat_map(|statement| statement.variables.clone()).collect()
    };
    let (old_names, new_names) = (all(olds), all(news));
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut taken: BTreeSet<&String> = known.values().collect();
    for pair in aligned {
        let Aligned::Both(a, b) = *pair else { continue };
        if olds[a].facts != news[b].facts {
            continue;
        }
        for (old, new) in olds[a].variables.iter().zip(&news[b].variables) {
            let fresh = !new_names.contains(old) && !old_names.contains(new);
            if fresh && !known.contains_key(old) && !found.contains_key(old) && taken.insert(new) {
                found.insert(old.clone(), new.clone());
            }
        }
    }
    found
}

/// Pairs that do the same, but on what changed statements give.
fn affected(aligned: &[Aligned], olds: &[Statement], news: &[Statement]) -> BTreeSet<usize> {
    let (mut old_dirty, mut new_dirty) = (vec![false; olds.len()], vec![false; news.len()]);
    for pair in aligned {
        match *pair {
            Aligned::Old(a) => old_dirty[a] = true,
            Aligned::New(b) => new_dirty[b] = true,
            Aligned::Both(a, b) => {
                let differ = olds[a].facts != news[b].facts;
                (old_dirty[a], new_dirty[b]) = (differ, differ);
            }
        }
    }
    let mut affected = BTreeSet::new();
    // One round suffices where pairs stand in one order; crossed ones may need more.
    for _ in 0..MAX_ROUNDS {
        let before = affected.len();
        for (n, pair) in aligned.iter().enumerate() {
            let Aligned::Both(a, b) = *pair else { continue };
            let dirty = olds[a].needs.iter().any(|need| old_dirty[*need])
                || news[b].needs.iter().any(|need| new_dirty[*need]);
            if dirty && !old_dirty[a] {
                (old_dirty[a], new_dirty[b]) = (true, true);
                affected.insert(n);
            }
        }
        if affected.len() == before {
            break;
        }
    }
    affected
}

struct Sides<'p> {
    old: &'p Plan,
    new: &'p Plan,
    olds: &'p [Statement],
    news: &'p [Statement],
    old_places: Places,
    new_places: Places,
}

impl Sides<'_> {
    fn lines(&self, old: Option<usize>, new: Option<usize>) -> (Option<u32>, Option<u32>) {
        let line = |plan: &Plan, places: &Places, statement: &Statement| places.line(plan, statement.first);
        (
            old.and_then(|n| line(self.old, &self.old_places, &self.olds[n])),
            new.and_then(|n| line(self.new, &self.new_places, &self.news[n])),
        )
    }

    fn change(&self, change: Change, old: Option<usize>, new: Option<usize>) -> StatementChange {
        let (old_line, new_line) = self.lines(old, new);
        let facts = |statement: &Statement| -> Vec<String> {
            statement.facts.iter().map(|(label, text)| format!("{label} {text}")).collect()
        };
        let statement = new.map(|n| &self.news[n]).or(old.map(|n| &self.olds[n]));
        StatementChange {
            change,
            statement: statement.map_or(String::new(), |statement| statement.title.clone()),
            old_line,
            new_line,
            removed: old.map_or(Vec::new(), |n| facts(&self.olds[n])),
            added: new.map_or(Vec::new(), |n| facts(&self.news[n])),
        }
    }

    /// Returns how two statements at the same place differ.
    fn changed(&self, a: usize, b: usize) -> StatementChange {
        let mut change = self.change(Change::Changed, Some(a), Some(b));
        let (old, new) = (change.removed.clone(), change.added.clone());
        change.removed.retain(|fact| !new.contains(fact));
        change.added.retain(|fact| !old.contains(fact));
        if change.removed.is_empty() && change.added.is_empty() {
            // The same facts in another order.
            (change.removed, change.added) = (old, new);
        }
        change
    }
}

/// Puts a statement that went and the same one that came together; it stands where it came.
fn join_moved(changes: &mut Vec<StatementChange>) {
    let mut gone: HashMap<(String, Vec<String>), VecDeque<usize>> = HashMap::new();
    for (n, change) in changes.iter().enumerate() {
        if change.change == Change::Removed {
            let key = (change.statement.clone(), change.removed.clone());
            gone.entry(key).or_default().push_back(n);
        }
    }
    let mut joined = BTreeSet::new();
    for n in 0..changes.len() {
        let change = &changes[n];
        if change.change != Change::Added {
            continue;
        }
        let key = (change.statement.clone(), change.added.clone());
        let Some(old) = gone.get_mut(&key).and_then(VecDeque::pop_front) else { continue };
        let old_line = changes[old].old_line;
        let change = &mut changes[n];
        (change.change, change.old_line) = (Change::Moved, old_line);
        change.added.clear();
        joined.insert(old);
    }
    let mut n = 0;
    changes.retain(|_| {
        n += 1;
        !joined.contains(&(n - 1))
    });
}

fn align(olds: &[Statement], news: &[Statement]) -> Vec<Aligned> {
    // Equal facts become equal numbers, which are quick to compare.
    let mut numbers: HashMap<&[(String, String)], usize> = HashMap::new();
    let mut numbered = Vec::with_capacity(olds.len() + news.len());
    for statement in olds.iter().chain(news) {
        let next = numbers.len();
        numbered.push(*numbers.entry(&statement.facts).or_insert(next));
    }
    let (before, after) = numbered.split_at(olds.len());
    let deadline = std::time::Instant::now() + PATIENCE;
    let ops = capture_diff_slices_deadline(Algorithm::Myers, before, after, Some(deadline));
    let mut aligned = Vec::new();
    for op in ops {
        match op {
            DiffOp::Equal { old_index, new_index, len } => {
                aligned.extend((0..len).map(|n| Aligned::Both(old_index + n, new_index + n)));
            }
            DiffOp::Delete { old_index, old_len, .. } => {
                aligned.extend((old_index..old_index + old_len).map(Aligned::Old));
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                aligned.extend((new_index..new_index + new_len).map(Aligned::New));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                let a = old_index..old_index + old_len;
                let b = new_index..new_index + new_len;
                pair(olds, news, a, b, &mut aligned);
            }
        }
    }
    aligned
}

/// Pairs statements that replace others: those that make the same variable, then those of the same
/// kind, in order.
fn pair(
    olds: &[Statement],
    news: &[Statement],
    a: std::ops::Range<usize>,
    b: std::ops::Range<usize>,
    aligned: &mut Vec<Aligned>,
) {
    let mut partner: HashMap<usize, usize> = HashMap::new();
    let mut taken = BTreeSet::new();
    let by_variables = |statement: &Statement| statement.variables.join(",");
    let by_kind = |statement: &Statement| -> String {
        statement
            .title
            .rsplit(" = ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    // A plain function and a closure are not of one type; a reference to either is.
    type Key<'k> = &'k dyn Fn(&Statement) -> String;
    let keys: [(Key<'_>, bool); 2] = [(&by_variables, true), (&by_kind, false)];
    for (key, named) in keys {
        let mut waiting: HashMap<String, VecDeque<usize>> = HashMap::new();
        for n in a.clone().filter(|n| !taken.contains(n)) {
            if !named || !olds[n].variables.is_empty() {
                waiting.entry(key(&olds[n])).or_default().push_back(n);
            }
        }
        for n in b.clone() {
            if partner.contains_key(&n) {
                continue;
            }
            if let Some(old) = waiting.get_mut(&key(&news[n])).and_then(VecDeque::pop_front) {
                partner.insert(n, old);
                taken.insert(old);
            }
        }
    }
    aligned.extend(a.filter(|n| !taken.contains(n)).map(Aligned::Old));
    aligned.extend(b.map(|n| match partner.get(&n) {
        Some(old) => Aligned::Both(*old, n),
        None => Aligned::New(n),
    }));
}
