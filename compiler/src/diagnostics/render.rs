//! Renders diagnostics: the source line with a marker for people, JSON for programs.
//!
//! Deterministic: the same diagnostics over the same text give the same output. What a
//! text holds cannot move the cursor or change colours of a terminal: control characters
//! are shown as their escapes.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use kestrel_ir::diagnostic::{Diagnostic, LineIndex, Severity, Span};
use serde::Serialize;

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
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(escape(&diagnostic.message)).id(diagnostic.code.as_str());
    let mut group = annotate_snippets::Group::with_title(title);
    if let Some(span) = diagnostic.span {
        let name = escape(source.name);
        let at = source.index.position(source.text, span.start as usize);
        let mut shown = vec![(at.line, span, AnnotationKind::Primary, String::new())];
        for label in &diagnostic.labels {
            let line = source.index.position(source.text, label.span.start as usize).line;
            shown.push((line, label.span, AnnotationKind::Context, escape(&label.message)));
        }
        group = group.element(Origin::path(name).line(at.line as usize).char_column(at.column as usize));
        shown.sort_by_key(|(line, span, ..)| (*line, span.start));
        // One excerpt for each line: rendering takes no more than the lines it shows.
        let mut rest = shown.as_slice();
        while let Some((line, ..)) = rest.first() {
            let here = rest.iter().take_while(|(other, ..)| other == line).count();
            let (now, later) = rest.split_at(here);
            let spans: Vec<Span> = now.iter().map(|(_, span, ..)| *span).collect();
            let excerpt = Excerpt::new(source, *line, &spans);
            let annotations = now.iter().map(|(_, span, kind, message)| {
                let annotation = kind.span(excerpt.place(*span));
                if message.is_empty() { annotation } else { annotation.label(message.clone()) }
            });
            let snippet = Snippet::source(excerpt.text.clone())
                .line_start(*line as usize)
                .fold(false)
                .annotations(annotations.collect::<Vec<_>>());
            group = group.element(snippet);
            rest = later;
        }
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(escape(help)));
    }
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let decor = if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let mut out = renderer.decor_style(decor).term_width(WIDTH).render(&[group]);
    out.push('\n');
    out
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

/// Columns of the output; longer source lines are cut around the marker.
const WIDTH: usize = 140;

/// Bytes of a line that are shown around a marker at most.
const LONGEST: usize = 400;

/// One line, or the part of a long one around its markers, with control characters escaped.
struct Excerpt {
    text: String,
    /// For each byte offset of the kept part, in order: where it went.
    moved: Vec<(usize, usize)>,
}

impl Excerpt {
    fn new(source: &SourceText<'_>, line: u32, spans: &[Span]) -> Self {
        let full = source.index.line(source.text, line);
        let line_start = spans
            .first()
            .map(|span| {
                let start = (span.start as usize).min(source.text.len());
                let before = source.text.get(..start).unwrap_or_default();
                before.rfind(['\n', '\r']).map_or(0, |end| end + 1)
            })
            .unwrap_or_default();
        let first = spans.iter().map(|span| span.start as usize).min().unwrap_or_default().saturating_sub(line_start);
        let (mut from, mut to) = (0, full.len());
        if full.len() > LONGEST {
            from = first.saturating_sub(LONGEST / 4);
            to = (first + LONGEST * 3 / 4).min(full.len());
            while from > 0 && !full.is_char_boundary(from) {
                from -= 1;
            }
            while !full.is_char_boundary(to) {
                to += 1;
            }
        }
        let mut text = String::new();
        if from > 0 {
            text.push_str("...");
        }
        let mut moved = Vec::new();
        for (at, c) in full.get(from..to).unwrap_or_default().char_indices() {
            moved.push((line_start + from + at, text.len()));
            if c.is_control() && c != '\t' {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        moved.push((line_start + to, text.len()));
        if to < full.len() {
            text.push_str("...");
        }
        Excerpt { text, moved }
    }

    /// Returns the place of `span` in the excerpt, cut to it.
    fn place(&self, span: Span) -> std::ops::Range<usize> {
        let place = |offset: u32| {
            let next = self.moved.partition_point(|(from, _)| *from < offset as usize);
            self.moved.get(next).or(self.moved.last()).map_or(0, |(_, to)| *to)
        };
        let start = place(span.start);
        start..place(span.end).max(start)
    }
}

/// Makes control characters visible.
fn escape(text: &str) -> String {
    crate::syntax_error::escape(text)
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
        insta::assert_snapshot!(render("p = NEW process ['é']\nDISP p LIMIT many"), @"");
        insta::assert_snapshot!(
            render("p = GET process FROM lab WHERE a = 1\n  START 2022-01-01T00:00:00Z\n  STOP 2021-01-02T00:00:00Z"),
            @""
        );
    }

    #[test]
    fn control_characters_and_long_lines_are_harmless() {
        insta::assert_snapshot!(render("x = y WHERE name = 'a\u{1b}[31m"), @"");
        let long = format!("x = y WHERE name IN ({}'z' ~ 1)", "'a', ".repeat(1000));
        assert!(render(&long).lines().all(|line| line.chars().count() < 250));
    }

    #[test]
    fn json_follows_the_contract() {
        let source = "x = y\nDISP p LIMIT many";
        let parsed = parse(source, SourceId(0));
        let json = json(&parsed.diagnostics[0], &SourceText::new("hunt.hf", source));
        insta::assert_json_snapshot!(json, @"");
    }
}
