//! `DISP`: the rows of a set as a table. Language 3.9, entities 4.4.

use std::collections::HashSet;

use ahash::RandomState;
use kestrel_stix::AttributePath;

use super::OpError;
use crate::{
    results::{Rendered, Table, TableBuilder},
    store::{EntitySet, NO_CODE, Store},
};

/// Returns the visible rows: those without any value left out, equal ones folded into the
/// first. Both are counted. `cut` is how many rows `LIMIT` and `OFFSET` left out before.
pub fn display(store: &mut Store, set: &EntitySet, cut: u64) -> Result<Table, OpError> {
    let columns = store.columns_of(set)?;
    if columns.is_empty() || set.is_empty() {
        let rendered = Rendered { cut, empty: set.count, ..Rendered::default() };
        return Ok(TableBuilder::new(names(&columns)).finish(rendered));
    }
    let codes = store.read_codes(set, &columns, set.count)?;
    let mut builder = Decoder::new(store, names(&columns));
    let mut known: HashSet<Vec<u32>, RandomState> = HashSet::default();
    let mut kept = 0;
    for at in 0..codes.len() {
        let row: Vec<u32> = codes.row(at).collect();
        if row.iter().all(|code| *code == NO_CODE) {
            continue;
        }
        kept += 1;
        if !known.contains(&row) {
            builder.row(store, row.iter().copied());
            known.insert(row);
        }
    }
    let shown = builder.rows;
    let rendered = Rendered { folded: kept - shown, empty: set.count.saturating_sub(kept), cut, capped: 0 };
    Ok(builder.finish(rendered))
}

/// Returns all rows with all visible columns, at most `limit` of them; nothing is folded.
pub fn rows(store: &mut Store, set: &EntitySet, limit: Option<u64>) -> Result<Table, OpError> {
    let columns = store.columns_of(set)?;
    let taken = limit.map_or(set.count, |limit| limit.min(set.count));
    let rendered = Rendered { capped: set.count - taken, ..Rendered::default() };
    if columns.is_empty() || taken == 0 {
        let mut builder = TableBuilder::new(names(&columns));
        (0..taken).for_each(|_| builder.row([]));
        return Ok(builder.finish(rendered));
    }
    let codes = store.read_codes(set, &columns, taken)?;
    let mut builder = Decoder::new(store, names(&columns));
    for at in 0..codes.len() {
        builder.row(store, codes.row(at));
    }
    Ok(builder.finish(rendered))
}

fn names(columns: &[AttributePath]) -> Vec<String> {
    columns.iter().map(ToString::to_string).collect()
}

/// Turns codes into a table with each value once.
struct Decoder {
    builder: TableBuilder,
    /// The table's number of each code.
    numbers: Vec<u32>,
    rows: u64,
}

impl Decoder {
    fn new(store: &Store, columns: Vec<String>) -> Self {
        Decoder {
            builder: TableBuilder::new(columns),
            numbers: vec![NO_CODE; store.dictionary().len()],
            rows: 0,
        }
    }

    fn row(&mut self, store: &Store, codes: impl Iterator<Item = u32>) {
        let dictionary = store.dictionary();
        let cells: Vec<Option<u32>> = codes
            .map(|code| {
                let value = dictionary.present(code)?;
                let number = self.numbers.get_mut(code as usize)?;
                if *number == NO_CODE {
                    *number = self.builder.value(value.to_value());
                }
                Some(*number)
            })
            .collect();
        self.builder.row(cells);
        self.rows += 1;
    }

    fn finish(self, rendered: Rendered) -> Table {
        self.builder.finish(rendered)
    }
}
