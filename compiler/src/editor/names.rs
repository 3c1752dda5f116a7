//! Where variables are defined and used.

use std::collections::HashMap;

use kestrel_ir::diagnostic::{SourceId, Span};

use super::{Analysis, Place};
use crate::{
    ast::{self, Command, Effect, Expression, Literal, Name, Pattern, Statement, StatementKind, Value},
    hir::VarId,
};

/// One mention of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence<'h> {
    /// The variable.
    pub name: &'h str,
    /// Where it is written.
    pub span: Span,
    /// The version that is meant or made; none if there is none of this name.
    pub version: Option<VarId>,
    /// Left of `=`.
    pub definition: bool,
}

/// Returns every mention of a variable, in the order of the text.
pub fn occurrences(analysis: &Analysis) -> Vec<Occurrence<'_>> {
    let mut walk = Walk {
        analysis,
        current: HashMap::new(),
        next: 0,
        default: analysis.config.default_variable.as_str(),
        found: Vec::new(),
    };
    for (index, block) in analysis.hunt.blocks.iter().enumerate() {
        let source = super::analysis::source(index);
        let mut broken = block.ast.broken.iter().peekable();
        for statement in &block.ast.statements {
            while let Some(broken) = broken.next_if(|broken| broken.span.start < statement.span.start) {
                walk.broken(broken);
            }
            walk.statement(statement);
        }
        broken.for_each(|broken| walk.broken(broken));
        walk.reach(source, u32::MAX);
    }
    walk.found
}

/// Returns the mention of a variable at a place.
pub fn at(analysis: &Analysis, place: Place) -> Option<Occurrence<'_>> {
    // The cursor between two names means the one it stands at the start of.
    let touching = occurrences(analysis).into_iter().filter(|found| place.touches(found.span));
    touching.max_by_key(|found| found.span.start)
}

/// Returns where the variable at a place got its value.
pub fn definition(analysis: &Analysis, place: Place) -> Option<Span> {
    let found = at(analysis, place)?;
    Some(analysis.version(found.version?)?.span)
}

/// Returns every mention of the variable at a place, in the order of the text. All versions of a
/// name are one variable.
pub fn references(analysis: &Analysis, place: Place, with_definitions: bool) -> Vec<Span> {
    let Some(name) = at(analysis, place).map(|found| found.name) else { return Vec::new() };
    let same = occurrences(analysis).into_iter().filter(|found| found.name == name);
    same.filter(|found| with_definitions || !found.definition).map(|found| found.span).collect()
}

struct Walk<'h> {
    analysis: &'h Analysis,
    current: HashMap<&'h str, VarId>,
    /// The next version to become known.
    next: usize,
    default: &'h str,
    found: Vec<Occurrence<'h>>,
}

impl<'h> Walk<'h> {
    /// Makes the versions known that are defined before a byte.
    fn reach(&mut self, source: SourceId, before: u32) {
        let versions = &self.analysis.hunt.scope.versions;
        while let Some(version) = versions.get(self.next) {
            if (version.span.source, version.span.start) >= (source, before) {
                break;
            }
            let id = VarId(u32::try_from(self.next).unwrap_or(u32::MAX));
            self.current.insert(&version.name, id);
            self.current.insert(self.default, id);
            self.next += 1;
        }
    }

    fn broken(&mut self, broken: &'h ast::Broken) {
        self.reach(broken.span.source, broken.span.start);
        self.reach(broken.span.source, broken.span.end);
        if let Some(target) = &broken.target {
            self.define(target);
        }
    }

    fn statement(&mut self, statement: &'h Statement) {
        self.reach(statement.span.source, statement.span.start);
        let first = self.found.len();
        match &statement.kind {
            StatementKind::Yield { target, command } => {
                self.command(command);
                self.reach(statement.span.source, statement.span.end);
                if let Some(target) = target {
                    self.define(target);
                }
            }
            StatementKind::Effect(effect) => {
                self.effect(effect);
                self.reach(statement.span.source, statement.span.end);
            }
        }
        if let Some(new) = self.found.get_mut(first..) {
            new.sort_by_key(|found| found.span);
        }
    }

    fn define(&mut self, target: &'h Name) {
        let version = self.current.get(target.text.as_str()).copied();
        self.found.push(Occurrence { name: &target.text, span: target.span, version, definition: true });
    }

    fn read(&mut self, name: &'h Name) {
        let version = self.current.get(name.text.as_str()).copied();
        self.found.push(Occurrence { name: &name.text, span: name.span, version, definition: false });
    }

    fn command(&mut self, command: &'h Command) {
        match command {
            Command::Get(get) => {
                // `FROM x` is the variable where there is one, else a source of that name.
                let source = get.source.as_ref();
                if let Some((name, span)) =
                    source.and_then(|source| Some((source.as_variable()?, source.span)))
                    && let Some(version) = self.current.get(name).copied()
                {
                    self.found.push(Occurrence { name, span, version: Some(version), definition: false });
                }
                self.pattern(&get.pattern);
            }
            Command::Find(find) => {
                self.read(&find.variable);
                find.pattern.iter().for_each(|pattern| self.pattern(pattern));
            }
            Command::New(_) | Command::Load(_) => {}
            Command::Sort(sort) => self.read(&sort.variable),
            Command::Group(group) => self.read(&group.variable),
            Command::Join(join) => [&join.left, &join.right].into_iter().for_each(|name| self.read(name)),
            Command::Merge(names) => names.iter().for_each(|name| self.read(name)),
            Command::Assign(expression) => self.expression(expression),
        }
    }

    fn effect(&mut self, effect: &'h Effect) {
        match effect {
            Effect::Apply(apply) => {
                apply.variables.iter().for_each(|name| self.read(name));
                apply.arguments.iter().for_each(|argument| self.value(&argument.value));
            }
            Effect::Disp(expression) => self.expression(expression),
            Effect::Info(name) | Effect::Explain(name) => self.read(name),
            Effect::Describe(reference) => self.read(&reference.variable),
            Effect::Save(save) => self.read(&save.variable),
        }
    }

    fn expression(&mut self, expression: &'h Expression) {
        self.read(&expression.variable);
        expression.pattern.iter().for_each(|pattern| self.pattern(pattern));
    }

    fn pattern(&mut self, pattern: &'h Pattern) {
        for test in pattern.expr.tests() {
            test.value.iter().for_each(|value| self.value(value));
        }
    }

    fn value(&mut self, value: &'h Value) {
        for literal in value.literals() {
            if let Literal::Reference(reference) = literal {
                self.read(&reference.variable);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn mentions_know_their_version() {
        let cells = [
            "p = GET process FROM file://a.json WHERE pid = 4\nq = p WHERE pid IN (4, p.pid)\n",
            "p = GET process FROM p WHERE pid = q.pid DISP _ APPLY python://a ON p, q WITH k=q.name\nDISP r",
        ];
        let analysis = Analysis::new(cells, Config::default());
        let mut shown = String::new();
        for found in occurrences(&analysis) {
            let cell = cells[found.span.source.0 as usize];
            assert!(cell[found.span.range()].starts_with(found.name));
            let version = found.version.map_or("?".to_owned(), |id| {
                let version = analysis.version(id).unwrap();
                format!("{}#{}", version.name, version.version)
            });
            let sign = if found.definition { "=" } else { "" };
            shown.push_str(&format!(
                "{}:{} {}{sign} {version}\n",
                found.span.source.0, found.span.start, found.name
            ));
        }
        insta::assert_snapshot!(shown);
        let from = Place { block: 1, offset: cells[1].find("q.name").unwrap() };
        assert_eq!(references(&analysis, from, true).len(), 4);
        assert_eq!(references(&analysis, from, false).len(), 3);
        let definition = definition(&analysis, from).unwrap();
        assert_eq!(&cells[0][definition.range()], "q");
    }
}
