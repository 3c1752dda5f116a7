//! Escapes of plain strings (language reference §1.6).

use kestrel_ir::diagnostic::Code;

/// Whose escapes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The language's own.
    Kestrel,
    /// A list of strings of `NEW`: also JSON's `\/` and surrogate pairs.
    NewList,
}

/// A bad escape; offsets are bytes from the start of the string's inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscapeError {
    /// The backslash.
    pub start: usize,
    /// One past the escape.
    pub end: usize,
    /// The code to report.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Decodes what stands between the quotes of a plain string.
pub fn decode(inner: &str, flavour: Flavour) -> Result<String, EscapeError> {
    let Some(first) = inner.find('\\') else { return Ok(inner.to_owned()) };
    let mut value = String::with_capacity(inner.len());
    let mut at = 0;
    let mut next = Some(first);
    while let Some(backslash) = next {
        value.push_str(inner.get(at..backslash).unwrap_or_default());
        let rest = inner.get(backslash + 1..).unwrap_or_default();
        at = backslash + 1 + escape(inner, backslash, rest, flavour, &mut value)?;
        next = inner.get(at..).and_then(|tail| tail.find('\\')).map(|found| at + found);
    }
    value.push_str(inner.get(at..).unwrap_or_default());
    Ok(value)
}

/// Decodes one escape; `rest` follows the backslash. Returns how many bytes of it were used.
fn escape(
    inner: &str,
    backslash: usize,
    rest: &str,
    flavour: Flavour,
    value: &mut String,
) -> Result<usize, EscapeError> {
    let Some(letter) = rest.chars().next() else {
        // The lexer does not end a string after a single backslash.
        value.push('\\');
        return Ok(0);
    };
    let simple = match letter {
        '\\' | '\'' | '"' => Some(letter),
        'a' => Some('\x07'),
        'b' => Some('\x08'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0b'),
        '/' if flavour == Flavour::NewList => Some('/'),
        _ => None,
    };
    if let Some(simple) = simple {
        value.push(simple);
        return Ok(1);
    }
    match letter {
        '0'..='7' => {
            let digits = rest.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
            let octal = rest.get(..digits).unwrap_or_default();
            let code = u32::from_str_radix(octal, 8).unwrap_or_default();
            value.push(char::from_u32(code).unwrap_or_default());
            Ok(digits)
        }
        'x' | 'u' | 'U' => {
            let wanted = match letter {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let code = hex(rest.get(1..).unwrap_or_default(), wanted)
                .ok_or_else(|| few_digits(inner, backslash, letter, wanted))?;
            if let Some(character) = char::from_u32(code) {
                value.push(character);
                return Ok(1 + wanted);
            }
            if flavour == Flavour::NewList
                && letter == 'u'
                && let Some(pair) = surrogate_pair(code, rest.get(5..).unwrap_or_default())
            {
                value.push(pair);
                return Ok(11);
            }
            let end = backslash + 2 + wanted;
            Err(EscapeError {
                start: backslash,
                end,
                code: Code::E0107,
                message: format!("`{}` is no character", inner.get(backslash..end).unwrap_or_default()),
                help: "characters go up to `\\U0010FFFF`, surrogates left out".to_owned(),
            })
        }
        'N' if rest.get(1..).is_some_and(|name| name.starts_with('{')) => Err(EscapeError {
            start: backslash,
            end: backslash + 2,
            code: Code::E0107,
            message: "`\\N{…}` is not supported".to_owned(),
            help: "write the character itself, or its number as `\\u00e9`".to_owned(),
        }),
        other => {
            value.push('\\');
            value.push(other);
            Ok(other.len_utf8())
        }
    }
}

fn hex(text: &str, wanted: usize) -> Option<u32> {
    let digits = text.get(..wanted)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Reads `\uDC00`-like text after a high surrogate.
fn surrogate_pair(high: u32, rest: &str) -> Option<char> {
    let low = hex(rest.strip_prefix("\\u")?, 4)?;
    if !(0xD800..0xDC00).contains(&high) || !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
}

fn few_digits(inner: &str, backslash: usize, letter: char, wanted: usize) -> EscapeError {
    let digits = inner
        .get(backslash + 2..)
        .unwrap_or_default()
        .bytes()
        .take(wanted)
        .take_while(u8::is_ascii_hexdigit)
        .count();
    EscapeError {
        start: backslash,
        end: backslash + 2 + digits,
        code: Code::E0107,
        message: format!("escape `\\{letter}` needs exactly {wanted} hexadecimal digits"),
        help: "for a path write a raw string, `r'C:\\Users\\…'`, or double the backslash".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(inner: &str) -> String {
        match decode(inner, Flavour::Kestrel) {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("{}..{}: {}", error.start, error.end, error.message),
        }
    }

    #[test]
    fn escapes_of_the_reference() {
        assert_eq!(
            show(r"C:\Windows\system32\svchost.exe -k netsvcs"),
            r#""C:\\Windows\\system32\\svchost.exe -k netsvcs""#
        );
        assert_eq!(show(r"C:\Windows\temp\new.exe"), r#""C:\\Windows\temp\new.exe""#);
        assert_eq!(show(r"C:\Users\bob"), r"2..4: escape `\U` needs exactly 8 hexadecimal digits");
        assert_eq!(show(r"\u12"), r"0..4: escape `\u` needs exactly 4 hexadecimal digits");
        assert_eq!(show(r"\xyz"), r"0..2: escape `\x` needs exactly 2 hexadecimal digits");
        assert_eq!(show(r"a\\.b"), r#""a\\.b""#);
        assert_eq!(show(r"\101\0\x41\u00e9\U0001F600\/"), "\"A\\0Aé😀\\\\/\"");
        assert_eq!(show(r"\ud800"), r"0..6: `\ud800` is no character");
        assert_eq!(show(r"\N{DASH}"), r"0..2: `\N{…}` is not supported");
        assert_eq!(decode(r"\ud83d\ude00\/", Flavour::NewList), Ok("😀/".to_owned()));
    }
}
