//! The hunts of `docs/hunts`: their pages hold the huntflows, and the output that these really
//! give over Security-Datasets. The data is in the shared corpus, `../shared` or
//! `KESTREL_SHARED`; without it the second part says so and passes.
#![expect(clippy::print_stdout, reason = "tests say what they skip")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::root;

const HUNTS: [&str; 4] =
    ["lsass-memory-dump", "mshta-to-powershell", "remote-scheduled-task", "remote-service-query"];

fn huntflow(name: &str) -> PathBuf {
    root().join(format!("fixtures/huntflows/security-datasets/{name}.hf"))
}

/// Returns the blocks of a page between fences of this kind.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let fence = format!("\n```{kind}\n");
    let bodies = page.split(fence.as_str()).skip(1);
    bodies.filter_map(|rest| rest.split_once("\n```").map(|(body, _)| body.to_owned())).collect()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(format!("docs/hunts/{name}.md"))).expect("a page")
}

/// The folder that holds `data`, if it is here.
fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("KESTREL_SHARED").map(PathBuf::from);
    let shared = named.unwrap_or_else(|| root().join("../shared"));
    let corpus = shared.join("conformance");
    if corpus.join("data").is_dir() {
        return Some(corpus);
    }
    println!("skipped: no data in {}; set KESTREL_SHARED", corpus.display());
    None
}

#[test]
fn pages_hold_the_huntflows() {
    for name in HUNTS {
        let text = fs::read_to_string(huntflow(name)).expect("a huntflow");
        assert_eq!(blocks(&page(name), "kestrel").join("\n\n"), text.trim_end(), "{name}");
    }
    let listed = fs::read_dir(huntflow("x").parent().expect("a folder")).expect("readable").count();
    assert_eq!(listed, HUNTS.len(), "a huntflow without a page");
}

#[test]
fn pages_show_what_the_hunts_give() {
    let Some(corpus) = corpus() else { return };
    for name in HUNTS {
        let shown = run(&corpus, &huntflow(name));
        assert_eq!(blocks(&page(name), "text").join("\n\n"), shown, "{name}");
    }
}

/// Returns the displays of a hunt, without blanks at the ends of lines.
fn run(corpus: &Path, huntflow: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kestrel-run"))
        .arg(huntflow)
        .current_dir(corpus)
        .env_remove("KESTREL_PYTHON_ANALYTICS_CONFIG")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let displays = text.split_once("[SUMMARY]").map_or(text.as_str(), |(displays, _)| displays);
    displays.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
