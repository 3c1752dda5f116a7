//! Numbers the members of a record: which object of the batch each is, and which entity.

use std::borrow::Cow;

use uuid::Uuid;

use super::{
    BatchFull,
    builder::{BatchBuilder, owned},
    index,
    keys::Content,
    laid::LaidReference,
    members::Source,
    shapes::{NONE, ShapeReference},
};
use crate::{
    identity::{canonical, named},
    record::{Object, ReferenceTo},
};

/// What decides which entity a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decides {
    /// The id it came with.
    Id,
    /// Its contributing properties.
    Content,
    /// Its record; the text is in [`super::builder::Scratch::sighting`].
    Record,
}

/// The host of a record for process keys: not looked for yet, or what was found.
type Host = Option<Option<String>>;

impl BatchBuilder {
    /// Gives every member its object, adding those that the batch does not have yet.
    pub(super) fn number_members(&mut self, source: Source<'_, '_>) -> Result<(), BatchFull> {
        let mut host = None;
        for at in 0..self.members.order.len() {
            let n = self.members.order[at] as usize;
            self.acyclic_object(source, n, &mut host)?;
        }
        if self.members.order.len() < self.members.list.len() {
            self.cyclic_objects(source, &mut host)?;
        }
        Ok(())
    }

    /// Numbers a member whose targets are numbered.
    fn acyclic_object(&mut self, source: Source<'_, '_>, n: usize, host: &mut Host) -> Result<(), BatchFull> {
        let shape = self.members.list[n].shape;
        let decides = self.decides(source, n);
        if decides != Decides::Record {
            let last = self.shapes.rows[shape as usize].last;
            if last != NONE && self.leads_to_the_same(shape, n) {
                self.members.list[n].number = last;
                return Ok(());
            }
        } else {
            self.write_sighting(source, n, host);
        }
        let content = &mut self.scratch.content;
        content.clear();
        content.key_of(self.shapes.rest[shape as usize].own);
        push_identity(content, decides, &self.scratch.sighting);
        let references = self.shapes.references_of(shape);
        for (reference, target) in references.iter().zip(self.members.targets_of(n)) {
            if *target != NONE {
                push_reference(content, self.shapes.name(reference), reference);
                let number = self.members.list[*target as usize].number;
                content.key_of(self.batch.objects[number as usize].content);
            }
        }
        let content = content.key();
        let number = match self.known_object(content) {
            Some(known) => {
                self.settle_cells(source, n, known);
                known
            }
            None => {
                let entity = self.entity(source, n, decides, None);
                self.push_object(source, n, content, entity)?
            }
        };
        self.members.list[n].number = number;
        if decides != Decides::Record {
            self.shapes.rows[shape as usize].last = number;
            for at in 0..self.members.targets_of(n).len() {
                let last = self.target_number(n, at);
                self.shapes.references_of_mut(shape)[at].last = last;
            }
        }
        Ok(())
    }

    /// An equal object stands in the batch, though of another shape: one that also has
    /// references that lead nowhere.
    fn settle_cells(&mut self, source: Source<'_, '_>, n: usize, known: u32) {
        let shape = self.members.list[n].shape as usize;
        let row = &mut self.shapes.rows[shape];
        if row.cells.is_some() {
            return;
        }
        let cells = self.batch.objects[known as usize].cells;
        row.cells = Some(cells);
        if let Some(object) = self.members.object(source, n)
            && object.attributes.len() > cells.1 as usize
        {
            self.shapes.rest[shape].irregular = Some(Box::new(owned(object)));
        }
    }

    /// The object behind a reference of member `n`.
    #[inline]
    fn target_number(&self, n: usize, at: usize) -> u32 {
        match self.members.targets_of(n)[at] {
            NONE => NONE,
            target => self.members.list[target as usize].number,
        }
    }

    /// Returns true if the references lead to the same objects as at the last sighting.
    #[inline]
    fn leads_to_the_same(&self, shape: u32, n: usize) -> bool {
        let references = self.shapes.references_of(shape).iter().zip(self.members.targets_of(n));
        references.into_iter().all(|(reference, target)| {
            reference.last == self.members.list.get(*target as usize).map_or(NONE, |member| member.number)
        })
    }

    #[inline]
    fn decides(&self, source: Source<'_, '_>, n: usize) -> Decides {
        let shape = self.members.list[n].shape;
        let row = &self.shapes.rows[shape as usize];
        if row.is_given {
            return Decides::Id;
        }
        let by_reference = || {
            // A reference counts when it leads somewhere.
            let key = self.members.key(source, n);
            let references = self.shapes.references_of(shape).iter().zip(self.members.targets_of(n));
            references.into_iter().any(|(reference, target)| {
                reference.contributing && *target != NONE && self.shapes.key(reference) != key
            })
        };
        if row.contributes || row.may_contribute && by_reference() {
            Decides::Content
        } else {
            Decides::Record
        }
    }

    /// Writes what makes the entity where the record decides: the key of a process, or where
    /// the object stands.
    fn write_sighting(&mut self, source: Source<'_, '_>, n: usize, host: &mut Host) {
        let row = &self.shapes.rest[self.members.list[n].shape as usize];
        let last = source.record.last_observed.as_ref();
        if let (Some(pid), Some(last)) = (row.pid, last)
            && let Some(host) = host.get_or_insert_with(|| self.host(source))
        {
            let key = format!("{pid}_{host}_{}", last.text);
            let sighting = &mut self.scratch.sighting;
            sighting.clear();
            sighting.push_str("{\"x_unique_id\":");
            canonical::push_text(sighting, &key);
            sighting.push('}');
            return;
        }
        self.write_appearance(source, n);
    }

    fn write_appearance(&mut self, source: Source<'_, '_>, n: usize) {
        let key = self.members.key(source, n);
        let sighting = &mut self.scratch.sighting;
        sighting.clear();
        sighting.push_str(&source.record.id);
        sighting.push('/');
        sighting.push_str(key);
    }

    /// The host that process keys name: `host_id` of the first asset that has one, else
    /// `hostname`.
    fn host(&self, source: Source<'_, '_>) -> Option<String> {
        let attribute = |name: &str| {
            let assets = (0..self.members.list.len())
                .filter(|n| self.shapes.kind_of(self.members.list[*n].shape).name == "x-oca-asset");
            assets.filter_map(|n| self.attribute_text(source, n, name)).find(|host| !host.is_empty())
        };
        attribute("host_id").or_else(|| attribute("hostname"))
    }

    fn attribute_text(&self, source: Source<'_, '_>, n: usize, name: &str) -> Option<String> {
        if let Some(object) = self.members.object(source, n) {
            return object.attribute(name).map(|value| value.to_value().to_string());
        }
        if let Some(object) = self.members.laid(source, n) {
            let plan = &self.plans[object.plan.0 as usize];
            let at = plan.attributes.iter().position(|attribute| attribute == name)?;
            let value = source.laid.value(source.laid.values(object, plan)[at]);
            return Some(value.to_value().to_string());
        }
        let (start, count) = self.shapes.rows[self.members.list[n].shape as usize].cells?;
        self.batch.cells[start as usize..][..count as usize]
            .iter()
            .find(|cell| self.batch.columns[cell.column as usize].name == name)
            .map(|cell| self.batch.values.get(cell.value).to_value().to_string())
    }

    /// The entity of a member; targets whose entity is not known yet count as absent. For
    /// members of cycles, `cycle` says which of [`super::builder::Scratch::entities`] they are.
    fn entity(&mut self, source: Source<'_, '_>, n: usize, decides: Decides, cycle: Option<&[u32]>) -> Uuid {
        let shape = self.members.list[n].shape;
        let (row, rest) = (&self.shapes.rows[shape as usize], &self.shapes.rest[shape as usize]);
        match decides {
            Decides::Id => return rest.given.unwrap_or_default(),
            Decides::Record => return named(&self.scratch.sighting),
            Decides::Content => {}
        }
        if let Some(entity) = rest.entity {
            return entity;
        }
        let may_contribute = row.may_contribute;
        let mut json = std::mem::take(&mut self.scratch.json);
        json.clear();
        let target = |at: usize| {
            let target = self.members.targets_of(n)[at];
            if target == NONE {
                return None;
            }
            let place = cycle.map_or(NONE, |places| places[target as usize]);
            let member = &self.members.list[target as usize];
            let entity = match place {
                NONE => self.batch.objects[member.number as usize].entity,
                place => self.scratch.entities[place as usize],
            };
            (!entity.is_nil()).then(|| (self.shapes.kind_of(member.shape).name.as_str(), entity))
        };
        let contributing = self.shapes.kind_of(shape).contributing;
        let written = if let Some(object) = self.members.object(source, n) {
            canonical::write(object, contributing, target, &mut json)
        } else if let Some(object) = self.members.laid(source, n) {
            let plan = &self.plans[object.plan.0 as usize];
            let laid = source.laid;
            match &plan.template {
                Some(template) => {
                    let value = |at: usize| laid.value(laid.values(object, plan)[at]);
                    let references = laid.references(object);
                    let target = |reference: usize| {
                        let given = |given: &LaidReference| given.reference as usize == reference;
                        target(references.iter().position(given)?)
                    };
                    template.write(value, target, &mut json)
                }
                None => canonical::write(&laid.whole(object, plan), contributing, target, &mut json),
            }
        } else {
            canonical::write(&self.restored(shape), contributing, target, &mut json)
        };
        let entity = if written {
            named(&json)
        } else {
            self.write_appearance(source, n);
            named(&self.scratch.sighting)
        };
        self.scratch.json = json;
        if written && !may_contribute {
            self.shapes.rest[shape as usize].entity = Some(entity);
        }
        entity
    }

    /// Returns an object of a shape that stands in the batch.
    fn restored(&self, shape: u32) -> Object<'_> {
        let (row, rest) = (&self.shapes.rows[shape as usize], &self.shapes.rest[shape as usize]);
        let attributes = match (&rest.irregular, row.cells) {
            (Some(object), _) => object.attributes.clone(),
            (None, Some((start, count))) => self.batch.cells[start as usize..][..count as usize]
                .iter()
                .map(|cell| {
                    let name = Cow::Borrowed(self.batch.columns[cell.column as usize].name.as_str());
                    (name, self.batch.values.get(cell.value))
                })
                .collect(),
            (None, None) => Vec::new(),
        };
        let references = self.shapes.references_of(shape).iter().map(|reference| ReferenceTo {
            name: Cow::Borrowed(self.shapes.name(reference)),
            list: reference.list,
            key: Cow::Borrowed(self.shapes.key(reference)),
        });
        Object { attributes, references: references.collect(), ..Object::default() }
    }

    /// Numbers the members that reference each other in a circle, or lead to such ones. They
    /// are compared as a whole: equal objects, connected in the same way, in the same order.
    fn cyclic_objects(&mut self, source: Source<'_, '_>, host: &mut Host) -> Result<(), BatchFull> {
        let count = self.members.list.len();
        let left: Vec<usize> = (0..count).filter(|n| self.members.list[*n].number == NONE).collect();
        let mut places = vec![NONE; count];
        for (at, n) in left.iter().enumerate() {
            places[*n] = index(at)?;
        }
        let mut whole = Content::default();
        for n in &left {
            let shape = self.members.list[*n].shape;
            let decides = self.decides(source, *n);
            if decides == Decides::Record {
                self.write_sighting(source, *n, host);
            }
            whole.key_of(self.shapes.rest[shape as usize].own);
            push_identity(&mut whole, decides, &self.scratch.sighting);
            let references = self.shapes.references_of(shape);
            for (reference, target) in references.iter().zip(self.members.targets_of(*n)) {
                if *target == NONE {
                    continue;
                }
                push_reference(&mut whole, self.shapes.name(reference), reference);
                let place = places[*target as usize];
                whole.number(u64::from(place));
                if place == NONE {
                    let number = self.members.list[*target as usize].number;
                    whole.key_of(self.batch.objects[number as usize].content);
                }
            }
            whole.byte(END);
        }
        let group = whole.key();
        let contents: Vec<u128> = (0..left.len())
            .map(|at| {
                whole.clear();
                whole.key_of(group);
                whole.number(at as u64);
                whole.byte(CYCLE);
                whole.key()
            })
            .collect();
        if contents.first().is_some_and(|first| self.known_object(*first).is_some()) {
            // The group stands in the batch as a whole.
            for (n, content) in left.iter().zip(&contents) {
                let known = self.known_object(*content).ok_or(BatchFull)?;
                self.settle_cells(source, *n, known);
                self.members.list[*n].number = known;
            }
            return Ok(());
        }
        self.cyclic_entities(source, &left, &places, host);
        let first = self.batch.objects.len();
        for (at, n) in left.iter().enumerate() {
            self.members.list[*n].number = index(first + at)?;
        }
        for (at, (n, content)) in left.iter().zip(&contents).enumerate() {
            self.push_object(source, *n, *content, self.scratch.entities[at])?;
        }
        Ok(())
    }

    /// Finds the entities of cyclic members. Identity looks only at some references, and those
    /// hardly ever form a circle: a connection and the one inside it refer to each other, but
    /// their identity is in their addresses. Where they do, the circle's references count as
    /// absent.
    fn cyclic_entities(&mut self, source: Source<'_, '_>, left: &[usize], places: &[u32], host: &mut Host) {
        self.scratch.entities.clear();
        self.scratch.entities.resize(left.len(), Uuid::nil());
        let mut referrers: Vec<Vec<usize>> = vec![Vec::new(); left.len()];
        let mut waiting = vec![0usize; left.len()];
        for (at, n) in left.iter().enumerate() {
            if self.decides(source, *n) != Decides::Content {
                continue;
            }
            let references = self.shapes.references_of(self.members.list[*n].shape);
            for (reference, target) in references.iter().zip(self.members.targets_of(*n)) {
                if *target == NONE || !reference.contributing {
                    continue;
                }
                let place = places[*target as usize];
                if place != NONE {
                    referrers[place as usize].push(at);
                    waiting[at] += 1;
                }
            }
        }
        let mut order: Vec<usize> = (0..left.len()).filter(|at| waiting[*at] == 0).collect();
        let mut done = 0;
        while done < order.len() {
            for referrer in &referrers[order[done]] {
                waiting[*referrer] -= 1;
                if waiting[*referrer] == 0 {
                    order.push(*referrer);
                }
            }
            done += 1;
        }
        order.extend((0..left.len()).filter(|at| waiting[*at] > 0));
        for at in order {
            let decides = self.decides(source, left[at]);
            if decides == Decides::Record {
                self.write_sighting(source, left[at], host);
            }
            self.scratch.entities[at] = self.entity(source, left[at], decides, Some(places));
        }
    }
}

/// After the references of a member of a cycle.
const END: u8 = 3;
/// After the place in a cycle.
const CYCLE: u8 = 4;

fn push_reference(content: &mut Content, name: &str, reference: &ShapeReference) {
    content.byte(if reference.list { 2 } else { 1 });
    content.text(name);
}

/// Where the record decides, equal content in another record is another entity.
fn push_identity(content: &mut Content, decides: Decides, sighting: &str) {
    match decides {
        // The id is part of the object's own content.
        Decides::Id => content.byte(0),
        Decides::Content => content.byte(1),
        Decides::Record => {
            content.byte(2);
            content.text(sighting);
        }
    }
}
