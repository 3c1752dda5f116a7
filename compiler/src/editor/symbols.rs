//! The outline of a hunt: one symbol a step, with what it makes.

use kestrel_ir::diagnostic::Span;

use super::Analysis;
use crate::{
    ast::{Command, Effect, Statement, StatementKind},
    hir::Version,
};

/// What a step is, for its icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// Makes a variable.
    Variable,
    /// Runs an analytic.
    Analytic,
    /// Shows something.
    Display,
    /// Writes a file.
    File,
    /// Could not be read.
    Broken,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// The variable, or the effect and what it is about.
    pub name: String,
    /// Type and command.
    pub detail: String,
    /// See [`SymbolKind`].
    pub kind: SymbolKind,
    /// The statement.
    pub span: Span,
    /// Its name.
    pub name_span: Span,
}

/// Returns the steps of a block, in order.
pub fn symbols(analysis: &Analysis, block: usize) -> Vec<Symbol> {
    let Some(block) = analysis.block(block) else { return Vec::new() };
    let mut symbols: Vec<Symbol> =
        block.ast.statements.iter().map(|statement| symbol(analysis, statement)).collect();
    symbols.extend(block.ast.broken.iter().map(|broken| {
        let name = broken.target.as_ref();
        Symbol {
            name: name.map_or("?".to_owned(), |name| name.text.clone()),
            detail: "cannot be read".to_owned(),
            kind: SymbolKind::Broken,
            span: broken.span,
            name_span: name.map_or(broken.span, |name| name.span),
        }
    }));
    symbols.sort_by_key(|symbol| symbol.span);
    symbols
}

fn symbol(analysis: &Analysis, statement: &Statement) -> Symbol {
    let span = statement.span;
    let effect = |name: String, detail: &str, kind| Symbol {
        name,
        detail: detail.to_owned(),
        kind,
        span,
        name_span: span,
    };
    match &statement.kind {
        StatementKind::Yield { target, command } => {
            let name_span = target.as_ref().map_or(span, |name| name.span);
            let name =
                target.as_ref().map_or(analysis.config.default_variable.clone(), |name| name.text.clone());
            let versions = &analysis.hunt.scope.versions;
            let at = versions.partition_point(|version| version.span < name_span);
            let version = versions.get(at).filter(|version| version.span == name_span);
            let detail = match version.and_then(Version::type_name) {
                Some(entity_type) => format!("{entity_type}, {}", keyword(command)),
                None => keyword(command).to_owned(),
            };
            Symbol { name, detail, kind: SymbolKind::Variable, span, name_span }
        }
        StatementKind::Effect(Effect::Apply(apply)) => {
            let on: Vec<&str> = apply.variables.iter().map(|name| name.text.as_str()).collect();
            let detail = format!("APPLY ON {}", on.join(", "));
            effect(apply.analytic.text.clone(), &detail, SymbolKind::Analytic)
        }
        StatementKind::Effect(Effect::Save(save)) => {
            let detail = format!("SAVE {}", save.variable.text);
            effect(save.path.text.clone(), &detail, SymbolKind::File)
        }
        StatementKind::Effect(shown) => {
            let (keyword, about) = match shown {
                Effect::Disp(expression) => ("DISP", expression.variable.text.clone()),
                Effect::Info(name) => ("INFO", name.text.clone()),
                Effect::Explain(name) => ("EXPLAIN", name.text.clone()),
                Effect::Describe(reference) => {
                    let attribute = reference.attribute.canonical();
                    ("DESCRIBE", format!("{}.{attribute}", reference.variable.text))
                }
                Effect::Apply(_) | Effect::Save(_) => ("", String::new()),
            };
            effect(format!("{keyword} {about}"), "", SymbolKind::Display)
        }
    }
}

/// The keyword of a command, or what it does.
pub(super) fn keyword(command: &Command) -> &'static str {
    match command {
        Command::Get(_) => "GET",
        Command::Find(_) => "FIND",
        Command::New(_) => "NEW",
        Command::Load(_) => "LOAD",
        Command::Sort(_) => "SORT",
        Command::Group(_) => "GROUP",
        Command::Join(_) => "JOIN",
        Command::Merge(_) => "merge",
        Command::Assign(expression) => match expression.transformer {
            Some(transformer) => transformer.keyword(),
            None => "assignment",
        },
    }
}

impl Version {
    /// Returns the type of the entities as text.
    pub fn type_name(&self) -> Option<&str> {
        self.entity_type.as_ref().map(kestrel_stix::EntityType::as_str)
    }
}
