//! W1401 `unpinned-container`: a container that is not named by digest.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/unpinned-container.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Effect, StatementKind},
    hir::StepKind,
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1401, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let StatementKind::Effect(Effect::Apply(apply)) = &statement.ast.kind else { continue };
        let Some(StepKind::Apply { analytic, .. }) = statement.step.map(|step| &step.kind) else { continue };
        let Some(image) = analytic.strip_prefix("docker://") else { continue };
        let pinned = cx.config.analytics.identity(analytic).is_some();
        if !pinned {
            found.push(
                Finding::new(
                    Code::W1401,
                    apply.analytic.span,
                    format!("container `{image}` is not named by digest"),
                )
                .help(format!(
                    "write `'docker://{image}@sha256:…'`, or name the image by digest in its profile"
                )),
            );
        }
    }
}
