//! What editors ask about a hunt: pure functions from a text and a place in it to an answer.
//!
//! | question | file |
//! |---|---|
//! | what is under the cursor, what is it worth | [`hover`] |
//! | what could come next | [`complete`] |
//! | where is this variable defined and used | [`names`] |
//! | may it be called otherwise, and what changes then | [`rename`] |
//! | which steps are there | [`symbols`] |
//! | how is each word to be coloured | [`classes`] |
//! | what can be repaired here | [`actions`] |
//!
//! The language server ([`lsp`](crate::lsp)) and notebook front ends share them. Nothing here knows
//! a protocol, a file or a clock.

pub mod actions;
mod analysis;
pub mod classes;
pub mod complete;
pub mod hover;
pub mod lines;
pub mod names;
pub mod rename;
pub mod symbols;

pub use analysis::{Analysis, Place};
pub use lines::Lines;
