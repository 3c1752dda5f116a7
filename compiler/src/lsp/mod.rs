//! The language server: the protocol around [`editor`](crate::editor).
//!
//! | file | is |
//! |---|---|
//! | [`frames`] | messages from bytes and back, with bounds on what a client may send |
//! | [`documents`] | open texts, changed as the client types |
//! | [`checker`] | a thread that examines texts while the next key is awaited |
//! | [`answers`] | one function a request |
//! | [`server`] | the loop |
//!
//! Typing never waits: changes are applied at once, examining happens in the checker's thread after
//! a pause, results for texts that have changed since are dropped, and completion uses the latest
//! examination as far as it agrees with the text. What the server may know of its surroundings
//! comes in through [`Surroundings`]; it reads no file and no clock itself.

pub mod answers;
pub mod checker;
pub mod documents;
pub mod frames;
pub mod server;

use kestrel_stix::Timestamp;

use crate::{config::Config, lints::Selection};

/// What holds for a file, from its configuration.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Settings of the language.
    pub config: Config,
    /// Which warnings are wanted.
    pub selection: Selection,
    /// Addresses of configured data sources.
    pub sources: Vec<String>,
    /// Addresses of configured analytics.
    pub analytics: Vec<String>,
    /// What is wrong with the configuration, to be shown once.
    pub problem: Option<String>,
}

/// What the server asks the world for.
pub trait Surroundings: Send {
    /// Returns what holds for a file, or for a text without one.
    fn settings(&mut self, path: Option<&str>) -> Settings;
    /// Returns the files and folders beside a file whose path starts with `typed`; folders end in
    /// `/`.
    fn files(&self, path: Option<&str>, typed: &str) -> Vec<String>;
    /// Returns the present.
    fn now(&self) -> Option<Timestamp>;
}
