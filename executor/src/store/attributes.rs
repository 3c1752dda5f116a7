//! Attributes of the rows of entity sets: which there are, and where their values are.

use kestrel_ir::plan::Rows;
use kestrel_stix::{AttributePath, Step, schema, suggest};

use super::{ColumnId, EntitySet, Store, StoreError, TypeId, patterns::split_reference};

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
pub(super) enum Place {
    /// In these columns; what remains of the path goes into their lists or dictionaries.
    Columns { references: Vec<String>, columns: Vec<(ColumnId, Vec<Step>)> },
    /// The id of the entity.
    Id { references: Vec<String> },
    /// Nowhere.
    Nowhere,
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

    /// Finds where a path leads from the rows of a set.
    pub(super) fn place_in(&self, set: &EntitySet, path: &AttributePath) -> Place {
        match self.stored_type(set.entity_type.as_str()) {
            Some(root) if set.rows != Rows::Groups => self.place(root, path.steps()),
            _ => Place::Nowhere,
        }
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
