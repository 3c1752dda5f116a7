//! W1308 `unknown-entity-type`: a misspelt entity type.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/unknown-entity-type.md")]

use kestrel_ir::diagnostic::Code;
use kestrel_stix::{schema, suggest::nearest};

use crate::{
    ast::{Command, Name, StatementKind},
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1308, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    let mut look = |name: &Name| {
        let known = schema::is_known_type(&name.text) || name.text.starts_with("x-");
        let near = if known {
            None
        } else {
            nearest(&name.text, schema::KNOWN_TYPES.iter().copied()).first().copied()
        };
        if let Some(near) = near {
            found.push(
                Finding::new(Code::W1308, name.span, format!("no entity type is called `{}`", name.text))
                    .help(format!("did you mean `{near}`?"))
                    .unsafe_fix(format!("write `{near}`"), vec![Edit::replace(name.span, near)]),
            );
        }
    };
    for statement in &cx.statements {
        if let StatementKind::Yield { command, .. } = &statement.ast.kind {
            match command {
                Command::Get(get) => look(&get.entity_type),
                Command::Find(find) => look(&find.entity_type),
                Command::New(new) => new.entity_type.iter().for_each(&mut look),
                Command::Load(load) => load.entity_type.iter().for_each(&mut look),
                _ => {}
            }
        }
    }
    for test in &cx.tests {
        test.test.attribute.entity_type.iter().for_each(|name| look(name));
    }
}
