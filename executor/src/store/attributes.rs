//! Attributes of the rows of entity sets: which there are, and their codes.

use std::collections::{HashMap, HashSet};

use ahash::RandomState;
use kestrel_ir::plan::Rows;
use kestrel_stix::{
    AttributePath, Step, TimeWindow, Value,
    pattern::{Comparison, Operator, Site, Test, members},
    record::ValueRef,
    schema, suggest,
};

use super::{ColumnId, Columns, Data, EntitySet, Store, StoreError, TypeId, patterns::split_reference};

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

/// Where the values of a path are: at entities reached by references.
#[derive(Debug, Clone)]
enum Place {
    /// In these columns; what remains of the path goes into their lists or dictionaries.
    Columns { references: Vec<String>, columns: Vec<(ColumnId, Vec<Step>)> },
    /// The id of the entity.
    Id { references: Vec<String> },
    /// Nowhere.
    Nowhere,
}

impl Place {
    fn references(&self) -> &[String] {
        match self {
            Place::Columns { references, .. } | Place::Id { references } => references,
            Place::Nowhere => &[],
        }
    }
}

impl Store {
    /// Returns the columns to display, in order: front columns, then the visible ones; without
    /// a closed list, those of entities specification 4.4 that some row has a value for.
    pub fn columns_of(&mut self, set: &EntitySet) -> Result<Vec<AttributePath>, StoreError> {
        let mut columns = set.front.clone();
        match &set.shown {
            Some(shown) => add_new(&mut columns, shown.iter().cloned()),
            None => {
                let candidates = self.candidate_columns(set);
                let present = self.present_columns(set, candidates)?;
                add_new(&mut columns, present);
            }
        }
        Ok(columns)
    }

    /// Returns the attributes of the set's own type, whether or not a row has a value for them:
    /// all that the session has seen, unless the visible ones are fixed.
    pub fn own_attributes(&self, set: &EntitySet) -> Vec<AttributePath> {
        match &set.shown {
            Some(shown) => shown.clone(),
            None => self.candidate_columns(set),
        }
        .into_iter()
        .filter(|path| !path.steps()[0].is_reference())
        .collect()
    }

    /// Keeps the columns that some row has a value for.
    fn present_columns(
        &mut self,
        set: &EntitySet,
        candidates: Vec<AttributePath>,
    ) -> Result<Vec<AttributePath>, StoreError> {
        if candidates.is_empty() || set.is_empty() {
            return Ok(Vec::new());
        }
        let codes = self.codes_query(set, &candidates)?;
        let counts: Vec<String> =
            (0..candidates.len()).map(|n| format!("(count(c{n}) > 0)::UINTEGER AS n{n}")).collect();
        let found = self.read(&format!("SELECT {} FROM ({codes})", counts.join(", ")))?;
        self.sweep()?;
        let present: Vec<u32> = if found.is_empty() { Vec::new() } else { found.row(0).collect() };
        Ok(candidates
            .into_iter()
            .zip(present)
            .filter(|(_, present)| *present == 1)
            .map(|(path, _)| path)
            .collect())
    }

    /// Returns every column that a set may have, in display order. Source: entities
    /// specification 4.4.
    fn candidate_columns(&self, set: &EntitySet) -> Vec<AttributePath> {
        let mut out = Vec::new();
        let extra = set.extra.iter().map(|(path, _)| path).filter(|path| !set.front.contains(path));
        let (further, own): (Vec<_>, Vec<_>) =
            extra.cloned().partition(|path| path.steps()[0].is_reference());
        let root = (set.rows != Rows::Groups).then(|| self.stored_type(set.entity_type.as_str())).flatten();
        if let Some(root) = root {
            add_new(&mut out, self.own_columns(&[root]));
        }
        add_new(&mut out, own);
        if let Some(root) = root {
            self.follow(&[(root, vec![root])], &mut Vec::new(), &mut out);
        }
        add_new(&mut out, further);
        out
    }

    /// Returns the attributes of types, in order of appearance, `id` after those that the first
    /// object had.
    fn own_columns(&self, types: &[TypeId]) -> Vec<AttributePath> {
        let mut names: Vec<AttributePath> = Vec::new();
        let mut has_id = false;
        for entity_type in types {
            let first = self.catalog.first_columns(*entity_type);
            for (at, column) in self.catalog.columns(*entity_type).iter().enumerate() {
                if at == first && !has_id {
                    names.push(AttributePath::key("id"));
                    has_id = true;
                }
                if self.catalog.kind(*column) == super::ColumnKind::Attribute {
                    let path = self.shown_name(*entity_type, *column);
                    if !names.contains(&path) {
                        names.push(path);
                    }
                }
            }
            if !has_id {
                names.push(AttributePath::key("id"));
                has_id = true;
            }
        }
        names
    }

    /// Returns the name under which an attribute is shown: the short one for attributes of
    /// extensions, where it is unique within the type.
    fn shown_name(&self, entity_type: TypeId, column: ColumnId) -> AttributePath {
        let name = self.catalog.name(column);
        let short =
            schema::short_name(name).filter(|short| self.catalog.resolve(entity_type, short) == [column]);
        path_of(short.as_deref().unwrap_or(name))
    }

    /// Adds the columns behind references, depth first. `holders` are the types that hold the
    /// references, each with the types on the way to it.
    fn follow(&self, holders: &[(TypeId, Vec<TypeId>)], way: &mut Vec<String>, out: &mut Vec<AttributePath>) {
        let mut names: Vec<(usize, &str)> = Vec::new();
        for (holder, _) in holders {
            for column in self.catalog.columns(*holder) {
                let name = self.catalog.name(*column);
                let single = self.catalog.kind(*column) == super::ColumnKind::Reference;
                if single && !names.iter().any(|(_, known)| *known == name) {
                    names.push((schema::reference_rank(self.catalog.type_name(*holder), name), name));
                }
            }
        }
        names.sort_by_key(|(rank, _)| *rank);
        for (_, name) in names {
            let mut reached: Vec<(TypeId, Vec<TypeId>)> = Vec::new();
            for (holder, types) in holders {
                let on_the_way: Vec<&str> =
                    types.iter().map(|known| self.catalog.type_name(*known)).collect();
                let before: Vec<&str> = way.iter().map(String::as_str).collect();
                for column in self.catalog.references(*holder, name) {
                    for target in self.catalog.targets(column) {
                        let target_name = self.catalog.type_name(*target);
                        let follows = schema::is_dereferenced(&on_the_way, &before, name, target_name);
                        if follows && !reached.iter().any(|(known, _)| known == target) {
                            let mut types = types.clone();
                            types.push(*target);
                            reached.push((*target, types));
                        }
                    }
                }
            }
            if reached.is_empty() {
                continue;
            }
            way.push(name.to_owned());
            let types: Vec<TypeId> = reached.iter().map(|(target, _)| *target).collect();
            let prefixed = self
                .own_columns(&types)
                .into_iter()
                .map(|path| way.iter().rev().fold(path, |path, reference| prefix(&path, reference)));
            let prefixed: Vec<AttributePath> = prefixed.collect();
            add_new(out, prefixed);
            self.follow(&reached, way, out);
            way.pop();
        }
    }

    /// Says whether some row has a value for the attribute.
    fn has_value(&mut self, set: &EntitySet, path: &AttributePath) -> Result<bool, StoreError> {
        Ok(!self.present_columns(set, vec![path.clone()])?.is_empty())
    }

    /// Returns true if a set has an attribute or may have it, as far as can be told without
    /// looking at rows. See [`Store::known`].
    pub fn may_have(&self, set: &EntitySet, path: &AttributePath) -> bool {
        let own = set.extra_column(path).is_some();
        own || (self.is_visible(set, path) && set.rows != Rows::Groups && self.in_type(set, path))
    }

    /// Says whether a set has an attribute.
    pub fn known(&mut self, set: &EntitySet, path: &AttributePath) -> Result<Known, StoreError> {
        if set.extra_column(path).is_none() && !self.is_visible(set, path) {
            let visible = set.front.iter().chain(set.shown.iter().flatten()).map(ToString::to_string);
            return Ok(Known::Unknown { nearest: nearest(path, visible.collect()) });
        }
        if self.has_value(set, path)? {
            return Ok(Known::Present);
        }
        let listed = set.front.contains(path) || set.shown.as_ref().is_some_and(|shown| shown.contains(path));
        if listed || set.extra_column(path).is_some() {
            return Ok(Known::InType);
        }
        if set.rows != Rows::Groups && self.in_type(set, path) {
            return Ok(Known::InType);
        }
        let mut names: Vec<String> = self.candidate_columns(set).iter().map(ToString::to_string).collect();
        names.extend(
            schema::common_attributes(set.entity_type.as_str()).iter().map(|name| (*name).to_owned()),
        );
        Ok(Known::Unknown { nearest: nearest(path, names) })
    }

    /// Returns false for attributes that a closed list of columns leaves out.
    fn is_visible(&self, set: &EntitySet, path: &AttributePath) -> bool {
        let Some(shown) = &set.shown else { return true };
        let plain = |path: &AttributePath| {
            path.steps().iter().map(|step| Step { key: step.key.clone(), any: false }).collect::<Vec<_>>()
        };
        let wanted = plain(path);
        let is_id = path.steps().len() == 1 && path.last_key() == "id" && set.rows != Rows::Groups;
        is_id
            || shown.iter().chain(&set.front).any(|known| {
                let known = plain(known);
                // A shown list or dictionary can be looked into.
                wanted.starts_with(&known) || self.is_same(set, &known, &wanted)
            })
    }

    /// Returns true if two spellings name one attribute of the set's type.
    fn is_same(&self, set: &EntitySet, a: &[Step], b: &[Step]) -> bool {
        let Some(root) = self.stored_type(set.entity_type.as_str()) else { return false };
        match (self.place(root, a), self.place(root, b)) {
            (
                Place::Columns { references, columns },
                Place::Columns { references: other, columns: others },
            ) => references == other && columns == others,
            _ => false,
        }
    }

    /// Returns true if some stored entity of the type has the attribute, or entities of the
    /// type usually may have it.
    fn in_type(&self, set: &EntitySet, path: &AttributePath) -> bool {
        let name = set.entity_type.as_str();
        if let Some(root) = self.stored_type(name)
            && !matches!(self.place(root, path.steps()), Place::Nowhere)
        {
            return true;
        }
        let mut types: Vec<&str> = vec![name];
        let mut steps = path.steps();
        while let Some((reference, rest)) = split_reference(steps) {
            let targets = |entity_type: &&str| {
                let canonical = schema::canonical_attribute(entity_type, &reference);
                schema::reference_targets(entity_type, canonical)
            };
            types = types.iter().flat_map(targets).copied().collect();
            steps = rest;
            if types.is_empty() {
                return false;
            }
        }
        let [first, ..] = steps else { return true };
        first.key == "id"
            || types.iter().any(|entity_type| {
                let key = schema::canonical_attribute(entity_type, &first.key);
                schema::common_attributes(entity_type).iter().any(|known| {
                    let plain: Vec<Step> =
                        steps.iter().map(|step| Step { key: step.key.clone(), any: false }).collect();
                    *known == key || *known == AttributePath::text_of(&plain)
                })
            })
    }

    /// Finds where a path leads from entities of a type.
    fn place(&self, root: TypeId, steps: &[Step]) -> Place {
        let mut types = vec![root];
        let mut references = Vec::new();
        let mut steps = steps;
        loop {
            let mut columns = Vec::new();
            for entity_type in &types {
                if let Some((found, rest)) = self.catalog.resolve_steps(*entity_type, steps) {
                    columns.extend(found.into_iter().map(|column| (column, rest.to_vec())));
                }
            }
            if !columns.is_empty() {
                return Place::Columns { references, columns };
            }
            if steps.is_empty() || matches!(steps, [only] if only.key == "id") {
                return Place::Id { references };
            }
            let Some((reference, rest)) = split_reference(steps) else { return Place::Nowhere };
            let mut next = Vec::new();
            let mut canonical = None;
            for entity_type in &types {
                for column in self.catalog.references(*entity_type, &reference) {
                    canonical.get_or_insert_with(|| self.catalog.name(column).to_owned());
                    for target in self.catalog.targets(column) {
                        if !next.contains(target) {
                            next.push(*target);
                        }
                    }
                }
            }
            let Some(name) = canonical else { return Place::Nowhere };
            references.push(name);
            types = next;
            steps = rest;
        }
    }

    fn place_in(&self, set: &EntitySet, path: &AttributePath) -> Place {
        match self.stored_type(set.entity_type.as_str()) {
            Some(root) if set.rows != Rows::Groups => self.place(root, path.steps()),
            _ => Place::Nowhere,
        }
    }

    /// Returns a table with `pos UINTEGER` and one column of codes for each path, `c0`, `c1` …;
    /// one row for each row of the set, missing values null. The table is kept; drop it with
    /// [`Store::drop_table`] when it is not needed any more.
    ///
    /// A path through a list of references gives the value of the first target that has one;
    /// see [`Store::values`].
    pub fn codes(&mut self, set: &EntitySet, paths: &[AttributePath]) -> Result<String, StoreError> {
        let select = self.codes_query(set, paths)?;
        let (table, _) = self.keep(&select)?;
        self.sweep()?;
        Ok(table)
    }

    /// Reads what [`Store::codes`] gives of the first rows, in their order: one column for each
    /// path.
    pub fn read_codes(
        &mut self,
        set: &EntitySet,
        paths: &[AttributePath],
        rows: u64,
    ) -> Result<Columns, StoreError> {
        let select = self.codes_query(set, paths)?;
        let columns: Vec<String> = (0..paths.len()).map(|n| format!("c{n}")).collect();
        let mut read = self.read(&format!(
            "SELECT {} FROM ({select}) WHERE pos < {rows} ORDER BY pos",
            columns.join(", ")
        ))?;
        self.sweep()?;
        // Without rows there are no columns either.
        read.columns.resize_with(paths.len(), Vec::new);
        Ok(read)
    }

    /// Returns the query behind [`Store::codes`]; the tables it reads live until the operation's
    /// end.
    fn codes_query(&mut self, set: &EntitySet, paths: &[AttributePath]) -> Result<String, StoreError> {
        let places: Vec<Place> = paths.iter().map(|path| self.place_in(set, path)).collect();
        let mut nodes: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
        for (at, place) in places.iter().enumerate() {
            if matches!(place, Place::Nowhere) {
                continue;
            }
            match nodes.iter_mut().find(|(references, _)| references == place.references()) {
                Some((_, members)) => members.push(at),
                None => nodes.push((place.references().to_vec(), vec![at])),
            }
        }
        let mut found: Vec<Option<String>> = vec![None; paths.len()];
        let mut joins = String::new();
        for (n, (references, members)) in nodes.iter().enumerate() {
            if let Some(table) = self.node_codes(set, references, members, &places)? {
                joins.push_str(&format!(" LEFT JOIN {table} n{n} ON n{n}.ent = s.ent"));
                for at in members {
                    found[*at] = Some(format!("n{n}.v{at}"));
                }
            }
        }
        let mut columns = vec!["s.pos AS pos".to_owned()];
        for (at, path) in paths.iter().enumerate() {
            let own = set.extra_column(path).map(|column| format!("s.{column}"));
            let value = match (own, found[at].take()) {
                (Some(own), Some(found)) => format!("coalesce({own}, {found})"),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => "NULL::UINTEGER".to_owned(),
            };
            columns.push(format!("{value} AS c{at}"));
        }
        Ok(format!("SELECT {} FROM {} s{joins}", columns.join(", "), set.table))
    }

    /// Returns a query for `(ent, v<n> …)`: the values of those paths `n` that lead over these
    /// references.
    fn node_codes(
        &mut self,
        set: &EntitySet,
        references: &[String],
        members: &[usize],
        places: &[Place],
    ) -> Result<Option<String>, StoreError> {
        let mut wanted: Vec<ColumnId> = Vec::new();
        let mut wants_id = false;
        for at in members {
            match &places[*at] {
                Place::Columns { columns, .. } => wanted.extend(columns.iter().map(|(column, _)| *column)),
                Place::Id { .. } => wants_id = true,
                Place::Nowhere => {}
            }
        }
        wanted.sort();
        wanted.dedup();
        let tables = self.columns(set, references, &wanted)?;
        let ids = if wants_id { self.ids(set, references)? } else { None };
        // After the columns, since it knows them now.
        let Some(node) = self.node(set, references)? else { return Ok(None) };
        let mut joins = String::new();
        let mut joined: Vec<&String> = Vec::new();
        let mut values = Vec::new();
        let mut maps = 0;
        for at in members {
            let mut parts = Vec::new();
            match &places[*at] {
                Place::Columns { columns, .. } => {
                    for (column, rest) in columns {
                        let Some(table) = tables.get(column) else { continue };
                        if !joined.contains(&table) {
                            joins.push_str(&format!(" LEFT JOIN {table} ON {table}.ent = l.target"));
                            joined.push(table);
                        }
                        let code = format!("{table}.{}", self.catalog.sql(*column));
                        if rest.is_empty() {
                            parts.push(code);
                        } else {
                            let map = self.member_map(table, *column, rest, false)?;
                            joins.push_str(&format!(" LEFT JOIN {map} j{maps} ON j{maps}.c = {code}"));
                            parts.push(format!("j{maps}.v"));
                            maps += 1;
                        }
                    }
                }
                Place::Id { .. } => {
                    if let Some(ids) = &ids {
                        if !joined.contains(&ids) {
                            joins.push_str(&format!(" LEFT JOIN {ids} ON {ids}.ent = l.target"));
                            joined.push(ids);
                        }
                        parts.push(format!("{ids}.c"));
                    }
                }
                Place::Nowhere => {}
            }
            let value = match parts.as_slice() {
                [] => "NULL::UINTEGER".to_owned(),
                [one] => one.clone(),
                parts => format!("coalesce({})", parts.join(", ")),
            };
            values.push(if node.many {
                format!("arg_min({value}, l.ord) AS v{at}")
            } else {
                format!("{value} AS v{at}")
            });
        }
        let group = if node.many { " GROUP BY l.ent" } else { "" };
        Ok(Some(format!("(SELECT l.ent AS ent, {} FROM {} l{joins}{group})", values.join(", "), node.links)))
    }

    /// Returns a table `(c, v)`: what steps lead to inside each list or dictionary of a column.
    /// Several values have a row each with `all`, otherwise they are one list.
    fn member_map(
        &mut self,
        table: &str,
        column: ColumnId,
        steps: &[Step],
        all: bool,
    ) -> Result<String, StoreError> {
        let codes = self.distinct_in(table, &self.catalog.sql(column))?;
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for code in codes {
            let mut found = match self.dictionary.get(code) {
                ValueRef::Json(text) => members(&text, steps),
                _ => Vec::new(),
            };
            if !all && found.len() > 1 {
                let list: Vec<serde_json::Value> = found.iter().map(Value::to_json).collect();
                found = vec![Value::Json(serde_json::Value::Array(list).to_string())];
            }
            for value in found {
                from.push(code);
                to.push(self.dictionary.intern(&(&value).into())?);
            }
        }
        let map = self.put(&[("c", Data::U32(from)), ("v", Data::U32(to))])?;
        self.scratch.push(map.clone());
        Ok(map)
    }

    /// Returns all values that a path leads to, as rows and codes by row: any number for each
    /// row when it goes through lists. Missing values have none.
    pub fn values(&mut self, set: &EntitySet, path: &AttributePath) -> Result<Vec<(u32, u32)>, StoreError> {
        let select = self.values_query(set, path)?;
        let read = self.read(&select)?;
        self.sweep()?;
        let [pos, codes] = read.columns.as_slice() else { return Ok(Vec::new()) };
        let mut values: Vec<(u32, u32)> = pos.iter().copied().zip(codes.iter().copied()).collect();
        values.sort_unstable();
        Ok(values)
    }

    /// Returns the query behind [`Store::values`]: `(pos, c)`.
    fn values_query(&mut self, set: &EntitySet, path: &AttributePath) -> Result<String, StoreError> {
        let place = self.place_in(set, path);
        let own = set.extra_column(path).map(str::to_owned);
        let mut parts = Vec::new();
        let rows = match &own {
            Some(column) => {
                parts
                    .push(format!("SELECT pos, {column} AS c FROM {} WHERE {column} IS NOT NULL", set.table));
                format!("(SELECT pos, ent FROM {} WHERE {column} IS NULL)", set.table)
            }
            None => set.table.clone(),
        };
        match &place {
            Place::Columns { references, columns } => {
                let wanted: Vec<ColumnId> = columns.iter().map(|(column, _)| *column).collect();
                let tables = self.columns(set, references, &wanted)?;
                if let Some(node) = self.node(set, references)? {
                    for (column, rest) in columns {
                        let Some(table) = tables.get(column) else { continue };
                        let code = self.catalog.sql(*column);
                        let (join, value) = if rest.is_empty() {
                            (String::new(), format!("m.{code}"))
                        } else {
                            let map = self.member_map(table, *column, rest, true)?;
                            (format!(" JOIN {map} j ON j.c = m.{code}"), "j.v".to_owned())
                        };
                        parts.push(format!(
                            "SELECT s.pos AS pos, {value} AS c FROM {rows} s JOIN {} l ON l.ent = s.ent
                             JOIN {table} m ON m.ent = l.target{join} WHERE {value} IS NOT NULL",
                            node.links
                        ));
                    }
                }
            }
            Place::Id { references } => {
                let ids = self.ids(set, references)?;
                if let (Some(ids), Some(node)) = (ids, self.node(set, references)?) {
                    parts.push(format!(
                        "SELECT s.pos AS pos, i.c AS c FROM {rows} s JOIN {} l ON l.ent = s.ent
                         JOIN {ids} i ON i.ent = l.target",
                        node.links
                    ));
                }
            }
            Place::Nowhere => {}
        }
        let select = if parts.is_empty() {
            "SELECT 0::UINTEGER AS pos, 0::UINTEGER AS c WHERE false".to_owned()
        } else {
            parts.join(" UNION ALL ")
        };
        Ok(select)
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
        if let (Some(members), true) = (&set.members, set.extra.is_empty()) {
            let entities = members.iter().zip(flags).filter(|(_, keep)| **keep).map(|(entity, _)| *entity);
            let made = self.set_of(entities.collect(), &set.entity_type, set.world.clone())?;
            return Ok(EntitySet {
                table: made.table,
                members: made.members,
                count: made.count,
                ..set.clone()
            });
        }
        let kept = (0u32..).zip(flags).filter(|(_, keep)| **keep).map(|(pos, _)| pos).collect();
        let kept = self.scratch_codes(kept)?;
        let select = format!(
            "SELECT (row_number() OVER (ORDER BY s.pos) - 1)::UINTEGER AS pos, s.* EXCLUDE (pos) FROM {} s
             WHERE s.pos IN (SELECT c FROM {kept})",
            set.table
        );
        let made = self.set_from(&select, set)?;
        self.sweep()?;
        Ok(made)
    }

    /// Says of each row of a set whether it was seen in a window: its own record for
    /// appearances, some record of the set's world for entities.
    pub fn seen_in(&mut self, set: &EntitySet, window: TimeWindow) -> Result<Vec<bool>, StoreError> {
        if set.rows == Rows::Appearances {
            let records = self.read_column(&format!("SELECT rec FROM {} ORDER BY pos", set.table))?;
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
        let entities = match &set.members {
            Some(members) => members.to_vec(),
            None => self.read_column(&format!("SELECT ent FROM {} ORDER BY pos", set.table))?,
        };
        Ok(entities.iter().map(|entity| seen.get(*entity as usize).copied().unwrap_or(false)).collect())
    }
}

fn add_new(columns: &mut Vec<AttributePath>, more: impl IntoIterator<Item = AttributePath>) {
    let mut known: std::collections::HashSet<AttributePath, ahash::RandomState> =
        columns.iter().cloned().collect();
    for path in more {
        if known.insert(path.clone()) {
            columns.push(path);
        }
    }
}

fn nearest(path: &AttributePath, mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    let wanted = path.to_string();
    suggest::nearest(&wanted, names.iter().map(String::as_str)).into_iter().map(str::to_owned).collect()
}

/// Reads a flattened name as a path.
fn path_of(name: &str) -> AttributePath {
    name.parse().unwrap_or_else(|_| {
        // A key that itself holds a quote.
        let key =
            name.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).filter(|key| !key.is_empty());
        AttributePath::key(key.unwrap_or(if name.is_empty() { "?" } else { name }))
    })
}

/// Puts a reference, itself perhaps inside a dictionary, in front of a path.
fn prefix(path: &AttributePath, reference: &str) -> AttributePath {
    path_of(reference).steps().iter().rev().fold(path.clone(), |path, step| path.prefixed(&step.key))
}
