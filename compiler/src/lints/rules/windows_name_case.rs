//! W1205 `windows-name-case`: upper case in names of Windows files.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/windows-name-case.md")]

use kestrel_ir::diagnostic::Code;

use crate::lints::{Cx, Finding, Lint};

/// The table's entry.
pub(super) const LINT: Lint = Lint::off(Code::W1205, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    const SUFFIXES: [&str; 10] =
        [".exe", ".dll", ".sys", ".ps1", ".bat", ".cmd", ".vbs", ".msi", ".scr", ".lnk"];
    for site in cx.tests.iter().filter(|site| site.is_equality()) {
        if !matches!(site.attribute.as_str(), "name" | "path" | "cwd") {
            continue;
        }
        for (text, literal) in site.texts() {
            let lower = text.to_ascii_lowercase();
            let drive = lower.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
                && lower.get(1..3) == Some(":\\");
            let windows = drive || SUFFIXES.iter().any(|suffix| lower.ends_with(suffix));
            if windows && lower != text {
                let message = format!("`{text}` is compared letter by letter, and Windows minds no case");
                let pattern = fancy_escape(&lower);
                found.push(
                    Finding::new(Code::W1205, literal.span(), message)
                        .help(format!("`MATCHES r'(?i)^{pattern}$'` finds every spelling")),
                );
            }
        }
    }
}

/// Escapes what has a meaning in regular expressions.
fn fancy_escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '_' | '-' | ':' | '/' | '\'' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
