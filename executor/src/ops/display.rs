//! `DISP`: the rows of a set as a table. Language 3.9, entities 4.4.

use kestrel_stix::AttributePath;

use super::{OpError, with_codes};
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
    with_codes(store, set, &columns, |store, codes| {
        let list: Vec<String> = (0..columns.len()).map(|n| format!("c{n}")).collect();
        let list = list.join(", ");
        let present = format!("coalesce({list}) IS NOT NULL");
        let kept = store.read_number(&format!("SELECT count(*)::BIGINT FROM {codes} WHERE {present}"))?;
        let kept = kept.unwrap_or(0).unsigned_abs();
        let select = format!("SELECT {list} FROM {codes} WHERE {present} GROUP BY {list} ORDER BY min(pos)");
        let mut builder = Decoder::new(store, names(&columns));
        builder.read(store, &select)?;
        let shown = builder.rows;
        let rendered = Rendered {
            folded: kept.saturating_sub(shown),
            empty: set.count.saturating_sub(kept),
            cut,
            capped: 0,
        };
        Ok(builder.finish(rendered))
    })
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
    with_codes(store, set, &columns, |store, codes| {
        let list: Vec<String> = (0..columns.len()).map(|n| format!("c{n}")).collect();
        let select = format!("SELECT {} FROM {codes} WHERE pos < {taken} ORDER BY pos", list.join(", "));
        let mut builder = Decoder::new(store, names(&columns));
        builder.read(store, &select)?;
        Ok(builder.finish(rendered))
    })
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

    fn read(&mut self, store: &mut Store, select: &str) -> Result<(), OpError> {
        let columns = store.read(select)?;
        let dictionary = store.dictionary();
        for row in 0..columns.len() {
            let cells: Vec<Option<u32>> = columns
                .row(row)
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
        Ok(())
    }

    fn finish(self, rendered: Rendered) -> Table {
        self.builder.finish(rendered)
    }
}
