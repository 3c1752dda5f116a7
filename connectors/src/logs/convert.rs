//! Conversions of raw values: what a field map calls `as`.
//!
//! Source: entities specification 10.2 to 10.4, 10.6.

use std::borrow::Cow;

use serde::Deserialize;

/// How a raw value becomes attribute values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Convert {
    /// As it is, as text.
    Text,
    /// Decimal, else hexadecimal.
    Integer,
    /// A list of the values, as JSON.
    List,
    /// A path of a program: names of process, file and directory.
    Image,
    /// A path of a file: names of file and directory.
    Path,
    /// `SHA1=…,MD5=…`.
    Hashes,
    /// A registry key, hive in long form.
    Key,
    /// The path of a registry value, with what was written to it.
    RegistryValue,
    /// The event's message: artifact and action.
    Message,
    /// An IANA protocol number, or a name; as a list.
    Protocol,
    /// Addresses, separated by `;`: one object each, behind a list of references.
    Addresses,
    /// A time.
    UserTime,
    /// What follows `HostApplication=` on its line.
    HostApplication,
}

impl Convert {
    /// Returns the attributes that are filled, below the object that the target names; none
    /// when the target names the attribute itself.
    pub(crate) fn attributes(self) -> Option<&'static [&'static str]> {
        match self {
            Convert::Image => Some(&["name", "binary_ref.name", "binary_ref.parent_directory_ref.path"]),
            Convert::Path => Some(&["name", "parent_directory_ref.path"]),
            Convert::Hashes => Some(&["hashes.MD5", "hashes.'SHA-1'", "hashes.'SHA-256'"]),
            Convert::RegistryValue => Some(&["key", "values"]),
            Convert::Message => Some(&["action"]),
            Convert::Addresses => Some(&["value"]),
            Convert::Text
            | Convert::Integer
            | Convert::List
            | Convert::Key
            | Convert::Protocol
            | Convert::UserTime
            | Convert::HostApplication => None,
        }
    }
}

/// Reads a whole number: decimal, else hexadecimal with or without `0x`.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(n) = text.parse() {
        return Some(n);
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    i64::from_str_radix(digits, 16).ok()
}

/// Splits a path at the last `\` or `/`: directory (none when there is no separator) and name.
/// A root keeps its separator: `C:\`.
pub(crate) fn split_path(path: &str) -> (Option<&str>, &str) {
    match path.rfind(['\\', '/']) {
        Some(at) => {
            let root = at == 0 || at == 2 && path.as_bytes()[1] == b':';
            (Some(&path[..at + usize::from(root)]), &path[at + 1..])
        }
        None => (None, path),
    }
}

/// Finds MD5, SHA-1 and SHA-256 in `SHA1=…,MD5=…,SHA256=…,IMPHASH=…`, in this order.
pub(crate) fn hashes(list: &str) -> [Option<&str>; 3] {
    let mut found = [None; 3];
    for entry in list.split(',') {
        let Some((name, value)) = entry.split_once('=') else { continue };
        let at = match name.trim().to_ascii_uppercase().as_str() {
            "MD5" => 0,
            "SHA1" | "SHA-1" => 1,
            "SHA256" | "SHA-256" => 2,
            _ => continue,
        };
        let value = value.trim();
        if !value.is_empty() {
            found[at] = Some(value);
        }
    }
    found
}

const HIVES: &[(&str, &str)] = &[
    ("HKLM", "HKEY_LOCAL_MACHINE"),
    ("HKCU", "HKEY_CURRENT_USER"),
    ("HKCR", "HKEY_CLASSES_ROOT"),
    ("HKCC", "HKEY_CURRENT_CONFIG"),
    ("HKPD", "HKEY_PERFORMANCE_DATA"),
    ("HKU", "HKEY_USERS"),
    ("HKDD", "HKEY_DYN_DATA"),
];

/// Returns a registry key with the long name of its hive: `HKLM\…`, `\REGISTRY\MACHINE\…`.
pub(crate) fn registry_key(key: &str) -> Cow<'_, str> {
    let kernel = key.get(..10).filter(|start| start.eq_ignore_ascii_case("\\REGISTRY\\"));
    if kernel.is_some() {
        let rest = &key[10..];
        let (root, path) = rest.split_once('\\').map_or((rest, ""), |(root, path)| (root, path));
        let hive = match root.to_ascii_uppercase().as_str() {
            "MACHINE" => "HKEY_LOCAL_MACHINE",
            "USER" => "HKEY_USERS",
            _ => return Cow::Borrowed(key),
        };
        return Cow::Owned(if path.is_empty() { hive.to_owned() } else { format!("{hive}\\{path}") });
    }
    let hive = key.split('\\').next().unwrap_or_default();
    match HIVES.iter().find(|(short, _)| *short == hive) {
        Some((short, long)) => Cow::Owned(format!("{long}{}", &key[short.len()..])),
        None => Cow::Borrowed(key),
    }
}

/// Returns the name of an IANA protocol number; the text itself for anything else.
pub(crate) fn protocol(text: &str) -> Cow<'_, str> {
    let name = match text.trim() {
        "0" => "hopopts",
        "1" => "icmp",
        "2" => "igmp",
        "4" => "ipv4",
        "6" => "tcp",
        "8" => "egp",
        "17" => "udp",
        "41" => "ipv6",
        "43" => "routing",
        "44" => "fragment",
        "47" => "gre",
        "50" => "esp",
        "51" => "ah",
        "58" => "icmpv6",
        "59" => "none",
        "60" => "dstopts",
        "88" => "eigrp",
        "89" => "ospf",
        "103" => "pim",
        "112" => "vrrp",
        "115" => "l2tp",
        "132" => "sctp",
        "136" => "udplite",
        _ => return Cow::Borrowed(text),
    };
    Cow::Borrowed(name)
}

/// Finds the addresses in DNS answers: elements between `;` that are addresses, IPv4-mapped
/// ones as IPv4.
pub(crate) fn addresses(answers: &str) -> impl Iterator<Item = Cow<'_, str>> {
    answers.split(';').filter_map(|answer| {
        let answer = answer.trim();
        let address: std::net::IpAddr = answer.parse().ok()?;
        match address {
            std::net::IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => Some(Cow::Owned(v4.to_string())),
                None => Some(Cow::Borrowed(answer)),
            },
            std::net::IpAddr::V4(_) => Some(Cow::Borrowed(answer)),
        }
    })
}

/// Returns what a PowerShell event says after `HostApplication=`, up to the line's end.
pub(crate) fn host_application(text: &str) -> Option<&str> {
    const NAMES: [&str; 2] = ["HostApplication=", "Host Application = "];
    let (at, name) = NAMES.iter().find_map(|name| Some((text.find(name)?, *name)))?;
    let value = text[at + name.len()..].lines().next().unwrap_or_default().trim();
    (!value.is_empty()).then_some(value)
}

/// Returns base64 (RFC 4648, with padding).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32, place: u32| ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    let mut triples = bytes.chunks_exact(3);
    for triple in &mut triples {
        let bits = u32::from(triple[0]) << 16 | u32::from(triple[1]) << 8 | u32::from(triple[2]);
        out.extend([digit(bits, 0), digit(bits, 1), digit(bits, 2), digit(bits, 3)]);
    }
    match *triples.remainder() {
        [a] => {
            let bits = u32::from(a) << 16;
            out.extend([digit(bits, 0), digit(bits, 1), b'=', b'=']);
        }
        [a, b] => {
            let bits = u32::from(a) << 16 | u32::from(b) << 8;
            out.extend([digit(bits, 0), digit(bits, 1), digit(bits, 2), b'=']);
        }
        _ => {}
    }
    String::from_utf8(out).unwrap_or_default()
}

/// What the end of a Windows message tells about a registry or pipe event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MessageDetails<'a> {
    /// `EventType: …`, with the name of the event that it belongs to.
    pub(crate) event_type: Option<(&'static str, &'a str)>,
    /// `Details: DWORD …` or `QWORD …`: kind and data.
    pub(crate) details: Option<(&'a str, &'a str)>,
}

/// Reads the lines of a message that say more than its first words.
pub(crate) fn message_details(message: &str) -> MessageDetails<'_> {
    let word_after = |label: &str| {
        let at = memchr::memmem::find(message.as_bytes(), label.as_bytes())? + label.len();
        message.get(at..)?.trim_start_matches([' ', '\t']).lines().next()
    };
    let event_type = word_after("EventType:").and_then(|word| {
        let word = word.trim();
        let event = match word {
            "SetValue" => "Registry Value Set",
            "DeleteValue" | "CreateKey" | "DeleteKey" => "Registry Create and Delete",
            "CreatePipe" => "Pipe Event Created",
            "ConnectPipe" => "Pipe Event Connected",
            _ => return None,
        };
        Some((event, word))
    });
    let details = word_after("Details:").and_then(typed_details);
    MessageDetails { event_type, details }
}

/// Splits `DWORD (0x00000001)` or `QWORD …` into kind and data, with its parentheses.
pub(crate) fn typed_details(details: &str) -> Option<(&str, &str)> {
    let (kind, data) = details.trim().split_once(' ')?;
    matches!(kind, "DWORD" | "QWORD").then_some((kind, data.trim()))
}

/// Returns a value's data without the parentheses that Sysmon writes around numbers.
pub(crate) fn bare(data: &str) -> &str {
    data.strip_prefix('(').and_then(|data| data.strip_suffix(')')).unwrap_or(data)
}

/// Returns a message's first words: up to the first `:` or `.`.
pub(crate) fn first_words(message: &str) -> &str {
    message.find([':', '.']).map_or(message, |at| &message[..at]).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_else_hexadecimal() {
        assert_eq!(integer("696"), Some(696));
        assert_eq!(integer("0x2b8"), Some(0x2b8));
        assert_eq!(integer("2b8"), Some(0x2b8));
        assert_eq!(integer("x"), None);
        assert_eq!(integer(""), None);
    }

    #[test]
    fn paths_split_at_the_last_separator() {
        assert_eq!(split_path(r"C:\Windows\cmd.exe"), (Some(r"C:\Windows"), "cmd.exe"));
        assert_eq!(split_path("/bin/sh"), (Some("/bin"), "sh"));
        assert_eq!(split_path("System"), (None, "System"));
        assert_eq!(split_path(r"C:\a.exe"), (Some(r"C:\"), "a.exe"));
        assert_eq!(split_path("/x"), (Some("/"), "x"));
    }

    #[test]
    fn hives_get_their_long_names() {
        assert_eq!(registry_key(r"HKLM\System"), r"HKEY_LOCAL_MACHINE\System");
        assert_eq!(registry_key(r"HKU\S-1-5"), r"HKEY_USERS\S-1-5");
        assert_eq!(registry_key(r"\REGISTRY\MACHINE\SAM"), r"HKEY_LOCAL_MACHINE\SAM");
        assert_eq!(registry_key(r"\REGISTRY\A\x"), r"\REGISTRY\A\x");
        assert_eq!(registry_key("HKLMX"), "HKLMX");
    }

    #[test]
    fn base64_is_padded() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foo"), "Zm9v");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }

    #[test]
    fn answers_are_addresses_or_nothing() {
        let found: Vec<_> = addresses("type:  5 x.example;::ffff:10.0.0.4;fe80::1;10.0.0.5;").collect();
        assert_eq!(found, ["10.0.0.4", "fe80::1", "10.0.0.5"]);
    }

    #[test]
    fn messages_tell_what_happened_to_a_registry_key() {
        let message = "Registry value set:\r\nEventType: SetValue\r\nDetails: DWORD (0x00000001)\r\n";
        let details = message_details(message);
        assert_eq!(details.event_type, Some(("Registry Value Set", "SetValue")));
        assert_eq!(details.details, Some(("DWORD", "(0x00000001)")));
        assert_eq!(first_words(message), "Registry value set");
        assert_eq!(message_details("EventType: Other"), MessageDetails::default());
    }
}
