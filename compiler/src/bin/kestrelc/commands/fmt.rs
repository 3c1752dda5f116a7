//! `kestrelc fmt`.

use std::path::{Path, PathBuf};

use kestrel_compiler::{
    diagnostics::render::{self, SourceText},
    document::{self, Document},
    hunt::Hunt,
    lints::selection::Choices,
};
use rayon::prelude::*;

use super::Failure;
use crate::{diff, exit, files, input, output, settings::Settings};

/// Write huntflows and huntbooks in the one canonical style.
///
/// Every comment is kept, the plan does not change, and formatting twice changes nothing. Files
/// with syntax errors are left as they are. Takes files, folders and `-` for standard input,
/// whose formatted text goes to standard output.
///
/// Exit code 0: done; 1: with --check or --diff, something would change; 2: a file could not be
/// read or formatted.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Huntflows, huntbooks, folders, or `-`.
    #[arg(required = true)]
    paths: Vec<String>,
    /// Change nothing; print the names of files that would change.
    #[arg(long)]
    check: bool,
    /// Change nothing; print what would change.
    #[arg(long)]
    diff: bool,
    /// Format only the statements that touch these bytes of a huntflow.
    #[arg(long, value_name = "START:END", value_parser = range)]
    range: Option<(usize, usize)>,
    /// Name to print for standard input; its ending says what it is.
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<String>,
    /// The configuration, instead of the nearest `kestrel.toml` (for `exclude`).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  kestrelc fmt hunts/                 format everything in a folder
  kestrelc fmt --check .              for continuous integration
  kestrelc fmt --diff hunt.hf         look before changing
  kestrelc fmt - < hunt.hf            as editors do it";

fn range(text: &str) -> Result<(usize, usize), String> {
    let parse = |number: &str| number.parse::<usize>().map_err(|error| error.to_string());
    let (start, end) = text.split_once(':').ok_or("write two byte offsets, such as 10:25")?;
    let (start, end) = (parse(start)?, parse(end)?);
    if start > end { Err("the end lies before the start".to_owned()) } else { Ok((start, end)) }
}

enum Outcome {
    Same,
    Changed { diff: String, formatted: Option<Vec<u8>> },
    Broken(String),
    Failed(Failure),
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let mut settings = Settings::new(args.config.clone(), Choices::default());
    let paths = files::find(&args.paths, &mut settings)?;
    let outcomes: Vec<Outcome> = match paths.as_slice() {
        [only] => vec![file(only, args)],
        many => many.par_iter().map(|path| file(path, args)).collect(),
    };
    let (mut changed, mut wrong) = (0_usize, false);
    for (path, outcome) in paths.iter().zip(outcomes) {
        match outcome {
            Outcome::Same => {}
            Outcome::Changed { diff, formatted } => {
                changed += usize::from(!diff.is_empty() || args.check || path != "-");
                match formatted {
                    Some(text) => output::print_bytes(&text)?,
                    None if args.diff => output::print(&diff)?,
                    None if args.check => output::print(&format!("{path}\n"))?,
                    None => eprintln!("formatted `{path}`"),
                }
            }
            Outcome::Broken(text) => {
                eprint!("{text}");
                wrong = true;
            }
            Outcome::Failed(failure) => {
                eprintln!("kestrelc: {failure}");
                wrong = true;
            }
        }
    }
    Ok(match (wrong, args.check || args.diff) {
        (true, _) => exit::CANNOT_RUN,
        (false, true) if changed > 0 => exit::FINDINGS,
        (false, _) => exit::CLEAN,
    })
}

fn file(path: &str, args: &Args) -> Outcome {
    let name = match &args.stdin_filename {
        Some(name) if path == "-" => name,
        _ => path,
    };
    let bytes = match input::read_text(path, document::is_notebook(name)) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Outcome::Failed(Failure::Other(format!("`{name}` is too large to be a huntflow")));
        }
        Err(unreadable) => return Outcome::Failed(unreadable.into()),
    };
    let document = Document::read(name, &bytes);
    let formatted = match args.range {
        Some((start, end)) => document.format_range(start..end),
        None => document.format(),
    };
    let formatted = match formatted {
        Ok(formatted) => formatted,
        Err(hunt) => return Outcome::Broken(broken(name, &document, &hunt)),
    };
    let writes = !args.check && !args.diff;
    if path == "-" && writes {
        return Outcome::Changed { diff: String::new(), formatted: Some(formatted) };
    }
    if formatted == bytes {
        return Outcome::Same;
    }
    if writes && let Err(cause) = input::write(Path::new(path), &formatted) {
        return Outcome::Failed(Failure::Write { path: path.to_owned(), cause });
    }
    let diff = if args.diff { diff::unified(name, &bytes, &formatted) } else { String::new() };
    Outcome::Changed { diff, formatted: None }
}

/// Renders the errors for which a file cannot be formatted.
fn broken(name: &str, document: &Document<'_>, hunt: &Hunt) -> String {
    let mut out = String::new();
    for found in hunt.diagnostics.iter().filter(|found| found.is_error()) {
        let source = found.span.map(|span| span.source).unwrap_or_default();
        let Some(block) = hunt.blocks.get(source.0 as usize) else { continue };
        let shown = match document.cell(source) {
            Some(cell) => format!("{name}:cell {cell}"),
            None => name.to_owned(),
        };
        let style = super::style(false);
        out.push_str(&render::text(found, &SourceText::new(&shown, &block.text), style));
    }
    out.push_str(&format!("kestrelc: `{name}` was left as it is, since it cannot be read whole\n"));
    out
}
