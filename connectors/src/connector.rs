//! What every data source can say about itself and about a query, without being asked anything
//! over the network.

use std::fmt;

use kestrel_stix::{
    EntityType, TimeWindow,
    pattern::{Pattern, kestrel_text},
};

use crate::address::{Address, Part, Scheme};

/// Answers for one family of data sources. Pure; reading is in `read`.
///
/// # The caller promises
/// - [`Query::window`] is half-open and in UTC.
/// - Whatever was not accepted [`Acceptance::Exact`]ly is tested again on every record, and no
///   limit is passed on unless all terms and the window are exact.
///
/// # An implementation promises
/// - [`Acceptance::Widened`] may let extra records through, never lose one.
/// - [`Connector::translate`] gives the very queries that reading sends, in that order, and
///   never a secret.
pub trait Connector: fmt::Debug + Send + Sync {
    /// Returns name and summary.
    fn info(&self) -> ConnectorInfo;

    /// Returns what sources of this family can do.
    fn capability(&self) -> Capability;

    /// Says how well the source can test each of the terms that all must hold.
    fn accepts(&self, terms: &[Pattern]) -> Vec<Acceptance>;

    /// Returns what the source is asked, for people to review.
    fn translate(&self, query: &Query<'_>) -> Vec<NativeQuery>;
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectorInfo {
    /// Short name: `bundle`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
}

/// What a family of sources can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capability {
    /// The source tests patterns itself; otherwise everything it has is read and tested here.
    pub filter: bool,
    /// The source tests the time window itself.
    pub filter_window: bool,
    /// The source stops after so many records.
    pub limit: bool,
    /// Records come in an order that is the same every time.
    pub ordered: bool,
    /// Reading it once answers every query: worth keeping.
    pub read_whole: bool,
}

/// How well a source tests one term of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acceptance {
    /// Not at all: every record comes.
    Refused,
    /// More records may come, none is lost.
    Widened,
    /// Exactly the records for which it holds.
    Exact,
}

/// A query to one address.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Where.
    pub address: &'a Address,
    /// The type whose tests are the centre of the pattern.
    pub entity_type: &'a EntityType,
    /// What records must match.
    pub pattern: &'a Pattern,
    /// Names of the variables that the pattern refers to, by [`kestrel_stix::pattern::Reference::input`].
    pub references: &'a [String],
    /// When.
    pub window: TimeWindow,
    /// At most so many records.
    pub limit: Option<u64>,
}

/// What one part of an address is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeQuery {
    /// The part: a file, a web address, a profile.
    pub target: String,
    /// The language of `text`: `local` for what is tested here.
    pub language: &'static str,
    /// The query.
    pub text: String,
}

/// Returns the connector for an address.
pub fn connector_for(address: &Address) -> Result<&'static dyn Connector, NoConnector> {
    match address.scheme() {
        Scheme::StixBundle | Scheme::File | Scheme::Http | Scheme::Https => Ok(&Bundles),
        Scheme::StixShifter => Err(NoConnector { address: address.to_string() }),
    }
}

/// The scheme is known, but this build or configuration has nothing that can answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no connector configured for `{address}`")]
pub struct NoConnector {
    /// The address.
    pub address: String,
}

impl NoConnector {
    /// Says what to do about it.
    pub fn help(&self) -> String {
        "export the records of this source as a STIX bundle and use `file://…`".to_owned()
    }
}

/// STIX bundles and raw logs, in files or on the web: read as a whole, tested here.
#[derive(Debug, Clone, Copy)]
pub struct Bundles;

impl Connector for Bundles {
    fn info(&self) -> ConnectorInfo {
        ConnectorInfo {
            name: "bundle",
            summary: "reads STIX 2.0 and 2.1 bundles and raw logs from files and the web, and tests patterns locally",
        }
    }

    fn capability(&self) -> Capability {
        Capability { filter: false, filter_window: false, limit: false, ordered: true, read_whole: true }
    }

    fn accepts(&self, terms: &[Pattern]) -> Vec<Acceptance> {
        vec![Acceptance::Refused; terms.len()]
    }

    fn translate(&self, query: &Query<'_>) -> Vec<NativeQuery> {
        let parts = query.address.parts().iter();
        parts
            .map(|part| NativeQuery {
                target: part.to_string(),
                language: "local",
                text: local_text(part, query),
            })
            .collect()
    }
}

fn local_text(part: &Part, query: &Query<'_>) -> String {
    let verb = if matches!(part, Part::Url(_)) { "download" } else { "read" };
    let mut text = format!("{verb} `{part}` whole, keep records with a {}", query.entity_type);
    if !matches!(query.pattern, Pattern::And(parts) if parts.is_empty()) {
        text.push_str(" where ");
        let variable = |input: u32| {
            query.references.get(input as usize).cloned().unwrap_or_else(|| format!("input{input}"))
        };
        text.push_str(&kestrel_text(query.pattern, query.entity_type, variable));
    }
    match (query.window.start, query.window.stop) {
        (Some(start), Some(stop)) => text.push_str(&format!(", from {start} until before {stop}")),
        (Some(start), None) => text.push_str(&format!(", from {start}")),
        (None, Some(stop)) => text.push_str(&format!(", until before {stop}")),
        (None, None) => {}
    }
    if let Some(limit) = query.limit {
        text.push_str(&format!(", the first {limit}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use kestrel_stix::{
        Timestamp, Value,
        pattern::{Comparison, Operand, Operator},
    };

    use super::*;

    fn test(path: &str, value: &str) -> Pattern {
        Pattern::Test(Comparison {
            entity_type: EntityType::new("process"),
            path: path.parse().expect("a path"),
            operator: Operator::Equal,
            negated: false,
            operand: Operand::value(Value::Text(value.to_owned())),
        })
    }

    #[test]
    fn reviewers_see_what_is_read_and_tested() {
        let address = Address::parse("stixbundle://a.json,https://h/b.json").expect("an address");
        let pattern = Pattern::And(vec![test("name", "cmd.exe"), test("parent_ref.name", "explorer.exe")]);
        let at = |text| Timestamp::parse(text).expect("a time");
        let query = Query {
            address: &address,
            entity_type: &EntityType::new("process"),
            pattern: &pattern,
            references: &[],
            window: TimeWindow::new(at("2021-04-03T00:00:00Z"), at("2021-04-04T00:00:00Z")),
            limit: Some(5),
        };
        let connector = connector_for(&address).expect("a connector");
        let queries: Vec<String> = connector.translate(&query).into_iter().map(|query| query.text).collect();
        insta::assert_snapshot!(queries.join("\n"), @r"
        read `a.json` whole, keep records with a process where name = 'cmd.exe' AND parent_ref.name = 'explorer.exe', from 2021-04-03T00:00:00.000Z until before 2021-04-04T00:00:00.000Z, the first 5
        download `https://h/b.json` whole, keep records with a process where name = 'cmd.exe' AND parent_ref.name = 'explorer.exe', from 2021-04-03T00:00:00.000Z until before 2021-04-04T00:00:00.000Z, the first 5
        ");
        assert_eq!(connector.accepts(&[pattern]), [Acceptance::Refused]);
    }

    #[test]
    fn profiles_have_no_connector_yet() {
        let address = Address::parse("stixshifter://lab101").expect("an address");
        let error = connector_for(&address).expect_err("none");
        insta::assert_snapshot!(format!("{error}\n{}", error.help()), @r"
        no connector configured for `stixshifter://lab101`
        export the records of this source as a STIX bundle and use `file://…`
        ");
    }
}
