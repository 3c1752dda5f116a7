//! W1402 `save-outside-folder`: SAVE to somewhere else.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/save-outside-folder.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Effect, StatementKind},
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1402, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for statement in &cx.statements {
        let StatementKind::Effect(Effect::Save(save)) = &statement.ast.kind else { continue };
        let path = save.path.text.as_str();
        let path = path.strip_prefix("file://").unwrap_or(path);
        let bytes = path.as_bytes();
        let why = if path.contains('$') {
            "depends on an environment variable"
        } else if path.starts_with('~') {
            "lies in a home folder"
        } else if path.starts_with(['/', '\\']) || bytes.get(1) == Some(&b':') {
            "is absolute"
        } else if leaves(path) {
            "goes up and out of the folder"
        } else {
            continue;
        };
        found.push(
            Finding::new(Code::W1402, save.path.span, format!("the path `{path}` {why}"))
                .help("save beneath the folder in which the hunt runs, for example `out/NAME.csv`"),
        );
    }
}

/// Returns true if `..` leads out of the folder at some point.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i64;
    for part in path.split(['/', '\\']) {
        match part {
            ".." => depth -= 1,
            "" | "." => {}
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}
