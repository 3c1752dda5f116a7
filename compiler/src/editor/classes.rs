//! How each word is to be coloured: the real lexer's tokens, told apart by the syntax tree.

use std::collections::HashMap;

use super::Analysis;
use crate::{
    ast::{self, Command, Effect, Expression, Literal, Pattern, StatementKind, Value},
    lexer,
    token::{Kind, Token},
};

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is what its name says")]
pub enum Class {
    Comment,
    Keyword,
    Variable,
    EntityType,
    Attribute,
    Relation,
    /// A transformer, `BIN` or an aggregate.
    Function,
    /// The key of an argument.
    Parameter,
    /// An address or a path.
    Address,
    String,
    Number,
    /// A timestamp.
    Time,
    Operator,
    /// Starts no token or fits nowhere.
    Invalid,
}

impl Class {
    /// Every class; the position is its number in the protocol.
    pub const ALL: [Class; 14] = [
        Class::Comment,
        Class::Keyword,
        Class::Variable,
        Class::EntityType,
        Class::Attribute,
        Class::Relation,
        Class::Function,
        Class::Parameter,
        Class::Address,
        Class::String,
        Class::Number,
        Class::Time,
        Class::Operator,
        Class::Invalid,
    ];

    /// Returns its name, as editors know it where they know one.
    pub fn name(self) -> &'static str {
        match self {
            Class::Comment => "comment",
            Class::Keyword => "keyword",
            Class::Variable => "variable",
            Class::EntityType => "type",
            Class::Attribute => "property",
            Class::Relation => "method",
            Class::Function => "function",
            Class::Parameter => "parameter",
            Class::Address => "namespace",
            Class::String => "string",
            Class::Number => "number",
            Class::Time => "enumMember",
            Class::Operator => "operator",
            Class::Invalid => "invalid",
        }
    }

    /// Returns what the lexer alone knows about a token.
    pub fn of_token(kind: Kind) -> Class {
        match kind {
            Kind::Plain | Kind::Raw => Class::String,
            Kind::StixTime | Kind::Timestamp => Class::Time,
            Kind::Int | Kind::Number | Kind::Negative | Kind::IntUnit => Class::Number,
            Kind::Letters | Kind::Variable | Kind::Name => Class::Variable,
            Kind::Dotted | Kind::Attribute | Kind::TypedAttribute => Class::Attribute,
            Kind::RelationBy => Class::Relation,
            Kind::Path => Class::Address,
            Kind::Junk | Kind::Missing | Kind::Bad => Class::Invalid,
            Kind::Transformer | Kind::Bin | Kind::Aggregate => Class::Function,
            kind if kind.is_sign() => Class::Operator,
            _ => Class::Keyword,
        }
    }
}

/// A classified piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classified {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What it is.
    pub class: Class,
    /// The variable is given a value here.
    pub definition: bool,
}

/// Returns all tokens and comments of a block, in order, without overlaps.
pub fn classes(analysis: &Analysis, block: usize) -> Vec<Classified> {
    let Some(block) = analysis.block(block) else { return Vec::new() };
    let lexed = lexer::lex(&block.text);
    let known = known(&block.ast);
    let mut found: Vec<Classified> = Vec::with_capacity(lexed.tokens.len() + lexed.comments.len());
    for token in &lexed.tokens {
        let (class, definition) =
            known.get(&token.start).copied().unwrap_or((Class::of_token(token.kind), false));
        split(&block.text, token, class, definition, &mut found);
    }
    let comment = |(start, end): &(u32, u32)| Classified {
        start: *start,
        end: *end,
        class: Class::Comment,
        definition: false,
    };
    found.extend(lexed.comments.iter().map(comment));
    found.sort_by_key(|piece| piece.start);
    found
}

/// Adds a token; the variable of a reference and the type of an attribute are words of their own.
fn split(text: &str, token: &Token, class: Class, definition: bool, found: &mut Vec<Classified>) {
    let (start, end) = (token.start, token.end);
    let written = token.text(text);
    let cut = match (token.kind, class) {
        (Kind::Dotted, Class::Variable) => written.find('.').map(|at| (at, Class::Variable)),
        (Kind::TypedAttribute, Class::Attribute) => written.find(':').map(|at| (at, Class::EntityType)),
        _ => None,
    };
    let Some((at, first)) = cut else {
        found.push(Classified { start, end, class, definition });
        return;
    };
    let middle = start + u32::try_from(at).unwrap_or(0);
    found.push(Classified { start, end: middle, class: first, definition });
    found.push(Classified { start: middle + 1, end, class: Class::Attribute, definition: false });
}

/// What the syntax tree knows about the token that starts at a byte.
fn known(ast: &ast::Huntflow) -> HashMap<u32, (Class, bool)> {
    let mut known = Known(HashMap::new());
    for statement in &ast.statements {
        match &statement.kind {
            StatementKind::Yield { target, command } => {
                if let Some(target) = target {
                    known.0.insert(target.span.start, (Class::Variable, true));
                }
                known.command(command);
            }
            StatementKind::Effect(effect) => known.effect(effect),
        }
    }
    for target in ast.broken.iter().filter_map(|broken| broken.target.as_ref()) {
        known.0.insert(target.span.start, (Class::Variable, true));
    }
    known.0
}

struct Known(HashMap<u32, (Class, bool)>);

impl Known {
    fn add(&mut self, start: u32, class: Class) {
        self.0.insert(start, (class, false));
    }

    fn name(&mut self, name: &ast::Name, class: Class) {
        self.add(name.span.start, class);
    }

    fn attribute(&mut self, attribute: &ast::AttributePath) {
        self.add(attribute.span.start, Class::Attribute);
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Get(get) => {
                self.name(&get.entity_type, Class::EntityType);
                for part in get.source.iter().flat_map(|source| &source.parts).filter(|part| !part.quoted) {
                    self.add(part.span.start, Class::Address);
                }
                self.pattern(&get.pattern);
                self.times(&get.bounds);
            }
            Command::Find(find) => {
                self.name(&find.entity_type, Class::EntityType);
                self.name(&find.relation, Class::Relation);
                self.name(&find.variable, Class::Variable);
                find.pattern.iter().for_each(|pattern| self.pattern(pattern));
                self.times(&find.bounds);
            }
            Command::New(new) => new.entity_type.iter().for_each(|name| self.name(name, Class::EntityType)),
            Command::Load(load) => {
                self.path(&load.path);
                load.entity_type.iter().for_each(|name| self.name(name, Class::EntityType));
            }
            Command::Sort(sort) => {
                self.name(&sort.variable, Class::Variable);
                self.attribute(&sort.by.attribute);
            }
            Command::Group(group) => {
                self.name(&group.variable, Class::Variable);
                for key in &group.keys {
                    match key {
                        ast::GroupKey::Attribute(attribute) | ast::GroupKey::Bin { attribute, .. } => {
                            self.attribute(attribute);
                        }
                    }
                }
                for aggregate in &group.aggregates {
                    self.attribute(&aggregate.attribute);
                    aggregate.alias.iter().for_each(|name| self.name(name, Class::Attribute));
                }
            }
            Command::Join(join) => {
                self.name(&join.left, Class::Variable);
                self.name(&join.right, Class::Variable);
                if let Some((left, right)) = &join.by {
                    self.attribute(left);
                    self.attribute(right);
                }
            }
            Command::Merge(names) => names.iter().for_each(|name| self.name(name, Class::Variable)),
            Command::Assign(expression) => self.expression(expression),
        }
    }

    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Apply(apply) => {
                self.path(&apply.analytic);
                apply.variables.iter().for_each(|name| self.name(name, Class::Variable));
                for argument in &apply.arguments {
                    self.name(&argument.key, Class::Parameter);
                    self.value(&argument.value);
                }
            }
            Effect::Disp(expression) => self.expression(expression),
            Effect::Info(name) | Effect::Explain(name) => self.name(name, Class::Variable),
            Effect::Describe(reference) => self.add(reference.span.start, Class::Variable),
            Effect::Save(save) => {
                self.name(&save.variable, Class::Variable);
                self.path(&save.path);
            }
        }
    }

    /// Points in time, quoted or not.
    fn times(&mut self, bounds: &ast::Bounds) {
        if let Some(ast::RangeKind::Absolute { start, stop }) = bounds.range.as_ref().map(|range| &range.kind)
        {
            self.add(start.span.start, Class::Time);
            self.add(stop.span.start, Class::Time);
        }
    }

    fn path(&mut self, path: &ast::PathText) {
        if !path.quoted {
            self.add(path.span.start, Class::Address);
        }
    }

    fn expression(&mut self, expression: &Expression) {
        self.name(&expression.variable, Class::Variable);
        expression.pattern.iter().for_each(|pattern| self.pattern(pattern));
        expression.attributes.iter().flatten().for_each(|attribute| self.attribute(attribute));
        expression.sort.iter().for_each(|sort| self.attribute(&sort.attribute));
    }

    fn pattern(&mut self, pattern: &Pattern) {
        for test in pattern.expr.tests() {
            self.attribute(&test.attribute);
            test.value.iter().for_each(|value| self.value(value));
        }
    }

    fn value(&mut self, value: &Value) {
        for literal in value.literals() {
            match literal {
                Literal::Bare(name) => self.name(name, Class::String),
                Literal::Reference(reference) => self.add(reference.span.start, Class::Variable),
                Literal::Text(_) | Literal::Number(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn words_are_what_they_stand_for() {
        let text = "get = FIND process CREATED BY p WHERE x-oca-asset:name = cmd AND pid IN (q.pid, 5) LAST 5d # end\n\
                    g = GROUP get BY BIN(first_observed, 5m) WITH COUNT(pid) AS n\n\
                    APPLY python://a ON get WITH k='v', t=5\nDISP get ATTR ;";
        let analysis = Analysis::new([text], Config::default());
        let mut shown = String::new();
        for piece in classes(&analysis, 0) {
            let written = &text[piece.start as usize..piece.end as usize];
            let sign = if piece.definition { " =" } else { "" };
            shown.push_str(&format!("{:<11} {written}{sign}\n", piece.class.name()));
        }
        insta::assert_snapshot!(shown);
    }
}
