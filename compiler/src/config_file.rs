//! `kestrel.toml`: found from the huntflow's folder upwards, then in the user's configuration
//! folder. The only file of this library that touches a disk; the binaries call it.
//!
//! ```toml
//! [language]
//! default_sort_order = "desc"
//! [prefetch]
//! get = true
//! excluded_entities = ["file", "user-account", "x-oca-asset"]
//! [stixquery]
//! timerange_start_offset = -300
//! [identity]
//! attach_processes = false
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use kestrel_analytics::Settings;
use serde::Deserialize;

use crate::{
    config::{Analytic, Analytics, Config},
    lints::selection::LintSection,
};

/// Name of the file.
pub const NAME: &str = "kestrel.toml";

/// Largest configuration file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A configuration and where it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The settings; the defaults when there is no file.
    pub config: Config,
    /// The section `[lint]`; names in it are not yet checked.
    pub lint: LintSection,
    /// The file that was read.
    pub path: Option<PathBuf>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The operating system said no.
    #[error("cannot read the configuration `{}`: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("the configuration `{}` is wrong: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line, key and cause.
        message: String,
    },
}

/// Reads the named file, or the first one found from `start` upwards, then in `user_folder`.
pub fn find(named: Option<&Path>, start: &Path, user_folder: Option<&Path>) -> Result<Found, ConfigError> {
    if let Some(path) = named {
        return read(path);
    }
    let upwards = start.ancestors().map(|folder| folder.join(NAME));
    let user = user_folder.map(|folder| folder.join("kestrel").join(NAME));
    match upwards.chain(user).find(|path| path.is_file()) {
        Some(path) => read(&path),
        None => Ok(Found::default()),
    }
}

fn read(path: &Path) -> Result<Found, ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable { path: path.to_owned(), cause };
    let wrong = |message: String| ConfigError::Wrong { path: path.to_owned(), message };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
        return Err(wrong("it has more than 1 MiB".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let in_words = |error: toml::de::Error| wrong(error.to_string().trim_end().to_owned());
    let config = parse(&text).map_err(in_words)?;
    let lint = parse_lint(&text).map_err(in_words)?;
    Ok(Found { config, lint, path: Some(path.to_owned()) })
}

/// Returns what a plan says about the analytics of a configuration. Touches nothing besides.
pub fn analytics(settings: &Settings) -> Analytics {
    let python = settings.python.profiles.iter().map(|(name, profile)| {
        let known =
            Analytic { identity: None, limits: profile.limits(), attributes: profile.attributes.clone() };
        (format!("python://{name}"), known)
    });
    let container = |name: &str| Analytic {
        identity: settings.docker.digest(name),
        limits: settings.docker.limits(name),
        attributes: settings.docker.profile(name).attributes.clone(),
    };
    let docker = settings.docker.profiles.keys().map(|name| (format!("docker://{name}"), container(name)));
    let mut other = container("");
    // Named after the analytic, which the plan shows already.
    other.limits.retain(|limit| limit.what != "image");
    Analytics { by_address: python.chain(docker).collect(), container: Some(other) }
}

/// Adds the hashes of Python analytics, which reads the files that the configuration names.
pub fn identify(settings: &Settings, analytics: &mut Analytics) {
    for (name, profile) in &settings.python.profiles {
        if let Some(known) = analytics.by_address.get_mut(&format!("python://{name}")) {
            known.identity = profile.identity();
        }
    }
}

/// Reads settings over the defaults. Sections of other programs of the family are left alone;
/// unknown keys within the known sections are errors.
pub fn parse(text: &str) -> Result<Config, toml::de::Error> {
    let file: File = toml::from_str(text)?;
    let mut config = Config::default();
    let set = |to: &mut String, from: Option<String>| {
        if let Some(from) = from {
            *to = from;
        }
    };
    set(&mut config.default_variable, file.language.default_variable);
    set(&mut config.datasource_scheme, file.language.default_datasource_schema);
    set(&mut config.analytics_scheme, file.language.default_analytics_schema);
    if let Some(order) = file.language.default_sort_order {
        config.sort_descending = matches!(order, Order::Desc);
    }
    config.prefetch_get = file.prefetch.get.unwrap_or(config.prefetch_get);
    config.prefetch_find = file.prefetch.find.unwrap_or(config.prefetch_find);
    config.prefetch_keep = file.prefetch.keep.unwrap_or(config.prefetch_keep);
    if let Some(excluded) = file.prefetch.excluded_entities {
        config.prefetch_excluded = excluded.iter().map(|name| name.to_ascii_lowercase()).collect();
    }
    let same = &mut config.same_process;
    let offsets = file.prefetch.process_identification;
    for (to, from) in [
        (&mut same.number_only, offsets.pid_but_name_changed_time),
        (&mut same.name, offsets.pid_and_name_time),
        (&mut same.parent, offsets.pid_and_ppid_time),
        (&mut same.name_and_parent, offsets.pid_and_name_and_ppid_time),
    ] {
        *to = from.map_or(*to, |[begin, end]| (begin, end));
    }
    config.start_offset = file.stixquery.timerange_start_offset.unwrap_or(config.start_offset);
    config.stop_offset = file.stixquery.timerange_stop_offset.unwrap_or(config.stop_offset);
    config.support_id = file.stixquery.support_id.unwrap_or(config.support_id);
    config.attach_processes = file.identity.attach_processes.unwrap_or(config.attach_processes);
    Ok(config)
}

/// Reads the section `[lint]`; unknown keys in it are errors.
pub fn parse_lint(text: &str) -> Result<LintSection, toml::de::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct File {
        lint: LintSection,
    }
    toml::from_str::<File>(text).map(|file| file.lint)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    language: Language,
    prefetch: Prefetch,
    stixquery: StixQuery,
    identity: Identity,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Identity {
    attach_processes: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Language {
    default_variable: Option<String>,
    default_sort_order: Option<Order>,
    default_datasource_schema: Option<String>,
    default_analytics_schema: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Order {
    #[serde(alias = "asc", alias = "ASC")]
    Asc,
    #[serde(alias = "desc", alias = "DESC")]
    Desc,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Prefetch {
    get: Option<bool>,
    find: Option<bool>,
    keep: Option<bool>,
    excluded_entities: Option<Vec<String>>,
    process_identification: ProcessIdentification,
}

/// Pairs of seconds: before and after the known sighting.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names of Kestrel 1.8")]
struct ProcessIdentification {
    pid_but_name_changed_time: Option<[i64; 2]>,
    pid_and_name_time: Option<[i64; 2]>,
    pid_and_ppid_time: Option<[i64; 2]>,
    pid_and_name_and_ppid_time: Option<[i64; 2]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StixQuery {
    timerange_start_offset: Option<i64>,
    timerange_stop_offset: Option<i64>,
    support_id: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_replace_defaults_and_unknown_keys_are_located() {
        let config =
            parse("[language]\ndefault_sort_order = \"asc\"\n[prefetch]\nget = false\n[lint]\nselect = []\n");
        let config = config.expect("right");
        assert!(!config.sort_descending && !config.prefetch_get && config.prefetch_find);
        assert!(!config.attach_processes);
        let attaching = parse("[identity]\nattach_processes = true\n").expect("right");
        assert!(attaching.attach_processes);
        let wrong = parse("[prefetch]\ngte = false\n").expect_err("wrong").to_string();
        assert!(wrong.contains("gte") && wrong.contains("line 2"), "{wrong}");
    }
}
