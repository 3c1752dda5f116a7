//! Entities written in a huntflow or read from a file.
//!
//! Each row is put together like a record of a source: its plain columns are an object, and
//! dotted ones such as `src_ref.value` are objects that it refers to.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use kestrel_stix::{
    AttributePath, EntityType, Step, Timestamp, Value,
    batch::{Batch, BatchBuilder},
    identity::{self, Identity, id_text, named},
    record::{Object, Record, ReferenceTo},
    schema,
};

use super::{EntitySet, Store, StoreError, World, patterns::split_reference};

impl Store {
    /// Makes entities of rows: one value, or none, for each column. Dotted columns such as
    /// `src_ref.value` make the entities they are about. Each row has a record of its own that
    /// counts as none. Shown columns are those given, in order.
    /// Source: entities specification 8.1.
    pub fn literal(
        &mut self,
        entity_type: &EntityType,
        columns: &[AttributePath],
        rows: &[Vec<Option<Value>>],
    ) -> Result<EntitySet, StoreError> {
        let mut batch = batch_of(entity_type, columns, rows)?;
        if let Some(rows) = summed_up(&batch, columns, rows) {
            batch = batch_of(entity_type, columns, &rows)?;
        }
        let (source, objects) = self.take_synthetic(&batch)?;
        let world = World { synthetic: vec![source], ..World::default() };
        let mut known = vec![false; self.entities.len()];
        let entities = objects
            .into_iter()
            .map(|object| self.archive.entities[object as usize])
            .filter(|entity| !std::mem::replace(&mut known[*entity as usize], true))
            .collect();
        let mut set = self.set_of(entities, entity_type, world)?;
        set.shown = Some(columns.to_vec());
        Ok(set)
    }
}

/// Makes one group of objects for each row.
fn batch_of(
    entity_type: &EntityType,
    columns: &[AttributePath],
    rows: &[Vec<Option<Value>>],
) -> Result<Batch, StoreError> {
    let mut builder = BatchBuilder::new();
    for (number, row) in rows.iter().enumerate() {
        let mut root = Part::default();
        for (path, value) in columns.iter().zip(row) {
            if let Some(value) = value {
                root.put(entity_type.as_str(), path.steps(), value);
            }
        }
        let mut record = Record { id: Cow::Borrowed("row"), number_observed: 1, ..Record::default() };
        root.objects("0", entity_type.as_str(), &mut record.objects);
        if let Some(first) = record.objects.first_mut() {
            first.seen = true;
        }
        give_ids(&mut record, columns, row, number);
        builder.loose(&record, || format!("row {}", number + 1)).map_err(|_| StoreError::Full)?;
    }
    Ok(builder.take())
}

/// Rows about one entity unite, the last value of each attribute counting; but times seen and
/// counts are summed up: earliest, latest, sum. Returns the rows with these values, if there
/// are any such. Source: entities specification 3.7.
fn summed_up(
    batch: &Batch,
    columns: &[AttributePath],
    rows: &[Vec<Option<Value>>],
) -> Option<Vec<Vec<Option<Value>>>> {
    let sums: Vec<(usize, Summary)> = columns
        .iter()
        .enumerate()
        .filter_map(|(at, path)| match (path.steps().len(), path.last_key()) {
            (1, "first_observed") => Some((at, Summary::Earliest)),
            (1, "last_observed") => Some((at, Summary::Latest)),
            (1, "number_observed") => Some((at, Summary::Sum)),
            _ => None,
        })
        .collect();
    if sums.is_empty() {
        return None;
    }
    let mut by_entity: HashMap<uuid::Uuid, Vec<usize>, ahash::RandomState> = HashMap::default();
    for (row, object) in batch.loose.iter().enumerate() {
        by_entity.entry(batch.objects[*object as usize].entity).or_default().push(row);
    }
    by_entity.retain(|_, rows| rows.len() > 1);
    if by_entity.is_empty() {
        return None;
    }
    let mut united = rows.to_vec();
    for same in by_entity.values() {
        for (column, summary) in &sums {
            let values = same.iter().filter_map(|row| rows[*row][*column].as_ref());
            let value = values.cloned().reduce(|a, b| summary.of(a, b));
            for row in same {
                united[*row][*column].clone_from(&value);
            }
        }
    }
    Some(united)
}

/// How a column of rows about one entity is summed up.
enum Summary {
    Earliest,
    Latest,
    Sum,
}

impl Summary {
    fn of(&self, a: Value, b: Value) -> Value {
        let time = |value: &Value| Timestamp::parse(&value.to_string());
        match (self, &a, &b) {
            (Summary::Sum, Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(*b)),
            (Summary::Sum, ..) => match (a.as_number(), b.as_number()) {
                (Some(a), Some(b)) => Value::Float(a + b),
                _ => b,
            },
            (Summary::Earliest, ..) => {
                if time(&b) < time(&a) {
                    b
                } else {
                    a
                }
            }
            (Summary::Latest, ..) => {
                if time(&b) > time(&a) {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// An object of a row, before its type is known.
#[derive(Default)]
struct Part<'v> {
    id: Option<String>,
    attributes: Vec<(String, &'v Value)>,
    references: Vec<(String, Part<'v>)>,
}

impl<'v> Part<'v> {
    /// Stores the value of a column.
    fn put(&mut self, entity_type: &str, steps: &[Step], value: &'v Value) {
        match split_reference(steps) {
            Some((reference, rest)) if reference.ends_with("_ref") && !matches!(value, Value::Json(_)) => {
                let name = schema::canonical_attribute(entity_type, &reference).to_owned();
                let at = self.references.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                    self.references.push((name, Part::default()));
                    self.references.len() - 1
                });
                // Deeper names have one spelling whatever the type between is.
                let target =
                    schema::reference_targets(entity_type, &reference).first().copied().unwrap_or("");
                self.references[at].1.put(target, rest, value);
            }
            _ if steps.is_empty() || matches!(steps, [only] if only.key == "id") => {
                self.id = Some(value.to_string()).filter(|id| !id.is_empty());
            }
            _ => {
                let plain: Vec<Step> =
                    steps.iter().map(|step| Step { key: step.key.clone(), any: false }).collect();
                let name = AttributePath::text_of(&plain);
                let name = schema::canonical_attribute(entity_type, &name).to_owned();
                match self.attributes.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => *known = value,
                    None => self.attributes.push((name, value)),
                }
            }
        }
    }

    /// Makes the object and those it refers to.
    fn objects(&self, key: &str, entity_type: &str, out: &mut Vec<Object<'v>>) {
        let at = out.len();
        out.push(Object {
            key: Cow::Owned(key.to_owned()),
            entity_type: Cow::Owned(entity_type.to_owned()),
            id: self.id.clone().map(Cow::Owned),
            seen: false,
            attributes: Vec::new(),
            references: Vec::new(),
        });
        let mut attributes: Vec<_> =
            self.attributes.iter().map(|(name, value)| (Cow::Owned(name.clone()), (*value).into())).collect();
        for (name, part) in &self.references {
            match part.target_type(entity_type, name) {
                Some(target) => {
                    let target_key = format!("{key}/{name}");
                    part.objects(&target_key, &target, out);
                    let name = Cow::Owned(name.clone());
                    out[at].references.push(ReferenceTo { name, list: false, key: Cow::Owned(target_key) });
                }
                // Nobody knows what it leads to: its attributes stay dotted columns.
                None => part.flatten(name, &mut attributes),
            }
        }
        out[at].attributes = attributes;
    }

    fn flatten(&self, prefix: &str, out: &mut Vec<(Cow<'v, str>, kestrel_stix::record::ValueRef<'v>)>) {
        for (name, value) in &self.attributes {
            out.push((Cow::Owned(format!("{prefix}.{name}")), (*value).into()));
        }
        for (name, part) in &self.references {
            part.flatten(&format!("{prefix}.{name}"), out);
        }
    }

    /// Returns the type of the object behind a reference: by its id, by what the reference
    /// leads to, or by the form of its value.
    fn target_type(&self, holder: &str, reference: &str) -> Option<String> {
        if let Some((prefix, uuid)) = self.id.as_deref().and_then(|id| id.rsplit_once("--"))
            && uuid::Uuid::try_parse(uuid).is_ok()
            && !prefix.is_empty()
        {
            return Some(prefix.to_owned());
        }
        let targets = schema::reference_targets(holder, reference);
        let value =
            self.attributes.iter().find(|(name, _)| name == "value").map(|(_, value)| value.to_string());
        let by_form = value.as_deref().map(|value| match schema::address_type(value) {
            Some(address) => address,
            None if is_mac(value) => "mac-addr",
            None => "domain-name",
        });
        match targets {
            [one] => Some((*one).to_owned()),
            [] => by_form.filter(|form| *form != "domain-name").map(str::to_owned),
            [first, ..] => Some(by_form.filter(|form| targets.contains(form)).unwrap_or(first).to_owned()),
        }
    }
}

/// Objects without contributing properties are entities of their own, one a row, with ids that
/// depend only on what is written.
fn give_ids(record: &mut Record<'_>, columns: &[AttributePath], row: &[Option<Value>], number: usize) {
    let alone: Vec<usize> = (0..record.objects.len())
        .filter(|at| matches!(identity::of(record, &record.objects[*at]), Identity::Record(_)))
        .collect();
    if alone.is_empty() {
        return;
    }
    let cells: BTreeMap<String, serde_json::Value> = columns
        .iter()
        .zip(row)
        .filter_map(|(path, value)| Some((path.to_string(), value.as_ref()?.to_json())))
        .collect();
    let json = serde_json::to_string(&cells).unwrap_or_default();
    for at in alone {
        let object = &mut record.objects[at];
        let id = id_text(&object.entity_type, named(&format!("{json}/{number}/{}", object.key)));
        object.id = Some(Cow::Owned(id));
    }
}

/// Six groups of two hexadecimal digits.
fn is_mac(text: &str) -> bool {
    let groups: Vec<&str> = text.split([':', '-']).collect();
    groups.len() == 6
        && groups.iter().all(|group| group.len() == 2 && group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
