//! The operations of a plan, one file each, over the rows of a [`Store`].
//!
//! Each takes entity sets, whose attributes were checked when compiling as far as possible, and
//! gives a new one or something to show. Rows are selected, ordered and put together by the
//! database; values are looked at here, once for each distinct value.

pub mod apply;
pub mod describe;
pub mod display;
pub mod explain;
pub mod files;
pub mod filter;
pub mod group;
pub mod info;
pub mod join;
pub mod load;
pub mod project;
pub mod save;
pub mod slice;
pub mod sort;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod transform;
pub mod union;

use kestrel_ir::{
    Rows,
    diagnostic::{Code, Diagnostic, Span},
    text::visible,
};
use kestrel_stix::{AttributePath, schema};

use crate::store::{EntitySet, Known, Store, StoreError};

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] files::FileError),
    /// No row of the set can have the attribute.
    #[error("{entity_type} entities here have no attribute `{path}`")]
    UnknownAttribute {
        /// The attribute.
        path: AttributePath,
        /// Type of the entities.
        entity_type: String,
        /// Names that look like it.
        nearest: Vec<String>,
    },
    /// Another operation than the types allow.
    #[error("{message}")]
    Refused {
        /// What kind of refusal.
        code: Code,
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
}

impl OpError {
    /// Makes a refusal.
    pub(crate) fn refused(code: Code, message: impl Into<String>, help: &str) -> Self {
        OpError::Refused { code, message: message.into(), help: (!help.is_empty()).then(|| help.to_owned()) }
    }

    /// Turns the error into a message at the step that failed.
    pub fn diagnostic(&self, span: Span) -> Diagnostic {
        match self {
            OpError::Store(error) => error.diagnostic(span),
            OpError::File(error) => error.diagnostic(span),
            OpError::UnknownAttribute { nearest, .. } => {
                let diagnostic = Diagnostic::new(Code::E0301, self.to_string()).at(span);
                match nearest.as_slice() {
                    [] => diagnostic.help("`INFO` shows the attributes of a variable"),
                    names => {
                        let names: Vec<_> = names.iter().map(|name| format!("`{}`", visible(name))).collect();
                        diagnostic.help(format!("did you mean {}?", names.join(" or ")))
                    }
                }
            }
            OpError::Refused { code, message, help } => {
                let diagnostic = Diagnostic::new(*code, message.clone()).at(span);
                match help {
                    Some(help) => diagnostic.help(help.clone()),
                    None => diagnostic,
                }
            }
        }
    }
}

/// Checks that a set has an attribute, or may have it. An empty set may have every one.
pub(crate) fn require(store: &mut Store, set: &EntitySet, path: &AttributePath) -> Result<(), OpError> {
    if set.is_empty() || store.may_have(set, path) {
        return Ok(());
    }
    match store.known(set, path)? {
        Known::Present | Known::InType => Ok(()),
        // Entities of a huntflow or a file have the columns given there, but may be asked for
        // what their type usually has. What `ATTR` left out is refused when compiling.
        Known::Unknown { .. } if set.rows != Rows::Groups && is_common(set, path) => Ok(()),
        Known::Unknown { nearest } => Err(OpError::UnknownAttribute {
            path: path.clone(),
            entity_type: set.entity_type.to_string(),
            nearest,
        }),
    }
}

fn is_common(set: &EntitySet, path: &AttributePath) -> bool {
    let text = path.to_string().replace("[*]", "");
    schema::common_attributes(set.entity_type.as_str())
        .iter()
        .any(|common| text.strip_prefix(common).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Refuses what groups cannot do, having lost the identity of entities.
pub(crate) fn require_entities(set: &EntitySet, what: &str) -> Result<(), OpError> {
    match set.rows {
        Rows::Groups => Err(OpError::refused(
            Code::E0305,
            format!("{what} is not available after GROUP"),
            "use the variable before the grouping",
        )),
        _ => Ok(()),
    }
}

/// The columns of a set's table besides `pos`, for a `SELECT`: `t.ent, t.rec, t.x0`.
pub(crate) fn carried(set: &EntitySet, table: &str) -> String {
    let mut columns = vec![format!("{table}.ent")];
    if set.rows == Rows::Appearances {
        columns.push(format!("{table}.rec"));
    }
    columns.extend(set.extra.iter().map(|(_, column)| format!("{table}.{column}")));
    columns.join(", ")
}

/// Runs `with` over the table of some attributes' codes (`pos`, `c0`, `c1` …), then drops it.
pub(crate) fn with_codes<R>(
    store: &mut Store,
    set: &EntitySet,
    paths: &[AttributePath],
    with: impl FnOnce(&mut Store, &str) -> Result<R, OpError>,
) -> Result<R, OpError> {
    let table = store.codes(set, paths)?;
    with_table(store, table, with)
}

/// Runs `with` over a table, then drops it.
pub(crate) fn with_table<R>(
    store: &mut Store,
    table: String,
    with: impl FnOnce(&mut Store, &str) -> Result<R, OpError>,
) -> Result<R, OpError> {
    let result = with(store, &table);
    let dropped = store.drop_table(&table);
    let result = result?;
    dropped?;
    Ok(result)
}
