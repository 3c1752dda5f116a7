//! Lines as editors count them: from 0, columns in UTF-16 code units.

/// A place as editors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LineColumn {
    /// Line, from 0. LF, CRLF and a lone CR end a line.
    pub line: u32,
    /// Column, from 0, in UTF-16 code units.
    pub column: u32,
}

/// Finds places in one text; the text itself is passed with each question.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    /// Reads the line ends of a text.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends_line {
                starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
            }
        }
        Lines { starts }
    }

    /// Returns the byte of a place. Places behind the end of a line mean its end, lines behind the
    /// last one the end of the text, and a place inside a character its start.
    pub fn offset(&self, text: &str, place: LineColumn) -> usize {
        let line = place.line as usize;
        let Some(start) = self.starts.get(line).map(|start| *start as usize) else { return text.len() };
        let end = self.starts.get(line + 1).map_or(text.len(), |end| *end as usize);
        let line = text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']);
        let mut units = 0;
        for (at, character) in line.char_indices() {
            units += u32::try_from(character.len_utf16()).unwrap_or(1);
            if units > place.column {
                return start + at;
            }
        }
        start + line.len()
    }

    /// Returns the place of a byte.
    pub fn place(&self, text: &str, offset: usize) -> LineColumn {
        let offset = offset.min(text.len());
        let line = self.starts.partition_point(|start| *start as usize <= offset).saturating_sub(1);
        let start = self.starts.get(line).map_or(0, |start| *start as usize);
        let before = text.get(start..offset).unwrap_or_default();
        let column = if before.is_ascii() { before.len() } else { before.encode_utf16().count() };
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        LineColumn { line: number(line), column: number(column) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_and_wrong_places_are_drawn_in() {
        let text = "aé€😀b\r\nc\rd\n";
        let lines = Lines::new(text);
        for (offset, character) in text.char_indices().filter(|(_, c)| !['\r', '\n'].contains(c)) {
            let place = lines.place(text, offset);
            assert_eq!(lines.offset(text, place), offset, "{character}");
        }
        let at = |line, column| lines.offset(text, LineColumn { line, column });
        let b = text.find('b').unwrap();
        assert_eq!(lines.place(text, b), LineColumn { line: 0, column: 5 });
        assert_eq!(at(0, 4), text.find('😀').unwrap(), "inside a surrogate pair");
        assert_eq!(at(0, 99), b + 1);
        assert_eq!(at(2, 0), text.find('d').unwrap());
        assert_eq!(at(3, 7), text.len());
        assert_eq!(at(u32::MAX, u32::MAX), text.len());
    }
}
