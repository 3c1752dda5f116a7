//! `kestrelc complete`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Failure;
use crate::{Cli, exit, output};

/// Print completions for a shell.
///
/// bash: `kestrelc complete bash > ~/.local/share/bash-completion/completions/kestrelc`;
/// zsh: `kestrelc complete zsh > ~/.zfunc/_kestrelc`;
/// fish: `kestrelc complete fish > ~/.config/fish/completions/kestrelc.fish`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kestrelc", &mut script);
    output::print_bytes(&script)?;
    Ok(exit::CLEAN)
}
