//! `INFO`: what is known about a variable. Language 3.11, entities 4.5.

use kestrel_ir::{Rows, op::About};
use kestrel_stix::{AttributePath, Value};

use super::OpError;
use crate::store::{EntitySet, Store};

/// How many rows and records a variable has, as all results count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// See [`VariableResult::entities`](crate::results::VariableResult::entities).
    pub entities: u64,
    /// See [`VariableResult::records`](crate::results::VariableResult::records).
    pub records: u64,
}

/// Counts rows and records. Groups count as entities only where `identified`: one of their
/// keys identifies entities of the type. Source: entities 2.2.
pub fn counts(store: &mut Store, set: &EntitySet, identified: bool) -> Result<Shown, OpError> {
    Ok(match set.rows {
        Rows::Groups if identified => Shown { entities: set.count, records: set.count },
        Rows::Groups => Shown { entities: 0, records: set.count },
        _ => Shown { entities: set.count, records: store.counts(set)?.records },
    })
}

/// Returns labels and values, in order.
pub fn info(
    store: &mut Store,
    set: &EntitySet,
    about: &About,
    identified: bool,
) -> Result<Vec<(String, Option<Value>)>, OpError> {
    let counts = counts(store, set, identified)?;
    let mut columns = store.own_attributes(set);
    let present = store.columns_of(set)?;
    let more: Vec<AttributePath> = present.into_iter().filter(|path| !columns.contains(path)).collect();
    columns.extend(more);
    let mut own = Vec::new();
    let mut custom = Vec::new();
    // One list for each reference path, in column order.
    let mut indirect: Vec<(String, Vec<String>)> = Vec::new();
    for path in &columns {
        let (references, rest) = path.split_references();
        if references.is_empty() || set.extra_column(path).is_some() && set.rows == Rows::Groups {
            if path.steps()[0].key.starts_with("x_") { &mut custom } else { &mut own }.push(path.to_string());
        } else {
            let prefix = AttributePath::text_of(references);
            let name = AttributePath::text_of(rest);
            match indirect.last_mut() {
                Some((known, names)) if *known == prefix => names.push(name),
                _ => indirect.push((prefix, vec![name])),
            }
        }
    }
    let indirect: Vec<String> = indirect
        .iter()
        .map(|(prefix, names)| {
            names.iter().map(|name| format!("{prefix}.{name}")).collect::<Vec<_>>().join(", ")
        })
        .collect();
    let number = |n: u64| Some(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)));
    let entities = match set.rows {
        Rows::Groups if !identified => Some(Value::text(match set.count {
            1 => "1 group".to_owned(),
            count => format!("{count} groups"),
        })),
        _ => number(counts.entities),
    };
    let text = |text: String| Some(Value::Text(text));
    Ok(vec![
        ("Entity Type".to_owned(), text(set.entity_type.to_string())),
        ("Number of Entities".to_owned(), entities),
        ("Number of Records".to_owned(), number(counts.records)),
        ("Entity Attributes".to_owned(), text(own.join(", "))),
        ("Indirect Attributes".to_owned(), text(indirect.join("\n"))),
        ("Customized Attributes".to_owned(), text(custom.join(", "))),
        ("Birth Command".to_owned(), text(about.birth_command.clone())),
        ("Associated Datasource".to_owned(), about.data_source.clone().map(Value::Text)),
        ("Dependent Variables".to_owned(), text(about.dependencies.join(", "))),
    ])
}
