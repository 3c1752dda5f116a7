//! The cache on real files: hits, misses, damage, many users at once, and being given up half way.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};

use kestrel_stix::{
    Value,
    batch::{Batch, BatchBuilder, object},
    record::Record,
};
use proptest::prelude::*;

use super::*;
use crate::run::{Cancel, PartRead, ReadFailure, SourceReader};

/// A reader that makes up one batch, and counts how often it is asked.
#[derive(Debug)]
struct Source {
    version: &'static str,
    changed: SystemTime,
    asked: AtomicUsize,
    missing: bool,
}

impl Source {
    fn new(version: &'static str) -> Self {
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        Source { version, changed, asked: AtomicUsize::new(0), missing: false }
    }
}

impl SourceReader for Source {
    fn parts(&self, address: &str) -> Result<Vec<String>, ReadFailure> {
        Ok(vec![address.to_owned()])
    }

    fn version(&self, _part: &str) -> String {
        self.version.to_owned()
    }

    fn changed(&self, _part: &str) -> Option<SystemTime> {
        Some(self.changed)
    }

    fn read(
        &self,
        part: &str,
        _threads: usize,
        _cancel: &Cancel,
        sink: &mut dyn FnMut(Batch) -> bool,
    ) -> Result<PartRead, ReadFailure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        sink(batch(&[(part, 1), ("b", 2)]));
        sink(batch(&[("c", -3)]));
        let missing = if self.missing { vec!["a member".to_owned()] } else { Vec::new() };
        let notes = vec!["something unusual".to_owned()];
        Ok(PartRead { missing, notes, bytes: Some(5 << 20), ..PartRead::default() })
    }
}

fn batch(names: &[(&str, i64)]) -> Batch {
    let mut builder = BatchBuilder::new();
    for (name, number) in names {
        let attributes = [
            ("name", Value::text(*name)),
            ("pid", Value::Int(*number)),
            ("x_list", Value::Json("[1]".to_owned())),
        ];
        let record = Record {
            id: format!("observed-data--{name}").into(),
            number_observed: 1,
            objects: vec![object("0", "process", &attributes)],
            ..Record::default()
        };
        builder.record(&record, || "here".to_owned()).expect("room");
    }
    builder.take()
}

/// Everything of a batch that a store can see.
fn shown(batch: &Batch) -> String {
    let values: Vec<_> = (0..batch.values.len() as u32).map(|at| batch.values.get(at).to_value()).collect();
    format!(
        "{:?} {:?} {values:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        batch.types,
        batch.columns,
        batch.objects,
        batch.cells,
        batch.links,
        batch.records,
        batch.seen,
        batch.loose,
        batch.defects
    )
}

fn ask(reader: &impl SourceReader, part: &str) -> (Vec<String>, PartRead) {
    let mut batches = Vec::new();
    let read = reader
        .read(part, 1, &Cancel::new(), &mut |batch| {
            batches.push(shown(&batch));
            true
        })
        .expect("read");
    (batches, read)
}

fn cached(folder: &Path, source: Source) -> CachedReader<Source> {
    CachedReader::new(source, Cache::new(folder.to_owned(), DEFAULT_LIMIT), "surroundings".to_owned(), false)
}

fn entry(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).expect("a folder").flatten().map(|file| file.path());
    files.into_iter().find(|path| path.extension().is_some_and(|end| end == "batches")).expect("an entry")
}

#[test]
fn what_comes_from_the_cache_is_what_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let reader = cached(folder.path(), Source::new("1"));
    let (first, read) = ask(&reader, "a");
    assert!(!read.cached);
    let (second, again) = ask(&reader, "a");
    assert_eq!(first, second);
    assert_eq!(again, PartRead { cached: true, ..read });
    ask(&reader, "another");
    assert_eq!(reader.inner().asked.load(Ordering::Relaxed), 2);
    let entries = reader.cache().entries().expect("entries");
    let parts: Vec<_> = entries.into_iter().filter_map(|entry| entry.about).map(|about| about.part).collect();
    assert_eq!(parts.len(), 2);
    assert!(parts.contains(&"a".to_owned()) && parts.contains(&"another".to_owned()));
}

#[test]
fn another_version_program_or_changing_file_is_read_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    ask(&cached(folder.path(), Source::new("1")), "a");
    let changed = cached(folder.path(), Source::new("2"));
    assert!(!ask(&changed, "a").1.cached);
    let other = CachedReader::new(
        Source::new("1"),
        Cache::new(folder.path().to_owned(), DEFAULT_LIMIT),
        "another program".to_owned(),
        false,
    );
    assert!(!ask(&other, "a").1.cached);
    // Changed just now: it may change again within the resolution of its time.
    let fresh = cached(folder.path(), Source { changed: now(), ..Source::new("3") });
    ask(&fresh, "a");
    assert!(!ask(&fresh, "a").1.cached);
}

#[test]
fn what_is_incomplete_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let reader = cached(folder.path(), Source { missing: true, ..Source::new("1") });
    ask(&reader, "a");
    assert!(!ask(&reader, "a").1.cached);
    assert_eq!(reader.cache().entries().expect("entries"), []);
}

#[test]
fn without_a_version_only_offline_hunts_use_the_cache_and_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let online = cached(folder.path(), Source::new(""));
    ask(&online, "https://example.com/a.json");
    assert!(!ask(&online, "https://example.com/a.json").1.cached);
    let offline = CachedReader::new(
        Source::new(""),
        Cache::new(folder.path().to_owned(), DEFAULT_LIMIT),
        "surroundings".to_owned(),
        true,
    );
    let (_, read) = ask(&offline, "https://example.com/a.json");
    assert!(read.cached);
    assert_eq!(read.notes[1], "`https://example.com/a.json` is a copy from the cache, 0 hours old");
}

#[test]
fn a_folder_that_cannot_be_used_changes_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "no folder").expect("written");
    let reader = cached(&file, Source::new("1"));
    let (batches, read) = ask(&reader, "a");
    assert_eq!(batches.len(), 2);
    assert!(!read.cached);
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let reader = cached(folder.path(), Source::new("1"));
    for part in ["a", "b", "c"] {
        ask(&reader, part);
    }
    let old = |part: &str, seconds: u64| {
        let entries = reader.cache().entries().expect("entries");
        let entry = entries.iter().find(|entry| entry.about.as_ref().is_some_and(|about| about.part == part));
        let file = fs::File::options().write(true).open(&entry.expect("kept").path).expect("opened");
        file.set_modified(now() - Duration::from_secs(seconds)).expect("set");
    };
    old("a", 300);
    old("b", 200);
    old("c", 100);
    // Using one makes it young.
    assert!(ask(&reader, "a").1.cached);
    let total: u64 = reader.cache().entries().expect("entries").iter().map(|entry| entry.size).sum();
    Cache::new(folder.path().to_owned(), total - 1).trim().expect("trimmed");
    let left: Vec<String> = reader
        .cache()
        .entries()
        .expect("entries")
        .into_iter()
        .filter_map(|entry| entry.about)
        .map(|about| about.part)
        .collect();
    assert_eq!(left, ["a", "c"]);
    assert_eq!(reader.cache().clear().expect("cleared").0, 2);
    assert_eq!(reader.cache().entries().expect("entries"), []);
}

#[test]
fn ten_readers_at_once_agree() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected = ask(&Source::new("1"), "a").0;
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(ask(&cached(folder.path(), Source::new("1")), "a").0, expected);
                    let _ = Cache::new(folder.path().to_owned(), 1).trim();
                }
            });
        }
    });
    let half: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().starts_with(HALF))
        .collect();
    assert!(half.is_empty(), "{half:?}");
}

#[test]
fn the_secret_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::new(folder.path().to_owned(), 1);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| cache.unlock().expect("unlocked"));
        }
    });
    let secret = fs::read(folder.path().join("secret")).expect("a secret");
    assert_eq!(secret.len(), 32);
    cache.unlock().expect("unlocked");
    assert_eq!(fs::read(folder.path().join("secret")).expect("a secret"), secret);
    fs::write(folder.path().join("secret"), "short").expect("written");
    assert!(cache.unlock().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A damaged entry is as good as none, wherever the damage is.
    #[test]
    fn damage_is_noticed(at in any::<prop::sample::Index>(), bits in 1u8.., cut in any::<bool>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let reader = cached(folder.path(), Source::new("1"));
        let (expected, _) = ask(&reader, "a");
        let path = entry(folder.path());
        let mut bytes = fs::read(&path).expect("read");
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= bits }
        fs::write(&path, bytes).expect("written");
        let (batches, read) = ask(&reader, "a");
        prop_assert_eq!(batches, expected);
        prop_assert!(!read.cached);
        prop_assert!(ask(&reader, "a").1.cached);
    }

    /// Whatever bytes a batch is read from, nothing but a refusal comes of it.
    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut file = std::io::Cursor::new(bytes);
        let _ = format::check(&mut file);
        let _ = format::about(&mut file);
        let end = file.get_ref().len() as u64;
        let _ = format::read(&mut file, end, &mut |_| true);
    }
}
