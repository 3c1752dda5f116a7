//! The simpler outputs: text, JSON, JSON lines, GitHub annotations, GitLab code quality, JUnit.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

use kestrel_ir::diagnostic::{Code, Severity};
use serde::Serialize;

use super::{FileReport, Finding, JsonFix};
use crate::diagnostics::render;

/// One object of the JSON outputs.
#[derive(Serialize)]
struct Item<'f> {
    #[serde(flatten)]
    json: &'f render::Json,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'f JsonFix>,
}

impl<'f> Item<'f> {
    fn new(finding: &'f Finding) -> Self {
        Item { json: &finding.json, name: finding.code.name(), cell: finding.cell, fix: finding.fix.as_ref() }
    }
}

fn findings(files: &[FileReport]) -> impl Iterator<Item = (&FileReport, &Finding)> {
    files.iter().flat_map(|file| file.findings.iter().map(move |finding| (file, finding)))
}

/// For people: each finding with its line, an empty line between two.
pub fn text(files: &[FileReport]) -> String {
    let mut out = String::new();
    for (_, finding) in findings(files) {
        out.push_str(&finding.text);
        out.push('\n');
    }
    out
}

/// One JSON array of all findings, in the form of the public contract.
pub fn json(files: &[FileReport]) -> String {
    let items: Vec<Item<'_>> = findings(files).map(|(_, finding)| Item::new(finding)).collect();
    let mut out = serde_json::to_string_pretty(&items).unwrap_or_default();
    out.push('\n');
    out
}

/// One JSON object a line.
pub fn jsonl(files: &[FileReport]) -> String {
    let mut out = String::new();
    for (_, finding) in findings(files) {
        out.push_str(&serde_json::to_string(&Item::new(finding)).unwrap_or_default());
        out.push('\n');
    }
    out
}

/// Workflow commands of GitHub: an annotation a finding.
pub fn github(files: &[FileReport]) -> String {
    fn data(text: &str) -> String {
        text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
    }
    fn property(text: &str) -> String {
        data(text).replace(':', "%3A").replace(',', "%2C")
    }
    let mut out = String::new();
    for file in files {
        if let Some(cause) = &file.unread {
            let _ = writeln!(out, "::error file={},title=kestrelc::{}", property(&file.path), data(cause));
        }
        for finding in &file.findings {
            let command = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "notice",
            };
            let (start, end) = (finding.place.start, finding.place.end);
            let mut columns = String::new();
            // Annotations over several lines have no columns.
            if start.line == end.line {
                columns = format!(",col={},endColumn={}", start.column, end.column);
            }
            let mut message = finding.json.message.clone();
            if let Some(cell) = finding.cell {
                message = format!("cell {cell}, line {}: {message}", finding.json.line.unwrap_or(1));
            }
            if let Some(help) = &finding.json.help {
                let _ = write!(message, "\nhelp: {help}");
            }
            let _ = writeln!(
                out,
                "::{command} file={},line={},endLine={}{columns},title={}::{}",
                property(&file.path),
                start.line,
                end.line,
                property(&format!("{} {}", finding.code, finding.code.name())),
                data(&message)
            );
        }
    }
    out
}

#[derive(Serialize)]
struct Issue<'f> {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location<'f>,
}

#[derive(Serialize)]
struct Location<'f> {
    path: &'f str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

/// A code quality report of GitLab; fingerprints are unique within it.
pub fn gitlab(files: &[FileReport]) -> String {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let issues: Vec<Issue<'_>> = findings(files)
        .map(|(file, finding)| {
            let times = seen.entry(&finding.fingerprint).or_insert(0);
            *times += 1;
            let fingerprint = match *times {
                1 => finding.fingerprint.clone(),
                times => format!("{}-{times}", finding.fingerprint),
            };
            Issue {
                description: format!("{}: {}", finding.code.name(), finding.json.message),
                check_name: finding.code.as_str(),
                fingerprint,
                severity: match finding.severity {
                    Severity::Error => "critical",
                    Severity::Warning => "minor",
                    Severity::Note => "info",
                },
                location: Location {
                    path: file.path.strip_prefix("./").unwrap_or(&file.path),
                    lines: Lines { begin: finding.place.start.line, end: finding.place.end.line },
                },
            }
        })
        .collect();
    let mut out = serde_json::to_string_pretty(&issues).unwrap_or_default();
    out.push('\n');
    out
}

/// A JUnit report: a failed test a finding, a passed one for each clean file. As Jenkins' schema has
/// it, which knows no lines: the place is in the name of the test, so that names are unique too.
pub fn junit(files: &[FileReport]) -> String {
    let failures: usize = files.iter().map(|file| file.findings.len()).sum();
    let errors = files.iter().filter(|file| file.unread.is_some()).count();
    let tests: usize = files.iter().map(|file| file.findings.len().max(1)).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let _ = writeln!(out, "<testsuites name=\"kestrelc\" {counts}>");
    for file in files {
        let name = xml(&file.path);
        let tests = file.findings.len().max(1);
        let (failures, errors) = (file.findings.len(), usize::from(file.unread.is_some()));
        let mut seen = HashMap::new();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" file=\"{name}\">"
        );
        if let Some(cause) = &file.unread {
            let _ = writeln!(
                out,
                "    <testcase name=\"read\" classname=\"{name}\"><error message=\"{}\"/></testcase>",
                xml(cause)
            );
        } else if file.findings.is_empty() {
            let _ = writeln!(out, "    <testcase name=\"check\" classname=\"{name}\"/>");
        }
        for finding in &file.findings {
            // In a notebook, lines and columns of the cell: those of the file mean nothing to a hunter.
            let (line, column) = (finding.json.line.unwrap_or(1), finding.json.column.unwrap_or(1));
            let cell = finding.cell.map_or(String::new(), |cell| format!("cell {cell}, "));
            let help = finding.json.help.as_deref().map_or(String::new(), |help| format!("\nhelp: {help}"));
            let times = seen.entry((finding.code, finding.cell, line, column)).or_insert(0u32);
            *times += 1;
            let again = if *times > 1 { format!(" ({times})") } else { String::new() };
            let _ = writeln!(
                out,
                "    <testcase name=\"{} {} at {cell}{line}:{column}{again}\" classname=\"{name}\">",
                finding.code,
                finding.code.name()
            );
            let _ = writeln!(
                out,
                "      <failure message=\"{}\" type=\"{}\">{}</failure>\n    </testcase>",
                xml(&finding.json.message),
                severity(finding.severity),
                xml(&format!("{cell}line {line}: {}{help}", finding.json.message))
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Escapes for XML; characters that XML cannot hold become U+FFFD.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// How often each code occurs, most frequent first, with what `--fix` can repair.
pub fn statistics(files: &[FileReport]) -> String {
    let mut counts: BTreeMap<Code, (u32, u32)> = BTreeMap::new();
    for (_, finding) in findings(files) {
        let (count, fixable) = counts.entry(finding.code).or_default();
        *count += 1;
        *fixable += u32::from(finding.fix.as_ref().is_some_and(|fix| fix.safe));
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|(code, (count, _))| (std::cmp::Reverse(*count), *code));
    let mut out = String::new();
    for (code, (count, fixable)) in rows {
        let fix = if fixable > 0 { format!(" ({fixable} fixable)") } else { String::new() };
        let _ = writeln!(out, "{count:>6}  {code}  {}{fix}", code.name());
    }
    out
}
