//! Reads the inputs, runs the hunt, shows the results.

use std::{
    fs,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use kestrel_compiler::{
    config_file::{self, ConfigError},
    policy::{self, Policy},
};
use kestrel_executor::{
    analytics::{SettingsError, interfaces},
    results::{Results, html, json, text},
    run::{Cancel, Connectors, LogOptions, LogOptionsError, RowsWanted, RunOptions, Session as Runner},
    store,
};
use kestrel_ir::{
    Plan,
    diagnostic::Diagnostic,
    passes::{self, Level, Pass, UnknownPass},
    wire,
};
use kestrel_session::{Guard, Session};

use crate::{
    analytics,
    args::{Args, Format},
    cache,
    output::{self, Output},
    progress::Progress,
};

/// Largest huntflow or plan that is read.
const MAX_BYTES: u64 = 256 << 20;

/// Why nothing could be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot read `{path}`: {cause}")]
    Unreadable { path: String, cause: io::Error },
    #[error("`{path}` has more than {} MiB", MAX_BYTES >> 20)]
    TooLarge { path: String },
    #[error("`{path}`: {cause}")]
    Plan { path: String, cause: wire::ReadError },
    #[error("a plan is run alone: `{path}` cannot be combined with other files")]
    Mixed { path: String },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Analytics(#[from] SettingsError),
    #[error(transparent)]
    Passes(#[from] UnknownPass),
    #[error("the policy `{path}` is wrong: {cause}")]
    Policy { path: String, cause: String },
    #[error(transparent)]
    Logs(#[from] LogOptionsError),
    #[error("{0}")]
    Usage(String),
    #[error("cannot write the results to `{path}`: {cause}")]
    Write { path: String, cause: io::Error },
}

/// One of the inputs.
enum Input {
    Huntflow { name: String, bytes: Vec<u8> },
    Plan(Box<Plan>),
}

/// Runs what the command line asks for and returns the exit code.
pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let passes = passes_of(args)?;
    let inputs = args.files.iter().map(|path| input(path)).collect::<Result<Vec<_>, _>>()?;
    if inputs.len() > 1
        && let Some(at) = inputs.iter().position(|input| matches!(input, Input::Plan(_)))
    {
        return Err(Failure::Mixed { path: args.files[at].clone() });
    }
    let mut config =
        config_file::find(args.config.as_deref(), &folder(&args.files[0]), user_folder().as_deref())?;
    let settings = analytics::settings(config.path.as_deref())?;
    config.config.analytics = config_file::analytics(&settings);
    config_file::identify(&settings, &mut config.config.analytics);
    let analytics = interfaces(&settings);
    let cancel = Cancel::new();
    stop_at_interrupt(&cancel);
    let options = RunOptions {
        jobs: args.jobs,
        timeout: args.timeout,
        rows: match (args.rows, args.max_rows) {
            (false, _) => RowsWanted::None,
            (true, None) => RowsWanted::All,
            (true, Some(most)) => RowsWanted::AtMost(most),
        },
        cancel: cancel.clone(),
        ..RunOptions::default()
    };
    let guard = args.policy.as_deref().map(policy).transpose()?;
    let guard = guard.map(|policy| Guard::new(policy, analytics.clone(), PathBuf::from(".")));
    let connectors = Connectors {
        base_dir: PathBuf::from("."),
        offline: args.offline,
        redirects: guard.as_ref().map(Guard::redirects).unwrap_or_default(),
        limits: Default::default(),
        logs: LogOptions::read(config.path.as_deref())?,
    };
    let store = store::Options {
        memory: args.memory,
        threads: args.jobs,
        attach_processes: config.config.attach_processes,
        ..store::Options::default()
    };
    let runner = Runner::new(store, cache::reader(args, connectors), analytics);
    let mut session = Session::new(config.config, runner).with_passes(passes);
    if let Some(guard) = guard {
        session = session.with_guard(guard);
    }
    // A file that cannot be written is noticed before the hunt runs, not after.
    let mut output = Output::open(args.output.as_deref())
        .map_err(|cause| Failure::Write { path: output::name(args.output.as_deref()), cause })?;

    let mut progress = Progress::new();
    let results = match &inputs[..] {
        [Input::Plan(plan)] => session.run_plan(plan, &options, &mut |event| progress.event(&event)),
        huntflows => {
            let said = compile(&mut session, huntflows);
            if said.iter().any(Diagnostic::is_error) {
                session.refused(said)
            } else {
                session.run(said, &options, &mut |event| progress.event(&event))
            }
        }
    };
    progress.finish();
    output::diagnostics(&results);
    if let Some(path) = &args.profile {
        let plan = match &inputs[..] {
            [Input::Plan(plan)] => Some(plan.as_ref().clone()),
            _ => session.plan().ok(),
        };
        if let Some(plan) = plan {
            profile(&results, &plan, path)?;
        }
    }
    let code = results.exit_code();
    let shown = show(args, &results, &mut output).and_then(|()| output.commit());
    session.close();
    match shown {
        Ok(()) => Ok(code),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(code),
        Err(cause) => Err(Failure::Write { path: output::name(args.output.as_deref()), cause }),
    }
}

/// Shows where the time went, and writes the trace.
fn profile(results: &Results, plan: &Plan, path: &Path) -> Result<(), Failure> {
    // A terminal that is gone is no reason to fail.
    let _ = results.profile.write(plan, &mut io::stderr().lock());
    let mut output =
        Output::open(Some(path)).map_err(|cause| Failure::Write { path: output::name(Some(path)), cause })?;
    results
        .profile
        .write_trace(plan, &mut output)
        .and_then(|()| output.commit())
        .map_err(|cause| Failure::Write { path: output::name(Some(path)), cause })?;
    eprintln!("kestrel-run: the trace is in `{}`", output::name(Some(path)));
    Ok(())
}

fn policy(path: &Path) -> Result<Policy, Failure> {
    let name = path.display().to_string();
    let text = fs::read(path).map_err(|cause| Failure::Unreadable { path: name.clone(), cause })?;
    let wrong = |cause: String| Failure::Policy { path: name.clone(), cause };
    let text = String::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
    policy::parse(&text).map_err(|error| wrong(error.to_string()))
}

fn compile(session: &mut Session, huntflows: &[Input]) -> Vec<Diagnostic> {
    let mut said = Vec::new();
    for input in huntflows {
        if let Input::Huntflow { name, bytes } = input {
            said.extend(session.compile(name, bytes));
        }
    }
    said
}

fn show(args: &Args, results: &Results, output: &mut Output) -> io::Result<()> {
    match args.format {
        Format::Json => json::write(results, output),
        Format::Html => html::write(results, output),
        Format::Text => {
            let options = text::TextOptions {
                width: output.width(),
                max_rows: args.max_rows.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
                // They stand on standard error, with the lines they are about.
                diagnostics: false,
                summary: true,
            };
            text::write(results, &options, output)
        }
    }
}

fn input(path: &str) -> Result<Input, Failure> {
    let unreadable = |cause| Failure::Unreadable { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    let count = if path == "-" {
        io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)
    };
    if count.map_err(unreadable)? as u64 > MAX_BYTES {
        return Err(Failure::TooLarge { path: path.to_owned() });
    }
    let named_plan = Path::new(path).extension().is_some_and(|extension| extension == "kplan");
    if named_plan || wire::looks_like_plan(&bytes) {
        let plan = wire::read(&bytes).map_err(|cause| Failure::Plan { path: path.to_owned(), cause })?;
        return Ok(Input::Plan(Box::new(plan)));
    }
    Ok(Input::Huntflow { name: path.to_owned(), bytes })
}

/// The folder from which configuration is searched upwards: the huntflow's.
fn folder(path: &str) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    match Path::new(path).parent() {
        Some(parent) if path != "-" => here.join(parent),
        _ => here,
    }
}

pub(crate) fn user_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
}

fn passes_of(args: &Args) -> Result<Vec<&'static dyn Pass>, UnknownPass> {
    match &args.passes {
        Some(names) => {
            let names: Vec<&str> =
                names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
            passes::named(&names)
        }
        None => Ok(passes::of_level(match args.level {
            0 => Level::O0,
            1 => Level::O1,
            _ => Level::O2,
        })),
    }
}

/// The first Ctrl-C stops the hunt in order; the second one ends the program at once.
pub(crate) fn stop_at_interrupt(cancel: &Cancel) {
    let cancel = cancel.clone();
    // Without the handler Ctrl-C ends the program; files are written atomically anyway.
    let _ = ctrlc::set_handler(move || {
        if cancel.is_stopped() {
            std::process::exit(130);
        }
        if io::stderr().is_terminal() {
            eprintln!("\nkestrel-run: stopping; press Ctrl-C again to end at once");
        }
        cancel.stop();
    });
}
