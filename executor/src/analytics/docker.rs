//! `docker://`: containers that read and write Parquet files in a shared folder. Entities 9.3.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use duckdb::arrow::{datatypes::Schema, record_batch::RecordBatch};
use kestrel_analytics::{
    Containers,
    container::{PREFIX, Profile, is_image_name},
    limits::{duration_words, size_words},
};
use kestrel_ir::{
    op::Limit,
    text::{visible, visible_lines},
};

use super::{
    process::{self, Ended, Finished},
    python::{MAX_DISPLAY, read},
    table,
};
use crate::{
    ops::apply::{AnalyticsError, AnalyticsRunner, Answer, Request},
    results::DisplayResult,
    run::Cancel,
};

/// Largest table that is read back, in bytes of its file.
const MAX_TABLE: u64 = 4 << 30;

/// Longest time for questions to the runtime.
const ASKING: Duration = Duration::from_secs(30);

/// Runs containers with the command line of Docker or Podman.
#[derive(Debug, Clone, Default)]
pub struct Docker(pub Containers);

impl AnalyticsRunner for Docker {
    fn scheme(&self) -> &str {
        "docker"
    }

    fn run(&self, request: &Request, cancel: &Cancel) -> Result<Answer, AnalyticsError> {
        let failed =
            |reason: String| AnalyticsError::Failed { name: visible(&request.name), reason, trace: None };
        let command = self.runtime().map_err(failed)?;
        let profile = self.0.profile(&request.name);
        let image = self.0.image(&request.name);
        if !is_image_name(&image) {
            let reason = format!("`{}` is no name of an image", visible(&image));
            return Err(AnalyticsError::Invalid { name: visible(&request.name), reason, help: None });
        }
        self.require_image(command, &image, &request.name, cancel)?;
        let folder = tempfile::Builder::new()
            .prefix("kestrel-analytic-")
            .tempdir()
            .map_err(|error| failed(format!("no private folder: {error}")))?;
        let shared = folder.path().join("data");
        fill(&shared, request).map_err(failed)?;
        let container = container_name(folder.path());
        let arguments =
            self.run_arguments(profile, &image, &container, folder.path(), request).map_err(failed)?;
        let mut child = Command::new(command);
        child.args(&arguments);
        let finished = process::run(&mut child, profile.timeout, cancel)
            .map_err(|error| failed(format!("`{command}` cannot be started: {error}")))?;
        if !matches!(finished.ended, Ended::Exit(_)) {
            remove(command, &container);
        }
        answer(&shared, profile, request, &finished)
    }

    fn limits(&self, name: &str) -> Vec<Limit> {
        self.0.limits(name)
    }

    fn identity(&self, name: &str) -> Option<String> {
        if let Some(digest) = self.0.digest(name) {
            return Some(digest);
        }
        let command = self.0.command.as_deref()?;
        let mut asked = Command::new(command);
        asked.args(["image", "inspect", "--format", "{{.Id}}", &self.0.image(name)]);
        let finished = process::run(&mut asked, Some(ASKING), &Cancel::new()).ok()?;
        let id = finished.stdout.trim();
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| format!("sha256:{id}"))
    }
}

impl Docker {
    /// Returns the names of the analytics that have images on this machine, sorted.
    pub fn installed(&self) -> Result<Vec<String>, String> {
        let mut asked = Command::new(self.runtime()?);
        asked.args(["images", "--format", "{{.Repository}}"]);
        let finished =
            process::run(&mut asked, Some(ASKING), &Cancel::new()).map_err(|error| error.to_string())?;
        if !matches!(finished.ended, Ended::Exit(status) if status.success()) {
            return Err(complaint(&finished));
        }
        let mut names: Vec<String> = finished
            .stdout
            .lines()
            .filter_map(|line| line.trim().rsplit('/').next()?.strip_prefix(PREFIX).map(str::to_owned))
            .chain(self.0.profiles.keys().cloned())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn runtime(&self) -> Result<&str, String> {
        self.0.command.as_deref().ok_or_else(|| {
            "no container runtime was found; install Podman or Docker, or name one as `command` in `[analytics.docker]` of kestrel.toml".to_owned()
        })
    }

    fn require_image(
        &self,
        command: &str,
        image: &str,
        name: &str,
        cancel: &Cancel,
    ) -> Result<(), AnalyticsError> {
        let failed = |reason: String, trace| AnalyticsError::Failed { name: visible(name), reason, trace };
        let mut asked = Command::new(command);
        asked.args(["image", "inspect", "--format", "{{.Id}}", image]);
        let finished =
            process::run(&mut asked, Some(ASKING), cancel).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => failed(
                    format!("the container runtime `{command}` was not found"),
                    Some(
                        "install it, or name another as `command` in `[analytics.docker]` of kestrel.toml"
                            .to_owned(),
                    ),
                ),
                _ => failed(format!("`{command}` cannot be started: {error}"), None),
            })?;
        match finished.ended {
            Ended::Exit(status) if status.success() => Ok(()),
            Ended::Stopped | Ended::TooMany => Err(AnalyticsError::Stopped),
            Ended::TimedOut => Err(failed(format!("`{command}` does not answer"), None)),
            Ended::Exit(_) => {
                let said = finished.stderr.to_ascii_lowercase();
                let absent = ["no such image", "image not known", "no such object", "not found"];
                if absent.iter().any(|words| said.contains(words)) {
                    return Err(AnalyticsError::Unknown {
                        name: visible(name),
                        place: format!("the images of this machine: image `{}` is missing", visible(image)),
                        near: None,
                    });
                }
                Err(failed(format!("`{command}` does not work: {}", complaint(&finished)), None))
            }
        }
    }

    /// Returns the arguments of the runtime: everything a container may do stands here.
    fn run_arguments(
        &self,
        profile: &Profile,
        image: &str,
        container: &str,
        folder: &Path,
        request: &Request,
    ) -> Result<Vec<String>, String> {
        let mut arguments: Vec<String> = Vec::new();
        let mut add = |parts: &[&str]| arguments.extend(parts.iter().map(|part| (*part).to_owned()));
        add(&["run", "--rm", "--pull", "never", "--name", container, "--network", &profile.network]);
        add(&["--security-opt", "no-new-privileges", "--cap-drop", "ALL"]);
        add(&["--memory", &profile.memory.to_string(), "--cpus", &profile.cpus]);
        add(&["--pids-limit", &profile.processes.to_string(), "--log-driver", "none"]);
        if let Some(runtime) = &self.0.runtime {
            add(&["--runtime", runtime]);
        }
        for ulimit in &self.0.ulimits {
            add(&["--ulimit", ulimit]);
        }
        if profile.read_only {
            add(&["--read-only", "--tmpfs", "/tmp"]);
        }
        add(&["--volume", &format!("{}:/data", folder.join("data").display())]);
        // In a file, so that secrets are in no list of processes; it knows single lines only.
        let mut lines = String::new();
        for (name, value) in &request.arguments {
            if name.is_empty() || name.contains(['=', '\0', '\n', '#']) || value.contains('\0') {
                return Err(format!("argument `{}` cannot be an environment variable", visible(name)));
            }
            if value.contains(['\n', '\r']) {
                add(&["--env", &format!("{name}={value}")]);
            } else {
                lines.push_str(&format!("{name}={value}\n"));
            }
        }
        if !lines.is_empty() {
            let path = folder.join("environment");
            fs::write(&path, lines).map_err(|error| format!("its arguments cannot be written: {error}"))?;
            add(&["--env-file", &path.display().to_string()]);
        }
        arguments.extend(self.0.arguments.iter().chain(&profile.arguments).cloned());
        arguments.push(image.to_owned());
        Ok(arguments)
    }
}

/// Writes the input tables into the folder that becomes `/data`.
fn fill(shared: &Path, request: &Request) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("its input cannot be written: {error}");
    for part in ["input", "output", "display"] {
        fs::create_dir_all(shared.join(part)).map_err(failed)?;
    }
    // Images run as any user; the folder around keeps other users out.
    for path in [shared.to_owned(), shared.join("output"), shared.join("display")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).map_err(failed)?;
    }
    for (n, batch) in request.tables.iter().enumerate() {
        let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        lower.sort();
        if let Some(pair) = lower.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!(
                "attributes that differ only in case, such as `{}`, cannot be told apart in its input",
                visible(&pair[0])
            ));
        }
        table::write(batch, &names, &shared.join("input").join(file_name(n)))?;
    }
    Ok(())
}

fn file_name(n: usize) -> String {
    format!("{n}.parquet.gz")
}

fn answer(
    shared: &Path,
    profile: &Profile,
    request: &Request,
    finished: &Finished,
) -> Result<Answer, AnalyticsError> {
    let name = visible(&request.name);
    let failed =
        |reason: String, trace: Option<String>| AnalyticsError::Failed { name: name.clone(), reason, trace };
    let printed = visible_lines(&finished.printed(4000));
    let shown = (!printed.is_empty()).then(|| format!("it printed:\n{printed}"));
    match finished.ended {
        Ended::Stopped | Ended::TooMany => return Err(AnalyticsError::Stopped),
        Ended::TimedOut => {
            let limit = duration_words(profile.timeout.unwrap_or_default());
            return Err(failed(format!("it was stopped after its time limit of {limit}"), shown));
        }
        Ended::Exit(status) if !status.success() => {
            let mut reason = format!("its container {}", process::status_words(status));
            if status.code() == Some(137) {
                reason.push_str(&format!(
                    "; it was killed, perhaps since it needs more memory than {}",
                    size_words(profile.memory)
                ));
            }
            return Err(failed(reason, shown));
        }
        Ended::Exit(_) => {}
    }
    let mut out = Answer { printed, ..Answer::default() };
    let mut tables = Vec::new();
    let mut given = false;
    for n in 0..request.tables.len() {
        let path = shared.join("output").join(file_name(n));
        let about = folder_entry(&shared.join("output"), &path).map_err(|reason| failed(reason, None))?;
        if !about {
            tables.push(RecordBatch::new_empty(Schema::empty().into()));
            continue;
        }
        given = true;
        tables.push(table::read(&path).map_err(|reason| failed(reason, None))?);
    }
    if given {
        out.tables = tables;
    }
    out.display = display(&shared.join("display")).map_err(|reason| failed(reason, None))?;
    Ok(out)
}

/// Returns whether a file is there. The container may have put anything in its place: a link
/// would be followed on this side.
fn folder_entry(folder: &Path, path: &Path) -> Result<bool, String> {
    let folder_is_one = fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir());
    if !folder_is_one {
        return Ok(false);
    }
    match fs::symlink_metadata(path) {
        Err(_) => Ok(false),
        Ok(about) if !about.is_file() => Err("its output is no regular file".to_owned()),
        Ok(about) if about.len() > MAX_TABLE => {
            Err(format!("its table has more than {} GiB", MAX_TABLE >> 30))
        }
        Ok(_) => Ok(true),
    }
}

fn display(folder: &Path) -> Result<Option<DisplayResult>, String> {
    if !fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir()) {
        return Ok(None);
    }
    let entries = fs::read_dir(folder).map_err(|error| format!("its displays cannot be read: {error}"))?;
    let found: Vec<PathBuf> = entries.flatten().take(2).map(|entry| entry.path()).collect();
    match found.as_slice() {
        [] => Ok(None),
        [path] if path.extension().is_some_and(|suffix| suffix == "html") => {
            let html =
                read(path, MAX_DISPLAY).map_err(|error| format!("its display cannot be read: {error}"))?;
            Ok(Some(DisplayResult::Html(String::from_utf8_lossy(&html).into_owned())))
        }
        [path] => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(format!("its display `{}` is no `.html`", visible(&name)))
        }
        _ => Err("it made more than one display".to_owned()),
    }
}

/// Ends a container whose command is gone.
fn remove(command: &str, container: &str) {
    let mut asked = Command::new(command);
    asked.args(["rm", "--force", "--time", "0", container]).stdin(Stdio::null());
    let finished = process::run(&mut asked, Some(ASKING), &Cancel::new());
    if !matches!(finished, Ok(Finished { ended: Ended::Exit(status), .. }) if status.success()) {
        // Docker knows no `--time`.
        let mut asked = Command::new(command);
        asked.args(["rm", "--force", container]);
        let _ = process::run(&mut asked, Some(ASKING), &Cancel::new());
    }
}

fn complaint(finished: &Finished) -> String {
    let text = visible_lines(finished.stderr.trim());
    text.lines().last().unwrap_or("it gave no reason").to_owned()
}

fn container_name(folder: &Path) -> String {
    let unique: String = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    format!("{unique}-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_container_may_do_nothing_by_default() {
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = vec![("KEY".to_owned(), "s3cret".to_owned()), ("TEXT".to_owned(), "a\nb".to_owned())];
        let request = Request { name: "x".to_owned(), tables: Vec::new(), arguments };
        let ulimits = vec!["nofile=1024:1024".to_owned()];
        let docker =
            Docker(Containers { runtime: Some("runc".to_owned()), ulimits, ..Containers::default() });
        let made = docker.run_arguments(&docker.0.usual, "kestrel-analytics-x", "c", folder.path(), &request);
        let made = made.expect("right").join(" ").replace(&folder.path().display().to_string(), "FOLDER");
        insta::assert_snapshot!(made);
        let file = fs::read_to_string(folder.path().join("environment")).expect("written");
        assert_eq!(file, "KEY=s3cret\n");
    }

    #[test]
    fn what_a_container_leaves_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = folder.path();
        fs::create_dir(shared.join("output")).expect("made");
        std::os::unix::fs::symlink("/etc/passwd", shared.join("output/0.parquet.gz")).expect("made");
        assert!(folder_entry(&shared.join("output"), &shared.join("output/0.parquet.gz")).is_err());
        fs::create_dir(shared.join("display")).expect("made");
        std::os::unix::fs::symlink("/etc/passwd", shared.join("display/a.html")).expect("made");
        assert!(display(&shared.join("display")).is_err());
        fs::write(shared.join("display/b.html"), "<p>").expect("written");
        assert_eq!(display(&shared.join("display")).unwrap_err(), "it made more than one display");
    }

    /// A runtime that does what the image's name says, in the folder that would be `/data`.
    const RUNTIME: &str = r#"#!/bin/sh
case "$1" in
  image)
    for image; do :; done
    case "$image" in
      *absent) echo "Error: No such image: $image" >&2; exit 1 ;;
      *daemon) echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock." >&2; exit 1 ;;
    esac
    exit 0 ;;
  rm) exit 0 ;;
esac
while [ $# -gt 1 ]; do
  [ "$1" = --volume ] && data="${2%:/data}"
  [ "$1" = --env-file ] && . "$2"
  shift
done
echo "running $1 with $KEY"
case "$1" in
  *copy) cp "$data/input/0.parquet.gz" "$data/output/0.parquet.gz"; echo "<p>$KEY</p>" > "$data/display/ret.html" ;;
  *second) cp "$data/input/1.parquet.gz" "$data/output/1.parquet.gz" ;;
  *damaged) echo PAR1 > "$data/output/0.parquet.gz" ;;
  *killed) exit 137 ;;
  *slow) sleep 60 ;;
esac
"#;

    #[test]
    fn tables_displays_and_failures() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("runtime");
        fs::write(&script, RUNTIME).expect("written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("set");
        let slow = Profile { timeout: Some(Duration::from_millis(500)), ..Profile::default() };
        let docker = Docker(Containers {
            command: Some(script.display().to_string()),
            profiles: BTreeMap::from([("slow".to_owned(), slow)]),
            ..Containers::default()
        });
        let run = |name: &str, inputs: usize| {
            let table = super::super::sample::table("process").expect("a sample");
            let arguments = vec![("KEY".to_owned(), "v".to_owned())];
            docker.run(
                &Request { name: name.to_owned(), tables: vec![table; inputs], arguments },
                &Cancel::new(),
            )
        };
        let answer = run("copy", 1).expect("it works");
        let given = super::super::sample::table("process").expect("a sample");
        assert_eq!(super::super::trial::news(&given, &answer.tables[0]), Vec::new());
        assert!(matches!(&answer.display, Some(DisplayResult::Html(html)) if html == "<p>v</p>\n"));
        let answer = run("second", 2).expect("it works");
        assert_eq!((answer.tables[0].num_rows(), answer.tables[1].num_rows()), (0, 3));
        assert!(run("nothing", 1).expect("it works").tables.is_empty());
        let mut out = String::new();
        for name in ["absent", "daemon", "damaged", "killed", "slow", "--privileged ls"] {
            let error = run(name, 1).expect_err("a failure").to_string();
            out.push_str(&error.replace(&folder.path().display().to_string(), "FOLDER"));
            out.push('\n');
        }
        let none = Docker(Containers { command: None, ..docker.0.clone() });
        let request = Request { name: "x".to_owned(), tables: Vec::new(), arguments: Vec::new() };
        out.push_str(&none.run(&request, &Cancel::new()).expect_err("a failure").to_string());
        insta::assert_snapshot!(out);
    }
}
