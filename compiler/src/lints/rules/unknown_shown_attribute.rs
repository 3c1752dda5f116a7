//! W1309 `unknown-shown-attribute`: a column that is empty.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/unknown-shown-attribute.md")]

use kestrel_ir::diagnostic::Code;
use kestrel_stix::EntityType;

use super::unknown_pattern_attribute::unknown;
use crate::{
    ast::{AttributePath, Command, Effect, Expression, GroupKey, StatementKind},
    hir::{StepKind, VarId},
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1309, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let Some(step) = statement.step else { continue };
        let mut look = |id: VarId, attribute: &AttributePath| look(cx, id, attribute, found);
        match (&statement.ast.kind, &step.kind) {
            (
                StatementKind::Yield { command: Command::Assign(expression), .. }
                | StatementKind::Effect(Effect::Disp(expression)),
                StepKind::Derive(derive) | StepKind::Disp(derive),
            ) => of_expression(expression).for_each(|attribute| look(derive.input, attribute)),
            (StatementKind::Yield { command: Command::Sort(sort), .. }, StepKind::Derive(derive)) => {
                look(derive.input, &sort.by.attribute);
            }
            (StatementKind::Yield { command: Command::Group(group), .. }, StepKind::Group { input, .. }) => {
                for key in &group.keys {
                    let (GroupKey::Attribute(attribute) | GroupKey::Bin { attribute, .. }) = key;
                    look(*input, attribute);
                }
                group.aggregates.iter().for_each(|aggregate| look(*input, &aggregate.attribute));
            }
            (
                StatementKind::Yield { command: Command::Join(join), .. },
                StepKind::Join { left, right, .. },
            ) => {
                if let Some((a, b)) = &join.by {
                    look(*left, a);
                    look(*right, b);
                }
            }
            (StatementKind::Effect(Effect::Describe(reference)), StepKind::Describe(id, _)) => {
                look(*id, &reference.attribute);
            }
            _ => {}
        }
    }
}

fn of_expression(expression: &Expression) -> impl Iterator<Item = &AttributePath> {
    let shown = expression.attributes.iter().flatten();
    shown.chain(expression.sort.as_ref().map(|sort| &sort.attribute))
}

fn look(cx: &Cx<'_>, id: VarId, attribute: &AttributePath, found: &mut Vec<Finding>) {
    let Some(version) = cx.version(id).filter(|_| !cx.is_open(id)) else { return };
    // Where the columns are known the compiler has looked at them.
    if version.columns.is_some() {
        return;
    }
    let own = version.entity_type.as_ref().map(EntityType::as_str);
    let written = attribute.entity_type.as_ref().map(|name| name.text.as_str());
    let Some(unknown) = unknown(written.or(own), attribute, cx.declared(id)) else { return };
    let message =
        format!("{} entities have no attribute `{}`: the column is empty", unknown.owner, unknown.name);
    let finding = Finding::new(Code::W1309, unknown.span, message);
    found.push(match unknown.near {
        Some(near) => finding
            .help(format!("did you mean `{near}`?"))
            .unsafe_fix(format!("write `{near}`"), vec![Edit::replace(unknown.span, near.clone())]),
        None => finding.help(format!("`INFO {}` shows its attributes", version.name)),
    });
}
