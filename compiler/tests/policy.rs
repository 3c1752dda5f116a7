//! `kestrelc check --policy`: what is refused, where, and that nothing gets around it.

use crate::cli::Shop;

const HUNT: &str = "\
p = GET process FROM stixbundle://data/a.json WHERE pid = 4 START 2021-04-01T00:00:00Z STOP 2021-04-02T00:00:00Z
w = GET url FROM https://siem.example.org/b.json WHERE value LIKE '%.exe' LAST 60 DAYS
s = GET file FROM stixshifter://lab101 WHERE name = 'x'
nt = FIND network-traffic CREATED BY p
f = FIND process LOADED s
k = LOAD /etc/known.csv AS ipv4-addr
APPLY python://score ON nt
APPLY docker://enrich@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 ON nt
SAVE nt TO out/../../nt.csv
DISP w, k, f
";

fn hunt() -> String {
    HUNT.replace("DISP w, k, f", "DISP w\nDISP k\nDISP f")
}

/// Checks the hunt against a policy and returns the policy's findings as lines.
fn check(policy: &str, hunt: &str) -> String {
    let shop = Shop::new(&[("policy.toml", policy), ("hunt.hf", hunt)]);
    let run = |file: &str| {
        let output = shop.run_with(&["check", "--policy", "policy.toml", "--format", "json", file], b"");
        let text = String::from_utf8(output.stdout).unwrap();
        let findings: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap_or_else(|_| {
            panic!("{text}{}", String::from_utf8_lossy(&output.stderr));
        });
        let policy = findings.iter().filter(|found| found["category"] == "policy");
        let line = |found: &serde_json::Value| {
            let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
            let byte = |key: &str| found[key].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap();
            let words = &hunt[byte("start")..byte("end")];
            let words: String = words.chars().take(70).collect();
            let (code, message, help) = (text("code"), text("message"), text("help"));
            format!("{} {code} {message}\n    at {words}\n    {help}\n", found["line"])
        };
        let lines: String = policy.map(line).collect();
        let expected = if findings.is_empty() { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(expected));
        lines
    };
    let lines = run("hunt.hf");
    // The plan of the hunt is refused in the same words.
    assert!(shop.show(&["build", "-O0", "hunt.hf", "-o", "hunt.kplan"]).starts_with("exit 0"));
    assert_eq!(lines, run("hunt.kplan"));
    lines
}

#[test]
fn each_section_refuses_and_allows() {
    let policies = [
        "",
        "[schemes]\nallow = ['stixbundle', 'stixshifter']",
        "[schemes]\ndeny = ['HTTPS']",
        "network = false",
        "[hosts]\nallow = ['*.example.com']",
        "[hosts]\nallow = ['*.example.org']\ndeny = ['siem.*']",
        "[profiles]\nallow = ['prod*']",
        "[analytics]\nallow = ['python://score']",
        "[analytics]\nallow = ['sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08']",
        "[analytics]\ndeny = ['docker://*']",
        "[files]\nwrite = ['out']",
        "[files]\nread = ['data']",
        "[files]\nread = []\nwrite = []",
        "[time]\nmaximum = '30 days'",
        "[time]\nmaximum = '1 h'\nfiles = false",
        "[queries]\nmaximum = 3",
    ];
    let shown: Vec<String> = policies
        .iter()
        .map(|policy| format!("== {}\n{}", policy.replace('\n', " "), check(policy, &hunt())))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_tries_to_get_around_it_is_refused() {
    let get = |source: &str| format!("p = GET process FROM {source} WHERE pid = 4\nDISP p\n");
    let hosts = "[hosts]\nallow = ['good.example', '*.good.example']";
    for source in [
        "https://evil.example\\.good.example/b.json",
        "https://evil%2eexample/b.json",
        "https://good.example.evil.example/b.json",
        "stixbundle://https://evil.example/b.json",
        "https://good.example/a.json,evil.example/b.json",
        "http://2130706433/b.json",
    ] {
        assert!(check(hosts, &get(source)).contains("E0902"), "{source}");
    }
    assert_eq!(check(hosts, &get("https://GOOD.example:8443/b.json,a.good.example./c.json")), "");
    // A bundle over the web is web, whatever its scheme says first.
    assert!(
        check("[schemes]\nallow = ['stixbundle']", &get("stixbundle://https://h/b.json")).contains("E0901")
    );
    // A merge, a variable or an inferred range widens nothing unseen.
    let time = "[time]\nmaximum = '2 days'";
    let hunt = "\
a = GET process FROM stixbundle://a.json WHERE pid = 4 START 2021-04-01T00:00:00Z STOP 2021-04-02T00:00:00Z
b = GET process FROM stixbundle://a.json WHERE pid = 5 START 2022-04-01T00:00:00Z STOP 2022-04-02T00:00:00Z
c = a + b
d = FIND process CREATED BY c
n = NEW process ['x.exe']
e = GET process FROM stixbundle://a.json WHERE name = n.name
DISP d
DISP e
";
    insta::assert_snapshot!(check(time, hunt));
}

#[test]
fn nothing_takes_the_refusal_away() {
    let hunt = "# kestrel: allow-file(policy-network) I want to\n# kestrel: allow(policy-network) I want to\np = GET process FROM https://h/a.json WHERE pid = 4 LAST 1 DAY\nDISP p\n";
    let shop = Shop::new(&[
        ("policy.toml", "network = false\n"),
        ("hunt.hf", hunt),
        ("kestrel.toml", "[lint]\nignore = ['W']\nbaseline = 'known.json'\n"),
    ]);
    let refused = |args: &[&str]| {
        let shown = shop.show(&[&["check", "--policy", "policy.toml", "hunt.hf"], args].concat());
        assert!(shown.starts_with("exit 1") && shown.contains("E0904"), "{shown}");
    };
    refused(&[]);
    refused(&["--ignore", "W"]);
    shop.show(&["check", "--policy", "policy.toml", "--write-baseline", "hunt.hf"]);
    refused(&["--baseline", "known.json"]);
    for format in ["json", "jsonl", "sarif", "github", "gitlab", "junit"] {
        refused(&["--format", format]);
    }
    // Without the policy there is nothing to refuse.
    assert!(!shop.show(&["check", "hunt.hf"]).contains("E0904"));
}

#[test]
fn policies_that_cannot_be_used() {
    let shop = Shop::new(&[
        ("hunt.hf", "x = NEW process ['a']\nDISP x\n"),
        ("unknown.toml", "[hosts]\nalow = ['a']\n"),
        ("kind.toml", "[files]\nwrite = 'out'\n"),
        ("time.toml", "[time]\nmaximum = 'soon'\n"),
        ("broken.toml", "[files\n"),
    ]);
    shop.write("binary.toml", &[0xff, 0xfe]);
    for name in ["unknown.toml", "kind.toml", "time.toml", "broken.toml", "binary.toml", "missing.toml"] {
        insta::assert_snapshot!(name, shop.show(&["check", "--policy", name, "hunt.hf"]));
    }
}

#[test]
fn plans_are_verified() {
    let shop = Shop::new(&[("hunt.hf", "x = NEW process ['a']\nDISP x\n")]);
    shop.show(&["build", "hunt.hf", "-o", "hunt.kplan"]);
    insta::assert_snapshot!(shop.show(&["check", "hunt.kplan"]), @r"
    exit 0
    err: 1 huntflow checked, nothing found
    ");
    let mut bytes = std::fs::read(shop.path().join("hunt.kplan")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    shop.write("hunt.kplan", &bytes);
    insta::assert_snapshot!(shop.show(&["check", "hunt.kplan"]));
}
