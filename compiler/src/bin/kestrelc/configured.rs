//! The names of data sources and analytics that are configured, for completion: from
//! `kestrel.toml` and from the files that users of Kestrel have already. Values are not looked at,
//! and what cannot be read offers nothing.

use std::path::{Path, PathBuf};

use serde::{Deserialize, de::IgnoredAny};
use std::collections::BTreeMap;

/// What is configured, as addresses.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) sources: Vec<String>,
    pub(crate) analytics: Vec<String>,
}

/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// Returns the names in a `kestrel.toml` and in the user's `stixshifter.yaml` and
/// `pythonanalytics.yaml`.
pub(crate) fn names(toml: Option<&Path>) -> Names {
    let mut names = Names::default();
    if let Some(text) = toml.and_then(read) {
        of_toml(&text, &mut names);
    }
    for (variable, file, scheme) in [
        ("KESTREL_STIXSHIFTER_CONFIG", "stixshifter.yaml", "stixshifter"),
        ("KESTREL_PYTHON_ANALYTICS_CONFIG", "pythonanalytics.yaml", "python"),
    ] {
        let set = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = set.or_else(|| Some(crate::settings::user_folder()?.join("kestrel").join(file)));
        let to = if scheme == "python" { &mut names.analytics } else { &mut names.sources };
        let text = path.as_deref().and_then(read).unwrap_or_default();
        to.extend(profiles(&text).into_iter().map(|name| format!("{scheme}://{name}")));
    }
    for list in [&mut names.sources, &mut names.analytics] {
        list.sort();
        list.dedup();
    }
    names
}

fn read(path: &Path) -> Option<String> {
    let length = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    (length <= MAX_BYTES).then(|| std::fs::read_to_string(path).ok()).flatten()
}

fn of_toml(text: &str, names: &mut Names) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct File {
        analytics: Analytics,
        stixshifter: StixShifter,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Analytics {
        python: BTreeMap<String, IgnoredAny>,
        docker: Docker,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Docker {
        images: BTreeMap<String, IgnoredAny>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct StixShifter {
        profiles: BTreeMap<String, IgnoredAny>,
    }
    let Ok(file) = toml::from_str::<File>(text) else { return };
    names.analytics.extend(file.analytics.python.into_keys().map(|name| format!("python://{name}")));
    names.analytics.extend(file.analytics.docker.images.into_keys().map(|name| format!("docker://{name}")));
    names.sources.extend(file.stixshifter.profiles.into_keys().map(|name| format!("stixshifter://{name}")));
}

/// The keys below `profiles:` of a YAML file in block style, as these files are written. Only
/// names are wanted, which is no reason to link a YAML reader into the compiler.
fn profiles(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    let mut indent = None;
    for line in text.lines() {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let depth = line.len() - content.len();
        if depth == 0 {
            inside = content.split('#').next().unwrap_or_default().trim_end() == "profiles:";
            indent = None;
            continue;
        }
        if !inside || *indent.get_or_insert(depth) != depth {
            continue;
        }
        if let Some((key, _)) = content.split_once(':') {
            let key = key.trim().trim_matches(['\'', '"']);
            if !key.is_empty() && !key.contains([' ', '{', '[', ',']) {
                found.push(key.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_kinds_of_files() {
        let yaml = "# mine\nprofiles:\n    lab-1: # first\n        connector: elastic_ecs\n    'two':\n        connection:\n            host: x\n\
                    debug:\n    not: this\n";
        assert_eq!(profiles(yaml), ["lab-1", "two"]);
        assert!(profiles("profiles: [").is_empty());
        let mut names = Names::default();
        of_toml(
            "[analytics.python.score]\nmodule = 'a'\n[analytics.docker.images.lookup]\nimage = 'x'\n[lint]\nselect = []\n[stixshifter.profiles.lab]\nconnector = 'x'",
            &mut names,
        );
        assert_eq!((names.analytics.len(), names.sources.len()), (2, 1));
    }
}
