//! Results as the one JSON document of the public contract, format version 1.

use std::io;

use kestrel_stix::Value;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use super::{DisplayResult, Located, Results, SourceResult, Table, VariableResult, severity_word};

/// Version of the document's shape.
pub const FORMAT_VERSION: u32 = 1;

/// Writes the document, one line, row by row without building it in memory.
pub fn write(results: &Results, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Document(results))?;
    out.write_all(b"\n")
}

/// Returns the document as text.
pub fn to_string(results: &Results) -> String {
    let mut out = Vec::new();
    // Writing into memory cannot fail, and every key is text.
    let _ = write(results, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

struct Document<'r>(&'r Results);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let results = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format_version", &FORMAT_VERSION)?;
        map.serialize_entry("variables", &Variables(&results.variables))?;
        map.serialize_entry("displays", &List(&results.displays, Display))?;
        map.serialize_entry("sources", &List(&results.sources, Source))?;
        map.serialize_entry("diagnostics", &List(&results.located(), DiagnosticJson))?;
        map.serialize_entry(
            "summary",
            &serde_json::json!({
                "failed": results.summary.failed,
                "skipped": results.summary.skipped,
                "stopped": results.summary.stopped,
            }),
        )?;
        map.end()
    }
}

/// A list whose items are wrapped while writing.
struct List<'r, T, W>(&'r [T], fn(&'r T) -> W);

impl<T, W: Serialize> Serialize for List<'_, T, W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            list.serialize_element(&self.1(item))?;
        }
        list.end()
    }
}

struct Variables<'r>(&'r [VariableResult]);

impl Serialize for Variables<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for variable in self.0 {
            map.serialize_entry(&variable.name, &Variable(variable))?;
        }
        map.end()
    }
}

struct Variable<'r>(&'r VariableResult);

impl Serialize for Variable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let variable = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &variable.entity_type)?;
        map.serialize_entry("kind", &variable.kind)?;
        map.serialize_entry("entities", &variable.entities)?;
        map.serialize_entry("records", &variable.records)?;
        map.serialize_entry("row_count", &variable.row_count)?;
        if !variable.related.is_empty() {
            map.serialize_entry("related", &Related(&variable.related))?;
        }
        if let Some(table) = &variable.rows {
            map.serialize_entry("rows", &Objects(table))?;
            if table.rendered.capped > 0 {
                map.serialize_entry("rows_left_out", &table.rendered.capped)?;
            }
        }
        map.end()
    }
}

struct Related<'r>(&'r [(String, u64)]);

impl Serialize for Related<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name, count)))
    }
}

/// A table as a list of objects.
struct Objects<'r>(&'r Table);

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.0;
        let mut list = serializer.serialize_seq(Some(table.len()))?;
        for row in 0..table.len() {
            list.serialize_element(&Object { table, row })?;
        }
        list.end()
    }
}

struct Object<'r> {
    table: &'r Table,
    row: usize,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.table.columns.iter().zip(self.table.row(self.row).map(Cell)))
    }
}

/// A table as a list of lists.
struct Lists<'r>(&'r Table);

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.0;
        let mut list = serializer.serialize_seq(Some(table.len()))?;
        for row in 0..table.len() {
            let cells: Vec<Cell<'_>> = table.row(row).map(Cell).collect();
            list.serialize_element(&cells)?;
        }
        list.end()
    }
}

/// A value: numbers and booleans as such, lists and dictionaries as JSON text, missing null.
struct Cell<'r>(Option<&'r Value>);

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_unit(),
            Some(Value::Int(n)) => serializer.serialize_i64(*n),
            Some(Value::Float(n)) => serializer.serialize_f64(*n),
            Some(Value::Bool(b)) => serializer.serialize_bool(*b),
            Some(Value::Text(text) | Value::Json(text)) => serializer.serialize_str(text),
        }
    }
}

struct Display<'r>(&'r DisplayResult);

impl Serialize for Display<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.0 {
            DisplayResult::Table(table) => {
                map.serialize_entry("kind", "table")?;
                map.serialize_entry("columns", &table.columns)?;
                map.serialize_entry("rows", &Lists(table))?;
                let left_out = table.rendered;
                for (key, count) in [
                    ("rows_folded", left_out.folded),
                    ("rows_empty", left_out.empty),
                    ("rows_cut", left_out.cut),
                ] {
                    if count > 0 {
                        map.serialize_entry(key, &count)?;
                    }
                }
            }
            DisplayResult::Dict(items) => {
                map.serialize_entry("kind", "dict")?;
                map.serialize_entry("items", &Items(items))?;
            }
            DisplayResult::Html(html) => {
                map.serialize_entry("kind", "html")?;
                map.serialize_entry("html", html)?;
            }
            DisplayResult::Text(text) => {
                map.serialize_entry("kind", "text")?;
                map.serialize_entry("text", text)?;
            }
        }
        map.end()
    }
}

struct Items<'r>(&'r [(String, Option<Value>)]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, Cell(value.as_ref()))))
    }
}

struct Source<'r>(&'r SourceResult);

impl Serialize for Source<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let source = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uri", &source.uri)?;
        map.serialize_entry("queries", &source.queries)?;
        map.serialize_entry("records", &source.records)?;
        map.serialize_entry("complete", &source.complete)?;
        // Whole seconds, so that two runs of a hunt give the same bytes.
        map.serialize_entry("seconds", &(source.seconds.max(0.0) as u64))?;
        map.serialize_entry("error", &source.error)?;
        map.end()
    }
}

struct DiagnosticJson<'l, 'r>(&'l Located<'r>);

impl Serialize for DiagnosticJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Located { diagnostic, place } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", diagnostic.code.as_str())?;
        map.serialize_entry("category", diagnostic.category().as_str())?;
        map.serialize_entry("severity", severity_word(diagnostic.severity))?;
        map.serialize_entry("message", &diagnostic.message)?;
        map.serialize_entry("file", &place.map(|place| place.file))?;
        map.serialize_entry("line", &place.map(|place| place.start.line))?;
        map.serialize_entry("column", &place.map(|place| place.start.column))?;
        map.serialize_entry("end_line", &place.map(|place| place.end.line))?;
        map.serialize_entry("end_column", &place.map(|place| place.end.column))?;
        map.serialize_entry("help", &diagnostic.help)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::results;

    #[test]
    fn the_document_has_the_contracts_shape() {
        let value: serde_json::Value = serde_json::from_str(&super::to_string(&results())).expect("JSON");
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).expect("JSON"));
    }
}
