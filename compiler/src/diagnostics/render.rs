//! Renders diagnostics: the source line with a marker for people, JSON for programs.
//!
//! Deterministic: the same diagnostics over the same text give the same output. What a
//! text holds cannot move the cursor or change colours of a terminal: control characters
//! are shown as their escapes.

use kestrel_ir::diagnostic::{Diagnostic, LineIndex, Severity, Span};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// One text and its name, to show diagnostics in. Make one per text, not per diagnostic.
#[derive(Debug, Clone)]
pub struct SourceText<'t> {
    /// The name that is shown, such as `lateral.hf`.
    pub name: &'t str,
    /// The text the spans refer to.
    pub text: &'t str,
    index: LineIndex,
}

impl<'t> SourceText<'t> {
    /// Prepares a text.
    pub fn new(name: &'t str, text: &'t str) -> Self {
        SourceText { name, text, index: LineIndex::new(text) }
    }

    /// Returns the lines and columns of the text.
    pub fn lines(&self) -> &LineIndex {
        &self.index
    }
}

/// How text is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// With terminal colours.
    pub color: bool,
    /// Draw with box characters instead of ASCII.
    pub unicode: bool,
}

/// Renders one diagnostic with the line it points at, ending in a line break.
pub fn text(diagnostic: &Diagnostic, source: &SourceText<'_>, style: Style) -> String {
    let paint = Paint(style.color);
    let (name, color) = match diagnostic.severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
        Severity::Note => ("note", "1;36"),
    };
    let title = paint.with(color, &format!("{name}[{}]", diagnostic.code));
    let mut out = format!("{title}: {}\n", paint.with("1", &escape(&diagnostic.message)));
    let (arrow, bar, underline) = if style.unicode { ("┌─", "│", "─") } else { ("-->", "|", "-") };
    let mut gutter = 1;
    if let Some(span) = diagnostic.span {
        let mut marks = vec![Mark { span, label: "", main: true }];
        marks.extend(diagnostic.labels.iter().map(|label| Mark {
            span: label.span,
            label: &label.message,
            main: false,
        }));
        let position = |span: Span| source.index.position(source.text, span.start as usize);
        marks.sort_by_key(|mark| (mark.span.start, !mark.main));
        let last = marks.iter().map(|mark| position(mark.span).line).max().unwrap_or(1);
        gutter = last.to_string().len();
        let at = position(span);
        let place = format!("{}:{}:{}", escape(source.name), at.line, at.column);
        let blank = " ".repeat(gutter);
        let (arrow, bar) = (paint.with("1;34", arrow), paint.with("1;34", bar));
        out.push_str(&format!("{blank}{arrow} {place}\n{blank} {bar}\n"));
        let mut shown = 0;
        for mark in &marks {
            let line = position(mark.span).line;
            let excerpt = Excerpt::new(source, line, mark.span);
            // The same line again only if it is cut at another place.
            if line != shown || excerpt.cut {
                if shown != 0 && line > shown + 1 {
                    out.push_str(&format!("{blank} {}\n", paint.with("1;34", "...")));
                }
                let number = paint.with("1;34", &format!("{line:>gutter$}"));
                out.push_str(&format!("{number} {bar} {}\n", excerpt.text));
                shown = line;
            }
            let sign = if mark.main { "^" } else { underline };
            let marker = paint.with(if mark.main { color } else { "1;34" }, &sign.repeat(excerpt.width));
            let label =
                if mark.label.is_empty() { String::new() } else { format!(" {}", escape(mark.label)) };
            out.push_str(&format!("{blank} {bar} {}{marker}{label}\n", " ".repeat(excerpt.indent)));
        }
    }
    if let Some(help) = &diagnostic.help {
        let equals = paint.with("1;34", "=");
        out.push_str(&format!(
            "{} {equals} {}: {}\n",
            " ".repeat(gutter),
            paint.with("1", "help"),
            escape(help)
        ));
    }
    out
}

/// A place to underline.
struct Mark<'m> {
    span: Span,
    label: &'m str,
    main: bool,
}

/// Colours text, or leaves it as it is.
struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Renders all, with an empty line between two.
pub fn all(diagnostics: &[Diagnostic], source: &SourceText<'_>, style: Style) -> String {
    diagnostics.iter().map(|diagnostic| text(diagnostic, source, style)).collect::<Vec<_>>().join("\n")
}

/// The JSON form of the public contract, one object per diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Json {
    /// Such as `E0201`.
    pub code: &'static str,
    /// Such as `unknown-variable`.
    pub category: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// The name of the text.
    pub file: String,
    /// From 1; none without a place in the text.
    pub line: Option<u32>,
    /// From 1, in Unicode scalar values.
    pub column: Option<u32>,
    /// Line of the end.
    pub end_line: Option<u32>,
    /// Column one past the end.
    pub end_column: Option<u32>,
    /// First byte.
    pub start: Option<u32>,
    /// One past the last byte.
    pub end: Option<u32>,
    /// What to do.
    pub help: Option<String>,
    /// Other places that explain it.
    pub labels: Vec<JsonLabel>,
}

/// A secondary place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JsonLabel {
    /// What it says about the place.
    pub message: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column one past the end.
    pub end_column: u32,
}

/// Returns the JSON form of a diagnostic.
pub fn json(diagnostic: &Diagnostic, source: &SourceText<'_>) -> Json {
    let position = |offset: u32| source.index.position(source.text, offset as usize);
    let start = diagnostic.span.map(|span| position(span.start));
    let end = diagnostic.span.map(|span| position(span.end));
    Json {
        code: diagnostic.code.as_str(),
        category: diagnostic.category().as_str(),
        severity: diagnostic.severity,
        message: diagnostic.message.clone(),
        file: source.name.to_owned(),
        line: start.map(|position| position.line),
        column: start.map(|position| position.column),
        end_line: end.map(|position| position.line),
        end_column: end.map(|position| position.column),
        start: diagnostic.span.map(|span| span.start),
        end: diagnostic.span.map(|span| span.end),
        help: diagnostic.help.clone(),
        labels: diagnostic
            .labels
            .iter()
            .map(|label| {
                let (start, end) = (position(label.span.start), position(label.span.end));
                JsonLabel {
                    message: label.message.clone(),
                    line: start.line,
                    column: start.column,
                    end_line: end.line,
                    end_column: end.column,
                }
            })
            .collect(),
    }
}

/// Bytes of a line that are shown around a marker at most.
const LONGEST: usize = 400;

/// One line, or the part of a long one around its marker, with control characters escaped.
struct Excerpt {
    text: String,
    /// Columns of the terminal before the marker.
    indent: usize,
    /// Columns of the marker, at least one.
    width: usize,
    /// The line was too long.
    cut: bool,
}

impl Excerpt {
    fn new(source: &SourceText<'_>, line: u32, span: Span) -> Self {
        let full = source.index.line(source.text, line);
        let start = (span.start as usize).saturating_sub(source.index.line_start(line)).min(full.len());
        let end = start.saturating_add(span.range().len()).min(full.len());
        let (mut from, mut to) = (0, full.len());
        if full.len() > LONGEST {
            from = start.saturating_sub(LONGEST / 4);
            to = start.saturating_add(LONGEST * 3 / 4).min(full.len());
            while !full.is_char_boundary(from) {
                from -= 1;
            }
            while !full.is_char_boundary(to) {
                to += 1;
            }
        }
        let part = |from: usize, to: usize| visible(full.get(from..to).unwrap_or_default());
        let (lead, trail) = (if from > 0 { "..." } else { "" }, if to < full.len() { "..." } else { "" });
        let before = format!("{lead}{}", part(from, start));
        let marked = part(start, end.min(to));
        let text = format!("{before}{marked}{}{trail}", part(end.min(to), to));
        Excerpt {
            indent: before.width(),
            width: marked.width().max(1),
            text: text.trim_end().to_owned(),
            cut: full.len() > LONGEST,
        }
    }
}

/// Makes control characters visible and expands tabs.
fn visible(text: &str) -> String {
    escape(&text.replace('\t', "    "))
}

/// Makes control characters visible.
fn escape(text: &str) -> String {
    crate::builder::escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use kestrel_ir::diagnostic::SourceId;

    fn render(source: &str) -> String {
        let parsed = parse(source, SourceId(0));
        all(&parsed.diagnostics, &SourceText::new("hunt.hf", source), Style::default())
    }

    #[test]
    fn a_marker_stands_under_the_text() {
        insta::assert_snapshot!(render("p = NEW process ['é']\nDISP p LIMIT many"), @r###"
        error[E0101]: unexpected `many` after LIMIT, expected a whole number
         --> hunt.hf:2:14
          |
        2 | DISP p LIMIT many
          |              ^^^^
          = help: write it with digits only, such as `LIMIT 10`
        "###);
        insta::assert_snapshot!(
            render("p = GET process FROM lab WHERE a = 1\n  START 2022-01-01T00:00:00Z\n  STOP 2021-01-02T00:00:00Z"),
            @r###"
            error[E0109]: STOP is not after START
             --> hunt.hf:3:8
              |
            2 |   START 2022-01-01T00:00:00Z
              |         -------------------- the range starts here
            3 |   STOP 2021-01-02T00:00:00Z
              |        ^^^^^^^^^^^^^^^^^^^^
              = help: exchange the two, or correct the one that is wrong
            "###
        );
    }

    #[test]
    fn control_characters_and_long_lines_are_harmless() {
        insta::assert_snapshot!(render("x = y WHERE name = 'a\u{1b}[31m"), @r###"
        error[E0106]: string not closed: `'a\u{1b}[31m`
         --> hunt.hf:1:20
          |
        1 | x = y WHERE name = 'a\u{1b}[31m
          |                    ^^^^^^^^^^^^
          = help: close it on its line; write a line break as `\n` and a quote as `\'`
        "###);
        let long = format!("x = y WHERE name IN ({}'z' ~ 1)", "'a', ".repeat(1000));
        assert!(render(&long).lines().all(|line| line.chars().count() < LONGEST + 20));
    }

    #[test]
    fn json_follows_the_contract() {
        let source = "x = y\nDISP p LIMIT many";
        let parsed = parse(source, SourceId(0));
        let json = json(&parsed.diagnostics[0], &SourceText::new("hunt.hf", source));
        insta::assert_json_snapshot!(json, @r###"
        {
          "code": "E0101",
          "category": "syntax",
          "severity": "error",
          "message": "unexpected `many` after LIMIT, expected a whole number",
          "file": "hunt.hf",
          "line": 2,
          "column": 14,
          "end_line": 2,
          "end_column": 18,
          "start": 19,
          "end": 23,
          "help": "write it with digits only, such as `LIMIT 10`",
          "labels": []
        }
        "###);
    }
}
