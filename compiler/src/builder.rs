//! What the grammar's actions call to make nodes: spans, names, decoded literals.
//!
//! A literal that cannot be decoded is reported and replaced by a harmless value, so
//! that the rest of its statement is still checked.

use std::cell::Cell;

use kestrel_ir::diagnostic::{Code, Diagnostic, SourceId, Span};

use crate::ast::*;
use crate::literals::{number, string, time};
use crate::token::{Kind, Token};

/// Collects the nodes of one text.
#[derive(Debug)]
pub struct Builder<'t> {
    /// The source.
    text: &'t str,
    source: SourceId,
    /// All its tokens.
    tokens: &'t [Token],
    /// The token behind the node that was made last: the next one ends nearby.
    near: Cell<usize>,
    /// The statements that are complete.
    pub(crate) statements: Vec<Statement>,
    /// What is wrong with literals.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl<'t> Builder<'t> {
    pub(crate) fn new(text: &'t str, source: SourceId, tokens: &'t [Token]) -> Self {
        Builder { text, source, tokens, near: Cell::new(0), statements: Vec::new(), diagnostics: Vec::new() }
    }

    pub(crate) fn at(&self, start: usize, end: usize) -> Span {
        // After an empty rule the parser takes the start of the next token for the end.
        let after = self.token_at(end);
        let last =
            after.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(end, |last| last.end as usize);
        Span::new(self.source, start, end.min(last).max(start))
    }

    /// Returns the first token that starts at `offset` or behind it.
    fn token_at(&self, offset: usize) -> usize {
        let before = |at: usize| self.tokens.get(at).is_some_and(|token| (token.start as usize) < offset);
        let mut at = self.near.get();
        // Nodes are made in the order of the text, so a few steps lead there.
        for _ in 0..32 {
            if before(at) {
                at += 1;
            } else if at > 0 && !before(at - 1) {
                at -= 1;
            } else {
                self.near.set(at);
                return at;
            }
        }
        at = self.tokens.partition_point(|token| (token.start as usize) < offset);
        self.near.set(at);
        at
    }

    pub(crate) fn span(&self, t: Token) -> Span {
        self.at(t.start as usize, t.end as usize)
    }

    fn slice(&self, t: Token) -> &'t str {
        t.text(self.text)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    // ------------------------------------------------------------ lists

    pub(crate) fn append<T>(&self, mut list: Vec<T>, item: T) -> Vec<T> {
        list.push(item);
        list
    }

    pub(crate) fn prepend<T>(&self, first: T, rest: Vec<T>) -> Vec<T> {
        let mut list = Vec::with_capacity(rest.len() + 1);
        list.push(first);
        list.extend(rest);
        list
    }

    // ------------------------------------------------------------ statements

    pub(crate) fn statement(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

    pub(crate) fn yields(&self, l: usize, target: Option<Name>, command: Command, r: usize) -> Statement {
        Statement { kind: StatementKind::Yield { target, command }, span: self.at(l, r) }
    }

    pub(crate) fn effect(&self, l: usize, effect: Effect, r: usize) -> Statement {
        Statement { kind: StatementKind::Effect(effect), span: self.at(l, r) }
    }

    /// The action of a rule that ends in [`Kind::Missing`], which no text gives.
    pub(crate) fn never(&self, name: Name, t: Token) -> Effect {
        let span = self.span(t);
        let attribute = AttributePath { entity_type: None, steps: Vec::new(), span };
        Effect::Describe(Box::new(Reference { span: name.span, variable: name, attribute }))
    }

    pub(crate) fn source(&self, l: usize, parts: Vec<PathText>, r: usize) -> Source {
        let mut split = Vec::new();
        for part in parts {
            if part.quoted && part.text.contains(',') {
                self.split_source(&part, &mut split);
            } else {
                split.push(SourcePart {
                    text: part.text.trim().to_owned(),
                    quoted: part.quoted,
                    span: part.span,
                });
            }
        }
        Source { parts: split, span: self.at(l, r) }
    }

    /// Splits a quoted source at its commas; the places are exact if no escape moved them.
    fn split_source(&self, part: &PathText, split: &mut Vec<SourcePart>) {
        let written = self.text.get(part.span.range()).unwrap_or_default();
        let inner = written.find(['\'', '"']).map_or(0, |quote| quote + 1);
        let exact = written.get(inner..).is_some_and(|rest| rest.starts_with(&part.text));
        let mut offset = 0;
        for text in part.text.split(',') {
            let trimmed = text.trim();
            let lead = text.len() - text.trim_start().len();
            let start = part.span.start as usize + inner + offset + lead;
            offset += text.len() + 1;
            // Empty parts (`a,,b`) name nothing.
            if !trimmed.is_empty() {
                let span = if exact { self.at(start, start + trimmed.len()) } else { part.span };
                split.push(SourcePart { text: trimmed.to_owned(), quoted: true, span });
            }
        }
    }

    pub(crate) fn find(
        &self,
        entity_type: Name,
        relation: Token,
        (reversed, variable): (bool, Name),
        pattern: Option<Pattern>,
        bounds: Bounds,
    ) -> Box<Find> {
        let mut relation = self.name(relation);
        relation.text.make_ascii_lowercase();
        Box::new(Find { entity_type, relation, reversed, variable, pattern, bounds })
    }

    pub(crate) fn find_by(
        &self,
        entity_type: Name,
        relation: Token,
        variable: Name,
        pattern: Option<Pattern>,
        bounds: Bounds,
    ) -> Box<Find> {
        let mut relation = self.name(relation);
        relation.text.truncate(relation.text.len().saturating_sub("_by".len()));
        relation.text.make_ascii_lowercase();
        Box::new(Find { entity_type, relation, reversed: true, variable, pattern, bounds })
    }

    pub(crate) fn new_entities(
        &self,
        entity_type: Option<Name>,
        l: usize,
        data: NewData,
        r: usize,
    ) -> Box<New> {
        Box::new(New { entity_type, data, data_span: self.at(l, r) })
    }

    pub(crate) fn object(&self, l: usize, fields: Vec<(Text, Scalar)>, r: usize) -> Object {
        Object { fields, span: self.at(l, r) }
    }

    pub(crate) fn bin(
        &mut self,
        l: usize,
        attribute: AttributePath,
        n: Token,
        u: Option<Token>,
        r: usize,
    ) -> GroupKey {
        let size = self.count(n);
        let unit = u.map(|u| self.unit(self.slice(u)));
        GroupKey::Bin { attribute, size, unit, span: self.at(l, r) }
    }

    pub(crate) fn short_bin(&mut self, l: usize, attribute: AttributePath, t: Token, r: usize) -> GroupKey {
        let duration = self.short_duration(t);
        GroupKey::Bin { attribute, size: duration.count, unit: Some(duration.unit), span: self.at(l, r) }
    }

    pub(crate) fn aggregate(
        &self,
        l: usize,
        function: Token,
        attribute: AttributePath,
        alias: Option<Name>,
        r: usize,
    ) -> Aggregate {
        let function = match self.slice(function).to_ascii_uppercase().as_str() {
            "MIN" => AggregateFunction::Min,
            "MAX" => AggregateFunction::Max,
            "SUM" => AggregateFunction::Sum,
            "AVG" => AggregateFunction::Avg,
            "COUNT" => AggregateFunction::Count,
            _ => AggregateFunction::Nunique,
        };
        Aggregate { function, attribute, alias, span: self.at(l, r) }
    }

    #[expect(clippy::too_many_arguments, reason = "one for each part of the rule")]
    pub(crate) fn expression(
        &self,
        l: usize,
        transformer: Option<Token>,
        variable: Token,
        pattern: Option<Pattern>,
        attributes: Option<Vec<AttributePath>>,
        sort: Option<SortBy>,
        limit: Option<Count>,
        offset: Option<Count>,
        r: usize,
    ) -> Box<Expression> {
        let transformer = transformer.map(|t| match self.slice(t).to_ascii_uppercase().as_str() {
            "TIMESTAMPED" => Transformer::Timestamped,
            "ADDOBSID" => Transformer::AddObsId,
            _ => Transformer::Records,
        });
        let variable = self.name(variable);
        let span = self.at(l, r);
        Box::new(Expression { transformer, variable, pattern, attributes, sort, limit, offset, span })
    }

    // ------------------------------------------------------------ patterns

    pub(crate) fn pattern(&self, l: usize, expr: PatternExpr, bracketed: bool, r: usize) -> Pattern {
        Pattern { expr, bracketed, span: self.at(l, r) }
    }

    pub(crate) fn paren(&self, l: usize, expr: PatternExpr, r: usize) -> PatternExpr {
        PatternExpr::Paren(Box::new(expr), self.at(l, r))
    }

    pub(crate) fn test(
        &self,
        l: usize,
        attribute: AttributePath,
        operator: Operator,
        value: Option<Value>,
        r: usize,
    ) -> PatternExpr {
        PatternExpr::Test(Box::new(Test { attribute, operator, value, span: self.at(l, r) }))
    }

    pub(crate) fn operator(&self, l: usize, kind: OperatorKind, negated: bool, r: usize) -> Operator {
        Operator { kind, negated, span: self.at(l, r) }
    }

    pub(crate) fn list(&self, l: usize, items: Vec<Value>, r: usize) -> Value {
        Value::List(ValueList { items, span: self.at(l, r) })
    }

    // ------------------------------------------------------------ names

    pub(crate) fn name(&self, t: Token) -> Name {
        Name { text: self.slice(t).to_owned(), span: self.span(t) }
    }

    pub(crate) fn attribute(&self, t: Token) -> AttributePath {
        let text = self.slice(t);
        let span = self.span(t);
        let (entity_type, path) = match (t.kind, text.split_once(':')) {
            (Kind::TypedAttribute, Some((entity_type, path))) => {
                let start = t.start as usize;
                let name =
                    Name { text: entity_type.to_owned(), span: self.at(start, start + entity_type.len()) };
                (Some(Box::new(name)), path)
            }
            _ => (None, text),
        };
        AttributePath { entity_type, steps: steps(path), span }
    }

    /// `variable.attribute`; the variable part may hold a hyphen only by mistake (Q4).
    pub(crate) fn reference(&mut self, t: Token) -> Box<Reference> {
        let (variable, path) = self.slice(t).split_once('.').unwrap_or_default();
        let start = t.start as usize;
        let dot = start + variable.len();
        let span = self.span(t);
        let variable = Name { text: variable.to_owned(), span: self.at(start, dot) };
        if !is_variable(&variable.text) {
            self.report(
                Diagnostic::new(Code::E0205, format!("`{}` cannot be a variable name", variable.text))
                    .at(variable.span)
                    .help(format!(
                        "a variable holds letters, digits and `_`; if text is meant, quote it: `'{}'`",
                        self.slice(t)
                    )),
            );
        }
        let attribute =
            AttributePath { entity_type: None, steps: steps(path), span: self.at(dot + 1, t.end as usize) };
        Box::new(Reference { variable, attribute, span })
    }

    pub(crate) fn path(&mut self, t: Token) -> PathText {
        let text = self.slice(t);
        if let Some(at) = text.find(['\'', '"']).filter(|_| t.kind == Kind::Dotted) {
            let start = t.start as usize + at;
            self.report(
                Diagnostic::new(Code::E0101, format!("unexpected quote in the path `{text}`"))
                    .at(self.at(start, start + 1))
                    .help("put the whole path in quotes"),
            );
        }
        PathText { text: text.to_owned(), quoted: false, span: self.span(t) }
    }

    pub(crate) fn quoted_path(&mut self, t: Token) -> PathText {
        let text = self.text(t);
        if text.value.trim().is_empty() {
            self.report(
                Diagnostic::new(Code::E0113, "empty path")
                    .at(text.span)
                    .help("write the path of a file, or the address of a source or analytic"),
            );
        }
        PathText { text: text.value, quoted: true, span: text.span }
    }

    // ------------------------------------------------------------ literals

    pub(crate) fn text(&mut self, t: Token) -> Text {
        self.decode(t, string::Flavour::Kestrel)
    }

    /// A string in a list of strings of `NEW`, where JSON's escapes hold too.
    pub(crate) fn new_text(&mut self, t: Token) -> Text {
        self.decode(t, string::Flavour::NewList)
    }

    fn decode(&mut self, t: Token, flavour: string::Flavour) -> Text {
        let written = self.slice(t);
        let raw = t.kind == Kind::Raw;
        let quote = usize::from(raw);
        let inner = written.get(quote + 1..written.len().saturating_sub(1)).unwrap_or_default();
        let value = if raw {
            inner.to_owned()
        } else {
            let start = t.start as usize + quote + 1;
            match string::decode(inner, flavour) {
                Ok(value) => value,
                Err(error) => {
                    let diagnostic = Diagnostic::new(error.code, error.message)
                        .at(self.at(start + error.start, start + error.end))
                        .help(error.help);
                    self.report(diagnostic);
                    inner.to_owned()
                }
            }
        };
        Text { value, raw, span: self.span(t) }
    }

    pub(crate) fn number(&mut self, t: Token) -> Number {
        let span = self.span(t);
        Number { value: self.number_value(self.slice(t), span), span }
    }

    pub(crate) fn plus(&mut self, l: usize, t: Token) -> Number {
        let span = self.at(l, t.end as usize);
        Number { value: self.number_value(self.slice(t), span), span }
    }

    fn number_value(&mut self, written: &str, span: Span) -> NumberValue {
        number::decode(written).unwrap_or_else(|error| {
            self.report(
                Diagnostic::new(Code::E0108, format!("number `{}` is too large", shorten(written)))
                    .at(span)
                    .help(error.help()),
            );
            NumberValue::Int(0)
        })
    }

    pub(crate) fn count(&mut self, t: Token) -> Count {
        let span = self.span(t);
        Count { value: self.whole(self.slice(t), span), span }
    }

    fn whole(&mut self, digits: &str, span: Span) -> u64 {
        match number::decode(digits) {
            Ok(NumberValue::Int(n)) => u64::try_from(n).unwrap_or_default(),
            _ => {
                self.report(
                    Diagnostic::new(Code::E0108, format!("number `{}` is too large", shorten(digits)))
                        .at(span)
                        .help(number::RangeError::Integer.help()),
                );
                1
            }
        }
    }

    fn unit(&self, word: &str) -> Unit {
        match word.as_bytes().first().map(u8::to_ascii_lowercase) {
            Some(b'd') => Unit::Day,
            Some(b'h') => Unit::Hour,
            Some(b'm') => Unit::Minute,
            _ => Unit::Second,
        }
    }

    pub(crate) fn duration(&mut self, n: Token, u: Token) -> Duration {
        let count = self.count(n);
        let unit = self.unit(self.slice(u));
        Duration { count, unit, span: self.at(n.start as usize, u.end as usize) }
    }

    pub(crate) fn short_duration(&mut self, t: Token) -> Duration {
        let word = self.slice(t);
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = word.split_at(digits);
        let start = t.start as usize;
        let span = self.at(start, start + digits);
        let count = Count { value: self.whole(number, span), span };
        Duration { count, unit: self.unit(unit), span: self.span(t) }
    }

    pub(crate) fn timestamp(&mut self, t: Token) -> Timestamp {
        let span = self.span(t);
        let written = self.slice(t);
        let inner = match t.kind {
            Kind::Timestamp => written,
            Kind::StixTime => written.get(2..written.len().saturating_sub(1)).unwrap_or_default(),
            _ => written.get(1..written.len().saturating_sub(1)).unwrap_or_default(),
        };
        let micros = time::decode(inner.trim_matches([' ', '\t'])).unwrap_or_else(|error| {
            self.report(
                Diagnostic::new(Code::E0109, format!("`{}` is no point in time: {error}", shorten(written)))
                    .at(span)
                    .help("write date, time and `Z`, such as `2021-04-03T00:00:00Z`"),
            );
            0
        });
        Timestamp { micros, span }
    }

    pub(crate) fn absolute(
        &mut self,
        l: usize,
        start: Timestamp,
        stop: Timestamp,
        r: usize,
    ) -> Box<TimeRange> {
        Box::new(TimeRange { kind: RangeKind::Absolute { start, stop }, span: self.at(l, r) })
    }

    pub(crate) fn last(&mut self, l: usize, duration: Duration, r: usize) -> Box<TimeRange> {
        Box::new(TimeRange { kind: RangeKind::Last(duration), span: self.at(l, r) })
    }
}

/// Reads the steps of an attribute whose form the lexer has checked.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::with_capacity(1 + path.bytes().filter(|byte| *byte == b'.').count());
    for step in path.split('.') {
        let (step, any) = match step.strip_suffix("[*]") {
            Some(step) => (step, true),
            None => (step, false),
        };
        steps.push(Step { name: step.trim_matches(['\'', '"']).to_owned(), any });
    }
    steps
}

/// Cuts text for a message and makes its control characters visible.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", escape(text.get(..cut).unwrap_or_default())),
        None => escape(text),
    }
}

/// Makes control characters visible, so that a message stays on one line.
pub(crate) fn escape(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}
