//! A table of results: each distinct value once, cells as numbers.

use std::borrow::Cow;

use kestrel_stix::Value;

/// Marks a missing cell.
const MISSING: u32 = u32::MAX;

/// Rows and columns. A wide table of few distinct values takes four bytes a cell.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Names of the columns, canonical spelling.
    pub columns: Vec<String>,
    /// What was left out on the way to these rows.
    pub rendered: Rendered,
    values: Vec<Value>,
    cells: Vec<u32>,
    rows: usize,
}

/// What a display left out, so that renderings can say it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Rows that equal an earlier one in every shown column.
    pub folded: u64,
    /// Rows in which every shown value is missing.
    pub empty: u64,
    /// Rows that `LIMIT` and `OFFSET` left out, if that is known.
    pub cut: u64,
    /// Rows left out because the caller asked for at most so many.
    pub capped: u64,
}

impl Table {
    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns true if there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns a cell; none for a missing value.
    pub fn cell(&self, row: usize, column: usize) -> Option<&Value> {
        self.cells.get(row * self.columns.len() + column).and_then(|at| self.values.get(*at as usize))
    }

    /// Returns the cells of a row, in column order.
    pub fn row(&self, row: usize) -> impl Iterator<Item = Option<&Value>> {
        (0..self.columns.len()).map(move |column| self.cell(row, column))
    }

    /// Returns true if the column's present values are all numbers, and there is one.
    pub fn is_numeric(&self, column: usize) -> bool {
        let mut present = (0..self.rows).filter_map(|row| self.cell(row, column)).peekable();
        present.peek().is_some() && present.all(|value| matches!(value, Value::Int(_) | Value::Float(_)))
    }
}

/// Fills a table row by row.
#[derive(Debug)]
pub struct TableBuilder {
    table: Table,
}

impl TableBuilder {
    /// Starts a table of these columns.
    pub fn new(columns: Vec<String>) -> Self {
        TableBuilder { table: Table { columns, ..Table::default() } }
    }

    /// Adds a value to the pool and returns its number; the caller keeps values distinct.
    ///
    /// # Panics
    /// If the pool holds 2³²-1 values.
    pub fn value(&mut self, value: Value) -> u32 {
        let number = u32::try_from(self.table.values.len()).ok().filter(|n| *n != MISSING);
        self.table.values.push(value);
        number.expect("codes are 32 bits, so there are fewer distinct values")
    }

    /// Adds a row of value numbers, one for each column; none for missing values.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Option<u32>>) {
        let start = self.table.cells.len();
        self.table.cells.extend(cells.into_iter().map(|cell| cell.unwrap_or(MISSING)));
        self.table.cells.resize(start + self.table.columns.len(), MISSING);
        self.table.rows += 1;
    }

    /// Returns the table.
    pub fn finish(mut self, rendered: Rendered) -> Table {
        self.table.rendered = rendered;
        self.table
    }
}

impl Table {
    /// Makes a table from values as they are.
    pub fn from_rows(columns: Vec<String>, rows: impl IntoIterator<Item = Vec<Option<Value>>>) -> Self {
        let mut builder = TableBuilder::new(columns);
        for row in rows {
            let cells: Vec<_> = row.into_iter().map(|cell| cell.map(|value| builder.value(value))).collect();
            builder.row(cells);
        }
        builder.finish(Rendered::default())
    }
}

/// Returns text as a terminal may show it: control characters, escape sequences and characters
/// that hide or reverse text are written out; backslashes stay single, since paths are full of
/// them.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(kestrel_ir::text::visible(text).replace(r"\\", r"\"))
    }
}
