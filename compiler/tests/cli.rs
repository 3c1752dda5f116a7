//! The real binary: commands, options, exit codes, files that change and files that must not.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder to run in.
pub struct Shop {
    folder: TempDir,
}

impl Shop {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let shop = Shop { folder: TempDir::new().unwrap() };
        for (name, content) in files {
            shop.write(name, content.as_bytes());
        }
        shop
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Output {
        use std::io::Write;
        let mut child = Command::new(env!("CARGO_BIN_EXE_kestrelc"))
            .args(args)
            .current_dir(self.path())
            .env("XDG_CONFIG_HOME", self.path().join("no-such-folder"))
            .env_remove("KESTREL_PYTHON_ANALYTICS_CONFIG")
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
        output
    }

    /// Runs and shows exit code, standard output and standard error.
    pub fn show(&self, args: &[&str]) -> String {
        show(&self.run_with(args, b""))
    }
}

pub fn show(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut text =
        format!("exit {}\n", output.status.code().map_or("by signal".to_owned(), |c| c.to_string()));
    for (name, content) in [("out", out), ("err", err)] {
        for line in content.lines() {
            text.push_str(&format!("{name}: {line}\n"));
        }
    }
    text
}

const HUNT: &str = "p = GET process FROM stixbundle://a.json WHERE [name == 'cmd.exe']\nDISP p ATTR name\n";

#[test]
fn check_reports_and_exits() {
    let shop = Shop::new(&[
        ("clean.hf", "p = GET process FROM stixbundle://a.json WHERE pid = 4\nDISP p\n"),
        ("lint.hf", HUNT),
        ("wrong.hf", "DISP nothing\n"),
    ]);
    insta::assert_snapshot!(shop.show(&["check", "clean.hf"]), @r"
    exit 0
    err: 1 huntflow checked, nothing found
    ");
    insta::assert_snapshot!(shop.show(&["check", "lint.hf", "wrong.hf"]));
    insta::assert_snapshot!(shop.show(&["check", "--statistics", "."]));
    insta::assert_snapshot!(shop.show(&["check", "--ignore", "W15", "lint.hf"]));
    insta::assert_snapshot!(shop.show(&["check", "--select", "W1310", "lint.hf"]));
    insta::assert_snapshot!(shop.show(&["check", "missing.hf", "clean.hf"]));
    insta::assert_snapshot!(shop.show(&["check", "--select", "unusd-variable", "clean.hf"]));
    insta::assert_snapshot!(show(
        &shop.run_with(&["check", "-", "--stdin-filename", "in.hf", "--format", "jsonl"], b"DISP x")
    ));
}

#[test]
fn folders_leave_out_what_git_ignores() {
    let shop = Shop::new(&[
        ("b/two.hf", "DISP b\n"),
        ("a/one.hf", "DISP a\n"),
        ("drafts/no.hf", "DISP no\n"),
        (".gitignore", "drafts/\n"),
        ("vendor/no.hf", "DISP no\n"),
        ("kestrel.toml", "[lint]\nexclude = ['vendor']\n"),
        (".hidden/no.hf", "DISP no\n"),
        ("other.txt", "DISP no\n"),
        ("empty/readme.md", ""),
    ]);
    insta::assert_snapshot!(shop.show(&["check", "--format", "github", "."]));
    insta::assert_snapshot!(shop.show(&["check", "empty"]));
}

#[test]
fn fix_and_diff() {
    let shop = Shop::new(&[("hunt.hf", HUNT)]);
    insta::assert_snapshot!(shop.show(&["check", "--diff", "hunt.hf"]));
    assert_eq!(shop.read("hunt.hf"), HUNT);
    insta::assert_snapshot!(shop.show(&["check", "--fix", "hunt.hf"]), @r"
    exit 0
    err: 1 huntflow checked, nothing found; 2 repaired
    ");
    assert_eq!(
        shop.read("hunt.hf"),
        "p = GET process FROM stixbundle://a.json WHERE name = 'cmd.exe'\nDISP p ATTR name\n"
    );
    let unsafe_one = "p = GET process FROM stixbundle://a.json WHERE comand_line = NULL\nDISP p\n";
    shop.write("u.hf", unsafe_one.as_bytes());
    assert!(shop.show(&["check", "--fix", "u.hf"]).starts_with("exit 1"));
    assert_eq!(shop.read("u.hf"), unsafe_one);
    assert!(shop.show(&["check", "--fix", "--unsafe-fixes", "u.hf"]).starts_with("exit 0"));
    assert_eq!(
        shop.read("u.hf"),
        "p = GET process FROM stixbundle://a.json WHERE command_line IS NULL\nDISP p\n"
    );
    insta::assert_snapshot!(show(&shop.run_with(&["check", "--fix", "-"], HUNT.as_bytes())), @r"
    exit 0
    out: p = GET process FROM stixbundle://a.json WHERE name = 'cmd.exe'
    out: DISP p ATTR name
    err: 1 huntflow checked, nothing found; 2 repaired
    ");
}

const BOOK: &str = r##"{
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": ["# Hunt"]},
  {"cell_type": "code", "execution_count": 3, "metadata": {}, "outputs": [],
   "source": [
    "p = get process from stixbundle://a.json\n",
    "    where name == 'cmd.exe'   # Zoë"
   ]},
  {"cell_type": "code", "source": "%%bash\nrm -rf x"},
  {"cell_type": "code", "source": ["DISP p ATTR nam\n", "DISP q"]}
 ],
 "metadata": {"kernelspec": {"display_name": "Kestrel", "language": "kestrel", "name": "kestrel"}},
 "nbformat": 4, "nbformat_minor": 5
}
"##;

#[test]
fn notebooks() {
    let shop = Shop::new(&[("hunt.ipynb", BOOK)]);
    insta::assert_snapshot!(shop.show(&["check", "hunt.ipynb"]));
    insta::assert_snapshot!(shop.show(&["check", "--format", "github", "hunt.ipynb"]));
    assert!(shop.show(&["check", "--fix", "hunt.ipynb"]).starts_with("exit 1"));
    assert_eq!(shop.read("hunt.ipynb"), BOOK.replace("name == 'cmd.exe'", "name = 'cmd.exe'"));
    let json = shop.run_with(&["check", "--format", "json", "hunt.ipynb"], b"").stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json[0]["cell"], &json[0]["line"]), (&4.into(), &1.into()), "{json}");
    insta::assert_snapshot!(shop.show(&["fmt", "hunt.ipynb"]), @r"
    exit 0
    err: formatted `hunt.ipynb`
    ");
    let formatted = BOOK.replace(
        "p = get process from stixbundle://a.json\\n\",\n    \"    where name == 'cmd.exe'   # Zoë",
        "p = GET process FROM stixbundle://a.json WHERE name = 'cmd.exe'  # Zoë",
    );
    assert_eq!(shop.read("hunt.ipynb"), formatted);
    assert!(shop.show(&["fmt", "--check", "hunt.ipynb"]).starts_with("exit 0"));
    shop.write("broken.ipynb", b"{\"cells\": [\n  {]\n");
    insta::assert_snapshot!(shop.show(&["check", "broken.ipynb"]));
    assert!(shop.show(&["fmt", "broken.ipynb"]).starts_with("exit 2"));
}

#[test]
fn fmt() {
    let ugly = "x=get process from lab where pid=4 # four\n\n\ndisp x";
    let shop = Shop::new(&[("a.hf", ugly), ("wrong.hf", "x = \n")]);
    insta::assert_snapshot!(shop.show(&["fmt", "--check", "a.hf"]), @r"
    exit 1
    out: a.hf
    ");
    insta::assert_snapshot!(shop.show(&["fmt", "--diff", "a.hf"]));
    assert_eq!(shop.read("a.hf"), ugly);
    insta::assert_snapshot!(shop.show(&["fmt", "a.hf"]), @r"
    exit 0
    err: formatted `a.hf`
    ");
    insta::assert_snapshot!(shop.show(&["fmt", "a.hf"]), @"exit 0");
    insta::assert_snapshot!(shop.read("a.hf"), @r"
    x = GET process FROM lab WHERE pid = 4  # four

    DISP x
    ");
    insta::assert_snapshot!(shop.show(&["fmt", "wrong.hf"]));
    assert_eq!(shop.read("wrong.hf"), "x = \n");
    insta::assert_snapshot!(show(&shop.run_with(&["fmt", "-"], b"x=y")), @r"
    exit 0
    out: x = y
    ");
    insta::assert_snapshot!(show(&shop.run_with(&["fmt", "--range", "4:5", "-"], b"a=b\nx=y\n")), @r"
    exit 0
    out: a=b
    out: x = y
    ");
}

#[test]
fn plans_stay_the_same_when_fixtures_are_formatted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/huntflows");
    let plan = |text: &str| {
        let mut compilation = kestrel_compiler::Compilation::default();
        let compiled = compilation.block("hunt.hf", text);
        assert!(!compiled.has_errors(), "{text}\n{:?}", compiled.diagnostics);
        kestrel_ir::text::write(compilation.plan())
    };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|suffix| suffix == "hf") {
            let text = std::fs::read_to_string(&path).unwrap();
            let formatted = kestrel_compiler::format::format(&text).unwrap();
            assert_eq!(plan(&text), plan(&formatted), "{}", path.display());
            assert_eq!(
                kestrel_compiler::format::format(&formatted).unwrap(),
                formatted,
                "{}",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count > 20);
}

#[test]
fn configuration_and_baseline() {
    let shop = Shop::new(&[
        (
            "kestrel.toml",
            "[lint]\nignore = ['older-spelling']\n[[lint.override]]\npaths = ['strict/**']\nextend_select = ['W1501', 'missing-header']\n",
        ),
        ("hunt.hf", HUNT),
        ("strict/hunt.hf", HUNT),
    ]);
    assert!(shop.show(&["check", "hunt.hf"]).starts_with("exit 0"));
    insta::assert_snapshot!(shop.show(&["check", "--statistics", "strict"]));
    insta::assert_snapshot!(shop.show(&["check", "--write-baseline", "--baseline", "known.json", "strict"]), @r"
    exit 0
    err: 3 findings written to `known.json`
    ");
    insta::assert_snapshot!(shop.show(&["check", "--baseline", "known.json", "strict"]), @r"
    exit 0
    err: 3 known findings left out, as `known.json` says
    err: 1 huntflow checked, nothing found
    ");
    // A step above moves the known findings, and a new one is reported.
    shop.write(
        "strict/hunt.hf",
        format!("q = GET file FROM stixbundle://a.json WHERE size == 4\nDISP q\n{HUNT}").as_bytes(),
    );
    insta::assert_snapshot!(shop.show(&["check", "--statistics", "--baseline", "known.json", "strict"]));
    insta::assert_snapshot!(shop.show(&["check", "--baseline", "hunt.hf", "strict"]));
    shop.write("kestrel.toml", b"[lint]\nselct = []\n");
    insta::assert_snapshot!(
        shop.show(&["check", "hunt.hf"]).replace(&shop.path().display().to_string(), "DIR")
    );
    shop.write("kestrel.toml", b"[lint]\nselect = ['W9']\n");
    insta::assert_snapshot!(
        shop.show(&["check", "hunt.hf"]).replace(&shop.path().display().to_string(), "DIR")
    );
}

#[test]
fn help_completions_and_manuals() {
    let shop = Shop::new(&[]);
    let help = shop.show(&["--help"]);
    for word in ["check", "fmt", "build", "plan", "explain", "complete", "man", "Examples:", "Exit codes"] {
        assert!(help.contains(word), "{word}\n{help}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = shop.show(&["complete", shell]);
        assert!(script.starts_with("exit 0") && script.contains("stdin-filename"), "{shell}");
    }
    assert!(shop.show(&["man", "--out", "man"]).starts_with("exit 0"));
    assert!(shop.read("man/kestrelc.1").contains(".TH kestrelc"));
    assert!(shop.read("man/kestrelc-check.1").contains("baseline"));
    let explained = shop.show(&["explain", "unused-variable"]);
    assert!(explained.contains("## What it does") && explained.contains("## Use instead"), "{explained}");
}

#[test]
fn hostile_inputs_give_diagnostics() {
    let shop = Shop::new(&[]);
    let deep = "(".repeat(100_000);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("binary.hf", (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
        ("latin1.hf", b"x = NEW process ['Zo\xeb']\n".to_vec()),
        ("nul.hf", b"x = NEW process ['a\0b']\n\0\0\0".to_vec()),
        ("deep.hf", format!("x = y WHERE {deep}a = 1").into_bytes()),
        ("deep.ipynb", format!("{{\"cells\":{}", "[".repeat(100_000)).into_bytes()),
        ("long-name.hf", format!("{} = NEW process ['a']\nDISP {}", "v".repeat(1 << 20), "w".repeat(1 << 20)).into_bytes()),
        ("long-line.hf", "DISP x ".repeat(20_000).into_bytes()),
        ("crlf.hf", b"\xef\xbb\xbfx = NEW process ['a']\r\nDISP y\r\n".to_vec()),
        ("cr.hf", b"x = NEW process ['a']\rDISP y\r".to_vec()),
        ("empty.ipynb", b"".to_vec()),
        ("list.ipynb", b"[1, 2]".to_vec()),
        ("utf16.hf", "DISP x".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("quotes.hf", "'".repeat(100_000).into_bytes()),
        ("cells.ipynb", b"{\"cells\": [1, null, {\"cell_type\": 4, \"source\": {\"a\": []}}, {\"cell_type\": \"code\"}, {\"cell_type\": \"code\", \"source\": [\"DISP x\", 7]}, {\"cell_type\": \"code\", \"source\": \"DISP y\"}]}".to_vec()),
    ];
    for (name, bytes) in &cases {
        shop.write(name, bytes);
        for format in ["text", "json", "sarif", "github", "gitlab", "junit", "jsonl"] {
            let output = shop.run_with(&["check", "--format", format, name], b"");
            let code = output.status.code();
            assert_eq!(code, Some(1), "{name} {format}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{name}");
            assert!(output.stdout.len() < 40 << 20, "{name} {format} prints {} bytes", output.stdout.len());
        }
        for args in [["fmt", "--check"], ["check", "--fix"], ["check", "--diff"], ["plan", "-O0"]] {
            let output = shop.run_with(&[args[0], args[1], name], b"");
            assert!(output.status.code().is_some_and(|code| code <= 2), "{name} {args:?}");
            assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{name} {args:?}");
        }
        assert_eq!(std::fs::read(shop.path().join(name)).unwrap(), *bytes, "{name} must not change");
    }
}

#[test]
fn large_and_unreadable_files() {
    let shop = Shop::new(&[("fine.hf", "x = NEW process ['a']\nDISP x\n")]);
    let file = std::fs::File::create(shop.path().join("large.hf")).unwrap();
    file.set_len(100 << 20).unwrap();
    insta::assert_snapshot!(shop.show(&["check", "large.hf"]));
    insta::assert_snapshot!(shop.show(&["fmt", "large.hf"]));
    std::fs::create_dir(shop.path().join("folder.hf")).unwrap();
    shop.write("folder.hf/x.hf", b"DISP z");
    insta::assert_snapshot!(shop.show(&["check", "folder.hf", "fine.hf"]));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", shop.path().join("dangling.hf")).unwrap();
        insta::assert_snapshot!(shop.show(&["check", "dangling.hf", "fine.hf"]));
    }
}

#[test]
fn completion_at_a_place() {
    let hunt = "é = 1\np = GET process FROM lab WHERE pid = 4\nDISP p ATTR pi";
    let shop = Shop::new(&[("hunt.hf", hunt), ("book.ipynb", "{}")]);
    insta::assert_snapshot!(shop.show(&["complete", "--file", "hunt.hf", "--at", "3:15"]), @r#"
    exit 0
    out: {
    out:   "replace": {
    out:     "start": 58,
    out:     "end": 60
    out:   },
    out:   "more": false,
    out:   "offers": [
    out:     {
    out:       "text": "pid",
    out:       "kind": "attribute",
    out:       "detail": "of process"
    out:     }
    out:   ]
    out: }
    "#);
    let wrong = shop.show(&["complete", "--file", "hunt.hf", "--at", "0:1"]);
    assert!(wrong.starts_with("exit 2") && wrong.contains("from 1, such as 3:14"), "{wrong}");
    assert!(shop.show(&["complete", "--file", "hunt.hf", "--at", "99:99"]).starts_with("exit 0"));
    assert!(shop.show(&["complete", "--file", "book.ipynb", "--at", "1:1"]).starts_with("exit 2"));
    assert!(shop.show(&["complete"]).starts_with("exit 2"));
    assert!(shop.show(&["complete", "bash"]).starts_with("exit 0"));
}
