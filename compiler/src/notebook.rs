//! Huntbooks (`.ipynb`): finds the code cells with their places in the file, and puts changed
//! cells back so that every other byte stays as it was.
//!
//! Cells of other languages are left alone: markdown, cells that start with `%%` (except
//! `%%kestrel`), and every cell without that mark when the notebook's kernel is not Kestrel's.

use kestrel_ir::diagnostic::{Code, Diagnostic, SourceId, Span};
use serde::de::IgnoredAny;

/// A notebook with its code cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notebook {
    /// The Kestrel cells, in order.
    pub cells: Vec<Cell>,
    /// Cells of other languages, by number from 1.
    pub skipped: Vec<u32>,
}

/// One code cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Its number among all cells of the notebook, from 1.
    pub number: u32,
    /// Its text.
    pub text: String,
    /// Bytes of the value of `source` in the file.
    source: std::ops::Range<usize>,
    /// For each line of the text, the byte at which it starts in the file.
    lines: Vec<usize>,
    /// How many bytes of the source come before the text: the line `%%kestrel`.
    magic: usize,
    /// How the value of `source` is written.
    layout: Layout,
}

/// How the lines of a cell are written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Layout {
    /// One string.
    Text,
    /// A list of strings with what stands before the first, between two and behind the last.
    Lines { before: String, between: String, after: String },
}

impl Cell {
    /// Returns the byte of the file at which a line of the cell (from 1) starts.
    pub fn file_offset(&self, line: u32) -> usize {
        let at = (line.max(1) as usize - 1).min(self.lines.len().saturating_sub(1));
        self.lines.get(at).copied().unwrap_or(self.source.start)
    }
}

/// Reads a notebook, or says why it is none; the diagnostic points into the bytes as text.
pub fn read(bytes: &[u8]) -> Result<Notebook, Box<Diagnostic>> {
    let wrong = |at: usize, message: String| {
        let at = at.min(bytes.len());
        Box::new(
            Diagnostic::new(Code::E0702, message)
                .at(Span::new(SourceId(0), at, at))
                .help("open and save it with Jupyter, or check the huntflow as an `.hf` file"),
        )
    };
    let start = if bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    let text = std::str::from_utf8(bytes)
        .map_err(|error| wrong(error.valid_up_to(), "the notebook is not valid UTF-8".to_owned()))?;
    let body = text.get(start..).unwrap_or_default();
    serde_json::from_str::<IgnoredAny>(body).map_err(|error| {
        let offset = offset_of(body, error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or("it cannot be read").to_owned();
        wrong(start + offset, format!("the notebook is no valid JSON: {message}"))
    })?;
    let mut scanner = Scanner { text, at: start };
    let found = scanner.notebook().ok_or_else(|| {
        wrong(start, "this is no notebook: it has no list of cells (format 4 is needed)".to_owned())
    })?;
    let mut notebook = Notebook::default();
    for (index, raw) in found.cells.into_iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let Some(source) = raw.source.filter(|_| raw.cell_type == "code") else { continue };
        let language = language(&source.text);
        let marked = language == Some("kestrel");
        let other = language.is_some() || !found.is_kestrel;
        if other && !marked {
            notebook.skipped.push(number);
            continue;
        }
        let mut cell = Cell {
            number,
            text: source.text,
            source: source.range,
            lines: source.lines,
            magic: 0,
            layout: source.layout,
        };
        if let Some(end) = mark(&cell.text) {
            let lines = cell.text.get(..end).unwrap_or_default().matches('\n').count();
            cell.lines.drain(..lines.min(cell.lines.len().saturating_sub(1)));
            cell.text.drain(..end);
            cell.magic = end;
        }
        notebook.cells.push(cell);
    }
    Ok(notebook)
}

/// Returns the language that a cell names in its first line: `bash` for `%%bash`.
pub fn language(cell: &str) -> Option<&str> {
    let first = cell.trim_start().split('\n').next().unwrap_or_default();
    Some(first.strip_prefix("%%")?.split(' ').next().unwrap_or_default().trim())
}

/// Returns where the text begins in a cell that is marked with `%%kestrel`.
pub fn mark(cell: &str) -> Option<usize> {
    (language(cell)? == "kestrel").then_some(())?;
    let mark = cell.find("%%")?;
    Some(cell.get(mark..)?.find('\n').map_or(cell.len(), |end| mark + end + 1))
}

/// Returns the bytes with new texts for the cells; cells whose text is unchanged keep their bytes.
pub fn write(bytes: &[u8], notebook: &Notebook, texts: &[String]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for (cell, text) in notebook.cells.iter().zip(texts) {
        if *text == cell.text {
            continue;
        }
        let old = bytes.get(cell.source.clone()).unwrap_or_default();
        out.extend_from_slice(bytes.get(done..cell.source.start).unwrap_or_default());
        // Notebooks written with escapes for everything beyond ASCII stay so.
        let ascii = old.is_ascii() && old.windows(2).any(|pair| pair == b"\\u");
        let magic = magic_line(old, cell.magic);
        // A cell of the mark alone has no line end behind it yet.
        let end = if magic.is_empty() || magic.ends_with('\n') { "" } else { "\n" };
        let whole = format!("{magic}{end}{text}");
        out.extend_from_slice(encode(&whole, &cell.layout, ascii).as_bytes());
        done = cell.source.end;
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
    out
}

/// Returns the first bytes of the cell's source, decoded.
fn magic_line(source: &[u8], length: usize) -> String {
    let Ok(text) = std::str::from_utf8(source) else { return String::new() };
    let mut scanner = Scanner { text, at: 0 };
    let decoded = scanner.source().map(|source| source.text).unwrap_or_default();
    decoded.get(..length).unwrap_or_default().to_owned()
}

fn encode(text: &str, layout: &Layout, ascii: bool) -> String {
    match layout {
        Layout::Text => json_string(text, ascii),
        Layout::Lines { before, between, after } => {
            let lines: Vec<String> =
                text.split_inclusive('\n').map(|line| json_string(line, ascii)).collect();
            if lines.is_empty() {
                return "[]".to_owned();
            }
            format!("[{before}{}{after}]", lines.join(between))
        }
    }
}

fn json_string(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if ascii && !c.is_ascii() => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

/// What stands in the file.
struct Raw {
    cells: Vec<RawCell>,
    is_kestrel: bool,
}

#[derive(Default)]
struct RawCell {
    cell_type: String,
    source: Option<RawSource>,
}

struct RawSource {
    range: std::ops::Range<usize>,
    text: String,
    lines: Vec<usize>,
    layout: Layout,
}

/// Walks through JSON that is known to be valid. Values that do not matter are skipped without
/// recursion.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.blanks();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Calls `each` with every key of an object; it has to read the value.
    fn object(&mut self, mut each: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        if !self.take(b'{') {
            return None;
        }
        while !self.take(b'}') {
            self.take(b',');
            self.blanks();
            let (key, _) = self.string()?;
            if !self.take(b':') {
                return None;
            }
            self.blanks();
            each(self, &key)?;
        }
        Some(())
    }

    fn notebook(&mut self) -> Option<Raw> {
        let mut cells = None;
        // Without a word about the kernel the notebook is taken for Kestrel's.
        let mut language: Option<String> = None;
        self.object(|scanner, key| match key {
            "cells" if scanner.peek() == Some(b'[') => {
                cells = Some(scanner.cells()?);
                Some(())
            }
            "metadata" if scanner.peek() == Some(b'{') => scanner.object(|scanner, key| match key {
                "kernelspec" | "language_info" if scanner.peek() == Some(b'{') => {
                    scanner.object(|scanner, key| match key {
                        "name" | "language" if scanner.peek() == Some(b'"') => {
                            let (value, _) = scanner.string()?;
                            let value = value.to_ascii_lowercase();
                            if language.as_deref() != Some("kestrel") {
                                language = Some(if value.contains("kestrel") {
                                    "kestrel".to_owned()
                                } else {
                                    value
                                });
                            }
                            Some(())
                        }
                        _ => scanner.skip(),
                    })
                }
                _ => scanner.skip(),
            }),
            _ => scanner.skip(),
        })?;
        let is_kestrel = language.is_none_or(|language| language == "kestrel");
        Some(Raw { cells: cells?, is_kestrel })
    }

    fn cells(&mut self) -> Option<Vec<RawCell>> {
        let mut cells = Vec::new();
        self.take(b'[');
        while !self.take(b']') {
            self.take(b',');
            self.blanks();
            let mut cell = RawCell::default();
            if self.peek() == Some(b'{') {
                self.object(|scanner, key| match key {
                    "cell_type" if scanner.peek() == Some(b'"') => {
                        cell.cell_type = scanner.string()?.0;
                        Some(())
                    }
                    "source" => {
                        let before = scanner.at;
                        match scanner.source() {
                            Some(source) => cell.source = Some(source),
                            None => {
                                scanner.at = before;
                                scanner.skip()?;
                            }
                        }
                        Some(())
                    }
                    _ => scanner.skip(),
                })?;
            } else {
                self.skip()?;
            }
            cells.push(cell);
        }
        Some(cells)
    }

    /// Reads a string or a list of strings.
    fn source(&mut self) -> Option<RawSource> {
        let start = self.at;
        let mut text = String::new();
        let mut lines = Vec::new();
        let layout = match self.peek()? {
            b'"' => {
                let (value, starts) = self.string()?;
                text = value;
                lines = starts;
                Layout::Text
            }
            b'[' => {
                self.at += 1;
                let (mut before, mut between) = (String::new(), ", ".to_owned());
                let mut count = 0;
                let after = loop {
                    let gap = self.at;
                    self.blanks();
                    if self.take(b',') {
                        self.blanks();
                    }
                    let blanks = self.text.get(gap..self.at)?.to_owned();
                    if self.peek() == Some(b']') {
                        self.at += 1;
                        break blanks;
                    }
                    match count {
                        0 => {
                            between = if blanks.is_empty() { between } else { format!(",{blanks}") };
                            before = blanks;
                        }
                        1 => between = blanks,
                        _ => {}
                    }
                    let (value, starts) = self.string()?;
                    // The end of a string is no new line; the start of the next one may be.
                    if text.is_empty() || text.ends_with('\n') {
                        lines.pop();
                        lines.extend(starts);
                    } else {
                        lines.extend(starts.into_iter().skip(1));
                    }
                    text.push_str(&value);
                    count += 1;
                };
                Layout::Lines { before, between, after }
            }
            _ => return None,
        };
        // The last line is empty when the text ends in a line break.
        Some(RawSource { range: start..self.at, text, lines, layout })
    }

    /// Reads a string; returns it with the byte at which each of its lines starts.
    fn string(&mut self) -> Option<(String, Vec<usize>)> {
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        let mut value = String::new();
        let mut lines = vec![self.at];
        loop {
            let rest = self.text.get(self.at..)?;
            let plain = rest.find(['"', '\\'])?;
            value.push_str(rest.get(..plain)?);
            self.at += plain;
            if self.peek()? == b'"' {
                self.at += 1;
                return Some((value, lines));
            }
            let escape = *self.text.as_bytes().get(self.at + 1)?;
            self.at += 2;
            match escape {
                b'n' => {
                    value.push('\n');
                    lines.push(self.at);
                }
                b't' => value.push('\t'),
                b'r' => value.push('\r'),
                b'b' => value.push('\u{8}'),
                b'f' => value.push('\u{c}'),
                b'u' => {
                    let high = self.hex()?;
                    let decoded = match char::from_u32(high) {
                        Some(c) => Some(c),
                        None if self.text.get(self.at..self.at + 2) == Some("\\u") => {
                            self.at += 2;
                            let low = self.hex()?;
                            char::decode_utf16([u16::try_from(high).ok()?, u16::try_from(low).ok()?])
                                .next()
                                .and_then(Result::ok)
                        }
                        None => None,
                    };
                    value.push(decoded.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                other => value.push(char::from(other)),
            }
        }
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Skips one value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.blanks();
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                _ => {
                    while self.peek().is_some_and(|byte| {
                        !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace()
                    }) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..)?;
            self.at += rest.find(['"', '\\'])?;
            if self.peek()? == b'"' {
                self.at += 1;
                return Some(());
            }
            // The escaped byte may start a character of several bytes only in invalid JSON.
            self.at += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = r##"{
 "cells": [
  {"cell_type": "markdown", "source": ["# Hunt\n"]},
  {
   "cell_type": "code",
   "execution_count": 1,
   "outputs": [{"text": ["x = \"}]"]}],
   "source": [
    "x = y   # Zo\u00eb\n",
    "\n",
    "DISP x"
   ]
  },
  {"cell_type": "code", "source": "%%bash\nls"},
  {"cell_type": "code", "source": "a = 'q\"b'\nb = c"}
 ],
 "metadata": {"kernelspec": {"name": "kestrel", "language": "kestrel"}}, "nbformat": 4
}
"##;

    #[test]
    fn cells_are_found_with_their_places() {
        let book = read(BOOK.as_bytes()).unwrap();
        assert_eq!(book.skipped, [3]);
        let texts: Vec<_> = book.cells.iter().map(|cell| (cell.number, cell.text.as_str())).collect();
        assert_eq!(texts, [(2, "x = y   # Zoë\n\nDISP x"), (4, "a = 'q\"b'\nb = c")]);
        assert!(BOOK[book.cells[0].file_offset(3)..].starts_with("DISP x"));
        assert!(BOOK[book.cells[1].file_offset(2)..].starts_with("b = c"));
    }

    #[test]
    fn writing_changes_nothing_else() {
        let book = read(BOOK.as_bytes()).unwrap();
        let same: Vec<String> = book.cells.iter().map(|cell| cell.text.clone()).collect();
        assert_eq!(write(BOOK.as_bytes(), &book, &same), BOOK.as_bytes());
        let texts = ["x = y  # Zoë\nDISP x\n".to_owned(), "a = '\"\\'\n".to_owned()];
        let out = String::from_utf8(write(BOOK.as_bytes(), &book, &texts)).unwrap();
        let expected = BOOK
            .replace(
                "    \"x = y   # Zo\\u00eb\\n\",\n    \"\\n\",\n    \"DISP x\"",
                "    \"x = y  # Zo\\u00eb\\n\",\n    \"DISP x\\n\"",
            )
            .replace(r#""a = 'q\"b'\nb = c""#, r#""a = '\"\\'\n""#);
        assert_eq!(out, expected);
        let again = read(out.as_bytes()).unwrap();
        assert_eq!(again.cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn other_kernels_need_the_mark() {
        let text = r#"{"metadata":{"kernelspec":{"name":"python3","language":"python"}},"cells":[
            {"cell_type":"code","source":["import x"]},{"cell_type":"code","source":["%%kestrel\n","x = y\n"]}]}"#;
        let book = read(text.as_bytes()).unwrap();
        assert_eq!((book.skipped.as_slice(), book.cells[0].text.as_str()), (&[1][..], "x = y\n"));
        let out = write(text.as_bytes(), &book, &["z = y\n".to_owned()]);
        assert_eq!(String::from_utf8(out).unwrap(), text.replace("x = y", "z = y"));
    }

    /// Found by fuzzing: a text went into the line of the mark.
    #[test]
    fn a_mark_alone_gets_a_line_end() {
        let text = r#"{"cells":[{"cell_type":"code","source":"%%kestrel T 9"}]}"#;
        let book = read(text.as_bytes()).unwrap();
        assert_eq!(book.cells[0].text, "");
        let out = write(text.as_bytes(), &book, &["x = y".to_owned()]);
        assert_eq!(String::from_utf8(out.clone()).unwrap(), text.replace("T 9", "T 9\\nx = y"));
        assert_eq!(read(&out).unwrap().cells[0].text, "x = y");
    }

    #[test]
    fn broken_notebooks_are_diagnostics() {
        let wrong = |bytes: &[u8]| read(bytes).expect_err("broken").message;
        insta::assert_snapshot!(wrong(b"{\"cells\": [}"), @"the notebook is no valid JSON: expected value");
        insta::assert_snapshot!(wrong(b"[]"), @"this is no notebook: it has no list of cells (format 4 is needed)");
        insta::assert_snapshot!(wrong(b"{\"cells\": \"\xff\"}"), @"the notebook is not valid UTF-8");
        let deep = format!("{{\"cells\": {}", "[".repeat(100_000));
        assert!(wrong(deep.as_bytes()).contains("no valid JSON"));
        assert!(wrong(b"").contains("EOF"));
    }
}
