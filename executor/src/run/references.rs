//! Patterns and time windows that depend on variables, resolved when their step runs.
//! Language 4.4, 4.5.

use kestrel_ir::{
    diagnostic::{Code, Diagnostic},
    op::Window,
    text::literal_text,
};
use kestrel_stix::{
    TimeWindow, Timestamp, Value,
    pattern::{Comparison, Operator, Pattern},
};

use crate::{
    ops::{OpError, require},
    store::{EntitySet, Store},
};

/// A variable that a step refers to.
#[derive(Debug, Clone)]
pub(super) struct Referred {
    pub(super) set: EntitySet,
    /// Its name, for messages.
    pub(super) variable: String,
}

/// Replaces the references of a pattern by values: distinct, present, in the order of the rows.
///
/// A reference without values leaves a test that cannot hold, or that with `!=` and `NOT IN`
/// holds for every present value; both are told once for each reference.
pub(super) fn resolve(
    store: &mut Store,
    pattern: &Pattern,
    references: &[Referred],
    warnings: &mut Vec<Diagnostic>,
) -> Result<Pattern, OpError> {
    let mut resolved = pattern.clone();
    let mut failed = None;
    resolved.for_each_mut(&mut |test| {
        if failed.is_none()
            && let Err(error) = resolve_test(store, test, references, warnings)
        {
            failed = Some(error);
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(resolved),
    }
}

fn resolve_test(
    store: &mut Store,
    test: &mut Comparison,
    references: &[Referred],
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), OpError> {
    if test.operand.references.is_empty() {
        return Ok(());
    }
    let mut named = Vec::new();
    let mut known: std::collections::HashSet<Value, ahash::RandomState> =
        test.operand.values.iter().cloned().collect();
    let mut codes_seen = std::collections::HashSet::<u32, ahash::RandomState>::default();
    for reference in std::mem::take(&mut test.operand.references) {
        let Some(referred) = references.get(reference.input as usize) else {
            return Err(OpError::refused(Code::E0401, "a reference leads to no input", "please report this"));
        };
        require(store, &referred.set, &reference.path)?;
        let name = format!("{}.{}", referred.variable, reference.path);
        let codes = store.distinct_codes(&referred.set, &reference.path)?;
        if codes.is_empty() {
            let effect = if test.negated {
                "so that the test holds for every value"
            } else {
                "so that it adds nothing to the test"
            };
            warnings.push(Diagnostic::new(Code::W0003, format!("`{name}` has no value, {effect}")));
        }
        for code in codes {
            if codes_seen.insert(code) {
                let value = store.dictionary().value(code);
                if known.insert(value.clone()) {
                    test.operand.values.push(value);
                }
            }
        }
        named.push(name);
    }
    if test.operator != Operator::Equal && test.operand.values.len() != 1 {
        let values = &test.operand.values;
        let shown: Vec<_> = values.iter().take(3).map(|value| shortened(&literal_text(value))).collect();
        let many = match values.len() {
            0 => "has no value".to_owned(),
            n if n > shown.len() => format!("has {n} values ({}, …)", shown.join(", ")),
            n => format!("has {n} values ({})", shown.join(", ")),
        };
        return Err(OpError::refused(
            Code::E0703,
            format!("`{}` {many}, but the operator takes exactly one", named.join("`, `")),
            "reduce the variable to one row first (`LIMIT 1`), or use `IN`",
        ));
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    text.chars().take(39).chain(['…']).collect()
}

/// Finds the instants of a window: `now` is the instant at which the run started, the same for
/// all its steps.
pub(super) fn window(
    store: &mut Store,
    window: &Window,
    inputs: &[Option<&EntitySet>],
    now: Timestamp,
) -> Result<TimeWindow, OpError> {
    Ok(match window {
        Window::Always => TimeWindow::default(),
        Window::Fixed(window) => *window,
        Window::Last { seconds } => {
            let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
            TimeWindow::new(now.plus_seconds(-seconds), now)
        }
        Window::SpanOf { inputs: of, start_offset, stop_offset } => {
            let mut span: Option<TimeWindow> = None;
            for input in of {
                if let Some(Some(set)) = inputs.get(*input as usize) {
                    let seen = store.span(set)?;
                    if !seen.is_open() {
                        span = Some(span.map_or(seen, |span| span.union(&seen)));
                    }
                }
            }
            let cut = |at: Timestamp| Timestamp::from_micros(at.micros() - at.micros().rem_euclid(1000));
            let span = span.unwrap_or_default().widened(*start_offset, *stop_offset);
            TimeWindow { start: span.start.map(cut), stop: span.stop.map(cut) }
        }
    })
}
