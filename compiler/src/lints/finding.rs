//! What a lint says: a diagnostic, and perhaps how to repair it.

use kestrel_ir::diagnostic::{Code, Diagnostic, Span};

/// A diagnostic with its repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is said.
    pub diagnostic: Diagnostic,
    /// How to repair it.
    pub fix: Option<Fix>,
}

/// A change of the text that removes the cause of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an editor shows it: "write `=`".
    pub title: String,
    /// The changes, in order of the text, without overlaps.
    pub edits: Vec<Edit>,
    /// The hunt does the same work afterwards and finds the same. Other fixes change what is
    /// found, as the author probably meant; they are applied only when asked for.
    pub safe: bool,
}

/// Replaces the text under a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// By what.
    pub text: String,
}

impl Edit {
    /// Replaces the text under a span.
    pub fn replace(span: Span, text: impl Into<String>) -> Edit {
        Edit { span, text: text.into() }
    }

    /// Takes the text under a span out.
    pub fn delete(span: Span) -> Edit {
        Edit { span, text: String::new() }
    }
}

impl Finding {
    /// Makes a finding of a lint.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Diagnostic::new(code, message).at(span).into()
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.help(help);
        self
    }

    /// Points at another place that explains it.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.label(span, message);
        self
    }

    /// Adds a repair that keeps the meaning.
    #[must_use]
    pub fn safe_fix(self, title: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.with_fix(title, edits, true)
    }

    /// Adds a repair that changes the meaning.
    #[must_use]
    pub fn unsafe_fix(self, title: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.with_fix(title, edits, false)
    }

    fn with_fix(mut self, title: impl Into<String>, edits: Vec<Edit>, safe: bool) -> Self {
        self.fix = Some(Fix { title: title.into(), edits, safe });
        self
    }
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        Finding { diagnostic, fix: None }
    }
}
