//! Differences as unified diffs, the form that `patch` and reviewers read.

use std::time::Duration;

use similar::TextDiff;

/// Returns the change of a file; empty if there is none.
pub(crate) fn unified(path: &str, old: &[u8], new: &[u8]) -> String {
    if old == new {
        return String::new();
    }
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let diff = TextDiff::configure().timeout(Duration::from_secs(2)).diff_lines(&*old, &*new);
    let path = path.strip_prefix("./").unwrap_or(path);
    diff.unified_diff().context_radius(3).header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}
