//! Finds the layout of an object that was parsed.

use std::{borrow::Cow, ops::Range};

use kestrel_stix::{
    attribute::is_reference_key, batch::BatchBuilder, record::Object, schema::is_integer_attribute,
};

use super::{Cursor, Layouts, MOST_BYTES, MOST_NEXT, MOST_NODES, Node, PATIENCE, Then};
use crate::read::{
    flatten::{Member, dotted, member},
    options::Limits,
};

/// Most members of an object with a layout.
const MOST_MEMBERS: usize = 128;
/// The longest literal.
const LONGEST: usize = 4096;
/// Most lists and dictionaries inside each other, in a value.
const MOST_LEVELS: usize = 32;

impl Layouts {
    /// Learns from the object that stands there; `object` is what it was parsed to, without any
    /// defect.
    pub(crate) fn learn(
        &mut self,
        record: &str,
        range: Range<usize>,
        object: &Object<'_>,
        limits: &Limits,
        builder: &mut BatchBuilder,
    ) {
        self.vain = self.vain.saturating_add(1);
        if self.full || self.vain > PATIENCE && !self.vain.is_multiple_of(PATIENCE) {
            return;
        }
        let mut learner = Learner {
            at: Cursor::new(record, range.start),
            record,
            entity_type: &object.entity_type,
            limits,
            from: range.start,
            rows: Vec::new(),
            attributes: Vec::new(),
            references: Vec::new(),
            typed: false,
        };
        if learner.object(range.end).is_some() && learner.agrees(object) {
            self.add(&learner, builder);
        }
    }

    /// Adds the rows that are new.
    fn add(&mut self, learner: &Learner<'_>, builder: &mut BatchBuilder) {
        let Some((end, rows)) = learner.rows.split_last() else { return };
        let literal = |range: &Range<usize>| &learner.record.as_bytes()[range.clone()];
        let mut node = None;
        for (range, then) in rows {
            node = match self.find(node, literal(range), |known| known == *then) {
                Some(known) => Some(known),
                None => self.push(node, literal(range), *then),
            };
            if node.is_none() {
                return;
            }
        }
        if self.find(node, literal(&end.0), |known| matches!(known, Then::End(_))).is_some() {
            return;
        }
        let attributes: Vec<&str> = learner.attributes.iter().map(|name| &**name).collect();
        let references: Vec<(&str, bool)> =
            learner.references.iter().map(|(name, list)| (&**name, *list)).collect();
        let names = attributes.iter().chain(references.iter().map(|(name, _)| name));
        self.bytes += names.map(|name| name.len() + 64).sum::<usize>();
        let plan = builder.plan(learner.entity_type, &attributes, &references);
        if let Some(plan) = plan
            && self.push(node, literal(&end.0), Then::End(plan)).is_some()
        {
            self.vain = 0;
        }
    }

    fn next_of(&self, node: Option<u32>) -> &[u32] {
        node.map_or(&self.first, |node| &self.nodes[node as usize].next)
    }

    fn find(&self, node: Option<u32>, literal: &[u8], is_it: impl Fn(Then) -> bool) -> Option<u32> {
        let found = |row: &&u32| {
            let row = &self.nodes[**row as usize];
            *row.literal == *literal && is_it(row.then)
        };
        self.next_of(node).iter().find(found).copied()
    }

    fn push(&mut self, node: Option<u32>, literal: &[u8], then: Then) -> Option<u32> {
        self.bytes += literal.len() + 64;
        if self.nodes.len() >= MOST_NODES || self.bytes >= MOST_BYTES || self.next_of(node).len() >= MOST_NEXT
        {
            self.full = true;
            return None;
        }
        let number = u32::try_from(self.nodes.len()).ok()?;
        self.nodes.push(Node { literal: literal.into(), then, next: Vec::new() });
        match node {
            Some(node) => self.nodes[node as usize].next.push(number),
            None => self.first.push(number),
        }
        Some(number)
    }
}

struct Learner<'o> {
    at: Cursor<'o>,
    record: &'o str,
    entity_type: &'o str,
    limits: &'o Limits,
    /// Where the next literal begins.
    from: usize,
    rows: Vec<(Range<usize>, Then)>,
    attributes: Vec<Cow<'o, str>>,
    references: Vec<(Cow<'o, str>, bool)>,
    typed: bool,
}

impl<'o> Learner<'o> {
    fn object(&mut self, end: usize) -> Option<()> {
        self.at.take(b'{')?;
        while let Some(key) = self.key()? {
            match member(self.entity_type, key, self.at.peek()? == b'{') {
                Member::Ignored if key == "type" => {
                    // Part of the literal, and so the same in all objects.
                    let is_it = self.at.plain()? == self.entity_type;
                    if !is_it || std::mem::replace(&mut self.typed, true) {
                        return None;
                    }
                }
                Member::Ignored => {
                    self.row(Then::Ignored)?;
                    self.at.plain()?;
                    self.from = self.at.at;
                }
                Member::Nested(name, references) => self.nested(&name, references, 3)?,
                Member::Reference(name) => self.reference(name)?,
                Member::Value(name) => self.value(name, 3)?,
            }
        }
        // The end needs no place: what comes next is the end of the object.
        self.row(Then::Ignored)?;
        (self.typed && self.at.at == end).then_some(())
    }

    /// Reads on to the next value; none at the end of the dictionary.
    fn key(&mut self) -> Option<Option<&'o str>> {
        self.at.blanks();
        if self.at.take(b'}').is_some() {
            return Some(None);
        }
        if self.at.take(b',').is_some() {
            self.at.blanks();
        }
        let key = self.at.plain()?;
        self.at.blanks();
        self.at.take(b':')?;
        self.at.blanks();
        Some(Some(key))
    }

    fn nested(&mut self, prefix: &str, references: bool, depth: usize) -> Option<()> {
        if depth >= self.limits.depth || depth > MOST_LEVELS {
            return None;
        }
        self.at.take(b'{')?;
        while let Some(key) = self.key()? {
            let name = dotted(prefix, key);
            if self.at.peek()? == b'{' {
                self.nested(&name, references, depth + 1)?;
            } else if references && is_reference_key(key) {
                self.reference(name)?;
            } else {
                self.value(name, depth + 1)?;
            }
        }
        Some(())
    }

    fn row(&mut self, then: Then) -> Option<()> {
        let literal = self.from..self.at.at;
        if self.rows.len() == MOST_MEMBERS || literal.len() > LONGEST {
            return None;
        }
        self.rows.push((literal, then));
        Some(())
    }

    fn reference(&mut self, name: Cow<'o, str>) -> Option<()> {
        let list = crate::read::flatten::is_list(&name);
        self.row(Then::Reference { number: u32::try_from(self.references.len()).ok()?, list })?;
        self.references.push((name, list));
        self.skip()
    }

    fn value(&mut self, name: Cow<'o, str>, depth: usize) -> Option<()> {
        let then = Then::Value {
            whole_number: is_integer_attribute(self.entity_type, &name),
            dictionary: depth == 3 && self.entity_type.starts_with("x-") && name != "extensions",
            levels: self.limits.depth.saturating_sub(depth).min(MOST_LEVELS),
        };
        self.row(then)?;
        self.attributes.push(name);
        self.skip()
    }

    fn skip(&mut self) -> Option<()> {
        let start = self.at.at;
        if self.at.peek()? == b'"' {
            self.at.text(&mut kestrel_stix::batch::LaidOut::default())?;
        } else {
            self.at.json(&mut String::new(), MOST_LEVELS)?;
        }
        self.from = self.at.at;
        (self.from > start).then_some(())
    }

    /// Returns true if this is what the parser found.
    fn agrees(&self, object: &Object<'_>) -> bool {
        let names = object.attributes.iter().map(|(name, _)| &**name);
        let mut references = self.references.iter();
        let mut known = references.next();
        // The unique id of a process may come from its extensions.
        let extended = self.entity_type == "process"
            && self.attributes.iter().any(|name| name.starts_with("extensions."));
        !extended
            && names.eq(self.attributes.iter().map(|name| &**name))
            && object.references.iter().all(|given| {
                while known.is_some_and(|(name, list)| *name != given.name || *list != given.list) {
                    known = references.next();
                }
                known.is_some()
            })
    }
}
