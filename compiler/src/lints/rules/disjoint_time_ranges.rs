//! W1104 `disjoint-time-ranges`: a variable asked about a time it has nothing from.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/disjoint-time-ranges.md")]

use kestrel_ir::diagnostic::Code;
use kestrel_stix::TimeWindow;

use super::future_time_range::bounds;
use crate::{
    hir::{Range, StepKind},
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1104, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    // The written window of each version that came straight from a source.
    let mut windows: Vec<Option<TimeWindow>> = vec![None; cx.hunt.scope.versions.len()];
    for statement in &cx.statements {
        let Some(step) = statement.step else { continue };
        let made = match &step.kind {
            StepKind::Get { range: Range::Fixed(window), .. } => Some(*window),
            StepKind::Derive(derive) => {
                let input = windows.get(derive.input.0 as usize).copied().flatten();
                if let (Range::Fixed(wanted), Some(had)) = (&derive.range, &input)
                    && (wanted.stop <= had.start || wanted.start >= had.stop)
                    && let Some(range) = bounds(&statement.ast.kind).and_then(|bounds| bounds.range.as_ref())
                    && let Some(version) = cx.version(derive.input)
                {
                    let message = format!("`{}` holds nothing from this time range", version.name);
                    found.push(
                        Finding::new(Code::W1104, range.span, message)
                            .label(version.span, "made with another time range")
                            .help("the result is empty; widen one of the two ranges"),
                    );
                }
                input
            }
            _ => None,
        };
        if let Some(slot) = step.result.and_then(|result| windows.get_mut(result.0 as usize)) {
            *slot = made;
        }
    }
}
