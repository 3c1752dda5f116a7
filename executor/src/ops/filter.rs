//! Rows that satisfy a pattern and were seen in a time window. Language 3.1, 4.7.

use kestrel_ir::diagnostic::Code;
use kestrel_stix::{
    TimeWindow,
    pattern::{Comparison, Pattern},
};

use super::{OpError, require, require_entities};
use crate::store::{EntitySet, Store};

/// Keeps the rows that satisfy the pattern, whose references were replaced by values, and whose
/// entities were seen in the window; appearances count by their own record. Order is kept.
pub fn filter(
    store: &mut Store,
    set: &EntitySet,
    pattern: Option<&Pattern>,
    window: TimeWindow,
) -> Result<EntitySet, OpError> {
    let rows = usize::try_from(set.count).unwrap_or(usize::MAX);
    let mut keep = vec![true; rows];
    if let Some(pattern) = pattern {
        for test in pattern.comparisons() {
            check(store, set, test)?;
        }
        keep = passing(store, set, pattern)?;
    }
    if !window.is_open() {
        require_entities(set, "a time range")?;
        let seen = match window.is_empty() {
            true => vec![false; rows],
            false => store.seen_in(set, window)?,
        };
        keep.iter_mut().zip(seen).for_each(|(keep, seen)| *keep &= seen);
    }
    Ok(store.keep_rows(set, &keep)?)
}

/// Refuses tests on other types, which rows of one type cannot answer, and unknown attributes.
fn check(store: &mut Store, set: &EntitySet, test: &Comparison) -> Result<(), OpError> {
    let wanted = test.entity_type.as_str();
    // `*` is the type of a file whose type only its data tells.
    if wanted != set.entity_type.as_str() && wanted != "*" && !set.is_empty() {
        return Err(OpError::refused(
            Code::E0307,
            format!("`{wanted}:{}` cannot be tested on {} entities", test.path, set.entity_type),
            "a GET from a data source and FIND can test other types of the same record",
        ));
    }
    require(store, set, &test.path)
}

/// Says of each row whether it satisfies a pattern.
fn passing(store: &mut Store, set: &EntitySet, pattern: &Pattern) -> Result<Vec<bool>, OpError> {
    let (parts, all) = match pattern {
        Pattern::Test(test) => return Ok(store.passing(set, test)?),
        Pattern::And(parts) => (parts, true),
        Pattern::Or(parts) => (parts, false),
    };
    let mut together = vec![all; usize::try_from(set.count).unwrap_or(usize::MAX)];
    for part in parts {
        let passes = passing(store, set, part)?;
        for (together, passes) in together.iter_mut().zip(passes) {
            *together = if all { *together && passes } else { *together || passes };
        }
    }
    Ok(together)
}
