//! `kestrelc diff`.

use std::path::Path;

use clap::ValueEnum;
use kestrel_compiler::review::diff::{Difference, render};
use kestrel_ir::{
    Plan,
    passes::{self, Level},
};

use super::{Built, Failure};
use crate::{exit, git, input, output};

/// Show what changed in the work of a hunt, not in its text: effects first, then statements.
///
/// Each side is a huntflow, a huntbook, a plan, `-`, or REVISION:PATH of a git repository, as in
/// `main:hunts/a.hf` (from the top of the repository) or `HEAD:./a.hf` (from here). A file of that
/// name comes first. Revisions are read by running `git cat-file`, the only program that kestrelc
/// ever starts, and only for this. Both sides are compiled with today's configuration, so that only
/// changes of the hunt show.
///
/// Comments, layout and order of tests do not count; a renamed variable is told as that.
///
/// Exit code 0: the effects did not grow; 1: they grew (a new source, server, profile, file or
/// analytic, more queries, a wider time range), or a side has errors; 2: it could not be read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The hunt as it was.
    old: String,
    /// The hunt as it is.
    new: String,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  kestrelc diff old.hf new.hf
  kestrelc diff main:hunts/a.hf hunts/a.hf        before you commit
  kestrelc diff approved.kplan hunts/a.hf         since it was approved
  kestrelc diff v1.0:./a.hf v1.1:./a.hf --format json";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// `docs/schemas/diff.schema.json`.
    Json,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    if args.old == "-" && args.new == "-" {
        return Err(Failure::Other("only one side can be standard input".to_owned()));
    }
    let (old, new) = (side(&args.old)?, side(&args.new)?);
    if old.errors || new.errors {
        return Ok(exit::FINDINGS);
    }
    let difference = Difference::of(&optimized(old.plan)?, &optimized(new.plan)?);
    let text = match args.format {
        Format::Text => render::text(&difference),
        Format::Json => render::json(&difference).map_err(|error| Failure::Other(error.to_string()))?,
    };
    output::print(&text)?;
    Ok(if difference.grew() { exit::FINDINGS } else { exit::CLEAN })
}

/// What runs is compared, whatever level a plan was built with.
fn optimized(plan: Plan) -> Result<Plan, Failure> {
    passes::optimize(plan, &passes::of_level(Level::O2), |_, _| {})
        .map_err(|broken| Failure::Other(broken.to_string()))
}

fn side(name: &str) -> Result<Built, Failure> {
    if name != "-"
        && !Path::new(name).exists()
        && let Some(object) = git::Object::parse(name)
    {
        let bytes = object.read().map_err(|error| Failure::Other(error.to_string()))?;
        return super::plan_of_bytes(name, Path::new(object.path()), &bytes, Default::default());
    }
    let bytes = input::read(name)?;
    super::plan_of_bytes(name, Path::new(name), &bytes, Default::default())
}
