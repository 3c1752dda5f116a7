//! Open hunts and their texts, changed as the client types: a huntflow is a hunt of one text, a
//! notebook a hunt of its cells, so that a variable of one cell is known in the next.

use std::{collections::HashMap, sync::Arc};

use kestrel_ir::diagnostic::Span;
use lsp_types::{Location, Position, Range, TextDocumentContentChangeEvent, Uri};

use super::Settings;
use crate::{
    editor::{Analysis, Lines, Place, lines::LineColumn},
    lints::Finding,
    notebook,
};

/// One open hunt.
#[derive(Debug)]
pub struct OpenHunt {
    /// Its texts, in order: the blocks of the hunt.
    pub texts: Vec<OpenText>,
    /// Counts its changes.
    pub state: i64,
    /// What holds for it.
    pub settings: Arc<Settings>,
    /// The latest examination, perhaps of an earlier state.
    pub examined: Option<Arc<Examined>>,
}

/// One open text: a huntflow or a cell.
#[derive(Debug)]
pub struct OpenText {
    /// Its address.
    pub uri: Uri,
    /// What it holds now.
    pub text: Arc<str>,
    /// The client's number of this state.
    pub version: i32,
    /// Its lines.
    pub lines: Lines,
    /// What of it is Kestrel.
    language: Language,
    /// The same as far as it is Kestrel, byte for byte at its place.
    hunt: Arc<str>,
}

/// In which language a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A huntflow.
    Huntflow,
    /// A code cell whose language is Kestrel, unless it starts with `%%`.
    Cell,
    /// A cell of another language: Kestrel if it starts with `%%kestrel`.
    OtherCell,
    /// Nothing that runs.
    Markup,
}

/// What examining a hunt gave.
#[derive(Debug)]
pub struct Examined {
    /// The state it is about.
    pub state: i64,
    /// The texts it is about, as far as they are Kestrel.
    pub texts: Vec<Arc<str>>,
    /// The hunt.
    pub analysis: Analysis,
    /// Everything that is to be said; none when only the hunt was needed.
    pub findings: Option<Vec<Finding>>,
}

/// All open hunts. A huntflow is called by its own address, a notebook by its.
#[derive(Debug, Default)]
pub struct Documents {
    /// By the address of the hunt.
    pub hunts: HashMap<String, OpenHunt>,
    /// The address of the hunt that a text belongs to.
    owners: HashMap<String, String>,
    /// How many hunts have been opened.
    opened: i64,
}

/// A text of an open hunt that a request is about.
#[derive(Debug)]
pub struct Here<'d> {
    /// The hunt.
    pub hunt: &'d mut OpenHunt,
    /// Which of its texts.
    pub block: usize,
}

impl Documents {
    /// Returns how many texts are open.
    pub fn count(&self) -> usize {
        self.owners.len()
    }

    /// Opens a hunt; one of the same address is replaced.
    pub fn open(&mut self, address: &str, mut hunt: OpenHunt) {
        self.close(address);
        // What is still being examined of a hunt that was closed is not taken for one of this.
        self.opened += 1;
        hunt.state = self.opened << 32;
        for text in &hunt.texts {
            self.owners.insert(text.uri.as_str().to_owned(), address.to_owned());
        }
        self.hunts.insert(address.to_owned(), hunt);
    }

    /// Closes a hunt and returns it.
    pub fn close(&mut self, address: &str) -> Option<OpenHunt> {
        let hunt = self.hunts.remove(address)?;
        self.owners.retain(|_, owner| owner != address);
        Some(hunt)
    }

    /// Returns the address of the hunt that a text belongs to.
    pub fn owner(&self, text: &str) -> Option<&str> {
        self.owners.get(text).map(String::as_str)
    }

    /// Finds an open text.
    pub fn find(&mut self, text: &str) -> Option<Here<'_>> {
        let hunt = self.hunts.get_mut(self.owners.get(text)?)?;
        let block = hunt.texts.iter().position(|open| open.uri.as_str() == text)?;
        Some(Here { hunt, block })
    }

    /// Changes which texts a hunt has: `change` gets them and returns those that went.
    pub fn restructure(
        &mut self,
        address: &str,
        change: impl FnOnce(&mut Vec<OpenText>) -> Vec<OpenText>,
    ) -> Vec<OpenText> {
        let Some(hunt) = self.hunts.get_mut(address) else { return Vec::new() };
        let gone = change(&mut hunt.texts);
        hunt.state += 1;
        for text in &gone {
            self.owners.remove(text.uri.as_str());
        }
        for text in &hunt.texts {
            self.owners.insert(text.uri.as_str().to_owned(), address.to_owned());
        }
        gone
    }
}

impl OpenHunt {
    /// Opens a hunt.
    pub fn new(texts: Vec<OpenText>, settings: Arc<Settings>) -> Self {
        OpenHunt { texts, state: 0, settings, examined: None }
    }

    /// Returns true if the texts are cells.
    pub fn is_notebook(&self) -> bool {
        self.texts.iter().any(|text| text.language != Language::Huntflow)
    }

    /// Returns the texts as far as they are Kestrel.
    pub fn blocks(&self) -> Vec<Arc<str>> {
        self.texts.iter().map(|text| Arc::clone(&text.hunt)).collect()
    }

    /// Returns the examination of the hunt as it is now.
    pub fn examine(&mut self) -> Arc<Examined> {
        match &self.examined {
            Some(examined) if examined.state == self.state => Arc::clone(examined),
            _ => {
                let texts = self.blocks();
                let analysis = Analysis::new(texts.iter().map(|text| &**text), self.settings.config.clone());
                let examined = Arc::new(Examined { state: self.state, texts, analysis, findings: None });
                self.examined = Some(Arc::clone(&examined));
                examined
            }
        }
    }

    /// Returns where a span is, in the texts as they are now.
    pub fn location(&self, span: Span) -> Option<Location> {
        let text = self.texts.get(span.source.0 as usize)?;
        Some(Location { uri: text.uri.clone(), range: text.range(span.range()) })
    }
}

impl OpenText {
    /// Opens a text.
    pub fn new(uri: Uri, text: String, version: i32, language: Language) -> Self {
        let mut open = OpenText {
            uri,
            text: Arc::default(),
            version,
            lines: Lines::new(""),
            language,
            hunt: Arc::default(),
        };
        open.set(text);
        open
    }

    fn set(&mut self, text: String) {
        self.lines = Lines::new(&text);
        self.text = text.into();
        self.hunt = match self.is_kestrel() {
            false => Arc::default(),
            true => match self.magic() {
                0 => Arc::clone(&self.text),
                // Blanks in the place of the mark, so that every byte keeps its place.
                magic => {
                    let blank = |c: char| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) };
                    let (mark, rest) = self.text.split_at(magic);
                    (mark.chars().map(blank).collect::<String>() + rest).into()
                }
            },
        };
    }

    /// Says in which language the text is now.
    pub fn set_language(&mut self, language: Language) {
        self.language = language;
        self.set(self.text.to_string());
    }

    /// Returns true if the text is Kestrel.
    pub fn is_kestrel(&self) -> bool {
        match self.language {
            Language::Huntflow => true,
            Language::Cell => notebook::language(&self.text).is_none_or(|language| language == "kestrel"),
            Language::OtherCell => notebook::language(&self.text) == Some("kestrel"),
            Language::Markup => false,
        }
    }

    /// Returns how many bytes the line `%%kestrel` of a cell takes.
    pub fn magic(&self) -> usize {
        match self.language {
            Language::Huntflow | Language::Markup => 0,
            Language::Cell | Language::OtherCell => notebook::mark(&self.text).unwrap_or(0),
        }
    }

    /// Returns the text as far as it is Kestrel, byte for byte at its place.
    pub fn hunt(&self) -> &str {
        &self.hunt
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
            self.set(text);
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

    /// Returns the range of some bytes.
    pub fn range(&self, bytes: std::ops::Range<usize>) -> Range {
        let position = |offset| {
            let LineColumn { line, column } = self.lines.place(&self.text, offset);
            Position { line, character: column }
        };
        Range { start: position(bytes.start), end: position(bytes.end) }
    }
}

impl Here<'_> {
    /// Returns the text.
    pub fn text(&self) -> &OpenText {
        &self.hunt.texts[self.block]
    }

    /// Applies changes to the text.
    pub fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        self.hunt.texts[self.block].change(version, changes);
        self.hunt.state += 1;
    }

    /// Returns the place at a position.
    pub fn place(&self, position: Position) -> Place {
        Place { block: self.block, offset: self.text().offset(position) }
    }

    /// Returns the range of some bytes of the text.
    pub fn range(&self, bytes: std::ops::Range<usize>) -> Range {
        self.text().range(bytes)
    }

    /// Returns the examination of the hunt as it is now.
    pub fn examine(&mut self) -> Arc<Examined> {
        self.hunt.examine()
    }

    /// Returns the latest examination if the texts above are still the same.
    pub fn recent(&self) -> Option<Arc<Examined>> {
        let examined = self.hunt.examined.as_ref()?;
        let above = self.hunt.texts.get(..self.block)?;
        let same = examined.texts.len() > self.block
            && above.iter().zip(&examined.texts).all(|(text, known)| Arc::ptr_eq(&text.hunt, known));
        same.then(|| Arc::clone(examined))
    }
}
