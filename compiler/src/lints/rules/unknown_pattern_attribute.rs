//! W1206 `unknown-pattern-attribute`: a test on a misspelt attribute.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/unknown-pattern-attribute.md")]

use kestrel_ir::diagnostic::{Code, Span};
use kestrel_stix::{schema, suggest::nearest};

use crate::{
    ast,
    lints::{
        Cx, Edit, Finding, Lint,
        context::{Place, owners},
    },
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1206, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for test in &cx.tests {
        let site = cx.site(test);
        if site.place == Place::Variable && site.input.is_none_or(|input| cx.is_open(input)) {
            continue;
        }
        let start = test.test.attribute.entity_type.as_ref().map(|name| name.text.as_str()).or(site.centre);
        let declared = site.input.map(|input| cx.declared(input)).unwrap_or_default();
        if let Some(unknown) = unknown(start, &test.test.attribute, declared)
            && let Some(near) = unknown.near
        {
            let message = format!("{} entities have no attribute `{}`", unknown.owner, unknown.name);
            found.push(
                Finding::new(Code::W1206, unknown.span, message)
                    .help(format!("did you mean `{near}`?"))
                    .unsafe_fix(format!("write `{near}`"), vec![Edit::replace(unknown.span, near.clone())]),
            );
        }
    }
}

/// An attribute that a type does not have.
pub(super) struct Unknown<'h> {
    /// The type.
    pub(super) owner: &'h str,
    /// The step of the path that is unknown.
    pub(super) name: &'h str,
    /// Where it stands.
    pub(super) span: Span,
    /// The nearest one that exists.
    pub(super) near: Option<String>,
}

/// Looks for the first step of a path that no type it can belong to has; what is custom or of
/// an unknown type may exist, unless it is nearly one of those that analytics have `declared`.
pub(super) fn unknown<'h>(
    start: Option<&'h str>,
    attribute: &'h ast::AttributePath,
    declared: &[String],
) -> Option<Unknown<'h>> {
    if !declared.is_empty() {
        let whole = attribute.steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(".");
        if declared.contains(&whole) {
            return None;
        }
    }
    let mut at = attribute.span.start
        + attribute.entity_type.as_ref().map_or(0, |name| u32::try_from(name.text.len() + 1).unwrap_or(0));
    for (index, step) in attribute.steps.iter().enumerate() {
        let is_reference = step.name.ends_with("_ref") || step.name.ends_with("_refs");
        let owners = owners(start, attribute.steps.get(..=index)?);
        let owner = *owners.first()?;
        let free = step.name.starts_with("x_")
            || matches!(
                step.name.as_str(),
                "extensions"
                    | "id"
                    | "type"
                    | "first_observed"
                    | "last_observed"
                    | "number_observed"
                    | "observation_id"
                    | "entity_id"
            );
        if free {
            let custom = attribute.steps.len() == 1 && step.name.starts_with("x_");
            let near = nearest(&step.name, declared.iter().map(String::as_str).filter(|_| custom));
            let length = u32::try_from(step.name.len()).unwrap_or(0);
            let span = Span { start: at, end: (at + length).min(attribute.span.end), ..attribute.span };
            let near = (*near.first()?).to_owned();
            return Some(Unknown { owner, name: &step.name, span, near: Some(near) });
        }
        let known = |owner: &str| {
            let common = schema::common_attributes(owner);
            let canonical = schema::canonical_attribute(owner, &step.name);
            common.is_empty()
                || common.iter().any(|attribute| attribute.split('.').next() == Some(canonical))
                || !schema::reference_targets(owner, &step.name).is_empty()
        };
        if !owners.iter().any(|owner| known(owner)) {
            let length = u32::try_from(step.name.len()).unwrap_or(0);
            let span = Span { start: at, end: (at + length).min(attribute.span.end), ..attribute.span };
            let names = owners.iter().flat_map(|owner| schema::common_attributes(owner).iter().copied());
            let names = names.chain(declared.iter().map(String::as_str));
            let near = nearest(&step.name, names.filter(|name| !name.contains('.')));
            let near = near.first().map(|name| (*name).to_owned());
            return Some(Unknown { owner, name: &step.name, span, near });
        }
        // Below an attribute that is no reference lie dictionaries, whose keys are free.
        if !is_reference {
            return None;
        }
        at += u32::try_from(step.name.len() + 1 + if step.any { 3 } else { 0 }).unwrap_or(0);
    }
    None
}
