//! Patterns as conditions on objects, and the records in which they hold.
//!
//! Own attributes, and what references inside a record lead to, depend on the object alone.
//! A test is applied here, once for each distinct value; the database gets the set of codes
//! that passed. Source: entities specification 11, language specification 4.

use std::{collections::HashMap, sync::Arc};

use kestrel_stix::{
    EntityType, Step, Value,
    batch::ColumnKind,
    identity::id_text,
    pattern::{Comparison, Conjunction, Operator, Pattern, Site, Test, conjunctions, members},
    record::ValueRef,
};

use super::{ColumnId, Store, StoreError, TypeId};

/// A pattern may mix types in so many ways.
const MOST_TERMS: usize = 1000;
/// Up to so many codes are written into a query; more go into a table.
const FEW: usize = 16;
/// An empty condition.
const NEVER: &str = "false";

/// The records that a pattern is applied to, and where they come from.
pub(super) struct Candidates {
    /// A table with the column `rec`, each once.
    pub(super) table: String,
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

impl Store {
    /// Returns a table `(rec, obj)` of what the centre of a pattern matches in the candidate
    /// records; each pair once. It lives until the operation's end.
    pub(super) fn hits(
        &mut self,
        candidates: &Candidates,
        centre: &EntityType,
        pattern: Option<&Pattern>,
    ) -> Result<String, StoreError> {
        let nothing = "SELECT 0::UINTEGER AS rec, 0::UINTEGER AS obj WHERE false";
        let Some(centre_type) = self.stored_type(centre.as_str()) else { return self.scratch(nothing) };
        let terms = match pattern {
            Some(pattern) => conjunctions(pattern, centre, MOST_TERMS)?,
            None => vec![Conjunction { centre: Vec::new(), extended: Vec::new() }],
        };
        let mut parts = Vec::new();
        let mut known = HashMap::new();
        for term in &terms {
            if let Some(select) = self.term(candidates, centre_type, term, &mut known)? {
                parts.push(select);
            }
        }
        match parts.len() {
            0 => self.scratch(nothing),
            1 => self.scratch(&parts[0]),
            _ => {
                // One after the other, so that no query grows without bounds.
                let (table, _) = self.keep(nothing)?;
                self.scratch.push(table.clone());
                for part in &parts {
                    self.execute(&format!("INSERT INTO {table} {part}"))?;
                }
                self.scratch(&format!("SELECT DISTINCT rec, obj FROM {table}"))
            }
        }
    }

    /// Returns the query for one alternative of a pattern; none if it can hold nowhere.
    fn term(
        &mut self,
        candidates: &Candidates,
        centre: TypeId,
        term: &Conjunction,
        known: &mut HashMap<String, String>,
    ) -> Result<Option<String>, StoreError> {
        let mut extended = String::new();
        for (entity_type, parts) in &term.extended {
            let Some(entity_type) = self.stored_type(entity_type.as_str()) else { return Ok(None) };
            let condition = self.conditions(entity_type, parts)?;
            if condition == NEVER {
                return Ok(None);
            }
            let key = format!("{}: {condition}", entity_type.0);
            let records = match known.get(&key) {
                Some(records) => records.clone(),
                None => {
                    let records = self.scratch(&format!(
                        "SELECT DISTINCT s.rec FROM seen s JOIN {} o ON o.obj = s.obj
                         SEMI JOIN {} k ON k.rec = s.rec WHERE {condition}",
                        self.catalog.table(entity_type),
                        candidates.table
                    ))?;
                    known.insert(key, records.clone());
                    records
                }
            };
            extended.push_str(&format!(" SEMI JOIN {records} ON {records}.rec = s.rec"));
        }
        let condition = self.conditions(centre, &term.centre)?;
        if condition == NEVER {
            return Ok(None);
        }
        let select = format!(
            "SELECT s.rec, s.obj FROM seen s SEMI JOIN {0} ON {0}.rec = s.rec{extended}",
            candidates.table
        );
        Ok(Some(if term.centre.is_empty() {
            format!("{select} WHERE s.type = {}", centre.0)
        } else {
            let objects = self
                .scratch(&format!("SELECT o.obj FROM {} o WHERE {condition}", self.catalog.table(centre)))?;
            format!("{select} SEMI JOIN {objects} ON {objects}.obj = s.obj WHERE s.type = {}", centre.0)
        }))
    }

    /// Returns the type of this name if it has a table.
    pub(super) fn stored_type(&self, name: &str) -> Option<TypeId> {
        self.catalog.type_id(name).filter(|entity_type| self.catalog.has_table(*entity_type))
    }

    fn conditions(&mut self, entity_type: TypeId, parts: &[Arc<Pattern>]) -> Result<String, StoreError> {
        let parts =
            parts.iter().map(|part| self.condition(entity_type, part)).collect::<Result<Vec<_>, _>>()?;
        Ok(junction(parts, true))
    }

    /// Returns a condition on the row `o` of a type's table; all tests are about that type.
    fn condition(&mut self, entity_type: TypeId, pattern: &Pattern) -> Result<String, StoreError> {
        let (parts, all) = match pattern {
            Pattern::Test(test) => return self.test_condition(entity_type, test),
            Pattern::And(parts) => (parts, true),
            Pattern::Or(parts) => (parts, false),
        };
        let parts =
            parts.iter().map(|part| self.condition(entity_type, part)).collect::<Result<Vec<_>, _>>()?;
        Ok(junction(parts, all))
    }

    fn test_condition(&mut self, entity_type: TypeId, comparison: &Comparison) -> Result<String, StoreError> {
        let steps = comparison.path.steps();
        let present = |store: &mut Self| store.leads_to(&[entity_type], steps, Wanted::Value).map(only);
        if comparison.operator == Operator::IsNull {
            let present = present(self)?;
            return Ok(if comparison.negated { present } else { not(&present) });
        }
        let test = Test::new(&Comparison { negated: false, ..comparison.clone() }, Site::Source)?;
        let passing = only(self.leads_to(&[entity_type], steps, Wanted::Passing(&test))?);
        self.gave_up += u64::from(test.gave_up());
        if comparison.negated {
            let present = present(self)?;
            return Ok(junction(vec![present, not(&passing)], true));
        }
        Ok(passing)
    }

    /// Returns, for objects `o` of each type, the condition that `steps` lead from them to a
    /// wanted value.
    fn leads_to(
        &mut self,
        types: &[TypeId],
        steps: &[Step],
        wanted: Wanted<'_>,
    ) -> Result<Vec<String>, StoreError> {
        types.iter().map(|entity_type| self.leads_from(*entity_type, steps, wanted)).collect()
    }

    fn leads_from(
        &mut self,
        entity_type: TypeId,
        steps: &[Step],
        wanted: Wanted<'_>,
    ) -> Result<String, StoreError> {
        if let Some((columns, rest)) = self.catalog.resolve_steps(entity_type, steps) {
            let parts = columns
                .into_iter()
                .map(|column| self.column_condition(column, rest, wanted))
                .collect::<Result<Vec<_>, _>>()?;
            return Ok(junction(parts, false));
        }
        if let [only] = steps
            && only.key == "id"
        {
            return self.id_condition(entity_type, wanted);
        }
        let Some((name, rest)) = split_reference(steps) else { return Ok(NEVER.to_owned()) };
        let columns = self.catalog.references(entity_type, &name);
        let mut parts = Vec::new();
        for column in columns {
            parts.push(self.reference_condition(column, rest, wanted)?);
        }
        Ok(junction(parts, false))
    }

    /// A reference that leads to a wanted value; without further steps, to a wanted id.
    fn reference_condition(
        &mut self,
        column: ColumnId,
        rest: &[Step],
        wanted: Wanted<'_>,
    ) -> Result<String, StoreError> {
        let single = self.catalog.kind(column) == ColumnKind::Reference && !self.catalog.is_narrow(column);
        let sql = self.catalog.sql(column);
        if rest.is_empty() && matches!(wanted, Wanted::Value) {
            return Ok(if single {
                format!("o.{sql} IS NOT NULL")
            } else {
                format!("o.obj IN (SELECT obj FROM link WHERE col = {})", column.0)
            });
        }
        let id = [Step { key: "id".to_owned(), any: false }];
        let rest = if rest.is_empty() { &id } else { rest };
        let targets: Vec<TypeId> = self.catalog.targets(column).to_vec();
        let targets: Vec<TypeId> =
            targets.into_iter().filter(|target| self.catalog.has_table(*target)).collect();
        let conditions = self.leads_to(&targets, rest, wanted)?;
        let selects: Vec<String> = targets
            .iter()
            .zip(&conditions)
            .filter(|(_, condition)| *condition != NEVER)
            .map(|(target, condition)| {
                format!("SELECT o.obj FROM {} o WHERE {condition}", self.catalog.table(*target))
            })
            .collect();
        if selects.is_empty() {
            return Ok(NEVER.to_owned());
        }
        let objects = self.scratch(&selects.join(" UNION ALL "))?;
        Ok(if single {
            format!("o.{sql} IN (SELECT obj FROM {objects})")
        } else {
            format!(
                "o.obj IN (SELECT obj FROM link WHERE col = {} AND target IN (SELECT obj FROM {objects}))",
                column.0
            )
        })
    }

    fn column_condition(
        &mut self,
        column: ColumnId,
        rest: &[Step],
        wanted: Wanted<'_>,
    ) -> Result<String, StoreError> {
        let narrow = self.catalog.is_narrow(column);
        let sql = self.catalog.sql(column);
        let any = |codes: &str| match narrow {
            true => format!("o.obj IN (SELECT obj FROM cell WHERE col = {}{})", column.0, and(codes)),
            false if codes.is_empty() => format!("o.{sql} IS NOT NULL"),
            false => format!("o.{sql} {codes}"),
        };
        if rest.is_empty() && matches!(wanted, Wanted::Value) {
            return Ok(any(""));
        }
        let distinct = if narrow {
            format!("SELECT DISTINCT code FROM cell WHERE col = {}", column.0)
        } else {
            let table = self.catalog.table(self.catalog.owner(column));
            format!("SELECT DISTINCT {sql} FROM {table} WHERE {sql} IS NOT NULL")
        };
        let codes = self.read_column(&distinct)?;
        let total = codes.len();
        let passing: Vec<u32> = codes.into_iter().filter(|code| self.code_has(*code, rest, wanted)).collect();
        Ok(if passing.is_empty() {
            NEVER.to_owned()
        } else if passing.len() == total {
            any("")
        } else if passing.len() <= FEW {
            any(&format!("IN ({})", list(&passing)))
        } else {
            let table = self.scratch_codes(passing)?;
            any(&format!("IN (SELECT c FROM {table})"))
        })
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

    /// The id of the entity that an object is a sighting of.
    fn id_condition(&mut self, entity_type: TypeId, wanted: Wanted<'_>) -> Result<String, StoreError> {
        let Wanted::Passing(test) = wanted else { return Ok("true".to_owned()) };
        let name = self.catalog.type_name(entity_type);
        let passes = |(_, (uuid, known)): &(usize, &(uuid::Uuid, TypeId))| {
            *known == entity_type && test.holds(&ValueRef::Text(id_text(name, *uuid).into()))
        };
        let passing: Vec<u32> =
            self.entities.iter().enumerate().filter(passes).map(|(ent, _)| ent as u32).collect();
        Ok(if passing.is_empty() {
            NEVER.to_owned()
        } else if passing.len() <= FEW {
            format!("o.ent IN ({})", list(&passing))
        } else {
            let table = self.scratch_codes(passing)?;
            format!("o.ent IN (SELECT c FROM {table})")
        })
    }
}

/// Splits steps at their first reference: its flattened name, and the steps after it.
pub(super) fn split_reference(steps: &[Step]) -> Option<(String, &[Step])> {
    let at = steps.iter().position(Step::is_reference)?;
    let (name, rest) = steps.split_at(at + 1);
    let plain: Vec<Step> = name.iter().map(|step| Step { key: step.key.clone(), any: false }).collect();
    Some((kestrel_stix::AttributePath::text_of(&plain), rest))
}

fn only(mut conditions: Vec<String>) -> String {
    conditions.pop().unwrap_or_else(|| NEVER.to_owned())
}

fn and(condition: &str) -> String {
    if condition.is_empty() { String::new() } else { format!(" AND code {condition}") }
}

fn not(condition: &str) -> String {
    match condition {
        NEVER => "true".to_owned(),
        "true" => NEVER.to_owned(),
        // A null column is not among any codes, and `IN` is null for it.
        condition => format!("({condition}) IS NOT TRUE"),
    }
}

/// Joins conditions, nested only as deep as it takes for the database to read any number.
fn junction(mut parts: Vec<String>, all: bool) -> String {
    let (neutral, absorbing, word) = if all { ("true", NEVER, " AND ") } else { (NEVER, "true", " OR ") };
    if parts.iter().any(|part| part == absorbing) {
        return absorbing.to_owned();
    }
    parts.retain(|part| part != neutral);
    while parts.len() > 32 {
        parts = parts.chunks(32).map(|chunk| format!("({})", chunk.join(word))).collect();
    }
    match parts.len() {
        0 => neutral.to_owned(),
        1 => parts.remove(0),
        _ => format!("({})", parts.join(word)),
    }
}

/// Writes numbers with commas between them.
pub(super) fn list(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
