//! Each rule by example, where rules must not fire, and that nothing ever changes for an object.

use proptest::prelude::*;

use super::*;
use crate::{
    pattern::{Reference, Site, Test, kestrel_text},
    record::ValueRef,
};

fn test(attribute: &str, operator: Operator, negated: bool, values: Vec<Value>) -> Pattern {
    let (entity_type, path) = attribute.split_once(':').unwrap_or(("process", attribute));
    Pattern::Test(Comparison {
        entity_type: entity_type.into(),
        path: path.parse().expect("a path"),
        operator,
        negated,
        operand: Operand { values, references: Vec::new() },
    })
}

fn is(attribute: &str, value: impl Into<Value>) -> Pattern {
    test(attribute, Operator::Equal, false, vec![value.into()])
}

fn is_not(attribute: &str, value: impl Into<Value>) -> Pattern {
    test(attribute, Operator::Equal, true, vec![value.into()])
}

fn null(attribute: &str) -> Pattern {
    test(attribute, Operator::IsNull, false, Vec::new())
}

fn present(attribute: &str) -> Pattern {
    test(attribute, Operator::IsNull, true, Vec::new())
}

fn and<const N: usize>(parts: [Pattern; N]) -> Pattern {
    Pattern::And(parts.to_vec())
}

fn or<const N: usize>(parts: [Pattern; N]) -> Pattern {
    Pattern::Or(parts.to_vec())
}

fn with_reference(pattern: Pattern) -> Pattern {
    let mut pattern = pattern;
    pattern.for_each_mut(&mut |test| {
        test.operand.references.push(Reference { input: 0, path: AttributePath::key("name") });
    });
    pattern
}

fn show_with(pattern: &Pattern, constants: bool) -> String {
    let centre = EntityType::new("process");
    let simple = simplified(pattern, Simplify { centre: &centre, constants });
    let text = |pattern: &Pattern| kestrel_text(pattern, &centre, |n| format!("v{n}"));
    format!("{}\n  = {}", text(pattern), text(&simple))
}

fn show(patterns: &[Pattern]) -> String {
    patterns.iter().map(|pattern| show_with(pattern, true)).collect::<Vec<_>>().join("\n")
}

#[test]
fn flat_and_without_repetition() {
    insta::assert_snapshot!(show(&[
        and([is("name", "a"), and([is("pid", 1), and([is("cwd", "x"), is("name", "a")])])]),
        or([is("name", "a"), or([test("name", Operator::Like, false, vec!["b%".into()]), is("name", "a")])]),
        and([is("name", "a"), is("name", "a")]),
        and([or([is("pid", 5), is("cwd", "x")]), or([is("pid", 5), is("cwd", "x")])]),
    ]));
}

#[test]
fn alternatives_become_lists() {
    insta::assert_snapshot!(show(&[
        or([
            is("name", "a"),
            is("pid", 7),
            is("name", "b"),
            test("name", Operator::Equal, false, vec!["a".into(), "c".into()])
        ]),
        and([is_not("name", "a"), is("pid", 7), is_not("name", "b")]),
        or([is("ipv4-addr:value", "1.1.1.1"), is("ipv4-addr:value", "2.2.2.2")]),
        or([is("name", "a"), and([is("pid", 7), or([is("cwd", "x"), is("cwd", "y")])])]),
    ]));
}

#[test]
fn lists_are_not_mixed_with_what_differs() {
    insta::assert_snapshot!(show(&[
        or([is("name", "a"), is("parent_ref.name", "a"), is("file:name", "a")]),
        or([is("refs[*].x", "a"), is("refs.x", "a")]),
        or([is("name", "a"), test("name", Operator::Like, false, vec!["a".into()])]),
        or([is_not("name", "a"), is_not("name", "b")]),
        and([is("opened_connection_refs[*].dst_port", 1), is("opened_connection_refs[*].dst_port", 2)]),
    ]));
}

#[test]
fn contradictions_are_false() {
    insta::assert_snapshot!(show(&[
        and([is("name", "a"), is_not("name", "a")]),
        and([null("name"), is("name", "a")]),
        and([null("name"), present("name")]),
        and([is("name", "abc"), is("name", "abd")]),
        and([is("pid", 5), is("pid", 6)]),
        and([
            test("pid", Operator::Greater, false, vec![5.into()]),
            test("pid", Operator::Less, false, vec![5.into()])
        ]),
        or([is("pid", 9), and([is("name", "a"), is_not("name", "a")])]),
        and([is("cwd", "x"), or([and([null("name"), present("name")])])]),
    ]));
}

#[test]
fn what_only_looks_contradictory_stays() {
    insta::assert_snapshot!(show(&[
        // A file name may be text that is written in two ways, a truth value, a list of values.
        and([is("name", "caf\u{e9}"), is("name", "cafe\u{301}")]),
        and([is("is_hidden", "true"), is("is_hidden", 1)]),
        and([is("payload_bin", "YQ"), is("payload_bin", "abc")]),
        and([is("created", "abc"), is("created", "abd")]),
        and([is("x_tag", "abc"), is("x_tag", "abd")]),
        and([is("opened_connection_refs[*].name", "abc"), is("opened_connection_refs[*].name", "abd")]),
        and([is("parent_ref.name", "abc"), is("parent_ref.name", "abd")]),
        and([null("ipv4-addr:value"), is("ipv6-addr:value", "x")]),
        and([
            test("pid", Operator::GreaterEqual, false, vec![5.into()]),
            test("pid", Operator::LessEqual, false, vec![5.into()])
        ]),
        and([
            test("pid", Operator::Greater, false, vec![0.into()]),
            test("pid", Operator::Less, false, vec![1.into()])
        ]),
    ]));
}

#[test]
fn tautologies_are_true() {
    insta::assert_snapshot!(show(&[
        or([null("name"), present("name")]),
        or([null("name"), is("name", "a"), is_not("name", "a")]),
        and([is("pid", 7), or([null("name"), present("name")])]),
        or([is("name", "a"), is("pid", 7), is_not("name", "a")]),
        or([present("name"), test("name", Operator::Like, false, vec!["a%".into()])]),
        // The record may have no such object at all.
        or([null("file:name"), present("file:name")]),
    ]));
}

#[test]
fn what_is_told_stays() {
    let regex = || test("name", Operator::Matches, false, vec!["(a|b)\\1".into()]);
    insta::assert_snapshot!(show(&[
        or([with_reference(is("name", "a")), with_reference(is("name", "a")), is("name", "b")]),
        and([with_reference(is("pid", 7)), is("name", "a"), is_not("name", "a")]),
        and([regex(), regex(), is("name", "a"), is_not("name", "a")]),
        or([regex(), null("name"), present("name")]),
    ]));
}

#[test]
fn where_unknown_attributes_are_refused_every_attribute_stays() {
    for pattern in [
        and([is("name", "a"), is_not("name", "a"), is("x_unknown", 3)]),
        or([null("name"), present("name"), is("x_unknown", 3)]),
    ] {
        let centre = EntityType::new("process");
        let simple = simplified(&pattern, Simplify { centre: &centre, constants: false });
        let paths = |pattern: &Pattern| -> HashSet<String> {
            pattern.comparisons().into_iter().map(|test| test.path.to_string()).collect()
        };
        assert_eq!(paths(&simple), paths(&pattern));
    }
}

/// Would not end if merging were quadratic in any of these.
#[test]
fn large_patterns_take_linear_time() {
    let centre = EntityType::new("process");
    let rules = Simplify { centre: &centre, constants: true };
    let many = 100_000;
    let alternatives = Pattern::Or((0..many).map(|n| is("pid", n)).collect());
    let Pattern::Test(merged) = simplified(&alternatives, rules) else { panic!("one test is left") };
    assert_eq!(merged.operand.values.len(), many as usize);
    let list = (0..many).chain(0..many).map(Value::Int).collect();
    let Pattern::Test(list) = simplified(&test("pid", Operator::Equal, false, list), rules) else {
        panic!("a test")
    };
    assert_eq!(list.operand.values.len(), many as usize);
    let different = Pattern::And((0..many).map(|n| is(&format!("x_{n}"), n)).collect());
    assert_eq!(simplified(&different, rules), different);
    let nested = (0..many).map(|n| or([is("pid", n), is("name", n)])).collect();
    assert_eq!(simplified(&Pattern::And(nested), rules).comparisons().len(), 2 * many as usize);
}

// --- nothing changes for any object ---

const KEYS: &[&str] = &["name", "pid", "x_tag"];

fn value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        Value::Int(0),
        Value::Int(1),
        Value::Int(5),
        Value::Int(6),
        Value::Float(5.5),
        Value::Bool(true),
        Value::text("a"),
        Value::text("A"),
        Value::text("ab"),
        Value::text("5"),
        Value::text("true"),
        Value::text(""),
        Value::text("caf\u{e9}"),
        Value::text("cafe\u{301}"),
    ])
}

fn comparison() -> impl Strategy<Value = Pattern> {
    let operator = prop::sample::select(vec![
        Operator::Equal,
        Operator::Equal,
        Operator::Equal,
        Operator::Less,
        Operator::GreaterEqual,
        Operator::Greater,
        Operator::LessEqual,
        Operator::Like,
        Operator::IsNull,
    ]);
    (prop::sample::select(KEYS), operator, any::<bool>(), prop::collection::vec(value(), 1..4)).prop_map(
        |(key, operator, negated, mut values)| {
            match operator {
                Operator::Equal => {}
                Operator::IsNull => values.clear(),
                _ => values.truncate(1),
            }
            test(key, operator, negated, values)
        },
    )
}

fn pattern() -> impl Strategy<Value = Pattern> {
    comparison().prop_recursive(4, 24, 5, |inner| {
        (any::<bool>(), prop::collection::vec(inner, 1..5))
            .prop_map(|(all, parts)| if all { Pattern::And(parts) } else { Pattern::Or(parts) })
    })
}

fn holds(pattern: &Pattern, object: &[Option<Value>], site: Site) -> bool {
    match pattern {
        Pattern::And(parts) => parts.iter().all(|part| holds(part, object, site)),
        Pattern::Or(parts) => parts.iter().any(|part| holds(part, object, site)),
        Pattern::Test(test) => {
            let at = KEYS.iter().position(|key| test.path.to_string() == *key).expect("one of the keys");
            let compiled = Test::new(test, site).expect("one value where one is needed");
            let values: Vec<ValueRef<'_>> = object[at].iter().map(ValueRef::from).collect();
            compiled.holds_among(&values)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_same_objects_satisfy_it(
        pattern in pattern(),
        constants in any::<bool>(),
        objects in prop::collection::vec(prop::collection::vec(prop::option::of(value()), KEYS.len()), 12),
    ) {
        let centre = EntityType::new("process");
        let simple = simplified(&pattern, Simplify { centre: &centre, constants });
        for site in [Site::Source, Site::Variable] {
            for object in &objects {
                prop_assert_eq!(
                    holds(&pattern, object, site),
                    holds(&simple, object, site),
                    "{:?} {:?}\n{}", site, object, show_with(&pattern, constants)
                );
            }
        }
        let again = simplified(&simple, Simplify { centre: &centre, constants });
        prop_assert_eq!(again, simple, "simplifying twice changes nothing more");
    }
}
