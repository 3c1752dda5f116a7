//! What hunts may do: a policy file, and whether a plan keeps to it.
//!
//! The policy is checked against a plan, so that it binds alike at review (`kestrelc check
//! --policy`), before a run (`kestrel-run --policy`), and for plans that come from elsewhere.
//! `docs/policy.md` tells what the keys mean.
//!
//! ```toml
//! network = true
//! [schemes]
//! allow = ["stixbundle", "stixshifter"]
//! [time]
//! maximum = "30 days"
//! [files]
//! write = ["results"]
//! ```

mod check;
mod names;
mod paths;
mod places;
mod read;
mod redirect;

use std::collections::BTreeMap;

pub use check::check;
pub use names::Names;
pub use paths::Folders;
pub use read::{PolicyError, parse};
pub use redirect::redirect;

/// A policy. What it does not mention is allowed.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// False: nothing may leave this machine.
    pub network: Option<bool>,
    /// Schemes of data sources.
    pub schemes: Names,
    /// Servers of web addresses.
    pub hosts: Names,
    /// Profiles of configured data sources.
    pub profiles: Names,
    /// Analytics, by address or by the digest of their code.
    pub analytics: Names,
    /// Folders that `SAVE` may write to.
    pub write: Option<Folders>,
    /// Folders that `LOAD` and data sources in files may be in.
    pub read: Option<Folders>,
    /// Most seconds that one query may cover.
    pub longest: Option<u64>,
    /// Whether files are free of the limit on time: they are read whole anyway.
    pub files_any_time: bool,
    /// Most queries that a hunt may send.
    pub queries: Option<u64>,
    /// The line of the policy file that each section begins on, to say where a rule stands.
    pub lines: BTreeMap<String, u32>,
}

impl Policy {
    /// Says where a section stands, after advice about it: ` (line 3 of the policy)`.
    fn line(&self, section: &str) -> String {
        self.lines.get(section).map_or(String::new(), |line| format!(" (line {line} of the policy)"))
    }
}
