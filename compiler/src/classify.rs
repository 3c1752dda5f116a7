//! Tells words apart: by shape first, then keywords by their neighbours.
//!
//! No word of the language is reserved. The rules that need no parser (language
//! reference §1.2, §2.2, §2.4) are applied here with a few tokens of look-ahead; the
//! grammar folds whatever is still a keyword back into a name where a name is expected.

use crate::lexer::{Lexed, Problem, is_step_byte};
use crate::token::{Kind, Token};

/// How many brackets may be open at once.
pub const MAX_DEPTH: usize = 200;

/// Returns the keyword that `word` may be, else its narrowest shape.
pub fn shape(word: &str) -> Kind {
    Kind::keyword(word).unwrap_or_else(|| plain_shape(word))
}

/// Returns the narrowest shape of `word`, never a keyword.
pub fn plain_shape(word: &str) -> Kind {
    let bytes = word.as_bytes();
    let first = bytes.first().copied().unwrap_or_default();
    if first.is_ascii_alphabetic() || first == b'_' {
        if bytes.iter().all(u8::is_ascii_alphabetic) {
            return Kind::Letters;
        }
        if bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            return Kind::Variable;
        }
        if bytes.iter().all(|b| is_step_byte(*b)) {
            return Kind::Name;
        }
        if is_attribute(bytes) {
            let name = bytes.iter().take_while(|b| is_step_byte(**b)).count();
            return if bytes.get(name) == Some(&b'.') { Kind::Dotted } else { Kind::Attribute };
        }
        let name = bytes.iter().take_while(|b| is_step_byte(**b)).count();
        if bytes.get(name) == Some(&b':') && bytes.get(name + 1..).is_some_and(is_attribute) {
            return Kind::TypedAttribute;
        }
    } else if first.is_ascii_digit() || matches!(first, b'.' | b'-') {
        if bytes.iter().all(u8::is_ascii_digit) {
            return Kind::Int;
        }
        let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
        if is_number(unsigned) {
            return if first == b'-' { Kind::Negative } else { Kind::Number };
        }
        if is_timestamp(bytes) {
            return Kind::Timestamp;
        }
        let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0 && Kind::keyword(word.get(digits..).unwrap_or_default()) == Some(Kind::Unit) {
            return Kind::IntUnit;
        }
    }
    if is_path(bytes) { Kind::Path } else { Kind::Junk }
}

/// Name, optional `[*]`, then steps, each with an optional `[*]`.
fn is_attribute(mut rest: &[u8]) -> bool {
    if !rest.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
        return false;
    }
    loop {
        let step = match rest.first() {
            Some(quote @ (b'\'' | b'"')) => {
                // The lexer has checked that the quotes pair up around step characters.
                let inner = rest.iter().skip(1).take_while(|b| *b != quote).count();
                inner + 2
            }
            _ => rest.iter().take_while(|b| is_step_byte(**b)).count(),
        };
        if step == 0 {
            return false;
        }
        rest = rest.get(step..).unwrap_or_default();
        rest = rest.strip_prefix(b"[*]").unwrap_or(rest);
        match rest.split_first() {
            None => return true,
            Some((b'.', after)) => rest = after,
            Some(_) => return false,
        }
    }
}

/// Digits with an optional fraction and exponent, without sign.
fn is_number(bytes: &[u8]) -> bool {
    let whole = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = bytes.get(whole..).unwrap_or_default();
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix(b".") {
        fraction = after.iter().take_while(|b| b.is_ascii_digit()).count();
        rest = after.get(fraction..).unwrap_or_default();
    }
    if whole + fraction == 0 {
        return false;
    }
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let exponent =
                exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
            !exponent.is_empty() && exponent.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// `YYYY-MM-DDTHH:MM:SS`, optional fraction, `Z`; the calendar is checked later.
pub(crate) fn is_timestamp(bytes: &[u8]) -> bool {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let Some((body, rest)) = bytes.split_at_checked(FORM.len()) else { return false };
    let fits =
        body.iter().zip(FORM).all(|(b, form)| if *form == b'd' { b.is_ascii_digit() } else { b == form });
    let Some(fraction) = rest.strip_suffix(b"Z") else { return false };
    fits && match fraction.strip_prefix(b".") {
        Some(digits) => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        None => fraction.is_empty(),
    }
}

/// Optional `scheme://` (then anything the lexer took), else letters, digits, `_ - . /`
/// with a leading `~/` allowed.
fn is_path(bytes: &[u8]) -> bool {
    if let Some(colon) = bytes.windows(3).position(|window| window == b"://") {
        let scheme = bytes.get(..colon).unwrap_or_default();
        return !scheme.is_empty() && scheme.iter().all(|b| is_step_byte(*b)) && bytes.len() > colon + 3;
    }
    let rest = bytes.strip_prefix(b"~/").unwrap_or(bytes);
    rest.iter().all(|b| is_step_byte(*b) || matches!(b, b'.' | b'/'))
}

/// Second look at keywords: with their neighbours at hand, turns those that are none into names.
pub fn keywords(text: &str, lexed: &mut Lexed) {
    let mut depth = 0usize;
    let mut problems = Vec::new();
    for at in 0..lexed.tokens.len() {
        let kind = lexed.tokens[at].kind;
        let next = |ahead: usize| lexed.tokens.get(at + ahead).map(|token| token.kind);
        let before =
            |back: usize| at.checked_sub(back).and_then(|at| lexed.tokens.get(at)).map(|token| token.kind);
        let followed = |ahead: usize| next(ahead).is_some_and(Kind::is_comparison);
        let token = lexed.tokens[at];

        // Brackets: bounded, so that no later stage nests deeper than its stack.
        match kind {
            Kind::ParenOpen | Kind::BracketOpen | Kind::BraceOpen => {
                depth += 1;
                if depth == MAX_DEPTH + 1 {
                    problems.push((token.start, Problem::TooDeep));
                    lexed.tokens[at].kind = Kind::Bad;
                    continue;
                }
            }
            Kind::ParenClose | Kind::BracketClose | Kind::BraceClose => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 0
            && kind.is_word()
            && starts_statement(text, &lexed.tokens, at)
            && starts_line(text, &lexed.tokens, at)
        {
            depth = 0;
        }

        let is_relation = before(1).is_some_and(Kind::is_word) && before(2) == Some(Kind::Find);
        lexed.tokens[at].kind = match kind {
            // A word before a comparison sign is never a keyword (P7).
            kind if kind.is_keyword() && followed(1) => plain_shape(token.text(text)),
            // `SORT BY` is a clause; `SORT x BY` a command; else whichever the line break suggests.
            Kind::Sort if next(1) == Some(Kind::By) && !followed(2) => Kind::SortClause,
            Kind::Sort
                if next(2) != Some(Kind::By)
                    && before(1).is_some_and(|kind| kind != Kind::Assign)
                    && !starts_line(text, &lexed.tokens, at) =>
            {
                Kind::SortClause
            }
            // `FIND t CREATED BY p` is reversed only when something can be the variable.
            Kind::By if before(3) == Some(Kind::Find) && !next(1).is_some_and(Kind::is_word) => Kind::Letters,
            Kind::Transformer | Kind::Bin if next(1) != Some(Kind::ParenOpen) => Kind::Letters,
            // `y = info` is a variable, `y = INFO x` an effect that cannot be assigned.
            kind if kind.is_effect() && before(1) == Some(Kind::Assign) => {
                let operand =
                    next(1).is_some_and(|kind| kind.is_word() && !kind.is_keyword()) && !followed(2);
                if operand { kind } else { Kind::Letters }
            }
            // `CREATED_BY p`, the spelling of 2021 (P2).
            Kind::Variable
                if is_relation && next(1).is_some_and(Kind::is_word) && is_relation_by(token.text(text)) =>
            {
                Kind::RelationBy
            }
            // Observation operators of STIX are no words of a statement.
            Kind::Letters
                if before(1) == Some(Kind::BracketClose)
                    && !followed(1)
                    && is_stix_operator(token.text(text)) =>
            {
                Kind::Junk
            }
            kind => kind,
        };
    }
    if !problems.is_empty() {
        lexed.problems.extend(problems);
        lexed.problems.sort_by_key(|(start, _)| *start);
    }
}

/// `FOLLOWEDBY`, `REPEATS` and `WITHIN` join or qualify observations in STIX patterns.
pub(crate) fn is_stix_operator(word: &str) -> bool {
    ["FOLLOWEDBY", "REPEATS", "WITHIN"].iter().any(|operator| word.eq_ignore_ascii_case(operator))
}

/// Letters and `_BY` in any case.
fn is_relation_by(word: &str) -> bool {
    word.len().checked_sub(3).is_some_and(|letters| {
        word.get(letters..).is_some_and(|end| end.eq_ignore_ascii_case("_by"))
            && letters > 0
            && word.bytes().take(letters).all(|b| b.is_ascii_alphabetic())
    })
}

/// Does token `at` stand first on its line?
pub fn starts_line(text: &str, tokens: &[Token], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    let before = at.checked_sub(1).and_then(|before| tokens.get(before)).map_or(0, |before| before.end);
    at == 0 || text.get(before as usize..token.start as usize).is_some_and(|gap| gap.contains(['\n', '\r']))
}

/// Can a new statement start at token `at`, judged without parsing? True for a word
/// followed by `=` and for a command keyword at the start of a line, unless the token
/// before it asks for more.
pub fn starts_statement(text: &str, tokens: &[Token], at: usize) -> bool {
    let Some(token) = tokens.get(at) else { return false };
    let command = token.kind.is_command() && starts_line(text, tokens, at);
    if !command && !is_assignment(text, tokens, at) {
        return false;
    }
    let Some(before) = at.checked_sub(1).and_then(|before| tokens.get(before)) else { return true };
    let asks_for_more = match before.kind {
        Kind::ParenClose | Kind::BracketClose | Kind::BraceClose => false,
        Kind::And | Kind::Or | Kind::Not | Kind::Where | Kind::With => true,
        // After a stray sign on the same line only a would-be separator suggests a new statement.
        Kind::Bad => before.text(text) != ";" && !starts_line(text, tokens, at),
        kind => kind.is_sign() || token.text(text).eq_ignore_ascii_case("not"),
    };
    !asks_for_more
}

/// Is token `at` a variable name followed by `=`?
pub fn is_assignment(text: &str, tokens: &[Token], at: usize) -> bool {
    tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Assign)
        && tokens.get(at).is_some_and(|token| {
            token.kind.is_word() && matches!(plain_shape(token.text(text)), Kind::Letters | Kind::Variable)
        })
}
