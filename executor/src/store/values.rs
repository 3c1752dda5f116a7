//! The values of attributes of the rows of entity sets, as codes.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ahash::RandomState;
use kestrel_ir::plan::Rows;
use kestrel_stix::{
    AttributePath, Step, TimeWindow, Value,
    pattern::{Comparison, Operator, Site, Test, members},
    record::ValueRef,
};

use super::{
    ColumnId, Columns, Data, EntitySet, NO_CODE, Store, StoreError, attributes::Place, merged::Node,
};

/// What is needed of a set's rows, in their order.
struct RowsOf {
    /// The entity of each row; none for groups.
    entities: Arc<[u32]>,
    /// The codes in the set's own column, for each path asked for that has one.
    own: Vec<Option<Vec<u32>>>,
}

/// The values of a path from the members of a set.
struct Leads {
    node: Node,
    parts: Vec<Part>,
}

/// One column that a path may end in.
struct Part {
    /// Merged codes by target.
    codes: Arc<[u32]>,
    /// What the rest of the path finds inside of lists and dictionaries, for each distinct code.
    inside: Option<HashMap<u32, Vec<u32>, RandomState>>,
}

impl Part {
    fn codes_at(&self, target: u32) -> &[u32] {
        let at = target as usize;
        let code = &self.codes[at..=at];
        match &self.inside {
            _ if code[0] == NO_CODE => &[],
            None => code,
            Some(inside) => inside.get(&code[0]).map_or(&[], Vec::as_slice),
        }
    }
}

impl Leads {
    /// Returns the first value of a member.
    fn first(&self, member: u32) -> u32 {
        let links = self.node.links_of(member).iter();
        let mut values = links.flat_map(|link| self.parts.iter().flat_map(|part| part.codes_at(link.target)));
        values.next().copied().unwrap_or(NO_CODE)
    }

    /// Returns all values of a member.
    fn all(&self, member: u32) -> impl Iterator<Item = u32> + '_ {
        let links = self.node.links_of(member).iter();
        links.flat_map(|link| self.parts.iter().flat_map(|part| part.codes_at(link.target))).copied()
    }

    /// Returns true if some member has a value.
    fn any(&self) -> bool {
        let mut links = self.node.links().iter();
        links.any(|link| self.parts.iter().any(|part| !part.codes_at(link.target).is_empty()))
    }
}

impl Store {
    /// Returns a table with `pos UINTEGER` and one column of codes for each path, `c0`, `c1` …;
    /// one row for each row of the set, missing values null. The table is kept; drop it with
    /// [`Store::drop_table`] when it is not needed any more.
    ///
    /// A path through a list of references gives the value of the first target that has one;
    /// see [`Store::values`].
    pub fn codes(&mut self, set: &EntitySet, paths: &[AttributePath]) -> Result<String, StoreError> {
        let columns = self.read_codes(set, paths, set.count)?.columns;
        let names: Vec<String> = (0..paths.len()).map(|n| format!("c{n}")).collect();
        let positions = (0..u32::try_from(set.count).map_err(|_| StoreError::Full)?).collect();
        let mut data = vec![("pos", Data::U32(positions))];
        data.extend(names.iter().map(String::as_str).zip(columns.into_iter().map(Data::U32)));
        self.put(&data)
    }

    /// Reads what [`Store::codes`] gives of the first rows, in their order: one column for each
    /// path.
    pub fn read_codes(
        &mut self,
        set: &EntitySet,
        paths: &[AttributePath],
        rows: u64,
    ) -> Result<Columns, StoreError> {
        let rows = usize::try_from(rows).map_err(|_| StoreError::Full)?;
        let of_rows = self.rows_of(set, paths, rows)?;
        self.merge_all(set, paths)?;
        let mut places: Option<Vec<u32>> = None;
        let mut columns = Vec::with_capacity(paths.len());
        for (path, own) in paths.iter().zip(of_rows.own) {
            let mut codes = own.unwrap_or_else(|| vec![NO_CODE; of_rows.entities.len()]);
            if codes.contains(&NO_CODE)
                && let Some(leads) = self.leads(set, path, Several::AsList)?
            {
                let places = places.get_or_insert_with(|| self.places(&leads.node.members));
                for (code, entity) in codes.iter_mut().zip(&*of_rows.entities) {
                    if *code == NO_CODE && *entity != NO_CODE {
                        *code = leads.first(places[*entity as usize]);
                    }
                }
            }
            columns.push(codes);
        }
        Ok(Columns { columns })
    }

    /// Keeps the columns that some row has a value for.
    pub(super) fn present_columns(
        &mut self,
        set: &EntitySet,
        candidates: Vec<AttributePath>,
    ) -> Result<Vec<AttributePath>, StoreError> {
        if candidates.is_empty() || set.is_empty() {
            return Ok(Vec::new());
        }
        self.merge_all(set, &candidates)?;
        let mut present = Vec::new();
        for path in candidates {
            let has_own = match set.extra_column(&path) {
                Some(column) => {
                    let table = self.table(set)?;
                    let sql = format!("SELECT 1::UINTEGER FROM {table} WHERE {column} IS NOT NULL LIMIT 1");
                    !self.read_column(&sql)?.is_empty()
                }
                None => false,
            };
            if has_own || self.leads_somewhere(set, &path)? {
                present.push(path);
            }
        }
        Ok(present)
    }

    /// Says whether a path leads from some entity of a set to a value.
    fn leads_somewhere(&mut self, set: &EntitySet, path: &AttributePath) -> Result<bool, StoreError> {
        if let Place::Id { references } = self.place_in(set, path) {
            // Every entity has one.
            return Ok(self.node(set, &references)?.is_some_and(|node| !node.links().is_empty()));
        }
        Ok(self.leads(set, path, Several::AsList)?.is_some_and(|leads| leads.any()))
    }

    /// Returns all values that a path leads to, as rows and codes by row: any number for each
    /// row when it goes through lists. Missing values have none.
    pub fn values(&mut self, set: &EntitySet, path: &AttributePath) -> Result<Vec<(u32, u32)>, StoreError> {
        let rows = usize::try_from(set.count).map_err(|_| StoreError::Full)?;
        let of_rows = self.rows_of(set, std::slice::from_ref(path), rows)?;
        let leads = self.leads(set, path, Several::Each)?;
        let places = leads.as_ref().map(|leads| self.places(&leads.node.members));
        let own = of_rows.own.first().and_then(Option::as_ref);
        let mut values = Vec::new();
        for (pos, entity) in (0u32..).zip(&*of_rows.entities) {
            let own = own.map_or(NO_CODE, |own| own[pos as usize]);
            if own != NO_CODE {
                values.push((pos, own));
            } else if let (Some(leads), Some(places)) = (&leads, &places)
                && *entity != NO_CODE
            {
                values.extend(leads.all(places[*entity as usize]).map(|code| (pos, code)));
            }
        }
        values.sort_unstable();
        Ok(values)
    }

    /// Returns the distinct values of an attribute, in the order of the rows: what a
    /// reference `var.attr` stands for.
    pub fn distinct_codes(&mut self, set: &EntitySet, path: &AttributePath) -> Result<Vec<u32>, StoreError> {
        let mut known: HashSet<u32, RandomState> = HashSet::default();
        let values = self.values(set, path)?;
        Ok(values.into_iter().map(|(_, code)| code).filter(|code| known.insert(*code)).collect())
    }

    /// Says of each row of a set whether it satisfies one test, whose references were replaced
    /// by values. Source: language specification 3.1, 4.7.
    pub fn passing(&mut self, set: &EntitySet, test: &Comparison) -> Result<Vec<bool>, StoreError> {
        let values = self.values(set, &test.path)?;
        let rows = usize::try_from(set.count).map_err(|_| StoreError::Full)?;
        let mut present = vec![false; rows];
        let mut passes = vec![false; rows];
        let is_null = test.operator == Operator::IsNull;
        let plain = match is_null {
            true => None,
            false => Some(Test::new(&Comparison { negated: false, ..test.clone() }, Site::Variable)?),
        };
        let mut known: HashMap<u32, bool, RandomState> = HashMap::default();
        for (pos, code) in values {
            present[pos as usize] = true;
            if let Some(plain) = &plain {
                let holds = *known.entry(code).or_insert_with(|| plain.holds(&self.dictionary.get(code)));
                passes[pos as usize] |= holds;
            }
        }
        self.gave_up += plain.map_or(0, |plain| u64::from(plain.gave_up()));
        Ok(match (is_null, test.negated) {
            (true, true) => present,
            (true, false) => present.into_iter().map(|present| !present).collect(),
            (false, false) => passes,
            // A missing value satisfies no test but `IS NULL`.
            (false, true) => {
                present.into_iter().zip(passes).map(|(present, passes)| present && !passes).collect()
            }
        })
    }

    /// Keeps the rows of a set that are flagged, in their order.
    pub fn keep_rows(&mut self, set: &EntitySet, flags: &[bool]) -> Result<EntitySet, StoreError> {
        let chosen = |members: &[u32]| {
            members.iter().zip(flags).filter(|(_, keep)| **keep).map(|(entity, _)| *entity).collect()
        };
        if let Some(kept) = self.of_members(set, chosen)? {
            return Ok(kept);
        }
        let table = self.table(set)?;
        let kept = (0u32..).zip(flags).filter(|(_, keep)| **keep).map(|(pos, _)| pos).collect();
        let kept = self.put(&[("c", Data::U32(kept))])?;
        let select = format!(
            "SELECT (row_number() OVER (ORDER BY s.pos) - 1)::UINTEGER AS pos, s.* EXCLUDE (pos) FROM {table} s
             WHERE s.pos IN (SELECT c FROM {kept})"
        );
        let made = self.set_from(&select, set);
        self.drop_table(&kept)?;
        made
    }

    /// Says of each row of a set whether it was seen in a window: its own record for
    /// appearances, some record of the set's world for entities.
    pub fn seen_in(&mut self, set: &EntitySet, window: TimeWindow) -> Result<Vec<bool>, StoreError> {
        if set.rows == Rows::Appearances {
            let records = self.read_column(&format!("SELECT rec FROM {} ORDER BY pos", set.name))?;
            let mut overlapping = records.clone();
            overlapping.sort_unstable();
            overlapping.dedup();
            self.retain_overlapping(&mut overlapping, window);
            return Ok(records.iter().map(|record| overlapping.binary_search(record).is_ok()).collect());
        }
        let mut seen = vec![false; self.entities.len()];
        for record in self.world_candidates(&set.world, window) {
            if self.records.is_real(record) {
                let (own, more) = self.archive.seen(record);
                own.iter().chain(more).for_each(|object| {
                    seen[self.archive.entities[*object as usize] as usize] = true;
                });
            }
        }
        let entities = self.entities_of_rows(set)?;
        Ok(entities.iter().map(|entity| seen.get(*entity as usize).copied().unwrap_or(false)).collect())
    }

    /// Reads entities and own columns of the first rows of a set.
    fn rows_of(
        &mut self,
        set: &EntitySet,
        paths: &[AttributePath],
        rows: usize,
    ) -> Result<RowsOf, StoreError> {
        let columns: Vec<Option<&str>> = paths.iter().map(|path| set.extra_column(path)).collect();
        let mut names: Vec<&str> = columns.iter().copied().flatten().collect();
        names.sort_unstable();
        names.dedup();
        if let (Some(members), []) = (&set.members, names.as_slice()) {
            let entities = if members.len() <= rows { members.clone() } else { members[..rows].into() };
            return Ok(RowsOf { entities, own: vec![None; paths.len()] });
        }
        let selected: String = names.iter().map(|name| format!(", {name}")).collect();
        let read =
            self.read(&format!("SELECT ent{selected} FROM {} WHERE pos < {rows} ORDER BY pos", set.name))?;
        let mut read = read.columns.into_iter();
        let entities: Arc<[u32]> = read.next().unwrap_or_default().into();
        // Without rows there are no columns either.
        let by_name: HashMap<&str, Vec<u32>> =
            names.iter().copied().zip(read.chain(std::iter::repeat_with(Vec::new))).collect();
        let own = columns.into_iter().map(|name| name.and_then(|name| by_name.get(name).cloned()));
        Ok(RowsOf { entities, own: own.collect() })
    }

    /// Merges all columns that paths lead to, those behind the same references in one run.
    fn merge_all(&mut self, set: &EntitySet, paths: &[AttributePath]) -> Result<(), StoreError> {
        let mut wanted: Vec<(Vec<String>, Vec<ColumnId>)> = Vec::new();
        for path in paths {
            let Place::Columns { references, columns } = self.place_in(set, path) else { continue };
            let columns = columns.into_iter().map(|(column, _)| column);
            match wanted.iter_mut().find(|(known, _)| *known == references) {
                Some((_, known)) => known.extend(columns),
                None => wanted.push((references, columns.collect())),
            }
        }
        for (references, columns) in wanted {
            self.columns(set, &references, &columns)?;
        }
        Ok(())
    }

    /// Returns where a path leads from the entities of a set; none if nowhere.
    fn leads(
        &mut self,
        set: &EntitySet,
        path: &AttributePath,
        several: Several,
    ) -> Result<Option<Leads>, StoreError> {
        let mut parts = Vec::new();
        let references = match self.place_in(set, path) {
            Place::Nowhere => return Ok(None),
            Place::Id { references } => {
                if let Some(codes) = self.ids(set, &references)? {
                    parts.push(Part { codes, inside: None });
                }
                references
            }
            Place::Columns { references, columns } => {
                let wanted: Vec<ColumnId> = columns.iter().map(|(column, _)| *column).collect();
                let merged = self.columns(set, &references, &wanted)?;
                for (column, rest) in columns {
                    let Some(codes) = merged.get(&column).cloned() else { continue };
                    let inside = match rest.is_empty() {
                        true => None,
                        false => Some(self.inside(&codes, &rest, several)?),
                    };
                    parts.push(Part { codes, inside });
                }
                references
            }
        };
        Ok(self.node(set, &references)?.map(|node| Leads { node, parts }))
    }

    /// Returns what steps lead to inside each list or dictionary among these codes.
    fn inside(
        &mut self,
        codes: &[u32],
        steps: &[Step],
        several: Several,
    ) -> Result<HashMap<u32, Vec<u32>, RandomState>, StoreError> {
        let mut inside: HashMap<u32, Vec<u32>, RandomState> = HashMap::default();
        for code in codes.iter().filter(|code| **code != NO_CODE) {
            if inside.contains_key(code) {
                continue;
            }
            let mut found = match self.dictionary.get(*code) {
                ValueRef::Json(text) => members(&text, steps),
                _ => Vec::new(),
            };
            if several == Several::AsList && found.len() > 1 {
                let list: Vec<serde_json::Value> = found.iter().map(Value::to_json).collect();
                found = vec![Value::Json(serde_json::Value::Array(list).to_string())];
            }
            let codes: Result<Vec<u32>, StoreError> =
                found.iter().map(|value| self.dictionary.intern(&value.into())).collect();
            inside.insert(*code, codes?);
        }
        Ok(inside)
    }
}

/// What becomes of several values inside one list or dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Several {
    /// They are one list.
    AsList,
    /// Each is a value.
    Each,
}
