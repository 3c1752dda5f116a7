//! Holds a plan against a policy before anything of it runs.
//!
//! What can be told from the plan, `kestrel_compiler::policy` tells, as it does for reviewers. Here is
//! what only the machine knows: which code an analytic is, and where links lead.

use std::{
    io,
    path::{Path, PathBuf},
};

use kestrel_compiler::{
    policy::{self, Folders, Policy},
    review::effects::{Effects, FileUse, Reach},
};
use kestrel_executor::{
    ops::{apply::Analytics, files},
    run::Redirects,
};
use kestrel_ir::{
    Plan,
    diagnostic::{Code, Diagnostic},
    text::visible,
};

/// A policy and the surroundings it is applied in.
#[derive(Debug, Clone)]
pub struct Guard {
    policy: Policy,
    analytics: Analytics,
    /// Where relative paths start.
    base_dir: PathBuf,
}

impl Guard {
    /// Makes a guard for hunts that run in `base_dir` with these analytics.
    pub fn new(policy: Policy, analytics: Analytics, base_dir: PathBuf) -> Self {
        Guard { policy, analytics, base_dir }
    }

    /// Returns the rule about where servers may send the reader of web addresses.
    pub fn redirects(&self) -> Redirects {
        let policy = self.policy.clone();
        Redirects::new(move |from, to| policy::redirect(&policy, from, to))
    }

    /// Returns what the policy forbids of a plan, in its order; nothing of such a plan may run.
    pub fn refuses(&self, plan: &Plan) -> Vec<Diagnostic> {
        let identity = |address: &str| {
            let (scheme, name) = address.split_once("://")?;
            self.analytics.runner(&scheme.to_ascii_lowercase())?.identity(name)
        };
        let mut found = policy::check(plan, &self.policy, &identity);
        if !found.is_empty() {
            return found;
        }
        // The text of a path is fine; the file may be somewhere else all the same.
        let effects = Effects::of(plan);
        let sources = effects.sources.iter().filter(|source| source.reach == Reach::File);
        let sources = sources.filter_map(|source| {
            let node = *source.nodes.first()?;
            Some(FileUse { path: source.target.clone(), node })
        });
        let reads: Vec<FileUse> = effects.reads.iter().cloned().chain(sources).collect();
        for (files, folders, code, verb) in [
            (&effects.writes, &self.policy.write, Code::E0906, "writing"),
            (&reads, &self.policy.read, Code::E0907, "reading"),
        ] {
            let Some(folders) = folders else { continue };
            for file in files {
                found.extend(self.leads_out(plan, file, folders, code, verb));
            }
        }
        found
    }

    fn leads_out(
        &self,
        plan: &Plan,
        file: &FileUse,
        folders: &Folders,
        code: Code,
        verb: &str,
    ) -> Option<Diagnostic> {
        let allowed: Vec<PathBuf> = folders.texts().filter_map(|text| self.place(text).ok()).collect();
        let message = match self.place(&file.path) {
            Ok(place) if allowed.iter().any(|folder| place.starts_with(folder)) => return None,
            Ok(place) => format!(
                "the policy forbids {verb} `{}`, which is `{}`",
                visible(&file.path),
                visible(&place.display().to_string())
            ),
            Err(cause) => {
                format!(
                    "the policy limits {verb}, and where `{}` is cannot be told: {cause}",
                    visible(&file.path)
                )
            }
        };
        let found =
            Diagnostic::new(code, message).help("a link leads out of the folders that the policy allows");
        Some(match plan.get(file.node).map(|node| node.origin.span) {
            Some(span) if plan.sources.get(span.source.0 as usize).is_some() => found.at(span),
            _ => found,
        })
    }

    /// Returns where a path leads when all links are followed; what does not exist yet stands in
    /// the place of its nearest folder that does.
    fn place(&self, written: &str) -> io::Result<PathBuf> {
        #[expect(clippy::disallowed_methods, reason = "paths of hunts name variables of the environment")]
        let variable = |name: &str| std::env::var(name).ok();
        let path = files::resolve(written, &self.base_dir, &variable)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        let path = std::path::absolute(path)?;
        let mut missing = Vec::new();
        let mut existing: &Path = &path;
        loop {
            match existing.canonicalize() {
                Ok(mut place) => {
                    place.extend(missing.iter().rev());
                    return Ok(place);
                }
                // A link to nowhere would be followed when the file is made.
                Err(error) if existing.is_symlink() => return Err(error),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
                        return Err(error);
                    };
                    missing.push(name.to_owned());
                    existing = parent;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
