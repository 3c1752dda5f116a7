//! A file that holds huntflows: a huntflow itself or a huntbook. Examines, repairs and formats it
//! alike, and knows where its texts stand in the file.

use kestrel_ir::diagnostic::{Diagnostic, LineIndex, Position, SourceId, Span};

use crate::{
    config::Config,
    format,
    hunt::Hunt,
    notebook::{self, Notebook},
    parse,
};

/// A file with one or more blocks.
#[derive(Debug, Clone)]
pub struct Document<'b> {
    bytes: &'b [u8],
    content: Content,
    /// Lines of the file itself, for notebooks.
    lines: Option<(String, LineIndex)>,
}

#[derive(Debug, Clone)]
enum Content {
    Huntflow,
    Notebook(Notebook),
    /// Cannot be read at all.
    Broken(Box<Diagnostic>),
}

impl<'b> Document<'b> {
    /// Reads a file; names that end in `.ipynb` are huntbooks.
    pub fn read(name: &str, bytes: &'b [u8]) -> Self {
        if !is_notebook(name) {
            return Document { bytes, content: Content::Huntflow, lines: None };
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        let index = LineIndex::new(&text);
        let content = match notebook::read(bytes) {
            Ok(notebook) => Content::Notebook(notebook),
            Err(broken) => Content::Broken(broken),
        };
        Document { bytes, content, lines: Some((text, index)) }
    }

    /// Parses and resolves every block.
    pub fn examine(&self, config: &Config) -> Hunt {
        match &self.content {
            Content::Huntflow => Hunt::of_bytes(self.bytes, config),
            Content::Notebook(notebook) => {
                let mut hunt = Hunt::default();
                for cell in &notebook.cells {
                    hunt.add_text(&cell.text, config);
                }
                hunt
            }
            Content::Broken(broken) => {
                let mut hunt = Hunt::of_text("", config);
                if let (Some(block), Some((text, _))) = (hunt.blocks.first_mut(), &self.lines) {
                    block.text.clone_from(text);
                }
                hunt.diagnostics.push((**broken).clone());
                hunt
            }
        }
    }

    /// Returns the number of the cell that a block is, in huntbooks.
    pub fn cell(&self, source: SourceId) -> Option<u32> {
        match &self.content {
            Content::Notebook(notebook) => notebook.cells.get(source.0 as usize).map(|cell| cell.number),
            _ => None,
        }
    }

    /// Returns where in the file a line and column of a block lie. In huntbooks the column is
    /// approximate: escapes make it differ.
    pub fn in_file(&self, source: SourceId, position: Position) -> Position {
        let (Content::Notebook(notebook), Some((text, index))) = (&self.content, &self.lines) else {
            return position;
        };
        let Some(cell) = notebook.cells.get(source.0 as usize) else { return position };
        let start = index.position(text, cell.file_offset(position.line));
        Position { line: start.line, column: start.column + position.column - 1 }
    }

    /// Returns the cells of other languages that were skipped.
    pub fn skipped(&self) -> &[u32] {
        match &self.content {
            Content::Notebook(notebook) => &notebook.skipped,
            _ => &[],
        }
    }

    /// Returns the file with new texts for its blocks; every other byte stays.
    pub fn with_texts(&self, texts: &[String]) -> Vec<u8> {
        match &self.content {
            Content::Notebook(notebook) => notebook::write(self.bytes, notebook, texts),
            Content::Broken(_) => self.bytes.to_vec(),
            Content::Huntflow => {
                let Some(text) = texts.first().filter(|_| std::str::from_utf8(self.bytes).is_ok()) else {
                    return self.bytes.to_vec();
                };
                let mark: &[u8] = "\u{feff}".as_bytes();
                let mut out = self.bytes.strip_prefix(mark).map_or(Vec::new(), |_| mark.to_vec());
                out.extend_from_slice(text.as_bytes());
                out
            }
        }
    }

    /// Returns the file in the canonical style, or the hunt with what is wrong in it: a file that
    /// cannot be read whole is never rewritten. Line ends stay CRLF where the first one is.
    pub fn format(&self) -> Result<Vec<u8>, Box<Hunt>> {
        let hunt = || Box::new(self.examine(&Config::default()));
        match &self.content {
            Content::Broken(_) => Err(hunt()),
            Content::Huntflow => {
                let Ok(text) = parse::decode(self.bytes, SourceId(0)) else { return Err(hunt()) };
                let formatted = format::format(text).map_err(|_| hunt())?;
                Ok(self.with_texts(&[with_line_ends(formatted, text)]))
            }
            Content::Notebook(notebook) => {
                let mut texts = Vec::new();
                for cell in &notebook.cells {
                    let mut formatted = format::format(&cell.text).map_err(|_| hunt())?;
                    formatted.truncate(formatted.trim_end_matches('\n').len());
                    texts.push(with_line_ends(formatted, &cell.text));
                }
                Ok(self.with_texts(&texts))
            }
        }
    }

    /// As [`Document::format`], but changes only statements of a huntflow that touch these bytes.
    pub fn format_range(&self, range: std::ops::Range<usize>) -> Result<Vec<u8>, Box<Hunt>> {
        let hunt = || Box::new(self.examine(&Config::default()));
        let (Content::Huntflow, Ok(text)) = (&self.content, parse::decode(self.bytes, SourceId(0))) else {
            return Err(hunt());
        };
        let mark = self.bytes.len() - text.len();
        let (from, to) = (range.start.saturating_sub(mark), range.end.saturating_sub(mark));
        let parsed = parse::parse(text, SourceId(0));
        if parsed.has_errors() {
            return Err(hunt());
        }
        let touched = |span: &Span| (span.start as usize) < to.max(from + 1) && span.end as usize > from;
        let spans = || parsed.ast.statements.iter().map(|statement| statement.span).filter(touched);
        let (Some(first), Some(last)) = (spans().next(), spans().next_back()) else {
            return Ok(self.bytes.to_vec());
        };
        let (start, mut end) = (first.start as usize, last.end as usize);
        // A comment behind the last statement belongs to it.
        let rest = text.get(end..).unwrap_or_default();
        let line = rest.split(['\n', '\r']).next().unwrap_or(rest);
        if line.trim_start().starts_with('#') {
            end += line.len();
        }
        let part = text.get(start..end).unwrap_or_default();
        let formatted = format::format(part).map_err(|_| hunt())?;
        let formatted = with_line_ends(formatted.trim_end_matches('\n').to_owned(), text);
        let (before, after) = (text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default());
        // Statements that shared a line no longer do.
        let line_start = before.rsplit(['\n', '\r']).next().unwrap_or(before);
        let lead = if line_start.trim().is_empty() { "" } else { "\n" };
        let before = if lead.is_empty() {
            before.get(..before.len() - line_start.len()).unwrap_or(before)
        } else {
            before.trim_end_matches([' ', '\t'])
        };
        let line_end = after.split(['\n', '\r']).next().unwrap_or(after);
        let tail = if line_end.trim().is_empty() { "" } else { "\n" };
        let after = if tail.is_empty() { after } else { after.trim_start_matches([' ', '\t']) };
        Ok(self.with_texts(&[format!("{before}{lead}{formatted}{tail}{after}")]))
    }
}

/// Returns true for names of huntbooks.
pub fn is_notebook(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("ipynb"))
}

/// Gives a formatted text the line ends of the original.
fn with_line_ends(formatted: String, original: &str) -> String {
    let first = original.find('\n').and_then(|at| original.get(..at));
    match first {
        Some(line) if line.ends_with('\r') => formatted.replace("\r\n", "\n").replace('\n', "\r\n"),
        _ => formatted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_leaves_the_rest_alone() {
        let text = "a=b  # one\nc=d  DISP c   # two\ne=f\n";
        let document = Document::read("x.hf", text.as_bytes());
        let show = |from: &str| {
            let at = text.find(from).unwrap();
            String::from_utf8(document.format_range(at..at + 1).unwrap()).unwrap()
        };
        assert_eq!(show("a=b"), "a = b  # one\nc=d  DISP c   # two\ne=f\n");
        assert_eq!(show("c=d"), "a=b  # one\nc = d\nDISP c   # two\ne=f\n");
        assert_eq!(show("DISP"), "a=b  # one\nc=d\nDISP c  # two\ne=f\n");
        assert_eq!(show("# one"), text);
    }

    #[test]
    fn marks_and_line_ends_stay() {
        let document = Document::read("x.hf", "\u{feff}x=y\r\nDISP x".as_bytes());
        assert_eq!(document.format().unwrap(), "\u{feff}x = y\r\nDISP x\r\n".as_bytes());
    }
}
