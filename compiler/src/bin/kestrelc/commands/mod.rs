//! One file a subcommand; its documentation is its help text.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod complete;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod lsp;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod translate;

use std::{io::IsTerminal, path::Path};

use kestrel_compiler::{
    Compilation, Compiled,
    ast::Huntflow,
    diagnostics::render::{self, SourceText, Style},
    document,
    lints::selection::Choices,
    notebook,
};
use kestrel_ir::{Plan, diagnostic::Diagnostic, wire};

use crate::{
    input::{self, InputError},
    settings::{self, Settings},
};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An input cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A plan cannot be used.
    #[error("`{path}`: {cause}")]
    Plan { path: String, cause: wire::ReadError },
    /// The result cannot be written.
    #[error("cannot write `{path}`: {cause}")]
    Write { path: String, cause: std::io::Error },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// A compiled input with what was said about it.
pub(crate) struct Built {
    pub(crate) plan: Plan,
    pub(crate) errors: bool,
}

/// What plans say about analytics.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Identify {
    /// Name the code of Python analytics by hash, so that a run refuses other code. This reads the
    /// files of their modules, which are named by the configuration; nothing else does.
    #[arg(long)]
    identify: bool,
}

/// Compiles a huntflow with the nearest configuration; diagnostics go to standard error.
pub(crate) fn compile(path: &str, identify: Identify) -> Result<(Compilation, Compiled), Failure> {
    let bytes = input::read(path)?;
    compile_bytes(path, Path::new(path), &bytes, identify)
}

/// Compiles the bytes of a huntflow, or of a huntbook if its name says so, cell by cell. `near` is
/// the file whose configuration holds.
pub(crate) fn compile_bytes(
    name: &str,
    near: &Path,
    bytes: &[u8],
    identify: Identify,
) -> Result<(Compilation, Compiled), Failure> {
    let settings = Settings::new(None, Choices::default()).of(near)?;
    let mut config = settings.config.clone();
    if identify.identify {
        config.analytics = settings::analytics(settings.path.as_deref(), true);
    }
    let mut compilation = Compilation::new(config);
    let mut compiled = Compiled { ast: Huntflow::default(), steps: Vec::new(), diagnostics: Vec::new() };
    if document::is_notebook(name) {
        let notebook = notebook::read(bytes)
            .map_err(|broken| Failure::Other(format!("`{name}`: {}", broken.message)))?;
        for cell in &notebook.cells {
            let block = compilation.block(&format!("{name}:cell {}", cell.number), &cell.text);
            compiled.diagnostics.extend(block.diagnostics);
            compiled.steps.extend(block.steps);
            compiled.ast.statements.extend(block.ast.statements);
        }
    } else {
        compiled = compilation.block_bytes(name, bytes);
    }
    for (n, source) in compilation.plan().sources.iter().enumerate() {
        let of_source: Vec<_> = compiled
            .diagnostics
            .iter()
            .filter(|found| found.span.map_or(0, |span| span.source.0 as usize) == n)
            .cloned()
            .collect();
        tell(source, &of_source);
    }
    Ok((compilation, compiled))
}

/// Reads a plan, or compiles a huntflow to one as lowered.
pub(crate) fn plan_of(path: &str, identify: Identify) -> Result<Built, Failure> {
    let bytes = input::read(path)?;
    plan_of_bytes(path, Path::new(path), &bytes, identify)
}

/// As [`plan_of`], for bytes that were read already.
pub(crate) fn plan_of_bytes(
    name: &str,
    near: &Path,
    bytes: &[u8],
    identify: Identify,
) -> Result<Built, Failure> {
    if is_plan(name, bytes) {
        let plan = wire::read(bytes).map_err(|cause| Failure::Plan { path: name.to_owned(), cause })?;
        return Ok(Built { plan, errors: false });
    }
    let (compilation, compiled) = compile_bytes(name, near, bytes, identify)?;
    Ok(Built { plan: compilation.plan().clone(), errors: compiled.has_errors() })
}

/// Returns true for plans, also damaged ones that are named as such.
pub(crate) fn is_plan(name: &str, bytes: &[u8]) -> bool {
    let named = Path::new(name).extension().is_some_and(|extension| extension == "kplan");
    named || (wire::looks_like_plan(bytes) && !document::is_notebook(name))
}

/// Prints diagnostics about a text to standard error.
pub(crate) fn tell(source: &kestrel_ir::SourceText, diagnostics: &[Diagnostic]) {
    let source = SourceText::new(&source.name, &source.text);
    for found in diagnostics {
        eprintln!("{}", render::text(found, &source, style(std::io::stderr().is_terminal())));
    }
}

/// How diagnostics look: coloured on a terminal, unless `NO_COLOR` is set.
pub(crate) fn style(terminal: bool) -> Style {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Style { color: terminal && !plain, unicode: terminal }
}
