//! `kestrel-run` as people and programs use it.

use kestrel_compiler::{Compilation, Config};
use kestrel_ir::{passes::Level, wire};

use crate::support::{kestrel_run, root, stderr, stdout};

/// Compiles a shipped huntflow as `kestrelc build` does.
fn plan_bytes(huntflow: &str) -> Vec<u8> {
    let text = std::fs::read(root().join(huntflow)).expect("a huntflow");
    let mut compilation = Compilation::new(Config::default());
    let compiled = compilation.block_bytes(huntflow, &text);
    assert!(!compiled.has_errors());
    wire::to_bytes(&compilation.optimized(Level::O2).expect("a plan")).expect("bytes")
}

#[test]
fn a_plan_gives_the_bytes_that_its_huntflow_gives() {
    let folder = tempfile::tempdir().expect("a folder");
    for huntflow in ["fixtures/huntflows/tracking.hf", "fixtures/huntflows/scheduled-tasks.hf"] {
        let plan = folder.path().join("hunt.kplan");
        std::fs::write(&plan, plan_bytes(huntflow)).expect("written");
        let direct = kestrel_run(&["--format", "json", "--rows", huntflow]);
        let planned = kestrel_run(&["--format", "json", "--rows", plan.to_str().expect("text")]);
        assert_eq!(direct.status.code(), Some(0), "{}", stderr(&direct));
        assert!(direct.stdout == planned.stdout, "{huntflow} and its plan differ");
        let jobs = kestrel_run(&["--format", "json", "--rows", "--jobs", "1", huntflow]);
        assert!(direct.stdout == jobs.stdout, "{huntflow} with one job differs");
    }
}

#[test]
fn json_is_one_document_with_the_promised_members() {
    let output = kestrel_run(&["--format", "json", "--rows", "fixtures/huntflows/get-and-disp.hf"]);
    let document: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("one document");
    assert_eq!(document["format_version"], 1);
    for member in ["variables", "displays", "sources", "diagnostics"] {
        assert!(!document[member].is_null(), "{member}");
    }
    let source = &document["sources"][0];
    for member in ["uri", "queries", "records", "complete", "seconds"] {
        assert!(!source[member].is_null(), "{member}");
    }
    assert!(source["error"].is_null());
}

#[test]
fn damaged_plans_are_refused_with_their_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = plan_bytes("fixtures/huntflows/get-and-disp.hf");
    let mut altered = whole.clone();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    let mut newer = whole.clone();
    newer[8] = 99;
    let cases: [(&str, &[u8], &str); 4] = [
        ("cut", &whole[..whole.len() / 2], "cut short"),
        ("altered", &altered, "checksum"),
        ("newer", &newer, "format version 99"),
        ("empty", &[], "cut short"),
    ];
    for (name, bytes, reason) in cases {
        let path = folder.path().join(format!("{name}.kplan"));
        std::fs::write(&path, bytes).expect("written");
        let output = kestrel_run(&[path.to_str().expect("text")]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains(reason), "{name}: {}", stderr(&output));
        assert!(stdout(&output).is_empty());
    }
}

#[test]
fn a_results_file_appears_completely_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("new/results.json");
    let path = target.to_str().expect("text");
    let output = kestrel_run(&["--format", "json", "-o", path, "fixtures/huntflows/get-and-disp.hf"]);
    assert_eq!(output.status.code(), Some(0));
    let left: Vec<_> = std::fs::read_dir(target.parent().expect("a folder")).expect("read").collect();
    assert_eq!(left.len(), 1, "only the results are left");
    serde_json::from_slice::<serde_json::Value>(&std::fs::read(&target).expect("results")).expect("JSON");
}

#[test]
fn several_files_are_one_hunt() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = folder.path().join("first.hf");
    let second = folder.path().join("second.hf");
    std::fs::write(&first, "p = NEW process [\"a.exe\"]\n").expect("written");
    std::fs::write(&second, "q = p\nDISP q ATTR name\n").expect("written");
    let output = kestrel_run(&[first.to_str().expect("text"), second.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("a.exe"));
}

#[test]
fn help_teaches_and_wrong_options_are_refused() {
    let help = kestrel_run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(stdout(&help).contains("Exit codes"));
    assert_eq!(kestrel_run(&["--nonsense", "x.hf"]).status.code(), Some(2));
    assert_eq!(kestrel_run(&["no-such-file.hf"]).status.code(), Some(2));
}
