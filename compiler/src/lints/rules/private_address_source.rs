//! W1302 `private-address-source`: a source that only this machine or network can reach.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/private-address-source.md")]

use kestrel_ir::diagnostic::Code;

use super::plain_http_source::addresses;
use crate::{
    lints::{Cx, Finding, Lint},
    review::host::{bare, private},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1302, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for (text, span, _) in addresses(cx) {
        let lower = text.to_ascii_lowercase();
        let rest = ["https://", "http://"].iter().find_map(|scheme| Some(lower.split_once(scheme)?.1));
        let Some(rest) = rest else { continue };
        let host = bare(rest);
        if let Some(what) = private(host) {
            let message = format!("the data source is at `{host}`, {what}");
            found.push(Finding::new(Code::W1302, span, message).help(
                "run such a hunt only if you know the service; read a file or a public address instead",
            ));
        }
    }
}
