//! `LIMIT` and `OFFSET`: some rows in a row. Language 3.9.

use super::{OpError, carried};
use crate::store::{EntitySet, Store};

/// Skips `offset` rows, then keeps at most `limit`.
pub fn slice(
    store: &mut Store,
    set: &EntitySet,
    offset: u64,
    limit: Option<u64>,
) -> Result<EntitySet, OpError> {
    let start = offset.min(set.count);
    let stop = limit.map_or(set.count, |limit| offset.saturating_add(limit).min(set.count)).max(start);
    if start == 0 && stop == set.count {
        return Ok(set.clone());
    }
    let slice = |members: &[u32]| members[start as usize..stop as usize].to_vec();
    if let Some(cut) = store.of_members(set, slice)? {
        return Ok(cut);
    }
    let table = store.table(set)?;
    let select = format!(
        "SELECT (s.pos - {start})::UINTEGER AS pos, {} FROM {table} s WHERE s.pos >= {start} AND s.pos < {stop}",
        carried(set, "s")
    );
    Ok(store.set_from(&select, set)?)
}
