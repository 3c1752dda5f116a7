//! Does one record match a pattern, and which of its objects are results? Straight from the
//! definition in the language specification, 4.2: for each result there is a choice of one
//! object for every other type so that the whole expression is true.

use kestrel_stix::{
    Step, Value,
    attribute::AttributePath,
    pattern::{BadOperand, Comparison, Pattern, Site, Test, members},
};

use super::world::{Appearance, Sighting, stored_name, value_ref};

/// Returns the indices of the objects of type `centre` that are results, in document order.
pub fn results(record: &Sighting, centre: &str, pattern: &Pattern) -> Result<Vec<usize>, BadOperand> {
    let mut types: Vec<&str> = Vec::new();
    for test in pattern.comparisons() {
        let name = test.entity_type.as_str();
        if name != centre && !types.contains(&name) {
            types.push(name);
        }
    }
    let of_type = |name: &str| -> Vec<usize> {
        let objects = record.objects.iter().enumerate();
        objects
            .filter(|(_, object)| object.seen && object.entity.entity_type == name)
            .map(|(at, _)| at)
            .collect()
    };
    let mut found = Vec::new();
    for candidate in of_type(centre) {
        // All ways to choose an object for each of the other types; none where there is none.
        let mut choices: Vec<Vec<(&str, Option<usize>)>> = vec![vec![(centre, Some(candidate))]];
        for name in &types {
            let objects = of_type(name);
            let options: Vec<Option<usize>> =
                if objects.is_empty() { vec![None] } else { objects.into_iter().map(Some).collect() };
            choices = choices
                .iter()
                .flat_map(|choice| {
                    options.iter().map(move |option| {
                        let mut longer = choice.clone();
                        longer.push((name, *option));
                        longer
                    })
                })
                .collect();
        }
        for choice in &choices {
            if holds(record, choice, pattern)? {
                found.push(candidate);
                break;
            }
        }
    }
    Ok(found)
}

fn holds(record: &Sighting, choice: &[(&str, Option<usize>)], pattern: &Pattern) -> Result<bool, BadOperand> {
    match pattern {
        Pattern::And(parts) => {
            for part in parts {
                if !holds(record, choice, part)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Pattern::Or(parts) => {
            for part in parts {
                if holds(record, choice, part)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Pattern::Test(test) => {
            let chosen = choice.iter().find(|(name, _)| *name == test.entity_type.as_str());
            match chosen.and_then(|(_, object)| *object) {
                None => Ok(false),
                Some(object) => test_holds(record, object, test),
            }
        }
    }
}

fn test_holds(record: &Sighting, object: usize, test: &Comparison) -> Result<bool, BadOperand> {
    let values: Vec<_> = values(record, object, test.path.steps()).iter().map(value_ref).collect();
    Ok(Test::new(test, Site::Source)?.holds_among(&values))
}

/// Returns the values a path leads to from an object, through references inside the record.
fn values(record: &Sighting, object: usize, steps: &[Step]) -> Vec<Value> {
    let object = &record.objects[object];
    let entity_type = object.entity.entity_type.as_str();
    // A reference inside an extension has a name of several steps.
    for length in (1..=steps.len()).rev() {
        let name = name_of(&steps[..length]);
        let name = stored_name(entity_type, &name);
        let targets: Vec<usize> =
            object.links.iter().filter(|(known, _, _)| known == name).map(|(_, _, target)| *target).collect();
        if targets.is_empty() {
            continue;
        }
        return targets
            .into_iter()
            .flat_map(|target| match &steps[length..] {
                [] => vec![Value::text(record.objects[target].entity.id())],
                rest => values(record, target, rest),
            })
            .collect();
    }
    if name_of(steps) == "id" {
        return vec![Value::text(object.entity.id())];
    }
    own_values(steps, entity_type, |name| attribute(object, name))
}

/// An attribute by its stored name or the short name of an extension's.
fn attribute(object: &Appearance, name: &str) -> Option<Value> {
    if let Some(value) = object.attribute(name) {
        return Some(value.clone());
    }
    let short = |known: &str| kestrel_stix::schema::short_name(known).as_deref() == Some(name);
    object.attributes.iter().find(|(known, _)| short(known)).map(|(_, value)| value.clone())
}

/// Returns the values that steps without references lead to: the longest name there is, and
/// what is left of the path inside its list or dictionary.
pub fn own_values(steps: &[Step], entity_type: &str, lookup: impl Fn(&str) -> Option<Value>) -> Vec<Value> {
    for length in (1..=steps.len()).rev() {
        let (name, rest) = steps.split_at(length);
        let name = name_of(name);
        match lookup(stored_name(entity_type, &name)) {
            Some(Value::Json(text)) if !rest.is_empty() => return members(&text, rest),
            Some(value) if rest.is_empty() => return vec![value],
            _ => {}
        }
    }
    Vec::new()
}

/// Returns the flattened name that steps spell, without `[*]`.
pub fn name_of(steps: &[Step]) -> String {
    let plain: Vec<Step> = steps.iter().map(|step| Step { key: step.key.clone(), any: false }).collect();
    AttributePath::text_of(&plain)
}
