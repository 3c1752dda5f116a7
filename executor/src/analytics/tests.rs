//! Python analytics from request to answer, and hunts with them. They need an interpreter with
//! pandas and pyarrow, which `scripts/setup-python` makes; without one they say so and pass.
#![expect(clippy::disallowed_methods, reason = "tests look for an interpreter")]

mod containers;
mod figures;
mod interfaces;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use duckdb::arrow::{array::Array, util::display::array_value_to_string};

use kestrel_analytics::{PythonProfiles, python::Profile};

use super::{python::Python, sample};
use crate::{
    ops::{
        apply::{Analytics, AnalyticsError, AnalyticsRunner, Answer, Request},
        testing::Hunt,
    },
    results::DisplayResult,
    run::Cancel,
};

const MODULE: &str = r#"
import os, sys, time, datetime, decimal, subprocess
import pandas as pd

AT_IMPORT = os.environ.get("KEY", "unset")

class Shown:
    def to_html(self):
        return "<b>shown</b>"

def enrich(t):
    print("hello from the analytic")
    t["x_score"] = range(len(t))
    t["x_key"] = AT_IMPORT + " " + os.path.basename(os.getcwd())
    return t

def kinds(t):
    t["x_list"] = [[1, "é"], {"a": None}, {"b": float("nan")}]
    t["x_time"] = pd.to_datetime(["2026-01-01T00:00:00.5Z", None, "2026-01-01T02:00:00+02:00"], utc=True, format="ISO8601")
    t["x_naive"] = pd.to_datetime(["2026-01-01", None, "2026-01-02"])
    t["x_moment"] = pd.Series([datetime.datetime(2026, 1, 1, 1, 2, 3), datetime.date(2026, 1, 2), None], dtype=object)
    t["x_mixed"] = [1, "a", True]
    t["x_bool"] = [True, None, False]
    t["x_float"] = [1.5, float("nan"), float("inf")]
    t["x_int"] = pd.array([1, None, 3], dtype="Int64")
    t["x_big"] = [2**63, 1, 2]
    t["x_category"] = pd.Categorical(["a", None, "b"])
    t["x_bytes"] = [b"ab", b"\xff", None]
    t["x_surrogate"] = pd.Series(["\ud800", "b", None], dtype=object)
    t["x_decimal"] = [decimal.Decimal("1.5"), None, 2]
    t["x_na"] = [pd.NA, pd.NaT, None]
    return t

def given(t):
    return "; ".join("%s %s %s" % (name, t[name].dtype, list(t[name])) for name in ("name", "pid", "parent_ref.pid", "parent_ref.name")) + " " + str(t.index)

def only_display(t): return "<p>%d rows</p>" % len(t)
def both(t):
    t["x_new"] = 1
    return Shown(), t
def two(a, b):
    a["x_n"] = 1
    b["x_n"] = 2
    return b.assign(x_n=1), a
def fewer(t): return t.iloc[[2, 0]][["id", "type"]].assign(x_f=["third", "first"])
def empty(t): return t.iloc[0:0]
def fails(t): raise ValueError("bad \x1b[31m value")
def nothing(t): return None
def number(t): return 42
def series(t): return t["id"]
def displays(t): return "a", "b"
def tables(t): return t, t
def leaves(t): sys.exit(3)
def dies(t): os.kill(os.getpid(), 9)
def missing_library(t):
    import no_such_library.part
def eats(t): return "x" * len(bytearray(3 << 30))
def sleeps(t):
    subprocess.Popen(["sleep", "60"])
    time.sleep(60)
def prints(t):
    for n in range(200000): print("line", n)
    raise RuntimeError("after printing")
def broken_display(t):
    class Bad:
        def to_html(self): raise KeyError("nope")
    return Bad()
def forks(t):
    # Each child forks too: what is left of a fork bomb once somebody counts.
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.1)
def floods(t):
    for n in range(64):
        os.write(1, b"x" * (1 << 20))
    os.write(2, b"caf\xe9 \xff\x1b[31m\n")
    raise ValueError("after 64 MiB")
def not_text(t):
    t["x_bytes"] = [b"caf\xe9", b"ok", None]
    t["x_text"] = pd.Series(["caf\udce9", "ok", None], dtype=object)
    return t
def outside(t):
    with open(os.environ["KEY"], "w") as handle: handle.write("x")
    with open(os.path.join(os.environ["TMPDIR"], "left"), "w") as handle: handle.write("x")
    t["x_folder"] = os.environ["TMPDIR"]
    return t
def loops(t):
    while True: pass
def no_id(t): return t.drop(columns=["id"])
def strange(t): return t.assign(id=["a", "b", "c"])
def million(t):
    # Rows of one entity a million times: bounded by time, not by a crash.
    return pd.concat([t] * 350000, ignore_index=True)
def twice(t): return pd.concat([t, t[["name"]]], axis=1)
"#;

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

struct Bench {
    folder: tempfile::TempDir,
    interpreter: String,
}

impl Bench {
    fn new() -> Option<Self> {
        let interpreter = interpreter()?;
        let folder = tempfile::Builder::new().prefix("module").tempdir().expect("a folder");
        fs::create_dir(folder.path().join("home")).expect("made");
        fs::write(folder.path().join("home/mod.py"), MODULE).expect("written");
        Some(Bench { folder, interpreter })
    }

    fn profile(&self, function: &str) -> Profile {
        Profile {
            module: Some(self.folder.path().join("home/mod.py")),
            function: Some(function.to_owned()),
            interpreter: self.interpreter.clone(),
            configured_in: PathBuf::from("a.yaml"),
            ..Profile::default()
        }
    }

    fn python(&self, profiles: Vec<(&str, Profile)>) -> Python {
        let profiles = profiles.into_iter().map(|(name, profile)| (name.to_owned(), profile)).collect();
        Python(PythonProfiles { profiles, places: "`a.yaml`".to_owned() })
    }

    fn run(&self, profile: Profile, tables: usize) -> Result<Answer, AnalyticsError> {
        let table = sample::table("process").expect("a sample");
        let arguments = vec![("KEY".to_owned(), "secret".to_owned())];
        let request = Request { name: "it".to_owned(), tables: vec![table; tables], arguments };
        self.python(vec![("it", profile)]).run(&request, &Cancel::new())
    }

    fn call(&self, function: &str, tables: usize) -> Result<Answer, AnalyticsError> {
        self.run(self.profile(function), tables)
    }

    /// Failures without what differs between machines.
    fn failure(&self, result: Result<Answer, AnalyticsError>) -> String {
        let error = result.expect_err("a failure");
        let more = match &error {
            AnalyticsError::Failed { trace, .. } => trace.clone(),
            AnalyticsError::Invalid { help, .. } => help.clone(),
            _ => None,
        };
        let text = match more {
            Some(more) => format!("{error}\n{more}"),
            None => error.to_string(),
        };
        // Marks under the line came with Python 3.11.
        let is_mark = |line: &&str| line.trim().is_empty() || !line.trim().chars().all(|c| "^~".contains(c));
        let text = text.lines().filter(is_mark).collect::<Vec<_>>().join("\n");
        text.replace(&self.folder.path().display().to_string(), "FOLDER").replace(&self.interpreter, "PYTHON")
    }
}

fn columns(answer: &Answer, table: usize, prefix: &str) -> String {
    let table = &answer.tables[table];
    let mut out = String::new();
    for (field, array) in table.schema().fields().iter().zip(table.columns()) {
        if field.name().starts_with(prefix) {
            let values: Vec<String> = (0..array.len())
                .map(|row| {
                    if array.is_null(row) {
                        "-".to_owned()
                    } else {
                        array_value_to_string(array, row).expect("shown")
                    }
                })
                .collect();
            out.push_str(&format!("{} {}: {}\n", field.name(), field.data_type(), values.join(" | ")));
        }
    }
    out
}

fn html(answer: &Answer) -> &str {
    match &answer.display {
        Some(DisplayResult::Html(html)) => html,
        other => panic!("no display but {other:?}"),
    }
}

#[test]
fn parameters_working_folder_and_output() {
    let Some(bench) = Bench::new() else { return };
    let answer = bench.call("enrich", 1).expect("it works");
    insta::assert_snapshot!(columns(&answer, 0, "x_"));
    assert_eq!(answer.printed, "hello from the analytic");
    assert!(answer.display.is_none());
}

#[test]
fn what_an_analytic_gets() {
    let Some(bench) = Bench::new() else { return };
    let answer = bench.call("given", 1).expect("it works");
    insta::assert_snapshot!(html(&answer));
}

#[test]
fn values_of_all_kinds_come_back() {
    let Some(bench) = Bench::new() else { return };
    let answer = bench.call("kinds", 1).expect("it works");
    insta::assert_snapshot!(columns(&answer, 0, "x_"));
}

#[test]
fn displays_and_tables_in_every_combination() {
    let Some(bench) = Bench::new() else { return };
    let answer = bench.call("only_display", 1).expect("it works");
    assert_eq!((html(&answer), answer.tables.len()), ("<p>3 rows</p>", 0));
    let answer = bench.call("both", 1).expect("it works");
    assert_eq!((html(&answer), answer.tables.len()), ("<b>shown</b>", 1));
    let answer = bench.call("two", 2).expect("it works");
    assert_eq!(answer.tables.len(), 2);
    let answer = bench.call("empty", 1).expect("it works");
    assert_eq!(answer.tables[0].num_rows(), 0);
}

#[test]
fn failures_say_what_and_what_to_do() {
    let Some(bench) = Bench::new() else { return };
    let functions = [
        "fails",
        "nothing",
        "number",
        "series",
        "displays",
        "tables",
        "leaves",
        "dies",
        "missing_library",
        "broken_display",
        "no_such_function",
    ];
    let mut out = String::new();
    for function in functions {
        out.push_str(&format!("== {function}\n{}\n", bench.failure(bench.call(function, 1))));
    }
    out.push_str(&format!("== two of one\n{}\n", bench.failure(bench.call("two", 1))));
    let gone = Profile { module: Some(PathBuf::from("/nowhere/mod.py")), ..bench.profile("f") };
    out.push_str(&format!("== no module\n{}\n", bench.failure(bench.run(gone, 1))));
    let silent = Profile { function: None, ..bench.profile("f") };
    out.push_str(&format!("== no function\n{}\n", bench.failure(bench.run(silent, 1))));
    let strange = Profile { interpreter: "/nowhere/python".to_owned(), ..bench.profile("f") };
    let strange = bench.failure(bench.run(strange, 1));
    out.push_str(&format!("== no interpreter\n{strange}\n"));
    insta::assert_snapshot!(out);
}

#[test]
fn limits_of_time_memory_and_output() {
    let Some(bench) = Bench::new() else { return };
    let started = Instant::now();
    let slow = Profile { timeout: Some(Duration::from_secs(6)), ..bench.profile("sleeps") };
    let failure = bench.failure(bench.run(slow, 1));
    assert!(failure.contains("it was stopped after its time limit of 6s"), "{failure}");
    assert!(started.elapsed() < Duration::from_secs(30));
    let large = Profile { memory: Some(256 << 20), ..bench.profile("eats") };
    let failure = bench.failure(bench.run(large, 1));
    assert!(failure.contains("it ran out of memory"), "{failure}");
    let failure = bench.failure(bench.call("prints", 1));
    assert!(failure.contains("RuntimeError: after printing") && failure.contains("line 199999"), "{failure}");
    assert!(failure.len() < 10_000);
}

#[test]
fn a_fork_bomb_an_endless_loop_and_a_flood_end() {
    let Some(bench) = Bench::new() else { return };
    let started = Instant::now();
    let bomb =
        Profile { processes: Some(150), timeout: Some(Duration::from_secs(60)), ..bench.profile("forks") };
    let failure = bench.failure(bench.run(bomb, 1));
    assert!(failure.contains("it was stopped since it had more than 150 processes at a time"), "{failure}");
    let endless = Profile { timeout: Some(Duration::from_secs(4)), ..bench.profile("loops") };
    let failure = bench.failure(bench.run(endless, 1));
    assert!(failure.contains("it was stopped after its time limit of 4s"), "{failure}");
    assert!(failure.contains("raise `timeout` in its profile"), "{failure}");
    let failure = bench.failure(bench.call("floods", 1));
    assert!(failure.contains("ValueError: after 64 MiB"), "{failure}");
    // What is not UTF-8 is replaced, what a terminal would obey is written out.
    assert!(failure.contains("caf\u{fffd} \u{fffd}\\u001b[31m") && failure.len() < 12_000, "{failure}");
    assert!(started.elapsed() < Duration::from_secs(120));
}

#[test]
fn bytes_that_are_no_text_come_back_as_something() {
    let Some(bench) = Bench::new() else { return };
    let answer = bench.call("not_text", 1).expect("it works");
    insta::assert_snapshot!(columns(&answer, 0, "x_"));
}

/// Python analytics may do what the hunter may; what they leave in temporary files goes.
#[test]
fn writing_outside_is_possible_and_temporary_files_go() {
    let Some(bench) = Bench::new() else { return };
    let outside = bench.folder.path().join("outside");
    let table = sample::table("process").expect("a sample");
    let arguments = vec![("KEY".to_owned(), outside.display().to_string())];
    let request = Request { name: "it".to_owned(), tables: vec![table], arguments };
    let python = bench.python(vec![("it", bench.profile("outside"))]);
    let answer = python.run(&request, &Cancel::new()).expect("it works");
    assert!(outside.is_file());
    let folder = columns(&answer, 0, "x_folder");
    let folder = folder.split_once(": ").map(|(_, rest)| rest.split(" | ").next().unwrap_or_default());
    assert!(!Path::new(folder.expect("a folder")).exists());
}

#[test]
fn tables_that_fit_no_variable_are_located_errors() {
    let Some(bench) = Bench::new() else { return };
    let mut hunt = hunt(&bench, &["no_id", "strange", "series", "number"]);
    let text = format!(
        "{PROCESSES}a = p\nAPPLY no_id ON a\nb = p\nAPPLY strange ON b\nc = p\nAPPLY series ON c\nd = p\nAPPLY number ON d\n\
         DISP p ATTR name\n"
    );
    let results = hunt.run(&text);
    assert_eq!(results.exit_code(), 3);
    insta::assert_snapshot!(crate::ops::testing::shown(&results));
}

#[test]
fn a_million_rows_come_back() {
    let Some(bench) = Bench::new() else { return };
    let answer = bench.call("million", 1).expect("it works");
    assert_eq!(answer.tables[0].num_rows(), 1_050_000);
    let mut hunt = hunt(&bench, &["million"]);
    let shown = hunt.text(&format!("{PROCESSES}APPLY million ON p\nDISP p ATTR name\n"));
    assert_eq!(shown.trim_end(), "name\na.exe\nb.exe\nc.exe");
}

/// A hunt with the analytics of the test module.
fn hunt(bench: &Bench, functions: &[&str]) -> Hunt {
    let profiles = functions.iter().map(|function| (*function, bench.profile(function))).collect();
    let mut analytics = Analytics::default();
    analytics.add(Arc::new(bench.python(profiles)));
    Hunt::with(analytics)
}

const PROCESSES: &str = "p = NEW process [{\"name\": \"a.exe\", \"pid\": 1}, {\"name\": \"b.exe\", \"pid\": 2}, {\"name\": \"c.exe\", \"pid\": 3}]\n";

#[test]
fn hunts_go_on_with_what_analytics_say() {
    let Some(bench) = Bench::new() else { return };
    let mut hunt = hunt(&bench, &["enrich", "fewer", "empty", "two", "only_display"]);
    let text = format!(
        "{PROCESSES}APPLY python://enrich ON p WITH KEY=v\nold = p\nAPPLY fewer ON p\nAPPLY empty ON p\n\
         q = p WHERE x_f = 'first'\nDISP p ATTR name, x_score, x_key, x_f\nDISP q ATTR name, x_score\n\
         APPLY python://two ON p, q\nDISP q ATTR name, x_n\nAPPLY only_display ON p\n"
    );
    insta::assert_snapshot!(hunt.text(&text));
}

#[test]
fn a_failed_analytic_stops_what_needs_it_only() {
    let Some(bench) = Bench::new() else { return };
    let mut hunt = hunt(&bench, &["fails", "twice", "enrich"]);
    let text = format!(
        "{PROCESSES}x = p WHERE pid = 1\nAPPLY fails ON p\nAPPLY twice ON x\nAPPLY enirch ON p\nDISP x ATTR name\n"
    );
    let shown = hunt.text(&text);
    // The trace has lines of its own, and none of its characters is obeyed by a terminal.
    let (trace, lines): (Vec<&str>, Vec<&str>) = shown.lines().partition(|line| line.starts_with("        "));
    assert!(trace.last().is_some_and(|line| line.ends_with("ValueError: bad \\u001b[31m value")), "{shown}");
    assert!(trace.iter().any(|line| line.ends_with("in fails")) && !shown.contains('\u{1b}'), "{shown}");
    insta::assert_snapshot!(lines.join("\n"));
}
