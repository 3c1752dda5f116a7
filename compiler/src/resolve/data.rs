//! The data of `NEW`: columns, values and the entity type. Source: language specification 3.7.

use kestrel_ir::diagnostic::{Code, Diagnostic, Span};
use kestrel_stix::{AttributePath, EntityType, Value, schema};

use crate::ast::{New, NewData, NumberValue, Object, Scalar};

/// The resolved rows.
pub struct Data {
    /// Their type.
    pub entity_type: EntityType,
    /// Column names, in order of first appearance.
    pub columns: Vec<AttributePath>,
    /// One value, or none, a column.
    pub rows: Vec<Vec<Option<Value>>>,
}

/// Resolves the data of a `NEW`, or reports what is wrong with it.
pub fn resolve(new: &New, found: &mut Vec<Diagnostic>) -> Option<Data> {
    let named = new.entity_type.as_ref().map(|name| EntityType::new(&name.text));
    match &new.data {
        NewData::Empty => {
            let entity_type = named.or_else(|| missing_type(new.data_span, found))?;
            Some(Data { entity_type, columns: Vec::new(), rows: Vec::new() })
        }
        NewData::Texts(texts) => {
            let entity_type = named.or_else(|| missing_type(new.data_span, found))?;
            let primary = schema::primary_attribute(entity_type.as_str());
            let integer = schema::is_integer_attribute(entity_type.as_str(), primary);
            let value = |text: &str| match text.parse::<i64>() {
                Ok(number) if integer => Value::Int(number),
                _ => Value::text(text),
            };
            let rows = texts.iter().map(|text| vec![Some(value(&text.value))]).collect();
            Some(Data { entity_type, columns: vec![AttributePath::key(primary)], rows })
        }
        NewData::Objects(objects) => objects_of(new, objects, named, found),
    }
}

fn objects_of(
    new: &New,
    objects: &[Object],
    named: Option<EntityType>,
    found: &mut Vec<Diagnostic>,
) -> Option<Data> {
    let mut in_data: Option<(EntityType, Span)> = None;
    let mut columns: Vec<AttributePath> = Vec::new();
    let mut index = std::collections::HashMap::new();
    let mut cells: Vec<Vec<(usize, Option<Value>)>> = Vec::new();
    for object in objects {
        let mut row = Vec::new();
        for (key, scalar) in &object.fields {
            if key.value == "type" {
                let entity_type = type_of(scalar, found)?;
                match &in_data {
                    Some((first, place)) if *first != entity_type => {
                        let message =
                            format!("the data has entities of two types, {first} and {entity_type}");
                        let wrong = Diagnostic::new(Code::E0303, message)
                            .at(scalar.span())
                            .label(*place, "the first type");
                        found.push(wrong.help("write one NEW for each type"));
                        return None;
                    }
                    Some(_) => {}
                    None => in_data = Some((entity_type, scalar.span())),
                }
                continue;
            }
            let column = match index.get(key.value.as_str()) {
                Some(column) => *column,
                None => {
                    let Ok(path) = key.value.parse::<AttributePath>() else {
                        let message = format!("`{}` is no attribute name", key.value);
                        found.push(
                            Diagnostic::new(Code::E0301, message)
                                .at(key.span)
                                .help("attribute names are words joined by dots"),
                        );
                        return None;
                    };
                    let known = columns.iter().position(|column| *column == path);
                    let column = known.unwrap_or_else(|| {
                        columns.push(path);
                        columns.len() - 1
                    });
                    index.insert(key.value.as_str(), column);
                    column
                }
            };
            row.push((column, value_of(scalar)));
        }
        cells.push(row);
    }
    let entity_type = match (in_data, named) {
        (Some((entity_type, place)), Some(named)) if entity_type != named => {
            let message = format!("the data says {entity_type}, NEW says {named}: the data wins");
            let span = new.entity_type.as_ref().map_or(place, |name| name.span);
            found.push(Diagnostic::new(Code::W0002, message).at(span).label(place, "the type in the data"));
            entity_type
        }
        (Some((entity_type, _)), _) => entity_type,
        (None, Some(named)) => named,
        (None, None) => missing_type(new.data_span, found)?,
    };
    let rows = cells
        .into_iter()
        .map(|cells| {
            let mut row = vec![None; columns.len()];
            for (column, value) in cells {
                row[column] = value;
            }
            row
        })
        .collect();
    Some(Data { entity_type, columns, rows })
}

fn type_of(scalar: &Scalar, found: &mut Vec<Diagnostic>) -> Option<EntityType> {
    match scalar {
        Scalar::Text(text) if !text.value.is_empty() => Some(EntityType::new(&text.value)),
        other => {
            let wrong =
                Diagnostic::new(Code::E0304, "the value of `type` is no entity type").at(other.span());
            found.push(wrong.help("write its name in quotes, for example \"process\""));
            None
        }
    }
}

fn value_of(scalar: &Scalar) -> Option<Value> {
    match scalar {
        Scalar::Text(text) => Some(Value::text(&text.value)),
        Scalar::Number(number) => Some(match number.value {
            NumberValue::Int(n) => Value::Int(n),
            NumberValue::Float(n) => Value::Float(n),
        }),
        Scalar::Bool(value, _) => Some(Value::Bool(*value)),
        Scalar::Null(_) => None,
    }
}

fn missing_type(span: Span, found: &mut Vec<Diagnostic>) -> Option<EntityType> {
    let wrong =
        Diagnostic::new(Code::E0304, "NEW has no entity type, neither in the command nor in its data");
    found.push(wrong.at(span).help("name it: `NEW process […]`, or give each object a \"type\""));
    None
}
