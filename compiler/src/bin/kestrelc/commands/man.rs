//! `kestrelc man`.

use std::path::PathBuf;

use clap::CommandFactory;

use super::Failure;
use crate::{Cli, exit, output};

/// Print the manual page, or write the pages of all commands into a folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder for `kestrelc.1`, `kestrelc-check.1` and the others.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        let failed = |cause| Failure::Write { path: "standard output".to_owned(), cause };
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(failed)?;
        output::print_bytes(&page)?;
        return Ok(exit::CLEAN);
    };
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|cause| Failure::Write { path: folder.display().to_string(), cause })?;
    Ok(exit::CLEAN)
}
