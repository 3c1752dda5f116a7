//! Mappers of raw logs to records.

use crate::read::events::EventMapper;

/// Chooses the mapper for a file without STIX objects; see
/// [`crate::read::events::mapper_for`].
pub fn mapper_for(_sample: &[u8], _file: &str) -> Option<Box<dyn EventMapper>> {
    None
}
