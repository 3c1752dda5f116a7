//! Tests on single values, among them those of entities specification 11.5.

use super::*;
use crate::pattern::Operand;

fn comparison(path: &str, operator: Operator, negated: bool, values: Vec<Value>) -> Comparison {
    Comparison {
        entity_type: "process".into(),
        path: path.parse().expect("a path"),
        operator,
        negated,
        operand: Operand { values, references: Vec::new() },
    }
}

fn test(site: Site, path: &str, operator: Operator, operand: impl Into<Value>) -> Test {
    Test::new(&comparison(path, operator, false, vec![operand.into()]), site).expect("a test")
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::Int(n)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Value {
        Value::Float(n)
    }
}

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.into())
}

fn json(text: &str) -> ValueRef<'_> {
    ValueRef::Json(text.into())
}

use Operator::{
    Equal as Eq, Greater, IsNull, IsSubset, IsSuperset, Less, LessEqual, Like as LikeOp, Matches,
};
use Site::{Source, Variable};

#[test]
fn verified_examples() {
    let name = text("Cmd.EXE");
    assert!(!test(Source, "name", Eq, "cmd.exe").holds(&name));
    assert!(!test(Source, "name", LikeOp, "cmd%").holds(&name));
    assert!(!test(Source, "name", Matches, "cmd").holds(&name));
    assert!(test(Source, "name", Matches, "(?i)cmd").holds(&name));
    assert!(test(Source, "name", LikeOp, "Cmd.EX_").holds(&name));
    assert!(!test(Source, "name", LikeOp, "%.exe").holds(&name));
    assert!(test(Variable, "name", LikeOp, "%.exe").holds(&name));
    let lines = text("line1\nline2");
    assert!(test(Source, "command_line", LikeOp, "line1%").holds(&lines));
    assert!(test(Source, "command_line", Matches, "line1.line2").holds(&lines));
    assert!(!test(Source, "pid", Eq, "10").holds(&ValueRef::Int(10)));
    assert!(test(Variable, "pid", Eq, "10").holds(&ValueRef::Int(10)));
    let inside = test(Source, "dst_ref.value", IsSubset, "10.0.0.0/8");
    assert!(inside.holds(&text("10.1.2.3")) && inside.holds(&text("10.9.0.0/16")));
    assert!(!inside.holds(&text("fe80::1")) && !inside.holds(&text("example.com")));
    let around = test(Source, "value", IsSuperset, "10.9.1.0/24");
    assert!(around.holds(&text("10.9.0.0/16")) && !around.holds(&text("10.1.2.3")));
}

#[test]
fn numbers_compare_by_value() {
    assert!(test(Source, "pid", Eq, 10).holds(&ValueRef::Float(10.0)));
    assert!(test(Source, "pid", Eq, 10.0).holds(&ValueRef::Int(10)));
    assert!(!test(Source, "pid", Eq, 10.5).holds(&ValueRef::Int(10)));
    assert!(test(Source, "pid", Less, 10.5).holds(&ValueRef::Int(10)));
    assert!(!test(Source, "pid", Less, 10.0).holds(&ValueRef::Int(10)));
    assert!(test(Source, "pid", LessEqual, 10.0).holds(&ValueRef::Int(10)));
    let big = 9_007_199_254_740_993;
    assert!(test(Source, "x", Greater, 9_007_199_254_740_992.0).holds(&ValueRef::Int(big)));
    assert!(test(Source, "x", Less, 1e300).holds(&ValueRef::Int(i64::MAX)));
    assert!(test(Source, "x", Greater, i64::MAX).holds(&ValueRef::Float(TWO_63)));
    assert!(test(Source, "x", Greater, -1e300).holds(&ValueRef::Int(i64::MIN)));
}

#[test]
fn texts_that_spell_numbers_are_numbers_only_in_variables() {
    for (site, expected) in [(Source, false), (Variable, true)] {
        assert_eq!(test(site, "x", Eq, 99).holds(&text("99")), expected);
        assert_eq!(test(site, "x", Greater, 100).holds(&text("101")), expected);
        assert_eq!(test(site, "pid", Less, "11").holds(&ValueRef::Int(9)), expected);
        assert!(!test(site, "x", Greater, 100).holds(&text("99")));
        assert!(!test(site, "x", Eq, 99).holds(&text("99x")));
        assert!(!test(site, "x", Eq, "99").holds(&text("99.0")), "texts are texts");
        assert!(test(site, "x", Less, "9").holds(&text("10")), "by code point");
    }
}

#[test]
fn truths_are_written_in_several_ways() {
    let (yes, no) = (ValueRef::Bool(true), ValueRef::Bool(false));
    for operand in [Value::Bool(true), "TRUE".into(), "true".into(), 1.into()] {
        let test = test(Source, "is_hidden", Eq, operand);
        assert!(test.holds(&yes) && !test.holds(&no));
    }
    assert!(test(Source, "is_hidden", Eq, 0).holds(&no));
    assert!(!test(Source, "is_hidden", Eq, 2).holds(&yes));
    assert!(test(Source, "x", Eq, Value::Bool(true)).holds(&text("true")));
    assert!(!test(Source, "x", Eq, Value::Bool(true)).holds(&ValueRef::Int(1)));
}

#[test]
fn times_compare_as_times_on_time_attributes() {
    let value = text("2021-04-01T02:00:00.000+02:00");
    assert!(test(Source, "created", Eq, "2021-04-01T00:00:00Z").holds(&value));
    assert!(test(Source, "created", Less, "2021-04-01T00:00:00.000001Z").holds(&value));
    assert!(!test(Source, "created", Less, "2021-04-01T00:00:00Z").holds(&value));
    assert!(
        test(Source, "created", Eq, "2021-04-01T00:00:00.1234567Z")
            .holds(&text("2021-04-01T00:00:00.123456Z"))
    );
    assert!(!test(Source, "name", Eq, "2021-04-01T00:00:00Z").holds(&value));
    assert!(!test(Source, "created", Less, "2021-04-01T00:00:00Z").holds(&text("soon")));
    assert!(test(Source, "created", LikeOp, "2021-04-01T02%").holds(&value));
}

#[test]
fn encoded_attributes_are_tested_on_what_they_hold() {
    let payload = text("cm9vdDo=");
    assert!(test(Source, "payload_bin", Eq, "root:").holds(&payload));
    assert!(test(Source, "payload_bin", Eq, "cm9vdDo=").holds(&payload));
    assert!(test(Source, "payload_bin", LikeOp, "ro%").holds(&payload));
    assert!(test(Source, "payload_bin", Matches, "^root:$").holds(&payload));
    assert!(!test(Source, "payload_bin", LikeOp, "%").holds(&text("~~~")));
    assert!(test(Source, "payload_bin", Eq, "ÿ").holds(&text("/w==")), "bytes that are no UTF-8");
    assert!(test(Source, "x_data_hex", Eq, "FF00").holds(&text("ff00")));
    assert!(test(Source, "x_data_hex", Eq, "root").holds(&text("726F6F74")));
    assert!(!test(Source, "x_data_hex", LikeOp, "%").holds(&text("726")));
}

#[test]
fn elements_of_lists_are_tested_where_the_path_says_so() {
    let list = json(r#"["ipv4","tcp",6]"#);
    let each = "protocols[*]";
    assert!(test(Source, each, Eq, "tcp").holds(&list));
    assert!(test(Source, each, Eq, 6).holds(&list));
    assert!(!test(Source, each, Eq, "tc").holds(&list));
    assert!(test(Source, each, LikeOp, "ip%").holds(&list));
    let not = |path| Test::new(&comparison(path, Eq, true, vec!["tcp".into()]), Source).expect("a test");
    assert!(!not(each).holds(&list) && not(each).holds(&json(r#"["udp"]"#)));

    // Elsewhere the list is one value: its JSON text.
    let whole = "protocols";
    assert!(!test(Source, whole, Eq, "tcp").holds(&list) && not(whole).holds(&list));
    assert!(!test(Source, whole, Eq, 6).holds(&list));
    assert!(test(Source, whole, Eq, Value::Json(r#"["ipv4","tcp",6]"#.into())).holds(&list));
    assert!(!test(Source, whole, Eq, "x").holds(&json("[broken")));
}

#[test]
fn unicode_compares_in_normal_form() {
    assert!(test(Source, "name", Eq, "Zoe\u{308}").holds(&text("Zo\u{eb}")));
    assert!(test(Source, "name", LikeOp, "Zo_").holds(&text("Zoe\u{308}")));
}

#[test]
fn absent_values_satisfy_only_is_null() {
    let null = |negated| Test::new(&comparison("name", IsNull, negated, vec![]), Source).expect("a test");
    assert!(null(false).holds_if_absent() && !null(false).holds(&text("")));
    assert!(!null(true).holds_if_absent() && null(true).holds(&text("")));
    for operator in [Eq, LikeOp, Matches, IsSubset, Less] {
        for negated in [false, true] {
            let test =
                Test::new(&comparison("name", operator, negated, vec!["x".into()]), Source).expect("a test");
            assert!(!test.holds_if_absent() && !test.holds_among([]));
        }
    }
    let not_inside = Test::new(&comparison("value", IsSubset, true, vec!["10.0.0.0/8".into()]), Source);
    assert!(not_inside.expect("a test").holds(&text("example.com")));
}

#[test]
fn many_values_are_looked_up() {
    let values = (0..50_000).map(|n| Value::Text(format!("host-{n}"))).collect();
    let is_in = Test::new(&comparison("name", Eq, false, values), Source).expect("a test");
    let found = (0..200_000).filter(|n| is_in.holds(&text(&format!("host-{n}")))).count();
    assert_eq!(found, 50_000);
    let none = Test::new(&comparison("name", Eq, false, vec![]), Source).expect("a test");
    assert!(!none.holds(&text("")));
}

#[test]
fn bad_operands_are_refused() {
    let error = |operator, values| match Test::new(&comparison("name", operator, false, values), Source) {
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(error(Less, vec![]), "`<` needs exactly one value, not 0");
    assert_eq!(error(LikeOp, vec!["a".into(), "b".into()]), "`LIKE` needs exactly one value, not 2");
    assert!(error(Matches, vec!["(".into()]).starts_with("`(` is no regular expression: "));
    assert_eq!(error(Matches, vec!["(?P<a>x)(?P=a)(?<!y)".into()]), "none");
}

#[test]
fn regular_expressions_are_bounded() {
    let slow = test(Source, "name", Matches, r"^((a+)\2?)+$");
    for _ in 0..3 {
        assert!(!slow.holds(&text(&("a".repeat(40) + "b"))));
    }
    assert!(slow.gave_up() > 0);
}
