//! W1302 `private-address-source`: a source that only this machine or network can reach.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/private-address-source.md")]

use std::net::IpAddr;

use kestrel_ir::diagnostic::Code;

use super::plain_http_source::addresses;
use crate::lints::{Cx, Finding, Lint};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1302, check);

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for (text, span, _) in addresses(cx) {
        let lower = text.to_ascii_lowercase();
        let rest = ["https://", "http://"].iter().find_map(|scheme| Some(lower.split_once(scheme)?.1));
        let Some(rest) = rest else { continue };
        let host = host(rest);
        if let Some(what) = private(host) {
            let message = format!("the data source is at `{host}`, {what}");
            found.push(Finding::new(Code::W1302, span, message).help(
                "run such a hunt only if you know the service; read a file or a public address instead",
            ));
        }
    }
}

/// Returns the host of an address without scheme: no user, no port, no path.
pub(super) fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    }
}

/// Says why a host is private.
fn private(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.');
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(v4) => v4_kind(v4),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => v4_kind(v4),
                None if v6.is_loopback() || v6.is_unspecified() => Some("this machine"),
                None if v6.segments()[0] & 0xfe00 == 0xfc00 => Some("a local network"),
                None if v6.segments()[0] & 0xffc0 == 0xfe80 => Some("a link-local address"),
                None => None,
            },
        };
    }
    // Other spellings of addresses that resolvers accept: 2130706433, 0x7f000001, 127.1.
    let numeric = !host.is_empty()
        && host.split('.').all(|part| {
            let digits = part.strip_prefix("0x").unwrap_or(part);
            !digits.is_empty()
                && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
                && (part.starts_with("0x") || part.bytes().all(|byte| byte.is_ascii_digit()))
        });
    if numeric {
        return Some("an address in an unusual spelling");
    }
    if host == "localhost" || host.ends_with(".localhost") {
        return Some("this machine");
    }
    let local = [".local", ".internal", ".lan", ".home.arpa", ".intranet", ".corp"];
    if local.iter().any(|suffix| host.ends_with(suffix)) || !host.contains('.') && !host.is_empty() {
        return Some("a name of a local network");
    }
    None
}

fn v4_kind(v4: std::net::Ipv4Addr) -> Option<&'static str> {
    if v4.is_loopback() || v4.is_unspecified() {
        Some("this machine")
    } else if v4.is_link_local() {
        Some("a link-local address")
    } else if v4.is_private() || v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64 {
        Some("a local network")
    } else {
        None
    }
}
