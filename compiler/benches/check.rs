//! Times of checking, formatting and building: a whole process over ten statements, and growth
//! over up to 100,000 statements, right ones and wrong ones; and what an editor waits for at 2,000
//! statements. Prints a table; `--test` only runs.
//!
//! Times are processor time of the thread where the system tells it (Linux), so that other work
//! on the machine counts little; whole processes and round trips of the language server are clock
//! time.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a bench prints and may fail")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kestrel_compiler::editor::{Analysis, Place, complete};
use kestrel_compiler::hunt::Hunt;
use kestrel_compiler::lints::{self, Selection};
use kestrel_compiler::report::FileReport;
use kestrel_compiler::{Compilation, Config, document::Document, format};
use kestrel_ir::passes::Level;
use serde_json::{Value, json};

/// A hunt of `n` statements as people write them: fetch, follow, filter, show.
fn right(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n.div_ceil(5) {
        let _ = write!(
            text,
            "p{i} = GET process FROM stixbundle://data/day{i}.json WHERE name = 'powershell.exe' AND pid > {i} # step\n\
             n{i} = FIND network-traffic CREATED BY p{i}\n\
             q{i} = p{i} WHERE command_line LIKE '%-enc%' OR parent_ref.name IN ('winword.exe', 'excel.exe')\n\
             DISP n{i} ATTR dst_ref.value, dst_port\n\
             DISP q{i} ATTR name, pid, command_line SORT BY pid ASC LIMIT 10\n"
        );
    }
    text
}

/// The same with a mistake in every statement: syntax, names, attributes, lints.
fn wrong(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n.div_ceil(5) {
        let _ = write!(
            text,
            "p{i} = GET proces FROM stixbundle://data/a.json WHERE nmae == 'x' AND pid = 'x{i}' LIMIT 3\n\
             n{i} = FIND network-traffic CREATED_BY pp{i}\n\
             q{i} = p{i} WHERE command_line LIKE\n\
             DISP unknown{i} ATTR dst_ref.value, dst_port\n\
             DISP p{i} ATTR nmae SORT BY pdi LIMIT many # kestrel: allow(W1305) x\n"
        );
    }
    text
}

fn check(text: &str) {
    let config = Config::default();
    let document = Document::read("hunt.hf", text.as_bytes());
    let hunt = document.examine(&config);
    let found = lints::check(&hunt, &config, &Selection::default(), None);
    let report = FileReport::new("hunt.hf", &document, &hunt, found, Some(Default::default()));
    std::hint::black_box(report);
}

fn build(text: &str) {
    let mut compilation = Compilation::new(Config::default());
    assert!(!compilation.block("hunt.hf", text).has_errors());
    let plan = compilation.optimized(Level::O2).unwrap();
    std::hint::black_box(kestrel_ir::wire::to_bytes(&plan).unwrap());
}

/// The fastest of some runs, which other work on the machine disturbs least.
fn best(runs: usize, mut work: impl FnMut()) -> Duration {
    (0..runs).map(|_| timed(&mut work)).min().unwrap()
}

/// Processor time of a work, or clock time where that is not known.
fn timed(work: impl FnOnce()) -> Duration {
    let (start, before) = (Instant::now(), processor_time());
    work();
    match (before, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => start.elapsed(),
    }
}

/// Time that this thread has run.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Clock time, for processes.
fn clock(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The value that a share of some times does not exceed.
fn share(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    times[((times.len() as f64 * share).ceil() as usize).clamp(1, times.len()) - 1]
}

/// What an editor waits for when a line is typed into 2,000 statements: completion after each key,
/// while the examination is as old as the line; and a whole examination with lints.
fn editor(smoke: bool) {
    let (n, rounds) = if smoke { (100, 2) } else { (2_000, 40) };
    let text = right(n);
    let line = "\nr = GET process FROM p7 WHERE parent_ref.name = 'cmd.exe' AND pid = p8.pid AND command_line LIKE '%x%' LIMIT 5";
    let analysis = Analysis::new([text.as_str()], Config::default());
    let surroundings = complete::Surroundings::default();
    let mut times = Vec::new();
    // In the middle, where statements follow, and at the end.
    let middle = text[..text.len() / 2].rfind('\n').unwrap();
    for round in 0..rounds {
        let at = if round % 2 == 0 { middle } else { text.trim_end().len() };
        for typed in 1..=line.len() {
            let mut now = text.clone();
            now.insert_str(at, &line[..typed]);
            let place = Place { block: 0, offset: at + typed };
            times.push(timed(|| {
                drop(std::hint::black_box(complete::complete(&analysis, place, &now, &surroundings)));
            }));
        }
    }
    let count = times.len();
    for (name, part) in [("half", 0.5), ("99 %", 0.99), ("all", 1.0)] {
        println!(
            "| completion at {n} statements, {name} of {count} within | {n} | {:.2?} | | |",
            share(&mut times, part)
        );
    }
    let examined = best(if smoke { 1 } else { 20 }, || {
        let analysis = Analysis::new([text.as_str()], Config::default());
        drop(std::hint::black_box(lints::check(
            &analysis.hunt,
            &analysis.config,
            &Selection::default(),
            None,
        )));
    });
    println!("| diagnostics at {n} statements | {n} | {examined:.2?} | | |");
}

/// The same through the real server: each key is a change and a question.
fn server(smoke: bool) {
    let (n, rounds) = if smoke { (100, 1) } else { (2_000, 5) };
    let text = right(n);
    let line = "r = GET process FROM p7 WHERE parent_ref.name = 'cmd.exe' AND pid = p8.pid AND command_line LIKE '%x%'";
    let mut child = Command::new(env!("CARGO_BIN_EXE_kestrelc"))
        .arg("lsp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut send = move |message: Value| {
        let content = message.to_string();
        write!(stdin, "Content-Length: {}\r\n\r\n{content}", content.len()).unwrap();
        stdin.flush().unwrap();
    };
    let mut wait = move |wanted: &dyn Fn(&Value) -> bool| loop {
        let mut length = 0;
        loop {
            let mut header = String::new();
            stdout.read_line(&mut header).unwrap();
            match header.trim_end().split_once(": ") {
                Some((_, value)) => length = value.parse().unwrap(),
                None => break,
            }
        }
        let mut content = vec![0; length];
        stdout.read_exact(&mut content).unwrap();
        let message: Value = serde_json::from_slice(&content).unwrap();
        if wanted(&message) {
            break;
        }
    };
    let uri = "untitled:bench";
    send(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}));
    wait(&|message| message["id"] == 0);
    send(json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {
        "textDocument": {"uri": uri, "languageId": "kestrel", "version": 1, "text": text}}}));
    let published = |version: i64| {
        move |message: &Value| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["version"] == version
        }
    };
    wait(&published(1));
    let last = u32::try_from(text.lines().count()).unwrap();
    let (mut keys, mut pauses) = (Vec::new(), Vec::new());
    let mut version = 1;
    for _ in 0..rounds {
        for (column, key) in line.chars().enumerate() {
            version += 1;
            let at = json!({"line": last, "character": column});
            let behind = json!({"line": last, "character": column + 1});
            keys.push(clock(|| {
                send(json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
                    "textDocument": {"uri": uri, "version": version},
                    "contentChanges": [{"range": {"start": at, "end": at}, "text": key.to_string()}]}}));
                send(
                    json!({"jsonrpc": "2.0", "id": version, "method": "textDocument/completion", "params": {
                    "textDocument": {"uri": uri}, "position": behind}}),
                );
                wait(&|message| message["id"] == version);
            }));
        }
        pauses.push(clock(|| wait(&published(version))));
        version += 1;
        let (start, end) =
            (json!({"line": last, "character": 0}), json!({"line": last, "character": line.len()}));
        send(json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
            "textDocument": {"uri": uri, "version": version},
            "contentChanges": [{"range": {"start": start, "end": end}, "text": ""}]}}));
        wait(&published(version));
    }
    let count = keys.len();
    for (name, part) in [("half", 0.5), ("99 %", 0.99)] {
        println!(
            "| server: key and completion, {name} of {count} within | {n} | {:.2?} | | |",
            share(&mut keys, part)
        );
    }
    println!(
        "| server: diagnostics after the last key, its pause of 80 ms included | {n} | {:.2?} | | |",
        share(&mut pauses, 0.5)
    );
    send(json!({"jsonrpc": "2.0", "id": -1, "method": "shutdown"}));
    wait(&|message| message["id"] == -1);
    send(json!({"jsonrpc": "2.0", "method": "exit"}));
    assert!(child.wait().unwrap().success());
}

#[expect(clippy::type_complexity, reason = "a table of works")]
fn main() {
    let smoke = std::env::args().any(|arg| arg == "--test");
    let sizes: &[usize] = if smoke { &[100] } else { &[1_000, 10_000, 50_000] };
    println!("| work | statements | time | lines/s | t(2n)/t(n) |\n|---|---|---|---|---|");
    let works: [(&str, fn(usize) -> String, &dyn Fn(&str)); 5] = [
        ("resolve", right, &|text| drop(std::hint::black_box(Hunt::of_text(text, &Config::default())))),
        ("check", right, &check),
        ("check, all wrong", wrong, &check),
        ("format", right, &|text| drop(std::hint::black_box(format::format(text)))),
        ("build", right, &build),
    ];
    for (name, make, work) in works {
        for n in sizes {
            let runs = if *n >= 10_000 { 5 } else { 10 };
            let (once, twice) = (make(*n), make(2 * n));
            let (small, large) = (best(runs, || work(&once)), best(runs, || work(&twice)));
            for (n, time, text) in [(*n, small, &once), (2 * n, large, &twice)] {
                let rate = text.lines().count() as f64 / time.as_secs_f64();
                let growth = if n == once.lines().count() {
                    String::new()
                } else {
                    format!("{:.2}", large.as_secs_f64() / small.as_secs_f64())
                };
                println!("| {name} | {n} | {time:.2?} | {rate:.0} | {growth} |");
            }
        }
    }
    let file = std::env::temp_dir().join(format!("kestrelc-bench-{}.hf", std::process::id()));
    std::fs::write(&file, right(10)).unwrap();
    let binary = env!("CARGO_BIN_EXE_kestrelc");
    let runs = if smoke { 1 } else { 100 };
    let whole = (0..runs).map(|_| {
        clock(|| {
            let output = Command::new(binary).arg("check").arg(&file).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        })
    });
    let mut whole: Vec<Duration> = whole.collect();
    let _ = std::fs::remove_file(&file);
    println!("| whole process, check, fastest of {runs} | 10 | {:.2?} | | |", share(&mut whole, 0.0));
    println!("| whole process, check, half of {runs} within | 10 | {:.2?} | | |", share(&mut whole, 0.5));
    editor(smoke);
    server(smoke);
    println!("\nkestrelc has {} KiB", std::fs::metadata(binary).unwrap().len() >> 10);
}
