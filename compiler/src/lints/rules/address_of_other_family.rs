//! W1216 `address-of-other-family`: an address the type cannot have.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/address-of-other-family.md")]

use std::net::IpAddr;

use kestrel_ir::diagnostic::Code;

use crate::lints::{Cx, Finding, Lint};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1216, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.is_equality() && site.attribute == "value") {
        let [owner] = site.owners.as_slice() else { continue };
        for (text, literal) in site.texts() {
            if text.contains(['/', '[']) || text.trim() != text {
                continue;
            }
            let is = match text.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => "ipv4-addr",
                Ok(IpAddr::V6(_)) => "ipv6-addr",
                Err(_) if text.eq_ignore_ascii_case("null") || text.is_empty() => continue,
                Err(_) => "",
            };
            let message = match (*owner, is) {
                ("ipv4-addr" | "ipv6-addr", "") => format!("`{text}` is no address"),
                ("ipv4-addr", "ipv6-addr") | ("ipv6-addr", "ipv4-addr") => {
                    format!("`{text}` is an address of another family than {owner}")
                }
                ("domain-name" | "mac-addr", "ipv4-addr" | "ipv6-addr") => {
                    format!("`{text}` is an address and no value of {owner}")
                }
                _ => continue,
            };
            let help = match is {
                "" => "write an address such as `192.0.2.7`".to_owned(),
                is => format!("entities of type {is} have such values"),
            };
            found.push(Finding::new(Code::W1216, literal.span(), message).help(help));
        }
    }
}
