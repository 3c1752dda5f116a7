//! Entity types: STIX type names such as `process` or `x-oca-asset`.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A STIX type name. Case-sensitive; any name is possible, known ones are in [`crate::schema`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityType(Arc<str>);

impl EntityType {
    /// Makes the type of this name.
    pub fn new(name: impl AsRef<str>) -> Self {
        EntityType(Arc::from(name.as_ref()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true for custom types, whose names start with `x-`.
    pub fn is_custom(&self) -> bool {
        self.0.starts_with("x-")
    }
}

impl From<&str> for EntityType {
    fn from(name: &str) -> Self {
        EntityType::new(name)
    }
}

impl Borrow<str> for EntityType {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
