//! `python://`: a function of a Python module, called in a process of its own. Entities 9.2.

use std::{fs, path::Path, process::Command};

use duckdb::arrow::record_batch::RecordBatch;
use kestrel_analytics::{
    PythonProfiles,
    limits::duration_words,
    python::{PROCESSES, Profile},
};
use kestrel_ir::{
    op::Limit,
    text::{visible, visible_lines},
};
use kestrel_stix::suggest::nearest;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::{
    process::{self, Ended, Finished},
    table,
};
use crate::{
    ops::apply::{AnalyticsError, AnalyticsRunner, Answer, Request},
    results::DisplayResult,
    run::Cancel,
};

/// The program that runs in the child, which writes it to its private folder.
const SHIM: &str = include_str!("shim.py");

/// Largest display that is read, in bytes.
pub(super) const MAX_DISPLAY: u64 = 64 << 20;

/// Largest answer besides tables and display, in bytes.
const MAX_ANSWER: u64 = 16 << 20;

/// Bytes of printed output that a failure shows.
const SHOWN_OUTPUT: usize = 4000;

/// Runs Python analytics.
#[derive(Debug, Clone, Default)]
pub struct Python(pub PythonProfiles);

impl AnalyticsRunner for Python {
    fn scheme(&self) -> &str {
        "python"
    }

    fn run(&self, request: &Request, cancel: &Cancel) -> Result<Answer, AnalyticsError> {
        let Some(profile) = self.0.profiles.get(&request.name) else {
            let near = nearest(&request.name, self.0.profiles.keys().map(String::as_str));
            return Err(AnalyticsError::Unknown {
                name: visible(&request.name),
                place: self.0.places.clone(),
                near: near.first().map(|near| format!("python://{near}")),
            });
        };
        let call = Call { name: &request.name, profile, given: request.tables.len() };
        let module = call.module()?;
        let folder = call.folder().map_err(|error| call.failed(format!("no private folder: {error}")))?;
        let job = call.job(request, module, folder.path())?;
        write(&folder.path().join("job.json"), &job).map_err(|error| call.failed(error))?;
        write(&folder.path().join("shim.py"), SHIM.as_bytes()).map_err(|error| call.failed(error))?;
        let mut command = Command::new(&profile.interpreter);
        command
            .args(["-X", "utf8", "-B"])
            .arg(folder.path().join("shim.py"))
            .current_dir(folder.path())
            // What it leaves in temporary files goes with the folder.
            .env("TMPDIR", folder.path());
        let processes = Some(profile.processes.unwrap_or(PROCESSES));
        let limits = process::Limits { timeout: profile.timeout, processes };
        let finished = process::run_within(&mut command, limits, cancel).map_err(|error| {
            call.failed(format!(
                "the Python interpreter `{}` cannot be started: {error}",
                profile.interpreter
            ))
        })?;
        call.answer(folder.path(), &finished)
    }

    fn limits(&self, name: &str) -> Vec<Limit> {
        self.0.profiles.get(name).map(Profile::limits).unwrap_or_default()
    }

    fn identity(&self, name: &str) -> Option<String> {
        self.0.profiles.get(name)?.identity()
    }
}

/// One call of an analytic.
struct Call<'c> {
    name: &'c str,
    profile: &'c Profile,
    /// Variables.
    given: usize,
}

/// What the child is told.
#[derive(Serialize)]
struct Job<'j> {
    module: &'j Path,
    function: &'j str,
    arguments: &'j [(String, String)],
    memory: Option<u64>,
    tables: Vec<FileTable>,
}

#[derive(Serialize, Deserialize)]
struct FileTable {
    file: String,
    columns: Vec<String>,
}

/// What the child says.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Ok { tables: Vec<FileTable>, display: bool },
    Error(Problem),
}

#[derive(Deserialize)]
struct Problem {
    kind: String,
    message: String,
    trace: Option<String>,
    wanted: Option<usize>,
    library: Option<String>,
    #[serde(default)]
    functions: Vec<String>,
}

impl Call<'_> {
    fn failed(&self, reason: String) -> AnalyticsError {
        AnalyticsError::Failed { name: visible(self.name), reason, trace: None }
    }

    fn invalid(&self, reason: String, help: Option<String>) -> AnalyticsError {
        AnalyticsError::Invalid { name: visible(self.name), reason, help }
    }

    fn module(&self) -> Result<&Path, AnalyticsError> {
        let missing = |key: &str| {
            let place = self.profile.configured_in.display();
            self.invalid(format!("its profile in `{place}` has no `{key}`"), None)
        };
        let module = self.profile.module.as_deref().ok_or_else(|| missing("module"))?;
        self.profile.function.as_deref().ok_or_else(|| missing("func"))?;
        if module.is_file() {
            return Ok(module);
        }
        let help = format!("see its profile in `{}`", self.profile.configured_in.display());
        Err(self.invalid(format!("its module `{}` does not exist", module.display()), Some(help)))
    }

    fn folder(&self) -> std::io::Result<TempDir> {
        tempfile::Builder::new().prefix("kestrel-analytic-").tempdir()
    }

    fn job(&self, request: &Request, module: &Path, folder: &Path) -> Result<Vec<u8>, AnalyticsError> {
        let mut tables = Vec::with_capacity(request.tables.len());
        for (n, batch) in request.tables.iter().enumerate() {
            let file = format!("in-{n}.parquet");
            // Numbered, since names that differ only in case are one name to the database.
            let numbered: Vec<String> = (0..batch.num_columns()).map(|n| format!("c{n}")).collect();
            table::write(batch, &numbered, &folder.join(&file)).map_err(|error| self.failed(error))?;
            let columns = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
            tables.push(FileTable { file, columns });
        }
        let job = Job {
            module,
            function: self.profile.function.as_deref().unwrap_or_default(),
            arguments: &request.arguments,
            memory: self.profile.memory,
            tables,
        };
        serde_json::to_vec(&job).map_err(|error| self.failed(error.to_string()))
    }

    fn answer(&self, folder: &Path, finished: &Finished) -> Result<Answer, AnalyticsError> {
        match &finished.ended {
            Ended::Stopped => return Err(AnalyticsError::Stopped),
            Ended::TimedOut => {
                let limit = duration_words(self.profile.timeout.unwrap_or_default());
                return Err(self.with_output(
                    format!("it was stopped after its time limit of {limit}"),
                    Some(format!(
                        "raise `timeout` in its profile, or give it less; see `{}`",
                        self.profile.configured_in.display()
                    )),
                    finished,
                ));
            }
            Ended::TooMany => {
                let most = self.profile.processes.unwrap_or(PROCESSES);
                return Err(self.with_output(
                    format!("it was stopped since it had more than {most} processes at a time"),
                    Some(format!(
                        "raise `processes` in its profile if it needs them; see `{}`",
                        self.profile.configured_in.display()
                    )),
                    finished,
                ));
            }
            Ended::Exit(_) => {}
        }
        let said: Said = match read(&folder.join("answer.json"), MAX_ANSWER) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|_| self.failed("its answer is damaged".to_owned()))?
            }
            Err(_) => {
                let Ended::Exit(status) = finished.ended else { return Err(AnalyticsError::Stopped) };
                let reason = format!("the Python process {}", process::status_words(status));
                return Err(self.with_output(reason, None, finished));
            }
        };
        match said {
            Said::Error(problem) => Err(self.problem(problem, finished)),
            Said::Ok { tables, display } => {
                let mut out = Answer { printed: finished.printed(SHOWN_OUTPUT), ..Answer::default() };
                for one in &tables {
                    out.tables.push(self.table(folder, one).map_err(|reason| self.failed(reason))?);
                }
                if display {
                    let html = read(&folder.join("display.html"), MAX_DISPLAY)
                        .map_err(|error| self.failed(format!("its display cannot be read: {error}")))?;
                    out.display = Some(DisplayResult::Html(String::from_utf8_lossy(&html).into_owned()));
                }
                Ok(out)
            }
        }
    }

    fn table(&self, folder: &Path, one: &FileTable) -> Result<RecordBatch, String> {
        if !one.file.starts_with("out-") || one.file.contains('/') {
            return Err("its answer is damaged".to_owned());
        }
        if one.columns.is_empty() {
            return Err("its table is without \"id\"".to_owned());
        }
        table::renamed(&table::read(&folder.join(&one.file))?, &one.columns)
    }

    fn problem(&self, problem: Problem, finished: &Finished) -> AnalyticsError {
        match problem.kind.as_str() {
            "count" => AnalyticsError::ArgumentCount {
                name: visible(self.name),
                wanted: problem.wanted.unwrap_or(1),
                given: self.given,
            },
            "invalid" => {
                let help = match problem.functions.as_slice() {
                    [] => format!("see its profile in `{}`", self.profile.configured_in.display()),
                    names => format!(
                        "its functions are {}",
                        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                    ),
                };
                self.invalid(problem.message, Some(help))
            }
            "library" => {
                let library = problem.library.unwrap_or_default();
                // The package is usually named like the module that is missing.
                let package = library.split('.').next().unwrap_or_default();
                let mut help = format!(
                    "install it where this analytic runs, for example `{} -m pip install {}`, or name another `interpreter` in its profile",
                    self.profile.interpreter,
                    visible(package)
                );
                if let Some(trace) = problem.trace {
                    help = format!("{help}\n{trace}");
                }
                AnalyticsError::Failed {
                    name: visible(self.name),
                    reason: problem.message,
                    trace: Some(help),
                }
            }
            _ => self.with_output(problem.message, problem.trace, finished),
        }
    }

    /// A failure with the end of what was printed.
    fn with_output(&self, reason: String, trace: Option<String>, finished: &Finished) -> AnalyticsError {
        let printed = finished.printed(SHOWN_OUTPUT);
        let trace = match (trace, printed.is_empty()) {
            (trace, true) => trace,
            (None, false) => Some(format!("it printed:\n{printed}")),
            (Some(trace), false) => Some(format!("{trace}\nit printed:\n{printed}")),
        };
        AnalyticsError::Failed {
            name: visible(self.name),
            reason,
            trace: trace.map(|text| visible_lines(&text)),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("its input cannot be written: {error}"))
}

/// Reads a regular file of at most so many bytes.
pub(super) fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let about = fs::symlink_metadata(path)?;
    if !about.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    if about.len() > most {
        return Err(std::io::Error::other(format!("it has more than {} MiB", most >> 20)));
    }
    fs::read(path)
}
