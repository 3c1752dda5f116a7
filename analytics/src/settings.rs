//! Which analytics there are: `pythonanalytics.yaml` and `[analytics]` of `kestrel.toml`.
//!
//! ```toml
//! [analytics]
//! interpreter = "~/venv/bin/python"   # default: KESTREL_PYTHON, then python3
//! timeout = "10m"                     # default: none
//! [analytics.python.score]
//! module = "analytics/score.py"       # relative to this file
//! func = "score"
//! interpreter = "/opt/score/bin/python"
//! timeout = "90s"
//! memory = "2G"
//! processes = 500
//! attributes = ["x_score"]
//! [analytics.docker]
//! command = "podman"                  # default: podman or docker, whichever is found
//! runtime = "runc"                    # default: what the command chooses
//! ulimits = ["nofile=1024:1024"]
//! arguments = ["--userns", "auto"]    # for every container
//! memory = "2G"                       # also cpus, processes, timeout, network, read_only
//! [analytics.docker.images.lookup]
//! image = "quay.io/team/lookup@sha256:…"
//! network = "bridge"
//! ```

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use crate::{
    container::{self, Containers},
    limits,
    python::{self, PythonProfiles},
};

/// The variable that names the file with Python analytics.
pub const YAML_VARIABLE: &str = "KESTREL_PYTHON_ANALYTICS_CONFIG";

/// The variable that names the default interpreter.
pub const PYTHON_VARIABLE: &str = "KESTREL_PYTHON";

/// Largest configuration file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Where configuration is looked for.
pub struct Places<'p> {
    /// The `kestrel.toml` in use.
    pub toml: Option<&'p Path>,
    /// Where relative modules of the YAML file start: the working directory.
    pub base_dir: &'p Path,
    /// Reads an environment variable.
    pub variable: &'p dyn Fn(&str) -> Option<String>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The operating system said no.
    #[error("cannot read the analytics in `{}`: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// The file is wrong.
    #[error("the analytics in `{}` are wrong: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
}

/// The analytics of a session.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Python functions.
    pub python: PythonProfiles,
    /// Containers.
    pub docker: Containers,
    /// The Python for analytics that name none.
    pub interpreter: String,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Settings {
    /// Reads what is configured. A profile of `kestrel.toml` takes the place of one of the same
    /// name in the YAML file. A file that an environment variable names must be there.
    pub fn read(places: &Places<'_>) -> Result<Self, SettingsError> {
        let mut settings = Settings::default();
        let expand = |text: &str| expanded(text, places.variable);
        let section = match places.toml {
            Some(path) => {
                let text = read(path)?;
                let file: TomlFile = toml::from_str(&text).map_err(|error| SettingsError::Wrong {
                    path: path.to_owned(),
                    message: error.to_string().trim_end().to_owned(),
                })?;
                if file.analytics != Section::default() {
                    settings.files.push(path.to_owned());
                }
                file.analytics
            }
            None => Section::default(),
        };
        let wrong = |message: String| SettingsError::Wrong {
            path: places.toml.unwrap_or(Path::new(".")).to_owned(),
            message,
        };
        settings.interpreter = match &section.interpreter {
            Some(named) => expand(named),
            None => (places.variable)(PYTHON_VARIABLE)
                .filter(|named| !named.is_empty())
                .unwrap_or("python3".to_owned()),
        };
        let usual = Usual {
            interpreter: settings.interpreter.clone(),
            timeout: optional(section.timeout.as_deref(), limits::duration).map_err(wrong)?,
            memory: optional(section.memory.as_deref(), limits::size).map_err(wrong)?,
        };
        let yaml = yaml_path(places);
        if let Some((path, required)) = &yaml
            && (*required || path.is_file())
        {
            for (name, profile) in yaml_profiles(path)? {
                let folder =
                    if places.base_dir.join(expand(profile.module.as_deref().unwrap_or_default())).exists() {
                        places.base_dir
                    } else {
                        path.parent().unwrap_or(places.base_dir)
                    };
                let made = usual.profile(profile, path, folder, &expand).map_err(|message| {
                    SettingsError::Wrong { path: path.clone(), message: format!("`{name}`: {message}") }
                })?;
                settings.python.profiles.insert(name, made);
            }
            settings.files.push(path.clone());
        }
        if let Some(path) = places.toml {
            let folder = path.parent().unwrap_or(places.base_dir);
            for (name, profile) in section.python {
                let made = usual
                    .profile(profile, path, folder, &expand)
                    .map_err(|message| wrong(format!("`{name}`: {message}")))?;
                settings.python.profiles.insert(name, made);
            }
        }
        settings.python.places = match (settings.files.as_slice(), &yaml) {
            ([], Some((path, _))) => format!("`{}`, which does not exist", path.display()),
            ([], None) => "the configuration".to_owned(),
            (files, _) => {
                files.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" and ")
            }
        };
        settings.docker = section.docker.made(usual.timeout, places).map_err(wrong)?;
        Ok(settings)
    }
}

/// Returns where the YAML file is, and whether it has to be there.
fn yaml_path(places: &Places<'_>) -> Option<(PathBuf, bool)> {
    let set = |name: &str| (places.variable)(name).filter(|value| !value.is_empty());
    if let Some(path) = set(YAML_VARIABLE) {
        return Some((places.base_dir.join(expanded(&path, places.variable)), true));
    }
    let folder = match set("XDG_CONFIG_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(set("HOME")?).join(".config"),
    };
    Some((folder.join("kestrel").join("pythonanalytics.yaml"), false))
}

/// What holds where a profile is silent.
struct Usual {
    interpreter: String,
    timeout: Option<Duration>,
    memory: Option<u64>,
}

impl Usual {
    fn profile(
        &self,
        given: PythonProfile,
        file: &Path,
        folder: &Path,
        expand: &dyn Fn(&str) -> String,
    ) -> Result<python::Profile, String> {
        let interpreter = match given.interpreter {
            // A bare name is looked for on the search path.
            Some(named) if !named.contains('/') && !named.starts_with(['~', '$']) => named,
            Some(named) => folder.join(expand(&named)).display().to_string(),
            None => self.interpreter.clone(),
        };
        Ok(python::Profile {
            module: given.module.map(|module| folder.join(expand(&module))),
            function: given.func.map(|function| expand(&function)),
            interpreter,
            timeout: optional(given.timeout.as_deref(), limits::duration)?.or(self.timeout),
            memory: optional(given.memory.as_deref(), limits::size)?.or(self.memory),
            processes: given.processes,
            attributes: given.attributes,
            configured_in: file.to_owned(),
        })
    }
}

fn optional<T>(text: Option<&str>, read: fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    text.map(read).transpose()
}

fn read(path: &Path) -> Result<String, SettingsError> {
    let unreadable = |cause| SettingsError::Unreadable { path: path.to_owned(), cause };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
        let message = format!("it has more than {} MiB", MAX_BYTES >> 20);
        return Err(SettingsError::Wrong { path: path.to_owned(), message });
    }
    fs::read_to_string(path).map_err(unreadable)
}

fn yaml_profiles(path: &Path) -> Result<BTreeMap<String, PythonProfile>, SettingsError> {
    let text = read(path)?;
    if text.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    let file: YamlFile = serde_saphyr::from_str(&text)
        .map_err(|error| SettingsError::Wrong { path: path.to_owned(), message: error.to_string() })?;
    Ok(file.profiles.unwrap_or_default())
}

#[derive(Deserialize)]
struct YamlFile {
    /// Kestrel 1.8 reads nothing else; further keys are left alone as there.
    profiles: Option<BTreeMap<String, PythonProfile>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TomlFile {
    analytics: Section,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    interpreter: Option<String>,
    timeout: Option<String>,
    memory: Option<String>,
    python: BTreeMap<String, PythonProfile>,
    docker: DockerSection,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(default)]
struct PythonProfile {
    module: Option<String>,
    func: Option<String>,
    interpreter: Option<String>,
    timeout: Option<String>,
    memory: Option<String>,
    processes: Option<u32>,
    attributes: Vec<String>,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DockerSection {
    command: Option<String>,
    runtime: Option<String>,
    ulimits: Vec<String>,
    /// For every container.
    arguments: Vec<String>,
    network: Option<String>,
    memory: Option<String>,
    cpus: Option<Number>,
    processes: Option<u32>,
    timeout: Option<String>,
    read_only: Option<bool>,
    images: BTreeMap<String, ImageProfile>,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ImageProfile {
    image: Option<String>,
    network: Option<String>,
    memory: Option<String>,
    cpus: Option<Number>,
    processes: Option<u32>,
    timeout: Option<String>,
    read_only: Option<bool>,
    arguments: Vec<String>,
    attributes: Vec<String>,
}

#[derive(Debug, PartialEq, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(u32),
    Part(f64),
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Number::Whole(n) => n.fmt(f),
            Number::Part(n) => n.fmt(f),
        }
    }
}

impl DockerSection {
    fn made(self, timeout: Option<Duration>, places: &Places<'_>) -> Result<Containers, String> {
        let standard = container::Profile::default();
        let standard = container::Profile { timeout: timeout.or(standard.timeout), ..standard };
        let general = ImageProfile {
            network: self.network,
            memory: self.memory,
            cpus: self.cpus,
            processes: self.processes,
            timeout: self.timeout,
            read_only: self.read_only,
            ..ImageProfile::default()
        };
        let usual = general.over(&standard)?;
        let mut profiles = BTreeMap::new();
        for (name, image) in self.images {
            profiles
                .insert(name.clone(), image.over(&usual).map_err(|message| format!("`{name}`: {message}"))?);
        }
        let command = match self.command {
            Some(named) => Some(expanded(&named, places.variable)),
            None => ["podman", "docker"]
                .into_iter()
                .find(|name| on_path(name, places.variable))
                .map(str::to_owned),
        };
        for ulimit in &self.ulimits {
            if !is_ulimit(ulimit) {
                return Err(format!("`{ulimit}` is no ulimit; write it as in `nofile=1024:1024`"));
            }
        }
        if let Some(runtime) = &self.runtime
            && (runtime.is_empty() || runtime.starts_with('-'))
        {
            return Err(format!(
                "`{runtime}` is no container runtime; write its name or path, such as `runc`"
            ));
        }
        Ok(Containers {
            command,
            runtime: self.runtime,
            ulimits: self.ulimits,
            arguments: self.arguments,
            usual,
            profiles,
        })
    }
}

impl ImageProfile {
    fn over(self, usual: &container::Profile) -> Result<container::Profile, String> {
        Ok(container::Profile {
            image: self.image,
            network: self.network.unwrap_or_else(|| usual.network.clone()),
            memory: optional(self.memory.as_deref(), limits::size)?.unwrap_or(usual.memory),
            cpus: self.cpus.map_or_else(|| usual.cpus.clone(), |cpus| cpus.to_string()),
            processes: self.processes.unwrap_or(usual.processes),
            timeout: match self.timeout.as_deref() {
                // Lifted, which the plan shows.
                Some("none") => None,
                timeout => optional(timeout, limits::duration)?.or(usual.timeout),
            },
            read_only: self.read_only.unwrap_or(usual.read_only),
            arguments: self.arguments,
            attributes: self.attributes,
        })
    }
}

/// `name=soft` or `name=soft:hard`.
fn is_ulimit(text: &str) -> bool {
    let number =
        |part: &str| part == "-1" || !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('=').is_some_and(|(name, limits)| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase())
            && limits.split(':').count() <= 2
            && limits.split(':').all(number)
    })
}

fn on_path(program: &str, variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let path = variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Replaces `~` at the start, `$NAME` and `${NAME}`; what is not set stays as it is.
fn expanded(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('~').filter(|after| after.is_empty() || after.starts_with('/')) {
        match variable("HOME") {
            Some(home) => out.push_str(&home),
            None => out.push('~'),
        }
        rest = after;
    }
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, next) = match braced {
            Some((name, next)) => (name, next),
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                after.split_at(end)
            }
        };
        match variable(name).filter(|_| !name.is_empty()) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[at..rest.len() - next.len()]),
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/u".to_owned()),
            "DIR" => Some("/opt/a".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn paths_are_expanded() {
        let expand = |text| expanded(text, &variables);
        assert_eq!(expand("~/a"), "/home/u/a");
        assert_eq!(expand("$DIR/b.py"), "/opt/a/b.py");
        assert_eq!(expand("${DIR}x/$NONE/${NONE}/$"), "/opt/ax/$NONE/${NONE}/$");
        assert_eq!(expand("~user/a"), "~user/a");
    }

    #[test]
    fn profiles_of_both_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let (toml, yaml) = (folder.path().join("kestrel.toml"), folder.path().join("a.yaml"));
        fs::write(
            &toml,
            "[language]\n[analytics]\ntimeout = \"10m\"\n[analytics.python.two]\nmodule = \"two.py\"\nfunc = \"f\"\n\
             interpreter = \"venv/bin/python\"\nmemory = \"1G\"\n[analytics.docker]\ncommand = \"podman\"\ncpus = 0.5\n\
             runtime = \"runc\"\nulimits = [\"nofile=1024:1024\"]\n\
             [analytics.docker.images.x]\ntimeout = \"none\"\nnetwork = \"bridge\"\nimage = \"x:1\"\n",
        )
        .expect("written");
        fs::write(&yaml, "profiles:\n  one: {module: $DIR/one.py, func: g}\n  two:\n    module: ~/other.py\n  bad:\n    func: h\n").expect("written");
        let yaml_name = yaml.display().to_string();
        let variable =
            |name: &str| if name == YAML_VARIABLE { Some(yaml_name.clone()) } else { variables(name) };
        let places = Places { toml: Some(&toml), base_dir: folder.path(), variable: &variable };
        let settings = Settings::read(&places).expect("right");
        let one = &settings.python.profiles["one"];
        assert_eq!(one.module.as_deref(), Some(Path::new("/opt/a/one.py")));
        assert_eq!((one.interpreter.as_str(), one.timeout), ("python3", Some(Duration::from_secs(600))));
        let two = &settings.python.profiles["two"];
        assert_eq!(two.module.as_deref(), Some(folder.path().join("two.py").as_path()));
        assert_eq!(two.interpreter, folder.path().join("venv/bin/python").display().to_string());
        assert_eq!(two.memory, Some(1 << 30));
        assert!(settings.python.profiles["bad"].module.is_none());
        let docker = &settings.docker;
        assert_eq!(
            (docker.profile("x").network.as_str(), docker.profile("y").network.as_str()),
            ("bridge", "none")
        );
        assert_eq!(
            (docker.profile("x").cpus.as_str(), docker.image("y").as_str()),
            ("0.5", "kestrel-analytics-y")
        );
        assert_eq!(
            (docker.runtime.as_deref(), docker.ulimits.as_slice()),
            (Some("runc"), &["nofile=1024:1024".to_owned()][..])
        );
        assert_eq!(
            (docker.profile("x").timeout, docker.profile("y").timeout),
            (None, Some(Duration::from_secs(600)))
        );
        assert_eq!(settings.files.len(), 2);
    }

    #[test]
    fn wrong_files_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let toml = folder.path().join("kestrel.toml");
        let places = Places { toml: Some(&toml), base_dir: folder.path(), variable: &|_| None };
        fs::write(&toml, "[analytics]\ntimeuot = \"1s\"\n").expect("written");
        let error = Settings::read(&places).expect_err("wrong").to_string();
        assert!(error.contains("timeuot") && error.contains("line 2"), "{error}");
        fs::write(&toml, "[analytics.python.a]\ntimeout = \"soon\"\n").expect("written");
        let error = Settings::read(&places).expect_err("wrong").to_string();
        assert!(error.contains("`a`: `soon` is no duration"), "{error}");
        for (wrong, says) in [
            ("[analytics.docker]\nulimits = [\"--privileged\"]\n", "`--privileged` is no ulimit"),
            ("[analytics.docker]\nruntime = \"--privileged\"\n", "is no container runtime"),
        ] {
            fs::write(&toml, wrong).expect("written");
            let error = Settings::read(&places).expect_err("wrong").to_string();
            assert!(error.contains(says), "{error}");
        }
        let yaml = folder.path().join("a.yaml");
        fs::write(&yaml, "profiles: [1, 2").expect("written");
        let name = yaml.display().to_string();
        let variable = |_: &str| Some(name.clone());
        let places = Places { toml: None, base_dir: folder.path(), variable: &variable };
        assert!(Settings::read(&places).is_err());
    }
}
