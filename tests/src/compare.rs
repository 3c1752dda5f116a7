//! Compiling huntflows for the twin, and comparing its answers with others.

use std::collections::{BTreeMap, BTreeSet};

use kestrel_compiler::{Compilation, Config};
use kestrel_executor::{
    ops::apply::Analytics,
    results::{DisplayResult, Results},
    run::{Connectors, RowsWanted, RunOptions, run},
    store::Options,
};
use kestrel_ir::Plan;
use kestrel_stix::{Timestamp, Value};

use crate::{
    naive::{self, Answer, Shown, Sources, Variable},
    worlds,
};

/// The rules that a configuration can switch, in which twin and store have to agree either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Processes without unique id join the one with it that fits.
    pub attach: bool,
    /// Entities stay that do not come back when a source is asked again.
    pub keep: bool,
}

/// Compiles a huntflow to the plan as lowered, without optimization.
///
/// # Errors
/// The messages of the compiler, one a line, if there are errors.
pub fn plan_of(text: &str, rules: Rules) -> Result<Plan, String> {
    let config = Config { prefetch_keep: rules.keep, ..Config::default() };
    let mut compilation = Compilation::new(config);
    let compiled = compilation.block("hunt.hf", text);
    if compiled.has_errors() {
        let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        return Err(errors
            .map(|error| format!("{}: {}", error.code.as_str(), error.message))
            .collect::<Vec<_>>()
            .join("\n"));
    }
    kestrel_ir::verify::verify(compilation.plan()).map_err(|broken| broken.to_string())?;
    Ok(compilation.plan().clone())
}

/// Evaluates a huntflow with the twin.
///
/// # Errors
/// The messages of the compiler.
pub fn naive_answer(text: &str, sources: &Sources, rules: Rules) -> Result<Answer, String> {
    Ok(naive::evaluate(&plan_of(text, rules)?, sources, rules.attach))
}

/// Runs a plan as the product does: sources are written as bundles and read by the reader.
///
/// # Errors
/// When the bundles cannot be written.
pub fn store_answer(plan: &Plan, sources: &Sources, jobs: usize, rules: Rules) -> std::io::Result<Answer> {
    Ok(answer_of(&store_results(plan, sources, jobs, rules)?))
}

/// Like [`store_answer`], with everything that a run gives back.
///
/// # Errors
/// When the bundles cannot be written.
pub fn store_results(plan: &Plan, sources: &Sources, jobs: usize, rules: Rules) -> std::io::Result<Results> {
    let folder = tempfile::tempdir()?;
    for (name, records) in sources {
        std::fs::write(folder.path().join(name), worlds::bundle(records).to_string())?;
    }
    let connectors = Connectors::offline(folder.path().to_owned());
    let options = RunOptions {
        jobs,
        rows: RowsWanted::All,
        base_dir: folder.path().to_owned(),
        now: Some(Timestamp::MAX),
        ..RunOptions::default()
    };
    let store = Options { threads: jobs, attach_processes: rules.attach, ..Options::default() };
    Ok(run(plan, store, connectors, Analytics::default(), &options, &mut |_| {}))
}

fn answer_of(results: &Results) -> Answer {
    let mut answer = Answer::default();
    for variable in &results.variables {
        let table = variable.rows.as_ref();
        let rows = table.into_iter().flat_map(|table| {
            (0..table.len()).map(|row| {
                let cells = table.columns.iter().zip(table.row(row));
                cells.filter_map(|(column, cell)| Some((column.clone(), cell?.clone()))).collect()
            })
        });
        let found = Variable {
            entity_type: variable.entity_type.clone().unwrap_or_default(),
            kind: variable.kind,
            entities: variable.entities,
            records: variable.records,
            rows: rows.collect(),
        };
        answer.variables.insert(variable.name.clone(), found);
    }
    for display in &results.displays {
        answer.displays.push(match display {
            DisplayResult::Table(table) => Shown::Table {
                columns: table.columns.clone(),
                rows: (0..table.len())
                    .map(|row| table.row(row).map(Option::<&Value>::cloned).collect())
                    .collect(),
            },
            DisplayResult::Dict(items) => Shown::Dict(
                items.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
            ),
            DisplayResult::Html(text) | DisplayResult::Text(text) => {
                Shown::Dict(BTreeMap::from([("text".to_owned(), Value::text(text))]))
            }
        });
    }
    for error in results.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()) {
        answer.errors.push(error.code.as_str());
        answer.messages.push(error.message.clone());
    }
    answer
}

/// Says in what two answers differ, one difference a line; none if they agree.
pub fn differences(twin: &Answer, store: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    if twin.errors != store.errors {
        let said = store.messages.join("; ");
        found.push(format!("errors: twin {:?}, store {:?} {said}", twin.errors, store.errors));
    }
    let names: BTreeSet<&String> = twin.variables.keys().chain(store.variables.keys()).collect();
    for name in names {
        match (twin.variables.get(name), store.variables.get(name)) {
            (Some(twin), Some(store)) => variable(name, twin, store, &mut found),
            (twin, store) => {
                found.push(format!("{name}: twin has it: {}, store: {}", twin.is_some(), store.is_some()));
            }
        }
    }
    // A table without rows may be shown or not.
    let shown = |answer: &Answer| -> Vec<Shown> {
        let some = |shown: &&Shown| !matches!(shown, Shown::Table { rows, .. } if rows.is_empty());
        answer.displays.iter().filter(some).cloned().collect()
    };
    let (twin, store) = (shown(twin), shown(store));
    if twin.len() != store.len() {
        found.push(format!("displays: twin {}, store {}", twin.len(), store.len()));
    }
    for (n, (twin, store)) in twin.iter().zip(&store).enumerate() {
        match (twin, store) {
            (Shown::Table { columns: a, rows: left }, Shown::Table { columns: b, rows: right }) => {
                let rows = |columns: &[String], rows: &[Vec<Option<Value>>]| -> Vec<Cells> {
                    let named = |row: &Vec<Option<Value>>| {
                        columns
                            .iter()
                            .zip(row)
                            .filter_map(|(column, cell)| Some((column.clone(), cell.clone()?)))
                            .collect()
                    };
                    rows.iter().map(named).collect()
                };
                let sorted = |columns: &[String]| columns.iter().cloned().collect::<BTreeSet<String>>();
                if sorted(a) != sorted(b) {
                    found.push(format!("display {n} columns: twin {a:?}, store {b:?}"));
                }
                same_rows(&format!("display {n}"), &rows(a, left), &rows(b, right), &mut found);
            }
            (Shown::Dict(a), Shown::Dict(b)) => {
                for (name, value) in a {
                    let group = matches!(b.get(name), Some(Value::Text(text)) if text.ends_with("group") || text.ends_with("groups"));
                    if !group && !b.get(name).is_some_and(|other| is_same(value, other)) {
                        found.push(format!("display {n} {name}: twin {value}, store {:?}", b.get(name)));
                    }
                }
            }
            _ => found.push(format!("display {n}: twin {twin:?}, store {store:?}")),
        }
    }
    found
}

fn variable(name: &str, twin: &Variable, store: &Variable, found: &mut Vec<String>) {
    if (&twin.entity_type, twin.kind) != (&store.entity_type, store.kind) && !twin.rows.is_empty() {
        found.push(format!(
            "{name}: twin {:?} of {}, store {:?} of {}",
            twin.kind, twin.entity_type, store.kind, store.entity_type
        ));
    }
    if (twin.entities, twin.records) != (store.entities, store.records) {
        found.push(format!(
            "{name}: twin {} entities, {} records; store {} and {}",
            twin.entities, twin.records, store.entities, store.records
        ));
    }
    same_rows(name, &twin.rows, &store.rows, found);
}

type Cells = BTreeMap<String, Value>;

/// Rows in order, by column.
fn same_rows(name: &str, twin: &[Cells], store: &[Cells], found: &mut Vec<String>) {
    let row = |cells: &Cells| {
        let cells = cells.iter().filter(|(column, _)| !is_made_up(column, cells));
        cells.map(|(column, value)| format!("{column}={}", comparable(value))).collect::<Vec<_>>().join(" ")
    };
    let (twin, store): (Vec<String>, Vec<String>) =
        (twin.iter().map(row).collect(), store.iter().map(row).collect());
    if twin == store {
        return;
    }
    let (mut a, mut b) = (twin.clone(), store.clone());
    a.sort();
    b.sort();
    if a == b {
        found.push(format!(
            "{name}: same rows in another order\n  twin:\n    {}\n  store:\n    {}",
            twin.join("\n    "),
            store.join("\n    ")
        ));
        return;
    }
    let only = |one: &[String], other: &[String]| -> Vec<String> {
        let mut rest = other.to_vec();
        let new = one.iter().filter(|row| match rest.iter().position(|known| known == *row) {
            Some(at) => {
                rest.remove(at);
                false
            }
            None => true,
        });
        new.cloned().collect()
    };
    found.push(format!(
        "{name}: {} and {} rows\n  only twin:\n    {}\n  only store:\n    {}",
        twin.len(),
        store.len(),
        only(&twin, &store).join("\n    "),
        only(&store, &twin).join("\n    ")
    ));
}

/// Ids of entities that neither content nor record gives are made up by each in its own way.
fn is_made_up(_column: &str, _cells: &Cells) -> bool {
    false
}

fn comparable(value: &Value) -> String {
    match value {
        Value::Int(n) => format!("{n}"),
        Value::Float(n) => format!("{n:.9}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        other => format!("{other:?}"),
    }
}

fn is_same(a: &Value, b: &Value) -> bool {
    a.to_string() == b.to_string() || comparable(a) == comparable(b)
}

/// Returns an answer without what the order of rows and columns says.
pub fn unordered(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    for variable in answer.variables.values_mut() {
        variable.rows.sort_by_key(|row| format!("{row:?}"));
    }
    for shown in &mut answer.displays {
        // `INFO` names attributes in the order in which the records first have them.
        if let Shown::Dict(items) = shown {
            let lists = items.iter_mut().filter(|(key, _)| key.ends_with("Attributes"));
            for (_, names) in lists {
                let Value::Text(names) = names else { continue };
                let mut sorted: Vec<&str> = names.split([',', '\n']).map(str::trim).collect();
                sorted.sort_unstable();
                *names = sorted.join(", ");
            }
        }
        if let Shown::Table { columns, rows } = shown {
            let mut order: Vec<usize> = (0..columns.len()).collect();
            order.sort_by_key(|at| columns[*at].clone());
            *columns = order.iter().map(|at| columns[*at].clone()).collect();
            for row in &mut *rows {
                *row = order.iter().map(|at| row[*at].clone()).collect();
            }
            rows.sort_by_key(|row| format!("{row:?}"));
        }
    }
    answer
}
