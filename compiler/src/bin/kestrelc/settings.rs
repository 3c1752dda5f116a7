//! Which settings hold for a file: `kestrel.toml` named by `--config`, else found from the file's
//! folder upwards, else the user's.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use kestrel_analytics::Places;
use kestrel_compiler::{
    Config,
    config::Analytics,
    config_file,
    lints::{
        Selection,
        selection::{Choices, Chooser, LintSection},
    },
};

use kestrel_ir::text::visible;

use crate::commands::Failure;

/// Settings of one configuration file, or the defaults.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    chooser: Chooser,
    /// The folder of the configuration file; paths in it are relative to this.
    root: PathBuf,
    /// The configuration file itself.
    pub(crate) path: Option<PathBuf>,
    /// The baseline that the file names.
    pub(crate) baseline: Option<PathBuf>,
}

impl Loaded {
    fn relative(&self, path: &Path) -> String {
        let absolute = absolute(path);
        let relative = absolute.strip_prefix(&self.root).unwrap_or(&absolute);
        relative.to_string_lossy().replace('\\', "/")
    }

    /// Returns which warnings are wanted for a file.
    pub(crate) fn selection(&self, path: &Path) -> Selection {
        self.chooser.for_path(&self.relative(path))
    }

    /// Returns true for files that are left out when a folder is searched.
    pub(crate) fn excludes(&self, path: &Path) -> bool {
        self.chooser.excludes(&self.relative(path))
    }
}

/// Finds settings, reading each configuration file once.
#[derive(Debug)]
pub(crate) struct Settings {
    named: Option<PathBuf>,
    choices: Choices,
    by_folder: HashMap<PathBuf, Rc<Loaded>>,
    by_file: HashMap<Option<PathBuf>, Rc<Loaded>>,
}

impl Settings {
    /// With the file that the command line names, and its choices of lints.
    pub(crate) fn new(named: Option<PathBuf>, choices: Choices) -> Self {
        Settings { named, choices, by_folder: HashMap::new(), by_file: HashMap::new() }
    }

    /// Returns the settings for a file or folder; `-` stands in the working directory.
    pub(crate) fn of(&mut self, path: &Path) -> Result<Rc<Loaded>, Failure> {
        let path = absolute(path);
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(&path).to_owned() };
        if let Some(known) = self.by_folder.get(&folder) {
            return Ok(Rc::clone(known));
        }
        let user = user_folder();
        let found = config_file::find(self.named.as_deref(), &folder, user.as_deref())
            .map_err(|error| Failure::Other(error.to_string()))?;
        let loaded = match self.by_file.get(&found.path) {
            Some(known) => Rc::clone(known),
            None => {
                let loaded = Rc::new(self.load(found.config, &found.lint, found.path.as_deref())?);
                self.by_file.insert(found.path, Rc::clone(&loaded));
                loaded
            }
        };
        self.by_folder.insert(folder, Rc::clone(&loaded));
        Ok(loaded)
    }

    fn load(&self, config: Config, lint: &LintSection, path: Option<&Path>) -> Result<Loaded, Failure> {
        // Choices of the command line are wrong by themselves, whatever the file says.
        Chooser::new(&LintSection::default(), self.choices.clone())
            .map_err(|unknown| Failure::Other(unknown.to_string()))?;
        let chooser = Chooser::new(lint, self.choices.clone()).map_err(|unknown| {
            let file = path.map_or(String::new(), |path| path.display().to_string());
            Failure::Other(format!("the configuration `{file}` is wrong: {unknown}"))
        })?;
        let file = path.map(Path::to_owned);
        let mut config = config;
        config.analytics = analytics(path, false);
        let root = path.map(absolute).and_then(|path| path.parent().map(Path::to_owned));
        let root = root.unwrap_or_else(|| absolute(Path::new(".")));
        let baseline = lint.baseline.as_ref().map(|name| root.join(name));
        Ok(Loaded { config, chooser, root, path: file, baseline })
    }
}

/// Reads which analytics there are. Checking a huntflow does not need them, so what is wrong
/// with their configuration is only told. With `identify`, the files of modules are hashed.
pub(crate) fn analytics(toml: Option<&Path>, identify: bool) -> Analytics {
    let base_dir = absolute(Path::new("."));
    let places = Places { toml, base_dir: &base_dir, variable: &|name| std::env::var(name).ok() };
    match kestrel_analytics::Settings::read(&places) {
        Ok(settings) => {
            let mut known = config_file::analytics(&settings);
            if identify {
                config_file::identify(&settings, &mut known);
            }
            known
        }
        Err(error) => {
            eprintln!(
                "kestrelc: warning: {}; plans do not say what analytics are",
                visible(&error.to_string())
            );
            Analytics::default()
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The user's configuration folder.
pub(crate) fn user_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
}
