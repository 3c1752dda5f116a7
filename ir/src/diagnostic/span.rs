//! Places in source text: byte spans, and the line and column people count in.

use serde::{Deserialize, Serialize};

/// Which of the session's source texts a span lies in, in the order they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// A half-open range of bytes in one source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// The text it lies in.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Makes a span of `source` from byte `start` up to, not including, byte `end`.
    ///
    /// Offsets beyond 4 GiB are cut to the largest offset; the compiler refuses such
    /// texts before it makes spans.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { source, start: cut(start), end: cut(end) }
    }

    /// Returns the smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Returns the byte range, for slicing the source text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place as people count it: both numbers start at 1, columns count Unicode scalar values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1. LF, CRLF and a lone CR end a line.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// Finds lines and columns in one text without scanning it again for each question.
#[derive(Debug, Clone)]
pub struct LineIndex {
    /// Byte offset at which each line starts.
    starts: Vec<usize>,
    /// Places within long lines, in order: byte offset and characters before it in its line. With
    /// them a column costs the same however long the line is.
    marks: Vec<(usize, u32)>,
}

/// Bytes of a line between two marks.
const MARK_EVERY: usize = 1024;

impl LineIndex {
    /// Reads the line ends of `text`.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        let mut marks = Vec::new();
        // Where the line or the piece of it starts, and the characters of the line before that.
        let (mut piece, mut characters) = (0, 0);
        for (at, byte) in bytes.iter().enumerate() {
            if at - piece >= MARK_EVERY
                && let Some(text) = text.get(piece..at)
            {
                characters += u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
                piece = at;
                marks.push((at, characters));
            }
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends_line {
                starts.push(at + 1);
                (piece, characters) = (at + 1, 0);
            }
        }
        LineIndex { starts, marks }
    }

    /// Returns the position of byte `offset` of `text`, the text the index was made from.
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let offset = offset.min(text.len());
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts[line];
        let mark = self.marks.partition_point(|(at, _)| *at <= offset).checked_sub(1);
        let mark = mark.and_then(|index| self.marks.get(index)).filter(|(at, _)| *at >= start);
        let (from, characters) = mark.map_or((start, 0), |(at, characters)| (*at, *characters as usize));
        let before = text.get(from..offset).unwrap_or_default();
        let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Position { line: count(line), column: count(characters + before.chars().count()) }
    }

    /// Returns the byte at which line `line` (from 1) starts; the end for lines there are not.
    pub fn line_start(&self, line: u32) -> usize {
        let line = (line.max(1) - 1) as usize;
        self.starts.get(line).or(self.starts.last()).copied().unwrap_or(0)
    }

    /// Returns line `line` (from 1) of `text` without its line end.
    pub fn line<'t>(&self, text: &'t str, line: u32) -> &'t str {
        let line = (line.max(1) - 1) as usize;
        let Some(start) = self.starts.get(line).copied() else { return "" };
        let end = self.starts.get(line + 1).copied().unwrap_or(text.len());
        text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// Returns how many lines there are; an empty text has one.
    pub fn lines(&self) -> usize {
        self.starts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_long_lines() {
        let line = "aé€".repeat(3_000);
        let text = format!("first\n{line}\r\nlast {line}");
        let index = LineIndex::new(&text);
        for (at, _) in text.char_indices().step_by(97) {
            let before = &text[..at];
            let start = before.rfind('\n').map_or(0, |end| end + 1);
            let expected = before[start..].chars().count() + 1;
            assert_eq!(index.position(&text, at).column as usize, expected, "{at}");
        }
    }

    #[test]
    fn columns_count_characters_and_every_line_end_counts() {
        let text = "é = y\r\nab\rc\nd";
        let index = LineIndex::new(text);
        let at = |needle: &str| index.position(text, text.find(needle).expect("in the text"));
        assert_eq!(at("é"), Position { line: 1, column: 1 });
        assert_eq!(at("="), Position { line: 1, column: 3 });
        assert_eq!(at("ab"), Position { line: 2, column: 1 });
        assert_eq!(at("c"), Position { line: 3, column: 1 });
        assert_eq!(at("d"), Position { line: 4, column: 1 });
        assert_eq!(index.position(text, text.len()), Position { line: 4, column: 2 });
        assert_eq!(index.line(text, 2), "ab");
        assert_eq!(index.line(text, 9), "");
    }
}
