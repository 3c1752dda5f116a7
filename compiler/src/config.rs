//! What the configuration says about compiling: defaults of the language, which hidden queries
//! become steps, and the offsets that go into the plan. Source: language specification 8.1.

use std::collections::BTreeMap;

use kestrel_ir::op::{Limit, SameProcess};

/// Settings that influence a plan. The defaults are those of Kestrel 1.8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name of the variable that unnamed results go to.
    pub default_variable: String,
    /// `SORT` without a direction sorts descending.
    pub sort_descending: bool,
    /// Scheme of data sources written without one.
    pub datasource_scheme: String,
    /// Scheme of analytics written without one.
    pub analytics_scheme: String,
    /// Ask again for all records about what a `GET` found.
    pub prefetch_get: bool,
    /// Ask again for all records about what a `FIND` found.
    pub prefetch_find: bool,
    /// Entity types for which nothing is asked again, in lower case.
    pub prefetch_excluded: Vec<String>,
    /// Entities stay that the second answer does not show. Off, as in Kestrel 1.8.
    pub prefetch_keep: bool,
    /// When two sightings with one process number are one process.
    pub same_process: SameProcess,
    /// Seconds added to the start of an inferred time range.
    pub start_offset: i64,
    /// Seconds added to the end of an inferred time range.
    pub stop_offset: i64,
    /// Hidden queries may ask by object id.
    pub support_id: bool,
    /// Processes without unique id join the one process with unique id that fits, within a
    /// source. Not part of a plan: who runs it decides. Off, as in Kestrel 1.8.
    pub attach_processes: bool,
    /// The analytics that are known.
    pub analytics: Analytics,
}

/// What is known about analytics when compiling; goes into plans for reviewers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Analytics {
    /// By address, `scheme://name`.
    pub by_address: BTreeMap<String, Analytic>,
    /// What holds for containers that are not among these, but for the image's name.
    pub container: Option<Analytic>,
}

/// What is known about one analytic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Analytic {
    /// What identifies its code: file hash, image digest.
    pub identity: Option<String>,
    /// What it may use.
    pub limits: Vec<Limit>,
    /// The attributes that it says it adds; empty if it does not say.
    pub attributes: Vec<String>,
}

impl Analytics {
    /// Returns what is known about the analytic of an address.
    pub fn get(&self, address: &str) -> Option<&Analytic> {
        let container = || self.container.as_ref().filter(|_| address.starts_with("docker://"));
        self.by_address.get(address).or_else(container)
    }

    /// Returns what identifies the code of an analytic: what the configuration says, or the
    /// digest in the address of a container.
    pub fn identity(&self, address: &str) -> Option<String> {
        let known = self.by_address.get(address).and_then(|known| known.identity.clone());
        known.or_else(|| {
            let (_, digest) = address.strip_prefix("docker://")?.rsplit_once("@sha256:")?;
            let right = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            right.then(|| format!("sha256:{digest}"))
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            default_variable: "_".to_owned(),
            sort_descending: true,
            datasource_scheme: "stixshifter".to_owned(),
            analytics_scheme: "python".to_owned(),
            prefetch_get: true,
            prefetch_find: true,
            prefetch_excluded: ["file", "user-account", "x-oca-asset"].map(str::to_owned).to_vec(),
            prefetch_keep: false,
            same_process: SameProcess::default(),
            start_offset: -300,
            stop_offset: 300,
            support_id: false,
            attach_processes: false,
            analytics: Analytics::default(),
        }
    }
}
