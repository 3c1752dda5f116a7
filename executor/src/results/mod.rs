//! What a run gives back: one data type of which text, JSON and HTML are renderings.

pub mod html;
pub mod json;
mod table;
pub mod text;

pub use table::{Rendered, Table, TableBuilder};

use kestrel_ir::{
    Rows, SourceText,
    diagnostic::{Category, Code, Diagnostic, LineIndex, Position, Severity},
};
use kestrel_stix::Value;

use crate::run::Profile;

/// Everything a run has to say, in plan order.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// The current version of every variable that a successful step bound, in the order of
    /// last assignment.
    pub variables: Vec<VariableResult>,
    /// What `DISP`, `INFO`, `DESCRIBE`, `EXPLAIN` and analytics showed.
    pub displays: Vec<DisplayResult>,
    /// The data sources asked, in the order of the first question.
    pub sources: Vec<SourceResult>,
    /// Errors, warnings and notes, in plan order.
    pub diagnostics: Vec<Diagnostic>,
    /// About the run as a whole.
    pub summary: Summary,
    /// The huntflows that diagnostics point into.
    pub texts: Vec<SourceText>,
    /// Where the time went; not part of any rendering of results.
    pub profile: Profile,
}

/// A variable at the end of the run.
#[derive(Debug, Clone)]
pub struct VariableResult {
    /// Its name.
    pub name: String,
    /// Type of its entities; none if no data told (an empty file without `AS`).
    pub entity_type: Option<String>,
    /// What a row is.
    pub kind: Rows,
    /// Rows; 0 for groups, unless a key identifies entities. Source: entities 2.2.
    pub entities: u64,
    /// Sum of `number_observed` over the distinct pairs of entity and record; rows, when there
    /// are no records.
    pub records: u64,
    /// How many rows there are, groups too.
    pub row_count: u64,
    /// True if this run made it, false if an earlier run of the session did.
    pub updated: bool,
    /// Related entities by type: distinct pairs of entity and record in the records of all
    /// queries that returned entities of the variable. Source: entities 2.3.
    pub related: Vec<(String, u64)>,
    /// The rows with all attributes, when asked for.
    pub rows: Option<Table>,
}

/// Something shown.
#[derive(Debug, Clone)]
pub enum DisplayResult {
    /// Rows and columns.
    Table(Table),
    /// Named values, in order.
    Dict(Vec<(String, Option<Value>)>),
    /// A page or fragment that an analytic made; trusted no more than the analytic.
    Html(String),
    /// Plain text of several lines.
    Text(String),
}

/// What one data source answered.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceResult {
    /// Its address.
    pub uri: String,
    /// Queries asked.
    pub queries: u64,
    /// Distinct records that the queries returned.
    pub records: u64,
    /// False when something is missing from the answers.
    pub complete: bool,
    /// Wall time spent on it.
    pub seconds: f64,
    /// What is missing and why; none when complete.
    pub error: Option<String>,
}

/// About a run as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Wall time.
    pub seconds: f64,
    /// Steps that failed.
    pub failed: u64,
    /// Steps not run because one they need failed, or because the run was stopped.
    pub skipped: u64,
    /// True if the run was stopped by the user or by its time limit.
    pub stopped: bool,
}

impl Results {
    /// Returns the exit code that the public contract gives this outcome: 4 refused by a
    /// policy, 3 a source or analytic failed, 2 the huntflow is wrong, 1 a source was
    /// incomplete, 0 done.
    pub fn exit_code(&self) -> u8 {
        let errors = || self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        let remote = |diagnostic: &Diagnostic| {
            matches!(
                diagnostic.category(),
                Category::DatasourceUnavailable
                    | Category::AnalyticsFailure
                    // Which analytics there are is known only where the hunt runs.
                    | Category::UnknownAnalytics
                    | Category::Incomplete
            )
        };
        if errors().any(|diagnostic| diagnostic.category() == Category::Policy) {
            4
        } else if errors().any(remote) || self.summary.stopped {
            3
        } else if errors().next().is_some() {
            2
        } else if self.sources.iter().any(|source| !source.complete) {
            1
        } else {
            0
        }
    }

    /// Finds file, lines and columns of every diagnostic, indexing each text once.
    pub fn located(&self) -> Vec<Located<'_>> {
        let indexes: Vec<LineIndex> = self.texts.iter().map(|source| LineIndex::new(&source.text)).collect();
        self.diagnostics
            .iter()
            .map(|diagnostic| {
                let place = diagnostic.span.and_then(|span| {
                    let at = span.source.0 as usize;
                    let (source, index) = (self.texts.get(at)?, indexes.get(at)?);
                    let position = |offset: u32| index.position(&source.text, offset as usize);
                    Some(Place { file: &source.name, start: position(span.start), end: position(span.end) })
                });
                Located { diagnostic, place }
            })
            .collect()
    }

    /// Returns true if some diagnostic has this code.
    pub fn has(&self, code: Code) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == code)
    }
}

/// A diagnostic with its place.
#[derive(Debug, Clone, Copy)]
pub struct Located<'r> {
    /// The message.
    pub diagnostic: &'r Diagnostic,
    /// Where; none for messages without a place in a huntflow.
    pub place: Option<Place<'r>>,
}

/// A place as people count it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'r> {
    /// The file's name as given.
    pub file: &'r str,
    /// First character.
    pub start: Position,
    /// One past the last character.
    pub end: Position,
}

/// Returns the lower-case word for a severity.
pub(crate) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Returns a duration as the summary says it: rounded up to seconds, larger units only when
/// needed. Source: language 8.4.
pub(crate) fn duration_words(seconds: f64) -> String {
    let total = seconds.max(0.0).ceil().max(1.0) as u64;
    let plural = |n: u64, unit: &str| if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") };
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    match (hours, minutes) {
        (0, 0) => plural(seconds, "second"),
        (0, _) => format!("{}, {}", plural(minutes, "minute"), plural(seconds, "second")),
        _ => {
            format!("{}, {}, {}", plural(hours, "hour"), plural(minutes, "minute"), plural(seconds, "second"))
        }
    }
}

/// The columns of starred counts that are not 0 everywhere, by name.
pub(crate) fn related_types(variables: &[VariableResult]) -> Vec<&str> {
    let mut types: Vec<&str> = variables
        .iter()
        .flat_map(|variable| &variable.related)
        .filter(|(name, count)| *count > 0 && name != "identity" && name != "observed-data")
        .map(|(name, _)| name.as_str())
        .collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// The variables that the summary lists: those made by this run, but the anonymous one.
pub(crate) fn summarized(results: &Results) -> Vec<&VariableResult> {
    results.variables.iter().filter(|variable| variable.updated && variable.name != "_").collect()
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests {
    use super::duration_words;

    #[test]
    fn durations_are_rounded_up_and_said_in_words() {
        assert_eq!(duration_words(0.0), "1 second");
        assert_eq!(duration_words(1.2), "2 seconds");
        assert_eq!(duration_words(65.0), "1 minute, 5 seconds");
        assert_eq!(duration_words(3605.0), "1 hour, 0 minutes, 5 seconds");
    }
}
