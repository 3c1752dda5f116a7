//! `kestrelc build`.

use std::path::PathBuf;

use kestrel_ir::wire;

use super::Failure;
use crate::{exit, input, optimization::Optimization};

/// Compile a huntflow to a plan that kestrel-run executes, here or elsewhere.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The huntflow, or `-`.
    file: String,
    /// Where to write: `.json` gives the interchange form, anything else the compact one.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    optimization: Optimization,
    #[command(flatten)]
    identify: super::Identify,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let chosen = args.optimization.chosen()?;
    let (compilation, compiled) = super::compile(&args.file, args.identify)?;
    if compiled.has_errors() {
        return Ok(exit::FINDINGS);
    }
    let plan = compilation.optimized_by(&chosen).map_err(|broken| Failure::Other(broken.to_string()))?;
    let json = args.output.extension().is_some_and(|extension| extension == "json");
    let bytes = if json { wire::to_json(&plan).map(String::into_bytes) } else { wire::to_bytes(&plan) };
    let bytes = bytes.map_err(|error| Failure::Other(error.to_string()))?;
    input::write(&args.output, &bytes)
        .map_err(|cause| Failure::Write { path: args.output.display().to_string(), cause })?;
    Ok(exit::CLEAN)
}
