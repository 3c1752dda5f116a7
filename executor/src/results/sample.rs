//! Results that the rendering tests share.

use kestrel_ir::{
    Rows, SourceText,
    diagnostic::{Code, Diagnostic, SourceId, Span},
};
use kestrel_stix::Value;

use super::{DisplayResult, Rendered, Results, SourceResult, Summary, Table, VariableResult};

/// Makes a table whose cells are written as JSON values; lists become JSON text.
pub(crate) fn table(columns: &[&str], rows: &str) -> Table {
    let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(rows).expect("rows are JSON");
    let value = |cell: serde_json::Value| match cell {
        serde_json::Value::Null => None,
        serde_json::Value::Bool(b) => Some(Value::Bool(b)),
        serde_json::Value::Number(n) => n.as_i64().map(Value::Int).or_else(|| n.as_f64().map(Value::Float)),
        serde_json::Value::String(text) => Some(Value::Text(text)),
        other => Some(Value::Json(other.to_string())),
    };
    let rows = rows.into_iter().map(|row| row.into_iter().map(value).collect());
    Table::from_rows(columns.iter().map(|column| (*column).to_owned()).collect(), rows)
}

/// A run with one of everything.
pub(crate) fn results() -> Results {
    let mut shown = table(
        &["name", "pid", "x_score", "protocols", "is_hidden"],
        r#"[["C:\\temp\\a.exe", 4, 0.5, ["ip","tcp"], true], ["<b>\u001b[31m\nred", null, 12.25, null, false]]"#,
    );
    shown.rendered = Rendered { folded: 2, empty: 1, cut: 3, capped: 0 };
    let text = "p = GET process FROM lab WHERE pid = 1\nDISP p SORT BY colour\n";
    let error = Diagnostic::new(Code::E0301, "no entity of `p` has attribute `colour`")
        .at(Span::new(SourceId(0), text.find("colour").unwrap_or(0), text.find("colour").unwrap_or(0) + 6))
        .help("the nearest is `color`");
    Results {
        profile: Default::default(),
        variables: vec![
            VariableResult {
                name: "p".to_owned(),
                entity_type: Some("process".to_owned()),
                kind: Rows::Entities,
                entities: 2,
                records: 12,
                row_count: 2,
                updated: true,
                related: vec![("file".to_owned(), 28), ("mutex".to_owned(), 0), ("process".to_owned(), 42)],
                rows: Some(table(&["name", "pid"], r#"[["a", 4], ["b", null]]"#)),
            },
            VariableResult {
                name: "_".to_owned(),
                entity_type: Some("process".to_owned()),
                kind: Rows::Groups,
                entities: 0,
                records: 3,
                row_count: 3,
                updated: true,
                related: Vec::new(),
                rows: None,
            },
        ],
        displays: vec![
            DisplayResult::Table(shown),
            DisplayResult::Dict(vec![
                ("count".to_owned(), Some(Value::Int(2))),
                ("mean".to_owned(), Some(Value::Float(1.5))),
                ("top".to_owned(), None),
            ]),
            DisplayResult::Html("<svg/>".to_owned()),
            DisplayResult::Text("n0  fetch process <- lab\n".to_owned()),
        ],
        sources: vec![
            SourceResult {
                uri: "stixbundle://a.json".to_owned(),
                queries: 2,
                records: 350,
                complete: true,
                seconds: 0.25,
                error: None,
            },
            SourceResult {
                uri: "stixbundle://b.json".to_owned(),
                queries: 1,
                records: 0,
                complete: false,
                seconds: 0.0,
                error: Some("not found".to_owned()),
            },
        ],
        diagnostics: vec![error, Diagnostic::new(Code::W0009, "`stixbundle://b.json` answered in part")],
        summary: Summary { seconds: 0.4, failed: 1, skipped: 0, stopped: false },
        texts: vec![SourceText { name: "hunt.hf".to_owned(), text: text.to_owned() }],
    }
}
