//! W1217 `hash-length`: a hash of the wrong length.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/hash-length.md")]

use kestrel_ir::diagnostic::Code;

use crate::lints::{Cx, Finding, Lint};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1217, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.is_equality()) {
        let Some(algorithm) = site.attribute.strip_prefix("hashes.") else { continue };
        let Some(length) = length(algorithm.trim_matches('\'')) else { continue };
        for (text, literal) in site.texts() {
            if text.trim() != text || text.eq_ignore_ascii_case("null") {
                continue;
            }
            let algorithm = algorithm.trim_matches('\'');
            let message = if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                format!("`{text}` holds characters that no {algorithm} hash has")
            } else if text.len() != length {
                format!("the value has {} digits, a {algorithm} hash has {length}", text.len())
            } else {
                continue;
            };
            let other = ["MD5", "SHA-1", "SHA-256", "SHA-512"]
                .into_iter()
                .find(|other| self::length(other) == Some(text.len()) && *other != algorithm);
            let help = match other {
                Some(other) => format!("is it a {other} hash?"),
                None => "copy the whole value again".to_owned(),
            };
            found.push(Finding::new(Code::W1217, literal.span(), message).help(help));
        }
    }
}

/// Returns the number of hexadecimal digits.
fn length(algorithm: &str) -> Option<usize> {
    match algorithm {
        "MD5" => Some(32),
        "SHA-1" => Some(40),
        "SHA-256" | "SHA3-256" => Some(64),
        "SHA-384" => Some(96),
        "SHA-512" | "SHA3-512" => Some(128),
        _ => None,
    }
}
