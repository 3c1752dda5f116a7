//! `LOAD`: entities from a file. Language 3.8, entities 8.2.

mod columnar;
mod json;

use std::path::Path;

use kestrel_ir::{
    diagnostic::{Code, Diagnostic},
    op::Load,
    text::visible,
};
use kestrel_stix::{AttributePath, EntityType, Value, schema};

use super::{
    OpError,
    files::{FileError, Format, kind_of, resolve, unpack},
};
use crate::store::{EntitySet, Store};

/// A file as rows, before types and names mean anything.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Names as in the file, distinct.
    pub(crate) columns: Vec<String>,
    /// One value, or none, for each column; rows may be shorter.
    pub(crate) rows: Vec<Vec<Option<Value>>>,
    /// True when every value is text, and its kind is to be guessed.
    pub(crate) untyped: bool,
}

/// What loading gives.
#[derive(Debug)]
pub struct LoadedFile {
    /// The entities, in file order.
    pub set: EntitySet,
    /// Told without a place.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a file now, whatever was read from it before. The data's `type` wins over the one
/// written after `AS`.
pub fn load(
    store: &mut Store,
    load: &Load,
    base: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<LoadedFile, OpError> {
    let path = resolve(&load.path, base, variable)?;
    let (format, _) = kind_of(&path)?;
    let unpacked = unpack(&path)?;
    let written = load.entity_type.as_ref();
    let read = match format {
        Format::Csv => columnar::csv(store, unpacked.path()),
        Format::Parquet => columnar::parquet(store, unpacked.path()),
        Format::Json | Format::JsonLines => json::read(unpacked.path(), written),
    };
    let rows = read.map_err(|problem| problem.at(&path, unpacked.path()))?;
    let shown = super::files::shown(&path);
    let mut warnings = Vec::new();
    let (entity_type, columns, rows) = typed(rows, written, &shown, &mut warnings)?;
    Ok(LoadedFile { set: store.literal(&entity_type, &columns, &rows)?, warnings })
}

/// Why the content of a file cannot be read; the file's name is added by the caller.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The content does not fit the format.
    Damaged { format: &'static str, cause: String },
    /// The system refused.
    Io(std::io::Error),
    /// Anything else.
    Other(OpError),
}

impl Problem {
    /// Names the file; `read` is the private path under which it was read.
    fn at(self, path: &Path, read: &Path) -> OpError {
        match self {
            Problem::Damaged { format, cause } => {
                let cause = cause.lines().next().unwrap_or_default();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let cause = visible(&cause.replace(&*read.to_string_lossy(), &name));
                FileError::Damaged { path: super::files::shown(path), format, cause }.into()
            }
            Problem::Io(cause) => FileError::io(path, "read", cause).into(),
            Problem::Other(error) => error,
        }
    }
}

/// Takes the type out of the rows, turns names into paths and gives values their kinds.
#[expect(clippy::type_complexity, reason = "type, columns and rows, taken apart at once")]
fn typed(
    rows: Rows,
    written: Option<&EntityType>,
    file: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(EntityType, Vec<AttributePath>, Vec<Vec<Option<Value>>>), OpError> {
    let Rows { columns, mut rows, untyped } = rows;
    let type_column = columns.iter().position(|name| name == "type");
    let mut types: Vec<String> = Vec::new();
    if let Some(at) = type_column {
        for row in &rows {
            if let Some(Some(value)) = row.get(at) {
                let name = value.to_string();
                if !types.contains(&name) {
                    types.push(name);
                }
            }
        }
    }
    let entity_type = match (types.as_slice(), written) {
        ([], Some(written)) => written.clone(),
        ([], None) => {
            return Err(OpError::refused(
                Code::E0304,
                format!("`{file}` has no column `type`"),
                "name the entity type: `LOAD … AS process`",
            ));
        }
        ([found], written) => {
            if let Some(written) = written.filter(|written| written.as_str() != found) {
                let found = visible(found);
                let message =
                    format!("`{file}` says that its entities are `{found}`, not `{written}`; the file wins");
                warnings.push(Diagnostic::new(Code::W0002, message));
            }
            EntityType::new(found)
        }
        (several, _) => {
            let names: Vec<_> = several.iter().take(5).map(|name| format!("`{}`", visible(name))).collect();
            return Err(OpError::refused(
                Code::E0303,
                format!("there is more than one entity type in `{file}`: {}", names.join(", ")),
                "load files of one entity type each",
            ));
        }
    };
    let mut paths: Vec<AttributePath> = Vec::with_capacity(columns.len());
    let mut kept: Vec<usize> = Vec::with_capacity(columns.len());
    for (n, name) in columns.iter().enumerate() {
        if Some(n) == type_column || name == "spec_version" || name.is_empty() {
            continue;
        }
        let path = name.parse().unwrap_or_else(|_| AttributePath::key(name));
        if !paths.contains(&path) {
            paths.push(path);
            kept.push(n);
        }
    }
    for row in &mut rows {
        let mut old = std::mem::take(row);
        *row = kept.iter().map(|n| old.get_mut(*n).and_then(Option::take)).collect();
    }
    for (n, path) in paths.iter().enumerate() {
        let (references, _) = path.split_references();
        let owner = if references.is_empty() { entity_type.as_str() } else { "" };
        if schema::is_integer_attribute(owner, path.last_key()) || is_integer_anywhere(path) {
            rows.iter_mut().filter_map(|row| row[n].as_mut()).for_each(make_integer);
        } else if untyped {
            guess(&mut rows, n, is_text(path));
        }
    }
    Ok((entity_type, paths, rows))
}

/// Integer attributes of referenced entities, whose type the name does not tell.
fn is_integer_anywhere(path: &AttributePath) -> bool {
    matches!(path.last_key(), "pid" | "src_port" | "dst_port") && !path.split_references().0.is_empty()
}

/// Attributes that are text although their values may look like numbers.
fn is_text(path: &AttributePath) -> bool {
    let key = path.last_key();
    key == "id" || key.ends_with("_id") || key.ends_with("Id") || key == "serial_number" || key == "name"
}

/// Makes a value a whole number where it spells one: `4`, `4.0`, `0x4`.
fn make_integer(value: &mut Value) {
    let whole = match value {
        Value::Float(n) if n.fract() == 0.0 && n.abs() < 9e15 => Some(*n as i64),
        Value::Text(text) => {
            let text = text.trim();
            let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            match hex {
                Some(hex) => i64::from_str_radix(hex, 16).ok(),
                None => {
                    text.parse().ok().or_else(|| text.strip_suffix(".0").and_then(|whole| whole.parse().ok()))
                }
            }
        }
        _ => None,
    };
    if let Some(whole) = whole {
        *value = Value::Int(whole);
    }
}

/// Gives the texts of a column the kind that all of them have.
fn guess(rows: &mut [Vec<Option<Value>>], column: usize, text: bool) {
    let texts = || {
        rows.iter().filter_map(|row| match &row[column] {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        })
    };
    let Some(first) = texts().next() else { return };
    let is_list = |text: &str| {
        text.starts_with(['[', '{']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    };
    let change: fn(&str) -> Option<Value> = if is_list(first) && texts().all(is_list) {
        |text| Some(Value::Json(text.to_owned()))
    } else if text {
        return;
    } else if integer(first).is_some() && texts().all(|text| integer(text).is_some()) {
        integer
    } else if float(first).is_some() && texts().all(|text| float(text).is_some()) {
        float
    } else if boolean(first).is_some() && texts().all(|text| boolean(text).is_some()) {
        boolean
    } else {
        return;
    };
    for row in rows {
        if let Some(Value::Text(text)) = &row[column] {
            row[column] = change(text);
        }
    }
}

/// A whole number as programs write it; `007` is no number.
fn integer(text: &str) -> Option<Value> {
    let n: i64 = text.parse().ok()?;
    (n.to_string() == text).then_some(Value::Int(n))
}

fn float(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let plain = digits.starts_with(|c: char| c.is_ascii_digit()) && !leading_zero;
    text.parse().ok().filter(|n: &f64| plain && n.is_finite()).map(Value::Float)
}

fn boolean(text: &str) -> Option<Value> {
    if text.eq_ignore_ascii_case("true") {
        Some(Value::Bool(true))
    } else {
        text.eq_ignore_ascii_case("false").then_some(Value::Bool(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_get_the_kind_that_all_their_values_have() {
        let mut warnings = Vec::new();
        let texts = |cells: &[&str]| {
            cells.iter().map(|cell| (!cell.is_empty()).then(|| Value::text(*cell))).collect::<Vec<_>>()
        };
        let rows = Rows {
            columns: ["pid", "x_score", "x_code", "user_id", "x_on", "x_list", "type", "parent_ref.pid"]
                .map(str::to_owned)
                .to_vec(),
            rows: vec![
                texts(&["4", "1", "007", "1001", "True", "[1,2]", "process", "8.0"]),
                texts(&["0x10", "2.5", "8", "", "false", "", "process", ""]),
            ],
            untyped: true,
        };
        let (entity_type, paths, rows) =
            typed(rows, Some(&EntityType::new("file")), "a.csv", &mut warnings).expect("typed");
        assert_eq!(entity_type.as_str(), "process");
        let paths: Vec<_> = paths.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(paths.join(" "), @"pid x_score x_code user_id x_on x_list parent_ref.pid");
        let shown: Vec<_> = rows.iter().map(|row| format!("{row:?}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        [Some(Int(4)), Some(Float(1.0)), Some(Text("007")), Some(Text("1001")), Some(Bool(true)), Some(Json("[1,2]")), Some(Int(8))]
        [Some(Int(16)), Some(Float(2.5)), Some(Text("8")), None, Some(Bool(false)), None, None]
        "#);
        insta::assert_snapshot!(warnings[0].message, @"`a.csv` says that its entities are `process`, not `file`; the file wins");
    }

    #[test]
    fn the_type_has_to_be_one() {
        let rows = |types: &[&str]| Rows {
            columns: vec!["type".to_owned()],
            rows: types.iter().map(|name| vec![Some(Value::text(*name))]).collect(),
            untyped: true,
        };
        let message = |types: &[&str]| match typed(rows(types), None, "a.csv", &mut Vec::new()) {
            Ok((entity_type, ..)) => entity_type.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(message(&["file", "file"]), "file");
        assert_eq!(
            message(&["file", "process"]),
            "there is more than one entity type in `a.csv`: `file`, `process`"
        );
        assert_eq!(message(&[]), "`a.csv` has no column `type`");
    }
}
