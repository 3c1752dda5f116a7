//! W1214 `repeated-list-value`: a value twice in a list.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/repeated-list-value.md")]

use std::collections::HashMap;

use kestrel_ir::diagnostic::{Code, Span};

use crate::{
    ast::Value,
    lints::{Cx, Edit, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1214, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in &cx.tests {
        let Some(Value::List(list)) = &site.test.value else { continue };
        let mut known: HashMap<String, Span> = HashMap::new();
        let mut before: Option<Span> = None;
        for item in &list.items {
            let Value::Literal(literal) = item else {
                before = Some(item.span());
                continue;
            };
            let span = literal.span();
            // Equal text is one value; otherwise what is written decides.
            let key = match literal.as_text() {
                Some(text) => format!("'{text}"),
                None => cx.text(span).to_owned(),
            };
            if let Some(first) = known.get(&key) {
                let mut finding =
                    Finding::new(Code::W1214, span, format!("`{}` stands twice in the list", cx.text(span)))
                        .label(*first, "the first one")
                        .help("take it out, or write the value that was meant");
                if let Some(before) = before {
                    let span = Span { start: before.end, ..span };
                    finding = finding.safe_fix("take it out", vec![Edit::delete(span)]);
                }
                found.push(finding);
            } else {
                known.insert(key, span);
            }
            before = Some(span);
        }
    }
}
