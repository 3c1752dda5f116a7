//! The test vectors of the language: what must parse, and where the others must fail.

use kestrel_compiler::parse;
use kestrel_ir::diagnostic::{LineIndex, SourceId};
use std::path::{Path, PathBuf};

const ACCEPT: &str = include_str!("vectors/accept.txt");
const REJECT: &str = include_str!("vectors/reject.txt");

struct Vector {
    id: String,
    at: Option<String>,
    why: String,
    text: String,
}

/// Blocks between lines of `---`; lines starting with `#@` are metadata.
fn read(file: &str) -> Vec<Vector> {
    file.split("\n---\n")
        .skip(1)
        .map(|block| {
            let block = block.strip_suffix("\n---").unwrap_or(block).trim_end_matches('\n');
            let meta = |key: &str| {
                let prefix = format!("#@ {key}: ");
                block.lines().find_map(|line| line.strip_prefix(prefix.as_str())).map(str::to_owned)
            };
            let text: Vec<&str> = block.split('\n').filter(|line| !line.starts_with("#@")).collect();
            Vector {
                id: meta("id").unwrap_or_default(),
                at: meta("at"),
                why: meta("why").unwrap_or_default(),
                text: text.join("\n"),
            }
        })
        .filter(|vector| !vector.id.is_empty())
        .collect()
}

/// Returns the first error as `line:column: message`.
fn first_error(text: &str) -> Option<String> {
    let parsed = parse(text, SourceId(0));
    let error = parsed.diagnostics.iter().find(|diagnostic| diagnostic.is_error())?;
    let start = error.span.map_or(0, |span| span.start as usize);
    let position = LineIndex::new(text).position(text, start);
    let help = error.help.as_deref().map(|help| format!(" ({help})")).unwrap_or_default();
    Some(format!("{}:{}: {} {}{help}", position.line, position.column, error.code, error.message))
}

fn check(accept: &str, reject: &str) {
    let accepted = read(accept);
    let rejected = read(reject);
    assert!(
        accepted.len() >= 97 && rejected.len() >= 91,
        "{} and {} vectors",
        accepted.len(),
        rejected.len()
    );
    let mut wrong = Vec::new();
    for vector in &accepted {
        if let Some(error) = first_error(&vector.text) {
            wrong.push(format!("{} must parse: {}\n    {error}", vector.id, vector.text));
        }
    }
    for vector in &rejected {
        let at = vector.at.as_deref().unwrap();
        let error = first_error(&vector.text).unwrap_or_else(|| "accepted".to_owned());
        if !error.starts_with(&format!("{at}: ")) {
            wrong.push(format!(
                "{} must fail at {at} ({}): {}\n    {error}",
                vector.id, vector.why, vector.text
            ));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn vectors_of_the_language() {
    check(ACCEPT, REJECT);
}

#[test]
fn one_mistake_gives_one_diagnostic() {
    let wrong: Vec<String> = read(REJECT)
        .iter()
        .filter_map(|vector| {
            let errors = parse(&vector.text, SourceId(0)).diagnostics.len();
            (errors != 1).then(|| format!("{}: {errors} for {}", vector.id, vector.text))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn messages_of_rejected_vectors() {
    let messages: Vec<String> = read(REJECT)
        .iter()
        .map(|vector| {
            format!(
                "{} {}\n  {}",
                vector.id,
                vector.text.replace('\n', "⏎"),
                first_error(&vector.text).unwrap_or_default()
            )
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

/// The shared corpus, when it lies beside this repository.
fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("KESTREL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no shared corpus at {}", path.display());
    None
}

#[test]
fn shared_vectors() {
    let Some(shared) = shared() else { return };
    let read = |name: &str| std::fs::read_to_string(shared.join("spec/vectors").join(name));
    let (Ok(accept), Ok(reject)) = (read("accept.txt"), read("reject.txt")) else { return };
    check(&accept, &reject);
}

#[test]
fn conformance_cases() {
    let Some(shared) = shared() else { return };
    let Ok(folder) = std::fs::read_dir(shared.join("conformance/cases")) else { return };
    let mut wrong = Vec::new();
    for case in folder.flatten() {
        let name = case.file_name().to_string_lossy().into_owned();
        let Ok(hunt) = std::fs::read_to_string(case.path().join("hunt.hf")) else { continue };
        let expected = std::fs::read_to_string(case.path().join("expected.json")).unwrap_or_default();
        let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        let error = &expected["error"];
        let category = error["category"].as_str().unwrap_or_default();
        let ours = name.starts_with("error-syntax-") || category == "syntax" || category == "invalid-pattern";
        let parsed = parse(&hunt, SourceId(0));
        let found = parsed.diagnostics.iter().find(|diagnostic| diagnostic.is_error());
        match found {
            None if name.starts_with("error-syntax-") => wrong.push(format!("{name}: accepted")),
            None => {}
            Some(found) => {
                let span = found.span.unwrap();
                let at = LineIndex::new(&hunt).position(&hunt, span.start as usize);
                let fits = ours
                    && found.category().as_str() == category
                    && error["line"].as_u64().is_none_or(|line| line == u64::from(at.line))
                    && error["column"].as_u64().is_none_or(|column| column == u64::from(at.column))
                    && error["mentions"].as_array().is_none_or(|words| {
                        words.iter().all(|word| found.message.contains(word.as_str().unwrap()))
                    });
                if !fits {
                    wrong.push(format!(
                        "{name}: {}:{} {} {}",
                        at.line,
                        at.column,
                        found.category().as_str(),
                        found.message
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
