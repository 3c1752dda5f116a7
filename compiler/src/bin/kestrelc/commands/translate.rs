//! `kestrelc translate`.

use std::io::{self, BufRead, BufReader, Read};

use kestrel_compiler::{parse::MAX_TEXT, translate};

use super::Failure;
use crate::{exit, output};

/// Translate STIX patterns to the queries of a connector, one JSON object a line.
///
/// Each line of standard input is `{"pattern": "[…]", "options": {}}`; each gives one line,
/// `{"queries": […]}` or `{"error": {"category": …, "message": …}}`, in the same order. Nothing is
/// asked. `kestrelc plan --queries` shows the queries of a whole hunt.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The connector: `bundle`.
    #[arg(long, value_name = "NAME")]
    connector: String,
    /// Read standard input: always so; accepted because programs say it.
    #[arg(long)]
    stdin: bool,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let connector =
        translate::Connector::find(&args.connector).map_err(|unknown| Failure::Other(unknown.to_string()))?;
    let mut input = BufReader::new(io::stdin().lock());
    let cannot = |cause: io::Error| Failure::Other(format!("cannot read standard input: {cause}"));
    loop {
        let mut line = Vec::new();
        let most = MAX_TEXT as u64;
        let count = input.by_ref().take(most).read_until(b'\n', &mut line).map_err(cannot)?;
        if count == 0 {
            return Ok(exit::CLEAN);
        }
        if count as u64 == most && line.last() != Some(&b'\n') {
            return Err(Failure::Other(format!("a line has more than {} MiB", MAX_TEXT >> 20)));
        }
        let text = String::from_utf8_lossy(&line);
        let answer = translate::line(connector, text.trim_end_matches(['\n', '\r']));
        // Whoever asks line by line waits for each answer.
        output::print(&format!("{answer}\n"))?;
    }
}
