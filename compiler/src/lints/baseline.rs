//! Baseline: findings that are known and shall not be reported again until they change.
//!
//! A finding is recognised by file, code, message and the text of its line, not by its line
//! number: inserting a step above does not bring it back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the file format.
const VERSION: u32 = 1;

/// Known findings with how often each occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<String, u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kestrel_baseline: u32,
    findings: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    code: String,
    fingerprint: String,
    count: u32,
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not what `--write-baseline` writes.
    #[error("it is no baseline: {0}")]
    Form(#[from] serde_json::Error),
    /// From another version.
    #[error("its version is {0}, this program reads version {VERSION}")]
    Version(u32),
}

impl Baseline {
    /// Reads the content of a baseline file.
    pub fn read(text: &str) -> Result<Self, BaselineError> {
        let file: File = serde_json::from_str(text)?;
        if file.kestrel_baseline != VERSION {
            return Err(BaselineError::Version(file.kestrel_baseline));
        }
        let mut known = BTreeMap::new();
        for entry in file.findings {
            *known.entry(key(&entry.file, &entry.code, &entry.fingerprint)).or_insert(0) += entry.count;
        }
        Ok(Baseline { known })
    }

    /// Returns true, and uses one up, if this finding is known.
    pub fn takes(&mut self, file: &str, code: &str, fingerprint: &str) -> bool {
        match self.known.get_mut(&key(file, code, fingerprint)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// Returns how many known findings did not occur.
    pub fn left(&self) -> u32 {
        self.known.values().sum()
    }

    /// Returns the content of a baseline file for findings given as file, code, fingerprint.
    pub fn write<'f>(findings: impl Iterator<Item = (&'f str, &'f str, &'f str)>) -> String {
        let mut counts: BTreeMap<(&str, &str, &str), u32> = BTreeMap::new();
        for finding in findings {
            *counts.entry(finding).or_insert(0) += 1;
        }
        let findings = counts
            .into_iter()
            .map(|((file, code, fingerprint), count)| Entry {
                file: file.to_owned(),
                code: code.to_owned(),
                fingerprint: fingerprint.to_owned(),
                count,
            })
            .collect();
        let file = File { kestrel_baseline: VERSION, findings };
        let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
        text.push('\n');
        text
    }
}

fn key(file: &str, code: &str, fingerprint: &str) -> String {
    format!("{code}\n{fingerprint}\n{file}")
}

/// Returns a short text that stays the same while file, code, message and line text do.
pub fn fingerprint(file: &str, code: &str, message: &str, line: &str) -> String {
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for part in [file, code, message, line.trim()] {
        for byte in part.bytes().chain([0]) {
            hash ^= u128::from(byte);
            hash = hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    format!("{hash:032x}")
}
