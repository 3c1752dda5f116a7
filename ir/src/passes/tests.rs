//! The list of passes and the driver; what passes do is tested with huntflows in the compiler.

use kestrel_stix::{AttributePath, EntityType, Value};

use super::*;
use crate::{
    op::{Bind, Literal, Op},
    plan::{Origin, Rows, Shape},
};

fn shape() -> Option<Shape> {
    Some(Shape { entity_type: Some(EntityType::new("process")), rows: Rows::Entities, columns: None })
}

fn literal(n: i64) -> Op {
    Op::Literal(Literal {
        entity_type: EntityType::new("process"),
        columns: vec![AttributePath::key("pid")],
        rows: vec![vec![Some(Value::Int(n))]],
    })
}

#[test]
fn passes_have_the_names_of_their_files_and_are_listed_once() {
    let names: Vec<_> = all().into_iter().map(|(_, pass)| pass.name()).collect();
    let text = include_str!("mod.rs");
    for name in &names {
        assert!(text.contains(&format!("mod {name};")), "{name}");
        assert!(text.contains(&format!("//! | [`{name}`]")), "{name} is not in the table");
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1);
    }
    assert!(of_level(Level::O0).is_empty());
    assert!(of_level(Level::O1).len() < of_level(Level::O2).len());
    assert_eq!(of_level(Level::O2).len(), names.len());
}

#[test]
fn names_choose_passes_in_the_fixed_order() {
    let chosen =
        named(&["drop_unread_steps", "normalize_patterns", "drop_unread_steps"]).expect("known names");
    let names: Vec<_> = chosen.iter().map(|pass| pass.name()).collect();
    assert_eq!(names, ["normalize_patterns", "drop_unread_steps"]);
    assert!(named::<&str>(&[]).expect("no names").is_empty());
    insta::assert_snapshot!(named(&["normalise_patterns"]).expect_err("a wrong name"));
}

#[test]
fn a_plan_that_nothing_applies_to_stays_as_it_is() {
    let mut plan = Plan::default();
    let made = plan.add(literal(1), &[], &[], Origin::default(), shape());
    let bind = Bind { variable: "x".to_owned(), version: 1, command: "new".to_owned() };
    plan.add(Op::Bind(bind), &[made], &[], Origin::default(), None);
    let mut changes = 0;
    let optimized = optimize(plan.clone(), &of_level(Level::O2), |_, _| changes += 1).expect("a valid plan");
    assert_eq!((optimized, changes), (plan, 0));
}

/// Would not end if a pass or the driver were quadratic.
#[test]
fn a_plan_of_100_000_nodes_takes_linear_time() {
    let mut plan = Plan::default();
    let mut node = plan.add(literal(0), &[], &[], Origin::default(), shape());
    for n in 0..50_000u32 {
        let made = plan.add(literal(i64::from(n)), &[], &[], Origin::default(), shape());
        let slice = Op::Slice { offset: u64::from(n % 7), limit: Some(5) };
        let chain = if n % 3 == 0 { node } else { made };
        node = plan.add(slice, &[chain], &[], Origin::default(), shape());
        if n % 2 == 0 {
            let bind = Bind { variable: format!("x{}", n % 1000), version: n + 1, command: "new".to_owned() };
            plan.add(Op::Bind(bind), &[node], &[], Origin::default(), None);
        }
    }
    assert!(plan.len() > 100_000);
    let optimized = optimize(plan.clone(), &of_level(Level::O2), |_, _| ()).expect("a valid plan");
    assert!(optimized.len() < plan.len());
    assert_eq!(optimized.variables().len(), plan.variables().len());
}
