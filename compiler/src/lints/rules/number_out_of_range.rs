//! W1218 `number-out-of-range`: a number the attribute cannot have.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/number-out-of-range.md")]

use kestrel_ir::diagnostic::Code;

use crate::{
    ast::{Literal, NumberValue},
    lints::{Cx, Finding, Lint},
};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1218, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for site in &cx.tests {
        let most = match site.attribute.as_str() {
            "src_port" | "dst_port" => 65_535,
            "pid" => i64::from(u32::MAX),
            "size" | "src_byte_count" | "dst_byte_count" | "src_packets" | "dst_packets" => i64::MAX,
            _ => continue,
        };
        if !site.owners.iter().any(|owner| kestrel_stix::schema::is_known_type(owner)) {
            continue;
        }
        let literals = site.test.value.as_ref().map(crate::ast::Value::literals).unwrap_or_default();
        for literal in literals {
            let Literal::Number(number) = literal else { continue };
            let NumberValue::Int(value) = number.value else { continue };
            // -1 as a bound is a way to write "any".
            let bound = !site.is_equality() && value == -1;
            if (value < 0 && !bound) || value > most {
                let range = if most == i64::MAX { "0 or more".to_owned() } else { format!("0 to {most}") };
                found.push(
                    Finding::new(Code::W1218, number.span, format!("`{}` is never {value}", site.attribute))
                        .help(format!("its values are {range}")),
                );
            }
        }
    }
}
