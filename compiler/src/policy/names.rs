//! Lists of what is allowed and forbidden, with `*` and `?`.

use globset::{Glob, GlobBuilder, GlobMatcher};

/// Names that are allowed, and names that are not. Forbidding is stronger; without a list of what
/// is allowed, everything else is.
#[derive(Debug, Clone, Default)]
pub struct Names {
    allow: Option<Vec<Pattern>>,
    deny: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A pattern forbids it.
    Denied(String),
    /// No pattern allows it.
    NotAllowed(Vec<String>),
}

/// The text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern: {cause}")]
pub struct BadPattern {
    text: String,
    cause: String,
}

impl Names {
    /// Reads the patterns. Letter case counts only if `case` is true.
    pub fn new(allow: Option<&[String]>, deny: &[String], case: bool) -> Result<Names, BadPattern> {
        let read = |texts: &[String]| texts.iter().map(|text| Pattern::new(text, case)).collect();
        Ok(Names { allow: allow.map(read).transpose()?, deny: read(deny)? })
    }

    /// Returns true if nothing is said.
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty()
    }

    /// Returns true if only what is listed is allowed.
    pub fn limits(&self) -> bool {
        self.allow.is_some()
    }

    /// Returns why something with these names is refused; it is allowed if one of them is, and
    /// forbidden if one of them is.
    pub fn refuses(&self, names: &[&str]) -> Option<Refused> {
        let hit = |patterns: &[Pattern]| {
            let mut all = patterns.iter();
            all.find(|pattern| names.iter().any(|name| pattern.matcher.is_match(name)))
                .map(|pattern| pattern.text.clone())
        };
        if let Some(denied) = hit(&self.deny) {
            return Some(Refused::Denied(denied));
        }
        match &self.allow {
            Some(allow) if hit(allow).is_none() => {
                Some(Refused::NotAllowed(allow.iter().map(|pattern| pattern.text.clone()).collect()))
            }
            _ => None,
        }
    }
}

impl Pattern {
    fn new(text: &str, case: bool) -> Result<Pattern, BadPattern> {
        // Braces and brackets mean themselves in addresses: `[::1]`.
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '[' | ']' | '{' | '}' | '!' | ',' => {
                    escaped.push('\\');
                    escaped.push(c);
                }
                '\\' => escaped.push_str("\\\\"),
                c => escaped.push(c),
            }
        }
        let glob: Result<Glob, _> = GlobBuilder::new(&escaped)
            .case_insensitive(!case)
            .literal_separator(false)
            .backslash_escape(true)
            .build();
        let glob =
            glob.map_err(|error| BadPattern { text: text.to_owned(), cause: error.kind().to_string() })?;
        Ok(Pattern { text: text.to_owned(), matcher: glob.compile_matcher() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidding_is_stronger_and_silence_allows() {
        let names = |allow: Option<&[&str]>, deny: &[&str]| {
            let own = |texts: &[&str]| -> Vec<String> { texts.iter().map(ToString::to_string).collect() };
            Names::new(allow.map(own).as_deref(), &own(deny), false).unwrap()
        };
        assert_eq!(names(None, &[]).refuses(&["x"]), None);
        let some = names(Some(&["*.good.example", "[::1]"]), &["bad.good.example"]);
        assert_eq!(some.refuses(&["a.GOOD.example"]), None);
        assert_eq!(some.refuses(&["[::1]"]), None);
        assert_eq!(some.refuses(&["bad.good.example"]), Some(Refused::Denied("bad.good.example".into())));
        assert!(matches!(some.refuses(&["good.example.evil"]), Some(Refused::NotAllowed(_))));
        assert!(names(Some(&[]), &[]).refuses(&["x"]).is_some());
        assert_eq!(names(Some(&["sha256:ab"]), &[]).refuses(&["python://x", "sha256:ab"]), None);
    }
}
