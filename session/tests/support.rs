//! Running hunts from tests: in process, and through the real program.

use std::{path::PathBuf, process::Output, sync::Arc};

use kestrel_compiler::Config;
use kestrel_executor::{
    ops::apply::Analytics,
    results::Results,
    run::{Connectors, RunOptions, Session as Runner},
    store::Options,
};
use kestrel_session::Session;

/// Folder in which hunts run: their sources are relative to the repository.
pub(crate) fn root() -> PathBuf {
    kestrel_fixtures::repository_root()
}

/// Runs a huntflow in process.
pub(crate) fn run(name: &str, text: &str) -> Results {
    let connectors = Arc::new(Connectors::offline(root()));
    let runner = Runner::new(Options::default(), connectors, Analytics::default());
    let mut session = Session::new(Config::default(), runner);
    let said = session.compile(name, text.as_bytes());
    if said.iter().any(kestrel_ir::diagnostic::Diagnostic::is_error) {
        return session.refused(said);
    }
    let options = RunOptions { base_dir: root(), ..RunOptions::default() };
    session.run(said, &options, &mut |_| {})
}

/// Runs `kestrel-run` in the repository's folder.
pub(crate) fn kestrel_run(arguments: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_kestrel-run"))
        .args(arguments)
        .current_dir(root())
        .env_remove("KESTREL_PYTHON_ANALYTICS_CONFIG")
        .output()
        .expect("the program starts")
}

/// Returns what a program wrote to standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// Returns what a program wrote to standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}
