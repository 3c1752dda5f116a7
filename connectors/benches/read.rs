//! The reader against the tape parser on the same bytes: `cargo bench -p kestrel-connectors
//! --features read`.
//!
//! Goals: one thread at least 30% (aim 50%) of the tape's bytes a second, two threads at least
//! 1.5 times one.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kestrel_connectors::{
    address::Address,
    read::{ReadOptions, read_source},
};
use kestrel_fixtures::{Format, Options, generate};

/// Records in the generated bundle: about 18 MB.
const RECORDS: u64 = 10_000;

fn read(criterion: &mut Criterion) {
    for (format, name) in [(Format::Json, "json"), (Format::JsonLines, "jsonl")] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bundle");
        let mut bytes = Vec::new();
        let options = Options { observations: RECORDS, format, ..Options::tutorial() };
        generate(&options, &mut bytes).expect("a bundle");
        std::fs::write(&path, &bytes).expect("a file");
        let address = Address::parse(&format!("file://{}", path.display())).expect("an address");

        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(10);
        group.bench_function("tape", |bencher| {
            bencher.iter_batched_ref(
                || bytes.clone(),
                |bytes| tape(bytes, format),
                criterion::BatchSize::PerIteration,
            );
        });
        for threads in [1, 2] {
            let options = ReadOptions { threads, ..ReadOptions::default() };
            group.bench_function(format!("reader/{threads}"), |bencher| {
                bencher.iter(|| {
                    let mut objects = 0;
                    let mut sink = |batch: kestrel_stix::batch::Batch| {
                        objects += batch.objects.len();
                        Ok(())
                    };
                    let summary = read_source(&address, &options, &mut sink).expect("a bundle");
                    assert!(summary.records > 0);
                    black_box(objects)
                });
            });
        }
        group.finish();
    }
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

criterion_group!(benches, read);
criterion_main!(benches);
