//! W1215 `network-compared-as-text`: a network compared as text.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/network-compared-as-text.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{OperatorKind, Value},
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1215, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in &cx.tests {
        if site.attribute != "value" || !site.owners.iter().any(|owner| owner.ends_with("-addr")) {
            continue;
        }
        let not = if site.test.operator.negated { "NOT " } else { "" };
        for (text, literal) in site.texts() {
            match site.test.operator.kind {
                OperatorKind::Equal | OperatorKind::In if is_network(text) => {
                    let mut finding = Finding::new(
                        Code::W1215,
                        literal.span(),
                        format!("`{text}` is a network and compared as text"),
                    )
                    .help(format!("write `{not}ISSUBSET '{text}'`"));
                    if matches!(site.test.value, Some(Value::Literal(_))) {
                        let edit = Edit::replace(site.test.operator.span, format!("{not}ISSUBSET"));
                        finding = finding.unsafe_fix("write `ISSUBSET`", vec![edit]);
                    }
                    found.push(finding);
                }
                OperatorKind::Like => {
                    if let Some(network) = prefix(text) {
                        let mut finding = Finding::new(
                            Code::W1215,
                            literal.span(),
                            format!("`{text}` describes a network by its letters"),
                        )
                        .help(format!("write `{not}ISSUBSET '{network}'`"));
                        if matches!(site.test.value, Some(Value::Literal(_))) {
                            let edits = vec![
                                Edit::replace(site.test.operator.span, format!("{not}ISSUBSET")),
                                Edit::replace(literal.span(), format!("'{network}'")),
                            ];
                            finding = finding.unsafe_fix("write `ISSUBSET`", edits);
                        }
                        found.push(finding);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Returns true for `10.0.0.0/8`.
fn is_network(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, bits)| {
        address.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 128)
    })
}

/// Returns the network that `10.%` or `10.1.%` means.
fn prefix(text: &str) -> Option<String> {
    let octets: Vec<&str> = text.strip_suffix("%")?.strip_suffix('.')?.split('.').collect();
    if octets.len() > 3 || !octets.iter().all(|octet| octet.parse::<u8>().is_ok()) {
        return None;
    }
    let bits = octets.len() * 8;
    let zeros = ".0".repeat(4 - octets.len());
    Some(format!("{}{zeros}/{bits}", octets.join(".")))
}
