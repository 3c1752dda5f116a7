//! `kestrel-run analytics`, and plans that are run where analytics have changed. They need an
//! interpreter with pandas and pyarrow, which `scripts/setup-python` makes.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests look for an interpreter and say so"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use kestrel_compiler::{Compilation, Config, config_file};
use kestrel_ir::{passes::Level, wire};

/// Returns an interpreter that has what analytics need.
fn interpreter() -> Option<String> {
    let named = std::env::var("KESTREL_PYTHON").ok();
    let cache = std::env::var("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|_| std::env::var("HOME").map(|home| Path::new(&home).join(".cache"))).ok()?;
    let made = cache.join("kestrel/python/bin/python");
    let found = named.or_else(|| made.is_file().then(|| made.display().to_string()));
    if found.is_none() {
        println!("skipped: no Python with pandas and pyarrow; scripts/setup-python makes one");
    }
    found
}

const MODULE: &str = r#"
def loud(t):
    print("\x1b[2J\x1b]0;title\x07hello\nsecond line")
    t["x_n"] = range(len(t))
    return t
def fails(t):
    raise ValueError("bad \x1b[31m value\nof two lines")
"#;

/// A folder with a module and its configuration.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Option<Self> {
        let interpreter = interpreter()?;
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place { folder };
        place.write("mod.py", MODULE);
        let profile =
            |name: &str| format!("[analytics.python.{name}]\nmodule = \"mod.py\"\nfunc = \"{name}\"\n");
        place.write(
            "kestrel.toml",
            &format!("[analytics]\ninterpreter = \"{interpreter}\"\n{}{}", profile("loud"), profile("fails")),
        );
        Some(place)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("written");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_kestrel-run"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("KESTREL_PYTHON_ANALYTICS_CONFIG")
            .output()
            .expect("the program starts")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn what_an_analytic_says_is_not_obeyed_by_the_terminal() {
    let Some(place) = Place::new() else { return };
    let output = place.run(&["analytics", "test", "loud"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.ends_with("it printed:\n\\u001b[2J\\u001b]0;title\\u0007hello\nsecond line\n"), "{said}");
    let output = place.run(&["analytics", "test", "fails"]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(!said.contains('\u{1b}') && said.contains("bad \\u001b[31m value"), "{said}");
    assert!(said.lines().any(|line| line.trim_start().starts_with("File ")), "{said}");
    let output = place.run(&["analytics", "test", "none"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("there is no analytic `none`"));
}

#[test]
fn a_trace_keeps_its_lines_in_every_form() {
    let Some(place) = Place::new() else { return };
    place.write(
        "hunt.hf",
        "p = NEW process ['a.exe']\nq = NEW process ['b.exe']\nAPPLY fails ON p\nDISP p\nDISP q\n",
    );
    let output = place.run(&["hunt.hf"]);
    assert_eq!(output.status.code(), Some(3));
    // The result that does not need it is there.
    assert!(text(&output.stdout).contains("b.exe"));
    let said = text(&output.stderr);
    assert!(said.contains("hunt.hf:3:1") || said.contains("hunt.hf:3"), "{said}");
    assert!(
        said.lines().any(|line| line.trim_start().starts_with("File ")) && !said.contains('\u{1b}'),
        "{said}"
    );
    let page = text(&place.run(&["--format", "html", "hunt.hf"]).stdout);
    let trace =
        page.split_once("<pre>").and_then(|(_, rest)| rest.split_once("</pre>")).map(|(trace, _)| trace);
    let trace = trace.expect("a trace");
    assert!(trace.lines().count() > 2 && trace.contains("bad \\u001b[31m value"), "{trace}");
}

#[test]
fn what_is_configured_is_listed_with_its_limits() {
    let Some(place) = Place::new() else { return };
    let said = text(&place.run(&["analytics"]).stdout);
    assert!(said.contains("python://loud\n") && said.contains("identity     blake3:"), "{said}");
    assert!(said.contains("limits       time none, memory none, processes 1000, sandbox none\n"), "{said}");
}

#[test]
fn a_plan_runs_only_the_code_that_was_reviewed() {
    let Some(place) = Place::new() else { return };
    let toml = place.folder.path().join("kestrel.toml");
    let nothing = |_: &str| None;
    let places = kestrel_executor::analytics::Places {
        toml: Some(&toml),
        base_dir: place.folder.path(),
        variable: &nothing,
    };
    let settings = kestrel_executor::analytics::Settings::read(&places).expect("right");
    let mut analytics = config_file::analytics(&settings);
    config_file::identify(&settings, &mut analytics);
    let config = Config { analytics, ..Config::default() };
    let mut compilation = Compilation::new(config);
    let compiled =
        compilation.block("hunt.hf", "p = NEW process ['a.exe']\nAPPLY loud ON p\nDISP p ATTR name, x_n\n");
    assert!(!compiled.has_errors());
    let plan = wire::to_bytes(&compilation.optimized(Level::O2).expect("a plan")).expect("bytes");
    fs::write(place.folder.path().join("hunt.kplan"), plan).expect("written");
    let output = place.run(&["hunt.kplan"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    place.write("mod.py", &MODULE.replace("hello", "something else"));
    let output = place.run(&["hunt.kplan"]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("its code is not `blake3:") && said.contains("which the plan names"), "{said}");
    // Code as reviewed, but more processes than the reviewers saw.
    place.write("mod.py", MODULE);
    let more = fs::read_to_string(&toml)
        .expect("readable")
        .replace("func = \"loud\"", "func = \"loud\"\nprocesses = 5000");
    place.write("kestrel.toml", &more);
    let output = place.run(&["hunt.kplan"]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("here it gets processes 5000, which the plan does not say"), "{said}");
}
