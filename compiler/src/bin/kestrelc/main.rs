//! `kestrelc`: check, compile and review huntflows. Touches nothing but the files it is given.
#![expect(clippy::print_stderr, reason = "a command line talks")]
#![expect(clippy::disallowed_methods, reason = "the binary reads configuration and passes it in")]

mod commands;
mod configured;
mod diff;
mod files;
mod git;
mod input;
mod machine;
mod optimization;
mod output;
mod settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit codes, as the public contract has them.
mod exit {
    /// Nothing to report.
    pub(crate) const CLEAN: u8 = 0;
    /// There are findings.
    pub(crate) const FINDINGS: u8 = 1;
    /// The command could not do its work.
    pub(crate) const CANNOT_RUN: u8 = 2;
}

/// Check, compile and review Kestrel huntflows. Nothing is executed: no network, no process (but
/// `git` for `diff REVISION:PATH`), no file but those named.
#[derive(Debug, Parser)]
#[command(name = "kestrelc", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  kestrelc check hunts/                       find mistakes before anything runs
  kestrelc fmt hunts/                         write all hunts in one style
  kestrelc plan hunt.hf --queries             read every step and every query of a hunt
  kestrelc diff main:hunt.hf hunt.hf          what changed in its work and its effects
  kestrelc build hunt.hf -o hunt.kplan        compile; run it anywhere with kestrel-run
  kestrelc explain E0201                      what a message means

A huntflow is a text of hunt steps, `.hf`, or the cells of a notebook, `.ipynb`:

  shells = GET process FROM stixbundle://logs.json WHERE name = 'powershell.exe'
  conns  = FIND network-traffic CREATED BY shells
  DISP conns ATTR dst_ref.value, dst_port

Settings come from the nearest `kestrel.toml`, from the folder of the huntflow upwards.
`kestrelc COMMAND --help` shows everything about a command.

Exit codes: 0 clean, 1 findings, 2 cannot run.";

#[derive(Debug, Subcommand)]
enum Command {
    Check(commands::check::Args),
    Fmt(commands::fmt::Args),
    Build(commands::build::Args),
    Plan(commands::plan::Args),
    Diff(commands::diff::Args),
    Translate(commands::translate::Args),
    Explain(commands::explain::Args),
    Lsp(commands::lsp::Args),
    Complete(commands::complete::Args),
    Man(commands::man::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes.
            let code = if error.use_stderr() { exit::CANNOT_RUN } else { exit::CLEAN };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let outcome = match cli.command {
        Command::Check(args) => commands::check::run(&args),
        Command::Fmt(args) => commands::fmt::run(&args),
        Command::Build(args) => commands::build::run(&args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Diff(args) => commands::diff::run(&args),
        Command::Translate(args) => commands::translate::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Lsp(args) => commands::lsp::run(&args),
        Command::Complete(args) => commands::complete::run(&args),
        Command::Man(args) => commands::man::run(&args),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("kestrelc: {failure}");
            ExitCode::from(exit::CANNOT_RUN)
        }
    }
}
