//! Which server a web address names, in one spelling.
//!
//! Programs that fetch an address and people that read it must mean the same server. So only plain
//! spellings count as names; a host written with percent signs, backslashes, other alphabets or as
//! one large number is [`Host::Odd`], which no allow-list accepts.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
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
