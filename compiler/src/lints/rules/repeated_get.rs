//! W1303 `repeated-get`: the same question to the same source.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/repeated-get.md")]

use std::collections::HashMap;

use ahash::RandomState;

use kestrel_ir::diagnostic::{Code, Span};

use crate::{
    hir::StepKind,
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1303, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    let mut known: HashMap<_, Span, RandomState> = HashMap::default();
    for statement in &cx.statements {
        let Some(step) = statement.step else { continue };
        let StepKind::Get { entity_type, source, condition, range, limit } = &step.kind else { continue };
        // References name versions, so that the same words about a newer version differ.
        let key = (source, entity_type, limit, range, &condition.pattern, &condition.references);
        let Some(version) = step.result.and_then(|result| cx.version(result)) else { continue };
        match known.get(&key) {
            Some(first) => found.push(
                Finding::new(Code::W1303, step.span, "this GET asks for the same as one above")
                    .label(*first, "already asked here")
                    .help(format!("use `{}`", cx.text(*first))),
            ),
            None => {
                known.insert(key, version.span);
            }
        }
    }
}
