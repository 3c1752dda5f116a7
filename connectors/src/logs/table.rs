//! Delimited text: Zeek's own format, and CSV with a header line.
//!
//! Source: entities specification 10.1, 10.7.

use super::raw::{Fields, Raw};

/// How many columns a header may have.
const COLUMNS: usize = 10_000;

/// What a delimited text has told about itself so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Column names; empty until the header was seen.
    columns: Vec<String>,
    /// Columns whose values are sets or vectors.
    several: Vec<bool>,
    separator: String,
    set_separator: String,
    /// Texts that stand for an empty and for no value; empty outside Zeek logs.
    empty: String,
    unset: String,
    /// The stream of a Zeek log.
    pub(crate) path: Option<String>,
    zeek: bool,
    /// An unfinished row of a CSV.
    open: String,
    /// Its lines.
    open_lines: usize,
}

/// What a line turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A header or comment.
    Form,
    /// The row goes on in the next line.
    More,
    /// A row that does not fit the header.
    Bad,
    /// A row: its cells.
    Row(Vec<String>),
}

/// An unfinished row may be this long.
const ROW: usize = 16 << 20;
/// An unfinished row may have this many lines.
const ROW_LINES: usize = 10_000;

impl Table {
    /// Takes one line, without its line end.
    pub(crate) fn line(&mut self, line: &str) -> Line {
        if self.open.is_empty() {
            if let Some(directive) = line.strip_prefix('#')
                && (self.zeek || self.columns.is_empty() || is_directive(directive))
            {
                self.directive(directive);
                return Line::Form;
            }
            if line.trim().is_empty() {
                return Line::Form;
            }
        }
        if self.zeek {
            let cells: Vec<String> = line.split(self.separator.as_str()).map(str::to_owned).collect();
            return if cells.len() == self.columns.len() { Line::Row(cells) } else { Line::Bad };
        }
        if self.columns.is_empty() && self.open.is_empty() {
            self.separator = if line.contains('\t') { "\t" } else { "," }.to_owned();
        }
        let separator = self.separator.as_bytes().first().copied().unwrap_or(b',');
        let whole = if self.open.is_empty() { line.to_owned() } else { self.go_on(line) };
        let Some(cells) = (!whole.is_empty()).then(|| cells(&whole, separator)).flatten() else {
            if self.open.is_empty() {
                self.open = whole;
            }
            self.open_lines += 1;
            return if self.open.len() > ROW || self.open_lines > ROW_LINES { Line::Bad } else { Line::More };
        };
        self.open_lines = 0;
        if self.columns.is_empty() {
            self.several = vec![false; cells.len()];
            self.columns = cells;
            self.columns.truncate(COLUMNS);
            return Line::Form;
        }
        if cells.len() == self.columns.len() { Line::Row(cells) } else { Line::Bad }
    }

    /// Puts a line behind the unfinished row. Returns the row if that closes its quote, else
    /// nothing: a row is parsed once, however many lines it has.
    fn go_on(&mut self, line: &str) -> String {
        self.open.push('\n');
        self.open.push_str(line);
        let closes = line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
        if closes { std::mem::take(&mut self.open) } else { String::new() }
    }

    /// Gives up the unfinished row; returns how many lines it had.
    pub(crate) fn give_up(&mut self) -> usize {
        self.open.clear();
        std::mem::take(&mut self.open_lines)
    }

    /// Returns the column names.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns a row's fields; absent values are left out.
    pub(crate) fn fields<'a>(&'a self, cells: &'a [String]) -> Fields<'a> {
        let mut fields = Fields::with_capacity(cells.len());
        for ((name, cell), several) in self.columns.iter().zip(cells).zip(&self.several) {
            if cell.is_empty() || self.zeek && (*cell == self.unset || *cell == self.empty) {
                continue;
            }
            let raw = if *several { Raw::Split(cell, &self.set_separator) } else { Raw::Text(cell) };
            fields.push((name, raw));
        }
        fields
    }

    /// Takes a line that starts with `#`.
    fn directive(&mut self, directive: &str) {
        if let Some(separator) = directive.strip_prefix("separator") {
            self.zeek = true;
            self.separator = unescape(separator.trim_start_matches([' ', '\t']));
            if self.separator.is_empty() {
                "\t".clone_into(&mut self.separator);
            }
            self.set_separator = ",".to_owned();
            self.empty = "(empty)".to_owned();
            self.unset = "-".to_owned();
            return;
        }
        if !self.zeek && directive.starts_with("fields") {
            // A log without its first line: tabs are the rule.
            self.directive("separator \\x09");
        }
        let mut parts = directive.split(self.separator.as_str());
        match parts.next() {
            Some("set_separator") => self.set_separator = unescape(parts.next().unwrap_or(",")),
            Some("empty_field") => parts.next().unwrap_or_default().clone_into(&mut self.empty),
            Some("unset_field") => parts.next().unwrap_or_default().clone_into(&mut self.unset),
            Some("path") => self.path = parts.next().map(str::to_owned),
            Some("fields") => {
                self.columns = parts.take(COLUMNS).map(str::to_owned).collect();
                self.several = vec![false; self.columns.len()];
            }
            Some("types") => {
                for (several, kind) in self.several.iter_mut().zip(parts) {
                    *several = kind.starts_with("set[") || kind.starts_with("vector[");
                }
            }
            _ => {}
        }
    }
}

/// Returns true for the header lines that Zeek writes.
fn is_directive(text: &str) -> bool {
    const NAMES: [&str; 9] = [
        "separator",
        "set_separator",
        "empty_field",
        "unset_field",
        "path",
        "open",
        "close",
        "fields",
        "types",
    ];
    NAMES.iter().any(|name| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(['\t', ' '])))
}

/// Reads `\x09`.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 4).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                out.push(char::from(code));
                rest = &rest[at + 4..];
            }
            None => {
                out.push_str("\\x");
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Splits a CSV row; none if a quote is open at its end.
pub(crate) fn cells(row: &str, separator: u8) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = row;
    loop {
        let (cell, after) = match rest.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted, separator)?,
            None => match rest.bytes().position(|byte| byte == separator) {
                Some(at) => (rest[..at].trim().to_owned(), Some(&rest[at + 1..])),
                None => (rest.trim().to_owned(), None),
            },
        };
        cells.push(cell);
        match after {
            Some(after) => rest = after,
            None => return Some(cells),
        }
    }
}

/// Reads a quoted cell behind its opening quote: the text, and what follows the separator.
fn quoted_cell(text: &str, separator: u8) -> Option<(String, Option<&str>)> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"')?;
        cell.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => break,
        }
    }
    match rest.bytes().position(|byte| byte == separator) {
        Some(at) => {
            cell.push_str(rest[..at].trim_end());
            Some((cell, Some(&rest[at + 1..])))
        }
        None => {
            cell.push_str(rest.trim_end());
            Some((cell, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_be_quoted() {
        let row = "a, \"b,\"\"c\" ,,d";
        assert_eq!(cells(row, b','), Some(["a", "b,\"c", "", "d"].map(str::to_owned).to_vec()));
        assert_eq!(cells("\"open", b','), None);
    }

    #[test]
    fn rows_of_a_csv_may_go_on() {
        let mut table = Table::default();
        assert_eq!(table.line("a,b"), Line::Form);
        assert_eq!(table.line("1,\"x"), Line::More);
        assert_eq!(table.line("y\""), Line::Row(["1", "x\ny"].map(str::to_owned).to_vec()));
        assert_eq!(table.line("1"), Line::Bad);
    }

    #[test]
    fn zeek_headers_set_the_form() {
        let mut table = Table::default();
        for line in [
            "#separator \\x09",
            "#set_separator\t,",
            "#path\tdns",
            "#fields\tts\tanswers",
            "#types\ttime\tvector[string]",
        ] {
            assert_eq!(table.line(line), Line::Form);
        }
        let Line::Row(cells) = table.line("1.5\t10.0.0.1,x") else { panic!("a row") };
        assert_eq!(
            format!("{:?}", table.fields(&cells)),
            r#"[("ts", Text("1.5")), ("answers", Split("10.0.0.1,x", ","))]"#
        );
        assert_eq!(table.line("#close\t2020"), Line::Form);
        assert_eq!(table.path.as_deref(), Some("dns"));
    }
}
