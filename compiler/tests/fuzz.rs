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
