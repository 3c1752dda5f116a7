//! Patterns applied to what was loaded: the objects that satisfy them, and the records in which
//! they hold.
//!
//! Own attributes, and what references inside a record lead to, depend on the object alone. So
//! a pattern becomes, for each type, the set of its objects that satisfy it: columns are run
//! over once, a test is applied once for each distinct value, and a reference is followed by
//! looking its target up. Source: entities specification 11, language specification 4.

use std::{collections::HashMap, sync::Arc};

use kestrel_stix::{
    EntityType, Step, Value,
    batch::ColumnKind,
    identity::id_text,
    pattern::{Comparison, Conjunction, Operator, Pattern, Site, Test, conjunctions, members},
    record::ValueRef,
};

use super::{ColumnId, NO_CODE, Store, StoreError, TypeId, watch::MANY};

/// A pattern may mix types in so many ways.
const MOST_TERMS: usize = 1000;

/// Which objects of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Chosen {
    None,
    All,
    /// One flag for each object of the type, in the archive's order.
    Some(Vec<bool>),
}

impl Chosen {
    fn has(&self, row: usize) -> bool {
        match self {
            Chosen::None => false,
            Chosen::All => true,
            Chosen::Some(flags) => flags.get(row).copied().unwrap_or(false),
        }
    }

    fn and(self, other: Chosen) -> Chosen {
        match (self, other) {
            (Chosen::None, _) | (_, Chosen::None) => Chosen::None,
            (Chosen::All, one) | (one, Chosen::All) => one,
            (Chosen::Some(mut flags), Chosen::Some(others)) => {
                flags.iter_mut().zip(others).for_each(|(flag, other)| *flag &= other);
                Chosen::Some(flags)
            }
        }
    }

    fn or(self, other: Chosen) -> Chosen {
        match (self, other) {
            (Chosen::All, _) | (_, Chosen::All) => Chosen::All,
            (Chosen::None, one) | (one, Chosen::None) => one,
            (Chosen::Some(mut flags), Chosen::Some(others)) => {
                flags.iter_mut().zip(others).for_each(|(flag, other)| *flag |= other);
                Chosen::Some(flags)
            }
        }
    }

    fn not(self) -> Chosen {
        match self {
            Chosen::None => Chosen::All,
            Chosen::All => Chosen::None,
            Chosen::Some(mut flags) => {
                flags.iter_mut().for_each(|flag| *flag = !*flag);
                Chosen::Some(flags)
            }
        }
    }
}

/// What a path must lead to.
#[derive(Clone, Copy)]
enum Wanted<'t> {
    /// Any value.
    Value,
    /// A value that satisfies the plain test.
    Passing(&'t Test),
}

impl Wanted<'_> {
    fn has(&self, value: &ValueRef<'_>) -> bool {
        match self {
            Wanted::Value => true,
            Wanted::Passing(test) => test.holds(value),
        }
    }
}

/// One alternative of a pattern.
struct Term {
    centre: Arc<Chosen>,
    /// A record must show such an object of each of these types.
    extended: Vec<(TypeId, Arc<Chosen>)>,
}

impl Store {
    /// Returns what the centre of a pattern matches in the candidate records, which are
    /// ascending: record and object, each pair once, ascending.
    pub(super) fn hits(
        &mut self,
        candidates: &[u32],
        centre: &EntityType,
        pattern: Option<&Pattern>,
    ) -> Result<Vec<(u32, u32)>, StoreError> {
        let Some(centre_type) = self.stored_type(centre.as_str()) else { return Ok(Vec::new()) };
        let terms = match pattern {
            Some(pattern) => conjunctions(pattern, centre, MOST_TERMS)?,
            None => vec![Conjunction { centre: Vec::new(), extended: Vec::new() }],
        };
        let mut known = HashMap::new();
        let mut hits = Vec::new();
        for term in &terms {
            if let Some(term) = self.term(centre_type, term, &mut known)? {
                self.apply_term(candidates, centre_type, &term, &mut hits)?;
            }
        }
        hits.sort_unstable();
        hits.dedup();
        Ok(hits)
    }

    fn apply_term(
        &self,
        candidates: &[u32],
        centre: TypeId,
        term: &Term,
        hits: &mut Vec<(u32, u32)>,
    ) -> Result<(), StoreError> {
        let archive = &self.archive;
        let is = |object: u32, entity_type: TypeId, chosen: &Chosen| {
            archive.type_of(object) == entity_type && chosen.has(archive.row_of(object))
        };
        for (at, record) in candidates.iter().enumerate() {
            if at % MANY == 0 {
                self.go_on()?;
            }
            let (own, more) = archive.seen(*record);
            let shows = |entity_type: TypeId, chosen: &Chosen| {
                own.iter().chain(more).any(|object| is(*object, entity_type, chosen))
            };
            if !term.extended.iter().all(|(entity_type, chosen)| shows(*entity_type, chosen)) {
                continue;
            }
            let found = own.iter().chain(more).filter(|object| is(**object, centre, &term.centre));
            hits.extend(found.map(|object| (*record, *object)));
        }
        Ok(())
    }

    /// Finds the objects for one alternative of a pattern; none if it can hold nowhere.
    fn term(
        &mut self,
        centre: TypeId,
        term: &Conjunction,
        known: &mut HashMap<(TypeId, usize), Arc<Chosen>>,
    ) -> Result<Option<Term>, StoreError> {
        let mut extended = Vec::with_capacity(term.extended.len());
        for (entity_type, parts) in &term.extended {
            let Some(entity_type) = self.stored_type(entity_type.as_str()) else { return Ok(None) };
            let chosen = self.all_of(entity_type, parts, known)?;
            if *chosen == Chosen::None {
                return Ok(None);
            }
            extended.push((entity_type, chosen));
        }
        let centre = self.all_of(centre, &term.centre, known)?;
        if *centre == Chosen::None {
            return Ok(None);
        }
        Ok(Some(Term { centre, extended }))
    }

    /// Returns the objects that satisfy all parts. Alternatives share parts: each is looked at
    /// once.
    fn all_of(
        &mut self,
        entity_type: TypeId,
        parts: &[Arc<Pattern>],
        known: &mut HashMap<(TypeId, usize), Arc<Chosen>>,
    ) -> Result<Arc<Chosen>, StoreError> {
        let mut all: Option<Arc<Chosen>> = None;
        for part in parts {
            let key = (entity_type, Arc::as_ptr(part) as usize);
            let chosen = match known.get(&key) {
                Some(chosen) => chosen.clone(),
                None => {
                    let chosen = Arc::new(self.satisfying(entity_type, part)?);
                    known.insert(key, chosen.clone());
                    chosen
                }
            };
            all = Some(match all {
                None => chosen,
                Some(before) => Arc::new(Arc::unwrap_or_clone(before).and(Arc::unwrap_or_clone(chosen))),
            });
        }
        Ok(all.unwrap_or_else(|| Arc::new(Chosen::All)))
    }

    /// Returns the type of this name if objects of it were loaded.
    pub(super) fn stored_type(&self, name: &str) -> Option<TypeId> {
        self.catalog.type_id(name).filter(|entity_type| self.catalog.is_declared(*entity_type))
    }

    /// Returns the objects of a type that satisfy a pattern, whose tests are all about that type.
    fn satisfying(&mut self, entity_type: TypeId, pattern: &Pattern) -> Result<Chosen, StoreError> {
        match pattern {
            Pattern::Test(test) => self.passing_objects(entity_type, test),
            Pattern::And(parts) => parts.iter().try_fold(Chosen::All, |all, part| {
                // Every test is made, so that a bad one is always told.
                Ok(all.and(self.satisfying(entity_type, part)?))
            }),
            Pattern::Or(parts) => parts
                .iter()
                .try_fold(Chosen::None, |any, part| Ok(any.or(self.satisfying(entity_type, part)?))),
        }
    }

    fn passing_objects(
        &mut self,
        entity_type: TypeId,
        comparison: &Comparison,
    ) -> Result<Chosen, StoreError> {
        let steps = comparison.path.steps();
        if comparison.operator == Operator::IsNull {
            let present = self.leads_from(entity_type, steps, Wanted::Value);
            return Ok(if comparison.negated { present } else { present.not() });
        }
        let test = Test::new(&Comparison { negated: false, ..comparison.clone() }, Site::Source)?;
        let passing = self.leads_from(entity_type, steps, Wanted::Passing(&test));
        self.gave_up += u64::from(test.gave_up());
        if comparison.negated {
            return Ok(self.leads_from(entity_type, steps, Wanted::Value).and(passing.not()));
        }
        Ok(passing)
    }

    /// Returns the objects of a type from which `steps` lead to a wanted value.
    fn leads_from(&self, entity_type: TypeId, steps: &[Step], wanted: Wanted<'_>) -> Chosen {
        if let Some((columns, rest)) = self.catalog.resolve_steps(entity_type, steps) {
            let parts = columns.into_iter().map(|column| self.having(column, rest, wanted));
            return parts.fold(Chosen::None, Chosen::or);
        }
        if let [only] = steps
            && only.key == "id"
        {
            return self.with_id(entity_type, wanted);
        }
        let Some((name, rest)) = split_reference(steps) else { return Chosen::None };
        let columns = self.catalog.references(entity_type, &name);
        columns.into_iter().fold(Chosen::None, |any, column| any.or(self.referring(column, rest, wanted)))
    }

    /// Objects with a reference that leads to a wanted value; without further steps, to a wanted
    /// id.
    fn referring(&self, column: ColumnId, rest: &[Step], wanted: Wanted<'_>) -> Chosen {
        let id = [Step { key: "id".to_owned(), any: false }];
        let targets: HashMap<TypeId, Chosen> = if rest.is_empty() && matches!(wanted, Wanted::Value) {
            self.catalog.targets(column).iter().map(|target| (*target, Chosen::All)).collect()
        } else {
            let rest = if rest.is_empty() { &id } else { rest };
            let targets = self.catalog.targets(column).iter();
            targets.map(|target| (*target, self.leads_from(*target, rest, wanted))).collect()
        };
        if targets.values().all(|chosen| *chosen == Chosen::None) {
            return Chosen::None;
        }
        let archive = &self.archive;
        let leads = |target: u32| {
            target != NO_CODE
                && targets
                    .get(&archive.type_of(target))
                    .is_some_and(|chosen| chosen.has(archive.row_of(target)))
        };
        let objects = archive.of_type(self.catalog.owner(column));
        let single = self.catalog.kind(column) == ColumnKind::Reference && !self.catalog.is_narrow(column);
        Chosen::Some(if single {
            let codes = archive.column(column);
            (0..objects.len()).map(|row| codes.get(row).is_some_and(|target| leads(*target))).collect()
        } else {
            let of_column = |object: &u32| {
                archive.links(*object).iter().any(|link| link.column == column && leads(link.target))
            };
            objects.iter().map(of_column).collect()
        })
    }

    /// Objects with a wanted value in a column, or inside what it holds.
    fn having(&self, column: ColumnId, rest: &[Step], wanted: Wanted<'_>) -> Chosen {
        const PASSES: u8 = 1;
        const FAILS: u8 = 2;
        let mut known = vec![0u8; self.dictionary.len()];
        let mut has = |code: u32| {
            if code == NO_CODE {
                return false;
            }
            let known = &mut known[code as usize];
            if *known == 0 {
                *known = if self.code_has(code, rest, wanted) { PASSES } else { FAILS };
            }
            *known == PASSES
        };
        let objects = self.archive.of_type(self.catalog.owner(column));
        let flags: Vec<bool> = if self.catalog.is_narrow(column) {
            let mut of_column = |object: &u32| {
                self.archive.cells(*object).iter().any(|(known, code)| *known == column && has(*code))
            };
            objects.iter().map(&mut of_column).collect()
        } else {
            let codes = self.archive.column(column);
            let mut flags: Vec<bool> = codes.iter().map(|code| has(*code)).collect();
            flags.resize(objects.len(), false);
            flags
        };
        if flags.contains(&true) { Chosen::Some(flags) } else { Chosen::None }
    }

    fn code_has(&self, code: u32, rest: &[Step], wanted: Wanted<'_>) -> bool {
        let value = self.dictionary.get(code);
        match (&value, rest) {
            (_, []) => wanted.has(&value),
            (ValueRef::Json(text), rest) => {
                members(text, rest).iter().any(|member: &Value| wanted.has(&member.into()))
            }
            _ => false,
        }
    }

    /// Objects by the id of the entity that they are a sighting of.
    fn with_id(&self, entity_type: TypeId, wanted: Wanted<'_>) -> Chosen {
        let Wanted::Passing(test) = wanted else { return Chosen::All };
        let name = self.catalog.type_name(entity_type);
        let passes = |object: &u32| {
            let (uuid, _) = self.entities.get(self.archive.entities[*object as usize]);
            test.holds(&ValueRef::Text(id_text(name, uuid).into()))
        };
        Chosen::Some(self.archive.of_type(entity_type).iter().map(passes).collect())
    }
}

/// Splits steps at their first reference: its flattened name, and the steps after it.
pub(super) fn split_reference(steps: &[Step]) -> Option<(String, &[Step])> {
    let at = steps.iter().position(Step::is_reference)?;
    let (name, rest) = steps.split_at(at + 1);
    let plain: Vec<Step> = name.iter().map(|step| Step { key: step.key.clone(), any: false }).collect();
    Some((kestrel_stix::AttributePath::text_of(&plain), rest))
}
