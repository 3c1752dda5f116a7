//! Input that is wrong: each gives a located message and the right exit code, and never a panic.

use crate::support::{kestrel_run, root, stderr, stdout};

/// Runs a hunt for processes over one source.
fn over(source: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let hunt = folder.path().join("hunt.hf");
    std::fs::write(&hunt, format!("p = GET process FROM '{source}' WHERE pid > 0\nDISP p ATTR name, pid\n"))
        .expect("written");
    let output = kestrel_run(&["--format", "json", hunt.to_str().expect("text")]);
    (output.status.code(), stdout(&output), stderr(&output))
}

#[test]
fn broken_bundles() {
    let mut seen = String::new();
    let folder = root().join("fixtures/bundles/broken");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("read").map(|entry| entry.expect("read").path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        let (code, out, err) = over(&format!("stixbundle://fixtures/bundles/broken/{name}"));
        assert!(!err.contains("panicked"), "{name}: {err}");
        let document: serde_json::Value = serde_json::from_str(&out).expect("a document in any case");
        let first = document["diagnostics"][0]["message"].as_str().unwrap_or("-").to_owned();
        let complete = &document["sources"][0]["complete"];
        seen.push_str(&format!("{name}: exit {}, complete {complete}: {first}\n", code.unwrap_or(-1)));
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn sources_that_are_not_there() {
    let (code, _, err) = over("stixbundle://no/such/bundle.json");
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("no/such/bundle.json") && err.contains("hunt.hf:1:"), "{err}");
    let (code, _, err) = over("telegraph://host9");
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = over("stixshifter://lab");
    assert_eq!(code, Some(3), "{err}");
}

#[test]
fn invalid_huntflows_are_refused_where_they_are_wrong() {
    for path in kestrel_fixtures::invalid_huntflows().expect("fixtures") {
        let text = std::fs::read_to_string(&path).expect("text");
        let output = kestrel_run(&["--format", "json", path.to_str().expect("text")]);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
        let found = document["diagnostics"].as_array().expect("a list");
        assert_eq!(output.status.code(), Some(2), "{}: {}", path.display(), stderr(&output));
        for mistake in kestrel_fixtures::expected_mistakes(&text) {
            let there = found.iter().any(|diagnostic| {
                diagnostic["category"] == mistake.category.as_str()
                    && diagnostic["line"] == mistake.line as u64
                    && diagnostic["column"] == mistake.column as u64
            });
            assert!(there, "{}: expected {mistake:?} among {found:#?}", path.display());
        }
    }
}

#[test]
fn a_where_on_an_attribute_that_no_record_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let hunt = folder.path().join("hunt.hf");
    let text = "p = GET process FROM stixbundle://fixtures/bundles/mini.json WHERE pid > 0\nq = p WHERE colour = 'red'\nDISP p ATTR pid\n";
    std::fs::write(&hunt, text).expect("written");
    let output = kestrel_run(&[hunt.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(2));
    let err = stderr(&output);
    assert!(err.contains("E0301") && err.contains("colour") && err.contains("hunt.hf:2:"), "{err}");
    // What was made before, and what does not depend on the failed step, is shown.
    assert!(stdout(&output).contains("pid"), "{}", stdout(&output));
}
