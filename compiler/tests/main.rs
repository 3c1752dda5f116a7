//! Tests of the compiler from outside: text in, diagnostics or printed form out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test may fail")]

mod analytics;
mod attributes_read;
mod cli;
mod diff;
mod fuzz;
mod inert;
mod lints;
mod lsp;
mod outputs;
mod passes;
mod policy;
mod review;
mod robustness;
mod vectors;
