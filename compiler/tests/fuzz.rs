//! The fuzz targets on what people write and on changes of it: a few seconds in every run of the
//! tests, `KESTREL_FUZZ_SECONDS` a target for longer. `compiler/fuzz` has the laws.

use std::time::{Duration, Instant};

#[path = "../fuzz/src/lib.rs"]
mod laws;

fn run(target: &str) {
    let (_, law) = laws::TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let corpus = laws::mutation::corpus(target, &[]);
    assert!(corpus.len() > 30, "{}", corpus.len());
    corpus.iter().for_each(|input| law(input));
    let number = |name: &str| std::env::var_os(name)?.to_str()?.parse::<u64>().ok();
    let seconds = number("KESTREL_FUZZ_SECONDS").unwrap_or(2);
    let seed = number("KESTREL_FUZZ_SEED").unwrap_or(1);
    let mut random = laws::mutation::Random(seed);
    let start = Instant::now();
    let mut count = 0u64;
    while start.elapsed() < Duration::from_secs(seconds) {
        let input = laws::mutation::mutate(&corpus, &mut random);
        let shown = String::from_utf8_lossy(&input).into_owned();
        let begun = Instant::now();
        if let Err(broken) = std::panic::catch_unwind(|| law(&input)) {
            eprintln!("input {count} of seed {seed}:\n{shown}\n{input:?}");
            std::panic::resume_unwind(broken);
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "input {count} of seed {seed} takes too long:\n{shown}"
        );
        count += 1;
    }
    eprintln!("{target}: {count} inputs");
}

#[test]
fn parse() {
    run("parse");
}

#[test]
fn format() {
    run("format");
}

#[test]
fn pattern() {
    run("pattern");
}

#[test]
fn plan() {
    run("plan");
}

#[test]
fn notebook() {
    run("notebook");
}

#[test]
fn editor() {
    run("editor");
}

/// The law of safe repairs can be broken: it tells plans apart that ask something else, and only those.
#[test]
fn plans_that_ask_something_else_are_told_apart() {
    let plan = |test: &str| {
        let text = format!("a = GET process FROM file://a WHERE {test}\nb = a WHERE pid > 4\nDISP b\n");
        let mut compilation = kestrel_compiler::Compilation::new(kestrel_compiler::Config::default());
        assert!(!compilation.block("hunt.hf", &text).has_errors(), "{text}");
        compilation.plan().clone()
    };
    let differ = |one: &str, other: &str| laws::same::difference(&plan(one), &plan(other)).is_some();
    for (one, other) in [
        ("name LIKE 'cmd.exe'", "name = 'cmd.exe'"),
        ("name MATCHES '^cmd\\\\.exe$'", "name = 'cmd.exe'"),
        ("name MATCHES 'cmd'", "name LIKE '%cmd%'"),
        ("name IN ('a', 'b', 'a')", "name IN ('a', 'b')"),
        ("name NOT IN ('a')", "name != 'a'"),
    ] {
        assert!(!differ(one, other), "{one} and {other}");
    }
    for (one, other) in [
        ("pid LIKE '5'", "pid = '5'"),
        ("x_key LIKE '5'", "x_key = '5'"),
        ("x_payload_bin LIKE 'abcd'", "x_payload_bin = 'abcd'"),
        ("name LIKE 'cmd.exe%'", "name = 'cmd.exe'"),
        ("name MATCHES 'cmd.exe'", "name LIKE '%cmd.exe%'"),
        ("name = 'a'", "name = 'A'"),
        ("name = 'a'", "name != 'a'"),
        ("name = 'a'", "parent_ref.name = 'a'"),
        ("name = 'a' LIMIT 5", "name = 'a' LIMIT 6"),
        ("name = 'a' AND pid = 4", "name = 'a' OR pid = 4"),
    ] {
        assert!(differ(one, other), "{one} and {other}");
    }
}
