//! Whatever the bytes, nothing panics, and how they are cut changes nothing.

use proptest::prelude::*;

use super::*;

fn sample(form: usize) -> Vec<u8> {
    let records: Vec<String> = (0..12)
        .map(|n| match n % 4 {
            0 => process(n, "a\\\\b\\\"c.exe"),
            1 => format!(r#"{{"type":"file","id":"file--{n}","name":"é{n}","hashes":{{"MD5":"{n}"}}}}"#),
            2 => format!(r#"{{"type":"observed-data","id":"observed-data--{n}","first_observed":"2021-04-03T09:00:00Z","number_observed":1,"object_refs":["file--1","file--{}"]}}"#, n - 1),
            _ => process(n, "[{}]"),
        })
        .collect();
    match form {
        0 => bundle(&records).into(),
        1 => records.join("\n").into(),
        2 => format!("[{}]", records.join(" ,\n")).into(),
        _ => records.join("  \n\n").replace("},", "},\n").into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), start in "[\\[{\" ]{0,3}") {
        let mut content = start.into_bytes();
        content.extend(bytes);
        let mut case = Case::new(&content);
        let whole = case.text("file://a.json");
        case.options.tuning = Tuning { block: 7, chunk: 1, sample: 16 << 10 };
        prop_assert_eq!(case.text("file://a.json"), whole);
    }

    #[test]
    fn damaged_bundles(form in 0usize..4, cut in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\"\\{}[],:x\n\0\xff".to_vec())), 0..4), truncate: bool) {
        let mut content = sample(form);
        for (at, byte) in changes {
            let at = at.index(content.len());
            content[at] = byte;
        }
        if truncate {
            content.truncate(cut.index(content.len()));
        }
        let mut case = Case::new(&content);
        let whole = case.text("file://a.json");
        case.options.tuning = Tuning { block: 64, chunk: 100, sample: 64 << 10 };
        case.options.threads = 3;
        prop_assert_eq!(case.text("file://a.json"), whole);
    }

    #[test]
    fn any_cut_and_any_threads(form in 0usize..4, block in 1usize..300, chunk in 1usize..2000, sample_size in 1usize..4000, threads in 1usize..5) {
        let mut case = Case::new(sample(form));
        let whole = case.text("file://a.json");
        prop_assert!(!whole.contains('!'), "{}", whole);
        case.options.tuning = Tuning { block, chunk, sample: sample_size };
        case.options.threads = threads;
        prop_assert_eq!(case.text("file://a.json"), whole);
    }
}
