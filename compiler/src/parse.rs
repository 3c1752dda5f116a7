//! Parsing that never fails: statements that can be read, and a diagnostic for each mistake.
//!
//! After a syntax error the parser goes on at the next place where a statement can
//! start: a word followed by `=`, or a command keyword at the start of a line. What
//! stood complete before the error is kept. Time and memory are linear in the text,
//! also when every statement is wrong.

use kestrel_ir::diagnostic::{Code, Diagnostic, SourceId, Span};
use lalrpop_util::ParseError;
use serde::Serialize;

use crate::ast::{Broken, Huntflow, Name};
use crate::builder::Builder;
use crate::grammar::HuntflowParser;
use crate::lexer::{self, LexError, Lexed};
use crate::token::{Kind, Token};
use crate::{check, classify, syntax_error};

/// The largest text that is read, in bytes.
pub const MAX_TEXT: usize = 64 << 20;

/// After so many syntax errors reading stops.
pub const MAX_ERRORS: usize = 500;

/// What a text holds.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The statements that could be read.
    pub ast: Huntflow,
    /// All comments, in order.
    pub comments: Vec<Comment>,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// Returns true if some diagnostic is an error; such a text must not be run.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// `#` to the end of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// With the `#`, without the line end.
    pub span: Span,
}

/// Reads a text. Spans count bytes of `text` and carry `source`.
pub fn parse(text: &str, source: SourceId) -> Parsed {
    if text.len() > MAX_TEXT {
        let diagnostic =
            Diagnostic::new(Code::E0116, format!("the text has {} bytes, more than 64 MiB", text.len()))
                .at(Span::new(source, 0, 0))
                .help("is it a huntflow? data belongs into a bundle or a file that `LOAD` reads");
        return Parsed { diagnostics: vec![diagnostic], ..Parsed::default() };
    }
    let mut lexed = lexer::lex(text);
    skip_byte_order_mark(text, &mut lexed);
    let mut reader = Reader {
        text,
        source,
        lexed: &lexed,
        builder: Builder::new(text, source, &lexed.tokens),
        diagnostics: Vec::new(),
        broken: Vec::new(),
    };
    reader.read();
    let Reader { builder, mut diagnostics, broken, .. } = reader;
    let ast = Huntflow { statements: builder.statements, broken };
    diagnostics.extend(builder.diagnostics);
    check::check(text, &ast, &mut diagnostics);
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.map_or(0, |span| span.start));
    let comments = lexed
        .comments
        .iter()
        .map(|(start, end)| Comment { span: Span::new(source, *start as usize, *end as usize) })
        .collect();
    Parsed { ast, comments, diagnostics }
}

/// Reads the bytes of a file: decodes them, then parses. Returns the text that spans refer to.
///
/// A byte-order mark is left out of the text. Bytes that are no UTF-8 give one diagnostic
/// at the first of them, and nothing is parsed.
pub fn parse_bytes(bytes: &[u8], source: SourceId) -> (String, Parsed) {
    match decode(bytes, source) {
        Ok(text) => (text.to_owned(), parse(text, source)),
        Err((text, diagnostic)) => (text, Parsed { diagnostics: vec![*diagnostic], ..Parsed::default() }),
    }
}

/// Returns the text in `bytes` without its byte-order mark; else the text with the bad bytes
/// replaced by `U+FFFD`, and a diagnostic at the first one.
pub fn decode(bytes: &[u8], source: SourceId) -> Result<&str, (String, Box<Diagnostic>)> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let start = error.valid_up_to();
        let bad = bytes.get(start).copied().unwrap_or_default();
        let shown = bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or_default();
        let text = String::from_utf8_lossy(shown).into_owned();
        let end =
            text.get(start..).and_then(|rest| rest.chars().next()).map_or(start, |c| start + c.len_utf8());
        let diagnostic = Diagnostic::new(Code::E0117, format!("byte `{bad:02X}` is not valid UTF-8"))
            .at(Span::new(source, start, end))
            .help("save the file as UTF-8");
        (text, Box::new(diagnostic))
    })
}

fn skip_byte_order_mark(text: &str, lexed: &mut Lexed) {
    if text.starts_with('\u{feff}')
        && lexed.tokens.first().is_some_and(|token| token.kind == Kind::Bad && token.start == 0)
    {
        lexed.tokens.remove(0);
        lexed.problems.remove(0);
    }
}

/// The state of reading one text.
struct Reader<'t> {
    text: &'t str,
    source: SourceId,
    lexed: &'t Lexed,
    builder: Builder<'t>,
    diagnostics: Vec<Diagnostic>,
    broken: Vec<Broken>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let parser = HuntflowParser::new();
        let tokens = &self.lexed.tokens;
        let mut from = 0;
        while from < tokens.len() {
            let known = self.builder.statements.len();
            let Err(error) = self.run(&parser, from, tokens.len()) else { return };
            let (mut at, mut expected) = self.locate(error);
            let first = match self.builder.statements.get(known..).and_then(|new| new.last()) {
                Some(last) => tokens.partition_point(|token| token.start < last.span.end),
                None => from,
            };
            // `x =⏎y = z`: the second statement has lent its first word.
            if let Some(back) = self.lent_word(first, at)
                && let Err(error) = self.run(&parser, first, back)
            {
                at = back;
                expected = self.locate(error).1;
            }
            let resume = self.resume(first, at);
            let diagnostic = syntax_error::explain(&syntax_error::Place {
                text: self.text,
                source: self.source,
                tokens,
                problems: &self.lexed.problems,
                first,
                at,
                expected: &expected,
            });
            self.diagnostics.push(diagnostic);
            self.salvage(&parser, first, at);
            if self.diagnostics.len() >= MAX_ERRORS {
                let end = tokens.get(resume).map_or(self.text.len(), |token| token.start as usize);
                self.diagnostics.push(
                    Diagnostic::new(Code::E0119, format!("{MAX_ERRORS} errors so far, the rest is not read"))
                        .at(Span::new(self.source, end, end))
                        .help("correct the first errors, then check again"),
                );
                return;
            }
            from = resume;
        }
    }

    /// Parses tokens `from..to`; complete statements end up in the builder.
    fn run(
        &mut self,
        parser: &HuntflowParser,
        from: usize,
        to: usize,
    ) -> Result<(), ParseError<usize, Token, LexError>> {
        let tokens = self.lexed.tokens.get(from..to).unwrap_or_default();
        parser.parse(&mut self.builder, lexer::adapt(tokens, &self.lexed.problems))
    }

    /// Returns the token at which the parser stopped, and what it expected there.
    fn locate(&self, error: ParseError<usize, Token, LexError>) -> (usize, Vec<String>) {
        let tokens = &self.lexed.tokens;
        let find = |start: usize| tokens.partition_point(|token| (token.start as usize) < start);
        match error {
            ParseError::UnrecognizedToken { token: (start, ..), expected } => (find(start), expected),
            ParseError::InvalidToken { location } => (find(location), Vec::new()),
            ParseError::ExtraToken { token: (start, ..) } => (find(start), Vec::new()),
            ParseError::User { error } => (find(error.start), Vec::new()),
            ParseError::UnrecognizedEof { expected, .. } => (tokens.len(), expected),
        }
    }

    /// Returns the word before an unexpected `=` if it starts its line: another statement begins there.
    fn lent_word(&self, first: usize, at: usize) -> Option<usize> {
        let tokens = &self.lexed.tokens;
        let back = at.checked_sub(1).filter(|back| *back > first)?;
        (tokens.get(at).is_some_and(|token| token.kind == Kind::Assign)
            && classify::is_assignment(self.text, tokens, back)
            && classify::starts_line(self.text, tokens, back))
        .then_some(back)
    }

    /// Returns where the next statement can start after an error at token `at` in the
    /// statement that starts at token `first`.
    fn resume(&self, first: usize, at: usize) -> usize {
        let tokens = &self.lexed.tokens;
        let mut depth = 0usize;
        for next in at.max(first + 1)..tokens.len() {
            match tokens.get(next).map(|token| token.kind) {
                Some(Kind::ParenOpen | Kind::BracketOpen | Kind::BraceOpen) => depth += 1,
                Some(Kind::ParenClose | Kind::BracketClose | Kind::BraceClose) => {
                    depth = depth.saturating_sub(1)
                }
                _ => {}
            }
            let lent = next == at && self.lent_word(first, at + 1).is_some();
            if lent
                || classify::starts_statement(self.text, tokens, next)
                    && (depth == 0 || classify::starts_line(self.text, tokens, next))
            {
                return next;
            }
        }
        tokens.len()
    }

    /// Keeps what stood complete before the error; else remembers what would have been made.
    fn salvage(&mut self, parser: &HuntflowParser, first: usize, at: usize) {
        let tokens = &self.lexed.tokens;
        let Some(start) = tokens.get(first) else { return };
        // The second reading reports the literals again.
        while let Some(last) = self.builder.diagnostics.last() {
            if last.span.is_some_and(|span| span.start >= start.start) {
                self.builder.diagnostics.pop();
            } else {
                break;
            }
        }
        if at > first && self.run(parser, first, at).is_ok() {
            return;
        }
        let end = at
            .checked_sub(1)
            .and_then(|last| tokens.get(last))
            .map_or(start.end, |last| last.end.max(start.end));
        let target = classify::is_assignment(self.text, tokens, first).then(|| Name {
            text: start.text(self.text).to_owned(),
            span: Span::new(self.source, start.start as usize, start.end as usize),
        });
        let span = Span::new(self.source, start.start as usize, end as usize);
        self.broken.push(Broken { target, span });
    }
}
