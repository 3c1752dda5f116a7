//! Values inside lists and dictionaries: `values[*].name`, `protocols[*]`.

use serde_json::Value as Json;

use crate::{AttributePath, Step, Value, record::ValueRef};

/// Returns the values that the steps of one object lead to; references must have been
/// followed before. `lookup` gives an attribute by its flattened name.
///
/// The longest name that exists is taken; what remains of the path goes into its list or
/// dictionary, through every element of lists. A list at the end is one value; [`super::Test`]
/// looks at its elements.
pub fn values_at<'v>(steps: &[Step], lookup: impl Fn(&str) -> Option<ValueRef<'v>>) -> Vec<ValueRef<'v>> {
    for length in (1..=steps.len()).rev() {
        let (name, rest) = steps.split_at(length);
        // `[*]` inside a name can only go into a list, so the name ends there.
        if name[..length - 1].iter().any(|step| step.any) {
            continue;
        }
        let plain: Vec<Step> = name.iter().map(|step| Step { key: step.key.clone(), any: false }).collect();
        match lookup(&AttributePath::text_of(&plain)) {
            Some(ValueRef::Json(text)) if !rest.is_empty() => {
                return members(&text, rest).into_iter().map(owned).collect();
            }
            Some(value) if rest.is_empty() => return vec![value],
            _ => {}
        }
    }
    Vec::new()
}

/// Returns the values that `steps` lead to in a list or dictionary given as JSON text. Lists
/// on the way are gone through element by element; nulls are absent.
pub fn members(json: &str, steps: &[Step]) -> Vec<Value> {
    let Ok(root) = serde_json::from_str::<Json>(json) else { return Vec::new() };
    let mut level = vec![&root];
    for step in steps {
        level = level.into_iter().flat_map(spread).filter_map(|value| value.get(&step.key)).collect();
    }
    level.into_iter().filter_map(value_of).collect()
}

/// Returns the elements of a list given as JSON text; none for a dictionary or bad text.
pub(super) fn elements(json: &str) -> Option<Vec<Value>> {
    match serde_json::from_str(json).ok()? {
        Json::Array(elements) => Some(elements.iter().filter_map(value_of).collect()),
        _ => None,
    }
}

fn spread(value: &Json) -> &[Json] {
    match value {
        Json::Array(elements) => elements,
        other => std::slice::from_ref(other),
    }
}

fn value_of(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(b) => Value::Bool(*b),
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => match (number.as_i64(), number.as_f64().filter(|n| n.is_finite())) {
            (Some(n), _) => Value::Int(n),
            (None, Some(n)) => Value::Float(n),
            (None, None) => Value::Text(number.to_string()),
        },
        Json::Array(_) | Json::Object(_) => Value::Json(json.to_string()),
    })
}

fn owned(value: Value) -> ValueRef<'static> {
    match value {
        Value::Int(n) => ValueRef::Int(n),
        Value::Float(n) => ValueRef::Float(n),
        Value::Bool(b) => ValueRef::Bool(b),
        Value::Text(text) => ValueRef::Text(text.into()),
        Value::Json(text) => ValueRef::Json(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_through_names_first_and_then_into_values() {
        let lookup = |name: &str| match name {
            "values" => {
                Some(ValueRef::Json(r#"[{"name":"a","data":[1,2]},{"name":null},{"name":2.5}]"#.into()))
            }
            "hashes.'SHA-256'" => Some(ValueRef::Text("h".into())),
            "x_opt" => Some(ValueRef::Json(r#"{"deep":{"er":true}}"#.into())),
            _ => None,
        };
        let show = |path: &str| {
            let path: AttributePath = path.parse().expect("a path");
            let values = values_at(path.steps(), lookup);
            values.iter().map(|value| format!("{:?}", value.to_value())).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(show("values[*].name"), r#"Text("a") Float(2.5)"#);
        assert_eq!(show("values.name"), r#"Text("a") Float(2.5)"#);
        assert_eq!(show("values[*].data[*]"), r#"Json("[1,2]")"#);
        assert_eq!(show("hashes.SHA-256"), r#"Text("h")"#);
        assert_eq!(show("x_opt.deep.er"), "Bool(true)");
        assert_eq!(show("x_opt.deep"), r#"Json("{\"er\":true}")"#);
        assert_eq!(show("x_opt[*].none"), "");
        assert_eq!(show("hashes.'SHA-256'.more"), "");
    }
}
