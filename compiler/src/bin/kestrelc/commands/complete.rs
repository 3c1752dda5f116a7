//! `kestrelc complete`.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use kestrel_compiler::{
    document,
    editor::{
        Analysis, Lines, Place,
        complete::{self, OfferKind},
        lines::LineColumn,
    },
    lsp::Surroundings,
    parse,
};
use kestrel_ir::diagnostic::SourceId;
use serde_json::json;

use super::Failure;
use crate::{Cli, exit, input, machine::Machine, output};

/// Print completions for a shell, or what could come next at a place in a huntflow.
///
/// bash: `kestrelc complete bash > ~/.local/share/bash-completion/completions/kestrelc`;
/// zsh: `kestrelc complete zsh > ~/.zfunc/_kestrelc`;
/// fish: `kestrelc complete fish > ~/.config/fish/completions/kestrelc.fish`.
///
/// In a huntflow: `kestrelc complete --file hunt.hf --at 3:14` prints a JSON object with the bytes
/// that an offer replaces and the offers, best first, for editors without the language server.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["shell", "file"]))]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Option<Shell>,
    /// A huntflow, or `-`.
    #[arg(long, requires = "at")]
    file: Option<String>,
    /// The place of the cursor: line and column, from 1; columns count characters.
    #[arg(long, value_name = "LINE:COLUMN", requires = "file", value_parser = line_column)]
    at: Option<(u32, u32)>,
    /// Settings to use instead of the nearest `kestrel.toml`.
    #[arg(long, value_name = "FILE", requires = "file")]
    config: Option<PathBuf>,
}

fn line_column(text: &str) -> Result<(u32, u32), String> {
    let wrong = || "write the line and the column from 1, such as 3:14".to_owned();
    let (line, column) = text.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| text.parse().ok().filter(|n| *n > 0).ok_or_else(wrong);
    Ok((number(line)?, number(column)?))
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    if let Some(shell) = args.shell {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "kestrelc", &mut script);
        output::print_bytes(&script)?;
        return Ok(exit::CLEAN);
    }
    let (Some(file), Some((line, column))) = (&args.file, args.at) else {
        return Err(Failure::Other("name a shell, or a huntflow with --file and --at".to_owned()));
    };
    if document::is_notebook(file) {
        return Err(Failure::Other("huntbooks are completed by their notebook".to_owned()));
    }
    let bytes = input::read(file)?;
    let text = match parse::decode(&bytes, SourceId(0)) {
        Ok(text) => text,
        Err((_, wrong)) => return Err(Failure::Other(format!("`{file}`: {}", wrong.message))),
    };
    let mut machine = Machine::new(args.config.clone());
    let settings = machine.settings(Some(file));
    if let Some(problem) = settings.problem {
        return Err(Failure::Other(problem));
    }
    let offset = offset(text, line, column);
    let analysis = Analysis::new([text], settings.config);
    let surroundings = complete::Surroundings {
        sources: &settings.sources,
        analytics: &settings.analytics,
        files: &|typed| machine.files(Some(file), typed),
        now: None,
    };
    let found = complete::complete(&analysis, Place { block: 0, offset }, text, &surroundings);
    let offers: Vec<_> = found
        .offers
        .iter()
        .map(|offer| json!({"text": offer.text, "kind": kind(offer.kind), "detail": offer.detail}))
        .collect();
    let shown = json!({
        "replace": {"start": found.replace.start, "end": found.replace.end},
        "more": found.more,
        "offers": offers,
    });
    output::print(&format!("{shown:#}\n"))?;
    Ok(exit::CLEAN)
}

/// The byte at a line and column; places outside the text are drawn into it.
fn offset(text: &str, line: u32, column: u32) -> usize {
    let lines = Lines::new(text);
    let start = lines.offset(text, LineColumn { line: line - 1, column: 0 });
    let end = lines.offset(text, LineColumn { line: line - 1, column: u32::MAX });
    let on_line = text.get(start..end).unwrap_or_default();
    on_line.char_indices().nth(column as usize - 1).map_or(end, |(at, _)| start + at)
}

fn kind(kind: OfferKind) -> &'static str {
    match kind {
        OfferKind::Keyword => "keyword",
        OfferKind::Operator => "operator",
        OfferKind::Variable => "variable",
        OfferKind::EntityType => "entity-type",
        OfferKind::Attribute => "attribute",
        OfferKind::Relation => "relation",
        OfferKind::Function => "function",
        OfferKind::Source => "source",
        OfferKind::Analytic => "analytic",
        OfferKind::File => "file",
        OfferKind::Time => "time",
    }
}
