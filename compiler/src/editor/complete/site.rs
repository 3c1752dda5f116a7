//! Where the cursor is: the statement up to it, and what its grammar expects next.

use kestrel_ir::diagnostic::SourceId;
use lalrpop_util::ParseError;

use crate::{
    builder::Builder,
    classify,
    grammar::HuntflowParser,
    lexer,
    syntax_context::{Context, Expected},
    token::{Kind, Token},
};

/// What has been typed: the text up to the word under the cursor, and that word.
pub(super) struct Typed<'t> {
    /// From the start of a statement to the word.
    before: &'t str,
    /// The part of the word before the cursor.
    pub(super) prefix: &'t str,
    /// The byte at which the word starts.
    pub(super) start: usize,
}

/// Takes the text before the cursor apart; none inside strings and comments.
pub(super) fn typed(text: &str, from: usize, cursor: usize) -> Option<Typed<'_>> {
    let part = text.get(from..cursor)?;
    let lexed = lexer::lex(part);
    if lexed.comments.last().is_some_and(|(_, end)| *end as usize == part.len()) {
        return None;
    }
    let last = lexed.tokens.last().filter(|token| token.end as usize == part.len());
    let start = match last {
        None => part.len(),
        Some(token) if token.kind.is_string() => return None,
        // A string that is still open, and a quoted step of an attribute.
        Some(token) if token.kind == Kind::Bad => {
            let written = token.text(part);
            let quoted =
                written.starts_with(['\'', '"']) || written.starts_with("r'") || written.starts_with("t'");
            if quoted {
                return None;
            }
            token.start as usize
        }
        Some(token) if token.kind.is_word() => token.start as usize,
        Some(_) => part.len(),
    };
    Some(Typed { before: part.get(..start)?, prefix: part.get(start..)?, start: from + start })
}

/// The unfinished statement before the cursor, with what is known about it.
pub(super) struct Site {
    text: String,
    tokens: Vec<Token>,
    /// The first token of the statement, and the one under the cursor.
    first: usize,
    at: usize,
    /// The byte at which the statement starts, from the start of the text that was read.
    pub(super) first_byte: usize,
    /// The cursor stands first on its line.
    pub(super) starts_line: bool,
}

impl Site {
    /// The statement as messages about it see it.
    pub(super) fn context(&self) -> Context<'_> {
        Context::new(&self.text, &self.tokens, self.first, self.at)
    }

    /// The tokens of the statement before the cursor.
    pub(super) fn tokens(&self) -> &[Token] {
        self.tokens.get(self.first..self.at).unwrap_or_default()
    }

    /// The text of one of them.
    pub(super) fn word(&self, at: usize) -> Option<&str> {
        self.tokens().get(at).map(|token| token.text(&self.text))
    }

    /// The text of a token.
    pub(super) fn text_of(&self, token: Token) -> &str {
        token.text(&self.text)
    }

    /// The word behind the last token of a kind.
    pub(super) fn after(&self, kind: Kind) -> Option<&str> {
        let at = self.tokens().iter().rposition(|token| token.kind == kind)?;
        self.word(at + 1)
    }
}

/// Asks the grammar what could stand at the cursor; none where the text before it is no statement.
pub(super) fn site(typed: &Typed<'_>) -> Option<(Site, Expected)> {
    // A word stands in for what is to come: keywords are told apart by their neighbours.
    let text = format!("{}x", typed.before);
    let mut lexed = lexer::lex(&text);
    let at = lexed.tokens.len().checked_sub(1)?;
    let starts_line = classify::starts_line(&text, &lexed.tokens, at);
    // Nothing the grammar knows: the parser stops here and says what it expected.
    lexed.tokens.last_mut()?.kind = Kind::Junk;
    let parser = HuntflowParser::new();
    let mut from = 0;
    loop {
        let mut builder = Builder::new(&text, SourceId(0), &lexed.tokens);
        let tokens = lexed.tokens.get(from..)?;
        let error = parser.parse(&mut builder, lexer::adapt(tokens, &lexed.problems)).err()?;
        let done = builder.statements.last().map(|last| last.span.end);
        let first = done.map_or(from, |end| lexed.tokens.partition_point(|token| token.start < end));
        let (stopped, expected) = match error {
            ParseError::UnrecognizedToken { token: (start, ..), expected } => (start, expected),
            ParseError::User { error } => (error.start, Vec::new()),
            ParseError::UnrecognizedEof { .. }
            | ParseError::InvalidToken { .. }
            | ParseError::ExtraToken { .. } => {
                return None;
            }
        };
        let stopped = lexed.tokens.partition_point(|token| (token.start as usize) < stopped);
        if stopped >= at {
            let first_byte = lexed.tokens.get(first).map_or(0, |token| token.start as usize);
            let site = Site { tokens: lexed.tokens, first, at, first_byte, starts_line, text };
            return Some((site, Expected::new(&expected)));
        }
        // A mistake before the cursor: the next statement is read by itself.
        // `x =⏎y = z`: the second statement has lent its first word.
        let lent = stopped.checked_sub(1).filter(|back| {
            *back > first
                && classify::is_assignment(&text, &lexed.tokens, *back)
                && classify::starts_line(&text, &lexed.tokens, *back)
        });
        // `x =⏎DISP y`: an effect cannot be assigned, so the value was left for later.
        let effect = |next: usize| {
            lexed.tokens.get(next).is_some_and(|token| token.kind.is_effect())
                && classify::starts_line(&text, &lexed.tokens, next)
        };
        let next = (stopped.max(first + 1)..at)
            .find(|next| classify::starts_statement(&text, &lexed.tokens, *next) || effect(*next));
        from = lent.or(next).unwrap_or(at);
    }
}
