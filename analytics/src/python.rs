//! Python analytics: which function of which file, run by which interpreter within which limits.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use kestrel_ir::op::Limit;

use crate::limits::{duration_words, size_words};

/// Largest module whose identity is made, in bytes.
const MAX_MODULE: u64 = 64 << 20;

/// Most processes of an analytic, where its profile does not say.
pub const PROCESSES: u32 = 1000;

/// The analytics by name.
#[derive(Debug, Clone, Default)]
pub struct PythonProfiles {
    /// One profile a name.
    pub profiles: BTreeMap<String, Profile>,
    /// Where they were looked for, for messages.
    pub places: String,
}

/// One analytic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The module's file, absolute; none if the profile does not say.
    pub module: Option<PathBuf>,
    /// The function in it; none if the profile does not say.
    pub function: Option<String>,
    /// The Python to run it: a path or a name on the search path.
    pub interpreter: String,
    /// Longest wall time.
    pub timeout: Option<Duration>,
    /// Most memory in bytes, beyond what Python and its libraries need.
    pub memory: Option<u64>,
    /// Most processes that it may have at a time; none is [`PROCESSES`].
    pub processes: Option<u32>,
    /// Attributes that it is declared to add.
    pub attributes: Vec<String>,
    /// The file that configures it.
    pub configured_in: PathBuf,
}

impl Profile {
    /// Returns the hash of the module's file and the function's name; none if the file is no
    /// regular file, is too large or cannot be read.
    pub fn identity(&self) -> Option<String> {
        let module = self.module.as_ref()?;
        // Anything else might never end.
        let about = fs::metadata(module).ok()?;
        if !about.is_file() || about.len() > MAX_MODULE {
            return None;
        }
        Some(format!("blake3:{}", blake3::hash(&fs::read(module).ok()?).to_hex()))
    }

    /// Returns what it may use, for reviewers.
    pub fn limits(&self) -> Vec<Limit> {
        let processes = self.processes.unwrap_or(PROCESSES);
        vec![
            Limit::usual("time", self.timeout.map_or("none".to_owned(), duration_words)),
            Limit::usual("memory", self.memory.map_or("none".to_owned(), size_words)),
            Limit {
                what: "processes".to_owned(),
                value: processes.to_string(),
                lifted: processes > PROCESSES,
            },
            // It is a process of the hunter's, and reviewers should not think otherwise.
            Limit::usual("sandbox", "none"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_has_an_identity() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.py");
        fs::write(&file, "def f(t): return t\n").unwrap();
        let of = |module: PathBuf| Profile { module: Some(module), ..Profile::default() }.identity();
        let hash = of(file).expect("readable");
        assert_eq!((hash.split(':').next(), hash.len()), (Some("blake3"), 7 + 64));
        // `/dev/zero` would never end.
        assert_eq!((of(PathBuf::from("/dev/zero")), of(folder.path().to_owned())), (None, None));
        assert_eq!(Profile::default().identity(), None);
    }
}
