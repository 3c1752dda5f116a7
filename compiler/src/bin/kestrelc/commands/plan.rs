//! `kestrelc plan`.

use clap::ValueEnum;
use kestrel_compiler::{
    lexer,
    review::{effects::Effects, html, json, places::Places, queries, summary, svg},
    tree,
};
use kestrel_ir::{Plan, dot, passes, text};

use super::Failure;
use crate::{exit, input, optimization::Optimization, output};

/// Print what a hunt will do, before it runs: first what it does to the world, then step by step.
///
/// Takes a huntflow, a huntbook or a plan. The summary names the data sources and servers, the
/// number of queries, the widest time range, the code that runs, files read and written, whose
/// credentials are used, and what is kept; what stands behind `!` is worth a second look.
///
/// Exit code 0: printed; 1: the huntflow has errors; 2: it could not be read or drawn.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A huntflow, a huntbook, a plan, or `-`.
    file: String,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Add the native query of each retrieval, and what is filtered here afterwards.
    #[arg(long)]
    queries: bool,
    /// Print an earlier stage of a huntflow instead of its plan.
    #[arg(long, value_enum, conflicts_with = "queries")]
    stage: Option<Stage>,
    /// Which plans to print: as lowered, as optimized, or after each pass that changed it.
    #[arg(long, value_enum, default_value_t = Emit::After)]
    emit: Emit,
    #[command(flatten)]
    optimization: Optimization,
    #[command(flatten)]
    identify: super::Identify,
}

const EXAMPLES: &str = "\
Examples:
  kestrelc plan hunt.hf                            what it does, then the plan
  kestrelc plan hunt.hf --queries                  and what each source is asked
  kestrelc plan hunt.hf --format html > hunt.html  one page to read and to send
  kestrelc plan hunt.kplan --format json | jq .summary.sources";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the summary, then one line a node.
    Text,
    /// The interchange form, with the summary; `docs/schemas/plan.schema.json`.
    Json,
    /// One self-contained page: summary, huntflow, graph and queries.
    Html,
    /// The graph, drawn.
    Svg,
    /// The graph, for Graphviz.
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
    let built = super::plan_of(&args.file, args.identify)?;
    if built.errors {
        return Ok(exit::FINDINGS);
    }
    let plan = built.plan;
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
        output::print(&show(args, &optimized)?)?;
    }
    for (name, plan) in &stages {
        if args.emit == Emit::EachPass {
            output::print(&format!("== {name}\n"))?;
        }
        output::print(&show(args, plan)?)?;
    }
    Ok(exit::CLEAN)
}

fn show(args: &Args, plan: &Plan) -> Result<String, Failure> {
    let other = |cause: String| Failure::Other(cause);
    match args.format {
        Format::Text => Ok(as_text(args, plan)),
        Format::Dot => Ok(dot::write(plan)),
        Format::Svg => svg::document(plan, &Places::of(plan))
            .map_err(|error| other(format!("{error}; `--format text` prints them all"))),
        Format::Html => Ok(html::page(plan, &queries::of(plan, &Places::of(plan)))),
        Format::Json => {
            let asked = args.queries.then(|| queries::of(plan, &Places::of(plan)));
            json::document(plan, asked.as_deref()).map_err(|error| other(error.to_string()))
        }
    }
}

fn as_text(args: &Args, plan: &Plan) -> String {
    let places = Places::of(plan);
    let mut out = String::new();
    // Plans between two passes are for whoever writes passes.
    if args.emit != Emit::EachPass {
        let names: Vec<_> = plan.sources.iter().map(|source| text::shown(&source.name)).collect();
        let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
        out.push_str(&format!("Summary{of}\n"));
        out.push_str(&summary::text(plan, &Effects::of(plan), &places));
        out.push_str(&format!("\nPlan, {} nodes\n", plan.len()));
    }
    out.push_str(&text::write(plan));
    if args.queries {
        out.push_str("\nQueries\n");
        let asked = queries::of(plan, &places);
        out.push_str(&queries::text(plan, &places, &asked));
        if asked.is_empty() {
            out.push_str("none\n");
        }
    }
    out
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
    let (_, compiled) = super::compile(&args.file, args.identify)?;
    let shown = match stage {
        Stage::Hunt => tree::tree(&compiled.steps),
        _ => tree::tree(&compiled.ast),
    };
    output::print(&shown)?;
    Ok(if compiled.has_errors() { exit::FINDINGS } else { exit::CLEAN })
}
