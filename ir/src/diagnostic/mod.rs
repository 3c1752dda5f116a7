//! What the compiler and the executor tell a hunter: coded, located messages.
//!
//! A [`Diagnostic`] is data. It is rendered late, by the front ends, as text with a
//! marker under the source line, as JSON, or in an editor. Codes live in [`codes`],
//! one registry for every crate, so that `kestrelc explain CODE` knows them all.

pub mod codes;
mod span;

pub use codes::{Category, Code};
pub use span::{LineIndex, Position, SourceId, Span};

use serde::{Deserialize, Serialize};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something worth knowing; never changes an exit code.
    Note,
    /// The hunt runs, but probably not as its author thinks.
    Warning,
    /// The hunt, or one step of it, cannot run.
    Error,
}

/// A secondary place in the text: "first defined here".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Where it points.
    pub span: Span,
    /// What it says about that place; lower case, no final period.
    pub message: String,
}

/// One message about a huntflow, a plan or its execution.
///
/// Messages are lower case, have no final period and no line break, and put the
/// hunter's own text in backticks. What to do about it goes into `help`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The registered code, such as `E0201`.
    pub code: Code,
    /// Error, warning or note.
    pub severity: Severity,
    /// One sentence: what is wrong.
    pub message: String,
    /// Where; none for problems without a place in a huntflow (a damaged plan file).
    pub span: Option<Span>,
    /// Other places that explain it.
    pub labels: Vec<Label>,
    /// One thing to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Makes a diagnostic with the severity its code is registered with.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: code.severity(),
            message: message.into(),
            span: None,
            labels: Vec::new(),
            help: None,
        }
    }

    /// Says where it is.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place that explains it.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    /// Returns the category outsiders test for; see [`Category`].
    pub fn category(&self) -> Category {
        self.code.category()
    }

    /// Returns true for errors.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
