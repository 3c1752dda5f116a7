//! `kestrelc check`.

use std::io::IsTerminal;

use clap::ValueEnum;
use kestrel_compiler::{
    Compilation, Config,
    diagnostics::render::{self, SourceText},
};

use super::Failure;
use crate::{exit, input, output};

/// Parse and resolve huntflows and report every mistake.
///
/// Takes files, folders (searched for `.hf` files) and `-` for standard input. Each file is a
/// hunt of its own. Exit code 0: nothing found; 1: findings; 2: something could not be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Huntflows, folders, or `-`.
    #[arg(required = true)]
    paths: Vec<String>,
    /// How findings are printed, to standard output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Name to print for standard input.
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the source line and a marker.
    Text,
    /// One JSON array of diagnostics.
    Json,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let mut all = Vec::new();
    let (mut errors, mut warnings) = (0, 0);
    let mut cannot_read = false;
    let files = input::huntflows(&args.paths)?;
    for path in &files {
        let bytes = match input::read(path) {
            Ok(bytes) => bytes,
            Err(unreadable) => {
                eprintln!("kestrelc: {unreadable}");
                cannot_read = true;
                continue;
            }
        };
        let name = match &args.stdin_filename {
            Some(name) if path == "-" => name,
            _ => path,
        };
        let mut compilation = Compilation::new(Config::default());
        let compiled = compilation.block_bytes(name, &bytes);
        let text = compilation.plan().sources.last().map_or("", |source| source.text.as_str());
        let source = SourceText::new(name, text);
        for found in &compiled.diagnostics {
            if found.is_error() {
                errors += 1;
            } else {
                warnings += 1;
            }
            match args.format {
                Format::Text => {
                    let style = super::style(std::io::stdout().is_terminal());
                    output::print(&format!("{}
", render::text(found, &source, style)))?;
                }
                Format::Json => all.push(render::json(found, &source)),
            }
        }
    }
    match args.format {
        Format::Json => {
            let text = serde_json::to_string_pretty(&all).map_err(|error| Failure::Other(error.to_string()))?;
            output::print(&format!("{text}
"))?;
        }
        Format::Text => {
            let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
            let checked = plural(files.len(), "huntflow");
            if errors + warnings == 0 {
                eprintln!("{checked} checked, nothing found");
            } else {
                eprintln!("{checked} checked: {}, {}", plural(errors, "error"), plural(warnings, "warning"));
            }
        }
    }
    Ok(match (cannot_read, errors + warnings) {
        (true, _) => exit::CANNOT_RUN,
        (false, 0) => exit::CLEAN,
        (false, _) => exit::FINDINGS,
    })
}
