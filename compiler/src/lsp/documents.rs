//! Open texts, changed as the client types.

use std::{collections::HashMap, sync::Arc};

use lsp_types::{Position, Range, TextDocumentContentChangeEvent};

use super::Settings;
use crate::{
    editor::{Analysis, Lines, Place, lines::LineColumn},
    lints::Finding,
};

/// One open text.
#[derive(Debug)]
pub struct Document {
    /// What it holds now.
    pub text: Arc<str>,
    /// The client's number of this state.
    pub version: i32,
    /// Its lines.
    pub lines: Lines,
    /// What holds for it.
    pub settings: Arc<Settings>,
    /// The latest examination, perhaps of an earlier text.
    pub examined: Option<Arc<Examined>>,
}

/// What examining a text gave.
#[derive(Debug)]
pub struct Examined {
    /// The text it is about.
    pub version: i32,
    /// The hunt.
    pub analysis: Analysis,
    /// Its lines.
    pub lines: Lines,
    /// Everything that is to be said; none when only the hunt was needed.
    pub findings: Option<Vec<Finding>>,
}

/// All open texts, by their address.
pub type Documents = HashMap<String, Document>;

impl Document {
    /// Opens a text.
    pub fn new(text: String, version: i32, settings: Arc<Settings>) -> Self {
        let lines = Lines::new(&text);
        Document { text: text.into(), version, lines, settings, examined: None }
    }

    /// Applies changes in their order.
    pub fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        for change in changes {
            let text = match change.range {
                None => change.text,
                Some(range) => {
                    let (start, end) = self.bytes(range);
                    let mut text = String::with_capacity(self.text.len() + change.text.len());
                    text.push_str(self.text.get(..start).unwrap_or_default());
                    text.push_str(&change.text);
                    text.push_str(self.text.get(end..).unwrap_or_default());
                    text
                }
            };
            self.lines = Lines::new(&text);
            self.text = text.into();
        }
        self.version = version;
    }

    /// Returns the byte at a position; positions outside the text are drawn into it.
    pub fn offset(&self, position: Position) -> usize {
        self.lines.offset(&self.text, LineColumn { line: position.line, column: position.character })
    }

    /// Returns the bytes of a range, in order.
    pub fn bytes(&self, range: Range) -> (usize, usize) {
        let (start, end) = (self.offset(range.start), self.offset(range.end));
        (start.min(end), start.max(end))
    }

    /// Returns the place at a position.
    pub fn place(&self, position: Position) -> Place {
        Place { block: 0, offset: self.offset(position) }
    }

    /// Returns the range of some bytes.
    pub fn range(&self, bytes: std::ops::Range<usize>) -> Range {
        range(&self.text, &self.lines, bytes)
    }

    /// Returns the examination of the text as it is now.
    pub fn examine(&mut self) -> Arc<Examined> {
        match &self.examined {
            Some(examined) if examined.version == self.version => Arc::clone(examined),
            _ => {
                let analysis = Analysis::new([&*self.text], self.settings.config.clone());
                let examined =
                    Examined { version: self.version, analysis, lines: self.lines.clone(), findings: None };
                let examined = Arc::new(examined);
                self.examined = Some(Arc::clone(&examined));
                examined
            }
        }
    }
}

/// Returns the range of some bytes of a text.
pub fn range(text: &str, lines: &Lines, bytes: std::ops::Range<usize>) -> Range {
    let position = |offset| {
        let LineColumn { line, column } = lines.place(text, offset);
        Position { line, character: column }
    };
    Range { start: position(bytes.start), end: position(bytes.end) }
}
