//! `APPLY`: analytics, run by interfaces that are plugged in. Language 3.10, entities 9.

mod merge;

use std::sync::Arc;

use duckdb::arrow::record_batch::RecordBatch;
use kestrel_ir::{
    diagnostic::Code,
    op::{Apply, Argument, Limit},
    text::visible,
};
use kestrel_stix::{Value, suggest::nearest};

use super::OpError;
use crate::{
    results::DisplayResult,
    run::Cancel,
    store::{EntitySet, Store},
};

/// Schemes that analytics may have, whether or not an interface for them is configured.
pub const SCHEMES: &[&str] = &["python", "docker"];

/// What an analytic is given.
#[derive(Debug, Clone)]
pub struct Request {
    /// The part of the address after `://`.
    pub name: String,
    /// One table a variable, in order: the columns that `DISP` shows, in that order, then
    /// `type`. Text, integers (64 bits), floats and booleans; lists as JSON text.
    pub tables: Vec<RecordBatch>,
    /// Keys and values as text, in written order; lists joined by commas.
    pub arguments: Vec<(String, String)>,
}

/// What an analytic gives back.
#[derive(Debug, Default)]
pub struct Answer {
    /// None, or one table a variable, in order, each with columns `id` and `type`.
    pub tables: Vec<RecordBatch>,
    /// Something to show.
    pub display: Option<DisplayResult>,
    /// The end of what it printed; belongs to no result.
    pub printed: String,
}

/// Why an analytic gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnalyticsError {
    /// Nothing is configured under this name.
    #[error("there is no analytic `{name}` in {place}")]
    Unknown {
        /// The name.
        name: String,
        /// Where it was looked for: a file, or the images of this machine.
        place: String,
        /// An address that may be meant.
        near: Option<String>,
    },
    /// What is configured under this name cannot be run.
    #[error("analytic `{name}` cannot be run: {reason}")]
    Invalid {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// It takes another number of variables.
    #[error("analytic `{name}` takes {wanted} variables, not {given}")]
    ArgumentCount {
        /// The name.
        name: String,
        /// How many it takes.
        wanted: usize,
        /// How many there are.
        given: usize,
    },
    /// It failed, or gave something that cannot be used.
    #[error("analytic `{name}` failed: {reason}")]
    Failed {
        /// The name.
        name: String,
        /// In one line.
        reason: String,
        /// The end of its trace.
        trace: Option<String>,
    },
    /// The run was stopped.
    #[error("the run was stopped")]
    Stopped,
}

/// Runs the analytics of one scheme.
pub trait AnalyticsRunner: Send + Sync {
    /// Returns the scheme, without `://`.
    fn scheme(&self) -> &str;

    /// Runs an analytic to its end. It has to look at `cancel` and to stop what it started.
    fn run(&self, request: &Request, cancel: &Cancel) -> Result<Answer, AnalyticsError>;

    /// Returns what the analytic of a name may use here; empty if that is not known.
    fn limits(&self, _name: &str) -> Vec<Limit> {
        Vec::new()
    }

    /// Returns what identifies the code behind a name (`blake3:…` of a file, `sha256:…` of an
    /// image); none if that is not known.
    fn identity(&self, _name: &str) -> Option<String> {
        None
    }
}

/// The interfaces of a session, by scheme.
#[derive(Clone, Default)]
pub struct Analytics {
    runners: Vec<Arc<dyn AnalyticsRunner>>,
}

impl std::fmt::Debug for Analytics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.runners.iter().map(|runner| runner.scheme())).finish()
    }
}

impl Analytics {
    /// Adds an interface; one for the same scheme takes the place of an earlier one.
    pub fn add(&mut self, runner: Arc<dyn AnalyticsRunner>) {
        self.runners.retain(|known| known.scheme() != runner.scheme());
        self.runners.push(runner);
    }

    /// Returns the interface for a scheme.
    pub fn runner(&self, scheme: &str) -> Option<&dyn AnalyticsRunner> {
        self.runners.iter().find(|runner| runner.scheme() == scheme).map(AsRef::as_ref)
    }

    /// Finds the interface for an address and the analytic's name in it.
    fn find(&self, address: &str) -> Result<(&dyn AnalyticsRunner, String), OpError> {
        let (scheme, name) = address.split_once("://").unwrap_or(("python", address));
        let scheme = scheme.to_ascii_lowercase();
        if let Some(runner) = self.runners.iter().find(|runner| runner.scheme() == scheme) {
            return Ok((runner.as_ref(), name.to_owned()));
        }
        if SCHEMES.contains(&scheme.as_str()) {
            return Err(OpError::refused(
                Code::E0204,
                format!(
                    "`{}` cannot be run: no analytics interface is configured for `{scheme}`",
                    visible(address)
                ),
                "`kestrel-run analytics` shows what is configured",
            ));
        }
        let near = nearest(&scheme, SCHEMES.iter().copied());
        let help = match near.first() {
            Some(near) => format!("did you mean `{near}://`?"),
            None => "the schemes of analytics are `python` and `docker`".to_owned(),
        };
        Err(OpError::refused(
            Code::E0203,
            format!("there are no analytics of scheme `{}`", visible(&scheme)),
            &help,
        ))
    }
}

/// What an apply gives: a display, and the tables that updated versions are made of.
#[derive(Debug, Default)]
pub struct Applied {
    /// Something to show.
    pub display: Option<DisplayResult>,
    /// The new version of each input.
    pub versions: Vec<EntitySet>,
}

/// Runs an analytic over some sets. Nothing is run when all of them are empty.
pub fn apply(
    store: &mut Store,
    analytics: &Analytics,
    apply: &Apply,
    inputs: &[&EntitySet],
    references: &[&EntitySet],
    cancel: &Cancel,
) -> Result<Applied, OpError> {
    let (runner, name) = analytics.find(&apply.analytic)?;
    if let Some(reviewed) = &apply.identity
        && runner.identity(&name).as_ref() != Some(reviewed)
    {
        return Err(failed(AnalyticsError::Invalid {
            name: visible(&name),
            reason: format!("its code is not `{}`, which the plan names", visible(reviewed)),
            help: Some("look at what changed, then build the plan again".to_owned()),
        }));
    }
    if let Some(more) = lifted_since(&apply.limits, &runner.limits(&name)) {
        return Err(failed(AnalyticsError::Invalid {
            name: visible(&name),
            reason: format!(
                "here it gets {} {}, which the plan does not say",
                visible(&more.what),
                visible(&more.value)
            ),
            help: Some("look at its profile, then build the plan again".to_owned()),
        }));
    }
    let arguments = arguments(store, apply, references)?;
    let mut versions: Vec<EntitySet> = inputs.iter().map(|set| (*set).clone()).collect();
    if inputs.iter().all(|set| set.is_empty()) {
        return Ok(Applied { display: None, versions });
    }
    let mut tables = Vec::with_capacity(inputs.len());
    for set in inputs {
        tables.push(super::save::as_table(store, set)?);
    }
    let answer = runner.run(&Request { name: name.clone(), tables, arguments }, cancel).map_err(failed)?;
    if !answer.tables.is_empty() && answer.tables.len() != inputs.len() {
        let reason = format!("it gave {} tables for {} variables", answer.tables.len(), inputs.len());
        return Err(failed(AnalyticsError::Failed { name, reason, trace: None }));
    }
    for (version, table) in versions.iter_mut().zip(&answer.tables) {
        *version = merge::merge(store, version, table, &name)?;
    }
    Ok(Applied { display: answer.display, versions })
}

/// Returns something that an analytic gets here beyond what reviewers of the plan saw. A plan
/// without limits was made where the analytic was not known, and says so.
fn lifted_since(reviewed: &[Limit], here: &[Limit]) -> Option<Limit> {
    let new = |limit: &&Limit| limit.lifted && !reviewed.contains(limit);
    here.iter().find(new).filter(|_| !reviewed.is_empty()).cloned()
}

fn failed(error: AnalyticsError) -> OpError {
    let (code, help) = match &error {
        AnalyticsError::Unknown { near, .. } => {
            let listed = "`kestrel-run analytics` shows what is configured";
            let help =
                near.as_ref().map_or(listed.to_owned(), |near| format!("did you mean `{near}`? {listed}"));
            (Code::E0204, Some(help))
        }
        AnalyticsError::Invalid { help, .. } => (Code::E0204, help.clone()),
        AnalyticsError::ArgumentCount { .. } => (Code::E0603, None),
        AnalyticsError::Failed { trace, .. } => (Code::E0601, trace.clone()),
        AnalyticsError::Stopped => (Code::E0705, None),
    };
    OpError::Refused { code, message: error.to_string(), help }
}

/// Returns every argument as text: lists joined by commas, references by their distinct values
/// in the order of the rows.
fn arguments(
    store: &mut Store,
    apply: &Apply,
    references: &[&EntitySet],
) -> Result<Vec<(String, String)>, OpError> {
    let mut out = Vec::with_capacity(apply.arguments.len());
    for (key, parts) in &apply.arguments {
        let mut texts: Vec<String> = Vec::new();
        for part in parts {
            match part {
                Argument::Value(value) => texts.push(argument_text(value)),
                Argument::Reference { input, path } => {
                    let Some(set) = references.get(*input as usize) else { continue };
                    super::require(store, set, path)?;
                    for code in store.distinct_codes(set, path)? {
                        texts.push(store.dictionary().value(code).to_string());
                    }
                }
            }
        }
        out.push((key.clone(), texts.join(",")));
    }
    Ok(out)
}

/// Numbers by their decimal form, without the fraction `.0` that a cell shows only if written.
fn argument_text(value: &Value) -> String {
    value.to_string()
}
