//! The policy file: TOML in which every key is known. A policy that says something that nobody
//! reads would allow what its author meant to forbid, so an unknown key is an error.

use std::ops::Range;

use kestrel_ir::diagnostic::LineIndex;
use kestrel_stix::suggest::nearest;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::{Folders, Names, Policy};

/// Why a policy cannot be used: place in the file, what is wrong, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}{}", help_text(.help))]
pub struct PolicyError {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

fn help_text(help: &Option<String>) -> String {
    help.as_ref().map_or(String::new(), |help| format!("; {help}"))
}

/// Every key: its section and its names. The empty section is the top.
const KEYS: [(&str, &[&str]); 8] = [
    ("", &["network", "schemes", "hosts", "profiles", "analytics", "files", "time", "queries"]),
    ("schemes", &["allow", "deny"]),
    ("hosts", &["allow", "deny"]),
    ("profiles", &["allow", "deny"]),
    ("analytics", &["allow", "deny"]),
    ("files", &["read", "write"]),
    ("time", &["maximum", "files"]),
    ("queries", &["maximum"]),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    network: Option<bool>,
    schemes: List,
    hosts: List,
    profiles: List,
    analytics: List,
    files: Paths,
    time: Time,
    queries: Queries,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct List {
    allow: Option<Vec<String>>,
    deny: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Paths {
    read: Option<Vec<String>>,
    write: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Time {
    maximum: Option<String>,
    files: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Queries {
    maximum: Option<u64>,
}

/// Reads a policy.
pub fn parse(text: &str) -> Result<Policy, PolicyError> {
    let lines = LineIndex::new(text);
    let at = |span: Option<Range<usize>>, message: String, help: Option<String>| {
        let position = lines.position(text, span.map_or(0, |span| span.start));
        PolicyError { line: position.line, column: position.column, message, help }
    };
    let wrong = |error: &toml::de::Error| {
        at(error.span(), error.message().lines().collect::<Vec<_>>().join(" "), None)
    };
    let table = DeTable::parse(text).map_err(|error| wrong(&error))?;
    known(table.get_ref(), "", &at)?;
    let file: File = toml::from_str(text).map_err(|error| wrong(&error))?;
    // Values were of the right kind; where they stand is found again by their section.
    let section = |name: &str| table.get_ref().get(name).map(|value| value.span());
    let names = |name: &str, list: &List, case: bool| {
        Names::new(list.allow.as_deref(), &list.deny, case)
            .map_err(|error| at(section(name), error.to_string(), None))
    };
    let folders = |list: &Option<Vec<String>>| {
        list.as_deref().map(Folders::new).transpose().map_err(|error| {
            at(section("files"), error.to_string(), Some("name the folder by its whole path".to_owned()))
        })
    };
    let longest = match &file.time.maximum {
        None => None,
        Some(written) => Some(seconds(written).ok_or_else(|| {
            at(
                section("time"),
                format!("`{written}` is no duration"),
                Some("write a number and a unit: `90 minutes`, `12h`, `30 days`".to_owned()),
            )
        })?),
    };
    let line = |span: Range<usize>| lines.position(text, span.start).line;
    let sections = table.get_ref().iter().map(|(key, _)| (key.get_ref().to_string(), line(key.span())));
    Ok(Policy {
        lines: sections.collect(),
        network: file.network,
        schemes: names("schemes", &file.schemes, false)?,
        hosts: names("hosts", &file.hosts, false)?,
        profiles: names("profiles", &file.profiles, false)?,
        analytics: names("analytics", &file.analytics, true)?,
        write: folders(&file.files.write)?,
        read: folders(&file.files.read)?,
        longest,
        files_any_time: file.time.files == Some(false),
        queries: file.queries.maximum,
    })
}

fn known(
    table: &DeTable<'_>,
    section: &str,
    at: &impl Fn(Option<Range<usize>>, String, Option<String>) -> PolicyError,
) -> Result<(), PolicyError> {
    let keys = KEYS.iter().find(|(name, _)| *name == section).map_or(&[][..], |(_, keys)| keys);
    for (key, value) in table {
        let name: &str = key.get_ref();
        if !keys.contains(&name) {
            let place = if section.is_empty() { String::new() } else { format!(" in `[{section}]`") };
            let help = match nearest(name, keys.iter().copied()).first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are {}", keys.join(", ")),
            };
            return Err(at(Some(key.span()), format!("unknown key `{name}`{place}"), Some(help)));
        }
        if !section.is_empty() || name == "network" {
            continue;
        }
        match value.get_ref() {
            DeValue::Table(inner) => known(inner, name, at)?,
            _ => {
                let help = format!("write `[{name}]` on a line of its own and its keys below");
                return Err(at(Some(value.span()), format!("`{name}` is a section"), Some(help)));
            }
        }
    }
    Ok(())
}

/// Reads a duration: a whole number and a unit.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let size = match unit.trim().to_ascii_lowercase().as_str() {
        "s" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_can_be_said() {
        let policy = parse(
            "network = true\n[schemes]\nallow = ['stixbundle']\n[hosts]\ndeny = ['*.bad']\n[profiles]\nallow = []\n\
             [analytics]\nallow = ['python://*']\n[files]\nread = ['data']\nwrite = ['out', '/srv']\n[time]\n\
             maximum = '2 weeks'\nfiles = false\n[queries]\nmaximum = 20\n",
        );
        let policy = policy.unwrap();
        assert_eq!(
            (policy.longest, policy.queries, policy.files_any_time),
            (Some(1_209_600), Some(20), true)
        );
        assert!(!policy.schemes.is_empty() && policy.network == Some(true));
        assert!(parse("").unwrap().network.is_none());
    }

    #[test]
    fn mistakes_are_located() {
        let texts = [
            "[host]\nallow = []",
            "netwrok = false",
            "[schemes]\nalow = ['a']",
            "[time]\nmaximum = 'soon'",
            "[time]\nmaximum = 30",
            "[schemes]\nallow = 'a'",
            "[files]\nwrite = ['../x']",
            "[queries]\nmaximum = -1",
            "network = false\nnetwork = true",
            "schemes = ['a']",
            "[[hosts]]\nallow = []",
            "x = ",
        ];
        let lines: Vec<String> = texts
            .iter()
            .map(|text| format!("{}: {}", text.escape_default(), parse(text).unwrap_err()))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        [host]\nallow = []: line 1, column 2: unknown key `host`; did you mean `hosts`?
        netwrok = false: line 1, column 1: unknown key `netwrok`; did you mean `network`?
        [schemes]\nalow = [\'a\']: line 2, column 1: unknown key `alow` in `[schemes]`; did you mean `allow`?
        [time]\nmaximum = \'soon\': line 1, column 1: `soon` is no duration; write a number and a unit: `90 minutes`, `12h`, `30 days`
        [time]\nmaximum = 30: line 2, column 11: invalid type: integer `30`, expected a string
        [schemes]\nallow = \'a\': line 2, column 9: invalid type: string "a", expected a sequence
        [files]\nwrite = [\'../x\']: line 1, column 1: `../x` leads out of the folder it starts in; name the folder by its whole path
        [queries]\nmaximum = -1: line 2, column 11: invalid value: integer `-1`, expected u64
        network = false\nnetwork = true: line 2, column 1: duplicate key
        schemes = [\'a\']: line 1, column 11: `schemes` is a section; write `[schemes]` on a line of its own and its keys below
        [[hosts]]\nallow = []: line 1, column 1: `hosts` is a section; write `[hosts]` on a line of its own and its keys below
        x = : line 1, column 5: string values must be quoted, expected literal string
        "#);
    }
}
