//! `kestrelc build`.

use std::path::PathBuf;

use kestrel_ir::{passes::Level, wire};

use super::Failure;
use crate::{exit, input};

/// Compile a huntflow to a plan that kestrel-run executes, here or elsewhere.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The huntflow, or `-`.
    file: String,
    /// Where to write: `.json` gives the interchange form, anything else the compact one.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How much to optimize: 0 nothing, 1 only remove, 2 everything.
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=2))]
    level: u8,
}

/// Returns the optimization level of a number.
pub(crate) fn level(number: u8) -> Level {
    match number {
        0 => Level::O0,
        1 => Level::O1,
        _ => Level::O2,
    }
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let (compilation, compiled) = super::compile(&args.file)?;
    if compiled.has_errors() {
        return Ok(exit::FINDINGS);
    }
    let plan =
        compilation.optimized(level(args.level)).map_err(|broken| Failure::Other(broken.to_string()))?;
    let json = args.output.extension().is_some_and(|extension| extension == "json");
    let bytes = if json { wire::to_json(&plan).map(String::into_bytes) } else { wire::to_bytes(&plan) };
    let bytes = bytes.map_err(|error| Failure::Other(error.to_string()))?;
    input::write(&args.output, &bytes)
        .map_err(|cause| Failure::Write { path: args.output.display().to_string(), cause })?;
    Ok(exit::CLEAN)
}
