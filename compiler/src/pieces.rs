//! Takes a statement apart into the pieces that the formatter sets: one canonical
//! spelling, with the places where a line may be broken.
//!
//! Keywords are in capitals, names and literals stand as written. A piece that comes
//! from one place of the text carries it, so that comments find their neighbours.

use kestrel_ir::diagnostic::Span;

use crate::ast::*;

/// Something to print without a break inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Where it starts in the source; none for keywords and signs.
    pub(crate) start: Option<u32>,
    pub(crate) before: Gap,
}

/// What may stand before a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Nothing.
    Tight,
    /// A blank.
    Blank,
    /// A blank, or a new line with so many indents when the statement is long.
    Break(usize),
    /// Nothing, or a new line when the statement is long.
    TightBreak(usize),
}

/// Returns the pieces of a statement; `source` is the text it was parsed from.
pub(crate) fn pieces(statement: &Statement, source: &str) -> Vec<Piece> {
    let mut printer = Printer { source, pieces: Vec::new(), gap: Gap::Tight };
    match &statement.kind {
        StatementKind::Yield { target, command } => {
            if let Some(target) = target {
                printer.name(target);
                printer.word("=");
            }
            printer.command(command);
        }
        StatementKind::Effect(effect) => printer.effect(effect),
    }
    // The last piece has a place, so that comments before it stay inside the statement.
    if let Some(last) = printer.pieces.last_mut() {
        last.start.get_or_insert(statement.span.end.saturating_sub(1));
    }
    printer.pieces
}

struct Printer<'s> {
    source: &'s str,
    pieces: Vec<Piece>,
    /// Before the next piece.
    gap: Gap,
}

impl Printer<'_> {
    fn push(&mut self, text: impl Into<String>, start: Option<u32>) {
        let before = std::mem::replace(&mut self.gap, Gap::Blank);
        self.pieces.push(Piece { text: text.into(), start, before });
    }

    fn word(&mut self, keyword: &str) {
        self.push(keyword, None);
    }

    /// A keyword that starts a line of its own in a long statement.
    fn clause(&mut self, keyword: &str, indent: usize) {
        self.gap = Gap::Break(indent);
        self.word(keyword);
    }

    fn tight(&mut self, sign: &str) {
        self.gap = Gap::Tight;
        self.word(sign);
    }

    fn open(&mut self, bracket: &str) {
        self.word(bracket);
        self.gap = Gap::Tight;
    }

    fn written(&mut self, span: Span) {
        let text = self.source.get(span.range()).unwrap_or_default();
        self.push(text, Some(span.start));
    }

    fn name(&mut self, name: &Name) {
        self.push(&*name.text, Some(name.span.start));
    }

    fn commas<T>(&mut self, items: &[T], gap: Gap, mut print: impl FnMut(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.tight(",");
                self.gap = gap;
            }
            print(self, item);
        }
    }

    // ------------------------------------------------------------ commands

    fn command(&mut self, command: &Command) {
        match command {
            Command::Get(get) => {
                self.word("GET");
                self.name(&get.entity_type);
                if let Some(source) = &get.source {
                    self.clause("FROM", 1);
                    self.source_list(source);
                }
                self.pattern(&get.pattern);
                self.bounds(&get.bounds);
            }
            Command::Find(find) => {
                self.word("FIND");
                self.name(&find.entity_type);
                self.push(find.relation.text.to_ascii_uppercase(), Some(find.relation.span.start));
                if find.reversed {
                    self.word("BY");
                }
                self.name(&find.variable);
                if let Some(pattern) = &find.pattern {
                    self.pattern(pattern);
                }
                self.bounds(&find.bounds);
            }
            Command::New(new) => self.new_entities(new),
            Command::Load(load) => {
                self.word("LOAD");
                self.written(load.path.span);
                if let Some(entity_type) = &load.entity_type {
                    self.word("AS");
                    self.name(entity_type);
                }
            }
            Command::Sort(sort) => {
                self.word("SORT");
                self.name(&sort.variable);
                self.sort_by(&sort.by);
            }
            Command::Group(group) => self.group(group),
            Command::Join(join) => {
                self.word("JOIN");
                self.name(&join.left);
                self.tight(",");
                self.name(&join.right);
                if let Some((left, right)) = &join.by {
                    self.clause("BY", 1);
                    self.attribute(left);
                    self.tight(",");
                    self.attribute(right);
                }
            }
            Command::Merge(variables) => {
                for (index, variable) in variables.iter().enumerate() {
                    if index > 0 {
                        self.clause("+", 1);
                    }
                    self.name(variable);
                }
            }
            Command::Assign(expression) => self.expression(expression),
        }
    }

    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Apply(apply) => {
                self.word("APPLY");
                self.written(apply.analytic.span);
                self.word("ON");
                self.commas(&apply.variables, Gap::Blank, |printer, variable| printer.name(variable));
                if !apply.arguments.is_empty() {
                    self.clause("WITH", 1);
                    self.commas(&apply.arguments, Gap::Break(2), |printer, argument| {
                        printer.name(&argument.key);
                        printer.tight("=");
                        printer.gap = Gap::Tight;
                        printer.value(&argument.value);
                    });
                }
            }
            Effect::Disp(expression) => {
                self.word("DISP");
                self.expression(expression);
            }
            Effect::Info(name) => {
                self.word("INFO");
                self.name(name);
            }
            Effect::Describe(reference) => {
                self.word("DESCRIBE");
                self.reference(reference);
            }
            Effect::Save(save) => {
                self.word("SAVE");
                self.name(&save.variable);
                self.word("TO");
                self.written(save.path.span);
            }
            Effect::Explain(name) => {
                self.word("EXPLAIN");
                self.name(name);
            }
        }
    }

    fn source_list(&mut self, source: &Source) {
        if source.parts.iter().any(|part| part.quoted) {
            // The parts of one quoted string share it: the list stays as written.
            self.written(source.span);
        } else {
            self.commas(&source.parts, Gap::Blank, |printer, part| printer.written(part.span));
        }
    }

    fn new_entities(&mut self, new: &New) {
        self.word("NEW");
        if let Some(entity_type) = &new.entity_type {
            self.name(entity_type);
        }
        self.open("[");
        match &new.data {
            NewData::Empty => {}
            NewData::Texts(texts) => {
                self.gap = Gap::TightBreak(1);
                self.commas(texts, Gap::Break(1), |printer, text| printer.written(text.span));
            }
            NewData::Objects(objects) => {
                self.gap = Gap::TightBreak(1);
                self.commas(objects, Gap::Break(1), |printer, object| printer.object(object));
            }
        }
        self.gap = if new.data == NewData::Empty { Gap::Tight } else { Gap::TightBreak(0) };
        // The closing bracket has a place, so that comments before it stay inside.
        self.push("]", Some(new.data_span.end.saturating_sub(1)));
    }

    fn object(&mut self, object: &Object) {
        self.push("{", Some(object.span.start));
        self.gap = Gap::Tight;
        self.commas(&object.fields, Gap::Blank, |printer, (key, value)| {
            printer.written(key.span);
            printer.tight(":");
            match value {
                Scalar::Bool(true, span) => printer.push("TRUE", Some(span.start)),
                Scalar::Bool(false, span) => printer.push("FALSE", Some(span.start)),
                Scalar::Null(span) => printer.push("NULL", Some(span.start)),
                Scalar::Text(_) | Scalar::Number(_) => printer.written(value.span()),
            }
        });
        self.tight("}");
    }

    fn group(&mut self, group: &Group) {
        self.word("GROUP");
        self.name(&group.variable);
        self.clause("BY", 1);
        self.commas(&group.keys, Gap::Blank, |printer, key| match key {
            GroupKey::Attribute(attribute) => printer.attribute(attribute),
            GroupKey::Bin { attribute, size, unit, span } => {
                printer.push("BIN(", Some(span.start));
                printer.gap = Gap::Tight;
                printer.attribute(attribute);
                printer.tight(",");
                let unit = match unit {
                    Some(Unit::Day) => "d",
                    Some(Unit::Hour) => "h",
                    Some(Unit::Minute) => "m",
                    Some(Unit::Second) => "s",
                    None => "",
                };
                printer.push(format!("{}{unit}", size.value), Some(size.span.start));
                printer.tight(")");
            }
        });
        if !group.aggregates.is_empty() {
            self.clause("WITH", 1);
            self.commas(&group.aggregates, Gap::Blank, |printer, aggregate| {
                let function = aggregate.function.as_str().to_ascii_uppercase();
                printer.push(format!("{function}("), Some(aggregate.span.start));
                printer.gap = Gap::Tight;
                printer.attribute(&aggregate.attribute);
                printer.tight(")");
                if let Some(alias) = &aggregate.alias {
                    printer.word("AS");
                    printer.name(alias);
                }
            });
        }
    }

    fn bounds(&mut self, bounds: &Bounds) {
        if let Some(limit) = bounds.limit.filter(|_| bounds.limit_first && self.has_comment_order(bounds)) {
            self.clause("LIMIT", 1);
            self.count(limit);
        }
        if let Some(range) = &bounds.range {
            match &range.kind {
                RangeKind::Absolute { start, stop } => {
                    self.clause("START", 1);
                    self.timestamp(start);
                    self.word("STOP");
                    self.timestamp(stop);
                }
                RangeKind::Last(duration) => {
                    self.clause("LAST", 1);
                    self.push(duration.count.value.to_string(), Some(duration.span.start));
                    self.word(duration.unit.keyword(duration.count.value));
                }
            }
        }
        if let Some(limit) = bounds.limit.filter(|_| !(bounds.limit_first && self.has_comment_order(bounds)))
        {
            self.clause("LIMIT", 1);
            self.count(limit);
        }
    }

    /// Does a comment stand between a leading LIMIT and the time range? Then the two keep
    /// their order, and the comment its neighbours.
    fn has_comment_order(&self, bounds: &Bounds) -> bool {
        let (Some(limit), Some(range)) = (&bounds.limit, &bounds.range) else { return false };
        let (from, to) = (limit.span.start as usize, range.span.end as usize);
        self.source.get(from..to).is_some_and(|text| text.contains('#'))
    }

    fn timestamp(&mut self, timestamp: &Timestamp) {
        let written = self.source.get(timestamp.span.range()).unwrap_or_default();
        let bare = written.trim_start_matches('t').trim_matches(['\'', '"', ' ', '\t']);
        self.push(bare, Some(timestamp.span.start));
    }

    fn count(&mut self, count: Count) {
        self.push(count.value.to_string(), Some(count.span.start));
    }

    // ------------------------------------------------------------ expressions

    fn expression(&mut self, expression: &Expression) {
        if let Some(transformer) = expression.transformer {
            self.push(format!("{}(", transformer.keyword()), Some(expression.span.start));
            self.gap = Gap::Tight;
            self.name(&expression.variable);
            self.tight(")");
        } else {
            self.name(&expression.variable);
        }
        if let Some(pattern) = &expression.pattern {
            self.pattern(pattern);
        }
        if let Some(attributes) = &expression.attributes {
            self.clause("ATTR", 1);
            self.commas(attributes, Gap::Break(2), |printer, attribute| printer.attribute(attribute));
        }
        if let Some(sort) = &expression.sort {
            self.clause("SORT", 1);
            self.sort_by(sort);
        }
        if let Some(limit) = expression.limit {
            self.clause("LIMIT", 1);
            self.count(limit);
        }
        if let Some(offset) = expression.offset {
            self.clause("OFFSET", 1);
            self.count(offset);
        }
    }

    fn sort_by(&mut self, sort: &SortBy) {
        self.word("BY");
        self.attribute(&sort.attribute);
        match sort.order {
            Some(SortOrder::Ascending) => self.word("ASC"),
            Some(SortOrder::Descending) => self.word("DESC"),
            None => {}
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        self.clause("WHERE", 1);
        if pattern.bracketed {
            self.open("[");
        }
        self.condition(&pattern.expr, 2);
        if pattern.bracketed {
            self.tight("]");
        }
    }

    fn condition(&mut self, expr: &PatternExpr, indent: usize) {
        match expr {
            PatternExpr::And(parts) => self.chain(parts, "AND", indent),
            PatternExpr::Or(parts) => self.chain(parts, "OR", indent),
            PatternExpr::Paren(inner, span) => {
                self.push("(", Some(span.start));
                self.gap = Gap::Tight;
                self.condition(inner, indent + 1);
                self.tight(")");
            }
            PatternExpr::Test(test) => {
                self.attribute(&test.attribute);
                self.word(test.operator.as_str());
                if let Some(value) = &test.value {
                    self.value(value);
                }
            }
        }
    }

    fn chain(&mut self, parts: &[PatternExpr], joint: &str, indent: usize) {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                self.clause(joint, indent);
            }
            self.condition(part, indent);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Literal(Literal::Reference(reference)) => self.reference(reference),
            Value::Literal(literal) => self.written(literal.span()),
            Value::List(list) => {
                self.push("(", Some(list.span.start));
                self.gap = Gap::Tight;
                self.commas(&list.items, Gap::Blank, |printer, item| printer.value(item));
                self.tight(")");
            }
        }
    }

    fn reference(&mut self, reference: &Reference) {
        let text = format!("{}.{}", reference.variable.text, reference.attribute.canonical());
        self.push(text, Some(reference.span.start));
    }

    fn attribute(&mut self, attribute: &AttributePath) {
        let path = attribute.in_source();
        let text = match &attribute.entity_type {
            Some(entity_type) => format!("{}:{path}", entity_type.text),
            None => path,
        };
        self.push(text, Some(attribute.span.start));
    }
}
