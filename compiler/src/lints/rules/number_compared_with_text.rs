//! W1207 `number-compared-with-text`: a number compared with text.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/number-compared-with-text.md")]

use kestrel_ir::diagnostic::Code;
use kestrel_stix::schema;

use crate::{
    ast::OperatorKind,
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1207, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in &cx.tests {
        let compares = matches!(
            site.test.operator.kind,
            OperatorKind::Equal
                | OperatorKind::In
                | OperatorKind::Less
                | OperatorKind::LessEqual
                | OperatorKind::Greater
                | OperatorKind::GreaterEqual
        );
        let Some(owner) = site.owners.first() else { continue };
        if !compares || !schema::is_integer_attribute(owner, &site.attribute) {
            continue;
        }
        for (text, literal) in site.texts() {
            if text == "NULL" {
                continue;
            }
            let message = format!("`{}` is a number and compared with text", site.attribute);
            let finding = Finding::new(Code::W1207, literal.span(), message);
            found.push(match text.parse::<i64>() {
                Ok(number) => finding.help(format!("leave the quotes out: `{number}`")).unsafe_fix(
                    "leave the quotes out",
                    vec![Edit::replace(literal.span(), number.to_string())],
                ),
                Err(_) => finding.help("no number equals this text; write a number"),
            });
        }
    }
}
