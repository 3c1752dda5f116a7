//! Attribute paths: `pid`, `parent_ref.name`, `hashes.'SHA-256'`, `refs[*].dst_ref.value`.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One step of a path: a key, and whether it is followed by `[*]` ("any element").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// The key, without quotes.
    pub key: String,
    /// True when `[*]` follows.
    pub any: bool,
}

impl Step {
    /// Returns true if the step follows a reference: its key ends in `_ref` or `_refs`.
    pub fn is_reference(&self) -> bool {
        is_reference_key(&self.key)
    }
}

/// Returns true for property names that hold references: `parent_ref`, `opened_connection_refs`.
pub fn is_reference_key(key: &str) -> bool {
    key.ends_with("_ref") || key.ends_with("_refs")
}

/// A path from an entity to a value, through dictionaries and references.
///
/// Canonical text: steps joined by dots; a step is quoted with `'` exactly when it holds a
/// character other than an ASCII letter, digit or `_`, with `"` when it holds a `'`. A doubled
/// quote inside quotes is one. Equality is on the decoded steps, so
/// `hashes.SHA-256` and `hashes.'SHA-256'` are the same path.
/// Source: language specification 1.5, entities specification 4.1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributePath {
    steps: Vec<Step>,
}

impl AttributePath {
    /// Makes a path; `steps` must not be empty.
    pub fn new(steps: Vec<Step>) -> Result<Self, BadPath> {
        if steps.is_empty() || steps.iter().any(|step| step.key.is_empty()) {
            return Err(BadPath::Empty);
        }
        Ok(AttributePath { steps })
    }

    /// Makes a path of one plain key.
    ///
    /// # Panics
    /// If `key` is empty.
    pub fn key(key: &str) -> Self {
        assert!(!key.is_empty(), "an attribute needs a name");
        AttributePath { steps: vec![Step { key: key.to_owned(), any: false }] }
    }

    /// Returns the steps; there is at least one.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the path with `step` in front.
    #[must_use]
    pub fn prefixed(&self, step: &str) -> Self {
        let mut steps = vec![Step { key: step.to_owned(), any: false }];
        steps.extend(self.steps.iter().cloned());
        AttributePath { steps }
    }

    /// Returns the last key.
    pub fn last_key(&self) -> &str {
        self.steps.last().map_or("", |step| &step.key)
    }

    /// Splits a path that follows references: `a_ref.b_refs[*].c.d` gives the reference
    /// steps `a_ref`, `b_refs[*]` and the rest `c.d`. The rest is empty when the path ends
    /// in a reference.
    pub fn split_references(&self) -> (&[Step], &[Step]) {
        let hops = self.steps.iter().take_while(|step| step.is_reference()).count();
        self.steps.split_at(hops)
    }

    /// Returns true when some step is followed by `[*]`.
    pub fn has_any(&self) -> bool {
        self.steps.iter().any(|step| step.any)
    }

    /// Returns the canonical text of steps, as [`fmt::Display`] does for a whole path.
    pub fn text_of(steps: &[Step]) -> String {
        let mut out = String::new();
        for (n, step) in steps.iter().enumerate() {
            if n > 0 {
                out.push('.');
            }
            push_key(&mut out, &step.key);
            if step.any {
                out.push_str("[*]");
            }
        }
        out
    }
}

/// Appends a key in canonical spelling: quoted exactly when it needs quotes.
pub fn push_key(out: &mut String, key: &str) {
    if key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        out.push_str(key);
    } else if !key.contains('\'') {
        out.push('\'');
        out.push_str(key);
        out.push('\'');
    } else {
        // Keys of real dictionaries may hold anything.
        out.push('"');
        out.push_str(&key.replace('"', "\"\""));
        out.push('"');
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&AttributePath::text_of(&self.steps))
    }
}

/// Why a text is no attribute path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// A step (or the whole path) is empty.
    #[error("an attribute path has an empty step")]
    Empty,
    /// A quote is not closed.
    #[error("a quote in an attribute path is not closed")]
    OpenQuote,
    /// Something follows a closing quote or `[*]` that is neither a dot nor `[*]`.
    #[error("unexpected `{0}` in an attribute path")]
    Unexpected(char),
}

impl FromStr for AttributePath {
    type Err = BadPath;

    /// Reads a path in any accepted spelling: bare hyphens, either quote.
    fn from_str(text: &str) -> Result<Self, BadPath> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (key, after) = match rest.chars().next() {
                Some(quote @ ('\'' | '"')) => {
                    let (key, after) = quoted(&rest[1..], quote)?;
                    (Cow::Owned(key), after)
                }
                _ => {
                    let end = rest.find(['.', '[', '\'', '"']).unwrap_or(rest.len());
                    (Cow::Borrowed(&rest[..end]), &rest[end..])
                }
            };
            let (any, after) = match after.strip_prefix("[*]") {
                Some(after) => (true, after),
                None => (false, after),
            };
            if key.is_empty() {
                return Err(BadPath::Empty);
            }
            steps.push(Step { key: key.into_owned(), any });
            match after.chars().next() {
                None => return AttributePath::new(steps),
                Some('.') => rest = &after[1..],
                Some(other) => return Err(BadPath::Unexpected(other)),
            }
        }
    }
}

/// Reads a quoted key, its opening quote cut off, and returns what follows the closing quote.
fn quoted(text: &str, quote: char) -> Result<(String, &str), BadPath> {
    let mut key = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once(quote).ok_or(BadPath::OpenQuote)?;
        key.push_str(part);
        // An empty key is not a doubled quote.
        match after.strip_prefix(quote) {
            Some(after) if !(key.is_empty() && after.is_empty()) => {
                key.push(quote);
                rest = after;
            }
            _ => return Ok((key, after)),
        }
    }
}

impl Serialize for AttributePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AttributePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_gives_the_canonical_one() {
        let canonical = |text: &str| text.parse::<AttributePath>().expect("a path").to_string();
        assert_eq!(canonical("hashes.SHA-256"), "hashes.'SHA-256'");
        assert_eq!(canonical("hashes.\"SHA-256\""), "hashes.'SHA-256'");
        assert_eq!(
            canonical("opened_connection_refs[*].dst_ref.value"),
            "opened_connection_refs[*].dst_ref.value"
        );
        assert_eq!(canonical("extensions.'x-ext'.a"), "extensions.'x-ext'.a");
        assert_eq!("a..b".parse::<AttributePath>(), Err(BadPath::Empty));
        assert_eq!("a.'b".parse::<AttributePath>(), Err(BadPath::OpenQuote));
        assert_eq!("a.''".parse::<AttributePath>(), Err(BadPath::Empty));
        assert_eq!("protocols[0]".parse::<AttributePath>(), Err(BadPath::Unexpected('[')));
        assert_eq!("a'b'".parse::<AttributePath>(), Err(BadPath::Unexpected('\'')));
    }

    #[test]
    fn references_come_first() {
        let path: AttributePath =
            "parent_ref.opened_connection_refs[*].dst_ref.value".parse().expect("a path");
        let (references, rest) = path.split_references();
        assert_eq!(AttributePath::text_of(references), "parent_ref.opened_connection_refs[*].dst_ref");
        assert_eq!(AttributePath::text_of(rest), "value");
    }

    proptest! {
        #[test]
        fn text_round_trips(keys in prop::collection::vec(("[a-z_.'\"\\[\\]*-]{1,6}", any::<bool>()), 1..5)) {
            let steps = keys.into_iter().map(|(key, any)| Step { key, any }).collect();
            let path = AttributePath::new(steps).expect("no empty step");
            prop_assert_eq!(path.to_string().parse::<AttributePath>(), Ok(path));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,20}") {
            if let Ok(path) = text.parse::<AttributePath>() {
                prop_assert_eq!(path.to_string().parse::<AttributePath>(), Ok(path));
            }
        }
    }
}
