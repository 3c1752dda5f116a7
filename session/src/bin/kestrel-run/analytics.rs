//! `kestrel-run analytics` and `kestrel-run doctor`: what is configured, and whether it works.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use kestrel_compiler::config_file;
use kestrel_executor::{
    analytics::{
        Places, Settings, SettingsError,
        docker::Docker,
        doctor, interfaces,
        sample::{self, TYPES},
        trial,
    },
    ops::apply::{AnalyticsError, Answer, Request},
    results::DisplayResult,
    run::{Cancel, LogOptions},
};

use kestrel_ir::{
    op::Limit,
    text::{visible, visible_lines},
};

use crate::{
    args::{AnalyticsAction, Command},
    hunt::{Failure, stop_at_interrupt, user_folder},
};

/// Reads which analytics there are.
pub(crate) fn settings(toml: Option<&Path>) -> Result<Settings, SettingsError> {
    let base_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    Settings::read(&Places { toml, base_dir: &base_dir, variable: &|name| std::env::var(name).ok() })
}

/// Does what the command says and returns the exit code.
pub(crate) fn run(command: &Command) -> Result<u8, Failure> {
    let mut out = io::stdout();
    let code = match command {
        Command::Cache { action, cache } => return crate::cache::run(action.as_ref(), cache),
        Command::Analytics { action: None, config } => list(&mut out, &read(config.as_deref())?.1),
        Command::Analytics {
            action: Some(AnalyticsAction::Test { name, entity_type, inputs, arguments }),
            config,
        } => {
            let settings = read(config.as_deref())?.1;
            return test(&mut out, &settings, name, entity_type, *inputs, arguments);
        }
        Command::Doctor { config } => {
            let (toml, settings) = read(config.as_deref())?;
            examine(&mut out, toml.as_deref(), &settings)
        }
    };
    wrote(code)
}

fn wrote(result: io::Result<u8>) -> Result<u8, Failure> {
    match result {
        Ok(code) => Ok(code),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(cause) => Err(Failure::Write { path: "standard output".to_owned(), cause }),
    }
}

fn read(config: Option<&Path>) -> Result<(Option<PathBuf>, Settings), Failure> {
    let here = std::env::current_dir().unwrap_or_default();
    let toml = config_file::find(config, &here, user_folder().as_deref())?.path;
    let settings = settings(toml.as_deref())?;
    Ok((toml, settings))
}

fn list(out: &mut dyn Write, settings: &Settings) -> io::Result<u8> {
    for (name, profile) in &settings.python.profiles {
        writeln!(out, "python://{name}")?;
        let module = profile.module.as_ref().map_or("missing".to_owned(), |path| path.display().to_string());
        writeln!(
            out,
            "  code         {module}, function {}",
            profile.function.as_deref().unwrap_or("missing")
        )?;
        writeln!(
            out,
            "  identity     {}",
            profile.identity().unwrap_or("the module cannot be read".to_owned())
        )?;
        writeln!(out, "  interpreter  {}", profile.interpreter)?;
        limits(out, &profile.limits())?;
        if !profile.attributes.is_empty() {
            writeln!(out, "  attributes   {}", profile.attributes.join(", "))?;
        }
        writeln!(out, "  from         {}", profile.configured_in.display())?;
    }
    let docker = &settings.docker;
    match Docker(docker.clone()).installed() {
        Ok(names) => {
            for name in &names {
                writeln!(out, "docker://{name}")?;
                limits(out, &docker.limits(name))?;
                let attributes = &docker.profile(name).attributes;
                if !attributes.is_empty() {
                    writeln!(out, "  attributes   {}", attributes.join(", "))?;
                }
            }
            if names.is_empty() && settings.python.profiles.is_empty() {
                writeln!(out, "no analytics are configured; docs/analytics.md says how")?;
            }
        }
        Err(problem) => writeln!(out, "docker: {problem}")?,
    }
    Ok(0)
}

/// What it may use, as plans show it.
fn limits(out: &mut dyn Write, limits: &[Limit]) -> io::Result<()> {
    let words = |limit: &Limit| format!("{} {}", limit.what, visible(&limit.value));
    let usual: Vec<String> = limits.iter().filter(|limit| !limit.lifted).map(words).collect();
    writeln!(out, "  limits       {}", usual.join(", "))?;
    for lifted in limits.iter().filter(|limit| limit.lifted) {
        writeln!(out, "  lifted       {}", words(lifted))?;
    }
    Ok(())
}

fn examine(out: &mut dyn Write, toml: Option<&Path>, settings: &Settings) -> io::Result<u8> {
    let mut files: Vec<&Path> = toml.into_iter().collect();
    files.extend(settings.files.iter().map(PathBuf::as_path).filter(|path| Some(*path) != toml));
    match files.as_slice() {
        [] => writeln!(out, "configuration: no file, everything is at its default")?,
        files => {
            for path in files {
                writeln!(out, "configuration: {} was read", path.display())?;
            }
        }
    }
    let mut bad = false;
    match LogOptions::read(toml) {
        Ok(options) if options.fingerprint().is_empty() => {}
        Ok(_) => writeln!(out, "ok     raw logs: the section `[logs]` and its field maps can be used")?,
        Err(error) => {
            bad = true;
            writeln!(out, "wrong  raw logs: {}", visible_lines(&error.to_string()))?;
        }
    }
    for finding in doctor::look(settings) {
        let word = match (finding.good, finding.needed) {
            (true, _) => "ok",
            (false, true) => "wrong",
            (false, false) => "absent",
        };
        bad |= word == "wrong";
        writeln!(out, "{word:<6} {}: {}", finding.what, finding.state)?;
    }
    Ok(u8::from(bad))
}

fn test(
    out: &mut dyn Write,
    settings: &Settings,
    address: &str,
    entity_type: &str,
    inputs: Option<usize>,
    arguments: &[String],
) -> Result<u8, Failure> {
    let Some(table) = sample::table(entity_type) else {
        return Err(Failure::Usage(format!(
            "there is no sample of `{entity_type}` entities; there are samples of {}",
            TYPES.join(", ")
        )));
    };
    let mut parsed = Vec::new();
    for argument in arguments {
        match argument.split_once('=') {
            Some((key, value)) if !key.is_empty() => parsed.push((key.to_owned(), value.to_owned())),
            _ => return Err(Failure::Usage(format!("`{argument}` is no argument; write KEY=VALUE"))),
        }
    }
    let cancel = Cancel::new();
    stop_at_interrupt(&cancel);
    let (scheme, name) = address.split_once("://").unwrap_or(("python", address));
    let analytics = interfaces(settings);
    let Some(runner) = analytics.runner(scheme) else {
        return Err(Failure::Usage(format!(
            "there are no analytics of scheme `{scheme}`; there are python and docker"
        )));
    };
    let request = |count: usize| Request {
        name: name.to_owned(),
        tables: vec![table.clone(); count],
        arguments: parsed.clone(),
    };
    let started = Instant::now();
    let mut count = inputs.unwrap_or(1);
    let mut answer = runner.run(&request(count), &cancel);
    if let (Err(AnalyticsError::ArgumentCount { wanted: wanted @ 1..=16, .. }), None) = (&answer, inputs) {
        count = *wanted;
        answer = runner.run(&request(count), &cancel);
    }
    match answer {
        Ok(answer) => wrote(report(out, &request(count), &answer, started.elapsed())),
        Err(error) => {
            eprintln!("kestrel-run: {}", visible_lines(&error.to_string()));
            match &error {
                AnalyticsError::Failed { trace: Some(more), .. }
                | AnalyticsError::Invalid { help: Some(more), .. } => eprintln!("{}", visible_lines(more)),
                _ => {}
            }
            Ok(3)
        }
    }
}

fn report(out: &mut dyn Write, request: &Request, answer: &Answer, took: Duration) -> io::Result<u8> {
    let inputs = request.tables.len();
    let plural = if inputs == 1 { "" } else { "s" };
    writeln!(out, "it worked on {inputs} sample variable{plural} in {:.1} s", took.as_secs_f64())?;
    if answer.tables.is_empty() {
        writeln!(out, "it returned no table")?;
    }
    for (n, (before, after)) in request.tables.iter().zip(&answer.tables).enumerate() {
        writeln!(out, "table {}: {} rows, {} columns", n + 1, after.num_rows(), after.num_columns())?;
        for (name, values) in trial::news(before, after) {
            writeln!(out, "  {name}: {values}")?;
        }
        for problem in trial::problems(after) {
            writeln!(out, "  problem: {problem}")?;
        }
    }
    match &answer.display {
        Some(DisplayResult::Html(html)) => writeln!(out, "display: {} bytes of HTML", html.len())?,
        Some(_) => writeln!(out, "display: text")?,
        None => writeln!(out, "it returned no display")?,
    }
    if !answer.printed.is_empty() {
        writeln!(out, "it printed:\n{}", visible_lines(&answer.printed))?;
    }
    Ok(0)
}
