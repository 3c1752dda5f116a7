//! What is offered at a site: keywords, signs and names.

use kestrel_connectors::address::Scheme;
use kestrel_stix::{identity, relation, schema};

use super::{Offer, OfferKind, Surroundings, site::Site};
use crate::{
    editor::Analysis,
    hir::{Range as HuntRange, StepKind, Version},
    lints::follow,
    resolve::sources::ANALYTICS_SCHEMES,
    syntax_context::{Context, Expected},
    token::Kind,
};

/// What offers are made from.
pub(super) struct Cx<'c> {
    /// The versions that are known at the statement.
    pub(super) versions: &'c [Version],
    /// The name of the default variable.
    pub(super) default: &'c str,
    pub(super) analysis: &'c Analysis,
    pub(super) site: &'c Site,
    /// What is typed of the word.
    pub(super) prefix: &'c str,
    pub(super) surroundings: &'c Surroundings<'c>,
}

const YIELDS: [(&str, &str); 7] = [
    ("GET", "entities that match a pattern"),
    ("FIND", "entities connected to others"),
    ("NEW", "entities written here"),
    ("LOAD", "entities from a file"),
    ("SORT", "rows in order"),
    ("GROUP", "one row for equal values"),
    ("JOIN", "rows of two variables"),
];
const EFFECTS: [(&str, &str); 6] = [
    ("DISP", "show a table"),
    ("APPLY", "run an analytic"),
    ("INFO", "what is known about a variable"),
    ("DESCRIBE", "figures about an attribute"),
    ("SAVE", "write a file"),
    ("EXPLAIN", "how a variable is evaluated"),
];
const TRANSFORMERS: [(&str, &str); 3] = [
    ("TIMESTAMPED(", "one row a sighting, with its time"),
    ("ADDOBSID(", "one row a sighting, with the record's id"),
    ("RECORDS(", "one row a record"),
];
const AGGREGATES: [(&str, &str); 6] = [
    ("COUNT(", "how many values are present"),
    ("NUNIQUE(", "how many values differ"),
    ("MIN(", "the smallest value"),
    ("MAX(", "the largest value"),
    ("SUM(", "the sum"),
    ("AVG(", "the mean"),
];
const UNITS: [&str; 8] = ["DAYS", "HOURS", "MINUTES", "SECONDS", "DAY", "HOUR", "MINUTE", "SECOND"];
const SIGNS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];

/// Returns the offers for a site, best first, those that the prefix does not fit left out.
pub(super) fn offers(cx: &Cx<'_>, expected: &Expected) -> Vec<Offer> {
    let context = cx.site.context();
    let mut list = List { offers: Vec::new(), prefix: cx.prefix };
    // A comma or an opening bracket asks for more of the same, never for a new statement.
    let end = expected.statement_end();
    // `x =⏎|`: the value may be left for later.
    let left = context.previous() == Some(Kind::Assign) && context.is_assignment();
    if (end || left) && cx.site.starts_line {
        statement(cx, &context, &mut list);
    }
    names(cx, &context, expected, &mut list);
    keywords(expected, &mut list);
    if end && !cx.site.starts_line {
        statement(cx, &context, &mut list);
    }
    list.offers
}

/// The offers so far.
struct List<'p> {
    offers: Vec<Offer>,
    prefix: &'p str,
}

impl List<'_> {
    /// Adds an offer if the prefix fits it, whatever the case of both.
    fn add(&mut self, text: impl Into<String>, kind: OfferKind, detail: impl Into<String>) {
        let text = text.into();
        let fits = text.get(..self.prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(self.prefix));
        if fits && text != self.prefix {
            self.offers.push(Offer { text, kind, detail: detail.into() });
        }
    }

    /// Adds a keyword in the case of the prefix: upper, unless it is typed in lower case.
    fn keyword(&mut self, keyword: &str, kind: OfferKind, detail: &str) {
        let lower = self.prefix.bytes().any(|b| b.is_ascii_lowercase())
            && !self.prefix.bytes().any(|b| b.is_ascii_uppercase());
        let text = if lower { keyword.to_ascii_lowercase() } else { keyword.to_owned() };
        self.add(text, kind, detail);
    }
}

// ------------------------------------------------------------ keywords and signs

fn statement(cx: &Cx<'_>, context: &Context<'_>, list: &mut List<'_>) {
    // `DISP p WHERE pid = 4 |`: a new statement may follow, but on the same line seldom does.
    if context.position() > 0 && !cx.site.starts_line && list.prefix.is_empty() {
        return;
    }
    for (keyword, detail) in YIELDS.iter().chain(&EFFECTS) {
        list.keyword(keyword, OfferKind::Keyword, detail);
    }
    for version in cx.visible() {
        if version.name != cx.default {
            list.add(format!("{} = ", version.name), OfferKind::Variable, "a new version of it");
        }
    }
}

fn keywords(expected: &Expected, list: &mut List<'_>) {
    if expected.is_operator() {
        for sign in SIGNS.into_iter().filter(|sign| expected.has(sign)) {
            list.add(sign, OfferKind::Operator, "");
        }
    }
    if expected.has("=") && !expected.is_operator() {
        list.add("=", OfferKind::Operator, "");
    }
    if expected.is_name() {
        return;
    }
    if expected.has("SORT BY") {
        list.keyword("SORT BY", OfferKind::Keyword, "");
    }
    if expected.has("unit") {
        UNITS.iter().for_each(|unit| list.keyword(unit, OfferKind::Keyword, ""));
    }
    if expected.has("aggregate") {
        AGGREGATES.iter().for_each(|(name, detail)| list.keyword(name, OfferKind::Function, detail));
    }
    let starts = |keyword: &str| YIELDS.iter().chain(&EFFECTS).any(|(known, _)| *known == keyword);
    // In the order in which clauses are written.
    const ORDER: [&str; 27] = [
        "FROM",
        "WHERE",
        "AND",
        "OR",
        "ON",
        "TO",
        "BY",
        "WITH",
        "AS",
        "ATTR",
        "START",
        "STOP",
        "LAST",
        "LIMIT",
        "OFFSET",
        "ASC",
        "DESC",
        "IN",
        "NOT",
        "LIKE",
        "MATCHES",
        "ISSUBSET",
        "ISSUPERSET",
        "IS",
        "NULL",
        "TRUE",
        "FALSE",
    ];
    for keyword in ORDER {
        if expected.has(keyword) && !starts(keyword) {
            list.keyword(keyword, OfferKind::Keyword, "");
        }
    }
    for bracket in ["(", ")", "[", "]", "{", "}"] {
        if expected.has(bracket) && list.prefix.is_empty() {
            list.add(bracket, OfferKind::Operator, "");
        }
    }
}

// ------------------------------------------------------------ names

fn names(cx: &Cx<'_>, context: &Context<'_>, expected: &Expected, list: &mut List<'_>) {
    let previous = context.previous();
    let command = context.command();
    if expected.has("timestamp") {
        times(cx, list);
    }
    if !expected.is_name() {
        if command == Some("FIND") && context.position() == position(context, 2) && expected.has("letters") {
            relations(cx, list);
        }
        return;
    }
    match (command, previous) {
        (_, Some(Kind::Get | Kind::Find | Kind::New)) => types(cx, previous, list),
        (Some("LOAD"), Some(Kind::As)) => types(cx, previous, list),
        (Some("FIND"), _) if context.position() == position(context, 2) => relations(cx, list),
        (Some("FIND"), Some(Kind::By)) => variables(cx, list, |v| fits(cx, v)),
        (Some("FIND"), _) if context.position() == position(context, 3) => {
            list.keyword("BY", OfferKind::Keyword, "the variable is the one that does it");
            variables(cx, list, |v| fits(cx, v));
        }
        (Some("GET"), Some(Kind::From | Kind::Comma)) if context.clause() == Some("FROM") => {
            sources(cx, list)
        }
        (Some("LOAD"), _) | (Some("SAVE"), Some(Kind::To)) => files(cx, list, ""),
        (Some("APPLY"), Some(Kind::Apply)) => analytics(cx, list),
        (Some("APPLY"), _) if context.clause() == Some("WITH") && !expected.is_value() => {}
        (Some("GROUP"), Some(Kind::As)) => {}
        (Some("DESCRIBE"), _) => references(cx, list),
        _ if expected.is_value() => references(cx, list),
        _ if expected.is_tested_attribute() || expected.has("typed attribute") => {
            if context.clause() == Some("BY") && command == Some("GROUP") {
                list.keyword("BIN(", OfferKind::Function, "rounds values down");
            }
            attributes(cx, context, list);
        }
        (Some("assignment"), Some(Kind::Assign)) => {
            YIELDS.iter().for_each(|(name, detail)| list.keyword(name, OfferKind::Keyword, detail));
            TRANSFORMERS.iter().for_each(|(name, detail)| list.keyword(name, OfferKind::Function, detail));
            variables(cx, list, |_| true);
        }
        (Some("DISP"), Some(Kind::Disp)) => {
            variables(cx, list, |_| true);
            TRANSFORMERS.iter().for_each(|(name, detail)| list.keyword(name, OfferKind::Function, detail));
        }
        (Some("merge"), _) => {
            let first = cx.site.word(2).and_then(|name| cx.version(name));
            let own = first.and_then(Version::type_name);
            variables(cx, list, |v| own.is_none() || v.type_name().is_none() || v.type_name() == own);
        }
        _ if expected.is_variable() => variables(cx, list, |_| true),
        _ => {}
    }
}

/// The position of a token of a command, the target and `=` before it counted in.
fn position(context: &Context<'_>, at: usize) -> usize {
    if context.is_assignment() { at + 2 } else { at }
}

impl<'c> Cx<'c> {
    /// The current version of each name, latest first.
    fn visible(&self) -> impl Iterator<Item = &'c Version> {
        let mut seen = std::collections::HashSet::new();
        self.versions.iter().rev().filter(move |version| seen.insert(version.name.as_str()))
    }

    /// The current version of a name.
    fn version(&self, name: &str) -> Option<&'c Version> {
        if name == self.default {
            return self.versions.last();
        }
        self.versions.iter().rev().find(|version| version.name == name)
    }
}

fn variables(cx: &Cx<'_>, list: &mut List<'_>, wanted: impl Fn(&Version) -> bool) {
    for version in cx.visible().filter(|version| wanted(version)) {
        list.add(version.name.clone(), OfferKind::Variable, about(version));
    }
}

fn about(version: &Version) -> String {
    format!("{}, {}", version.type_name().unwrap_or("type unknown"), version.command.to_ascii_uppercase())
}

/// `v.`, then `v.attribute`.
fn references(cx: &Cx<'_>, list: &mut List<'_>) {
    match cx.prefix.split_once('.') {
        None => {
            for version in cx.visible() {
                list.add(format!("{}.", version.name), OfferKind::Variable, about(version));
            }
        }
        Some((name, _)) => {
            if let Some(version) = cx.version(name) {
                let columns = version.columns.as_deref().filter(|_| version.exact);
                paths(list, &format!("{name}."), version.type_name(), columns);
            }
        }
    }
}

/// Can the relation that is written lead from this variable to the type that is written?
fn fits(cx: &Cx<'_>, version: &Version) -> bool {
    let Some(input) = version.type_name() else { return true };
    let tokens = cx.site.tokens();
    let Some(find) = tokens.iter().position(|token| token.kind == Kind::Find) else { return true };
    let (Some(returned), Some(verb)) = (cx.site.word(find + 1), cx.site.word(find + 2)) else { return true };
    let by = tokens.get(find + 3).is_some_and(|token| token.kind == Kind::By);
    let works = |by| relation::find(returned, verb, by, input).is_ok();
    works(by) || (!by && works(true))
}

fn types(cx: &Cx<'_>, previous: Option<Kind>, list: &mut List<'_>) {
    let reachable = |entity_type: &str| {
        cx.visible().filter_map(Version::type_name).any(|input| {
            relation::between(entity_type, input)
                .chain(relation::between(input, entity_type))
                .next()
                .is_some()
        })
    };
    let find = previous == Some(Kind::Find);
    // What some variable can reach comes first; everything can be LINKED.
    let (first, rest): (Vec<&str>, Vec<&str>) =
        schema::KNOWN_TYPES.iter().partition(|entity_type| !find || reachable(entity_type));
    for entity_type in first.into_iter().chain(rest) {
        list.add(entity_type, OfferKind::EntityType, "");
    }
    // Types of the community that the hunt uses already.
    for version in cx.versions {
        if let Some(entity_type) = version.type_name().filter(|name| !schema::is_known_type(name)) {
            list.add(entity_type, OfferKind::EntityType, "used above");
        }
    }
}

/// The relations that lead from some variable to the type that is written.
fn relations(cx: &Cx<'_>, list: &mut List<'_>) {
    let Some(returned) = cx.site.after(Kind::Find) else { return };
    let mut inputs: Vec<&str> = cx.visible().filter_map(Version::type_name).collect();
    inputs.sort_unstable();
    inputs.dedup();
    if inputs.is_empty() {
        inputs = schema::KNOWN_TYPES.to_vec();
    }
    let mut offer = |verb: &str, by: bool, inputs: &[&str]| {
        if !inputs.is_empty() {
            let text = if by { format!("{verb} BY") } else { verb.to_owned() };
            list.keyword(
                &text,
                OfferKind::Relation,
                &format!("{} {}", if by { "by" } else { "to" }, inputs.join(", ")),
            );
        }
    };
    for verb in relation::verbs().filter(|verb| *verb != relation::LINKED) {
        for by in [true, false] {
            let works = |input: &&&str| relation::find(returned, verb, by, input).is_ok();
            let inputs: Vec<&str> = inputs.iter().filter(works).copied().collect();
            offer(verb, by, &inputs);
        }
    }
    list.keyword(relation::LINKED, OfferKind::Relation, "in the same record as any entity");
}

// ------------------------------------------------------------ attributes

fn attributes(cx: &Cx<'_>, context: &Context<'_>, list: &mut List<'_>) {
    let tokens = cx.site.tokens();
    let command = context.command();
    if matches!(command, Some("GET" | "FIND")) {
        let keyword = if command == Some("GET") { Kind::Get } else { Kind::Find };
        let centre = cx.site.after(keyword);
        match cx.prefix.split_once(':') {
            // `type:attribute`, another type of the same record.
            Some((entity_type, _)) => paths(list, &format!("{entity_type}:"), Some(entity_type), None),
            None => {
                paths(list, "", centre, None);
                for entity_type in schema::KNOWN_TYPES.iter().filter(|known| Some(**known) != centre) {
                    list.add(format!("{entity_type}:"), OfferKind::EntityType, "in the same record");
                }
            }
        }
        return;
    }
    // The variable that the clause works on.
    let name = match command {
        Some("JOIN") => {
            let by = tokens.iter().rposition(|token| token.kind == Kind::By);
            let second = by.is_some_and(|by| tokens.len() > by + 1);
            let join = tokens.iter().position(|token| token.kind == Kind::Join);
            join.and_then(|join| cx.site.word(join + if second { 3 } else { 1 }))
        }
        Some("SORT") => cx.site.after(Kind::Sort),
        Some("GROUP") => cx.site.after(Kind::Group),
        Some("DISP") | Some("assignment") => {
            let start = if command == Some("DISP") { 1 } else { 2 };
            match tokens.get(start) {
                Some(token) if token.kind == Kind::Transformer => cx.site.word(start + 2),
                Some(token) => Some(cx.site.text_of(*token)),
                None => None,
            }
        }
        _ => None,
    };
    let Some(version) = name.and_then(|name| cx.version(name)) else { return };
    let transformer = tokens.iter().find(|token| token.kind == Kind::Transformer);
    if let Some(transformer) = transformer {
        let columns: &[&str] = match cx.site.text_of(*transformer).to_ascii_uppercase().as_str() {
            "TIMESTAMPED" => &["first_observed"],
            "ADDOBSID" => &["observation_id"],
            _ => &["number_observed", "first_observed", "last_observed", "observation_id"],
        };
        columns.iter().for_each(|column| list.add(*column, OfferKind::Attribute, "of the sighting"));
    }
    if let Some(columns) = &version.columns {
        columns.iter().for_each(|column| list.add(column.clone(), OfferKind::Attribute, "of this variable"));
        if version.exact {
            return;
        }
    }
    paths(list, "", version.type_name(), None);
}

/// Offers the attributes of a type behind a lead, references followed as far as the prefix does.
fn paths(list: &mut List<'_>, lead: &str, entity_type: Option<&str>, only: Option<&[String]>) {
    if let Some(columns) = only {
        columns.iter().for_each(|column| list.add(format!("{lead}{column}"), OfferKind::Attribute, ""));
        return;
    }
    let Some(rest) = list.prefix.get(lead.len()..) else { return };
    // Steps that are complete: `parent_ref.binary_ref.na` has two.
    let done = rest.rfind('.').map_or("", |dot| rest.get(..=dot).unwrap_or_default());
    let steps: Vec<crate::ast::Step> = done
        .split('.')
        .filter(|step| !step.is_empty())
        .map(|step| crate::ast::Step {
            name: step.trim_end_matches("[*]").to_owned(),
            any: step.ends_with("[*]"),
        })
        // One more, so that the last reference is followed too.
        .chain([crate::ast::Step { name: String::new(), any: false }])
        .collect();
    let (owners, inside) = follow(entity_type, &steps);
    // Within `hashes.` the attributes are those that start so.
    let lead = format!("{lead}{done}");
    for owner in owners {
        let mut primary: Vec<&str> = identity::id_attributes(owner).to_vec();
        primary.retain(|name| schema::common_attributes(owner).contains(name));
        for attribute in schema::common_attributes(owner) {
            let Some(attribute) = attribute.strip_prefix(inside.as_str()) else { continue };
            let of = format!("of {owner}");
            if attribute.ends_with("_ref") {
                let targets = schema::reference_targets(owner, attribute).join(", ");
                list.add(
                    format!("{lead}{attribute}."),
                    OfferKind::Attribute,
                    format!("{of}, refers to {targets}"),
                );
            } else if attribute.ends_with("_refs") {
                let targets = schema::reference_targets(owner, attribute).join(", ");
                list.add(
                    format!("{lead}{attribute}[*]."),
                    OfferKind::Attribute,
                    format!("{of}, refers to {targets}"),
                );
            } else {
                list.add(format!("{lead}{attribute}"), OfferKind::Attribute, of);
            }
        }
    }
}

// ------------------------------------------------------------ the surroundings

fn sources(cx: &Cx<'_>, list: &mut List<'_>) {
    let wanted = cx.site.after(Kind::Get);
    variables(cx, list, |version| version.type_name() == wanted);
    for version in cx.versions.iter().rev() {
        if let Some(source) = &version.data_source {
            list.add(source.clone(), OfferKind::Source, "used above");
        }
    }
    for source in cx.surroundings.sources {
        list.add(source.clone(), OfferKind::Source, "configured");
    }
    for scheme in Scheme::ALL {
        list.add(format!("{}://", scheme.name()), OfferKind::Source, scheme.summary());
    }
    for scheme in [Scheme::File, Scheme::StixBundle] {
        let lead = format!("{}://", scheme.name());
        if cx.prefix.starts_with(&lead) {
            files(cx, list, &lead);
        }
    }
}

fn files(cx: &Cx<'_>, list: &mut List<'_>, lead: &str) {
    let typed = cx.prefix.strip_prefix(lead).unwrap_or_default();
    for file in (cx.surroundings.files)(typed) {
        list.add(format!("{lead}{file}"), OfferKind::File, "");
    }
}

fn analytics(cx: &Cx<'_>, list: &mut List<'_>) {
    for analytic in cx.surroundings.analytics {
        list.add(analytic.clone(), OfferKind::Analytic, "configured");
    }
    for step in cx.analysis.hunt.blocks.iter().flat_map(|block| &block.steps) {
        if let StepKind::Apply { analytic, .. } = &step.kind {
            list.add(analytic.clone(), OfferKind::Analytic, "used in this hunt");
        }
    }
    for scheme in ANALYTICS_SCHEMES {
        list.add(format!("{scheme}://"), OfferKind::Analytic, "");
    }
}

/// The bounds of time ranges in the hunt, and the present.
fn times(cx: &Cx<'_>, list: &mut List<'_>) {
    let start = cx.site.context().previous() == Some(Kind::Start);
    for step in cx.analysis.hunt.blocks.iter().flat_map(|block| &block.steps) {
        let range = match &step.kind {
            StepKind::Get { range, .. } | StepKind::Find { range, .. } => range,
            _ => continue,
        };
        if let HuntRange::Fixed(window) = range {
            let bound = if start { window.start } else { window.stop };
            if let Some(bound) = bound {
                list.add(bound.to_string().replace(".000Z", "Z"), OfferKind::Time, "used in this hunt");
            }
        }
    }
    if let Some(now) = cx.surroundings.now {
        list.add(now, OfferKind::Time, "now");
    }
    // The rest of a date that is begun.
    let form = "0000-01-01T00:00:00Z";
    if cx.prefix.len() >= 4
        && cx.prefix.bytes().take(4).all(|b| b.is_ascii_digit())
        && let Some(rest) = form.get(cx.prefix.len()..)
    {
        list.add(format!("{}{rest}", cx.prefix), OfferKind::Time, "the rest with zeros");
    }
}
