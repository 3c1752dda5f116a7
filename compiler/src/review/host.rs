//! Which server a web address names, in one spelling.
//!
//! Programs that fetch an address and people that read it must mean the same server. So only plain
//! spellings count as names; a host written with percent signs, backslashes, other alphabets or as
//! one large number is [`Host::Odd`], which no allow-list accepts.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use kestrel_ir::text::visible;

/// The server of a web address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name or an address, lower case, without port and final period.
    Plain(String),
    /// A spelling that programs could read in another way than people.
    Odd(String),
}

impl Host {
    /// Finds the host in `scheme://host:port/path`.
    pub fn of_url(url: &str) -> Host {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let odd = || Host::Odd(authority.to_owned());
        // Clients take a backslash for a slash; people may not.
        if rest.split(['?', '#']).next().unwrap_or_default().contains('\\') || authority.contains('@') {
            return odd();
        }
        if let Some(bracketed) = authority.strip_prefix('[') {
            let Some((address, port)) = bracketed.split_once(']') else { return odd() };
            let Ok(address) = address.parse::<Ipv6Addr>() else { return odd() };
            return if is_port(port) { Host::Plain(format!("[{address}]")) } else { odd() };
        }
        let (name, port) = authority.find(':').map_or((authority, ""), |at| authority.split_at(at));
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let plain_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if !is_port(port) || !name.split('.').all(plain_label) {
            return odd();
        }
        // `2130706433`, `0x7f.1` and `127.1` are addresses to clients.
        let last = name.rsplit('.').next().unwrap_or_default();
        let number = last.bytes().all(|byte| byte.is_ascii_digit())
            || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if number && name.parse::<Ipv4Addr>().is_err() {
            return odd();
        }
        Host::Plain(name)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        match self {
            Host::Plain(text) | Host::Odd(text) => text,
        }
    }

    /// Says why only this machine or network can reach the server; none if others can too.
    pub fn private(&self) -> Option<&'static str> {
        private(bare(self.as_str()))
    }
}

/// Returns the host of an address without scheme: no user, no port, no path.
pub fn bare(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    }
}

/// Says why a host, without port and brackets, is only for this machine or network; none if it is not.
pub fn private(host: &str) -> Option<&'static str> {
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

fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => text.is_empty(),
    }
}

/// For people: an odd spelling is said to be one.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Plain(name) => f.write_str(&visible(name)),
            Host::Odd(text) => write!(f, "{} or another, oddly written", visible(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_or_odd() {
        let urls = [
            "https://Siem.Example.org:8443/a?b#c",
            "https://example.org./x",
            "http://10.0.0.1/a",
            "http://[::1]:80/a",
            "https://evil.example\\.good.example/",
            "https://good.example\\@evil.example/",
            "https://evil%2eexample/",
            "https://ｅvil.example/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://[::1/a",
            "http://a..b/",
            "http://a:b:80/",
            "https://good.example/path?q=\\",
        ];
        let lines: Vec<_> = urls.iter().map(|url| format!("{url}  {:?}", Host::of_url(url))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        https://Siem.Example.org:8443/a?b#c  Plain("siem.example.org")
        https://example.org./x  Plain("example.org")
        http://10.0.0.1/a  Plain("10.0.0.1")
        http://[::1]:80/a  Plain("[::1]")
        https://evil.example\.good.example/  Odd("evil.example")
        https://good.example\@evil.example/  Odd("good.example")
        https://evil%2eexample/  Odd("evil%2eexample")
        https://ｅvil.example/  Odd("ｅvil.example")
        http://2130706433/  Odd("2130706433")
        http://0x7f.1/  Odd("0x7f.1")
        http://127.1/  Odd("127.1")
        http://[::1/a  Odd("[::1")
        http://a..b/  Odd("a..b")
        http://a:b:80/  Odd("a:b:80")
        https://good.example/path?q=\  Plain("good.example")
        "#);
    }
}
