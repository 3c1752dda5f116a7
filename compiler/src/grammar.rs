//! The parser that lalrpop makes from `grammar.lalrpop`.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    missing_docs,
    unused_imports,
    unused_qualifications,
    unused_lifetimes,
    reason = "generated code"
)]

lalrpop_util::lalrpop_mod!(generated, "/grammar.rs");

pub(crate) use generated::HuntflowParser;
