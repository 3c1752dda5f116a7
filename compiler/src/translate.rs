//! `kestrelc translate`: STIX patterns to the queries of a connector, one JSON object a line.
//!
//! ```text
//! {"pattern": "[process:name = 'cmd.exe'] START t'…' STOP t'…'", "options": {}}
//! {"queries": ["…"]}
//! {"error": {"category": "invalid_parameter", "message": "…"}}
//! ```
//! The pattern is read by the grammar of huntflows, which holds the one form that hunts send: one
//! observation with tests joined by `AND` and `OR`, and one time range after it.

use kestrel_ir::{
    Op,
    diagnostic::{Category, Diagnostic},
    op::{Fetch, Window},
};
use kestrel_stix::{TimeWindow, pattern::stix_text, suggest::nearest};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Compilation, Config};

/// A connector by name. Connectors of services join here as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connector {
    /// Bundles and logs: read whole, the pattern is tested here.
    Bundle,
}

/// No connector has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no connector `{name}`; {help}")]
pub struct NoSuchConnector {
    name: String,
    help: String,
}

/// The names of all connectors; the second is the one that Kestrel 1.8 uses.
const NAMES: [(&str, Connector); 2] = [("bundle", Connector::Bundle), ("stix_bundle", Connector::Bundle)];

impl Connector {
    /// Finds a connector.
    pub fn find(name: &str) -> Result<Connector, NoSuchConnector> {
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, connector)| *connector).ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name);
            let help = match nearest(name, names).first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the connectors are {}", names.join(", ")),
            };
            NoSuchConnector { name: name.chars().take(80).collect(), help }
        })
    }
}

#[derive(Debug, Deserialize)]
struct Request {
    pattern: String,
    #[serde(default)]
    options: Map<String, Value>,
}

/// Why there is no query: a category that programs know, and words.
#[derive(Debug)]
struct Refused {
    category: &'static str,
    message: String,
}

fn invalid(message: impl Into<String>) -> Refused {
    Refused { category: "invalid_parameter", message: message.into() }
}

/// Answers one line with one line, without its end.
pub fn line(connector: Connector, line: &str) -> String {
    let answer = match answer(connector, line) {
        Ok(queries) => json!({"queries": queries}),
        Err(refused) => json!({"error": {"category": refused.category, "message": refused.message}}),
    };
    answer.to_string()
}

fn answer(connector: Connector, line: &str) -> Result<Vec<String>, Refused> {
    let request: Request =
        serde_json::from_str(line).map_err(|error| invalid(format!("the line is no request: {error}")))?;
    if let Some(unknown) = request.options.keys().next() {
        return Err(invalid(format!("the connector takes no option `{unknown}`")));
    }
    let fetch = fetch_of(&request.pattern)?;
    let window = match fetch.window {
        Window::Fixed(window) => window,
        _ => TimeWindow::default(),
    };
    match connector {
        Connector::Bundle => {
            // The address is not part of the query: every source of the family is asked the same.
            let shown = stix_text(&fetch.pattern, Some(&window), |_| String::new());
            let text = shown.ok_or_else(|| Refused {
                category: "mapping_error",
                message: "the pattern asks for everything".to_owned(),
            })?;
            Ok(vec![text])
        }
    }
}

/// Reads a pattern as the `WHERE` of a `GET`.
fn fetch_of(pattern: &str) -> Result<Fetch, Refused> {
    let text = pattern.trim();
    let Some(inside) = text.strip_prefix('[') else {
        let message = match text.starts_with('(') {
            true => "only one observation `[…]` with one time range can be translated",
            false => "a pattern starts with `[`",
        };
        let category = if text.starts_with('(') { "not_implemented" } else { "invalid_parameter" };
        return Err(Refused { category, message: message.to_owned() });
    };
    // The first type is the centre; which of them is makes no difference to a query.
    let name: String = inside
        .trim_start_matches(|c: char| c.is_whitespace() || c == '(')
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    if name.is_empty() || !text.contains(&format!("{name}:")) {
        return Err(invalid("a test starts with an entity type, as in `process:name = 'cmd.exe'`"));
    }
    let mut compilation = Compilation::new(Config { prefetch_get: false, ..Config::default() });
    let hunt = format!("p = GET {name} FROM file:///pattern.json WHERE {text}");
    let compiled = compilation.block("pattern", &hunt);
    if let Some(error) = compiled.diagnostics.iter().find(|found| found.is_error()) {
        return Err(refused(error, text));
    }
    let fetches = compilation.plan().nodes().into_iter().filter_map(|node| match &node.op {
        Op::Fetch(fetch) => Some(fetch.clone()),
        _ => None,
    });
    match (compiled.steps.len(), fetches.collect::<Vec<_>>().as_slice()) {
        (1, [fetch]) if fetch.limit.is_none() && !matches!(fetch.window, Window::Last { .. }) => {
            Ok(fetch.clone())
        }
        _ => Err(invalid("something follows the pattern that does not belong to it")),
    }
}

fn refused(error: &Diagnostic, pattern: &str) -> Refused {
    // What the grammar of huntflows does not have, STIX may.
    let several = pattern.matches('[').count() > 1
        && ["] AND", "] OR", "] FOLLOWEDBY"].iter().any(|joined| pattern.contains(joined));
    if several {
        return Refused {
            category: "not_implemented",
            message: "only one observation `[…]` with one time range can be translated".to_owned(),
        };
    }
    let help = error.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
    let category = match error.category() {
        Category::UnknownVariable | Category::Syntax | Category::InvalidPattern => "invalid_parameter",
        _ => "mapping_error",
    };
    Refused { category, message: format!("{}{help}", error.message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_what_is_none() {
        let patterns = [
            "[process:name = 'cmd.exe' AND (process:pid > 4 OR x-oca-asset:hostname LIKE 'h%')] START t'2024-03-01T00:00:00.000Z' STOP t'2024-03-02T00:00:00.000Z'",
            "[file:hashes.'SHA-256' IN ('a', 'b')]",
            "[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
            "[process:name = 'a'] AND [process:name = 'b']",
            "([process:name = 'a'])",
            "[process:name = 'a' DISP x]",
            "[process:name = 'a'] DISP p",
            "[process:name = 'a'] LAST 5 DAYS",
            "[process:name = 'a'] LIMIT 5",
            "[process:name = x.name]",
            "[process:name MATCHES '(']",
            "[process:name = 'a'",
            "[name = 'a']",
            "",
            "x",
        ];
        let lines: Vec<String> = patterns
            .iter()
            .map(|pattern| line(Connector::Bundle, &json!({"pattern": pattern, "options": {}}).to_string()))
            .chain(
                [
                    "{}",
                    "[]",
                    "nothing",
                    "{\"pattern\": 4}",
                    "{\"pattern\": \"[a:b = 1]\", \"options\": {\"x\": 1}}",
                ]
                .map(|text| line(Connector::Bundle, text)),
            )
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn connectors_by_name() {
        assert_eq!(Connector::find("Stix_Bundle"), Ok(Connector::Bundle));
        insta::assert_snapshot!(Connector::find("bundel").unwrap_err(), @"there is no connector `bundel`; did you mean `bundle`?");
        insta::assert_snapshot!(Connector::find("splunk").unwrap_err(), @"there is no connector `splunk`; the connectors are bundle, stix_bundle");
    }
}
