//! The formatter: one style for all huntflows, comments kept, meaning unchanged.
//!
//! A statement stands on one line when it fits into [`WIDTH`] columns and holds no
//! comment, else each clause starts a line, indented by two. Statements that were apart
//! stay apart by one empty line. Formatting twice changes nothing the second time.

use kestrel_ir::diagnostic::SourceId;

use crate::parse::{Parsed, parse};
use crate::pieces::{Gap, Piece, pieces};

/// Columns that a line should not exceed.
pub const WIDTH: usize = 100;

/// Returns `text` in the canonical style, or what was parsed when it has errors: a text
/// that cannot be read whole is never rewritten.
pub fn format(text: &str) -> Result<String, Box<Parsed>> {
    let parsed = parse(text, SourceId(0));
    if parsed.has_errors() {
        return Err(Box::new(parsed));
    }
    Ok(Formatter::new(text, &parsed).run())
}

struct Formatter<'f> {
    text: &'f str,
    parsed: &'f Parsed,
    /// The first comment that is not yet printed.
    comment: usize,
    out: String,
    /// Up to where of the text everything is printed.
    done: usize,
}

impl<'f> Formatter<'f> {
    fn new(text: &'f str, parsed: &'f Parsed) -> Self {
        Formatter { text, parsed, comment: 0, out: String::with_capacity(text.len()), done: 0 }
    }

    fn run(mut self) -> String {
        for statement in &self.parsed.ast.statements {
            let start = statement.span.start as usize;
            self.comments_between(start);
            self.empty_line(start);
            let pieces = pieces(statement, self.text);
            self.statement(&pieces, statement.span.end as usize);
            self.done = statement.span.end as usize;
            self.trailing_comment();
            self.end_line();
        }
        self.comments_between(self.text.len());
        self.out
    }

    fn end_line(&mut self) {
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    /// Keeps one empty line where there was at least one before byte `next`.
    fn empty_line(&mut self, next: usize) {
        let gap = self.text.get(self.done..next).unwrap_or_default();
        let lines = gap.replace("\r\n", "\n").matches(['\n', '\r']).count();
        if lines > 1 && !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn next_comment(&self, before: usize) -> Option<(usize, usize)> {
        let comment = self.parsed.comments.get(self.comment)?;
        let range = comment.span.range();
        (range.start < before).then_some((range.start, range.end))
    }

    /// Prints the comments that stand before byte `next`, each on a line of its own.
    fn comments_between(&mut self, next: usize) {
        while let Some((start, end)) = self.next_comment(next) {
            self.empty_line(start);
            self.push_comment(start, end);
            self.end_line();
        }
    }

    /// Prints a comment on the line of the statement it follows.
    fn trailing_comment(&mut self) {
        let Some((start, end)) = self.next_comment(self.text.len()) else { return };
        let same_line =
            self.text.get(self.done..start).is_some_and(|gap| gap.bytes().all(|b| b == b' ' || b == b'\t'));
        if same_line {
            self.out.push_str("  ");
            self.push_comment(start, end);
        }
    }

    fn push_comment(&mut self, start: usize, end: usize) {
        self.out.push_str(self.text.get(start..end).unwrap_or_default().trim_end());
        self.comment += 1;
        self.done = end;
    }

    fn statement(&mut self, pieces: &[Piece], end: usize) {
        let has_comment = self.next_comment(end).is_some();
        let line = one_line(pieces);
        if !has_comment && (line.chars().count() <= WIDTH || !pieces.iter().any(Piece::breaks)) {
            self.out.push_str(&line);
            return;
        }
        for (index, piece) in pieces.iter().enumerate() {
            // A keyword has no place: its comments are those before the next piece that has one.
            let place = pieces.get(index..).unwrap_or_default().iter().find_map(|piece| piece.start);
            let mut fresh = false;
            let indent = match piece.before {
                Gap::Break(indent) | Gap::TightBreak(indent) => indent,
                Gap::Tight | Gap::Blank => 1,
            };
            // Signs stay with what they follow.
            let holds = piece.before == Gap::Tight && piece.start.is_none();
            while let Some((start, comment_end)) =
                place.filter(|_| !holds).and_then(|place| self.next_comment(place as usize))
            {
                if fresh || index == 0 {
                    self.out.push_str(&"  ".repeat(indent));
                } else {
                    self.out.push_str("  ");
                }
                self.push_comment(start, comment_end);
                self.end_line();
                fresh = true;
            }
            match piece.before {
                _ if fresh => self.out.push_str(&"  ".repeat(indent)),
                _ if index == 0 => {}
                Gap::Tight => {}
                Gap::Blank => self.out.push(' '),
                Gap::Break(indent) | Gap::TightBreak(indent) => {
                    self.end_line();
                    self.out.push_str(&"  ".repeat(indent));
                }
            }
            self.out.push_str(&piece.text);
        }
        // Comments inside that no piece came after, as before a closing bracket.
        while let Some((start, comment_end)) = self.next_comment(end) {
            self.out.push_str("  ");
            self.push_comment(start, comment_end);
            self.end_line();
        }
    }
}

impl Piece {
    fn breaks(&self) -> bool {
        matches!(self.before, Gap::Break(_) | Gap::TightBreak(_))
    }
}

fn one_line(pieces: &[Piece]) -> String {
    let mut line = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 && matches!(piece.before, Gap::Blank | Gap::Break(_)) {
            line.push(' ');
        }
        line.push_str(&piece.text);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        let once = format(text).expect("the test's text is valid");
        let twice = format(&once).expect("formatted text is valid");
        assert_eq!(once, twice, "formatting twice changes nothing");
        once
    }

    #[test]
    fn one_style() {
        insta::assert_snapshot!(show("# head\n\n\nx=get process from lab where [ name='a' and pid in (1,2) ] last 5d\n\
            kids = FIND process created_by x disp kids attr name,hashes.SHA-256 sort by pid asc limit 3 # shown\n\
            n = NEW process [{'name':'a','ok':true},{'name':'b'}]"), @r###"
            # head

            x = GET process FROM lab WHERE [name = 'a' AND pid IN (1, 2)] LAST 5 DAYS
            kids = FIND process CREATED BY x
            DISP kids ATTR name, hashes.'SHA-256' SORT BY pid ASC LIMIT 3  # shown
            n = NEW process [{'name': 'a', 'ok': TRUE}, {'name': 'b'}]
            "###);
    }

    #[test]
    fn long_statements_break_at_clauses() {
        insta::assert_snapshot!(show("p = GET process FROM stixbundle://data/one.json, stixbundle://data/two.json WHERE name = 'powershell.exe' AND (command_line LIKE '%-enc%' OR parent_ref.name IN ('winword.exe', 'excel.exe')) START t'2021-04-03T00:00:00Z' STOP '2021-04-04T00:00:00Z' LIMIT 5"), @r###"
        p = GET process
          FROM stixbundle://data/one.json, stixbundle://data/two.json
          WHERE name = 'powershell.exe'
            AND (command_line LIKE '%-enc%'
              OR parent_ref.name IN ('winword.exe', 'excel.exe'))
          START 2021-04-03T00:00:00Z STOP 2021-04-04T00:00:00Z
          LIMIT 5
        "###);
    }

    #[test]
    fn comments_stay_beside_their_neighbours() {
        insta::assert_snapshot!(show("hits = GET process # type\n FROM lab # source\n WHERE # pattern\n name = 'a#b' # the hash inside the quotes is data\n AND pid = 7 # last\n# alone\nDISP hits ATTR name, # first\n pid\nn = NEW process [ 'a', # one\n 'b' # two\n]\n# end"), @r###"
        hits = GET process  # type
          FROM lab  # source
          # pattern
          WHERE name = 'a#b'  # the hash inside the quotes is data
            AND pid = 7  # last
        # alone
        DISP hits
          ATTR name,  # first
            pid
        n = NEW process [
          'a',  # one
          'b'  # two
        ]
        # end
        "###);
    }
}
