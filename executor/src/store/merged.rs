//! Attributes of entities, merged over the records of a world.

#[derive(Debug, Default)]
pub(super) struct Worlds {}

#[derive(Debug, Default)]
pub(super) struct Cache {}
