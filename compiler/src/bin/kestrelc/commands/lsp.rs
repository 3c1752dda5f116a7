//! `kestrelc lsp`.

use std::{io, path::PathBuf};

use kestrel_compiler::lsp::server;

use super::Failure;
use crate::{exit, machine::Machine};

/// Serve an editor over standard input and output, by the Language Server Protocol.
///
/// Diagnostics while typing, hover with types, time ranges and costs, completion, definitions,
/// references, rename, outline, formatting, quick fixes and semantic colours. Reads the open texts,
/// `kestrel.toml` and the names of files beside them; runs nothing and reaches no network.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Settings to use instead of the nearest `kestrel.toml`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Speak over standard input and output: always so; accepted because editors pass it.
    #[arg(long)]
    stdio: bool,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let surroundings = Machine::new(args.config.clone());
    let input = io::BufReader::new(io::stdin());
    let in_order = server::serve(input, io::stdout(), Box::new(surroundings), env!("CARGO_PKG_VERSION"));
    Ok(if in_order { exit::CLEAN } else { exit::FINDINGS })
}
