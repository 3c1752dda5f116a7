//! The law of the optimizer: whatever the data and the huntflow, every subset of the passes
//! gives the same variables, displays and diagnostics.
//!
//! Tried twice: with the store, which tells everything a hunter sees and takes a while, and with
//! the naive twin, which says the same about variables, displays and errors a hundred times as
//! fast. `KESTREL_LAW_CASES` says how many cases the twin tries (1,000 without), and
//! `KESTREL_TWIN_CASES` how many the store tries (24 without). Of the subsets of a case only
//! those are run whose plans differ. Failing seeds are kept beside this file.

use kestrel_executor::results::Results;
use kestrel_ir::{
    Plan,
    passes::{self, Pass, optimize},
};
use kestrel_tests::{
    compare::{Rules, plan_of, store_results},
    huntflows,
    naive::{self, Sources},
    worlds,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{TestCaseError, TestRunner},
};

use crate::differential::{rules, settings, settings_of, shown};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/passes.seeds");

/// Every different plan that some subset of the passes makes, with the names of one such subset;
/// the plan as lowered comes first.
fn optimized(plan: &Plan) -> Vec<(String, Plan)> {
    let all = passes::all();
    let mut plans: Vec<(String, Plan)> = vec![("no passes".to_owned(), plan.clone())];
    // The largest subsets first: they are the likeliest to differ from what is known.
    for subset in (1..1usize << all.len()).rev() {
        let chosen: Vec<&'static dyn Pass> = all
            .iter()
            .enumerate()
            .filter(|(n, _)| subset >> n & 1 == 1)
            .map(|(_, (_, pass))| *pass)
            .collect();
        let next = optimize(plan.clone(), &chosen, |_, _| ()).expect("passes keep plans valid");
        if !plans.iter().any(|(_, known)| *known == next) {
            let names: Vec<&str> = chosen.iter().map(|pass| pass.name()).collect();
            plans.push((names.join(","), next));
        }
    }
    plans
}

/// What must not change, as text: everything but how often sources were asked, and times.
fn said(results: &Results) -> String {
    format!("{:#?}\n{:#?}\n{:#?}", results.variables, results.displays, results.diagnostics)
}

/// The first lines in which two texts differ.
fn first_difference(a: &str, b: &str) -> String {
    let at = a.lines().zip(b.lines()).position(|(a, b)| a != b).unwrap_or(0);
    let lines =
        |text: &str| text.lines().skip(at.saturating_sub(6)).take(16).collect::<Vec<_>>().join("\n    ");
    format!("  without:\n    {}\n  with:\n    {}", lines(a), lines(b))
}

#[test]
fn every_subset_of_the_passes_gives_the_same_answers() {
    let run = |plan: &Plan, sources: &Sources, rules| {
        said(&store_results(plan, sources, 1, rules).expect("a folder to write to"))
    };
    law(settings(SEEDS), run);
}

#[test]
fn every_subset_of_the_passes_gives_the_twins_answers() {
    law(settings_of("KESTREL_LAW_CASES", 1000, SEEDS), |plan, sources, rules| {
        let answer = naive::evaluate(plan, sources, rules.attach);
        format!("{:#?}\n{:#?}\n{:#?}", answer.variables, answer.displays, answer.errors)
    });
}

fn law(settings: ProptestConfig, run: impl Fn(&Plan, &Sources, Rules) -> String) {
    let strategy = (worlds::world(), huntflows::drafts(1..8), rules());
    let mut runner = TestRunner::new(settings);
    let result = runner.run(&strategy, |(sources, drafts, rules)| {
        let text = huntflows::repetitive_text(&drafts, sources.contains_key("b.json"));
        let plan = plan_of(&text, rules).map_err(|_| TestCaseError::reject("refused"))?;
        let mut plans = optimized(&plan).into_iter();
        if plans.len() == 1 {
            return Ok(());
        }
        let run = |plan: &Plan| run(plan, &sources, rules);
        let lowered = plans.next().map(|(_, plan)| run(&plan)).unwrap_or_default();
        for (names, plan) in plans {
            let after = run(&plan);
            prop_assert!(
                after == lowered,
                "{names} {rules:?}\n{}\n{}",
                first_difference(&lowered, &after),
                shown(&text, &sources)
            );
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// The law says little if passes have nothing to do.
#[test]
fn random_huntflows_give_every_pass_something_to_do() {
    let mut runner = TestRunner::deterministic();
    let strategy = huntflows::drafts(1..8);
    let mut fired = std::collections::BTreeMap::new();
    let mut compiled = 0;
    for _ in 0..600 {
        let drafts = strategy.new_tree(&mut runner).expect("a case").current();
        let Ok(plan) = plan_of(&huntflows::repetitive_text(&drafts, true), Rules::default()) else {
            continue;
        };
        compiled += 1;
        optimize(plan, &passes::of_level(passes::Level::O2), |name, _| *fired.entry(name).or_insert(0) += 1)
            .expect("passes keep plans valid");
    }
    assert!(compiled > 400, "{compiled} of 600 compile");
    for (_, pass) in passes::all() {
        // Lowering leaves nothing unread, so this one only follows others.
        let wanted = if pass.name() == "drop_unread_steps" { 0 } else { 10 };
        let count = fired.get(pass.name()).copied().unwrap_or(0);
        assert!(count >= wanted, "{} fired {count} times in {compiled}: {fired:?}", pass.name());
    }
}
