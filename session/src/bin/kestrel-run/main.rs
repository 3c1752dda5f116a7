//! `kestrel-run`: execute huntflows and plans.
#![expect(clippy::print_stderr, reason = "a command line talks")]
#![expect(clippy::disallowed_methods, reason = "the binary reads configuration and passes it in")]

mod analytics;
mod args;
mod cache;
mod hunt;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

/// Exit codes, as the public contract has them. 1, 3 and 4 come from the results.
pub(crate) mod exit {
    /// The huntflow, plan or command line is wrong.
    pub(crate) const WRONG: u8 = 2;
}

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are answers, not mistakes.
            let code = if error.use_stderr() { exit::WRONG } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let done = match &args.command {
        Some(command) => analytics::run(command),
        None => hunt::run(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("kestrel-run: {failure}");
            ExitCode::from(exit::WRONG)
        }
    }
}
