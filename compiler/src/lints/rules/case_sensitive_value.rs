//! W1204 `case-sensitive-value`: upper case in values without case.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/case-sensitive-value.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::Literal,
    lints::{Cx, Edit, Finding, Lint, context::TestSite},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1204, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in cx.tests.iter().filter(|site| site.is_equality()) {
        let Some(what) = what(site) else { continue };
        for (text, literal) in site.texts() {
            let caseless = match what {
                // The path of a URL has case, scheme and host have not.
                "URL" => {
                    text.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(rest))
                }
                _ => text,
            };
            if !caseless.bytes().any(|byte| byte.is_ascii_uppercase()) {
                continue;
            }
            let lower = text.replacen(caseless, &caseless.to_ascii_lowercase(), 1);
            let message = format!("`{text}` is compared letter by letter, and a {what} has no case");
            let mut finding = Finding::new(Code::W1204, literal.span(), message)
                .help(format!("most sources write it in lower case: `{lower}`"));
            if let Literal::Text(written) = literal
                && cx.text(written.span).contains(text)
            {
                let edit = Edit::replace(written.span, cx.text(written.span).replacen(text, &lower, 1));
                finding = finding.unsafe_fix("write it in lower case", vec![edit]);
            }
            found.push(finding);
        }
    }
}

/// Returns what kind of thing without case a test is about.
fn what(site: &TestSite<'_>) -> Option<&'static str> {
    let any = |types: &[&str]| site.owners.iter().any(|owner| types.contains(owner));
    match site.attribute.as_str() {
        attribute if attribute.starts_with("hashes.") && !attribute.contains("SSDEEP") => Some("hash"),
        "value" if any(&["domain-name"]) && site.owners.len() == 1 => Some("domain name"),
        "value" if any(&["mac-addr"]) && site.owners.len() == 1 => Some("MAC address"),
        "value" if any(&["url"]) => Some("URL"),
        _ => None,
    }
}
