//! Reads JSON values from text, those that are plain: whatever it does not take is for the
//! parser, and for the parser's diagnostics.

use kestrel_stix::batch::{LaidOut, LaidText};
use wide::u8x16;

/// Where reading is in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'t> {
    text: &'t str,
    pub(crate) at: usize,
}

/// Most digits of a whole number that fits for certain.
const DIGITS: usize = 18;

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str, at: usize) -> Self {
        Cursor { text, at }
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes on if this byte comes next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    #[inline]
    pub(crate) fn take_all(&mut self, bytes: &[u8]) -> Option<()> {
        let found = self.text.as_bytes().get(self.at..)?.starts_with(bytes);
        found.then(|| self.at += bytes.len())
    }

    /// Skips what JSON takes for blanks.
    #[inline]
    pub(crate) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Reads what stands between quotes; true if there are escapes in it.
    #[inline]
    fn quoted(&mut self) -> Option<(&'t str, bool)> {
        self.take(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        loop {
            let at = self.at + special(bytes.get(self.at..)?);
            match bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some((&self.text[start..at], escaped));
                }
                b'\\' => {
                    escaped = true;
                    self.at = at + 2;
                }
                _ => return None,
            }
        }
    }

    /// Reads a text without escapes.
    #[inline]
    pub(crate) fn plain(&mut self) -> Option<&'t str> {
        match self.quoted()? {
            (text, false) => Some(text),
            _ => None,
        }
    }

    /// Reads a text; one with escapes is put into `out` without them.
    #[inline]
    pub(crate) fn text(&mut self, out: &mut LaidOut) -> Option<LaidText> {
        let start = self.at + 1;
        let (raw, escaped) = self.quoted()?;
        if !escaped {
            return laid(start, raw.len(), false);
        }
        let start = out.unescaped.len();
        unescape(raw, &mut out.unescaped)?;
        laid(start, out.unescaped.len() - start, true)
    }

    /// Reads a whole number that is followed by what may follow one.
    pub(crate) fn integer(&mut self) -> Option<i64> {
        let negative = self.take(b'-').is_some();
        let digits = self.text.as_bytes().get(self.at..)?;
        let mut n: i64 = 0;
        let mut count = 0;
        while let Some(digit) = digits.get(count).filter(|digit| digit.is_ascii_digit()) {
            if count == DIGITS {
                return None;
            }
            n = n * 10 + i64::from(digit - b'0');
            count += 1;
        }
        if count == 0 || digits[0] == b'0' && (count > 1 || negative) {
            return None;
        }
        self.at += count;
        self.ends().then_some(if negative { -n } else { n })
    }

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        let value = self.take_all(b"true").is_some();
        if !value {
            self.take_all(b"false")?;
        }
        self.ends().then_some(value)
    }

    /// Returns true if a number or word ends here.
    fn ends(&self) -> bool {
        matches!(self.peek(), Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
    }

    /// Reads any value with at most `levels` lists and dictionaries inside each other, and
    /// appends it to `out` without blanks.
    pub(crate) fn json(&mut self, out: &mut String, levels: usize) -> Option<()> {
        let start = self.at;
        match self.peek()? {
            open @ (b'{' | b'[') => {
                let levels = levels.checked_sub(1)?;
                let close = open + 2;
                self.at += 1;
                out.push(char::from(open));
                self.blanks();
                if self.take(close).is_some() {
                    out.push(char::from(close));
                    return Some(());
                }
                loop {
                    if open == b'{' {
                        self.json_text(out)?;
                        self.blanks();
                        self.take(b':')?;
                        out.push(':');
                        self.blanks();
                    }
                    self.json(out, levels)?;
                    self.blanks();
                    if self.take(b',').is_some() {
                        out.push(',');
                        self.blanks();
                    } else {
                        self.take(close)?;
                        out.push(char::from(close));
                        return Some(());
                    }
                }
            }
            b'"' => return self.json_text(out),
            b't' | b'f' => drop(self.boolean()?),
            b'n' => {
                self.take_all(b"null")?;
                self.ends().then_some(())?;
            }
            _ => drop(self.integer()?),
        }
        out.push_str(&self.text[start..self.at]);
        Some(())
    }

    /// A text whose escapes, if any, are those that would be written.
    fn json_text(&mut self, out: &mut String) -> Option<()> {
        let start = self.at;
        let (raw, escaped) = self.quoted()?;
        if escaped {
            let mut rest = raw;
            while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
                if !matches!(rest.as_bytes().get(at + 1)?, b'"' | b'\\' | b'n' | b'r' | b't' | b'b' | b'f') {
                    return None;
                }
                rest = &rest[at + 2..];
            }
        }
        out.push_str(&self.text[start..self.at]);
        Some(())
    }
}

#[inline]
fn laid(start: usize, len: usize, unescaped: bool) -> Option<LaidText> {
    Some(LaidText { start: u32::try_from(start).ok()?, len: u32::try_from(len).ok()?, unescaped })
}

/// Returns where the first quote, backslash or control character is, else the length.
#[inline]
fn special(bytes: &[u8]) -> usize {
    let (quote, backslash) = (u8x16::splat(b'"'), u8x16::splat(b'\\'));
    let control = u8x16::splat(0x1f);
    let (sixteens, rest) = bytes.as_chunks::<16>();
    for (n, sixteen) in sixteens.iter().enumerate() {
        let sixteen = u8x16::new(*sixteen);
        let found =
            sixteen.simd_eq(quote) | sixteen.simd_eq(backslash) | sixteen.min(control).simd_eq(sixteen);
        let mask = found.to_bitmask();
        if mask != 0 {
            return n * 16 + mask.trailing_zeros() as usize;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Appends a text without its escapes. None for escapes that are wrong, or half of a pair.
fn unescape(raw: &str, out: &mut String) -> Option<()> {
    let mut rest = raw;
    // Backslashes are near each other where there are any.
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\') {
        out.push_str(&rest[..at]);
        let mut taken = at + 2;
        out.push(match rest.as_bytes().get(at + 1)? {
            byte @ (b'"' | b'\\' | b'/') => char::from(*byte),
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\x08',
            b'f' => '\x0c',
            b'u' => {
                taken = at + 6;
                let digits = rest.as_bytes().get(at + 2..taken)?;
                let mut n = 0;
                for digit in digits {
                    n = n << 4 | char::from(*digit).to_digit(16)?;
                }
                char::from_u32(n)?
            }
            _ => return None,
        });
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Some(())
}
