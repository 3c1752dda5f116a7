//! From text to a verified plan, whole or block by block.

use kestrel_ir::{
    Plan, SourceText,
    diagnostic::{Diagnostic, SourceId},
    passes, verify,
};

use crate::{
    ast::Huntflow,
    config::Config,
    hir::Step,
    lower::{self, Lowering},
    parse::{Parsed, parse, parse_bytes},
    resolve::{self, Scope},
};

/// A compilation that can go on: a session adds block after block.
#[derive(Debug, Clone, Default)]
pub struct Compilation {
    /// Settings.
    pub config: Config,
    /// What the blocks so far define.
    pub scope: Scope,
    lowering: Lowering,
}

/// What compiling one block gave.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The syntax tree, as far as the text could be read.
    pub ast: Huntflow,
    /// The resolved steps, as far as they could be resolved.
    pub steps: Vec<Step>,
    /// Errors and warnings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// Returns true if the block cannot run.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

impl Compilation {
    /// Starts with nothing defined.
    pub fn new(config: Config) -> Self {
        Compilation { config, ..Compilation::default() }
    }

    /// Compiles a block of bytes: like [`Compilation::block`], but the text must first be UTF-8.
    pub fn block_bytes(&mut self, name: &str, bytes: &[u8]) -> Compiled {
        let source = SourceId(u32::try_from(self.lowering.plan.sources.len()).unwrap_or(u32::MAX));
        let (text, parsed) = parse_bytes(bytes, source);
        self.parsed(name, text, parsed)
    }

    /// Compiles a block and adds it to the plan. With an error anywhere in it, nothing of the
    /// block is added: neither steps nor variables.
    pub fn block(&mut self, name: &str, text: &str) -> Compiled {
        let source = SourceId(u32::try_from(self.lowering.plan.sources.len()).unwrap_or(u32::MAX));
        self.parsed(name, text.to_owned(), parse(text, source))
    }

    fn parsed(&mut self, name: &str, text: String, parsed: Parsed) -> Compiled {
        self.lowering.plan.sources.push(SourceText { name: name.to_owned(), text });
        let Parsed { ast, mut diagnostics, .. } = parsed;
        let mut scope = self.scope.clone();
        let steps = resolve::resolve(&ast, &mut scope, &self.config, &mut diagnostics);
        diagnostics.sort_by_key(|found| found.span);
        let compiled = Compiled { ast, steps, diagnostics };
        if !compiled.has_errors() {
            lower::lower(&compiled.steps, &scope, &self.config, &mut self.lowering);
            self.scope = scope;
        }
        compiled
    }

    /// Returns the plan of all blocks, as lowered.
    pub fn plan(&self) -> &Plan {
        &self.lowering.plan
    }

    /// Returns the plan of all blocks, optimized.
    pub fn optimized(&self, level: passes::Level) -> Result<Plan, verify::Broken> {
        self.optimized_by(&passes::of_level(level))
    }

    /// Returns the plan of all blocks, optimized by these passes.
    pub fn optimized_by(&self, chosen: &[&'static dyn passes::Pass]) -> Result<Plan, verify::Broken> {
        verify::verify(self.plan())?;
        passes::optimize(self.plan().clone(), chosen, |_, _| {})
    }
}
