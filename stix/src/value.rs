//! Attribute values and how they are written.

use std::{cmp::Ordering, fmt, hash};

use serde::{Deserialize, Serialize};

/// One present attribute value. A missing value is the absence of a `Value`.
///
/// Source: entities specification 4.2.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A number with a fraction or exponent; finite.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text, timestamps among it, as given.
    Text(String),
    /// A list or dictionary, as JSON text without blanks.
    Json(String),
}

impl Value {
    /// Makes a text value.
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into())
    }

    /// Returns the number a value is, or that its text spells; none otherwise.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Int(n) => Some(*n as f64),
            Value::Float(n) => Some(*n),
            Value::Bool(b) => Some(f64::from(u8::from(*b))),
            Value::Text(text) => text.trim().parse::<f64>().ok().filter(|n| n.is_finite()),
            Value::Json(_) => None,
        }
    }

    /// Returns the value as JSON data.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Int(n) => (*n).into(),
            Value::Float(n) => serde_json::Number::from_f64(*n).map_or(serde_json::Value::Null, Into::into),
            Value::Bool(b) => (*b).into(),
            Value::Text(text) | Value::Json(text) => text.as_str().into(),
        }
    }

    /// Returns the rank of the value's kind, for sorting and storing: numbers and booleans
    /// before text before lists.
    pub fn kind(&self) -> u8 {
        match self {
            Value::Int(_) => 0,
            Value::Float(_) => 1,
            Value::Bool(_) => 2,
            Value::Text(_) => 3,
            Value::Json(_) => 4,
        }
    }
}

/// Shows the value as a table cell does: integers without fraction, floats in shortest form.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(n) => n.fmt(f),
            Value::Float(n) if n.fract() == 0.0 && n.abs() < 1e16 => write!(f, "{n:.1}"),
            Value::Float(n) => n.fmt(f),
            Value::Bool(b) => b.fmt(f),
            Value::Text(text) | Value::Json(text) => f.write_str(text),
        }
    }
}

impl PartialEq for Value {
    /// Same kind and same content; floats by bits, so that equality is total.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Text(a), Value::Text(b)) | (Value::Json(a), Value::Json(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl hash::Hash for Value {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.kind().hash(state);
        match self {
            Value::Int(n) => n.hash(state),
            Value::Float(n) => n.to_bits().hash(state),
            Value::Bool(b) => b.hash(state),
            Value::Text(text) | Value::Json(text) => text.hash(state),
        }
    }
}

impl Value {
    /// Orders values as `SORT` does: numbers (and booleans) by value before text by code
    /// points before lists. Total, and consistent with equality.
    /// Source: language specification 3.1.
    pub fn sort_order(&self, other: &Self) -> Ordering {
        let number = |value: &Value| match value {
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => value.as_number(),
            _ => None,
        };
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) | (Value::Json(a), Value::Json(b)) => a.cmp(b),
            _ => match (number(self), number(other)) {
                (Some(a), Some(b)) => a.total_cmp(&b).then(self.kind().cmp(&other.kind())),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => self.kind().cmp(&other.kind()),
            },
        }
    }
}
