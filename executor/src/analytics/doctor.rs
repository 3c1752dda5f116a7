//! Whether analytics can run here: interpreters, their libraries, the container runtime.

use std::{collections::BTreeSet, process::Command, time::Duration};

use kestrel_ir::text::visible_lines;

use super::{
    Settings, docker,
    process::{self, Ended},
};
use crate::run::Cancel;

/// Longest time for one question. Importing pandas from a cold disk takes a while.
const ASKING: Duration = Duration::from_secs(120);

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: String,
    /// How it is, or what is wrong with it.
    pub state: String,
    /// Whether it is as it should be.
    pub good: bool,
    /// Whether something that is configured needs it.
    pub needed: bool,
}

/// Looks at everything that analytics need.
pub fn look(settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    let used: BTreeSet<&str> =
        settings.python.profiles.values().map(|profile| profile.interpreter.as_str()).collect();
    let usual = settings.interpreter.as_str();
    for interpreter in used.iter().copied().chain((!used.contains(usual)).then_some(usual)) {
        let (state, good) = match python(interpreter) {
            Ok(state) => (state, true),
            Err(problem) => (problem, false),
        };
        found.push(Finding {
            what: format!("interpreter {interpreter}"),
            state,
            good,
            needed: used.contains(interpreter),
        });
    }
    for (name, profile) in &settings.python.profiles {
        let problem = match (&profile.module, &profile.function) {
            (None, _) => Some("its profile has no `module`".to_owned()),
            (_, None) => Some("its profile has no `func`".to_owned()),
            (Some(module), _) if !module.is_file() => {
                Some(format!("its module `{}` does not exist", module.display()))
            }
            _ => None,
        };
        if let Some(state) = problem {
            found.push(Finding { what: format!("python://{name}"), state, good: false, needed: true });
        }
    }
    let docker = &settings.docker;
    let (state, good) = match (&docker.command, docker::Docker(docker.clone()).installed()) {
        (None, _) => ("neither podman nor docker was found".to_owned(), false),
        (Some(command), Ok(images)) => {
            (format!("{command} works, {} images of analytics", images.len()), true)
        }
        (Some(command), Err(problem)) => (format!("{command} does not work: {problem}"), false),
    };
    found.push(Finding {
        what: "container runtime".to_owned(),
        state,
        good,
        needed: !docker.profiles.is_empty(),
    });
    found
}

/// Asks an interpreter for its version and its libraries.
fn python(interpreter: &str) -> Result<String, String> {
    let script = "import sys\nprint('Python %d.%d.%d' % sys.version_info[:3])\nfor name in ('pandas', 'pyarrow'):\n    \
                  print(name, __import__(name).__version__)\n";
    let mut command = Command::new(interpreter);
    command.args(["-X", "utf8", "-c", script]);
    let finished = process::run(&mut command, Some(ASKING), &Cancel::new())
        .map_err(|error| format!("cannot be started: {error}"))?;
    let said = visible_lines(finished.stdout.trim()).replace('\n', ", ");
    match finished.ended {
        Ended::Exit(status) if status.success() => Ok(said),
        Ended::Exit(_) => {
            let problem = visible_lines(finished.stderr.trim());
            let line = problem.lines().last().unwrap_or("it gave no reason").to_owned();
            let help = format!("`{interpreter} -m pip install pandas pyarrow` installs what is missing");
            Err(if said.is_empty() { line } else { format!("{said}, but {line}; {help}") })
        }
        _ => Err("it does not answer".to_owned()),
    }
}
