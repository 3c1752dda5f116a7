//! Objects as they are written, each once a batch: all of an object but what its references
//! lead to, and what follows from that alone.
//!
//! Most objects of real data are written the same way in very many records. What is known of
//! a shape need not be found out again: a repeated object costs a look at its references.

use std::hash::{BuildHasher, Hasher};

use hashbrown::HashTable;
use uuid::Uuid;

use super::{
    BatchFull, index,
    keys::{Content, table_hasher},
    laid::{LaidObject, LaidSource, LaidValue, PlanRow},
};
use crate::{
    identity,
    record::{Object, ValueRef},
};

/// An object as written, in the batch that is being made; see [`super::BatchBuilder::shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape(pub(super) u32);

/// Not known, or not there.
pub(super) const NONE: u32 = u32::MAX;

/// What every sighting of a shape looks at: small, since there are many and they are looked at
/// in any order.
#[derive(Debug)]
pub(super) struct ShapeRow {
    pub(super) kind: u32,
    /// Start and count in [`Shapes::references`].
    references: (u32, u32),
    /// The object that the last sighting turned out to be, when no record has a say in it.
    pub(super) last: u32,
    /// The attributes in the batch, once an object of this shape stands there.
    pub(super) cells: Option<(u32, u32)>,
    /// The object has an id of its own.
    pub(super) is_given: bool,
    /// An attribute makes the entity.
    pub(super) contributes: bool,
    /// A reference may make the entity, or be part of it.
    pub(super) may_contribute: bool,
}

/// What else is known of a shape.
#[derive(Debug)]
pub(super) struct ShapeRest {
    /// Hash of `own` and the references' keys; not used in objects of plans.
    hash: u64,
    /// Content key of type, id and attributes.
    pub(super) own: u128,
    /// The entity that the object's own id names.
    pub(super) given: Option<Uuid>,
    /// Number of a process without an id of its own, not 0.
    pub(super) pid: Option<i64>,
    /// The entity, when attributes alone make it and once it is known.
    pub(super) entity: Option<Uuid>,
    /// The object itself where `cells` do not tell everything: a property is given twice.
    pub(super) irregular: Option<Box<Object<'static>>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ShapeReference {
    name: (u32, u32),
    key: (u32, u32),
    pub(super) small: Option<u16>,
    pub(super) list: bool,
    pub(super) contributing: bool,
    /// The batch's column, once it is there.
    pub(super) column: u32,
    /// The object that it led to at the last sighting.
    pub(super) last: u32,
}

/// An entity type, whether the batch has an object of it or not.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) contributing: &'static [&'static str],
    /// The batch's number of the type.
    pub(super) number: u32,
    /// The column that an object's first attribute had last.
    pub(super) first_column: u32,
}

#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) rows: Vec<ShapeRow>,
    /// As many.
    pub(super) rest: Vec<ShapeRest>,
    pub(super) references: Vec<ShapeReference>,
    pub(super) kinds: Vec<Kind>,
    /// Names and keys of references.
    text: String,
    by_content: HashTable<u32>,
    by_name: HashTable<u32>,
    content: Content,
}

impl Shapes {
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.rest.clear();
        self.references.clear();
        self.kinds.clear();
        self.text.clear();
        self.by_content.clear();
        self.by_name.clear();
    }

    #[inline]
    pub(super) fn references_of(&self, shape: u32) -> &[ShapeReference] {
        let (start, count) = self.rows[shape as usize].references;
        &self.references[start as usize..][..count as usize]
    }

    #[inline]
    pub(super) fn references_of_mut(&mut self, shape: u32) -> &mut [ShapeReference] {
        let (start, count) = self.rows[shape as usize].references;
        &mut self.references[start as usize..][..count as usize]
    }

    #[inline]
    pub(super) fn kind_of(&self, shape: u32) -> &Kind {
        &self.kinds[self.rows[shape as usize].kind as usize]
    }

    #[inline]
    pub(super) fn name(&self, reference: &ShapeReference) -> &str {
        &self.text[reference.name.0 as usize..][..reference.name.1 as usize]
    }

    #[inline]
    pub(super) fn key(&self, reference: &ShapeReference) -> &str {
        &self.text[reference.key.0 as usize..][..reference.key.1 as usize]
    }

    /// Returns the key of all that an object's values are values of.
    pub(super) fn names_key<'n>(
        &mut self,
        entity_type: &str,
        id: Option<&str>,
        names: impl Iterator<Item = &'n str>,
    ) -> u128 {
        let content = &mut self.content;
        content.clear();
        content.text(entity_type);
        content.text(id.unwrap_or_default());
        for name in names {
            content.text(name);
        }
        content.key()
    }

    /// Adds an object of a plan; whether the batch has it already is for its text to say.
    pub(super) fn add_laid(
        &mut self,
        plan: &mut PlanRow,
        object: &LaidObject,
        source: &LaidSource<'_>,
    ) -> Result<u32, BatchFull> {
        let values = source.values(object, plan);
        let content = &mut self.content;
        content.clear();
        content.key_of(plan.names);
        for value in values {
            content.value(&source.value(*value));
        }
        let own = content.key();
        if plan.kind == NONE {
            plan.kind = self.kind(&plan.entity_type)?;
            for reference in &mut plan.references {
                reference.place = self.push_text(&reference.name)?;
            }
        }
        let start = index(self.references.len())?;
        let mut may_contribute = false;
        let references = source.references(object);
        for given in references {
            let reference = &plan.references[given.reference as usize];
            may_contribute |= reference.contributing;
            let key = source.text(given.key);
            let reference = ShapeReference {
                name: reference.place,
                key: self.push_text(key)?,
                small: small(key),
                list: reference.list,
                contributing: reference.contributing,
                column: reference.column,
                last: NONE,
            };
            self.references.push(reference);
        }
        let contributes = plan.contributes(source, values);
        let pid = match plan.pid.filter(|_| !contributes).map(|at| values[at]) {
            Some(LaidValue::Int(pid)) if pid != 0 => Some(pid),
            _ => None,
        };
        let row = ShapeRow {
            kind: plan.kind,
            references: (start, index(references.len())?),
            last: NONE,
            cells: None,
            is_given: false,
            contributes,
            may_contribute,
        };
        self.push_row(row, ShapeRest { hash: 0, own, given: None, pid, entity: None, irregular: None })
    }

    fn push_row(&mut self, row: ShapeRow, rest: ShapeRest) -> Result<u32, BatchFull> {
        let number = index(self.rows.len()).ok().filter(|number| *number != NONE).ok_or(BatchFull)?;
        self.rows.push(row);
        self.rest.push(rest);
        Ok(number)
    }

    /// Returns the number of an object's shape, adding it if it is new.
    pub(super) fn intern(&mut self, object: &Object<'_>) -> Result<u32, BatchFull> {
        let id = object.id.as_deref().filter(|id| !id.is_empty());
        let names = object.attributes.iter().map(|(name, _)| &**name);
        let names = self.names_key(&object.entity_type, id, names);
        let content = &mut self.content;
        content.clear();
        content.key_of(names);
        for (_, value) in &object.attributes {
            content.value(value);
        }
        let own = content.key();
        let mut hasher = table_hasher().build_hasher();
        hasher.write_u128(own);
        for reference in &object.references {
            hasher.write(reference.key.as_bytes());
        }
        let hash = hasher.finish();
        if let Some(known) = self.by_content.find(hash, |known| self.is_shape(*known, own, object)) {
            return Ok(*known);
        }
        let (row, rest) = self.row(object, id, own, hash)?;
        let number = self.push_row(row, rest)?;
        let rest = &self.rest;
        self.by_content.insert_unique(hash, number, |known| rest[*known as usize].hash);
        Ok(number)
    }

    fn is_shape(&self, known: u32, own: u128, object: &Object<'_>) -> bool {
        if self.rest[known as usize].own != own {
            return false;
        }
        let references = self.references_of(known);
        references.len() == object.references.len()
            && references.iter().zip(&object.references).all(|(known, given)| {
                self.key(known) == given.key && self.name(known) == given.name && known.list == given.list
            })
    }

    fn row(
        &mut self,
        object: &Object<'_>,
        id: Option<&str>,
        own: u128,
        hash: u64,
    ) -> Result<(ShapeRow, ShapeRest), BatchFull> {
        let kind = self.kind(&object.entity_type)?;
        let contributing = self.kinds[kind as usize].contributing;
        let contributes = !contributing.is_empty()
            && object.attributes.iter().any(|(name, value)| {
                !identity::is_empty_id(name, value)
                    && contributing.iter().any(|property| identity::is_part(name, property))
            });
        let start = index(self.references.len())?;
        let mut may_contribute = false;
        for reference in &object.references {
            let name = self.push_text(&reference.name)?;
            let contributing =
                contributing.iter().any(|property| identity::is_part(&reference.name, property));
            may_contribute |= contributing;
            let reference = ShapeReference {
                name,
                key: self.push_text(&reference.key)?,
                small: small(&reference.key),
                list: reference.list,
                contributing,
                column: NONE,
                last: NONE,
            };
            self.references.push(reference);
        }
        let is_process = object.entity_type == "process" && !contributes && id.is_none();
        let pid = match object.attribute("pid").filter(|_| is_process) {
            Some(ValueRef::Int(pid)) if *pid != 0 => Some(*pid),
            _ => None,
        };
        let given = id.map(|id| identity::given(&object.entity_type, id));
        let row = ShapeRow {
            kind,
            references: (start, index(object.references.len())?),
            last: NONE,
            cells: None,
            is_given: given.is_some(),
            contributes,
            may_contribute,
        };
        Ok((row, ShapeRest { hash, own, given, pid, entity: None, irregular: None }))
    }

    fn kind(&mut self, name: &str) -> Result<u32, BatchFull> {
        let hash = table_hasher().hash_one(name);
        let kinds = &mut self.kinds;
        if let Some(known) = self.by_name.find(hash, |known| kinds[*known as usize].name == name) {
            return Ok(*known);
        }
        let number = index(kinds.len())?;
        kinds.push(Kind {
            name: name.to_owned(),
            contributing: identity::contributing(name),
            number: NONE,
            first_column: NONE,
        });
        self.by_name.insert_unique(hash, number, |known| {
            table_hasher().hash_one(kinds[*known as usize].name.as_str())
        });
        Ok(number)
    }

    fn push_text(&mut self, text: &str) -> Result<(u32, u32), BatchFull> {
        let start = index(self.text.len())?;
        self.text.push_str(text);
        Ok((start, index(text.len())?))
    }
}

/// Returns the number that a key of STIX 2.0 objects usually is: up to four digits without
/// leading zeros, so that equal numbers are equal keys.
pub(super) fn small(key: &str) -> Option<u16> {
    let digits = key.as_bytes();
    if digits.is_empty() || digits.len() > 4 || digits[0] == b'0' && digits.len() > 1 {
        return None;
    }
    digits.iter().try_fold(0u16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u16::from(byte - b'0')))
}
