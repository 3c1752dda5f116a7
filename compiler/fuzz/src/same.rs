//! Whether two plans ask the same, in whatever words: the law of safe repairs.
//!
//! Plans are compared from their sinks down. Operations must be equal but for how their tests are
//! spelled. A test that is spelled otherwise must hold of the same values, which is tried on values
//! made from the words of both: as they are, in other case, longer, with a line break, as numbers.

use std::collections::HashMap;

use kestrel_ir::{NodeId, Op, Plan};
use kestrel_stix::{
    Value,
    pattern::{Comparison, Operand, Operator, Pattern, Site, Test},
    record::ValueRef,
    schema,
};

/// Returns what the second plan does that the first one does not, or otherwise; none if they are
/// the same.
pub fn difference(before: &Plan, after: &Plan) -> Option<String> {
    let sinks = |plan: &Plan| -> Vec<NodeId> {
        plan.nodes().into_iter().filter(|node| node.op.is_sink()).map(|node| node.id).collect()
    };
    let (first, second) = (sinks(before), sinks(after));
    if first.len() != second.len() {
        return Some(format!("{} sinks became {}", first.len(), second.len()));
    }
    let mut pairs = Pairs { before, after, known: HashMap::new() };
    first.into_iter().zip(second).find_map(|(first, second)| pairs.difference(first, second))
}

struct Pairs<'p> {
    before: &'p Plan,
    after: &'p Plan,
    known: HashMap<(NodeId, NodeId), Option<String>>,
}

impl Pairs<'_> {
    fn difference(&mut self, first: NodeId, second: NodeId) -> Option<String> {
        if first == second {
            return None;
        }
        if let Some(known) = self.known.get(&(first, second)) {
            return known.clone();
        }
        let found = self.difference_of(first, second);
        self.known.insert((first, second), found.clone());
        found
    }

    fn difference_of(&mut self, first: NodeId, second: NodeId) -> Option<String> {
        let (one, other) = (&self.before.node(first).op, &self.after.node(second).op);
        let ((bare_one, tests), (bare_other, others)) = (apart(one), apart(other));
        if bare_one != bare_other || tests.len() != others.len() {
            return Some(format!("{one:?} became {other:?}"));
        }
        let site = if matches!(one, Op::Filter(_)) { Site::Variable } else { Site::Source };
        for (test, other) in tests.iter().zip(&others) {
            if let Some(value) = told_apart(test, other, site) {
                return Some(format!("{test:?} became {other:?}, and {value:?} tells them apart"));
            }
        }
        let (inputs, others) = (self.before.inputs(first), self.after.inputs(second));
        let (waits, other_waits) = (self.before.after(first), self.after.after(second));
        if matches!(one, Op::Union) {
            // The entities of all inputs, first appearance first, each once: an input that came
            // before adds nothing.
            let (inputs, others) = (distinct(inputs), distinct(others));
            let mut had = Vec::new();
            let mut rest = others.iter();
            for input in inputs {
                if had.iter().any(|other| self.difference(input, *other).is_none()) {
                    continue;
                }
                let Some(other) = rest.next() else { return Some("an input of a merge went".to_owned()) };
                if let Some(found) = self.difference(input, *other) {
                    return Some(found);
                }
                had.push(*other);
            }
            return rest.next().map(|_| "an input of a merge came".to_owned());
        }
        if inputs.len() != others.len() || waits.len() != other_waits.len() {
            return Some(format!("{one:?} has other inputs"));
        }
        inputs
            .into_iter()
            .chain(waits)
            .zip(others.into_iter().chain(other_waits))
            .find_map(|(input, other)| self.difference(input, other))
    }
}

fn distinct(ids: Vec<NodeId>) -> Vec<NodeId> {
    let mut out: Vec<NodeId> = Vec::new();
    for id in ids {
        if !out.contains(&id) {
            out.push(id);
        }
    }
    out
}

/// The operation with all tests made alike, and its tests.
fn apart(op: &Op) -> (Op, Vec<Comparison>) {
    let mut op = op.clone();
    let mut tests = Vec::new();
    if let Some(pattern) = pattern_of(&mut op) {
        pattern.for_each_mut(&mut |test| {
            let blank = Comparison {
                operator: Operator::IsNull,
                negated: false,
                operand: Operand { values: Vec::new(), references: test.operand.references.clone() },
                ..test.clone()
            };
            tests.push(std::mem::replace(test, blank));
        });
    }
    // What INFO says a variable was made from.
    if let Op::Info(about) = &mut op {
        let mut known = Vec::new();
        about.dependencies.retain(|name| {
            !known.contains(name) && {
                known.push(name.clone());
                true
            }
        });
    }
    (op, tests)
}

fn pattern_of(op: &mut Op) -> Option<&mut Pattern> {
    match op {
        Op::Fetch(fetch) => Some(&mut fetch.pattern),
        Op::Select(select) => Some(&mut select.pattern),
        Op::Expand(expand) => expand.pattern.as_mut(),
        Op::Match(matching) => matching.pattern.as_mut(),
        Op::Filter(filter) => filter.pattern.as_mut(),
        _ => None,
    }
}

/// Returns a value that satisfies one of two tests of an attribute only.
fn told_apart(one: &Comparison, other: &Comparison, site: Site) -> Option<Value> {
    if one == other {
        return None;
    }
    // What a variable brings is not known here; it goes into both.
    let ready = |test: &Comparison| {
        let mut test = test.clone();
        test.operand.references.clear();
        Test::new(&test, site)
    };
    let (Ok(first), Ok(second)) = (ready(one), ready(other)) else {
        return Some(Value::text("one of them cannot be applied"));
    };
    let values = one.operand.values.iter().chain(&other.operand.values);
    values.flat_map(|value| near(&value.to_string(), one)).find(|value| {
        let value = ValueRef::from(value);
        first.holds(&value) != second.holds(&value)
    })
}

/// Values around a word that an attribute may have.
fn near(word: &str, test: &Comparison) -> Vec<Value> {
    let key = test.path.last_key();
    let owners = [test.entity_type.as_str(), "process"];
    let numbers = owners.iter().any(|owner| schema::is_integer_attribute(owner, key));
    let inner = word.trim_matches(['%', '^', '$']).replace('\\', "");
    let mut values = Vec::new();
    for word in [word, &inner] {
        let texts = [
            word.to_owned(),
            String::new(),
            word.to_ascii_lowercase(),
            word.to_ascii_uppercase(),
            format!("{word}\n"),
            format!("{word}x"),
            format!("x{word}"),
            format!("x\n{word}\nx"),
            word.chars().rev().collect(),
            // What a sign may stand for: a dot of a regular expression, a hole of LIKE.
            word.replace(|c: char| c.is_ascii_punctuation(), "q"),
            word.replace(|c: char| c.is_ascii_punctuation(), ""),
            word.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ];
        values.extend(texts.into_iter().map(Value::Text));
        // What is known to be text is no number.
        if numbers || !is_text(test) {
            values.extend(word.parse().ok().map(Value::Int));
            values.extend(word.parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Float));
            values.extend([Value::Int(0), Value::Int(1), Value::Bool(true), Value::Bool(false)]);
            values.push(Value::Json(format!("[{word:?}]")));
        }
    }
    values
}

/// Attributes that hold text by the tables of the language.
fn is_text(test: &Comparison) -> bool {
    const TEXTS: [&str; 12] = [
        "name",
        "command_line",
        "cwd",
        "path",
        "value",
        "hostname",
        "key",
        "display_name",
        "account_login",
        "user_id",
        "mime_type",
        "subject",
    ];
    let key = test.path.last_key();
    TEXTS.contains(&key) || test.path.to_string().contains("hashes.")
}
