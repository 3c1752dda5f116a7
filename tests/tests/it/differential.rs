//! Random worlds and huntflows: the store's answers are the twin's.
//!
//! `KESTREL_TWIN_CASES` says how many are tried, new ones each time; without it 24 are, the same
//! each time (`PROPTEST_RNG_SEED` of `.cargo/config.toml`), so that a change fails for what it
//! changes. Failing seeds are kept beside this file and tried first from then on; the message
//! shows the smallest failing world and huntflow.

use kestrel_tests::{
    compare::{Rules, differences, plan_of, store_answer},
    huntflows,
    naive::{self, Sources},
    worlds,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{FileFailurePersistence, RngSeed, TestCaseError, TestRunner},
};

/// Settings of a run of as many cases as `KESTREL_TWIN_CASES` says; failing seeds go into a file
/// of this name.
pub(crate) fn settings(seeds: &'static str) -> ProptestConfig {
    settings_of("KESTREL_TWIN_CASES", 24, seeds)
}

/// Settings of as many new cases as a variable says, or of a number of cases that stay the same.
#[expect(clippy::disallowed_methods, reason = "how many cases to try is chosen outside")]
pub(crate) fn settings_of(variable: &str, usual: u32, seeds: &'static str) -> ProptestConfig {
    let wanted = std::env::var(variable).ok().and_then(|cases| cases.parse().ok());
    let cases = wanted.unwrap_or(usual);
    let known = ProptestConfig::default();
    ProptestConfig {
        cases,
        rng_seed: if wanted.is_some() { RngSeed::Random } else { known.rng_seed },
        // Smaller ones are found early; the rest of the time finds little.
        max_shrink_iters: 600,
        max_shrink_time: 120_000,
        max_global_rejects: cases * 4 + 1024,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        ..known
    }
}

/// Any setting of the rules that a configuration can switch.
pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    any::<(bool, bool)>().prop_map(|(attach, keep)| Rules { attach, keep })
}

/// Shows what a failure needs: the huntflow and the world as bundles.
pub(crate) fn shown(text: &str, sources: &Sources) -> String {
    let mut out = format!("{text}\n");
    for (name, records) in sources {
        out.push_str(&format!("{name}:\n"));
        let bundle = worlds::bundle(records);
        for record in bundle["objects"].as_array().into_iter().flatten() {
            out.push_str(&format!("  {record}\n"));
        }
    }
    out
}

#[test]
fn the_store_gives_the_twins_answers() {
    let strategy = (worlds::world(), huntflows::drafts(1..9), rules());
    let mut runner =
        TestRunner::new(settings(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/differential.seeds")));
    let result = runner.run(&strategy, |(sources, drafts, rules)| {
        let text = huntflows::text(&drafts, sources.contains_key("b.json"));
        let plan = match plan_of(&text, rules) {
            Ok(plan) => plan,
            // Names that a projection left out, functions that do not fit: refused when compiling.
            Err(_) => return Err(TestCaseError::reject("refused")),
        };
        let twin = naive::evaluate(&plan, &sources, rules.attach);
        let store = store_answer(&plan, &sources, 1, rules).expect("a folder that can be written to");
        let found = differences(&twin, &store);
        prop_assert!(found.is_empty(), "{}\n{rules:?}\n{}", found.join("\n"), shown(&text, &sources));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// The generator is of use only if nearly all huntflows compile and find something.
#[test]
fn random_huntflows_are_mostly_valid_and_find_things() {
    let strategy = (worlds::world(), huntflows::drafts(4..9));
    let mut runner = TestRunner::deterministic();
    let (mut refused, mut variables, mut filled, mut failed) = (Vec::new(), 0, 0, 0);
    const TRIED: usize = 400;
    for _ in 0..TRIED {
        let (sources, drafts) = strategy.new_tree(&mut runner).expect("a case").current();
        let text = huntflows::text(&drafts, sources.contains_key("b.json"));
        match plan_of(&text, Rules::default()) {
            Err(errors) => refused.push(format!("{text}{errors}")),
            Ok(plan) => {
                let answer = naive::evaluate(&plan, &sources, false);
                variables += answer.variables.len();
                filled += answer.variables.values().filter(|variable| !variable.rows.is_empty()).count();
                failed += answer.errors.len();
            }
        }
    }
    let said = format!(
        "{} of {TRIED} refused, {filled} of {variables} variables have rows, {failed} errors\n{}",
        refused.len(),
        refused.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n")
    );
    assert!(refused.len() * 10 < TRIED, "{said}");
    assert!(filled * 3 > variables, "{said}");
    assert!(failed * 4 < TRIED, "{said}");
}

/// Tries many cases without shrinking and prints the first difference of each failing one: for
/// a look at what kinds of differences there are.
#[test]
#[ignore = "prints a survey"]
#[allow(clippy::print_stdout, reason = "that is what it is for")]
fn survey() {
    let strategy = (worlds::world(), huntflows::drafts(1..9), rules());
    let settings = settings("");
    let mut runner = TestRunner::deterministic();
    let mut failed = 0;
    for case in 0..settings.cases {
        let (sources, drafts, rules) = strategy.new_tree(&mut runner).expect("a case").current();
        let text = huntflows::text(&drafts, sources.contains_key("b.json"));
        let Ok(plan) = plan_of(&text, rules) else { continue };
        let twin = naive::evaluate(&plan, &sources, rules.attach);
        let store = store_answer(&plan, &sources, 1, rules).expect("a folder that can be written to");
        let found = differences(&twin, &store);
        if let Some(first) = found.first() {
            failed += 1;
            println!("case {case} {rules:?}: {first}\n{}", shown(&text, &sources));
        }
    }
    println!("{failed} of {} differ", settings.cases);
}
