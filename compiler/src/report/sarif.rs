//! SARIF 2.1.0, for code scanning.

use std::collections::BTreeMap;

use kestrel_ir::diagnostic::{Code, Severity};
use serde_json::{Value, json};

use super::{FileReport, Finding};
use crate::lints::docs;

/// Returns a SARIF log with one run; the rules are those that occur.
pub fn sarif(files: &[FileReport]) -> String {
    let mut rules: BTreeMap<Code, usize> = BTreeMap::new();
    for finding in files.iter().flat_map(|file| &file.findings) {
        rules.insert(finding.code, 0);
    }
    for (index, slot) in rules.values_mut().enumerate() {
        *slot = index;
    }
    let results: Vec<Value> = files
        .iter()
        .flat_map(|file| file.findings.iter().map(|finding| result(file, finding, &rules)))
        .collect();
    let notifications: Vec<Value> = files
        .iter()
        .filter_map(|file| file.unread.as_ref().map(|cause| (file, cause)))
        .map(|(file, cause)| {
            json!({
                "level": "error",
                "message": {"text": cause},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(&file.path)}}}],
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "kestrelc",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.keys().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": notifications.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    let mut out = serde_json::to_string_pretty(&log).unwrap_or_default();
    out.push('\n');
    out
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn rule(code: Code) -> Value {
    let summary = docs::summary(code);
    let explanation = code.explanation();
    let first = explanation.lines().next().unwrap_or_default();
    let short = if summary.is_empty() { first } else { summary };
    json!({
        "id": code.as_str(),
        "name": code.name(),
        "shortDescription": {"text": short},
        "fullDescription": {"text": explanation},
        "help": {"text": explanation, "markdown": explanation},
        "defaultConfiguration": {"level": level(code.severity())},
        "properties": {"category": code.category().as_str()},
    })
}

fn result(file: &FileReport, finding: &Finding, rules: &BTreeMap<Code, usize>) -> Value {
    let (start, end) = (finding.place.start, finding.place.end);
    let artifact = json!({"uri": uri(&file.path)});
    let mut message = finding.json.message.clone();
    if let Some(cell) = finding.cell {
        message = format!("cell {cell}, line {}: {message}", finding.json.line.unwrap_or(1));
    }
    if let Some(help) = &finding.json.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let mut result = json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": rules.get(&finding.code),
        "level": level(finding.severity),
        "message": {"text": message},
        "locations": [{"physicalLocation": {
            "artifactLocation": artifact,
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        }}],
        "partialFingerprints": {"kestrel/v1": finding.fingerprint},
    });
    // Places within cells are no places of the file.
    if let (Some(fix), None) = (&finding.fix, finding.cell) {
        let replacements: Vec<Value> = fix
            .edits
            .iter()
            .map(|edit| {
                json!({
                    "deletedRegion": {
                        "startLine": edit.line,
                        "startColumn": edit.column,
                        "endLine": edit.end_line,
                        "endColumn": edit.end_column,
                    },
                    "insertedContent": {"text": edit.text},
                })
            })
            .collect();
        result["fixes"] = json!([{
            "description": {"text": fix.message},
            "artifactChanges": [{"artifactLocation": artifact, "replacements": replacements}],
        }]);
    }
    result
}

/// Returns a path as a URI reference: relative ones stay relative to the root of the repository.
fn uri(path: &str) -> String {
    let mut out = String::new();
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'\\' => out.push('/'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
