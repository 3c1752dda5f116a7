//! The documentation of lints: read from the registry, written as pages.

use kestrel_ir::diagnostic::Code;

use super::{ALL, Lint};

/// The documentation of one lint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc<'d> {
    /// What it does.
    pub what: &'d str,
    /// Why it matters.
    pub why: &'d str,
    /// A huntflow in which it finds something.
    pub example: &'d str,
    /// The same, better.
    pub instead: &'d str,
}

/// Reads the documentation of a lint; none if it lacks a heading.
pub fn doc(code: Code) -> Option<Doc<'static>> {
    let text = code.explanation();
    let section = |heading: &str| {
        let (_, rest) = text.split_once(&format!("## {heading}\n"))?;
        Some(rest.split("\n## ").next().unwrap_or(rest).trim())
    };
    let code = |heading: &str| {
        let section = section(heading)?;
        section.strip_prefix("```hf\n")?.strip_suffix("\n```")
    };
    Some(Doc {
        what: section("What it does")?,
        why: section("Why it matters")?,
        example: code("Example")?,
        instead: code("Use instead")?,
    })
}

/// Returns the first sentence about a lint.
pub fn summary(code: Code) -> &'static str {
    let what = doc(code).map_or("", |doc| doc.what);
    what.find(". ").map_or(what, |end| what.get(..=end).unwrap_or(what))
}

/// Lints about suppressions: always checked with the others, not in the table of rules.
pub const SUPPRESSIONS: [Code; 3] = [Code::W1901, Code::W1902, Code::W1903];

/// Returns the pages of the rules: file name and content, the list first.
pub fn pages() -> Vec<(String, String)> {
    let mut list = String::from(
        "# Lints\n\nWhat `kestrelc check` advises about huntflows that are valid. Generated from the registry; \
         each page is what `kestrelc explain CODE` prints.\n\n\
         A lint is switched by code, name or beginning of a code: `--select`, `--extend-select`, `--ignore`, \
         `[lint]` in `kestrel.toml`, or a comment `# kestrel: allow(NAME) reason`. *fix*: `--fix` repairs it \
         and the hunt does the same; *unsafe fix*: `--unsafe-fixes` repairs it and the hunt may find more.\n\n\
         | code | name | default | finds |\n|---|---|---|---|\n",
    );
    let mut pages = Vec::new();
    let rules = ALL.iter().map(|lint: &Lint| (lint.code, lint.by_default));
    for (code, by_default) in rules.chain(SUPPRESSIONS.map(|code| (code, true))) {
        let name = code.name();
        let on = if by_default { "on" } else { "off" };
        let summary = summary(code);
        let summary = summary.strip_prefix("Finds ").unwrap_or(summary).replace('|', "\\|");
        list.push_str(&format!("| [{code}]({name}.md) | `{name}` | {on} | {summary} |\n"));
        let page = format!("# {code} `{name}`\n\nBy default: {on}.\n\n{}", code.explanation());
        pages.push((format!("{name}.md"), page));
    }
    pages.insert(0, ("README.md".to_owned(), list));
    pages
}
