//! Lexer: text to words, strings and signs, without feedback from the parser.
//!
//! Follows the recipe of the language reference (§1.2): a word is a maximal run of
//! characters; what it may stand for is decided by [`crate::classify`]. Comments are
//! kept aside for the formatter. Nothing stops the lexer: text that starts no token
//! becomes a [`Kind::Bad`] token with an entry in [`Lexed::problems`].

use logos::Logos;

use crate::classify;
use crate::token::{Kind, Token};

/// The tokens of one text.
#[derive(Debug, Clone, Default)]
pub struct Lexed {
    /// All tokens, in order, keywords already told from names.
    pub tokens: Vec<Token>,
    /// Byte ranges of all comments, in order, without the line end.
    pub comments: Vec<(u32, u32)>,
    /// What is wrong with each [`Kind::Bad`] token: its start and the problem, in order.
    pub problems: Vec<(u32, Problem)>,
}

/// Why a piece of text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, thiserror::Error)]
pub enum Problem {
    /// A character that starts no token.
    #[default]
    #[error("unknown character")]
    Character,
    /// A string that does not end on its line.
    #[error("string not closed")]
    OpenString,
    /// A raw string that does not end on its line.
    #[error("raw string not closed")]
    OpenRaw,
    /// A quote after a dot that encloses no step of an attribute.
    #[error("quote not closed in an attribute")]
    OpenStep,
    /// `<>`.
    #[error("unknown operator")]
    LessGreater,
    /// A bracket that opens more than [`classify::MAX_DEPTH`] levels.
    #[error("nested too deep")]
    TooDeep,
}

/// A [`Problem`] at its place, as the parser meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct LexError {
    /// What is wrong.
    pub problem: Problem,
    /// First byte of the offending text.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
}

/// Splits `text` into tokens. Takes time and memory linear in its length.
pub fn lex(text: &str) -> Lexed {
    let mut lexed = Lexed::default();
    let mut raw = Raw::lexer(text);
    while let Some(next) = raw.next() {
        let span = raw.span();
        let (start, end) = (offset(span.start), offset(span.end));
        let kind = match next {
            Ok(Raw::Comment) => {
                lexed.comments.push((start, end));
                continue;
            }
            Ok(Raw::Word) => classify::shape(raw.slice()),
            Ok(sign) => sign.kind(),
            Err(problem) => {
                let start = match problem {
                    Problem::OpenStep => start + offset(step_quote(raw.slice())),
                    _ => start,
                };
                lexed.problems.push((start, problem));
                lexed.tokens.push(Token { kind: Kind::Bad, start, end });
                continue;
            }
        };
        lexed.tokens.push(Token { kind, start, end });
    }
    classify::keywords(text, &mut lexed);
    lexed
}

/// Feeds the parser: tokens with their places, and an error for each bad one.
pub fn adapt<'l>(
    tokens: &'l [Token],
    problems: &'l [(u32, Problem)],
) -> impl Iterator<Item = Result<(usize, Token, usize), LexError>> + 'l {
    tokens.iter().map(move |token| {
        let (start, end) = (token.start as usize, token.end as usize);
        if token.kind == Kind::Bad {
            return Err(LexError { problem: problem_at(problems, token.start), start, end });
        }
        Ok((start, *token, end))
    })
}

/// Returns what is wrong with the bad token that starts at `start`.
pub fn problem_at(problems: &[(u32, Problem)], start: u32) -> Problem {
    problems
        .binary_search_by_key(&start, |(at, _)| *at)
        .ok()
        .and_then(|index| problems.get(index))
        .map(|(_, problem)| *problem)
        .unwrap_or_default()
}

fn offset(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The lexer's own tokens; words are not yet told apart.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
#[logos(error = Problem, skip r"[ \t\x0c\r\n]+")]
enum Raw {
    #[regex(r"#[^\r\n]*", allow_greedy = true)]
    Comment,
    #[regex(r"[A-Za-z0-9_./~\-]", word)]
    Word,
    #[regex(r"['\x22]", plain_string)]
    Plain,
    #[regex(r"r['\x22]", raw_string)]
    KeptString,
    #[regex(r"t['\x22]", plain_string)]
    StixTime,
    #[token("=")]
    Assign,
    #[token("==")]
    EqEq,
    #[token("!=")]
    NotEq,
    #[token("<>", less_greater)]
    #[token("<")]
    Less,
    #[token("<=")]
    LessEq,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterEq,
    #[token("(")]
    ParenOpen,
    #[token(")")]
    ParenClose,
    #[token("[")]
    BracketOpen,
    #[token("]")]
    BracketClose,
    #[token("{")]
    BraceOpen,
    #[token("}")]
    BraceClose,
    #[token(",")]
    Comma,
    #[token("+")]
    Plus,
    #[token(":")]
    Colon,
}

impl Raw {
    fn kind(self) -> Kind {
        match self {
            Raw::Comment | Raw::Word => Kind::Junk,
            Raw::Plain => Kind::Plain,
            Raw::KeptString => Kind::Raw,
            Raw::StixTime => Kind::StixTime,
            Raw::Assign => Kind::Assign,
            Raw::EqEq => Kind::EqEq,
            Raw::NotEq => Kind::NotEq,
            Raw::Less => Kind::Less,
            Raw::LessEq => Kind::LessEq,
            Raw::Greater => Kind::Greater,
            Raw::GreaterEq => Kind::GreaterEq,
            Raw::ParenOpen => Kind::ParenOpen,
            Raw::ParenClose => Kind::ParenClose,
            Raw::BracketOpen => Kind::BracketOpen,
            Raw::BracketClose => Kind::BracketClose,
            Raw::BraceOpen => Kind::BraceOpen,
            Raw::BraceClose => Kind::BraceClose,
            Raw::Comma => Kind::Comma,
            Raw::Plus => Kind::Plus,
            Raw::Colon => Kind::Colon,
        }
    }
}

/// `<>` is what other languages write for `!=`.
fn less_greater(_: &mut logos::Lexer<'_, Raw>) -> Result<(), Problem> {
    Err(Problem::LessGreater)
}

/// Takes the rest of a word, whose first character logos has read.
fn word(lexer: &mut logos::Lexer<'_, Raw>) -> Result<(), Problem> {
    let text = lexer.source().get(lexer.span().start..).unwrap_or_default();
    let (len, problem) = word_length(text.as_bytes());
    // One byte was read before; word characters outside URLs are ASCII, and a URL takes
    // whole characters, so `len` is a character boundary.
    lexer.bump(len - 1);
    match problem {
        None => Ok(()),
        Some(problem) => Err(problem),
    }
}

fn word_length(text: &[u8]) -> (usize, Option<Problem>) {
    let mut url = false;
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        if url {
            if is_blank(byte)
                || matches!(
                    byte,
                    b'\'' | b'"' | b',' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'#'
                )
            {
                break;
            }
            at += 1;
        } else if is_word_byte(byte) {
            at += 1;
            url = byte == b'/' && text.get(..at).is_some_and(|run| run.ends_with(b"://"));
        } else if byte == b'[' && text.get(at..).is_some_and(|rest| rest.starts_with(b"[*]")) {
            at += 3;
        } else if matches!(byte, b'\'' | b'"') && text.get(at - 1) == Some(&b'.') {
            let rest = text.get(at + 1..).unwrap_or_default();
            let step = rest.iter().take_while(|b| is_step_byte(**b)).count();
            if step == 0 || rest.get(step) != Some(&byte) {
                let on_line = rest.iter().take_while(|b| !matches!(b, b'\n' | b'\r')).count();
                let close = rest.iter().take(on_line).position(|b| *b == byte);
                return (at + 1 + close.map_or(on_line, |close| close + 1), Some(Problem::OpenStep));
            }
            at += step + 2;
        } else if byte == b'+'
            && text.get(at + 1).is_some_and(u8::is_ascii_digit)
            && ends_in_exponent(text.get(..at).unwrap_or_default())
        {
            at += 1;
        } else {
            break;
        }
    }
    (at, None)
}

/// Returns the offset of the first quote in a word that ends in an open step.
fn step_quote(word: &str) -> usize {
    // Closed steps come before it: skip them pairwise.
    let bytes = word.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'\'' | b'"') {
            let rest = bytes.get(at + 1..).unwrap_or_default();
            let step = rest.iter().take_while(|b| is_step_byte(**b)).count();
            if step == 0 || rest.get(step) != Some(byte) {
                return at;
            }
            at += step + 2;
        } else {
            at += 1;
        }
    }
    0
}

/// Is `run` a number up to and with the `e` of its exponent?
fn ends_in_exponent(run: &[u8]) -> bool {
    match run {
        [mantissa @ .., b'e' | b'E'] => {
            let mantissa = mantissa.strip_prefix(b"-").unwrap_or(mantissa);
            mantissa.iter().any(u8::is_ascii_digit)
                && mantissa.iter().all(|b| b.is_ascii_digit() || *b == b'.')
                && mantissa.iter().filter(|b| **b == b'.').count() <= 1
        }
        _ => false,
    }
}

/// Takes the rest of a plain or timestamp string.
fn plain_string(lexer: &mut logos::Lexer<'_, Raw>) -> Result<(), Problem> {
    string(lexer).ok_or(Problem::OpenString)
}

/// Takes the rest of a raw string.
fn raw_string(lexer: &mut logos::Lexer<'_, Raw>) -> Result<(), Problem> {
    string(lexer).ok_or(Problem::OpenRaw)
}

/// Takes everything up to the closing quote, or up to the line's end when there is none.
fn string(lexer: &mut logos::Lexer<'_, Raw>) -> Option<()> {
    let quote = *lexer.slice().as_bytes().last()?;
    let rest = lexer.remainder().as_bytes();
    let mut at = 0;
    let mut closed = false;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'\n' | b'\r' => break,
            b'\\' if rest.get(at + 1).is_some_and(|next| !matches!(next, b'\n' | b'\r')) => at += 2,
            _ => at += 1,
        }
        if byte == quote {
            closed = true;
            break;
        }
    }
    // After a backslash any character was skipped by one byte; finish a longer one.
    while !lexer.remainder().is_char_boundary(at) {
        at += 1;
    }
    lexer.bump(at);
    closed.then_some(())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0c | b'\r' | b'\n')
}

/// Characters of a word (language reference §1.2, rule 2).
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b':' | b'~')
}

/// Characters of one step of an attribute.
pub(crate) fn is_step_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        let lexed = lex(text);
        let tokens: Vec<String> =
            lexed.tokens.iter().map(|token| format!("{:?} {}", token.kind, token.text(text))).collect();
        tokens.join("\n")
    }

    #[test]
    fn words_follow_the_recipe() {
        insta::assert_snapshot!(show("x = GET file FROM https://h:8443/b.json?raw=true,~/a WHERE hashes.'SHA-256' = 1e+5 LAST 5d"), @r"
        Letters x
        Assign =
        Get GET
        Letters file
        From FROM
        Path https://h:8443/b.json?raw=true
        Comma ,
        Path ~/a
        Where WHERE
        Dotted hashes.'SHA-256'
        Assign =
        Number 1e+5
        Last LAST
        IntUnit 5d
        ");
    }

    #[test]
    fn open_quotes_end_with_their_line() {
        insta::assert_snapshot!(show("a.'b = 1\nr'x\\' 'é\nz'é\\é"), @r"
        Bad 'b = 1
        Raw r'x\' '
        Bad é
        Letters z
        Bad 'é\é
        ");
    }
}
