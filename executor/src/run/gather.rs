//! What a run gives back about variables and data sources.

use kestrel_ir::{
    Op,
    diagnostic::{Code, Diagnostic},
};
use kestrel_stix::record::{Defects, merge_defects};

use super::{RowsWanted, Run, evaluate::Value};
use crate::{
    ops::{OpError, display, info},
    results::{SourceResult, VariableResult},
};

/// Adds the latest version of every variable that was bound: if a later assignment failed, the
/// one before is still there.
pub(super) fn variables(run: &mut Run<'_>) {
    if run.results.summary.stopped {
        // Counting needs the database, whose work was interrupted for good.
        return;
    }
    for node in run.plan.latest_versions(|id| run.session.done.contains_key(&id)) {
        if let Err(error) = variable(run, node) {
            run.tell(error.diagnostic(node.origin.span));
        }
    }
}

fn variable(run: &mut Run<'_>, node: &kestrel_ir::Node) -> Result<(), OpError> {
    let Op::Bind(bind) = &node.op else { return Ok(()) };
    let Some(input) = run.plan.inputs(node.id).first().copied() else { return Ok(()) };
    let Some(Value::Entities(entities)) = run.session.done.get(&input) else { return Ok(()) };
    let (set, identified, anonymous) = (entities.set.clone(), entities.identified, entities.anonymous);
    let retrieved = matches!(run.plan.node(input).op, Op::Assemble);
    let store = &mut run.session.store;
    let counts = info::counts(store, &set, identified)?;
    // Source: entities specification 2.3: only what came from a source has related records.
    let related = if retrieved {
        store.related(&set)?.into_iter().map(|(name, count)| (name.to_string(), count)).collect()
    } else {
        Vec::new()
    };
    let rows = match run.options.rows {
        RowsWanted::None => None,
        RowsWanted::All => Some(display::rows(store, &set, None)?),
        RowsWanted::AtMost(limit) => Some(display::rows(store, &set, Some(limit))?),
    };
    run.results.variables.push(VariableResult {
        name: bind.variable.clone(),
        entity_type: Some(set.entity_type.to_string()),
        kind: set.rows,
        // As in Kestrel 1.8: rows without what identifies them are counted as records only.
        entities: if anonymous { 0 } else { counts.entities },
        records: counts.records,
        row_count: set.count,
        updated: run.bound.contains(&node.id),
        related,
        rows,
    });
    Ok(())
}

/// Adds every source asked, with what is missing from its answers.
pub(super) fn sources(run: &mut Run<'_>) {
    for asked in std::mem::take(&mut run.asked) {
        let parts = match run.addresses.get(&asked.uri) {
            Some(Ok(parts)) => parts.clone(),
            _ => Vec::new(),
        };
        let mut seconds = 0.0;
        let mut defects = Defects::new();
        let mut missing: Vec<String> = asked.failure.iter().cloned().collect();
        for part in &parts {
            let versions = run.session.parts.iter().filter(|((name, _), _)| name == part);
            for (_, loaded) in versions {
                seconds += loaded.seconds;
                merge_defects(&mut defects, loaded.loaded.defects.clone());
                missing.extend(loaded.read.missing.iter().cloned());
            }
        }
        let records = run.session.store.returned(&asked.numbers);
        let mut lost = Vec::new();
        for (defect, counted) in &defects {
            let text = format!("{}: {} times, first at {}", defect.describe(), counted.count, counted.first);
            if defect.loses_data() {
                lost.push(text.clone());
            }
            let message = format!("`{}`: {text}", asked.uri);
            run.tell(Diagnostic::new(Code::W0012, kestrel_ir::text::visible(&message).replace(r"\\", r"\")));
        }
        if asked.failure.is_none() && !missing.is_empty() {
            let message = format!("`{}` could not be read to its end: {}", asked.uri, missing[0]);
            run.tell(Diagnostic::new(Code::W0011, message));
        }
        missing.extend(lost);
        run.results.sources.push(SourceResult {
            uri: asked.uri,
            queries: asked.queries,
            records,
            complete: missing.is_empty(),
            seconds,
            error: (!missing.is_empty()).then(|| missing.join("; ")),
        });
    }
}
