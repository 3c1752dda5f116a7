//! `LIKE`: `%` is any run of characters, `_` one character, both over line breaks.
//!
//! A pattern is cut at its `%` into segments; the first must start the text, the last must end
//! it, and those between are searched one after the other, leftmost first. There is no
//! backtracking.

use std::borrow::Cow;

/// A compiled `LIKE` pattern. There is no escape character.
#[derive(Debug, Clone)]
pub struct Like {
    segments: Vec<Segment>,
    ignore_case: bool,
}

/// A run of pattern without `%`.
#[derive(Debug, Clone)]
enum Segment {
    /// Without `_`.
    Plain(String),
    /// With `_`, which is a none. Every element is one character of the text.
    Holes(Vec<Option<char>>),
}

impl Like {
    /// Compiles a pattern. With `ignore_case`, ASCII letters match in either case.
    pub fn new(pattern: &str, ignore_case: bool) -> Like {
        let pattern = fold(pattern, ignore_case);
        let segment = |text: &str| match text.contains('_') {
            true => Segment::Holes(text.chars().map(|c| (c != '_').then_some(c)).collect()),
            false => Segment::Plain(text.to_owned()),
        };
        let mut segments: Vec<Segment> = pattern.split('%').map(segment).collect();
        // Empty segments between two `%` change nothing.
        let last = segments.len() - 1;
        let mut at = 0;
        segments.retain(|segment| {
            let inner = at > 0 && at < last;
            at += 1;
            !(inner && matches!(segment, Segment::Plain(text) if text.is_empty()))
        });
        Like { segments, ignore_case }
    }

    /// Returns true if the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        let text = fold(text, self.ignore_case);
        let Some((first, others)) = self.segments.split_first() else { return false };
        let Some(mut rest) = first.strip_from(&text) else { return false };
        let Some((last, between)) = others.split_last() else { return rest.is_empty() };
        for segment in between {
            match segment.skip_past(rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        last.ends(rest)
    }
}

impl Segment {
    /// Returns what follows the segment at the start of the text.
    fn strip_from<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Segment::Plain(plain) => text.strip_prefix(plain.as_str()),
            Segment::Holes(wanted) => {
                let mut chars = text.chars();
                for one in wanted {
                    let given = chars.next()?;
                    if one.is_some_and(|one| one != given) {
                        return None;
                    }
                }
                Some(chars.as_str())
            }
        }
    }

    /// Returns what follows the leftmost occurrence of the segment.
    fn skip_past<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Segment::Plain(plain) => text.find(plain.as_str()).map(|at| &text[at + plain.len()..]),
            Segment::Holes(_) => {
                let mut rest = text;
                loop {
                    if let Some(after) = self.strip_from(rest) {
                        return Some(after);
                    }
                    let mut chars = rest.chars();
                    chars.next()?;
                    rest = chars.as_str();
                }
            }
        }
    }

    fn ends(&self, text: &str) -> bool {
        match self {
            Segment::Plain(plain) => text.ends_with(plain.as_str()),
            Segment::Holes(wanted) => {
                let mut chars = text.chars().rev();
                wanted.iter().rev().all(|one| match (one, chars.next()) {
                    (_, None) => false,
                    (None, Some(_)) => true,
                    (Some(one), Some(given)) => *one == given,
                })
            }
        }
    }
}

fn fold(text: &str, ignore_case: bool) -> Cow<'_, str> {
    if ignore_case && text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documented_examples() {
        let matches = |pattern: &str, text: &str| Like::new(pattern, false).matches(text);
        assert!(matches("Cmd.EX_", "Cmd.EXE"));
        assert!(!matches("cmd%", "Cmd.EXE"));
        assert!(Like::new("cmd%", true).matches("Cmd.EXE"));
        assert!(!Like::new("ä", true).matches("Ä"), "only ASCII letters fold");
        assert!(matches("line1%", "line1\nline2") && matches("line1_line2", "line1\nline2"));
        assert!(matches("%", "") && matches("", "") && !matches("", "a") && !matches("_", ""));
        assert!(!matches("a%a", "a") && matches("a%a", "aa"));
        assert!(matches("%\\_", "\\x"), "a backslash is an ordinary character");
    }

    #[test]
    fn hostile_patterns_end_soon() {
        let pattern = "%a".repeat(2000) + "%b";
        assert!(!Like::new(&pattern, false).matches(&"a".repeat(200_000)));
    }

    proptest! {
        #[test]
        fn agrees_with_a_regular_expression(pattern in "[abA_%é\\n]{0,8}", text in "[abA_%é\\n]{0,12}", fold: bool) {
            let translated: String = pattern
                .chars()
                .map(|c| match c {
                    '%' => ".*".to_owned(),
                    '_' => ".".to_owned(),
                    other => other.to_string(),
                })
                .collect();
            let flags = if fold { "(?is)" } else { "(?s)" };
            let regex = fancy_regex::Regex::new(&format!("{flags}\\A(?:{translated})\\z")).expect("a regex");
            prop_assert_eq!(Like::new(&pattern, fold).matches(&text), regex.is_match(text.as_str()).expect("no limit"));
        }
    }
}
