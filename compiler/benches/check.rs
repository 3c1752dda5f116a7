//! Times of checking, formatting and building: a whole process over ten statements, and growth
//! over up to 100,000 statements, right ones and wrong ones. Prints a table; `--test` only runs.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a bench prints and may fail")]

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use kestrel_compiler::hunt::Hunt;
use kestrel_compiler::lints::{self, Selection};
use kestrel_compiler::report::FileReport;
use kestrel_compiler::{Compilation, Config, document::Document, format};
use kestrel_ir::passes::Level;

/// A hunt of `n` statements as people write them: fetch, follow, filter, show.
fn right(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n.div_ceil(5) {
        let _ = write!(
            text,
            "p{i} = GET process FROM stixbundle://data/day{i}.json WHERE name = 'powershell.exe' AND pid > {i} # step\n\
             n{i} = FIND network-traffic CREATED BY p{i}\n\
             q{i} = p{i} WHERE command_line LIKE '%-enc%' OR parent_ref.name IN ('winword.exe', 'excel.exe')\n\
             DISP n{i} ATTR dst_ref.value, dst_port\n\
             DISP q{i} ATTR name, pid, command_line SORT BY pid ASC LIMIT 10\n"
        );
    }
    text
}

/// The same with a mistake in every statement: syntax, names, attributes, lints.
fn wrong(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n.div_ceil(5) {
        let _ = write!(
            text,
            "p{i} = GET proces FROM stixbundle://data/a.json WHERE nmae == 'x' AND pid = 'x{i}' LIMIT 3\n\
             n{i} = FIND network-traffic CREATED_BY pp{i}\n\
             q{i} = p{i} WHERE command_line LIKE\n\
             DISP unknown{i} ATTR dst_ref.value, dst_port\n\
             DISP p{i} ATTR nmae SORT BY pdi LIMIT many # kestrel: allow(W1305) x\n"
        );
    }
    text
}

fn check(text: &str) {
    let config = Config::default();
    let document = Document::read("hunt.hf", text.as_bytes());
    let hunt = document.examine(&config);
    let found = lints::check(&hunt, &config, &Selection::default(), None);
    let report = FileReport::new("hunt.hf", &document, &hunt, found, Some(Default::default()));
    std::hint::black_box(report);
}

fn build(text: &str) {
    let mut compilation = Compilation::new(Config::default());
    assert!(!compilation.block("hunt.hf", text).has_errors());
    let plan = compilation.optimized(Level::O2).unwrap();
    std::hint::black_box(kestrel_ir::wire::to_bytes(&plan).unwrap());
}

/// The fastest of some runs, which other work on the machine disturbs least.
fn best(runs: usize, mut work: impl FnMut()) -> Duration {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .min()
        .unwrap()
}

#[expect(clippy::type_complexity, reason = "a table of works")]
fn main() {
    let smoke = std::env::args().any(|arg| arg == "--test");
    let sizes: &[usize] = if smoke { &[100] } else { &[1_000, 10_000, 50_000] };
    println!("| work | statements | time | lines/s | t(2n)/t(n) |\n|---|---|---|---|---|");
    let works: [(&str, fn(usize) -> String, &dyn Fn(&str)); 5] = [
        ("resolve", right, &|text| drop(std::hint::black_box(Hunt::of_text(text, &Config::default())))),
        ("check", right, &check),
        ("check, all wrong", wrong, &check),
        ("format", right, &|text| drop(std::hint::black_box(format::format(text)))),
        ("build", right, &build),
    ];
    for (name, make, work) in works {
        for n in sizes {
            let runs = if *n >= 10_000 { 3 } else { 10 };
            let (once, twice) = (make(*n), make(2 * n));
            let (small, large) = (best(runs, || work(&once)), best(runs, || work(&twice)));
            for (n, time, text) in [(*n, small, &once), (2 * n, large, &twice)] {
                let rate = text.lines().count() as f64 / time.as_secs_f64();
                let growth = if n == once.lines().count() {
                    String::new()
                } else {
                    format!("{:.2}", large.as_secs_f64() / small.as_secs_f64())
                };
                println!("| {name} | {n} | {time:.2?} | {rate:.0} | {growth} |");
            }
        }
    }
    let file = std::env::temp_dir().join(format!("kestrelc-bench-{}.hf", std::process::id()));
    std::fs::write(&file, right(10)).unwrap();
    let binary = env!("CARGO_BIN_EXE_kestrelc");
    let whole = best(if smoke { 1 } else { 50 }, || {
        let output = Command::new(binary).arg("check").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    });
    let _ = std::fs::remove_file(&file);
    println!("| whole process, check | 10 | {whole:.2?} | | |");
    println!("\nkestrelc has {} KiB", std::fs::metadata(binary).unwrap().len() >> 10);
}
