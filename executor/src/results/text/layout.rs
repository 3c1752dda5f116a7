//! Which columns of a table a terminal shows, and how wide.

use std::borrow::Cow;

use kestrel_stix::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::results::{Table, table::printable};

/// Columns between two columns.
const GAP: usize = 2;

/// No text column is made narrower than this, unless the terminal itself is.
const NARROWEST: usize = 14;

/// The columns to show.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) columns: Vec<Column>,
    /// Indices of the columns that do not fit.
    pub(super) left_out: Vec<usize>,
}

/// One shown column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its index in the table.
    pub(super) index: usize,
    /// Terminal cells it takes.
    pub(super) width: usize,
    /// True for numbers, which stand at the right.
    pub(super) right: bool,
}

/// Fits the first `rows` rows of a table into `width` terminal cells.
///
/// Long text columns are narrowed first, all to the same largest width; when the narrowest
/// widths do not fit either, columns at the end are left out.
pub(super) fn fit(table: &Table, rows: usize, width: Option<usize>) -> Layout {
    let mut columns: Vec<Column> = (0..table.columns.len())
        .map(|index| {
            let header = printable(&table.columns[index]).width();
            let cells = (0..rows).map(|row| cell_text(table.cell(row, index)).width()).max().unwrap_or(0);
            Column { index, width: header.max(cells), right: table.is_numeric(index) }
        })
        .collect();
    let mut left_out = Vec::new();
    if let Some(width) = width.map(|width| width.max(NARROWEST)) {
        let least = |column: &Column| if column.right { column.width } else { column.width.min(NARROWEST) };
        let mut used = 0;
        let fitting = columns
            .iter()
            .take_while(|column| {
                used += least(column) + if used == 0 { 0 } else { GAP };
                used <= width
            })
            .count()
            .max(1);
        left_out = columns.drain(fitting.min(columns.len())..).map(|column| column.index).collect();
        narrow(&mut columns, width);
    }
    Layout { columns, left_out }
}

/// Lowers the widths of the widest text columns until the whole fits.
fn narrow(columns: &mut [Column], width: usize) {
    let gaps = GAP * columns.len().saturating_sub(1);
    let total = |cap: usize, columns: &[Column]| -> usize {
        columns
            .iter()
            .map(|column| if column.right { column.width } else { column.width.min(cap) })
            .sum::<usize>()
            + gaps
    };
    let (mut low, mut high) = (1, columns.iter().map(|column| column.width).max().unwrap_or(1).max(1));
    // The largest cap that fits.
    while low < high {
        let middle = (low + high).div_ceil(2);
        if total(middle, columns) <= width {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    for column in columns.iter_mut().filter(|column| !column.right) {
        column.width = column.width.min(low);
    }
}

/// Returns a cell's text, harmless for a terminal; missing values are empty.
pub(super) fn cell_text(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        None => Cow::Borrowed(""),
        Some(Value::Text(text) | Value::Json(text)) => printable(text),
        Some(other) => Cow::Owned(other.to_string()),
    }
}

/// Shortens text to `width` terminal cells, its end replaced by `…`.
pub(super) fn cut_back(text: &str, width: usize) -> Cow<'_, str> {
    if text.len() <= width || text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 1;
    let mut out: String = text
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect();
    out.push('…');
    Cow::Owned(out)
}

/// Shortens text to `width` terminal cells, its start replaced by `…`: the last steps of an
/// attribute path tell most.
pub(super) fn cut_front(text: &str, width: usize) -> Cow<'_, str> {
    if text.len() <= width || text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 1;
    let tail: Vec<char> = text
        .chars()
        .rev()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect();
    Cow::Owned(std::iter::once('…').chain(tail.into_iter().rev()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_terminal_cells() {
        assert_eq!(cut_back("abcdef", 4), "abc…");
        assert_eq!(cut_back("日本語", 5), "日本…");
        assert_eq!(cut_back("日本語", 4), "日…");
        assert_eq!(cut_front("binary_ref.name", 6), "….name");
        assert_eq!(cut_back("abc", 3), "abc");
    }
}
