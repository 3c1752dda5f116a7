//! `SORT` and `SORT BY`. Language 3.1, 3.6.

use kestrel_stix::AttributePath;

use super::{OpError, carried, require, with_codes, with_table};
use crate::store::{EntitySet, Store};

/// Puts rows into the order of one attribute; rows with equal values keep their order. Missing
/// values come first when ascending and last when descending, numbers before text.
pub fn sort(
    store: &mut Store,
    set: &EntitySet,
    attribute: &AttributePath,
    descending: bool,
) -> Result<EntitySet, OpError> {
    require(store, set, attribute)?;
    if set.count < 2 {
        return Ok(set.clone());
    }
    let direction = if descending { "DESC NULLS LAST" } else { "ASC NULLS FIRST" };
    let rows = store.table(set)?;
    with_codes(store, set, std::slice::from_ref(attribute), |store, codes| {
        let ranks = store.ranked(codes, "c0")?;
        with_table(store, ranks, |store, ranks| {
            let select = format!(
                "SELECT (row_number() OVER (ORDER BY r.rank {direction}, s.pos) - 1)::UINTEGER AS pos, {} \
                 FROM {rows} s JOIN {codes} k ON k.pos = s.pos LEFT JOIN {ranks} r ON r.c = k.c0",
                carried(set, "s")
            );
            Ok(store.set_from(&select, set)?)
        })
    })
}
