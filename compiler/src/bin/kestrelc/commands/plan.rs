//! `kestrelc plan`.

use clap::ValueEnum;
use kestrel_compiler::{lexer, tree};
use kestrel_ir::{dot, passes, text, wire};

use super::Failure;
use crate::{exit, input, optimization::Optimization, output};

/// Print what a hunt will do, step by step, from a huntflow or a plan.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A huntflow, a plan, or `-`.
    file: String,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print an earlier stage of a huntflow instead of its plan.
    #[arg(long, value_enum)]
    stage: Option<Stage>,
    /// Which plans to print: as lowered, as optimized, or after each pass that changed it.
    #[arg(long, value_enum, default_value_t = Emit::After)]
    emit: Emit,
    #[command(flatten)]
    optimization: Optimization,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: one line a node.
    Text,
    /// The interchange form.
    Json,
    /// For Graphviz.
    Dot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Words, strings and signs.
    Tokens,
    /// The syntax tree.
    Ast,
    /// The resolved hunt: names bound, defaults filled in.
    Hunt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Emit {
    /// As lowered.
    Before,
    /// As it will run.
    After,
    /// As lowered, then after each pass that changed it.
    EachPass,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    if let Some(stage) = args.stage {
        return print_stage(args, stage);
    }
    let chosen = args.optimization.chosen()?;
    let built = super::plan_of(&args.file)?;
    if built.errors {
        return Ok(exit::FINDINGS);
    }
    let plan = built.plan;
    let show = |plan: &kestrel_ir::Plan| -> Result<String, Failure> {
        match args.format {
            Format::Text => Ok(text::write(plan)),
            Format::Dot => Ok(dot::write(plan)),
            Format::Json => wire::to_json(plan).map_err(|error| Failure::Other(error.to_string())),
        }
    };
    let mut stages = Vec::new();
    if args.emit != Emit::After {
        stages.push(("as lowered", plan.clone()));
    }
    let optimized = passes::optimize(plan, &chosen, |name, plan| {
        if args.emit == Emit::EachPass {
            stages.push((name, plan.clone()));
        }
    })
    .map_err(|broken| Failure::Other(broken.to_string()))?;
    if args.emit == Emit::After {
        output::print(&show(&optimized)?)?;
    }
    for (name, plan) in &stages {
        if args.emit == Emit::EachPass {
            output::print(&format!("== {name}\n"))?;
        }
        output::print(&show(plan)?)?;
    }
    Ok(exit::CLEAN)
}

fn print_stage(args: &Args, stage: Stage) -> Result<u8, Failure> {
    if stage == Stage::Tokens {
        let bytes = input::read(&args.file)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = String::new();
        for token in lexer::lex(&text).tokens {
            let written = text.get(token.start as usize..token.end as usize).unwrap_or_default();
            let kind = format!("{:?}", token.kind);
            lines.push_str(&format!("{:>6} {kind:<16} {}\n", token.start, text::visible(written)));
        }
        output::print(&lines)?;
        return Ok(exit::CLEAN);
    }
    let (_, compiled) = super::compile(&args.file)?;
    let shown = match stage {
        Stage::Hunt => tree::tree(&compiled.steps),
        _ => tree::tree(&compiled.ast),
    };
    output::print(&shown)?;
    Ok(if compiled.has_errors() { exit::FINDINGS } else { exit::CLEAN })
}
