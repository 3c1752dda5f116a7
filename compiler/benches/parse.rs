//! Speed of lexing and parsing, on generated huntflows.
//!
//! ```sh
//! cargo bench -p kestrel-compiler --bench parse
//! ```

#![allow(missing_docs, reason = "made by criterion's macros")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kestrel_compiler::{lexer, parse};
use kestrel_ir::diagnostic::SourceId;

/// Writes a huntflow of `statements` steps, each shape of statement in turn.
fn generate(statements: usize) -> String {
    let mut text = String::new();
    for n in 0..statements {
        let before = n.saturating_sub(1) / 8 * 8;
        let line = match n % 8 {
            0 => format!(
                "v{n} = GET process FROM stixbundle://data/b{n}.json WHERE name = 'cmd.exe' AND pid IN (1, 2, {n}) LAST 5 DAYS"
            ),
            1 => format!("v{n} = FIND process CREATED BY v{before}  # children"),
            2 => format!(
                "v{n} = v{before} WHERE command_line LIKE '%-enc%' OR parent_ref.name = 'winword.exe'"
            ),
            3 => format!("DISP v{before} ATTR name, pid, command_line SORT BY pid DESC LIMIT 10"),
            4 => format!("v{n} = GROUP v{before} BY name, BIN(first_observed, 5m) WITH COUNT(pid) AS n{n}"),
            5 => format!("v{n} = v{before} + v{before}"),
            6 => format!(
                "v{n} = NEW process [{{\"name\": \"x{n}.exe\", \"pid\": {n}}}, {{\"name\": \"y.exe\"}}]"
            ),
            _ => format!("APPLY python://score ON v{before} WITH limit={n}, label='run {n}'"),
        };
        writeln!(text, "{line}").expect("writing to a string cannot fail");
    }
    text
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("text");
    for statements in [1_000, 10_000] {
        let text = generate(statements);
        assert!(parse(&text, SourceId(0)).diagnostics.is_empty(), "the generated text is valid");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::new("lex", statements), &text, |bench, text| {
            bench.iter(|| lexer::lex(black_box(text)));
        });
        group.bench_with_input(BenchmarkId::new("parse", statements), &text, |bench, text| {
            bench.iter(|| parse(black_box(text), SourceId(0)));
        });
        let broken = text.replace(" BY ", " ~ ");
        group.bench_with_input(BenchmarkId::new("parse-with-errors", statements), &broken, |bench, text| {
            bench.iter(|| parse(black_box(text), SourceId(0)));
        });
    }
    group.finish();
}

criterion_group!(parsing, benches);
criterion_main!(parsing);
