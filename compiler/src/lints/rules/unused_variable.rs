//! W1001 `unused-variable`: a variable that no later step reads.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/unused-variable.md")]

use std::collections::HashMap;

use kestrel_ir::diagnostic::Code;

use crate::{
    hir::{StepKind, VarId},
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1001, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    if !cx.complete {
        return;
    }
    for (id, _) in unread(cx) {
        let Some(version) = cx.version(id) else { continue };
        if is_last(cx, id) && !version.name.starts_with('_') {
            let count = if version.version > 1 { "this value of variable" } else { "variable" };
            found.push(
                Finding::new(Code::W1001, version.span, format!("{count} `{}` is never used", version.name))
                    .help(format!("show it with DISP, take the step out, or call it `_{}`", version.name)),
            );
        }
    }
}

/// Returns the versions that no step reads, with their statements; analytics are run for what
/// they do, so their results may stay unread.
pub(super) fn unread<'c>(cx: &'c Cx<'_>) -> impl Iterator<Item = (VarId, usize)> + 'c {
    cx.statements.iter().enumerate().filter_map(|(index, statement)| {
        let step = statement.step?;
        let result = step.result.filter(|_| !matches!(step.kind, StepKind::Apply { .. }))?;
        (cx.reads.get(result.0 as usize) == Some(&0)).then_some((result, index))
    })
}

/// Returns true if no later version has the same name.
pub(super) fn is_last(cx: &Cx<'_>, id: VarId) -> bool {
    cx.version(id).is_some_and(|version| cx.hunt.scope.current(&version.name) == Some(id))
}

/// Returns the next version of each version's variable.
pub(super) fn successors(cx: &Cx<'_>) -> HashMap<VarId, VarId> {
    let mut latest: HashMap<&str, VarId> = HashMap::new();
    let mut next = HashMap::new();
    for (index, version) in cx.hunt.scope.versions.iter().enumerate() {
        let id = VarId(u32::try_from(index).unwrap_or(u32::MAX));
        if let Some(before) = latest.insert(&version.name, id) {
            next.insert(before, id);
        }
    }
    next
}
