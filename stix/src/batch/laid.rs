//! Objects whose members are known before their values are read.
//!
//! Objects of a type nearly always have the same members in the same order. What follows from
//! the names alone (hashes of them, columns, what makes the entity) is found once, for the
//! [`Plan`]; an object is then values and keys, in the order of the plan, and its texts stay
//! where the reader found them.
//!
//! | plan | object |
//! |---|---|
//! | `process`: `name`, `pid`, `binary_ref` | `cmd.exe`, 696, `1` |

use std::borrow::Cow;

use hashbrown::HashSet;

use super::shapes::NONE;
use crate::{
    identity::{self, template::Template},
    record::{Object, ReferenceTo, ValueRef},
};

/// The members that objects have, in order; see [`super::BatchBuilder::plan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan(pub(super) u32);

impl Plan {
    /// Returns its number among the plans of its builder.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A text of an object, in one of the two texts of [`LaidSource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaidText {
    /// Where it begins, in bytes.
    pub start: u32,
    /// How long it is, in bytes.
    pub len: u32,
    /// It stands in [`LaidOut::unescaped`], since it is written differently in the record.
    pub unescaped: bool,
}

/// A value of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaidValue {
    /// See [`crate::Value::Int`].
    Int(i64),
    /// See [`crate::Value::Bool`].
    Bool(bool),
    /// See [`crate::Value::Text`].
    Text(LaidText),
    /// See [`crate::Value::Json`].
    Json(LaidText),
}

/// A reference of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaidReference {
    /// Which of the plan's references.
    pub reference: u32,
    /// The target's key.
    pub key: LaidText,
}

/// Objects of one record, each of a plan.
#[derive(Debug, Default)]
pub struct LaidOut {
    objects: Vec<LaidObject>,
    values: Vec<LaidValue>,
    references: Vec<LaidReference>,
    /// Texts that the record has with escapes.
    pub unescaped: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct LaidObject {
    pub(super) plan: Plan,
    /// Start; as many as the plan has attributes.
    values: u32,
    /// Start and count.
    references: (u32, u32),
}

/// How much there was in a [`LaidOut`].
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    values: usize,
    references: usize,
    unescaped: usize,
}

/// Objects, and the text of the record that they stand in.
#[derive(Debug, Clone, Copy)]
pub struct LaidSource<'r> {
    /// The objects.
    pub out: &'r LaidOut,
    /// The record as it is written.
    pub record: &'r str,
}

impl LaidOut {
    /// Forgets all objects.
    pub fn clear(&mut self) {
        self.objects.clear();
        self.values.clear();
        self.references.clear();
        self.unescaped.clear();
    }

    /// Begins an object: adds values and references, then either [`Self::finish`] or
    /// [`Self::give_up`].
    pub fn begin(&self) -> Mark {
        Mark { values: self.values.len(), references: self.references.len(), unescaped: self.unescaped.len() }
    }

    /// Adds the next attribute's value.
    #[inline]
    pub fn value(&mut self, value: LaidValue) {
        self.values.push(value);
    }

    /// Adds a reference; one that is no list at most once an object.
    #[inline]
    pub fn reference(&mut self, reference: u32, key: LaidText) {
        self.references.push(LaidReference { reference, key });
    }

    /// Returns the plan of an object.
    pub fn plan_of(&self, object: u32) -> Option<Plan> {
        self.objects.get(object as usize).map(|object| object.plan)
    }

    /// Returns how many references were added since.
    pub fn references_since(&self, mark: Mark) -> usize {
        self.references.len() - mark.references
    }

    /// Takes back what was added since.
    pub fn give_up(&mut self, mark: Mark) {
        self.values.truncate(mark.values);
        self.references.truncate(mark.references);
        self.unescaped.truncate(mark.unescaped);
    }

    /// Makes an object of what was added since; returns its number, none if there is no room.
    pub fn finish(&mut self, mark: Mark, plan: Plan) -> Option<u32> {
        let number = u32::try_from(self.objects.len()).ok()?;
        let values = u32::try_from(mark.values).ok()?;
        let references = u32::try_from(mark.references).ok()?;
        let count = u32::try_from(self.references.len() - mark.references).ok()?;
        self.objects.push(LaidObject { plan, values, references: (references, count) });
        Some(number)
    }
}

impl<'r> LaidSource<'r> {
    #[inline]
    pub(super) fn object(&self, n: u32) -> &'r LaidObject {
        &self.out.objects[n as usize]
    }

    #[inline]
    pub(super) fn values(&self, object: &LaidObject, plan: &PlanRow) -> &'r [LaidValue] {
        &self.out.values[object.values as usize..][..plan.attributes.len()]
    }

    #[inline]
    pub(super) fn references(&self, object: &LaidObject) -> &'r [LaidReference] {
        let (start, count) = object.references;
        &self.out.references[start as usize..][..count as usize]
    }

    #[inline]
    pub(super) fn text(&self, text: LaidText) -> &'r str {
        let from = if text.unescaped { self.out.unescaped.as_str() } else { self.record };
        &from[text.start as usize..][..text.len as usize]
    }

    #[inline]
    pub(super) fn value(&self, value: LaidValue) -> ValueRef<'r> {
        match value {
            LaidValue::Int(n) => ValueRef::Int(n),
            LaidValue::Bool(b) => ValueRef::Bool(b),
            LaidValue::Text(text) => ValueRef::Text(Cow::Borrowed(self.text(text))),
            LaidValue::Json(text) => ValueRef::Json(Cow::Borrowed(self.text(text))),
        }
    }

    /// Returns the object in full, but for its key.
    pub(super) fn whole(&self, object: &LaidObject, plan: &'r PlanRow) -> Object<'r> {
        let names = plan.attributes.iter().map(|name| Cow::Borrowed(name.as_str()));
        let values = self.values(object, plan).iter().map(|value| self.value(*value));
        let references = self.references(object).iter().map(|given| {
            let reference = &plan.references[given.reference as usize];
            ReferenceTo {
                name: Cow::Borrowed(reference.name.as_str()),
                list: reference.list,
                key: Cow::Borrowed(self.text(given.key)),
            }
        });
        Object {
            entity_type: Cow::Borrowed(plan.entity_type.as_str()),
            seen: true,
            attributes: names.zip(values).collect(),
            references: references.collect(),
            ..Object::default()
        }
    }
}

/// What is known of a plan.
#[derive(Debug)]
pub(super) struct PlanRow {
    pub(super) entity_type: String,
    pub(super) attributes: Vec<String>,
    pub(super) references: Vec<PlanReference>,
    /// Key of type and names; see [`super::shapes::Shapes::intern`].
    pub(super) names: u128,
    /// Some attribute makes the entity, whatever its value.
    contributes: bool,
    /// The attribute that makes the entity unless it is empty.
    unique_id: Option<usize>,
    /// Number of a process.
    pub(super) pid: Option<usize>,
    /// The entity's canonical JSON, where it is plain.
    pub(super) template: Option<Template>,
    /// What the batch knows of it, if it does.
    pub(super) kind: u32,
    /// Column of each attribute, and the value that it had last.
    pub(super) columns: Vec<(u32, u32)>,
}

#[derive(Debug)]
pub(super) struct PlanReference {
    pub(super) name: String,
    pub(super) list: bool,
    pub(super) contributing: bool,
    /// Where the batch has the name, and the column.
    pub(super) place: (u32, u32),
    pub(super) column: u32,
}

impl PlanRow {
    /// None when a name is given twice.
    pub(super) fn new(
        entity_type: &str,
        attributes: &[&str],
        references: &[(&str, bool)],
        names: u128,
    ) -> Option<Self> {
        let mut distinct = HashSet::new();
        let all = attributes.iter().chain(references.iter().map(|(name, _)| name));
        if !all.into_iter().all(|name| distinct.insert(*name)) {
            return None;
        }
        let contributing = identity::contributing(entity_type);
        let is_part = |name: &str| contributing.iter().any(|property| identity::is_part(name, property));
        let parts = || attributes.iter().enumerate().filter(|(_, name)| is_part(name));
        let is_process = entity_type == "process";
        Some(PlanRow {
            entity_type: entity_type.to_owned(),
            attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
            references: references
                .iter()
                .map(|(name, list)| PlanReference {
                    name: (*name).to_owned(),
                    list: *list,
                    contributing: is_part(name),
                    place: (0, 0),
                    column: NONE,
                })
                .collect(),
            names,
            contributes: parts().any(|(_, name)| *name != "x_unique_id"),
            unique_id: parts().find(|(_, name)| **name == "x_unique_id").map(|(at, _)| at),
            pid: attributes.iter().position(|name| *name == "pid").filter(|_| is_process),
            template: Template::new(contributing, attributes, references),
            kind: NONE,
            columns: vec![(NONE, NONE); attributes.len()],
        })
    }

    /// Forgets what a batch knew of it.
    pub(super) fn leave_batch(&mut self) {
        if self.kind == NONE {
            return;
        }
        self.kind = NONE;
        self.columns.fill((NONE, NONE));
        for reference in &mut self.references {
            reference.column = NONE;
        }
    }

    /// Returns true if an attribute of this object makes its entity.
    #[inline]
    pub(super) fn contributes(&self, source: &LaidSource<'_>, values: &[LaidValue]) -> bool {
        let empty = |value: LaidValue| matches!(value, LaidValue::Text(text) if source.text(text).is_empty());
        self.contributes || self.unique_id.is_some_and(|at| !empty(values[at]))
    }
}
