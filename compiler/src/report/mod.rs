//! What is said about files, ready for people and programs: text, JSON, SARIF, GitHub, GitLab,
//! JUnit. Pure: files in, text out.

mod file;
mod formats;
mod sarif;

pub use file::{FileReport, Finding, JsonEdit, JsonFix, Place};
pub use formats::{github, gitlab, json, jsonl, junit, statistics, text};
pub use sarif::sarif;
