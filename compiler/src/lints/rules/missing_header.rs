//! W1502 `missing-header`: a hunt that does not say whose it is and what for.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/missing-header.md")]

use kestrel_ir::diagnostic::{Code, Span};

use crate::lints::{Cx, Finding, Lint};

/// The table's entry.
pub(super) const LINT: Lint = Lint::off(Code::W1502, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    let Some(block) = cx.hunt.blocks.iter().find(|block| !block.ast.statements.is_empty()) else { return };
    let Some(first) = block.ast.statements.first() else { return };
    let mut header = String::new();
    for comment in block.comments.iter().take_while(|comment| comment.span.start < first.span.start) {
        header.push_str(&cx.text(comment.span).to_ascii_lowercase());
        header.push('\n');
    }
    let has = |words: &[&str]| words.iter().any(|word| header.contains(word));
    let mut missing = Vec::new();
    if !has(&["author:", "authors:"]) {
        missing.push("author");
    }
    if !has(&["hypothesis:", "hypotheses:"]) {
        missing.push("hypothesis");
    }
    if !names_technique(&header) {
        missing.push("technique");
    }
    if !missing.is_empty() {
        let span = Span { end: first.span.start, ..first.span };
        found.push(
            Finding::new(
                Code::W1502,
                span,
                format!("the comments at the top do not name {}", missing.join(", ")),
            )
            .help("write lines such as `# author: …`, `# hypothesis: …`, `# technique: T1053.005`"),
        );
    }
}

/// Returns true if the text names an ATT&CK technique: `t1053`, `t1053.005`.
fn names_technique(text: &str) -> bool {
    text.match_indices('t').any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let digits = text.get(at + 1..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit).count();
        digits == 4 && before.is_none_or(|c| !c.is_alphanumeric())
    })
}
