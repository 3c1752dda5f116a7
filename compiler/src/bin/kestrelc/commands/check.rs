//! `kestrelc check`.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::ValueEnum;
use kestrel_compiler::{
    diagnostics::render::Style,
    document::{self, Document},
    hunt::Hunt,
    lints::{
        self, Selection,
        baseline::Baseline,
        fix::{self, Which},
        selection::Choices,
    },
    parse::MAX_TEXT,
    policy::{self, Policy},
    report::{self, FileReport},
};
use kestrel_ir::{
    Plan,
    diagnostic::{Category, Code, Diagnostic, SourceId, Span},
    wire,
};
use kestrel_stix::Timestamp;
use rayon::prelude::*;

use super::Failure;
use crate::{diff, exit, files, input, output, settings::Settings};

/// Find mistakes in huntflows and huntbooks before anything runs.
///
/// Parses and resolves every hunt, then applies the lints. Takes huntflows (`.hf`), huntbooks
/// (`.ipynb`, cells that are not Kestrel are left alone), folders (searched for both, leaving out
/// what `.gitignore` names) and `-` for standard input. Each file is a hunt of its own. Plans can be
/// named too; they are read, verified and held against the policy.
///
/// With --policy, what the policy forbids is an error, which no comment, baseline or --ignore
/// takes away.
///
/// Exit code 0: nothing found; 1: findings; 2: something could not be read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Huntflows, huntbooks, folders, or `-`.
    #[arg(required = true)]
    paths: Vec<String>,
    /// How findings are printed, to standard output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Report only these: codes, names, beginnings of codes, `default`, `all`.
    #[arg(long, value_name = "LINTS", value_delimiter = ',')]
    select: Option<Vec<String>>,
    /// Report these too.
    #[arg(long, value_name = "LINTS", value_delimiter = ',')]
    extend_select: Vec<String>,
    /// Do not report these.
    #[arg(long, value_name = "LINTS", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Repair what can be repaired without changing what the hunt does.
    #[arg(long)]
    fix: bool,
    /// With --fix or --diff: repair also what changes what the hunt finds.
    #[arg(long)]
    unsafe_fixes: bool,
    /// Print what --fix would change, and change nothing.
    #[arg(long)]
    diff: bool,
    /// Count findings by code instead of printing them.
    #[arg(long)]
    statistics: bool,
    /// Leave out the findings that this file holds.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write all findings to the baseline, so that only new ones are reported from now on.
    #[arg(long)]
    write_baseline: bool,
    /// Refuse what this policy forbids: sources, analytics, files, time ranges.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Name to print for standard input; its ending says what it is.
    #[arg(long, value_name = "NAME")]
    stdin_filename: Option<String>,
    /// The configuration, instead of the nearest `kestrel.toml`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  kestrelc check hunts/                              everything in a folder
  kestrelc check --fix hunt.hf                       repair what can be repaired safely
  kestrelc check --diff --unsafe-fixes hunt.hf       look at all proposed repairs
  kestrelc check --extend-select missing-header .    one lint more
  kestrelc check --format sarif . > kestrel.sarif    for code scanning
  kestrelc check --policy policy.toml hunts/         only what your team allows

In a huntflow:  # kestrel: allow(unused-variable) the reason
`kestrelc explain` lists all codes; `kestrelc explain W1101` explains one.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the source line and a marker.
    Text,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// Code quality report of GitLab.
    Gitlab,
    /// JUnit XML.
    Junit,
}

/// What is to be done with one file.
struct Job {
    path: String,
    name: String,
    config: kestrel_compiler::Config,
    selection: Selection,
}

/// What was done with it.
struct Outcome {
    report: FileReport,
    /// Repairs that were or would be made.
    repaired: usize,
    /// The change as a diff.
    diff: String,
    /// The repaired standard input.
    text: Option<Vec<u8>>,
    failure: Option<Failure>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let choices = Choices {
        select: args.select.clone(),
        extend_select: args.extend_select.clone(),
        ignore: args.ignore.clone(),
    };
    let mut settings = Settings::new(args.config.clone(), choices);
    let mut baseline = args.baseline.clone();
    if baseline.is_none() {
        baseline
            .clone_from(&settings.of(Path::new(args.paths.first().map_or(".", String::as_str)))?.baseline);
    }
    if args.write_baseline && baseline.is_none() {
        let message = "--write-baseline needs --baseline FILE, or `baseline` in `[lint]` of kestrel.toml";
        return Err(Failure::Other(message.to_owned()));
    }
    let mut jobs = Vec::new();
    for path in files::find(&args.paths, &mut settings)? {
        let name = match &args.stdin_filename {
            Some(name) if path == "-" => name.clone(),
            _ => path.clone(),
        };
        let loaded = settings.of(Path::new(&name))?;
        let selection = loaded.selection(Path::new(&name));
        jobs.push(Job { path, name, config: loaded.config.clone(), selection });
    }
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let now = now();
    let style = (args.format == Format::Text).then(|| super::style(std::io::stdout().is_terminal()));
    // A single file needs no threads, which take time to start.
    let outcomes: Vec<Outcome> = match jobs.as_slice() {
        [only] => vec![file(only, args, policy.as_ref(), now, style)],
        many => many.par_iter().map(|job| file(job, args, policy.as_ref(), now, style)).collect(),
    };
    let repaired: usize = outcomes.iter().map(|outcome| outcome.repaired).sum();
    let mut reports = Vec::new();
    for outcome in outcomes {
        if let Some(failure) = outcome.failure {
            return Err(failure);
        }
        if let Some(text) = outcome.text {
            output::print_bytes(&text)?;
        }
        if !outcome.diff.is_empty() {
            output::print(&outcome.diff)?;
        }
        if let Some(cause) = &outcome.report.unread {
            eprintln!("kestrelc: {cause}");
        }
        reports.push(outcome.report);
    }
    if let Some(path) = &baseline {
        if args.write_baseline {
            return write_baseline(path, &reports);
        }
        apply_baseline(path, &mut reports, args.baseline.is_some())?;
    }
    show(args, &reports)?;
    summary(args, &reports, repaired);
    let findings = reports.iter().any(|report| !report.findings.is_empty());
    Ok(match reports.iter().any(|report| report.unread.is_some()) {
        true => exit::CANNOT_RUN,
        false if findings || (args.diff && repaired > 0) => exit::FINDINGS,
        false => exit::CLEAN,
    })
}

/// Checks one file, and repairs it if that is asked for.
fn file(
    job: &Job,
    args: &Args,
    policy: Option<&Policy>,
    now: Option<Timestamp>,
    style: Option<Style>,
) -> Outcome {
    let mut outcome = Outcome {
        report: FileReport::default(),
        repaired: 0,
        diff: String::new(),
        text: None,
        failure: None,
    };
    let bytes = match input::read_text(&job.path, document::is_notebook(&job.name)) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            outcome.report = too_large(job, style);
            return outcome;
        }
        Err(unreadable) => {
            outcome.report = FileReport::unread(&job.name, unreadable.to_string());
            return outcome;
        }
    };
    if super::is_plan(&job.name, &bytes) {
        outcome.report = plan(job, &bytes, policy, style);
        return outcome;
    }
    let document = Document::read(&job.name, &bytes);
    let hunt = document.examine(&job.config);
    let report = |document: &Document<'_>, hunt: &Hunt| {
        let mut found = lints::check(hunt, &job.config, &job.selection, now);
        // Without a policy no plan is made.
        if let Some(policy) = policy
            && let Some(plan) = hunt.plan(&job.name, &job.config)
        {
            // Which code an analytic is, is known where it runs.
            found.extend(policy::check(&plan, policy, &|_| None).into_iter().map(lints::Finding::from));
            found.sort_by_key(|finding| finding.diagnostic.span);
        }
        FileReport::new(&job.name, document, hunt, found, style)
    };
    if !args.fix && !args.diff {
        outcome.report = report(&document, &hunt);
        return outcome;
    }
    let which = if args.unsafe_fixes { Which::All } else { Which::Safe };
    let fixed = fix::fix(&hunt, &job.config, &job.selection, now, which);
    outcome.repaired = fixed.count;
    let repaired = if fixed.count > 0 { document.with_texts(&fixed.texts) } else { bytes.clone() };
    if args.diff {
        outcome.diff = diff::unified(&job.name, &bytes, &repaired);
    } else if job.path == "-" {
        outcome.text = Some(repaired.clone());
    } else if repaired != bytes
        && let Err(cause) = input::write(Path::new(&job.path), &repaired)
    {
        outcome.failure = Some(Failure::Write { path: job.path.clone(), cause });
    }
    let document = Document::read(&job.name, &repaired);
    outcome.report = report(&document, &document.examine(&job.config));
    outcome
}

/// Reads a plan and holds it against the policy.
fn plan(job: &Job, bytes: &[u8], policy: Option<&Policy>, style: Option<Style>) -> FileReport {
    let (plan, found) = match wire::read(bytes) {
        Ok(plan) => {
            let found = policy.map(|policy| policy::check(&plan, policy, &|_| None));
            (plan, found.unwrap_or_default())
        }
        Err(error) => {
            let code = match error {
                wire::ReadError::Version { .. } => Code::E0802,
                _ => Code::E0801,
            };
            let wrong = Diagnostic::new(code, error.to_string()).help("build it again with `kestrelc build`");
            (Plan::default(), vec![wrong])
        }
    };
    let found = found.into_iter().map(lints::Finding::from).collect();
    FileReport::new(&job.name, &Document::read("", b""), &Hunt::of_plan(&plan), found, style)
}

fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let name = path.display().to_string();
    let bytes = input::read(&name)?;
    let wrong = |cause: String| Failure::Other(format!("the policy `{name}` is wrong: {cause}"));
    let text = std::str::from_utf8(&bytes).map_err(|error| wrong(error.to_string()))?;
    policy::parse(text).map_err(|error| wrong(error.to_string()))
}

fn too_large(job: &Job, style: Option<Style>) -> FileReport {
    let mut hunt = Hunt::of_text("", &job.config);
    let message = format!("the text has more than {} MiB and was not read", MAX_TEXT >> 20);
    hunt.diagnostics.push(
        Diagnostic::new(Code::E0116, message)
            .at(Span::new(SourceId(0), 0, 0))
            .help("is it a huntflow? data belongs into a bundle or a file that `LOAD` reads"),
    );
    let found = hunt.diagnostics.iter().cloned().map(lints::Finding::from).collect();
    FileReport::new(&job.name, &Document::read("", b""), &hunt, found, style)
}

fn show(args: &Args, reports: &[FileReport]) -> Result<(), Failure> {
    if args.diff {
        return Ok(());
    }
    if args.statistics {
        return output::print(&report::statistics(reports));
    }
    let text = match args.format {
        Format::Text => report::text(reports),
        Format::Json => report::json(reports),
        Format::Jsonl => report::jsonl(reports),
        Format::Sarif => report::sarif(reports),
        Format::Github => report::github(reports),
        Format::Gitlab => report::gitlab(reports),
        Format::Junit => report::junit(reports),
    };
    // Repaired standard input goes to standard output, so findings go to the other one.
    if args.fix && args.paths.iter().any(|path| path == "-") {
        eprint!("{text}");
        return Ok(());
    }
    output::print(&text)
}

fn summary(args: &Args, reports: &[FileReport], repaired: usize) {
    if args.format != Format::Text && !args.diff {
        return;
    }
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let all = || reports.iter().flat_map(|report| &report.findings);
    let errors = all().filter(|finding| finding.severity == kestrel_ir::diagnostic::Severity::Error).count();
    let warnings = all().count() - errors;
    let checked = plural(reports.len(), "huntflow");
    let mut line = match errors + warnings {
        0 => format!("{checked} checked, nothing found"),
        _ => format!("{checked} checked: {}, {}", plural(errors, "error"), plural(warnings, "warning")),
    };
    if repaired > 0 {
        let what = if args.diff { "would be repaired" } else { "repaired" };
        line.push_str(&format!("; {repaired} {what}"));
    }
    let fixable = all().filter(|finding| finding.fix.as_ref().is_some_and(|fix| fix.safe)).count();
    if fixable > 0 && !args.fix && !args.diff {
        line.push_str(&format!("; {fixable} can be repaired with --fix"));
    }
    eprintln!("{line}");
}

fn apply_baseline(path: &Path, reports: &mut [FileReport], required: bool) -> Result<(), Failure> {
    let wrong =
        |cause: String| Failure::Other(format!("the baseline `{}` cannot be used: {cause}", path.display()));
    // A baseline that the configuration names may not have been written yet.
    if !required && !path.exists() {
        return Ok(());
    }
    let text = std::fs::read_to_string(path).map_err(|cause| wrong(cause.to_string()))?;
    let mut baseline = Baseline::read(&text).map_err(|cause| wrong(cause.to_string()))?;
    let before = baseline.left();
    for report in reports {
        let file = report.path.clone();
        report.findings.retain(|finding| {
            let policy = finding.code.category() == Category::Policy;
            policy || !baseline.takes(&file, finding.code.as_str(), &finding.fingerprint)
        });
    }
    let known = before - baseline.left();
    if known > 0 {
        eprintln!("{known} known findings left out, as `{}` says", path.display());
    }
    Ok(())
}

fn write_baseline(path: &Path, reports: &[FileReport]) -> Result<u8, Failure> {
    let findings = reports.iter().flat_map(|report| {
        let each = |finding: &'_ report::Finding| (finding.code.as_str(), finding.fingerprint.clone());
        let lasting = |finding: &&report::Finding| finding.code.category() != Category::Policy;
        report
            .findings
            .iter()
            .filter(lasting)
            .map(each)
            .map(|(code, fingerprint)| (report.path.as_str(), code, fingerprint))
    });
    let findings: Vec<(&str, &str, String)> = findings.collect();
    let text = Baseline::write(findings.iter().map(|(file, code, print)| (*file, *code, print.as_str())));
    input::write(path, text.as_bytes())
        .map_err(|cause| Failure::Write { path: path.display().to_string(), cause })?;
    eprintln!("{} findings written to `{}`", findings.len(), path.display());
    Ok(exit::CLEAN)
}

/// The present, for lints about time.
fn now() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp::from_micros)
}
