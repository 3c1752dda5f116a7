//! Orders and other functions of values, computed once for each distinct code.

use kestrel_stix::record::ValueRef;

use super::{Data, Store, StoreError};

impl Store {
    /// Returns a table `(c, rank)`: the distinct codes of a column, and their places in the
    /// order of `SORT`. Source: language specification 3.1.
    pub fn ranked(&mut self, table: &str, column: &str) -> Result<String, StoreError> {
        let codes = self.distinct_in(table, column)?;
        let values: Vec<_> = codes.iter().map(|code| self.dictionary.value(*code)).collect();
        let mut order: Vec<u32> = (0..codes.len() as u32).collect();
        order.sort_by(|a, b| values[*a as usize].sort_order(&values[*b as usize]));
        let sorted: Vec<u32> = order.iter().map(|at| codes[*at as usize]).collect();
        let ranks: Vec<u32> = (0..sorted.len() as u32).collect();
        self.put(&[("c", Data::U32(sorted)), ("rank", Data::U32(ranks))])
    }

    /// Returns a table `(c, v)`: the distinct codes of a column and the number each stands
    /// for; codes for which `number` gives none have no row.
    pub fn numbered(
        &mut self,
        table: &str,
        column: &str,
        number: impl Fn(&ValueRef<'_>) -> Option<f64>,
    ) -> Result<String, StoreError> {
        let codes = self.distinct_in(table, column)?;
        let pairs: Vec<(u32, f64)> =
            codes.iter().filter_map(|code| Some((*code, number(&self.dictionary.get(*code))?))).collect();
        self.put(&[
            ("c", Data::U32(pairs.iter().map(|(code, _)| *code).collect())),
            ("v", Data::F64(pairs.iter().map(|(_, number)| Some(*number)).collect())),
        ])
    }

    /// Returns a table `(c, v)`: the distinct codes of a column, and the code of the value that
    /// `map` makes of each; none has no row.
    pub fn mapped(
        &mut self,
        table: &str,
        column: &str,
        map: impl Fn(&ValueRef<'_>) -> Option<kestrel_stix::Value>,
    ) -> Result<String, StoreError> {
        let codes = self.distinct_in(table, column)?;
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for code in codes {
            if let Some(value) = map(&self.dictionary.get(code)) {
                from.push(code);
                to.push(self.dictionary.intern(&(&value).into())?);
            }
        }
        self.put(&[("c", Data::U32(from)), ("v", Data::U32(to))])
    }

    /// Returns the distinct codes of a column, ascending.
    pub fn distinct_in(&mut self, table: &str, column: &str) -> Result<Vec<u32>, StoreError> {
        self.read_column(&format!(
            "SELECT DISTINCT {column} AS c FROM {table} WHERE {column} IS NOT NULL ORDER BY c"
        ))
    }
}
