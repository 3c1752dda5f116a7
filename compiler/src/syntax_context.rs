//! What was being read when a syntax error came up, and what the grammar expected.

use crate::token::{Kind, Token};

/// The statement up to the token that does not fit.
pub(crate) struct Context<'c> {
    text: &'c str,
    tokens: &'c [Token],
    first: usize,
    at: usize,
}

/// The clauses of a command in their order.
pub(crate) struct ClauseOrder {
    pub(crate) allowed: &'static [&'static str],
    pub(crate) help: &'static str,
}

impl<'c> Context<'c> {
    pub(crate) fn new(text: &'c str, tokens: &'c [Token], first: usize, at: usize) -> Self {
        Context { text, tokens, first, at }
    }

    fn token(&self, at: usize) -> Option<Token> {
        self.tokens.get(at).copied().filter(|_| at < self.at)
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.token(at).map(|token| token.kind)
    }

    /// Returns how many tokens of the statement stand before the error.
    pub(crate) fn position(&self) -> usize {
        self.at.saturating_sub(self.first)
    }

    pub(crate) fn previous(&self) -> Option<Kind> {
        self.at.checked_sub(1).filter(|at| *at >= self.first).and_then(|at| self.kind(at))
    }

    pub(crate) fn previous_word(&self) -> Option<&'c str> {
        let at = self.at.checked_sub(1).filter(|at| *at >= self.first)?;
        self.token(at).filter(|token| token.kind.is_word()).map(|token| token.text(self.text))
    }

    pub(crate) fn previous_is_not(&self) -> bool {
        self.previous() == Some(Kind::Not)
    }

    pub(crate) fn next_is(&self, kind: Kind) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.kind == kind)
    }

    /// Is there a statement before the one being read?
    pub(crate) fn follows_statement(&self) -> bool {
        self.first > 0
    }

    /// Returns the first word if it is neither a command nor assigned to.
    pub(crate) fn first_word(&self) -> Option<&'c str> {
        let token = self.token(self.first)?;
        (token.kind.is_word() && !token.kind.is_command() && self.kind(self.first + 1) != Some(Kind::Assign))
            .then(|| token.text(self.text))
    }

    /// Returns the only word of the statement.
    pub(crate) fn lone_word(&self) -> Option<&'c str> {
        self.first_word().filter(|_| self.position() == 1)
    }

    pub(crate) fn is_assignment(&self) -> bool {
        self.kind(self.first + 1) == Some(Kind::Assign)
    }

    pub(crate) fn target(&self) -> Option<&'c str> {
        self.token(self.first).filter(|_| self.is_assignment()).map(|token| token.text(self.text))
    }

    fn command_at(&self) -> usize {
        if self.is_assignment() { self.first + 2 } else { self.first }
    }

    /// Returns the command: its keyword, `merge` or `assignment`.
    pub(crate) fn command(&self) -> Option<&'static str> {
        let at = self.command_at();
        Some(match self.kind(at) {
            Some(Kind::Get) => "GET",
            Some(Kind::Find) => "FIND",
            Some(Kind::New) => "NEW",
            Some(Kind::Load) => "LOAD",
            Some(Kind::Sort) => "SORT",
            Some(Kind::Group) => "GROUP",
            Some(Kind::Join) => "JOIN",
            Some(Kind::Apply) => "APPLY",
            Some(Kind::Disp) => "DISP",
            Some(Kind::Info) => "INFO",
            Some(Kind::Describe) => "DESCRIBE",
            Some(Kind::Save) => "SAVE",
            Some(Kind::Explain) => "EXPLAIN",
            _ if !self.is_assignment() => return None,
            _ if self.kind(at + 1) == Some(Kind::Plus) => "merge",
            _ => "assignment",
        })
    }

    /// Returns the command with its article, where it has one.
    pub(crate) fn command_noun(&self) -> &'static str {
        match self.command() {
            Some("merge") => "a merge",
            Some("assignment") => "an assignment",
            Some(command) => command,
            None => "a statement",
        }
    }

    /// Returns the clause keywords before the error, in order.
    pub(crate) fn clauses(&self) -> impl Iterator<Item = &'static str> + '_ {
        // A name follows a command directly, and is one in an assignment: `INFO where`, `y = where`.
        let start = self.command_at() + if self.command() == Some("assignment") { 1 } else { 2 };
        (start..self.at).filter_map(move |at| self.clause_name(self.kind(at)?))
    }

    /// Returns the last clause before the error.
    pub(crate) fn clause(&self) -> Option<&'static str> {
        self.clauses().last()
    }

    /// Returns the clause that a keyword starts.
    pub(crate) fn clause_name(&self, kind: Kind) -> Option<&'static str> {
        Some(match kind {
            Kind::From => "FROM",
            Kind::Where => "WHERE",
            Kind::Attr => "ATTR",
            Kind::SortClause => "SORT",
            Kind::By if self.command() == Some("GROUP") || self.command() == Some("JOIN") => "BY",
            Kind::Limit => "LIMIT",
            Kind::Offset => "OFFSET",
            Kind::With => "WITH",
            Kind::As => "AS",
            Kind::On => "ON",
            Kind::To => "TO",
            Kind::Start => "START",
            Kind::Stop => "STOP",
            Kind::Last => "LAST",
            _ => return None,
        })
    }

    /// Returns the clauses that the command takes.
    pub(crate) fn clause_order(&self) -> Option<ClauseOrder> {
        Some(match self.command()? {
            "GET" => ClauseOrder {
                allowed: &["FROM", "WHERE", "START", "STOP", "LAST", "LIMIT"],
                help: "GET takes FROM, WHERE, a time range and LIMIT, in this order; for ATTR, SORT BY and OFFSET \
                       use DISP or an assignment",
            },
            "FIND" => ClauseOrder {
                allowed: &["BY", "WHERE", "START", "STOP", "LAST", "LIMIT"],
                help: "FIND takes WHERE, a time range and LIMIT, in this order; its source is the one of its variable",
            },
            "DISP" | "assignment" => ClauseOrder {
                allowed: &["WHERE", "ATTR", "SORT", "LIMIT", "OFFSET"],
                help: "the order is WHERE, ATTR, SORT BY, LIMIT, OFFSET; time ranges belong to GET and FIND",
            },
            "merge" => ClauseOrder {
                allowed: &[],
                help: "assign the merge to a variable first, then use the clause on that",
            },
            _ => return None,
        })
    }

    /// Returns where the error is: "in the WHERE of GET".
    pub(crate) fn describe(&self) -> String {
        if self.position() == 0 {
            return "at the start of a statement".to_owned();
        }
        match (self.clause(), self.command()) {
            (Some(clause), Some(_)) => format!("in the {clause} of {}", self.command_noun()),
            (None, Some(_)) => format!("in {}", self.command_noun()),
            (_, None) => match self.first_word() {
                Some(_) => "after the first word of a statement".to_owned(),
                None => "in a statement".to_owned(),
            },
        }
    }

    /// Returns the command as a place: "in DISP".
    pub(crate) fn describe_command(&self) -> String {
        format!("in {}", self.command_noun())
    }

    /// A keyword directly before the error that was read as a name, and as what.
    pub(crate) fn misread_keyword(&self) -> Option<(&'c str, &'static str)> {
        let at = self.at.checked_sub(1).filter(|at| *at > self.first)?;
        let token = self.token(at).filter(|token| token.kind.is_clause() || token.kind == Kind::Asc)?;
        let role = match self.kind(at - 1)? {
            Kind::Get | Kind::Find | Kind::As => "the entity type",
            Kind::From => "the data source",
            Kind::Disp | Kind::Assign | Kind::By | Kind::Info | Kind::Save | Kind::On | Kind::Group => {
                "the variable"
            }
            _ => return None,
        };
        Some((token.text(self.text), role))
    }

    /// Two strings in a row: what was meant.
    pub(crate) fn previous_string(&self, found: Token) -> Option<&'static str> {
        let before = self.tokens.get(self.at.checked_sub(1)?)?;
        if !before.kind.is_string() || !found.kind.is_string() || before.end != found.start {
            return None;
        }
        let empty = before.end.saturating_sub(before.start) == 2;
        Some(if empty {
            "there are no triple-quoted strings; write one line in plain quotes"
        } else {
            "doubling a quote is no escape; write `\\'` or use the other kind of quotes"
        })
    }

    /// `GET process.parent_process`.
    pub(crate) fn is_k2_projection(&self, found: Token) -> bool {
        found.kind == Kind::Dotted && matches!(self.previous(), Some(Kind::Get | Kind::Find))
    }
}

/// What the grammar expected, told in the language's words.
pub(crate) struct Expected {
    terminals: Vec<String>,
}

impl Expected {
    pub(crate) fn new(expected: &[String]) -> Self {
        let terminals = expected.iter().map(|terminal| terminal.trim_matches('"').to_owned()).collect();
        Expected { terminals }
    }

    pub(crate) fn has(&self, terminal: &str) -> bool {
        self.terminals.iter().any(|t| t == terminal)
    }

    /// Any word can stand here as a name.
    pub(crate) fn is_name(&self) -> bool {
        self.has("letters") && self.has("TRUE") && self.has("LIMIT") && self.has("OFFSET")
    }

    pub(crate) fn is_variable(&self) -> bool {
        self.is_name() && !self.has("name")
    }

    pub(crate) fn is_value(&self) -> bool {
        self.is_name() && self.has("plain string") && self.has("int") && self.has("dotted") && self.has("+")
    }

    pub(crate) fn is_tested_attribute(&self) -> bool {
        self.is_name() && self.has("typed attribute") && !self.has("NOT")
    }

    pub(crate) fn is_operator(&self) -> bool {
        (self.has("IN") && self.has("MATCHES") && !self.is_name()) || (self.has("NULL") && !self.has("TRUE"))
    }

    /// The statement could end here.
    pub(crate) fn statement_end(&self) -> bool {
        self.has("GET") && self.has("EXPLAIN") && self.has("letters") && !self.is_name()
    }

    /// The keywords that can stand here, longest first.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        let mut keywords: Vec<&str> = self
            .terminals
            .iter()
            .map(String::as_str)
            .filter(|t| t.bytes().all(|b| b.is_ascii_uppercase()) && !t.is_empty())
            .collect();
        keywords.sort_by_key(|keyword| std::cmp::Reverse(keyword.len()));
        keywords.into_iter()
    }

    /// Lists what may stand here: "`WHERE`, `ATTR` or the next statement".
    pub(crate) fn describe(&self, context: &Context<'_>) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        let mut add = |part: &str| parts.push(part.to_owned());
        if self.is_name() {
            if self.has("path") {
                add("a path or address");
            } else if self.is_value() {
                add("a value (text, number, list or `variable.attribute`)");
            } else if self.has("typed attribute") {
                add("an attribute");
            } else if self.has("name") {
                add(match context.previous() {
                    Some(Kind::Get | Kind::Find | Kind::New | Kind::As)
                        if context.command() != Some("GROUP") =>
                    {
                        "an entity type"
                    }
                    _ => "a name",
                });
            } else if self.has("variable") {
                add("a variable");
            } else {
                add("a relation such as CREATED");
            }
            if context.command() == Some("FIND")
                && !self.has("name")
                && self.has("BY")
                && !self.has("path")
                && context.position() >= 2
                && !matches!(context.previous(), Some(Kind::By | Kind::RelationBy))
            {
                add("`BY`");
            }
            if context.is_assignment() && context.position() == 2 {
                add("a command");
            }
            for sign in ["(", "["] {
                if self.has(sign) && !self.is_value() {
                    add(&format!("`{sign}`"));
                }
            }
            return Some(join(&parts));
        }
        let end = self.statement_end();
        if self.has("IN") && self.has("MATCHES") {
            add("an operator (=, !=, <, >, IN, LIKE, MATCHES, …)");
        }
        for (terminal, words) in [
            ("timestamp", "a timestamp"),
            ("int unit", "a duration such as `5 DAYS`"),
            ("int", "a whole number"),
            ("unit", "a time unit (DAYS, HOURS, MINUTES, SECONDS)"),
            ("aggregate", "an aggregation (MIN, MAX, SUM, AVG, COUNT, NUNIQUE)"),
            ("dotted", "`variable.attribute`"),
            ("missing", "a dot and an attribute directly after the variable"),
        ] {
            let part_of_other = terminal == "int" && self.has("int unit");
            if self.has(terminal) && !part_of_other {
                add(words);
            }
        }
        if self.has("plain string") && !self.has("timestamp") {
            add(if context.command() == Some("NEW") && self.has("{") {
                "a string or an object"
            } else {
                "a string"
            });
        }
        const OPERATORS: &[&str] = &[
            "IN",
            "LIKE",
            "MATCHES",
            "ISSUBSET",
            "ISSUPERSET",
            "IS",
            "=",
            "==",
            "!=",
            "<",
            "<=",
            ">",
            ">=",
            "NOT",
        ];
        const COMMANDS: &[&str] = &[
            "GET", "FIND", "NEW", "LOAD", "SORT", "GROUP", "JOIN", "APPLY", "DISP", "INFO", "DESCRIBE",
            "SAVE", "EXPLAIN",
        ];
        let operators = self.has("IN") && self.has("MATCHES");
        for terminal in &self.terminals {
            let is_sign = !terminal.is_empty() && !terminal.bytes().any(|b| b.is_ascii_alphanumeric());
            let is_keyword = terminal.bytes().all(|b| b.is_ascii_uppercase() || b == b' ');
            if !(is_sign || is_keyword)
                || (operators && OPERATORS.contains(&terminal.as_str()))
                || (end && COMMANDS.contains(&terminal.as_str()))
                || (terminal == "{" && self.has("plain string"))
            {
                continue;
            }
            add(&format!("`{terminal}`"));
        }
        if end {
            add("the next statement");
        }
        if parts.is_empty() && self.has("letters") {
            parts.push("a name".to_owned());
        }
        (!parts.is_empty()).then(|| join(&parts))
    }
}

/// `a, b or c`.
fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(join(&["a".into(), "b".into(), "c".into()]), "a, b or c");
    }
}
