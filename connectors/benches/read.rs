//! The reader against the tape parser on the same bytes: `cargo bench -p kestrel-connectors
//! --features read`.
//!
//! Goals: one thread at least 30% (aim 50%) of the tape's bytes a second, two threads at least
//! 1.5 times one. The ratios come first: pairs of runs in turn, the median of their ratios, so
//! that what else the machine does hits both sides.

use std::{hint::black_box, time::Instant};

use criterion::{Criterion, Throughput};
use kestrel_connectors::{
    address::Address,
    read::{ReadOptions, read_source},
};
use kestrel_fixtures::{Format, Options, generate};

/// Records in the generated bundle, unless `KESTREL_BENCH_RECORDS` says otherwise: about 18 MB.
const RECORDS: u64 = 10_000;
/// Pairs behind each ratio.
const PAIRS: usize = 21;

struct Case {
    name: &'static str,
    format: Format,
    bytes: Vec<u8>,
    address: Address,
    _folder: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is a binary of its own")]
fn main() {
    let given = std::env::var("KESTREL_BENCH_RECORDS").ok();
    let records = given.and_then(|given| given.parse().ok()).unwrap_or(RECORDS);
    let cases = [(Format::Json, "json"), (Format::JsonLines, "jsonl")].map(|(format, name)| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bundle");
        let mut bytes = Vec::new();
        let options = Options { observations: records, format, ..Options::tutorial() };
        generate(&options, &mut bytes).expect("a bundle");
        std::fs::write(&path, &bytes).expect("a file");
        let address = Address::parse(&format!("file://{}", path.display())).expect("an address");
        Case { name, format, bytes, address, _folder: folder }
    });
    // `cargo test` only wants to know that it runs.
    let pairs = if std::env::args().any(|argument| argument == "--bench") { PAIRS } else { 1 };
    for case in &cases {
        ratios(case, pairs);
    }
    let mut criterion = Criterion::default().configure_from_args();
    for case in &cases {
        measure(&mut criterion, case);
    }
    criterion.final_summary();
}

/// Prints what share of the tape's speed the reader has, and what a second thread gives.
#[expect(clippy::print_stdout, reason = "the result of the benchmark")]
fn ratios(case: &Case, pairs: usize) {
    let (mut to_tape, mut to_two) = (Vec::new(), Vec::new());
    let mut seconds = [Vec::new(), Vec::new()];
    for _ in 0..pairs {
        let mut bytes = case.bytes.clone();
        let start = cpu_seconds();
        tape(&mut bytes, case.format);
        let tape = cpu_seconds() - start;
        let start = cpu_seconds();
        read(case, 1);
        let reader = cpu_seconds() - start;
        to_tape.push(tape / reader);
        seconds[0].push(tape);
        seconds[1].push(reader);

        let [one, two] = [1, 2].map(|threads| {
            let start = Instant::now();
            read(case, threads);
            start.elapsed().as_secs_f64()
        });
        to_two.push(one / two);
    }
    let [tape, reader] = seconds.map(median);
    println!(
        "{}: reader at {:.1}% of the tape ({:.0} ms CPU against {:.0} ms, one thread); two threads {:.2} times one (wall); medians of {pairs} pairs",
        case.name,
        median(to_tape) * 100.0,
        reader * 1e3,
        tape * 1e3,
        median(to_two),
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The calling thread's time on a processor where the system tells it, else wall time.
fn cpu_seconds() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.as_deref().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn measure(criterion: &mut Criterion, case: &Case) {
    let mut group = criterion.benchmark_group(case.name);
    group.throughput(Throughput::Bytes(case.bytes.len() as u64)).sample_size(10);
    group.bench_function("tape", |bencher| {
        bencher.iter_batched_ref(
            || case.bytes.clone(),
            |bytes| tape(bytes, case.format),
            criterion::BatchSize::PerIteration,
        );
    });
    for threads in [1, 2] {
        group.bench_function(format!("reader/{threads}"), |bencher| bencher.iter(|| read(case, threads)));
    }
    group.finish();
}

fn read(case: &Case, threads: usize) {
    let options = ReadOptions { threads, ..ReadOptions::default() };
    let mut objects = 0;
    let mut sink = |batch: kestrel_stix::batch::Batch| {
        objects += batch.objects.len();
        Ok(())
    };
    let summary = read_source(&case.address, &options, &mut sink).expect("a bundle");
    assert!(summary.records > 0);
    black_box(objects);
}

/// Parses the document, or every line, into a tape.
fn tape(bytes: &mut [u8], format: Format) {
    let mut buffers = simd_json::Buffers::default();
    match format {
        Format::Json => {
            black_box(simd_json::to_tape_with_buffers(bytes, &mut buffers).expect("JSON"));
        }
        Format::JsonLines => {
            let mut tape = simd_json::Tape(Vec::new());
            for line in bytes.split_mut(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                simd_json::fill_tape(line, &mut buffers, &mut tape).expect("JSON");
            }
            black_box(tape);
        }
    }
}
