//! Which warnings and lints are wanted: `select`, `extend_select`, `ignore`, and overrides for
//! folders, as `[lint]` in `kestrel.toml` and the command line say.
//!
//! ```toml
//! [lint]
//! select = ["default", "missing-header"]
//! ignore = ["W1305"]
//! baseline = "kestrel-baseline.json"
//!
//! [[lint.override]]
//! paths = ["drafts/**"]
//! ignore = ["W10"]
//! ```
//!
//! Codes (`W1001`), names (`unused-variable`), beginnings of codes (`W10`), `default` and `all`
//! name lints.

use globset::{Glob, GlobSet, GlobSetBuilder};
use kestrel_ir::diagnostic::Code;
use kestrel_stix::suggest::nearest;
use serde::Deserialize;

use super::ALL;

/// A set of warnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    wanted: Vec<bool>,
}

impl Default for Selection {
    /// The warnings of the compiler and the lints that run unless switched off.
    fn default() -> Self {
        let mut selection = Selection::none();
        for code in codes("default").unwrap_or_default() {
            selection.set(code, true);
        }
        selection
    }
}

impl Selection {
    /// Nothing but errors.
    pub fn none() -> Self {
        Selection { wanted: vec![false; Code::ALL.len()] }
    }

    /// Returns true if findings with this code are wanted.
    pub fn has(&self, code: Code) -> bool {
        self.wanted.get(code as usize).copied().unwrap_or(false)
    }

    /// Adds or removes one code.
    pub fn set(&mut self, code: Code, wanted: bool) {
        if let Some(slot) = self.wanted.get_mut(code as usize) {
            *slot = wanted;
        }
    }

    /// Applies choices: `select` starts anew, the others add and remove.
    pub fn apply(&mut self, choices: &Choices) -> Result<(), UnknownLint> {
        if let Some(select) = &choices.select {
            *self = Selection::none();
            self.change(select, true)?;
        }
        self.change(&choices.extend_select, true)?;
        self.change(&choices.ignore, false)
    }

    fn change(&mut self, names: &[String], wanted: bool) -> Result<(), UnknownLint> {
        for name in names {
            for code in codes(name)? {
                self.set(code, wanted);
            }
        }
        Ok(())
    }
}

/// What a section of the configuration or the command line chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// Only these.
    pub select: Option<Vec<String>>,
    /// These too.
    pub extend_select: Vec<String>,
    /// Not these.
    pub ignore: Vec<String>,
}

/// `[lint]` in `kestrel.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LintSection {
    /// Only these.
    pub select: Option<Vec<String>>,
    /// These too.
    pub extend_select: Vec<String>,
    /// Not these.
    pub ignore: Vec<String>,
    /// File with findings that are known, relative to the configuration file.
    pub baseline: Option<String>,
    /// Files and folders that are not searched, as patterns relative to the configuration file.
    pub exclude: Vec<String>,
    /// Choices for some folders; later ones win.
    #[serde(rename = "override")]
    pub overrides: Vec<Override>,
}

/// `[[lint.override]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Override {
    /// Patterns of paths relative to the configuration file.
    pub paths: Vec<String>,
    /// Only these.
    pub select: Option<Vec<String>>,
    /// These too.
    pub extend_select: Vec<String>,
    /// Not these.
    pub ignore: Vec<String>,
}

/// A `[lint]` section, checked and ready.
#[derive(Debug, Clone)]
pub struct Chooser {
    base: Selection,
    overrides: Vec<(GlobSet, Choices)>,
    excluded: GlobSet,
    command_line: Choices,
}

impl Chooser {
    /// Checks a section and the choices of the command line, which win.
    pub fn new(section: &LintSection, command_line: Choices) -> Result<Self, UnknownLint> {
        let mut base = Selection::default();
        base.apply(&Choices {
            select: section.select.clone(),
            extend_select: section.extend_select.clone(),
            ignore: section.ignore.clone(),
        })?;
        let mut overrides = Vec::new();
        for one in &section.overrides {
            let choices = Choices {
                select: one.select.clone(),
                extend_select: one.extend_select.clone(),
                ignore: one.ignore.clone(),
            };
            base.clone().apply(&choices)?;
            overrides.push((globs(&one.paths)?, choices));
        }
        base.clone().apply(&command_line)?;
        Ok(Chooser { base, overrides, excluded: globs(&section.exclude)?, command_line })
    }

    /// Returns what is wanted for a file; its path is relative to the configuration file.
    pub fn for_path(&self, path: &str) -> Selection {
        let mut selection = self.base.clone();
        let matching = self.overrides.iter().filter(|(paths, _)| paths.is_match(path));
        for choices in matching.map(|(_, choices)| choices).chain([&self.command_line]) {
            // Checked when the chooser was made.
            let _ = selection.apply(choices);
        }
        selection
    }

    /// Returns true for files that are left out when a folder is searched.
    pub fn excludes(&self, path: &str) -> bool {
        self.excluded.is_match(path)
    }
}

fn globs(patterns: &[String]) -> Result<GlobSet, UnknownLint> {
    let wrong = |pattern: &str, cause: globset::Error| UnknownLint {
        name: pattern.to_owned(),
        help: format!("it is no pattern for paths: {}", cause.kind()),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // A folder stands for everything in it.
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        let folder = format!("{}/**", pattern.trim_end_matches('/'));
        for text in [pattern, &folder] {
            set.add(Glob::new(text).map_err(|cause| wrong(pattern, cause))?);
        }
    }
    set.build().map_err(|cause| wrong("paths", cause))
}

/// The text names no lint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be used here; {help}")]
pub struct UnknownLint {
    /// The text.
    pub name: String,
    /// What to do.
    pub help: String,
}

/// Returns the codes that a text names.
fn codes(text: &str) -> Result<Vec<Code>, UnknownLint> {
    let warnings = || Code::ALL.iter().copied().filter(|code| code.as_str().starts_with('W'));
    let is_lint = |code: Code| ALL.iter().find(|lint| lint.code == code);
    match text {
        "all" => return Ok(warnings().collect()),
        "default" => {
            return Ok(warnings().filter(|code| is_lint(*code).is_none_or(|lint| lint.by_default)).collect());
        }
        _ => {}
    }
    if let Ok(code) = text.parse::<Code>() {
        return match code.as_str().starts_with('W') {
            true => Ok(vec![code]),
            false => {
                Err(UnknownLint { name: text.to_owned(), help: "errors are always reported".to_owned() })
            }
        };
    }
    let upper = text.to_ascii_uppercase();
    let beginning: Vec<Code> = warnings().filter(|code| code.as_str().starts_with(&upper)).collect();
    if upper.starts_with('W') && !beginning.is_empty() {
        return Ok(beginning);
    }
    let near = nearest(text, warnings().flat_map(|code| [code.as_str(), code.name()]));
    let help = match near.first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`kestrelc explain` lists the codes and names".to_owned(),
    };
    Err(UnknownLint { name: text.to_owned(), help })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(toml: &str) -> LintSection {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn choices_add_up() {
        let chooser = Chooser::new(
            &section("ignore = ['W13']\nextend_select = ['missing-header']\n[[override]]\npaths = ['drafts']\nignore = ['W1001']\n"),
            Choices { ignore: vec!["W1504".to_owned()], ..Choices::default() },
        )
        .unwrap();
        let top = chooser.for_path("hunt.hf");
        assert!(top.has(Code::W1001) && top.has(Code::W1502) && top.has(Code::W0010));
        assert!(!top.has(Code::W1305) && !top.has(Code::W1504) && !top.has(Code::W1205));
        assert!(!chooser.for_path("drafts/a/hunt.hf").has(Code::W1001));
    }

    #[test]
    fn unknown_names_are_told_with_the_nearest() {
        let wrong = |text: &str| codes(text).expect_err("wrong").to_string();
        insta::assert_snapshot!(wrong("unusd-variable"), @"`unusd-variable` cannot be used here; did you mean `unused-variable`?");
        insta::assert_snapshot!(wrong("E0201"), @"`E0201` cannot be used here; errors are always reported");
        insta::assert_snapshot!(wrong("zzz"), @"`zzz` cannot be used here; `kestrelc explain` lists the codes and names");
    }
}
