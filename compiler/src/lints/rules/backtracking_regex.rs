//! W1213 `backtracking-regex`: a regular expression that can try exponentially long.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/backtracking-regex.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::OperatorKind,
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1213, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.test.operator.kind == OperatorKind::Matches) {
        for (regex, literal) in site.texts() {
            if let Some(part) = nested_repeat(regex) {
                let message = format!(
                    "`{part}` repeats what repeats: it can take very long on text that nearly matches"
                );
                found.push(
                    Finding::new(Code::W1213, literal.span(), message)
                        .help("take one of the two repetitions out"),
                );
            }
        }
    }
}

/// Returns a group that is repeated without bound and whose last part is repeated without bound.
fn nested_repeat(regex: &str) -> Option<&str> {
    let bytes = regex.as_bytes();
    // For each open group: where it starts, and whether its content so far ends in a repetition.
    let mut open: Vec<usize> = Vec::new();
    let mut last_repeats = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'\\' => {
                at += 1;
                last_repeats = false;
            }
            b'[' => {
                // A class ends at the first `]` that is neither first nor escaped.
                at += 1;
                if bytes.get(at) == Some(&b'^') {
                    at += 1;
                }
                if bytes.get(at) == Some(&b']') {
                    at += 1;
                }
                while bytes.get(at).is_some_and(|byte| *byte != b']') {
                    at += if bytes.get(at) == Some(&b'\\') { 2 } else { 1 };
                }
                last_repeats = false;
            }
            b'(' => {
                open.push(at);
                last_repeats = false;
            }
            b')' => {
                let start = open.pop();
                let repeated = matches!(bytes.get(at + 1), Some(b'*' | b'+'))
                    || (bytes.get(at + 1) == Some(&b'{')
                        && unbounded(bytes.get(at + 1..).unwrap_or_default()));
                if last_repeats && repeated {
                    return regex.get(start?..=at + 1);
                }
                if !repeated {
                    last_repeats = false;
                }
            }
            b'*' | b'+' => last_repeats = true,
            b'{' => last_repeats = unbounded(bytes.get(at..).unwrap_or_default()),
            b'?' => {}
            _ if byte >= 0x80 || !matches!(byte, b'|') => last_repeats = false,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns true for `{n,}`.
fn unbounded(braces: &[u8]) -> bool {
    let end = braces.iter().take(16).position(|byte| *byte == b'}');
    end.is_some_and(|end| braces.get(end.wrapping_sub(1)) == Some(&b','))
}
