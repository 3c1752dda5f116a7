//! Second chance for a value that the fast parser refuses, though only a detail is wrong.
//!
//! | detail | becomes |
//! |---|---|
//! | a number too large for 64 bits or a float | its text |
//! | half of a surrogate pair, `\ud83d` alone | `\ufffd` |
//! | bytes that are no UTF-8 | U+FFFD |

/// Returns the repaired text and what was repaired; none if there is nothing to repair.
pub(crate) fn repair(json: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    let mut what = None;
    let text = match std::str::from_utf8(json) {
        Ok(_) => json.to_vec(),
        Err(_) => {
            what = Some("bytes that are no UTF-8 were replaced");
            String::from_utf8_lossy(json).into_owned().into_bytes()
        }
    };
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => {
                let end = string_end(&text, at);
                if copy_string(&text[at..end], &mut out) {
                    what.get_or_insert("half of a surrogate pair was replaced");
                }
                at = end;
            }
            b'-' | b'0'..=b'9' => {
                let length = text[at..]
                    .iter()
                    .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
                let end = length.map_or(text.len(), |length| at + length);
                let number = &text[at..end];
                if is_too_large(number) {
                    what.get_or_insert("a number beyond 64 bits was kept as text");
                    out.push(b'"');
                    out.extend_from_slice(number);
                    out.push(b'"');
                } else {
                    out.extend_from_slice(number);
                }
                at = end;
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    what.map(|what| (out, what))
}

/// Returns the index after the closing quote, or the end.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn is_too_large(number: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(number) else { return false };
    if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return number.len() > 17 && text.parse::<f64>().is_ok()
            || text.parse::<f64>().is_ok_and(|n| n.is_infinite());
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() > 18
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<i64>().is_err()
}

/// Copies a quoted string; true if surrogates were replaced.
fn copy_string(string: &[u8], out: &mut Vec<u8>) -> bool {
    let mut replaced = false;
    let mut at = 0;
    while at < string.len() {
        if string[at] != b'\\' {
            out.push(string[at]);
            at += 1;
            continue;
        }
        match code_unit(&string[at..]) {
            Some(0xd800..=0xdbff) if matches!(code_unit(&string[at + 6..]), Some(0xdc00..=0xdfff)) => {
                out.extend_from_slice(&string[at..at + 12]);
                at += 12;
            }
            Some(0xd800..=0xdfff) => {
                out.extend_from_slice(b"\\ufffd");
                replaced = true;
                at += 6;
            }
            _ => {
                let end = (at + 2).min(string.len());
                out.extend_from_slice(&string[at..end]);
                at = end;
            }
        }
    }
    replaced
}

/// Reads `\uXXXX` at the start.
fn code_unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(json: &str) -> String {
        match repair(json.as_bytes()) {
            None => "nothing".to_owned(),
            Some((text, what)) => format!("{what}: {}", String::from_utf8_lossy(&text)),
        }
    }

    #[test]
    fn details_are_repaired() {
        insta::assert_snapshot!(repaired(r#"{"a": 123456789012345678901, "b": 12, "c": 1.5}"#), @r#"a number beyond 64 bits was kept as text: {"a": "123456789012345678901", "b": 12, "c": 1.5}"#);
        insta::assert_snapshot!(repaired(r#"{"a": "\ud83d x \ud83d\ude00 \\ud83d"}"#), @r#"half of a surrogate pair was replaced: {"a": "\ufffd x \ud83d\ude00 \\ud83d"}"#);
        insta::assert_snapshot!(repaired(r#"{"a": 1e999}"#), @r#"a number beyond 64 bits was kept as text: {"a": "1e999"}"#);
        insta::assert_snapshot!(repaired(r#"{"a": "b"#), @"nothing");
    }
}
