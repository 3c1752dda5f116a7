//! A hunt under examination: everything that can be known about a text without making a plan.
//!
//! A huntflow is one block, a huntbook one block a cell. Unlike [`compile`](crate::compile), a
//! mistake in one block does not hide the others: names of wrong steps stay known.

use kestrel_ir::{
    Plan, SourceText,
    diagnostic::{Diagnostic, SourceId, Span},
};

use crate::{
    ast::Huntflow,
    config::Config,
    hir::Step,
    lower::{self, Lowering},
    parse::{Comment, Parsed, parse, parse_bytes},
    resolve::{self, Scope},
};

/// The blocks of a hunt with what they mean and what is wrong with them.
#[derive(Debug, Clone, Default)]
pub struct Hunt {
    /// In order; spans name a block by its index as [`SourceId`].
    pub blocks: Vec<Block>,
    /// Every version of every variable.
    pub scope: Scope,
    /// Errors and warnings of all blocks, in order.
    pub diagnostics: Vec<Diagnostic>,
}

/// One text of a hunt.
#[derive(Debug, Clone)]
pub struct Block {
    /// The text, without a byte-order mark.
    pub text: String,
    /// What was written.
    pub ast: Huntflow,
    /// All comments.
    pub comments: Vec<Comment>,
    /// What it means, as far as it could be resolved.
    pub steps: Vec<Step>,
}

impl Hunt {
    /// Examines a single text.
    pub fn of_text(text: &str, config: &Config) -> Hunt {
        let mut hunt = Hunt::default();
        hunt.add_text(text, config);
        hunt
    }

    /// Examines the bytes of a huntflow.
    pub fn of_bytes(bytes: &[u8], config: &Config) -> Hunt {
        let mut hunt = Hunt::default();
        let (text, parsed) = parse_bytes(bytes, hunt.next());
        hunt.add(text, parsed, config);
        hunt
    }

    /// Examines one more block.
    pub fn add_text(&mut self, text: &str, config: &Config) {
        let parsed = parse(text, self.next());
        self.add(text.to_owned(), parsed, config);
    }

    fn next(&self) -> SourceId {
        SourceId(u32::try_from(self.blocks.len()).unwrap_or(u32::MAX))
    }

    fn add(&mut self, text: String, parsed: Parsed, config: &Config) {
        let Parsed { ast, comments, mut diagnostics } = parsed;
        let steps = resolve::resolve(&ast, &mut self.scope, config, &mut diagnostics);
        diagnostics.sort_by_key(|found| found.span);
        self.diagnostics.append(&mut diagnostics);
        self.blocks.push(Block { text, ast, comments, steps });
    }

    /// Returns true if the hunt cannot run.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Returns the plan of all blocks as lowered, each text called `name`; none if the hunt cannot
    /// run.
    pub fn plan(&self, name: &str, config: &Config) -> Option<Plan> {
        if self.has_errors() {
            return None;
        }
        let text = |block: &Block| SourceText { name: name.to_owned(), text: block.text.clone() };
        let mut lowering = Lowering::default();
        lowering.plan.sources = self.blocks.iter().map(text).collect();
        for block in &self.blocks {
            lower::lower(&block.steps, &self.scope, config, &mut lowering);
        }
        Some(lowering.plan)
    }

    /// Returns the texts of a finished plan as a hunt without steps, for messages about the plan.
    pub fn of_plan(plan: &Plan) -> Hunt {
        let block = |source: &SourceText| Block {
            text: source.text.clone(),
            ast: Huntflow::default(),
            comments: Vec::new(),
            steps: Vec::new(),
        };
        let mut hunt = Hunt { blocks: plan.sources.iter().map(block).collect(), ..Hunt::default() };
        if hunt.blocks.is_empty() {
            // A message without a place still needs a text that it is not in.
            hunt.blocks.push(block(&SourceText { name: String::new(), text: String::new() }));
        }
        hunt
    }

    /// Returns the text under a span.
    pub fn text_at(&self, span: Span) -> &str {
        let block = self.blocks.get(span.source.0 as usize);
        block.and_then(|block| block.text.get(span.range())).unwrap_or_default()
    }
}
