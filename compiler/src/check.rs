//! Checks that need no names: operators and their values, time ranges, duplicates, paths
//! with control characters (language reference §5, passes 3 to 5).

use std::collections::{HashMap, HashSet};

use kestrel_ir::diagnostic::{Code, Diagnostic, Span};

use crate::ast::*;
use crate::builder::shorten;

/// Checks every statement and appends what is wrong.
pub(crate) fn check(text: &str, huntflow: &Huntflow, diagnostics: &mut Vec<Diagnostic>) {
    let bad_times = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.code == Code::E0109)
        .filter_map(|diagnostic| diagnostic.span.map(|span| span.start))
        .collect();
    let mut checker = Checker { text, diagnostics, bad_times, regexes: HashSet::new() };
    for statement in &huntflow.statements {
        match &statement.kind {
            StatementKind::Yield { command, .. } => checker.command(command),
            StatementKind::Effect(effect) => checker.effect(effect),
        }
    }
}

struct Checker<'c> {
    text: &'c str,
    diagnostics: &'c mut Vec<Diagnostic>,
    /// Where timestamps that were reported start: what they gave is a place-holder.
    bad_times: HashSet<u32>,
    /// Regular expressions that are well-formed; hunts repeat them.
    regexes: HashSet<String>,
}

impl Checker<'_> {
    fn command(&mut self, command: &Command) {
        match command {
            Command::Get(get) => {
                self.pattern(&get.pattern);
                self.bounds(&get.bounds);
            }
            Command::Find(find) => {
                if let Some(pattern) = &find.pattern {
                    self.pattern(pattern);
                }
                self.bounds(&find.bounds);
            }
            Command::New(new) => {
                if let NewData::Objects(objects) = &new.data {
                    for object in objects {
                        let keys = object.fields.iter().map(|(key, _)| (key.value.as_str(), key.span));
                        self.unique(keys, Code::E0118, "key");
                    }
                }
            }
            Command::Load(load) => self.path(&load.path),
            Command::Group(group) => self.group(group),
            Command::Assign(expression) => self.expression(expression),
            Command::Sort(_) | Command::Join(_) | Command::Merge(_) => {}
        }
    }

    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Apply(apply) => {
                let keys =
                    apply.arguments.iter().map(|argument| (argument.key.text.as_str(), argument.key.span));
                self.unique(keys, Code::E0118, "argument");
            }
            Effect::Disp(expression) => self.expression(expression),
            Effect::Save(save) => self.path(&save.path),
            Effect::Info(_) | Effect::Describe(_) | Effect::Explain(_) => {}
        }
    }

    fn expression(&mut self, expression: &Expression) {
        if let Some(pattern) = &expression.pattern {
            self.pattern(pattern);
        }
    }

    fn group(&mut self, group: &Group) {
        for key in &group.keys {
            if let GroupKey::Bin { size, unit, .. } = key {
                let seconds = unit.map_or(Some(size.value), |unit| size.value.checked_mul(unit.seconds()));
                if size.value == 0 || seconds.is_none_or(|seconds| i64::try_from(seconds).is_err()) {
                    let wrong = if size.value == 0 { "zero" } else { "too large" };
                    self.diagnostics.push(
                        Diagnostic::new(Code::E0108, format!("the size of a BIN is {wrong}"))
                            .at(size.span)
                            .help("take a size of at least 1, such as `BIN(first_observed, 5m)`"),
                    );
                }
            }
        }
        let keys: Vec<(String, Span)> = group.keys.iter().map(|key| (key.column(), key.span())).collect();
        let aggregates: Vec<(String, Span)> = group.aggregates.iter().map(|a| (a.column(), a.span)).collect();
        let columns = keys.iter().chain(&aggregates).map(|(column, span)| (column.as_str(), *span));
        self.unique(columns, Code::E0306, "column");
    }

    fn bounds(&mut self, bounds: &Bounds) {
        let Some(range) = &bounds.range else { return };
        match &range.kind {
            RangeKind::Absolute { start, stop } => {
                let reported = [start, stop].iter().any(|time| self.bad_times.contains(&time.span.start));
                if stop.micros <= start.micros && !reported {
                    self.diagnostics.push(
                        Diagnostic::new(Code::E0109, "STOP is not after START")
                            .at(stop.span)
                            .label(start.span, "the range starts here")
                            .help("exchange the two, or correct the one that is wrong"),
                    );
                }
            }
            RangeKind::Last(duration) => {
                let seconds = duration.count.value.checked_mul(duration.unit.seconds());
                // Ten thousand years: beyond it no calendar helps.
                const LONGEST: u64 = 10_000 * 366 * 86_400;
                if duration.count.value == 0 {
                    self.diagnostics.push(
                        Diagnostic::new(Code::E0109, "a time range of length zero finds nothing")
                            .at(duration.span)
                            .help("take at least `LAST 1 SECOND`"),
                    );
                } else if seconds.is_none_or(|seconds| seconds > LONGEST) {
                    self.diagnostics.push(
                        Diagnostic::new(Code::E0109, "the time range starts before the calendar does")
                            .at(duration.span)
                            .help("take a shorter one, such as `LAST 30 DAYS`"),
                    );
                }
            }
        }
    }

    fn unique<'k>(&mut self, keys: impl Iterator<Item = (&'k str, Span)>, code: Code, what: &str) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for (key, span) in keys {
            if let Some(first) = seen.get(key) {
                self.diagnostics.push(
                    Diagnostic::new(code, format!("the {what} `{}` occurs twice", shorten(key)))
                        .at(span)
                        .label(*first, "first one here")
                        .help(if code == Code::E0306 {
                            "name one of them with `AS`"
                        } else {
                            "keep one of them"
                        }),
                );
            } else {
                seen.insert(key, span);
            }
        }
    }

    // ------------------------------------------------------------ patterns

    fn pattern(&mut self, pattern: &Pattern) {
        for test in pattern.expr.tests() {
            self.test(test);
        }
    }

    fn test(&mut self, test: &Test) {
        let Some(value) = &test.value else { return };
        let operator = test.operator;
        let literals = value.literals();
        for literal in &literals {
            if let Literal::Text(text) = literal {
                self.control_characters(&text.value, text.raw, text.span);
            }
        }
        let shown = operator.as_str();
        if operator.kind == OperatorKind::In {
            if let Value::Literal(literal @ (Literal::Text(_) | Literal::Number(_) | Literal::Bare(_))) =
                value
            {
                let written = shorten(self.text.get(literal.span().range()).unwrap_or_default());
                self.diagnostics.push(
                    Diagnostic::new(Code::E0110, format!("{shown} takes a list, found `{written}`"))
                        .at(literal.span())
                        .help(format!(
                            "write `{shown} ({written})`, or `{}` for a single value",
                            if operator.negated { "!=" } else { "=" }
                        )),
                );
            }
            return;
        }
        // A list of one scalar is that scalar.
        let [literal] = &*literals else {
            let help = match operator.kind {
                OperatorKind::Equal if operator.negated => "write `NOT IN` for several values".to_owned(),
                OperatorKind::Equal => "write `IN` for several values".to_owned(),
                _ => format!("write one test with {shown} for each value and join them with `OR`"),
            };
            self.diagnostics.push(
                Diagnostic::new(Code::E0110, format!("{shown} takes one value, a list needs IN or NOT IN"))
                    .at(value.span())
                    .help(help),
            );
            return;
        };
        let takes_text = matches!(
            operator.kind,
            OperatorKind::Like | OperatorKind::Matches | OperatorKind::IsSubset | OperatorKind::IsSuperset
        );
        if !takes_text {
            return;
        }
        match literal.as_text() {
            Some(text) => self.operand(operator, text, literal.span()),
            None => {
                if let Literal::Number(number) = literal {
                    let written = shorten(self.text.get(number.span.range()).unwrap_or_default());
                    self.diagnostics.push(
                        Diagnostic::new(
                            Code::E0110,
                            format!("{shown} takes text, found the number `{written}`"),
                        )
                        .at(number.span)
                        .help(format!("quote it: `'{written}'`")),
                    );
                }
            }
        }
    }

    fn operand(&mut self, operator: Operator, text: &str, span: Span) {
        match operator.kind {
            OperatorKind::Matches if self.regexes.contains(text) => {}
            OperatorKind::Matches => {
                if let Err(error) = fancy_regex::Regex::new(text) {
                    self.diagnostics.push(
                        Diagnostic::new(
                            Code::E0111,
                            format!(
                                "`{}` is no regular expression: {}",
                                shorten(text),
                                one_line(&error.to_string())
                            ),
                        )
                        .at(span)
                        .help("close every group, and write backslashes in a raw string: `r'^svc.*\\.exe$'`"),
                    );
                } else {
                    self.regexes.insert(text.to_owned());
                }
            }
            OperatorKind::IsSubset | OperatorKind::IsSuperset if !is_network(text) => {
                self.diagnostics.push(
                    Diagnostic::new(
                        Code::E0112,
                        format!(
                            "{} takes an address or a network, found `{}`",
                            operator.as_str(),
                            shorten(text)
                        ),
                    )
                    .at(span)
                    .help("write `'10.0.0.0/8'`, `'2001:db8::/32'` or a single address"),
                );
            }
            _ => {}
        }
    }

    // ------------------------------------------------------------ paths

    fn path(&mut self, path: &PathText) {
        if path.quoted {
            let raw = self.text.get(path.span.range()).is_some_and(|written| written.starts_with('r'));
            self.control_characters(&path.text, raw, path.span);
        }
    }

    /// W5: a path that wanted `r`.
    fn control_characters(&mut self, value: &str, raw: bool, span: Span) {
        let control = value.chars().find(|c| matches!(c, '\x07'..='\x0d'));
        let Some(control) = control.filter(|_| !raw) else { return };
        let bytes = value.as_bytes();
        let drive = bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1) == Some(&b':');
        if !value.contains('\\') && !drive {
            return;
        }
        let written = self.text.get(span.range()).unwrap_or_default();
        self.diagnostics.push(
            Diagnostic::new(
                Code::W0005,
                format!("`{}` looks like a path, but holds {}", shorten(written), control_name(control)),
            )
            .at(span)
            .help(format!("write a raw string: `r{}`", shorten(written))),
        );
    }
}

fn control_name(control: char) -> &'static str {
    match control {
        '\x07' => "a bell (`\\a`)",
        '\x08' => "a backspace (`\\b`)",
        '\t' => "a tab (`\\t`)",
        '\n' => "a line feed (`\\n`)",
        '\x0b' => "a vertical tab (`\\v`)",
        '\x0c' => "a form feed (`\\f`)",
        _ => "a carriage return (`\\r`)",
    }
}

fn is_network(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok() || text.parse::<ipnet::IpNet>().is_ok()
}

/// Joins the lines of another program's message.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
