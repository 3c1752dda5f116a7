//! W1003 `self-merge`: a variable merged or joined with itself.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/self-merge.md")]

use std::collections::HashMap;

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Command, StatementKind},
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1003, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        match &statement.ast.kind {
            StatementKind::Yield { command: Command::Merge(names), .. } => {
                let mut first: HashMap<&str, kestrel_ir::diagnostic::Span> = HashMap::new();
                for (index, name) in names.iter().enumerate() {
                    let Some(earlier) = first.get(name.text.as_str()) else {
                        first.insert(&name.text, name.span);
                        continue;
                    };
                    let message = format!("variable `{}` is merged with itself", name.text);
                    let mut finding = Finding::new(Code::W1003, name.span, message)
                        .label(*earlier, "the first mention")
                        .help("a merge holds each entity once; was another variable meant?");
                    // A merge needs two variables: with only one name left the author decides.
                    let others = names.iter().any(|other| other.text != name.text);
                    if let Some(before) = names.get(index.wrapping_sub(1)).filter(|_| others) {
                        let mut span = name.span;
                        span.start = before.span.end;
                        finding = finding.safe_fix("take the second mention out", vec![Edit::delete(span)]);
                    }
                    found.push(finding);
                }
            }
            StatementKind::Yield { command: Command::Join(join), .. } => {
                let same_key = join.by.as_ref().is_none_or(|(a, b)| a.canonical() == b.canonical());
                if join.left.text == join.right.text && same_key {
                    let message = format!("variable `{}` is joined with itself", join.left.text);
                    found.push(
                        Finding::new(Code::W1003, join.right.span, message)
                            .help("every entity is its own partner; was another variable meant?"),
                    );
                }
            }
            _ => {}
        }
    }
}
