//! Reads a file as it was at a git revision, for `kestrelc diff`: the only place where kestrelc
//! starts another program.
//!
//! `git cat-file` shows an object as it is stored: it runs no filters, hooks, pagers or editors of a
//! repository that somebody else made, and with `GIT_NO_LAZY_FETCH` it fetches nothing.

use std::{
    io::{self, Read},
    process::{Command, Stdio},
};

use crate::input::MAX_BYTES;

/// A file at a revision.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Object<'n> {
    name: &'n str,
    path: &'n str,
}

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    #[error("cannot run git, which reads `{name}`: {cause}")]
    Start { name: String, cause: io::Error },
    #[error("git cannot read `{name}`: {said}")]
    Refused { name: String, said: String },
    #[error("`{name}` has more than {} MiB", MAX_BYTES >> 20)]
    TooLarge { name: String },
}

impl<'n> Object<'n> {
    /// Takes `REVISION:PATH` apart; none for other names.
    pub(crate) fn parse(name: &'n str) -> Option<Self> {
        let (revision, path) = name.split_once(':')?;
        // A drive letter, an option, an address.
        let letter = revision.len() == 1 && path.starts_with(['\\', '/']);
        let plain = !revision.is_empty() && !revision.starts_with('-') && !path.is_empty();
        (plain && !letter && !path.starts_with("//")).then_some(Object { name, path })
    }

    /// Returns the path, by which the nearest configuration is found.
    pub(crate) fn path(&self) -> &'n str {
        self.path
    }

    /// Reads the file.
    pub(crate) fn read(&self) -> Result<Vec<u8>, GitError> {
        let name = || self.name.to_owned();
        let start = |cause| GitError::Start { name: name(), cause };
        let mut child = Command::new("git")
            .args(["--no-pager", "-c", "core.fsmonitor=false", "cat-file", "blob", self.name])
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(start)?;
        let mut bytes = Vec::new();
        let mut said = String::new();
        if let Some(out) = child.stdout.take() {
            out.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(start)?;
        }
        if bytes.len() as u64 > MAX_BYTES {
            // It ends by itself when nobody reads on.
            let _ = child.kill();
            let _ = child.wait();
            return Err(GitError::TooLarge { name: name() });
        }
        if let Some(err) = child.stderr.take() {
            // What a message holds is for people.
            let _ = err.take(4096).read_to_string(&mut said);
        }
        let status = child.wait().map_err(start)?;
        if status.success() {
            return Ok(bytes);
        }
        let said = said.trim().lines().next().unwrap_or_default();
        let said = said.strip_prefix("fatal: ").unwrap_or(said);
        let said = if said.is_empty() { status.to_string() } else { said.to_owned() };
        Err(GitError::Refused { name: name(), said: kestrel_ir::text::shown(&said).into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_and_what_only_looks_like_one() {
        let path = |name| Object::parse(name).map(|object| object.path().to_owned());
        assert_eq!(path("HEAD~1:hunts/a.hf").as_deref(), Some("hunts/a.hf"));
        assert_eq!(path("main:./a.hf").as_deref(), Some("./a.hf"));
        for other in ["a.hf", ":a.hf", "--textconv:a.hf", "C:\\hunts\\a.hf", "file://a.hf", "HEAD:"] {
            assert_eq!(path(other), None, "{other}");
        }
    }
}
