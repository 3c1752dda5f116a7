//! Attributes of the rows of entity sets: which there are, and their codes.

use kestrel_stix::{AttributePath, pattern::Comparison};

use super::{EntitySet, Store, StoreError};

/// Whether an entity set has an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Some row has a value.
    Present,
    /// No row has a value, but entities of the type have it or usually may.
    InType,
    /// The type does not have it, or `ATTR` left it out.
    Unknown {
        /// Names that look like it.
        nearest: Vec<String>,
    },
}

impl Store {
    /// Returns the columns to display, in order: front columns, then the visible ones; without
    /// a closed list, those of entities specification 4.4 that some row has a value for.
    pub fn columns_of(&mut self, set: &EntitySet) -> Result<Vec<AttributePath>, StoreError> {
        let _ = set;
        Err(StoreError::Full)
    }

    /// Says whether a set has an attribute.
    pub fn known(&mut self, set: &EntitySet, path: &AttributePath) -> Result<Known, StoreError> {
        let _ = (set, path);
        Err(StoreError::Full)
    }

    /// Returns a table with `pos UINTEGER` and one column of codes for each path, `c0`, `c1` …;
    /// one row for each row of the set, missing values null. The table is kept; drop it with
    /// [`Store::drop_table`] when it is not needed any more.
    ///
    /// A path through a list of references gives the value of the first target that has one;
    /// see [`Store::values`].
    pub fn codes(&mut self, set: &EntitySet, paths: &[AttributePath]) -> Result<String, StoreError> {
        let _ = (set, paths);
        Err(StoreError::Full)
    }

    /// Returns a table `(pos, c)` of all values that a path leads to: any number for each row
    /// when it goes through lists. Missing values have no row.
    pub fn values(&mut self, set: &EntitySet, path: &AttributePath) -> Result<String, StoreError> {
        let _ = (set, path);
        Err(StoreError::Full)
    }

    /// Returns the distinct values of an attribute, in the order of the rows: what a
    /// reference `var.attr` stands for.
    pub fn distinct_codes(&mut self, set: &EntitySet, path: &AttributePath) -> Result<Vec<u32>, StoreError> {
        let _ = (set, path);
        Err(StoreError::Full)
    }

    /// Returns a table `(pos)` of the rows that satisfy one test, whose references were
    /// replaced by values. Source: language specification 3.1, 4.7.
    pub fn passing(&mut self, set: &EntitySet, test: &Comparison) -> Result<String, StoreError> {
        let _ = (set, test);
        Err(StoreError::Full)
    }
}
