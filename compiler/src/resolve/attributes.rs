//! Attributes: from the syntax tree to paths, and checks where the set of columns is closed.

use kestrel_ir::diagnostic::{Code, Diagnostic, Span};
use kestrel_stix::{AttributePath, EntityType, Step, schema, suggest::nearest};

use super::scope::Scope;
use crate::{ast, hir::VarId};

/// Returns the path without its entity type.
pub fn path(written: &ast::AttributePath) -> AttributePath {
    let steps = written.steps.iter().map(|step| Step { key: step.name.clone(), any: step.any }).collect();
    AttributePath::new(steps).unwrap_or_else(|_| AttributePath::key("invalid"))
}

/// Returns the path of an attribute of a variable, checked: its type qualifier must be the
/// variable's type, and the attribute must be among the columns where those are known.
pub fn of_variable(
    written: &ast::AttributePath,
    id: VarId,
    scope: &Scope,
    found: &mut Vec<Diagnostic>,
) -> Option<AttributePath> {
    let version = scope.version(id);
    if let (Some(qualifier), Some(own)) = (&written.entity_type, &version.entity_type)
        && qualifier.text != own.as_str()
    {
        found.push(
            Diagnostic::new(
                Code::E0301,
                format!("`{}` holds {own} entities, not `{}`", version.name, qualifier.text),
            )
            .at(qualifier.span)
            .help(format!("leave out the type: `{}`", written.canonical())),
        );
        return None;
    }
    let path = path(written);
    match check(scope, id, &path, written.span) {
        Some(wrong) => {
            found.push(wrong);
            None
        }
        None => Some(path),
    }
}

/// Says that the variable cannot have this attribute, if that is known without running.
pub fn check(scope: &Scope, id: VarId, path: &AttributePath, span: Span) -> Option<Diagnostic> {
    let version = scope.version(id);
    let columns = version.columns.as_ref()?;
    let text = path.to_string().replace("[*]", "");
    let known = columns.contains(&text)
        || (text == "id" && version.rows != kestrel_ir::Rows::Groups)
        || columns
            .iter()
            .any(|column| text.strip_prefix(column.as_str()).is_some_and(|rest| rest.starts_with('.')));
    if known || (!version.exact && may_have(version.entity_type.as_ref(), path)) {
        return None;
    }
    let own = version.entity_type.as_ref().map_or(String::new(), |t| format!(" ({t})"));
    let wrong =
        Diagnostic::new(Code::E0301, format!("variable `{}`{own} has no attribute `{text}`", version.name))
            .at(span);
    let near = nearest(&text, columns.iter().map(String::as_str));
    Some(match near.first() {
        Some(near) => {
            wrong.help(format!("did you mean `{near}`?")).label(version.span, "its attributes are fixed here")
        }
        None => wrong
            .help(format!(
                "its attributes are {}",
                columns.iter().take(12).cloned().collect::<Vec<_>>().join(", ")
            ))
            .label(version.span, "its attributes are fixed here"),
    })
}

/// Returns true if entities of the type may have the attribute although these do not: such a
/// column is empty, not an error.
fn may_have(entity_type: Option<&EntityType>, path: &AttributePath) -> bool {
    let Some(entity_type) = entity_type else { return true };
    let mut known = schema::common_attributes(entity_type.as_str()).iter();
    let text = path.to_string().replace("[*]", "");
    known.any(|attribute| *attribute == text || text.starts_with(&format!("{attribute}.")))
}
