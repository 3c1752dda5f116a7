//! The findings of one file with everything that outputs need.

use kestrel_ir::diagnostic::{Code, LineIndex, Position, Severity, SourceId};
use serde::Serialize;

use crate::{
    diagnostics::render::{self, SourceText, Style},
    document::Document,
    hunt::Hunt,
    lints::{self, baseline::fingerprint},
};

/// One file.
#[derive(Debug, Clone, Default)]
pub struct FileReport {
    /// Its name as given.
    pub path: String,
    /// What was found, in order of the text.
    pub findings: Vec<Finding>,
    /// Why it could not be read.
    pub unread: Option<String>,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its code.
    pub code: Code,
    /// Error, warning or note.
    pub severity: Severity,
    /// The form of the public contract.
    pub json: render::Json,
    /// Number of the cell, in huntbooks; `json` counts lines within it.
    pub cell: Option<u32>,
    /// Lines and columns of the file itself.
    pub place: Place,
    /// The repair.
    pub fix: Option<JsonFix>,
    /// Stays the same while message and line text do.
    pub fingerprint: String,
    /// Rendered for people, if that was asked for.
    pub text: String,
}

/// A region of a file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// First position.
    pub start: Position,
    /// One past the last position.
    pub end: Position,
}

/// A repair in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JsonFix {
    /// What it does.
    pub message: String,
    /// The hunt means the same afterwards.
    pub safe: bool,
    /// The changes.
    pub edits: Vec<JsonEdit>,
}

/// A change in JSON: the text between two positions is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JsonEdit {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column one past the end.
    pub end_column: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The new text.
    pub text: String,
}

impl FileReport {
    /// Prepares findings for output; with a style they are also rendered for people.
    pub fn new(
        path: &str,
        document: &Document<'_>,
        hunt: &Hunt,
        found: Vec<lints::Finding>,
        style: Option<Style>,
    ) -> Self {
        let names: Vec<String> = (0..hunt.blocks.len())
            .map(|index| match document.cell(source(index)) {
                Some(cell) => format!("{path}:cell {cell}"),
                None => path.to_owned(),
            })
            .collect();
        // Lines are counted only in texts in which something was found.
        let mut texts: Vec<Option<SourceText<'_>>> = vec![None; hunt.blocks.len()];
        let mut findings = Vec::with_capacity(found.len());
        for finding in found {
            let block = finding.diagnostic.span.map_or(0, |span| span.source.0 as usize);
            let Some((name, block_text)) = names.get(block).zip(hunt.blocks.get(block)) else { continue };
            let Some(slot) = texts.get_mut(block) else { continue };
            let text = &*slot.get_or_insert_with(|| SourceText::new(name, &block_text.text));
            findings.push(one(path, document, source(block), text, finding, style));
        }
        FileReport { path: path.to_owned(), findings, unread: None }
    }

    /// A file that could not be read.
    pub fn unread(path: &str, cause: String) -> Self {
        FileReport { path: path.to_owned(), findings: Vec::new(), unread: Some(cause) }
    }
}

fn source(index: usize) -> SourceId {
    SourceId(u32::try_from(index).unwrap_or(u32::MAX))
}

fn one(
    path: &str,
    document: &Document<'_>,
    block: SourceId,
    text: &SourceText<'_>,
    finding: lints::Finding,
    style: Option<Style>,
) -> Finding {
    let diagnostic = finding.diagnostic;
    let mut json = render::json(&diagnostic, text);
    json.file = path.to_owned();
    let position = |line: Option<u32>, column: Option<u32>| Position {
        line: line.unwrap_or(1),
        column: column.unwrap_or(1),
    };
    let start = document.in_file(block, position(json.line, json.column));
    let end = document.in_file(block, position(json.end_line, json.end_column));
    let line = text.lines().line(text.text, json.line.unwrap_or(1));
    // Long lines of data make no better fingerprint.
    let line = line.get(..line.len().min(300)).unwrap_or(json.message.as_str());
    Finding {
        code: diagnostic.code,
        severity: diagnostic.severity,
        cell: document.cell(block),
        place: Place { start, end: end.max(start) },
        fix: finding.fix.map(|fix| json_fix(fix, text.text, text.lines())),
        fingerprint: fingerprint(path, json.code, &json.message, line),
        text: style.map_or(String::new(), |style| render::text(&diagnostic, text, style)),
        json,
    }
}

fn json_fix(fix: lints::Fix, text: &str, lines: &LineIndex) -> JsonFix {
    let edits = fix.edits.into_iter().map(|edit| {
        let start = lines.position(text, edit.span.start as usize);
        let end = lines.position(text, edit.span.end as usize);
        JsonEdit {
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            start: edit.span.start,
            end: edit.span.end,
            text: edit.text,
        }
    });
    JsonFix { message: fix.title, safe: fix.safe, edits: edits.collect() }
}
