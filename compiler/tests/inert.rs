//! Compiling is inert: whatever a huntflow or plan says, `kestrelc` reads the files it is given and
//! its configuration, writes what it was asked to write, and nothing else. A hostile corpus runs
//! under strace; every system call about networks, processes and files is looked at.
//!
//! Where strace cannot run the test says so and passes, unless `KESTREL_REQUIRE_STRACE` is set, as
//! `.ci/run` does.

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use kestrel_compiler::{Compilation, Config};
use kestrel_ir::wire;
use tempfile::TempDir;

/// A word that every path, host and command of the corpus holds: no system call may mention it.
const BAIT: &str = "b41t";

/// Huntflows that would reach out, run or write if anything of them were evaluated.
fn huntflows() -> Vec<String> {
    let mut hunts = Vec::new();
    let sources = [
        "https://b41t.example/bundle.json",
        "http://b41t.example:8080/x?y=z",
        "http://169.254.169.254/b41t/meta-data",
        "http://localhost:1/b41t",
        "'https://user:secret@b41t.example/'",
        "stixshifter://b41t,b41t2",
        "stixbundle://https://b41t.example/a.json",
        "stixbundle:///etc/b41t",
        "stixbundle://../../../../b41t.json",
        "file:///proc/self/b41t",
        "file://b41t/fifo",
        "'stixbundle://b41t/with blank.json'",
        "'file://$(touch b41t)'",
        "'file://`touch b41t`'",
        "'file://${HOME}/b41t'",
        "'file://~/b41t'",
        "'file:////host/share/b41t'",
        "'file://C:\\\\b41t\\\\x.json'",
        "b41t",
    ];
    for source in sources {
        hunts.push(format!("p = GET process FROM {source} WHERE pid = 4\nDISP p\n"));
    }
    let files = [
        "b41t/a.csv",
        "/tmp/b41t.csv",
        "/etc/b41t",
        "'/dev/b41t'",
        "'~/.ssh/b41t'",
        "'$HOME/.b41t'",
        "'${PATH}/b41t'",
        "'../b41t.parquet.gz'",
        "'b41t; touch b41t'",
        "'|touch b41t'",
        "file:///tmp/b41t.json",
        "'\\x00b41t'",
        "'b41t\\n/etc/b41t'",
    ];
    for file in files {
        hunts.push(format!("p = LOAD {file} AS process\nINFO p\n"));
        hunts.push(format!("p = NEW process ['cmd.exe']\nSAVE p TO {file}\n"));
    }
    let analytics = [
        "python://b41t",
        "docker://b41t/image:latest",
        "docker://b41t.example:5000/image@sha256:00",
        "'python://../../b41t'",
        "'python://$(touch b41t)'",
        "b41t",
        "'docker://-v/:/b41t'",
    ];
    for analytic in analytics {
        hunts.push(format!(
            "p = NEW process ['cmd.exe']\nAPPLY {analytic} ON p WITH cmd='touch b41t', x=p.name\nDISP p\n"
        ));
    }
    hunts.extend([
        // Patterns that would cost or harm if they were evaluated.
        "p = GET process FROM file://b41t WHERE name MATCHES '(a+)+(b+)+b41t$' AND name MATCHES r'^(.*)*b41t'\n".to_owned(),
        "p = GET process FROM file://b41t WHERE name = \"'; DROP TABLE b41t; --\"\nDISP p\n".to_owned(),
        "p = GET process FROM file://b41t WHERE name LIKE '%%%%%%%%%%%%b41t' LAST 90000 DAYS LIMIT 9223372036854775807\n".to_owned(),
        // Everything at once, and orders to the tools.
        "# kestrel: allow-file(all) b41t\nimport os; os.system('touch b41t')\n".to_owned(),
        "#!/bin/sh\ntouch b41t\n".to_owned(),
        "%%bash\ntouch b41t\n".to_owned(),
        "!touch b41t\n%run b41t.py\n".to_owned(),
        "p = GET process FROM https://b41t.example/a WHERE pid = 1\nSAVE p TO b41t.csv\nq = LOAD b41t.csv\nAPPLY docker://b41t ON q\nSAVE q TO b41t.csv\n".to_owned(),
        "\u{1b}]0;b41t\u{7}p = \u{202e}NEW process ['x']\u{1b}[31m DISP p\n".to_owned(),
        format!("p = NEW process ['{}']\nSAVE p TO b41t\n", "b41t".repeat(50_000)),
        format!("p = b41t WHERE {}pid = 1{}\n", "(".repeat(5_000), ")".repeat(5_000)),
        "EXPLAIN b41t INFO b41t DESCRIBE b41t.pid\nSAVE b41t TO b41t\n".to_owned(),
    ]);
    hunts
}

/// Plans that say the same, and damaged ones.
fn plans(hunts: &[String]) -> Vec<(String, Vec<u8>)> {
    let mut plans = Vec::new();
    for hunt in hunts {
        let mut compilation = Compilation::new(Config::default());
        if compilation.block("b41t.hf", hunt).has_errors() {
            continue;
        }
        let bytes = wire::to_bytes(compilation.plan()).unwrap();
        let json = wire::to_json(compilation.plan()).unwrap();
        match plans.len() % 5 {
            0 => plans.push(("kplan".to_owned(), bytes)),
            1 => plans.push(("json".to_owned(), json.into_bytes())),
            2 => plans.push(("kplan".to_owned(), bytes[..bytes.len() / 2].to_vec())),
            3 => {
                let mut damaged = bytes;
                let middle = damaged.len() / 2;
                damaged[middle] ^= 0x55;
                plans.push(("kplan".to_owned(), damaged));
            }
            _ => plans.push(("json".to_owned(), json.replace("process", "../b41t").into_bytes())),
        }
    }
    plans
}

/// Is there an strace that may trace?
fn strace_works(folder: &Path) -> Result<(), String> {
    let log = folder.join("trial");
    let trial = Command::new("strace")
        .args(["-f", "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_kestrelc"))
        .arg("--version")
        .output();
    match trial {
        Err(cause) => Err(format!("strace cannot be started: {cause}")),
        Ok(output) if !output.status.success() => {
            Err(format!("strace may not trace here: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Ok(_) => Ok(()),
    }
}

struct Shop {
    folder: TempDir,
    runs: usize,
    calls: usize,
}

impl Shop {
    /// Runs `kestrelc` and looks at its system calls. `written` may be written.
    fn run(&mut self, args: &[&str], written: &[&str], input: &[u8]) {
        let here = self.folder.path().canonicalize().unwrap();
        let log = here.join("calls.log");
        let mut child = Command::new("strace")
            .args([
                "-f",
                "-qq",
                "-s",
                "4096",
                "-e",
                "trace=network,process,file,kill,tkill,ptrace,bpf,io_uring_setup",
                "-o",
            ])
            .arg(&log)
            .arg(env!("CARGO_BIN_EXE_kestrelc"))
            .args(args)
            .current_dir(&here)
            .env("HOME", here.join("home"))
            .env_remove("XDG_CONFIG_HOME")
            // Cargo names folders there that only tests need.
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.code().is_some_and(|code| code <= 2), "{args:?}: {output:?}");
        let calls = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        let allowed: Vec<PathBuf> = written.iter().map(|name| here.join(name)).collect();
        let mut started = 0;
        for call in calls.lines() {
            self.calls += 1;
            if let Err(why) = judge(call, &here, &allowed, &mut started) {
                panic!("{why}: kestrelc {}\n{call}", args.join(" "));
            }
        }
        assert_eq!(started, 1, "the traced program was started once");
        self.runs += 1;
    }
}

/// Says why a system call is not one that was asked for.
fn judge(call: &str, here: &Path, written: &[PathBuf], started: &mut usize) -> Result<(), String> {
    // `12345 openat(AT_FDCWD, "…", O_RDONLY) = 3`, also cut in two by another thread.
    let call = call.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let Some((name, rest)) = call.split_once('(') else { return Ok(()) };
    // A thread that strace catches while it ends, between two calls, is written `???(`.
    if call.starts_with("<...") || call.starts_with("+++") || call.starts_with("---") || name == "???" {
        return Ok(());
    }
    // The bait is in the arguments of the program itself only as names of the corpus, which have none.
    if rest.contains(BAIT) {
        return Err("something that a hunt names was touched".to_owned());
    }
    let path = rest.split('"').nth(1).map(|path| here.join(path));
    let is_written = |path: &Option<PathBuf>| {
        path.as_ref().is_some_and(|path| {
            written.iter().any(|allowed| {
                // Written beside its place, then renamed.
                let name = allowed.file_name().unwrap().to_string_lossy();
                let half = path
                    .file_name()
                    .is_some_and(|file| file.to_string_lossy().starts_with(&format!(".{name}.")));
                path == allowed || (half && path.parent() == allowed.parent())
            })
        })
    };
    match name {
        "execve" => {
            *started += 1;
            if *started > 1 { Err("a program was started".to_owned()) } else { Ok(()) }
        }
        "clone" | "clone3" if rest.contains("CLONE_THREAD") => Ok(()),
        "clone" | "clone3" | "fork" | "vfork" | "execveat" => Err("a process was started".to_owned()),
        "exit" | "exit_group" | "wait4" | "waitid" => Ok(()),
        "arch_prctl" => Ok(()),
        "open" | "openat" | "openat2" | "creat" => {
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"]
                .iter()
                .any(|flag| rest.contains(flag));
            if name == "creat" || writes {
                return if is_written(&path) {
                    Ok(())
                } else {
                    Err("a file was opened for writing".to_owned())
                };
            }
            readable(path.as_deref(), here)
        }
        "access" | "faccessat" | "faccessat2" | "stat" | "lstat" | "newfstatat" | "statx" | "readlink"
        | "readlinkat" | "getcwd" | "statfs" | "fstatfs" | "fstat" => Ok(()),
        "rename" | "renameat" | "renameat2" | "chmod" | "fchmod" | "fchmodat" | "fchmodat2"
            if is_written(&path) =>
        {
            Ok(())
        }
        // The folder of a result is made if it is not there.
        "mkdir" | "mkdirat"
            if path.as_deref().is_some_and(|path| written.iter().any(|w| w.parent() == Some(path))) =>
        {
            Ok(())
        }
        other => Err(format!("`{other}` was called")),
    }
}

/// What may be read: the folder of the test, configuration above it, and what every program reads.
fn readable(path: Option<&Path>, here: &Path) -> Result<(), String> {
    let Some(path) = path else { return Err("a file without a name was opened".to_owned()) };
    let system = [
        "/etc/ld.so",
        "/lib",
        "/usr/lib",
        "/proc/self/",
        "/proc/stat",
        "/proc/sys/vm/",
        "/sys/fs/cgroup",
        "/sys/devices/system/cpu",
        "/dev/null",
    ];
    let fine = path.starts_with(here)
        || path
            .file_name()
            .is_some_and(|name| name == "kestrel.toml" || name == ".gitignore" || name == ".ignore")
        || system.iter().any(|start| path.to_string_lossy().starts_with(start));
    if fine { Ok(()) } else { Err(format!("`{}` was read", path.display())) }
}

#[test]
fn a_hostile_corpus_touches_nothing() {
    let folder = TempDir::new().unwrap();
    if let Err(why) = strace_works(folder.path()) {
        assert!(std::env::var_os("KESTREL_REQUIRE_STRACE").is_none(), "{why}");
        eprintln!("skipped: {why}");
        return;
    }
    let here = folder.path().to_owned();
    std::fs::create_dir_all(here.join("home/.config/kestrel")).unwrap();
    std::fs::write(
        here.join("kestrel.toml"),
        "[lint]\nextend_select = ['all']\n[analytics.python.b41t]\nmodule = '/b41t.py'\nfunc = 'run'\n",
    )
    .unwrap();
    let mut shop = Shop { folder, runs: 0, calls: 0 };

    let hunts = huntflows();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (index, hunt) in hunts.iter().enumerate() {
        let name = format!("hunt{index}.hf");
        std::fs::write(here.join(&name), hunt).unwrap();
        names.insert(name);
        if index % 10 == 0 {
            // The same as a cell of a notebook.
            let book = serde_json::json!({
                "cells": [{"cell_type": "code", "source": hunt, "metadata": {}, "outputs": []}],
                "metadata": {"kernelspec": {"name": "kestrel", "display_name": "Kestrel"}}, "nbformat": 4, "nbformat_minor": 5,
            });
            let name = format!("book{index}.ipynb");
            std::fs::write(here.join(&name), book.to_string()).unwrap();
            names.insert(name);
        }
    }
    let plans = plans(&hunts);
    assert!(
        hunts.len() + plans.len() >= 60 && plans.len() >= 20,
        "{} hunts, {} plans",
        hunts.len(),
        plans.len()
    );

    // All files at once: check in every format, fmt without writing, then with.
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let with = |first: &[&'static str]| -> Vec<String> {
        first.iter().map(|arg| (*arg).to_owned()).chain(all.iter().map(|name| (*name).to_owned())).collect()
    };
    for first in [
        &["check"][..],
        &["check", "--format", "json"],
        &["check", "--format", "sarif"],
        &["check", "--diff", "--unsafe-fixes"],
        &["fmt", "--check"],
        &["fmt", "--diff"],
    ] {
        let args = with(first);
        shop.run(&args.iter().map(String::as_str).collect::<Vec<_>>(), &[], b"");
    }
    shop.run(&["check", "."], &[], b"");
    for name in all.iter().filter(|name| name.ends_with(".hf")) {
        shop.run(&["plan", name], &[], b"");
        shop.run(&["build", name, "-o", "out/result.kplan"], &["out/result.kplan"], b"");
    }
    for (index, (suffix, bytes)) in plans.iter().enumerate() {
        let name = format!("plan{index}.{suffix}");
        std::fs::write(here.join(&name), bytes).unwrap();
        let formats: &[&str] =
            if index % 4 == 0 { &["text", "json", "dot", "svg", "html"] } else { &["text"] };
        for format in formats {
            shop.run(&["plan", &name, "--queries", "--format", format], &[], b"");
        }
        if index > 0 {
            shop.run(&["diff", "hunt0.hf", &name], &[], b"");
        }
    }
    shop.run(&["check", "-"], &[], hunts[0].as_bytes());
    shop.run(&["plan", "-"], &[], &plans[0].1);
    shop.run(&["lsp"], &[], &editor(&hunts));
    // Last, since they rewrite the corpus.
    let args = with(&["check", "--fix", "--unsafe-fixes"]);
    shop.run(&args.iter().map(String::as_str).collect::<Vec<_>>(), &all, b"");
    let args = with(&["fmt"]);
    shop.run(&args.iter().map(String::as_str).collect::<Vec<_>>(), &all, b"");
    eprintln!(
        "{} huntflows, {} plans, {} runs, {} system calls looked at",
        hunts.len(),
        plans.len(),
        shop.runs,
        shop.calls
    );
    assert!(shop.calls > 10 * shop.runs, "strace saw hardly anything");
}

/// A session of an editor with the corpus open.
fn editor(hunts: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut send = |message: serde_json::Value| {
        let content = message.to_string();
        bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n{content}", content.len()).as_bytes());
    };
    send(
        serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}),
    );
    for (index, hunt) in hunts.iter().enumerate().filter(|(_, hunt)| hunt.len() < 1000) {
        let uri = format!("untitled:hunt{index}");
        send(serde_json::json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {
            "textDocument": {"uri": uri, "languageId": "kestrel", "version": 1, "text": hunt}}}));
        let at = serde_json::json!({"textDocument": {"uri": uri}, "position": {"line": 0, "character": 8},
            "context": {"diagnostics": []}, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}});
        for method in ["hover", "definition", "codeAction", "documentSymbol", "formatting"] {
            send(
                serde_json::json!({"jsonrpc": "2.0", "id": format!("{index}{method}"), "method": format!("textDocument/{method}"), "params": at}),
            );
        }
    }
    send(serde_json::json!({"jsonrpc": "2.0", "id": 2, "method": "shutdown"}));
    send(serde_json::json!({"jsonrpc": "2.0", "method": "exit"}));
    bytes
}

#[test]
fn the_judge_is_strict() {
    let here = Path::new("/here");
    let written = [here.join("out.kplan")];
    let judged = |call: &str| judge(call, here, &written, &mut 0).is_ok();
    for fine in [
        r#"7 openat(AT_FDCWD, "hunt.hf", O_RDONLY|O_CLOEXEC) = 3"#,
        r#"7 openat(AT_FDCWD, "/here/.out.kplan.7", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 3"#,
        r#"7 rename("/here/.out.kplan.7", "/here/out.kplan") = 0"#,
        r#"7 clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 8"#,
        "7 exit_group(0) = ?",
    ] {
        assert!(judged(fine), "{fine}");
    }
    for wrong in [
        r#"7 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3"#,
        r#"7 openat(AT_FDCWD, "other", O_WRONLY|O_CREAT, 0666) = 3"#,
        r#"7 openat(AT_FDCWD, "b41t", O_RDONLY) = -1 ENOENT (No such file or directory)"#,
        r#"7 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3"#,
        r#"7 unlink("/here/hunt.hf") = 0"#,
        r#"7 clone3({flags=CLONE_VM|CLONE_VFORK}, 88) = 8"#,
        r#"7 statx(AT_FDCWD, "/x/b41t", 0, 0, 0) = 0"#,
        r#"7 mkdir("/elsewhere", 0777) = 0"#,
    ] {
        assert!(!judged(wrong), "{wrong}");
    }
}
