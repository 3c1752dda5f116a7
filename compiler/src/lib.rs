//! From huntflow text to a Kestrel plan.
//!
//! The way of the data: [`lexer`] makes tokens, [`mod@parse`] the syntax tree of [`ast`],
//! both report [`Diagnostic`](kestrel_ir::diagnostic::Diagnostic)s, which
//! [`diagnostics`] renders. Nothing here touches files or the network.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail"))]

pub mod ast;
mod ast_pattern;
mod builder;
mod check;
pub mod classify;
pub mod compile;
pub mod config;
pub mod config_file;
pub mod diagnostics;
pub mod document;
pub mod editor;
pub mod format;
mod grammar;
pub mod hir;
pub mod hunt;
pub mod lexer;
pub mod lints;
pub mod literals;
pub mod lower;
pub mod lsp;
pub mod notebook;
pub mod parse;
mod pieces;
pub mod policy;
pub mod report;
pub mod resolve;
pub mod review;
mod syntax_context;
mod syntax_error;
pub mod token;
pub mod translate;
pub mod tree;

pub use compile::{Compilation, Compiled};
pub use config::Config;
pub use parse::{Comment, Parsed, parse, parse_bytes};
