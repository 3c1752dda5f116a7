//! JSON files: an array of objects or of texts, or one object a line.

use std::{fs, path::Path};

use kestrel_stix::{EntityType, Value, attribute::push_key, schema};
use serde_json::Value as Json;

use super::{Problem, Rows};

/// Larger files are refused: unlike tables, JSON is held in memory while it is read.
const LARGEST: u64 = 4 << 30;

/// Reads a file. Texts become the primary attribute of the type; nested dictionaries become
/// dotted attributes.
pub(super) fn read(path: &Path, entity_type: Option<&EntityType>) -> Result<Rows, Problem> {
    let damaged = |cause: String| Problem::Damaged { format: "JSON", cause };
    let size = fs::metadata(path).map_err(Problem::Io)?.len();
    if size > LARGEST {
        return Err(damaged(format!("it has {size} bytes, more than can be read as JSON")));
    }
    let bytes = fs::read(path).map_err(Problem::Io)?;
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes))
        .map_err(|error| damaged(format!("it is no UTF-8 from byte {} on", error.valid_up_to())))?;
    let mut items = Vec::new();
    for (n, document) in serde_json::Deserializer::from_str(text).into_iter::<Json>().enumerate() {
        match document.map_err(|error| damaged(error.to_string()))? {
            Json::Array(list) if n == 0 && items.is_empty() => items = list,
            other => items.push(other),
        }
    }
    let mut rows = Table::default();
    for item in items {
        match item {
            Json::Object(object) => {
                let mut row = Vec::new();
                flatten(&mut rows, String::new(), object, &mut row);
                rows.add(row);
            }
            Json::String(text) => {
                let Some(entity_type) = entity_type else {
                    return Err(Problem::Other(crate::ops::OpError::refused(
                        kestrel_ir::diagnostic::Code::E0304,
                        "a list of texts does not tell the entity type",
                        "name it: `LOAD … AS process`",
                    )));
                };
                let column = rows.column(schema::primary_attribute(entity_type.as_str()));
                rows.add(vec![(column, Value::Text(text))]);
            }
            other => {
                let kind = match other {
                    Json::Null => "null",
                    Json::Bool(_) => "a boolean",
                    Json::Number(_) => "a number",
                    _ => "a list",
                };
                return Err(damaged(format!("a row is an object or a text, not {kind}")));
            }
        }
    }
    Ok(rows.finish())
}

/// Rows as they come, columns in order of first appearance.
#[derive(Default)]
struct Table {
    columns: Vec<String>,
    index: std::collections::HashMap<String, usize, ahash::RandomState>,
    rows: Vec<Vec<(usize, Value)>>,
}

impl Table {
    fn column(&mut self, name: &str) -> usize {
        if let Some(known) = self.index.get(name) {
            return *known;
        }
        self.columns.push(name.to_owned());
        self.index.insert(name.to_owned(), self.columns.len() - 1);
        self.columns.len() - 1
    }

    fn add(&mut self, row: Vec<(usize, Value)>) {
        self.rows.push(row);
    }

    fn finish(self) -> Rows {
        let width = self.columns.len();
        let rows = self.rows.into_iter().map(|cells| {
            let mut row = vec![None; width];
            for (column, value) in cells {
                row[column] = Some(value);
            }
            row
        });
        Rows { rows: rows.collect(), columns: self.columns, untyped: false }
    }
}

fn flatten(
    table: &mut Table,
    prefix: String,
    object: serde_json::Map<String, Json>,
    row: &mut Vec<(usize, Value)>,
) {
    for (key, value) in object {
        let name = if prefix.is_empty() {
            // Top-level keys may be paths already: `src_ref.value`.
            key
        } else {
            let mut name = format!("{prefix}.");
            push_key(&mut name, &key);
            name
        };
        let value = match value {
            Json::Null => continue,
            Json::Bool(b) => Value::Bool(b),
            Json::String(text) => Value::Text(text),
            Json::Number(number) => match (number.as_i64(), number.as_f64().filter(|n| n.is_finite())) {
                (Some(n), _) => Value::Int(n),
                (None, Some(n)) => Value::Float(n),
                (None, None) => Value::Text(number.to_string()),
            },
            list @ Json::Array(_) => Value::Json(list.to_string()),
            // The parser limits how deep these go.
            Json::Object(inner) => {
                flatten(table, name, inner, row);
                continue;
            }
        };
        let column = table.column(&name);
        row.push((column, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(content: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, content).expect("written");
        match read(&path, Some(&EntityType::new("process"))) {
            Ok(rows) => {
                let lines: Vec<_> = rows
                    .rows
                    .iter()
                    .map(|row| {
                        let cells: Vec<_> = row
                            .iter()
                            .map(|cell| cell.as_ref().map(ToString::to_string).unwrap_or_default())
                            .collect();
                        cells.join("|")
                    })
                    .collect();
                format!("{}\n{}", rows.columns.join("|"), lines.join("\n"))
            }
            Err(Problem::Damaged { cause, .. }) => cause,
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn arrays_lines_and_texts_are_rows() {
        insta::assert_snapshot!(shown(r#"[{"name":"a","pid":4,"hashes":{"SHA-256":"x"}},{"pid":1.5,"l":[1,"b"],"n":null}]"#), @r#"
        name|pid|hashes.'SHA-256'|l
        a|4|x|
        |1.5||[1,"b"]
        "#);
        insta::assert_snapshot!(shown("{\"name\":\"a\"}\n\n{\"name\":\"b\",\"src_ref.value\":\"c\"}\n"), @r"
        name|src_ref.value
        a|
        b|c
        ");
        insta::assert_snapshot!(shown(r#"["a.exe", "b.exe"]"#), @r"
        name
        a.exe
        b.exe
        ");
        insta::assert_snapshot!(shown(""), @"");
    }

    #[test]
    fn what_is_no_row_is_an_error() {
        insta::assert_snapshot!(shown("[1]"), @"a row is an object or a text, not a number");
        insta::assert_snapshot!(shown("[{\"a\":"), @"EOF while parsing a value at line 1 column 6");
        assert!(shown(&"[".repeat(100_000)).contains("recursion limit"));
    }
}
