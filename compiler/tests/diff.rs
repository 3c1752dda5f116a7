//! `kestrelc diff`: effects, work, names, revisions, exit codes.

use std::process::Command;

use crate::cli::Shop;
use crate::review::{schema, validate};

const OLD: &str = "\
# a hunt
p = GET process FROM stixbundle://a.json WHERE name = 'cmd.exe' AND pid > 4
    START 2021-04-01T00:00:00Z STOP 2021-04-02T00:00:00Z
nt = FIND network-traffic CREATED BY p
DISP nt ATTR dst_port
SAVE nt TO out/x.csv
";

fn diff(old: &str, new: &str) -> String {
    let shop = Shop::new(&[("old.hf", old), ("new.hf", new)]);
    let shown = shop.show(&["diff", "old.hf", "new.hf"]);
    let json = shop.run_with(&["diff", "old.hf", "new.hf", "--format", "json"], b"");
    let json = validate(&schema("diff.schema.json"), &json.stdout, "diff");
    assert_eq!(json["effects_grew"].as_bool().unwrap(), shown.starts_with("exit 1"), "{shown}");
    shown
}

#[test]
fn comments_layout_names_and_order_of_tests_are_no_change() {
    let new = "\
procs = GET process
  FROM stixbundle://a.json            # elsewhere
  WHERE [process:pid > 4 AND process:name = 'cmd.exe']
  START t'2021-04-01T00:00:00.000Z' STOP t'2021-04-02T00:00:00Z'

# other words
traffic = find network-traffic created by procs
disp traffic attr dst_port
save traffic to out/x.csv
";
    insta::assert_snapshot!(diff(OLD, new));
    assert_eq!(diff(OLD, OLD), "exit 0\nout: the same work, the same effects\n");
}

#[test]
fn effects_come_first_and_grow() {
    let new = "\
p = GET process FROM stixbundle://a.json WHERE pid > 4 AND name IN ('cmd.exe', 'sh')
    START 2021-04-01T00:00:00Z STOP 2021-05-02T00:00:00Z
w = GET url FROM stixshifter://lab101 WHERE value LIKE '%.exe' LAST 5 DAYS
nt = FIND network-traffic CREATED BY p
APPLY python://score ON nt WITH k=1
DISP nt ATTR dst_port, src_port
SAVE nt TO '$HOME/x.csv'
";
    insta::assert_snapshot!(diff(OLD, new));
    insta::assert_snapshot!(diff(new, OLD));
}

#[test]
fn statements_are_added_removed_moved_and_affected() {
    let new = "\
p = GET process FROM stixbundle://a.json WHERE name = 'cmd.exe' AND pid > 4
    START 2021-04-01T00:00:00Z STOP 2021-04-01T12:00:00Z
SAVE p TO out/x.csv
nt = FIND network-traffic CREATED BY p
q = p WHERE pid = 7
DISP q
DISP nt ATTR dst_port
";
    insta::assert_snapshot!(diff(OLD, new));
    let a = "x = NEW process ['a']\ny = NEW file ['b']\nDISP x\nDISP y ATTR name\n";
    let b = "x = NEW process ['a']\ny = NEW file ['b']\nDISP y ATTR name\nDISP x\n";
    insta::assert_snapshot!(diff(a, b));
}

#[test]
fn effects_that_only_shrink_or_stay() {
    let narrower = OLD.replace("04-02", "04-01").replace("STOP 2021-04-01T00", "STOP 2021-04-01T09");
    let shown = diff(OLD, &narrower);
    assert!(shown.starts_with("exit 0\nout: effects shrank"), "{shown}");
    let pattern = diff(OLD, &OLD.replace("cmd.exe", "powershell.exe"));
    insta::assert_snapshot!(pattern);
    // Long literals: the rows that the plan's text leaves out count as well.
    let list = |last: &str| {
        let rows: Vec<String> = (0..40).map(|n| format!("'{n}'")).chain([format!("'{last}'")]).collect();
        format!("x = NEW process [{}]\nDISP x\n", rows.join(", "))
    };
    let shown = diff(&list("a"), &list("b"));
    assert!(shown.contains("changed  x = new process"), "{shown}");
}

#[test]
fn the_same_analytic_with_other_arguments_grows() {
    let hunt =
        |argument: &str| format!("x = NEW process ['a']\nAPPLY python://score ON x WITH k='{argument}'\n");
    let shown = diff(&hunt("a"), &hunt("b"));
    assert!(shown.starts_with("exit 1"), "{shown}");
    let pinned =
        |digit: &str| format!("x = NEW process ['a']\nAPPLY docker://e@sha256:{} ON x\n", digit.repeat(64));
    assert!(diff(&pinned("a"), &pinned("b")).starts_with("exit 1"));
}

#[test]
fn many_statements_take_time_in_proportion() {
    let hunt = |changed: usize| {
        let mut text = String::from("v = GET process FROM stixbundle://a.json WHERE pid > 0\n");
        for n in 0..4000 {
            text.push_str(&format!("v{n} = v WHERE pid = {}\n", if n == changed { n + 100_000 } else { n }));
        }
        text
    };
    let start = std::time::Instant::now();
    let shown = diff(&hunt(1), &hunt(2000));
    assert_eq!(shown.matches("changed").count(), 2, "{shown}");
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

fn git(shop: &Shop, args: &[&str]) {
    let run = Command::new("git")
        .current_dir(shop.path())
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", shop.path().join("none"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{args:?}: {}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn revisions_plans_and_standard_input() {
    let shop = Shop::new(&[("hunts/a.hf", OLD)]);
    git(&shop, &["init", "-q", "."]);
    git(&shop, &["add", "."]);
    git(&shop, &["commit", "-q", "-m", "one"]);
    git(&shop, &["tag", "v1"]);
    let new = OLD.replace("out/x.csv", "out/y.csv");
    shop.write("hunts/a.hf", new.as_bytes());
    insta::assert_snapshot!(shop.show(&["diff", "v1:hunts/a.hf", "hunts/a.hf"]));
    git(&shop, &["commit", "-q", "-am", "two"]);
    assert!(shop.show(&["diff", "v1:hunts/a.hf", "HEAD:./hunts/a.hf"]).starts_with("exit 1"));
    assert!(shop.show(&["diff", "HEAD:hunts/a.hf", "hunts/a.hf"]).starts_with("exit 0"));
    let same = shop.run_with(&["diff", "v1:hunts/a.hf", "-"], OLD.as_bytes());
    assert_eq!(same.status.code(), Some(0), "{}", String::from_utf8_lossy(&same.stdout));
    // Plans, of any level, on either side.
    for (level, name) in [("-O0", "a.json"), ("-O2", "a.kplan")] {
        assert!(shop.show(&["build", level, "hunts/a.hf", "-o", name]).starts_with("exit 0"));
        let shown = shop.show(&["diff", name, "hunts/a.hf"]);
        assert_eq!(shown, "exit 0\nout: the same work, the same effects\n");
    }
    // A file of that name comes first.
    shop.write("v1:hunts/a.hf", new.as_bytes());
    assert!(shop.show(&["diff", "v1:hunts/a.hf", "hunts/a.hf"]).starts_with("exit 0"));
    insta::assert_snapshot!(shop.show(&["diff", "nowhere:hunts/a.hf", "hunts/a.hf"]));
    insta::assert_snapshot!(shop.show(&["diff", "HEAD:missing.hf", "hunts/a.hf"]));
    assert!(shop.show(&["diff", "--", "-c:x", "hunts/a.hf"]).starts_with("exit 2"));
    assert!(shop.show(&["diff", "-", "-"]).starts_with("exit 2"));
    shop.write("wrong.hf", b"DISP nothing\n");
    assert!(shop.show(&["diff", "hunts/a.hf", "wrong.hf"]).starts_with("exit 1"));
}

#[test]
fn a_hostile_repository_runs_nothing() {
    let shop = Shop::new(&[("a.hf", OLD), (".gitattributes", "*.hf diff=evil filter=evil text\n")]);
    git(&shop, &["init", "-q", "."]);
    git(&shop, &["add", "."]);
    git(&shop, &["commit", "-q", "-m", "one"]);
    let touch = format!("touch '{}'", shop.path().join("ran").display());
    for key in [
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.smudge",
        "core.pager",
        "core.fsmonitor",
        "core.editor",
    ] {
        git(&shop, &["config", key, &touch]);
    }
    // git itself ran the monitor while it configured; only what diff does counts.
    let _ = std::fs::remove_file(shop.path().join("ran"));
    assert!(shop.show(&["diff", "HEAD:a.hf", "a.hf"]).starts_with("exit 0"));
    assert!(!shop.path().join("ran").exists());
}
