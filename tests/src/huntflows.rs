//! Random huntflows as text, mostly valid, over the sources `stixbundle://a.json` and
//! `stixbundle://b.json`.
//!
//! A huntflow is drawn as a list of numbers a step ([`Draft`]), so that failing ones shrink; what
//! a number picks depends on the variables there are by then.

use kestrel_stix::relation::RELATIONS;
use proptest::{collection::vec, prelude::*};

use crate::worlds::{COMMANDS, FILES, HASHES, HOSTS, IPV4, IPV6, NAMES, PATHS, TIMES, UNIQUE_IDS, USERS};

/// One step: what it does and the numbers that its details are picked by.
#[derive(Debug, Clone)]
pub struct Draft {
    kind: u8,
    picks: Vec<u8>,
}

/// Random huntflows of some steps. The first one is always a `GET`.
pub fn drafts(steps: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Draft>> {
    vec((any::<u8>(), vec(any::<u8>(), 24)).prop_map(|(kind, picks)| Draft { kind, picks }), steps)
}

/// Writes the huntflow that drafts stand for. `two_sources` says whether there is a `b.json`.
pub fn text(drafts: &[Draft], two_sources: bool) -> String {
    written(drafts, two_sources, false)
}

/// Like [`text`], but says things over and over, so that there is something to optimize: tests
/// of one attribute joined in many ways, variables assigned again, queries asked again, and now
/// and then a source that is not there.
pub fn repetitive_text(drafts: &[Draft], two_sources: bool) -> String {
    written(drafts, two_sources, true)
}

fn written(drafts: &[Draft], two_sources: bool, repetitive: bool) -> String {
    let mut writer = Writer { two_sources, repetitive, variables: Vec::new(), lines: Vec::new(), made: 0 };
    for draft in drafts {
        let mut picks = Picks { numbers: &draft.picks, at: 0 };
        writer.step(draft.kind, &mut picks);
    }
    let mut text = writer.lines.join("\n");
    text.push('\n');
    text
}

/// Numbers to choose by; 0 when they are used up, which is always the plainest choice.
struct Picks<'d> {
    numbers: &'d [u8],
    at: usize,
}

impl Picks<'_> {
    fn next(&mut self) -> usize {
        let number = self.numbers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(number)
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() * n / 256
    }

    fn of<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }

    /// True with this probability in percent; small numbers, to which failures shrink, give false.
    fn percent(&mut self, percent: usize) -> bool {
        self.next() * 100 >= (100 - percent) * 256
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Entities,
    Appearances,
    Groups,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    entity_type: String,
    kind: Kind,
    /// The visible attributes, where others would be refused.
    columns: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    Texts(&'static [&'static str]),
    Numbers(&'static [i64]),
    Addresses,
    Times,
    Mixed,
}

const TYPES: &[&str] = &[
    "process",
    "process",
    "process",
    "process",
    "network-traffic",
    "network-traffic",
    "ipv4-addr",
    "file",
    "user-account",
    "directory",
    "ipv6-addr",
    "x-oca-asset",
    "x-thing",
    "mutex",
];
const FEW_PIDS: &[i64] = &[1, 9, 10];
const FEW_PORTS: &[i64] = &[53, 80, 443];

/// The attributes of a type, and what to compare them with. Lists come last: they cannot be
/// columns.
fn attributes(entity_type: &str) -> Vec<(&'static str, Values)> {
    let names = Values::Texts(NAMES);
    match entity_type {
        "process" => vec![
            ("pid", Values::Numbers(FEW_PIDS)),
            ("name", names),
            ("command_line", Values::Texts(COMMANDS)),
            ("x_unique_id", Values::Texts(UNIQUE_IDS)),
            ("x_tag", Values::Mixed),
            ("environment_variables.A", Values::Texts(USERS)),
            ("parent_ref.name", names),
            ("parent_ref.pid", Values::Numbers(FEW_PIDS)),
            ("parent_ref.parent_ref.pid", Values::Numbers(FEW_PIDS)),
            ("binary_ref.name", Values::Texts(FILES)),
            ("image_ref.name", Values::Texts(FILES)),
            ("binary_ref.parent_directory_ref.path", Values::Texts(PATHS)),
            ("creator_user_ref.user_id", Values::Texts(USERS)),
            ("x_priority", Values::Numbers(FEW_PORTS)),
            ("opened_connection_refs[*].dst_port", Values::Numbers(FEW_PORTS)),
            ("opened_connection_refs[*].dst_ref.value", Values::Addresses),
            ("child_refs[*].name", names),
        ],
        "network-traffic" => vec![
            ("dst_port", Values::Numbers(FEW_PORTS)),
            ("src_port", Values::Numbers(FEW_PORTS)),
            ("src_ref.value", Values::Addresses),
            ("dst_ref.value", Values::Addresses),
            ("encapsulated_by_ref.dst_port", Values::Numbers(FEW_PORTS)),
            ("protocols", Values::Texts(&["tcp", "udp", "ipv4", "[\"ipv4\",\"tcp\"]"])),
            ("protocols[*]", Values::Texts(&["tcp", "udp", "ipv4"])),
        ],
        "file" => vec![
            ("name", Values::Texts(FILES)),
            ("hashes.MD5", Values::Texts(HASHES)),
            ("size", Values::Numbers(FEW_PORTS)),
            ("parent_directory_ref.path", Values::Texts(PATHS)),
        ],
        "directory" => vec![("path", Values::Texts(PATHS))],
        "user-account" => vec![("user_id", Values::Texts(USERS)), ("account_login", Values::Texts(USERS))],
        "ipv4-addr" | "ipv6-addr" => vec![("value", Values::Addresses)],
        "x-oca-asset" => vec![("hostname", Values::Texts(HOSTS))],
        "x-thing" => {
            vec![("value", Values::Mixed), ("name", Values::Texts(FILES)), ("process_ref.name", names)]
        }
        _ => vec![("name", names)],
    }
}

/// Words that a relation between two types may be written with: the type returned, the verb,
/// and whether `BY` follows.
fn relations(input: &str) -> Vec<(&'static str, &'static str, bool)> {
    let mut found = Vec::new();
    for relation in RELATIONS {
        if relation.object == input {
            found.push((relation.subject, relation.verb, false));
        }
        if relation.subject == input {
            found.push((relation.object, relation.verb, true));
        }
    }
    found
}

struct Writer {
    two_sources: bool,
    /// See [`repetitive_text`].
    repetitive: bool,
    variables: Vec<Variable>,
    lines: Vec<String>,
    made: usize,
}

impl Writer {
    fn step(&mut self, kind: u8, picks: &mut Picks<'_>) {
        if self.variables.is_empty() {
            match self.repetitive && picks.percent(40) {
                true => self.new_entities(picks),
                false => self.get(picks),
            }
            return;
        }
        match usize::from(kind) * 100 / 256 {
            0..22 => self.get(picks),
            22..44 => self.find(picks),
            44..50 => self.new_entities(picks),
            50..60 => self.derive(picks, false),
            60..74 => self.derive(picks, true),
            74..78 => self.sort(picks),
            // More of what queries can refer to without records.
            78..83 if self.repetitive => self.new_entities(picks),
            78..83 => self.group(picks),
            83..87 => self.join(picks),
            87..92 => self.merge(picks),
            92..95 => self.info(picks),
            _ => self.describe(picks),
        }
    }

    /// A new name, or now and then one that there is.
    fn name(&mut self, picks: &mut Picks<'_>) -> String {
        if picks.percent(if self.repetitive { 30 } else { 6 }) && !self.variables.is_empty() {
            return picks.of(&self.variables).name.clone();
        }
        self.made += 1;
        format!("v{}", self.made)
    }

    fn define(&mut self, variable: Variable) {
        self.variables.retain(|known| known.name != variable.name);
        self.variables.push(variable);
    }

    /// The latest variables are the likeliest.
    fn variable(&self, picks: &mut Picks<'_>) -> Variable {
        let recent = self.variables.len().min(3);
        let from = if picks.percent(30) { 0 } else { self.variables.len() - recent };
        picks.of(&self.variables[from..]).clone()
    }

    fn ungrouped(&self, picks: &mut Picks<'_>) -> Option<Variable> {
        let fitting: Vec<&Variable> =
            self.variables.iter().filter(|known| known.kind != Kind::Groups).collect();
        if fitting.is_empty() {
            return None;
        }
        let from = fitting.len().saturating_sub(3);
        Some(picks.of(&fitting[from..]).clone())
    }

    fn get(&mut self, picks: &mut Picks<'_>) {
        let name = self.name(picks);
        if picks.percent(12)
            && let Some(input) = self.ungrouped(picks)
        {
            let pattern = self.pattern(&input.entity_type, Some(&input), picks);
            let (span, limit) = (span(picks, 20), limit(picks, 20));
            self.lines.push(format!(
                "{name} = GET {} FROM {} WHERE {pattern}{span}{limit}",
                input.entity_type, input.name
            ));
            self.define(Variable { name, ..input });
            return;
        }
        let entity_type = picks.of(TYPES);
        let source = match picks.below(if self.repetitive { 11 } else { 10 }) {
            10 => " FROM stixbundle://missing.json",
            9 if self.two_sources => " FROM stixbundle://a.json,b.json",
            7..9 if self.two_sources => " FROM stixbundle://b.json",
            6 if self.lines.iter().any(|line| line.contains("stixbundle")) => "",
            _ => " FROM stixbundle://a.json",
        };
        let pattern = self.pattern(entity_type, None, picks);
        let (span, limit) = (span(picks, 25), limit(picks, 15));
        self.lines.push(format!("{name} = GET {entity_type}{source} WHERE {pattern}{span}{limit}"));
        self.define(Variable {
            name,
            entity_type: entity_type.to_owned(),
            kind: Kind::Entities,
            columns: None,
        });
    }

    fn find(&mut self, picks: &mut Picks<'_>) {
        let name = self.name(picks);
        let Some(input) = self.ungrouped(picks) else { return self.get(picks) };
        let known = relations(&input.entity_type);
        let (entity_type, verb, by) = if known.is_empty() || picks.percent(25) {
            (picks.of(TYPES), "LINKED", picks.percent(20))
        } else {
            picks.of(&known)
        };
        let by = if by { " BY" } else { "" };
        let condition = match picks.percent(30) {
            true => format!(" WHERE {}", self.pattern(entity_type, None, picks)),
            false => String::new(),
        };
        let (span, limit) = (span(picks, 20), limit(picks, 15));
        self.lines
            .push(format!("{name} = FIND {entity_type} {verb}{by} {}{condition}{span}{limit}", input.name));
        self.define(Variable {
            name,
            entity_type: entity_type.to_owned(),
            kind: Kind::Entities,
            columns: None,
        });
    }

    fn new_entities(&mut self, picks: &mut Picks<'_>) {
        let name = self.name(picks);
        let (entity_type, rows, columns): (&str, &str, &[&str]) = picks.of(&[
            ("ipv4-addr", "[\"10.0.0.1\", \"1.1.1.1\", \"10.0.0.1\"]", &["value"]),
            ("process", "[{\"name\": \"a.exe\", \"pid\": 10}, {\"name\": \"b.exe\"}, {\"pid\": 1}]", &["name", "pid"]),
            (
                "process",
                "[{\"x_unique_id\": \"U1\", \"name\": \"n\"}, {\"x_unique_id\": \"U1\", \"name\": \"m\", \"x_new\": true}]",
                &["x_unique_id", "name", "x_new"],
            ),
            (
                "network-traffic",
                "[{\"src_ref.value\": \"10.0.0.1\", \"dst_ref.value\": \"fe80::1\", \"dst_port\": 53}]",
                &["src_ref.value", "dst_ref.value", "dst_port"],
            ),
            ("user-account", "[\"joe\", \"nobody\"]", &["user_id"]),
            ("file", "[{\"name\": \"a.exe\", \"parent_directory_ref.path\": \"/tmp\"}]", &["name", "parent_directory_ref.path"]),
        ]);
        self.lines.push(format!("{name} = NEW {entity_type} {rows}"));
        let columns = Some(columns.iter().map(|column| (*column).to_owned()).collect());
        self.define(Variable { name, entity_type: entity_type.to_owned(), kind: Kind::Entities, columns });
    }

    /// An assignment with clauses, or a `DISP`.
    fn derive(&mut self, picks: &mut Picks<'_>, disp: bool) {
        let name = if disp { String::new() } else { self.name(picks) };
        let mut result = self.variable(picks);
        let mut operand = result.name.clone();
        if result.kind != Kind::Groups && picks.percent(25) {
            let (word, columns): (&str, &[&str]) = picks.of(&[
                ("TIMESTAMPED", &["first_observed"]),
                ("ADDOBSID", &["observation_id"]),
                ("RECORDS", &["number_observed", "first_observed", "last_observed", "observation_id"]),
            ]);
            operand = format!("{word}({operand})");
            result.kind = Kind::Appearances;
            if let Some(known) = &mut result.columns {
                known.splice(0..0, columns.iter().map(|column| (*column).to_owned()));
            }
        }
        let mut line = if disp { format!("DISP {operand}") } else { format!("{name} = {operand}") };
        let mut clauses = 0;
        if picks.percent(40) {
            line.push_str(&format!(
                " WHERE {}",
                self.pattern(&result.entity_type.clone(), Some(&result), picks)
            ));
            clauses += 1;
        }
        let sort = match picks.percent(40) {
            true => Some((self.column(&result, picks), picks.of(&["", " ASC", " DESC"]))),
            false => None,
        };
        if picks.percent(if disp { 60 } else { 20 }) {
            let mut columns = Vec::new();
            for _ in 0..=picks.below(3) {
                let column = self.column(&result, picks);
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            line.push_str(&format!(" ATTR {}", columns.join(", ")));
            result.columns = Some(columns);
            clauses += 1;
        }
        if let Some((column, direction)) = sort {
            line.push_str(&format!(" SORT BY {column}{direction}"));
            clauses += 1;
        }
        if picks.percent(25) {
            line.push_str(&format!(" LIMIT {}", picks.below(6)));
            clauses += 1;
        }
        if picks.percent(15) {
            line.push_str(&format!(" OFFSET {}", picks.below(4)));
            clauses += 1;
        }
        // Without clauses there may be none; the text is valid all the same.
        let _ = clauses;
        self.lines.push(line);
        if !disp {
            self.define(Variable { name, ..result });
        }
    }

    fn sort(&mut self, picks: &mut Picks<'_>) {
        let name = self.name(picks);
        let input = self.variable(picks);
        let column = self.column(&input, picks);
        let direction = picks.of(&["", " ASC", " DESC"]);
        self.lines.push(format!("{name} = SORT {} BY {column}{direction}", input.name));
        self.define(Variable { name, ..input });
    }

    fn group(&mut self, picks: &mut Picks<'_>) {
        let name = self.name(picks);
        let Some(input) = self.ungrouped(picks) else { return };
        let mut keys = Vec::new();
        let mut columns = Vec::new();
        for _ in 0..=picks.below(2) {
            let column = self.column(&input, picks);
            if columns.contains(&column) || columns.contains(&format!("{column}_bin")) {
                continue;
            }
            if input.kind == Kind::Appearances && picks.percent(30) && self.has(&input, "first_observed") {
                keys.push("BIN(first_observed, 5 m)".to_owned());
                columns.push("first_observed_bin".to_owned());
            } else if matches!(column.as_str(), "dst_port" | "src_port" | "size") && picks.percent(50) {
                keys.push(format!("BIN({column}, 100)"));
                columns.push(format!("{column}_bin"));
            } else {
                keys.push(column.clone());
                columns.push(column);
            }
        }
        let mut aggregates = Vec::new();
        for n in 0..picks.below(4) {
            let column = self.column(&input, picks);
            let function = if matches!(column.as_str(), "dst_port" | "src_port" | "size" | "number_observed")
            {
                picks.of(&["SUM", "AVG", "MIN", "MAX", "COUNT", "NUNIQUE"])
            } else {
                picks.of(&["COUNT", "NUNIQUE", "MIN", "MAX"])
            };
            aggregates.push(format!("{function}({column}) AS c{n}"));
            columns.push(format!("c{n}"));
        }
        let with =
            if aggregates.is_empty() { String::new() } else { format!(" WITH {}", aggregates.join(", ")) };
        let columns = Some(columns);
        self.lines.push(format!("{name} = GROUP {} BY {}{with}", input.name, keys.join(", ")));
        self.define(Variable { name, entity_type: input.entity_type, kind: Kind::Groups, columns });
    }

    fn join(&mut self, picks: &mut Picks<'_>) {
        let name = self.name(picks);
        let (Some(left), Some(right)) = (self.ungrouped(picks), self.ungrouped(picks)) else { return };
        let by = (self.column(&left, picks), self.column(&right, picks));
        self.lines.push(format!("{name} = JOIN {}, {} BY {}, {}", left.name, right.name, by.0, by.1));
        let columns = left.columns.clone();
        self.define(Variable { name, entity_type: left.entity_type, kind: left.kind, columns });
    }

    fn merge(&mut self, picks: &mut Picks<'_>) {
        let name = self.name(picks);
        let first = self.variable(picks);
        if first.kind != Kind::Entities {
            return;
        }
        let fitting: Vec<Variable> = self
            .variables
            .iter()
            .filter(|known| known.entity_type == first.entity_type && known.kind == first.kind)
            .cloned()
            .collect();
        let mut inputs = vec![first];
        for _ in 0..=picks.below(2) {
            inputs.push(picks.of(&fitting).clone());
        }
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        self.lines.push(format!("{name} = {}", names.join(" + ")));
        let columns = match inputs.iter().all(|input| input.columns.is_some()) {
            true => Some(inputs.iter().flat_map(|input| input.columns.clone().unwrap_or_default()).collect()),
            false => None,
        };
        let first = inputs.swap_remove(0);
        self.define(Variable { name, columns, ..first });
    }

    fn info(&mut self, picks: &mut Picks<'_>) {
        let input = self.variable(picks);
        self.lines.push(format!("INFO {}", input.name));
    }

    fn describe(&mut self, picks: &mut Picks<'_>) {
        let input = self.variable(picks);
        let column = self.column(&input, picks);
        self.lines.push(format!("DESCRIBE {}.{column}", input.name));
    }

    fn has(&self, variable: &Variable, column: &str) -> bool {
        variable.columns.as_ref().is_none_or(|columns| columns.iter().any(|known| known == column))
    }

    /// An attribute of a variable that may be shown, now and then one that nothing has.
    fn column(&self, variable: &Variable, picks: &mut Picks<'_>) -> String {
        if let Some(columns) = &variable.columns
            && !columns.is_empty()
        {
            return picks.of(columns).clone();
        }
        if picks.percent(2) {
            return "x_nonsense".to_owned();
        }
        let mut all: Vec<&str> = attributes(&variable.entity_type)
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| !name.contains("[*]"))
            .collect();
        all.push("id");
        if variable.kind == Kind::Appearances && picks.percent(40) {
            return "first_observed".to_owned();
        }
        picks.of(&all).to_owned()
    }

    /// A pattern about entities of a type: in a source, or the rows of a variable.
    fn pattern(&self, entity_type: &str, variable: Option<&Variable>, picks: &mut Picks<'_>) -> String {
        if picks.percent(30) {
            // Something that most have.
            let (name, _) = attributes(entity_type)[0];
            let has = variable.is_none_or(|variable| self.has(variable, name));
            return format!("{} IS NOT NULL", if has { name } else { "id" });
        }
        if self.repetitive && picks.percent(70) {
            return self.repeated(entity_type, variable, picks);
        }
        let first = self.test(entity_type, variable, picks);
        match picks.below(8) {
            0..4 => first,
            4 => format!("{first} AND {}", self.test(entity_type, variable, picks)),
            5 => format!("{first} OR {}", self.test(entity_type, variable, picks)),
            6 => {
                let (second, third) =
                    (self.test(entity_type, variable, picks), self.test(entity_type, variable, picks));
                format!("({first} OR {second}) AND {third}")
            }
            _ => {
                let (second, third) =
                    (self.test(entity_type, variable, picks), self.test(entity_type, variable, picks));
                format!("{first} AND ({second} OR {third})")
            }
        }
    }

    /// Tests of one attribute or two, joined in nested ways.
    fn repeated(&self, entity_type: &str, variable: Option<&Variable>, picks: &mut Picks<'_>) -> String {
        let known: Vec<(&'static str, Values)> = attributes(entity_type)
            .into_iter()
            .filter(|(name, _)| variable.is_none_or(|variable| self.has(variable, name)))
            .collect();
        if known.is_empty() {
            return "id IS NOT NULL".to_owned();
        }
        let chosen = [picks.of(&known), picks.of(&known)];
        let mut text = String::new();
        for n in 0..2 + picks.below(4) {
            let (name, values) = chosen[usize::from(picks.percent(20))];
            let test = match picks.below(8) {
                0..3 => format!("{name} = {}", literal(values, picks)),
                3 => format!("{name} != {}", literal(values, picks)),
                4 => format!("{name} IS NULL"),
                5 => format!("{name} IS NOT NULL"),
                _ => self.comparison(name, values, picks),
            };
            text = match (n, picks.below(4)) {
                (0, _) => test,
                (_, 0) => format!("{text} OR {test}"),
                (_, 1) => format!("{test} AND ({text})"),
                (_, 2) => format!("({text}) OR ({test})"),
                _ => format!("{text} AND {test}"),
            };
        }
        text
    }

    fn test(&self, entity_type: &str, variable: Option<&Variable>, picks: &mut Picks<'_>) -> String {
        if variable.is_none() && picks.percent(25) {
            let other = picks.of(TYPES);
            let known = attributes(other);
            let (name, values) = picks.of(&known);
            return self.comparison(&format!("{other}:{name}"), values, picks);
        }
        let mut known: Vec<(String, Values)> =
            attributes(entity_type).into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
        if let Some(variable) = variable {
            if variable.kind == Kind::Appearances {
                known.push(("first_observed".to_owned(), Values::Times));
            }
            if let Some(columns) = &variable.columns {
                known.retain(|(name, _)| columns.contains(name));
                for column in columns {
                    if !known.iter().any(|(name, _)| name == column) {
                        known.push((column.clone(), Values::Mixed));
                    }
                }
            }
        }
        let (name, values) = picks.of(&known).clone();
        self.comparison(&name, values, picks)
    }

    fn comparison(&self, name: &str, values: Values, picks: &mut Picks<'_>) -> String {
        if picks.percent(8) {
            return format!("{name} IS {}NULL", if picks.percent(50) { "NOT " } else { "" });
        }
        if picks.percent(if self.repetitive { 40 } else { 10 })
            && let Some(reference) = self.reference(values, picks)
        {
            let operator = picks.of(&["=", "IN", "!=", "NOT IN", "<"]);
            return format!("{name} {operator} {reference}");
        }
        let one = |picks: &mut Picks<'_>| literal(values, picks);
        let operators: &[&str] = match values {
            Values::Texts(_) => {
                &["=", "!=", "IN", "NOT IN", "LIKE", "NOT LIKE", "MATCHES", "NOT MATCHES", "<", ">="]
            }
            Values::Numbers(_) => &["=", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "LIKE"],
            Values::Addresses => &["=", "!=", "IN", "ISSUBSET", "NOT ISSUBSET", "ISSUPERSET", "LIKE"],
            Values::Times => &["<", ">=", "=", "LIKE"],
            Values::Mixed => &["=", "!=", "IN", "NOT IN", "<", ">", "LIKE"],
        };
        match picks.of(operators) {
            operator @ ("IN" | "NOT IN") => format!("{name} {operator} ({}, {})", one(picks), one(picks)),
            operator @ ("LIKE" | "NOT LIKE") => {
                let wanted = picks.of(&["'%a%'", "'A.%'", "'_.exe'", "'%1%'", "'b%'", "'%'", "'10.%'"]);
                format!("{name} {operator} {wanted}")
            }
            operator @ ("MATCHES" | "NOT MATCHES") => {
                let wanted = picks.of(&["'^a'", "'(?i)EXE$'", "'b.c'", "'[0-9]'", "'^$'"]);
                format!("{name} {operator} {wanted}")
            }
            operator @ ("ISSUBSET" | "NOT ISSUBSET") => {
                let wanted = picks.of(&["'10.0.0.0/8'", "'10.0.0.1'", "'fe80::/10'", "'0.0.0.0/0'"]);
                format!("{name} {operator} {wanted}")
            }
            "ISSUPERSET" => {
                format!("{name} ISSUPERSET {}", picks.of(&["'10.9.1.0/24'", "'10.0.0.2'", "'fe80::1'"]))
            }
            operator => format!("{name} {operator} {}", one(picks)),
        }
    }

    /// An attribute of a variable that holds values of the same sort.
    fn reference(&self, values: Values, picks: &mut Picks<'_>) -> Option<String> {
        let mut fitting = Vec::new();
        // Some passes are about what the huntflow itself gives.
        let given = |variable: &&Variable| variable.columns.is_some() && variable.kind == Kind::Entities;
        let only_given = self.repetitive && self.variables.iter().any(|variable| given(&variable));
        for variable in self.variables.iter().filter(|variable| !only_given || given(variable)) {
            for (name, held) in attributes(&variable.entity_type) {
                let same = std::mem::discriminant(&held) == std::mem::discriminant(&values);
                if same && variable.kind != Kind::Groups && !name.contains("[*]") && self.has(variable, name)
                {
                    fitting.push(format!("{}.{name}", variable.name));
                }
            }
        }
        if fitting.is_empty() { None } else { Some(picks.of(&fitting).clone()) }
    }
}

fn literal(values: Values, picks: &mut Picks<'_>) -> String {
    match values {
        Values::Texts(texts) if picks.percent(4) => quoted(&texts[0].to_uppercase()),
        Values::Texts(texts) => quoted(picks.of(texts)),
        Values::Numbers(numbers) if picks.percent(6) => quoted(&picks.of(numbers).to_string()),
        Values::Numbers(numbers) => picks.of(numbers).to_string(),
        Values::Addresses if picks.percent(30) => quoted(picks.of(IPV6)),
        Values::Addresses => quoted(picks.of(IPV4)),
        Values::Times => quoted(&time(picks.of(TIMES))),
        Values::Mixed => {
            picks.of(&["1", "2.5", "'1'", "true", "'zz'", "'[1,\"zz\"]'", "0", "'2.5'"]).to_owned()
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

fn time(seconds: i64) -> String {
    let at = kestrel_stix::Timestamp::from_micros((1_704_067_200 + seconds) * 1_000_000);
    at.to_string().replace(".000Z", "Z")
}

fn span(picks: &mut Picks<'_>, percent: usize) -> String {
    if !picks.percent(percent) {
        return String::new();
    }
    let (start, stop) = (picks.of(TIMES), picks.of(TIMES));
    let (start, stop) = if start < stop { (start, stop) } else { (stop, start + 1) };
    format!(" START {} STOP {}", time(start), time(stop))
}

fn limit(picks: &mut Picks<'_>, percent: usize) -> String {
    if picks.percent(percent) { format!(" LIMIT {}", 1 + picks.below(4)) } else { String::new() }
}
