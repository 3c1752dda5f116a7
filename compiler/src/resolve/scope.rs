//! The names a hunt has defined so far: versions of variables and the latest data source.

use std::collections::HashMap;

use ahash::RandomState;
use kestrel_ir::diagnostic::{Code, Diagnostic};
use kestrel_stix::suggest::nearest;

use crate::{
    ast::Name,
    hir::{VarId, Version},
};

/// What later steps can refer to. Grows block by block in a session.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Every version, in order of definition.
    pub versions: Vec<Version>,
    /// The current version of each name.
    current: HashMap<String, VarId, RandomState>,
    /// The source of the latest `GET` from a source.
    pub last_source: Option<String>,
}

impl Scope {
    /// Returns a version.
    pub fn version(&self, id: VarId) -> &Version {
        &self.versions[id.0 as usize]
    }

    /// Returns the current version of a name.
    pub fn current(&self, name: &str) -> Option<VarId> {
        self.current.get(name).copied()
    }

    /// Returns the names that are defined, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.current.keys().map(String::as_str).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Defines a version, numbers it and makes it current.
    pub fn define(&mut self, mut version: Version) -> VarId {
        version.version = 1 + self.current(&version.name).map_or(0, |id| self.version(id).version);
        let id = VarId(u32::try_from(self.versions.len()).unwrap_or(u32::MAX));
        self.current.insert(version.name.clone(), id);
        self.versions.push(version);
        id
    }

    /// Lets another name (the default variable) stand for a version too.
    pub fn alias(&mut self, name: &str, id: VarId) {
        match self.current.get_mut(name) {
            Some(current) => *current = id,
            None => drop(self.current.insert(name.to_owned(), id)),
        }
    }

    /// Returns the current version of a name, or says that there is none; with `suggest`, the
    /// message names the nearest names, which takes time for each name there is.
    pub fn lookup(&self, name: &Name, suggest: bool) -> Result<VarId, Diagnostic> {
        self.current(&name.text).ok_or_else(|| {
            let found = Diagnostic::new(Code::E0201, format!("variable `{}` does not exist", name.text))
                .at(name.span);
            if !suggest {
                return found;
            }
            let near = nearest(&name.text, self.names().filter(|known| *known != "_"));
            match near.first() {
                Some(near) => found.help(format!("a variable with a close name exists: `{near}`")),
                None if self.names().next().is_none() => found.help("no step above defines a variable"),
                None => {
                    let names: Vec<_> = self.names().filter(|known| *known != "_").take(8).collect();
                    found.help(format!("variables defined above: {}", names.join(", ")))
                }
            }
        })
    }
}
