//! One file a subcommand; its documentation is its help text.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod complete;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod lsp;
pub(crate) mod man;
pub(crate) mod plan;

use std::{io::IsTerminal, path::Path};

use kestrel_compiler::{
    Compilation, Compiled,
    diagnostics::render::{self, SourceText, Style},
    lints::selection::Choices,
};
use kestrel_ir::{Plan, diagnostic::Diagnostic, wire};

use crate::{
    input::{self, InputError},
    settings::Settings,
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

/// Compiles a huntflow with the nearest configuration; diagnostics go to standard error.
pub(crate) fn compile(path: &str) -> Result<(Compilation, Compiled), Failure> {
    let bytes = input::read(path)?;
    let settings = Settings::new(None, Choices::default()).of(Path::new(path))?;
    let mut compilation = Compilation::new(settings.config.clone());
    let compiled = compilation.block_bytes(path, &bytes);
    for source in &compilation.plan().sources {
        tell(source, &compiled.diagnostics);
    }
    Ok((compilation, compiled))
}

/// Reads a plan, or compiles a huntflow to one as lowered.
pub(crate) fn plan_of(path: &str) -> Result<Built, Failure> {
    let bytes = input::read(path)?;
    if wire::looks_like_plan(&bytes) {
        let plan = wire::read(&bytes).map_err(|cause| Failure::Plan { path: path.to_owned(), cause })?;
        return Ok(Built { plan, errors: false });
    }
    let (compilation, compiled) = compile(path)?;
    Ok(Built { plan: compilation.plan().clone(), errors: compiled.has_errors() })
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
