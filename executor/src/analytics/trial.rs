//! What an analytic made of a sample, in words.

use duckdb::arrow::{array::Array, record_batch::RecordBatch, util::display::array_value_to_string};
use kestrel_ir::text::visible;

/// Values of a column that are shown.
const SHOWN: usize = 5;

/// Returns the columns that are new or different, with their first values.
pub fn news(before: &RecordBatch, after: &RecordBatch) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (field, array) in after.schema().fields().iter().zip(after.columns()) {
        let shown = values(array.as_ref());
        if before.column_by_name(field.name()).is_none_or(|old| values(old.as_ref()) != shown) {
            out.push((visible(field.name()), shown));
        }
    }
    out
}

/// Returns what would keep a table from being merged into a variable.
pub fn problems(table: &RecordBatch) -> Vec<&'static str> {
    let mut out = Vec::new();
    if table.column_by_name("id").is_none() {
        out.push("the table is without \"id\"");
    }
    if table.column_by_name("type").is_none() {
        out.push("the table is without \"type\"");
    }
    out
}

fn values(array: &dyn Array) -> String {
    let mut shown: Vec<String> = (0..array.len().min(SHOWN))
        .map(|row| {
            if array.is_null(row) {
                return "missing".to_owned();
            }
            array_value_to_string(array, row).map_or("?".to_owned(), |text| visible(&text))
        })
        .collect();
    if array.len() > SHOWN {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}
