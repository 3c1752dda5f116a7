//! `ATTR`: which attributes are visible; identity stays. Language 3.2, 3.9.

use kestrel_stix::AttributePath;

use super::{OpError, require};
use crate::store::{EntitySet, Store};

/// Restricts what is visible to these attributes, in this order, each once; columns that a
/// transformer put in front stay in front.
pub fn project(
    store: &mut Store,
    set: &EntitySet,
    attributes: &[AttributePath],
) -> Result<EntitySet, OpError> {
    let mut shown: Vec<AttributePath> = Vec::with_capacity(attributes.len());
    for path in attributes {
        if set.front.contains(path) || shown.contains(path) {
            continue;
        }
        require(store, set, path)?;
        shown.push(path.clone());
    }
    Ok(EntitySet { shown: Some(shown), ..set.clone() })
}
