//! A hunt as editors look at it: its blocks examined, and its plan as far as it goes.

use std::sync::OnceLock;

use kestrel_ir::{
    NodeId, Plan, SourceText,
    diagnostic::{SourceId, Span},
};

use crate::{
    config::Config,
    hir::{Step, VarId, Version},
    hunt::{Block, Hunt},
    lower::{self, Lowering},
};

/// A place in a hunt: a byte of one of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which block, from 0: a huntflow has one, a huntbook one a cell.
    pub block: usize,
    /// The byte in it.
    pub offset: usize,
}

/// A hunt with what follows from it.
#[derive(Debug, Default)]
pub struct Analysis {
    /// The blocks and the versions of variables.
    pub hunt: Hunt,
    /// Settings it was examined with.
    pub config: Config,
    /// Start of each statement, wrong ones too, in order, by block.
    starts: Vec<Vec<u32>>,
    plan: OnceLock<Plan>,
}

impl Analysis {
    /// Examines the blocks of a hunt, in order.
    pub fn new<'t>(blocks: impl IntoIterator<Item = &'t str>, config: Config) -> Self {
        let mut hunt = Hunt::default();
        for text in blocks {
            hunt.add_text(text, &config);
        }
        let starts = hunt
            .blocks
            .iter()
            .map(|block| {
                let right = block.ast.statements.iter().map(|statement| statement.span.start);
                let wrong = block.ast.broken.iter().map(|broken| broken.span.start);
                let mut starts: Vec<u32> = right.chain(wrong).collect();
                starts.sort_unstable();
                starts
            })
            .collect();
        Analysis { hunt, config, starts, plan: OnceLock::new() }
    }

    /// Returns a block.
    pub fn block(&self, block: usize) -> Option<&Block> {
        self.hunt.blocks.get(block)
    }

    /// Returns the start of the last statement that starts at or before a place.
    pub fn statement_start(&self, place: Place) -> usize {
        let starts = self.starts.get(place.block).map(Vec::as_slice).unwrap_or_default();
        let after = starts.partition_point(|start| *start as usize <= place.offset);
        after.checked_sub(1).and_then(|at| starts.get(at)).map_or(0, |start| *start as usize)
    }

    /// Returns the versions that are defined before a place, in order.
    pub fn versions_before(&self, place: Place) -> &[Version] {
        let versions = &self.hunt.scope.versions;
        let end = versions.partition_point(|version| is_before(version.span, place));
        versions.get(..end).unwrap_or_default()
    }

    /// Returns a version.
    pub fn version(&self, id: VarId) -> Option<&Version> {
        self.hunt.scope.versions.get(id.0 as usize)
    }

    /// Returns the plan of the steps that could be resolved. Wrong steps, and those that need
    /// them, are not in it.
    pub fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| {
            let mut lowering = Lowering::default();
            let sources = self.hunt.blocks.iter();
            lowering.plan.sources =
                sources.map(|block| SourceText { name: String::new(), text: block.text.clone() }).collect();
            for block in &self.hunt.blocks {
                lower::lower(&block.steps, &self.hunt.scope, &self.config, &mut lowering);
            }
            lowering.plan
        })
    }

    /// Returns the step whose statement covers a place, and its number in the plan.
    pub fn step_at(&self, place: Place) -> Option<(u32, &Step)> {
        let before: usize = self.hunt.blocks.iter().take(place.block).map(|block| block.steps.len()).sum();
        let steps = &self.block(place.block)?.steps;
        let after = steps.partition_point(|step| step.span.start as usize <= place.offset);
        let at = after.checked_sub(1)?;
        let step = steps.get(at).filter(|step| place.offset <= step.span.end as usize)?;
        Some((u32::try_from(before + at).ok()?, step))
    }

    /// Returns the nodes that a step brought into the plan.
    pub fn nodes_of(&self, step: u32) -> Vec<NodeId> {
        let nodes = self.plan().nodes();
        nodes.into_iter().filter(|node| node.origin.step == step).map(|node| node.id).collect()
    }
}

/// Returns true if a span starts before a place.
fn is_before(span: Span, place: Place) -> bool {
    (span.source, span.start as usize) < (source(place.block), place.offset)
}

/// The number of a block as spans have it.
pub(super) fn source(block: usize) -> SourceId {
    SourceId(u32::try_from(block).unwrap_or(u32::MAX))
}

impl Place {
    /// Returns true if a span covers the place or ends at it.
    pub fn touches(self, span: Span) -> bool {
        span.source == source(self.block)
            && span.start as usize <= self.offset
            && self.offset <= span.end as usize
    }
}
