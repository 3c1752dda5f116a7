//! `kestrelc plan` as reviewers use it: summary, queries, JSON with its schema, drawing, page.

use std::path::{Path, PathBuf};

use kestrel_ir::{
    Node, NodeId, Op, Origin, Plan, Rows, Shape, SourceText,
    diagnostic::{SourceId, Span},
    op::{Apply, Argument, Bind, Fetch, Load, Select, Window},
    wire,
};
use kestrel_stix::{EntityType, Value, pattern::Pattern};

use crate::cli::Shop;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/huntflows");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "hf"));
    paths.sort();
    assert!(paths.len() > 20);
    paths
}

pub fn schema(name: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas").join(name);
    let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

pub fn validate(schema: &jsonschema::Validator, text: &[u8], what: &str) -> serde_json::Value {
    let value: serde_json::Value = serde_json::from_slice(text).unwrap();
    let errors: Vec<String> =
        schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
    value
}

const MUCH: &str = "\
# everything that a reviewer asks about
p = GET process FROM stixshifter://lab101,lab102 WHERE name = 'cmd.exe' AND parent_ref.name LIKE 'ex%' LAST 5 DAYS
w = GET url FROM https://Feeds.Example.org:8443/bundle.json WHERE value LIKE '%.exe'
b = GET file FROM stixbundle://data/a.json,https://feeds.example.org/b.json WHERE name = w.value
    START 2021-04-01T00:00:00Z STOP 2021-04-06T00:00:00Z LIMIT 10
nt = FIND network-traffic CREATED BY p WHERE dst_port = 443
k = LOAD '$HOME/known.csv' AS ipv4-addr
APPLY python://score ON nt, p WITH model=r'C:\\m', ports=k.value
APPLY docker://enrich@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 ON nt
SAVE nt TO out/nt.parquet
DISP nt ATTR dst_port
INFO p
";

#[test]
fn the_summary_says_what_the_hunt_does_to_the_world() {
    let shop =
        Shop::new(&[("much.hf", MUCH), ("little.hf", "x = NEW process ['a']\n"), ("none.hf", "# nothing\n")]);
    insta::assert_snapshot!(summary(&shop.show(&["plan", "much.hf"])));
    insta::assert_snapshot!(shop.show(&["plan", "little.hf"]));
    insta::assert_snapshot!(shop.show(&["plan", "none.hf"]));
    shop.write("wrong.hf", b"DISP nothing\n");
    insta::assert_snapshot!(shop.show(&["plan", "wrong.hf"]));
}

fn summary(shown: &str) -> &str {
    shown.split("out: Plan,").next().unwrap()
}

#[test]
fn queries_show_what_is_asked_and_what_is_left_to_do() {
    let shop = Shop::new(&[("much.hf", MUCH), ("none.hf", "x = NEW process ['a']\n")]);
    let text = shop.show(&["plan", "much.hf", "--queries"]);
    insta::assert_snapshot!(text.split("out: Queries").nth(1).unwrap());
    assert!(shop.show(&["plan", "none.hf", "--queries"]).ends_with("out: Queries\nout: none\n"));
}

#[test]
fn plans_and_huntbooks_are_reviewed_alike() {
    let book = r#"{"cells": [{"cell_type": "markdown", "source": "x"},
        {"cell_type": "code", "source": ["p = GET process FROM stixbundle://a.json WHERE pid = 4\n"]},
        {"cell_type": "code", "source": ["DISP p ATTR name\n"]}],
        "metadata": {"kernelspec": {"language": "kestrel"}}, "nbformat": 4}"#;
    let shop = Shop::new(&[("much.hf", MUCH), ("book.ipynb", book)]);
    assert!(shop.show(&["build", "much.hf", "-o", "much.kplan"]).starts_with("exit 0"));
    assert!(shop.show(&["build", "much.hf", "-o", "much.json"]).starts_with("exit 0"));
    for format in ["text", "json", "html", "svg", "dot"] {
        let of = |name: &str| shop.run_with(&["plan", name, "--queries", "--format", format], b"").stdout;
        let text = of("much.hf");
        assert!(text.len() > 500, "{format}");
        assert_eq!(text, of("much.kplan"), "{format}");
        assert_eq!(text, of("much.json"), "{format}");
    }
    // What the review prints as JSON is a plan that can be reviewed, and run, again.
    let json = shop.run_with(&["plan", "much.hf", "--queries", "--format", "json"], b"").stdout;
    shop.write("again.json", &json);
    assert_eq!(shop.run_with(&["plan", "again.json", "--queries", "--format", "json"], b"").stdout, json);
    insta::assert_snapshot!(shop.show(&["plan", "book.ipynb"]));
}

#[test]
fn json_keeps_to_its_published_schema() {
    let validator = schema("plan.schema.json");
    let shop = Shop::new(&[("much.hf", MUCH)]);
    let mut kinds = std::collections::BTreeSet::new();
    let mut paths = fixtures();
    paths.push(shop.path().join("much.hf"));
    for path in paths {
        let name = path.display().to_string();
        for level in ["-O0", "-O2"] {
            let text = shop.run_with(&["plan", "--format", "json", "--queries", level, &name], b"").stdout;
            let plan = validate(&validator, &text, &name);
            for node in plan["nodes"].as_array().unwrap() {
                let op = &node["node"]["op"];
                let kind = op.as_str().map(str::to_owned);
                kinds.insert(kind.unwrap_or_else(|| op.as_object().unwrap().keys().next().unwrap().clone()));
            }
        }
        shop.run_with(&["build", &name, "-o", "plan.json"], b"");
        validate(&validator, shop.read("plan.json").as_bytes(), &name);
    }
    // The fixtures use every operation, so that none is without a schema that was tried.
    assert!(kinds.len() >= 25, "{kinds:?}");
    let text = shop.run_with(&["plan", "--format", "json", "much.hf"], b"").stdout;
    let plan: serde_json::Value = serde_json::from_slice(&text).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan["summary"]).unwrap());
    // The schema refuses what it should.
    let mut wrong = plan.clone();
    wrong["nodes"][0]["node"]["op"] = serde_json::json!({"fetch": {"source": 4}});
    assert!(!validator.is_valid(&wrong));
    wrong = plan;
    wrong["summary"]["queries"] = serde_json::json!(null);
    assert!(!validator.is_valid(&wrong));
}

/// Checks that tags are balanced and returns the names of the elements and the attributes with
/// their values, outside of style and script.
fn elements(markup: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').unwrap_or_else(|| panic!("open tag: {}", &rest[..rest.len().min(80)]));
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if tag.starts_with(['!', '?']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{tag} closes another element");
            continue;
        }
        let (name, mut attributes) =
            tag.trim_end_matches('/').split_once(' ').unwrap_or((tag.trim_end_matches('/'), ""));
        let mut pairs = Vec::new();
        loop {
            attributes = attributes.trim_start();
            let Some((key, after)) = attributes.split_once("=\"") else {
                pairs.extend(attributes.split_whitespace().map(|word| (word.to_owned(), String::new())));
                break;
            };
            let (value, after) = after.split_once('"').expect("a closed value");
            pairs.push((key.trim().to_owned(), value.to_owned()));
            attributes = after;
        }
        if !tag.ends_with('/') && name != "meta" {
            open.push(name.to_owned());
        }
        if matches!(name, "style" | "script") {
            let close = format!("</{name}>");
            rest = &rest[rest.find(&close).unwrap()..];
        }
        found.push((name.to_owned(), pairs));
    }
    assert!(open.is_empty(), "{open:?} are not closed");
    found
}

/// Checks that a page can load nothing and run nothing but its own script.
fn self_contained(page: &str) {
    for (name, attributes) in elements(page) {
        assert!(
            !matches!(
                name.as_str(),
                "link" | "img" | "iframe" | "object" | "embed" | "base" | "form" | "image" | "use"
            ),
            "{name}"
        );
        for (key, value) in attributes {
            assert!(
                !key.starts_with("on") && !matches!(key.as_str(), "src" | "style" | "srcset"),
                "{name} {key}"
            );
            assert!(key != "href" || value.starts_with('#'), "{name} {key}={value}");
        }
    }
    for word in ["@import", "javascript:", "url(h", "url('", "url(\""] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    for path in fixtures() {
        let shop = Shop::new(&[]);
        let name = path.display().to_string();
        let page =
            String::from_utf8(shop.run_with(&["plan", "--format", "html", &name], b"").stdout).unwrap();
        self_contained(&page);
        assert!(
            page.contains("default-src 'none'; style-src 'sha256-") && page.contains("script-src 'sha256-")
        );
        assert!(page.contains("prefers-color-scheme: dark"));
        let elements = elements(&page);
        let with = |name: &str, class: &str| -> Vec<Vec<(String, String)>> {
            let has = |attributes: &[(String, String)]| {
                attributes.iter().any(|(key, value)| key == "class" && value.split(' ').any(|c| c == class))
            };
            let of = elements.iter().filter(|(tag, attributes)| tag == name && has(attributes));
            of.map(|(_, attributes)| attributes.clone()).collect()
        };
        let step = |attributes: &[(String, String)]| {
            attributes.iter().find(|(key, _)| key == "data-step").map(|(_, value)| value.clone()).unwrap()
        };
        let (statements, nodes) = (with("span", "step"), with("g", "node"));
        // Every node belongs to a statement that can be reached with the keyboard, and back.
        let of_statements: std::collections::BTreeSet<_> = statements.iter().map(|a| step(a)).collect();
        let of_nodes: std::collections::BTreeSet<_> = nodes.iter().map(|a| step(a)).collect();
        assert_eq!(of_statements, of_nodes, "{name}");
        for attributes in statements.iter().chain(&nodes) {
            assert!(attributes.iter().any(|(key, value)| key == "tabindex" && value == "0"));
        }
        let plan = shop.run_with(&["plan", "--format", "json", &name], b"").stdout;
        let plan: serde_json::Value = serde_json::from_slice(&plan).unwrap();
        assert_eq!(plan["nodes"].as_array().unwrap().len(), nodes.len(), "{name}");
        // The links of the summary lead to nodes.
        let ids: Vec<_> =
            nodes.iter().flat_map(|a| a.iter().filter(|(key, _)| key == "id")).map(|(_, id)| id).collect();
        for (_, attributes) in elements.iter().filter(|(tag, _)| tag == "a") {
            let (_, href) = attributes.iter().find(|(key, _)| key == "href").unwrap();
            assert!(ids.iter().any(|id| href[1..] == **id), "{href}");
        }
    }
}

#[test]
fn the_drawing_stands_alone() {
    let shop = Shop::new(&[("much.hf", MUCH)]);
    let svg = String::from_utf8(shop.run_with(&["plan", "--format", "svg", "much.hf"], b"").stdout).unwrap();
    self_contained(&svg);
    assert!(svg.starts_with("<?xml") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\""));
    for class in ["asks", "runs", "reads", "writes", "binds", "shows", "pools"] {
        assert!(svg.contains(&format!("class=\"node {class}\"")), "{class}");
    }
}

const EVIL: &str =
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u{202e}\u{1b}[31m";

/// A plan whose every text is hostile, as only somebody who makes plan files can make it.
fn hostile_plan() -> Plan {
    let text = format!("x = y # {EVIL}\n");
    let mut plan = Plan::new(vec![SourceText { name: EVIL.to_owned(), text: text.clone() }]);
    let span = Span::new(SourceId(0), 0, text.len());
    let origin = Origin { step: 0, span };
    let shape = |name: &str| {
        Some(Shape { entity_type: Some(EntityType::new(name)), rows: Rows::Entities, columns: None })
    };
    let fetch = Op::Fetch(Fetch {
        source: format!("https://{EVIL}"),
        entity_type: EntityType::new(EVIL),
        pattern: Pattern::And(vec![]),
        window: Window::Always,
        limit: None,
    });
    let fetch = plan.add(fetch, &[], &[], origin, None);
    let select = Op::Select(Select { entity_type: EntityType::new(EVIL), pattern: Pattern::And(vec![]) });
    let select = plan.add(select, &[fetch], &[], origin, shape(EVIL));
    let load = plan.add(
        Op::Load(Load { path: EVIL.to_owned(), entity_type: Some(EntityType::new(EVIL)) }),
        &[],
        &[],
        origin,
        shape(EVIL),
    );
    let apply = Op::Apply(Apply {
        analytic: format!("python://{EVIL}"),
        inputs: 1,
        arguments: vec![(EVIL.to_owned(), vec![Argument::Value(Value::text(EVIL))])],
        identity: Some(EVIL.to_owned()),
        limits: Vec::new(),
    });
    let applied: NodeId = plan.add(apply, &[load], &[], origin, None);
    let updated = plan.add(Op::Updated { index: 0 }, &[applied], &[], origin, shape(EVIL));
    for (variable, input) in [(EVIL, select), ("y", updated)] {
        let bind = Bind { variable: variable.to_owned(), version: 1, command: EVIL.to_owned() };
        plan.add(Op::Bind(bind), &[input], &[], origin, None);
    }
    plan.add(Op::Explain { variable: EVIL.to_owned() }, &[select], &[], origin, None);
    plan.add(Op::Save { path: EVIL.to_owned() }, &[select], &[], origin, None);
    assert!(plan.nodes().iter().all(|node: &&Node| node.order < 20));
    plan
}

#[test]
fn hostile_text_stays_text() {
    let shop = Shop::new(&[(
        "hostile.hf",
        &format!("# {EVIL}\nx = NEW process ['</script><b>']\nDISP x\nSAVE x TO \"<i>.csv\"\n"),
    )]);
    shop.write("hostile.kplan", &wire::to_bytes(&hostile_plan()).unwrap());
    for file in ["hostile.hf", "hostile.kplan"] {
        for format in ["html", "svg"] {
            let out = shop.run_with(&["plan", "--queries", "--format", format, file], b"");
            let page = String::from_utf8(out.stdout).unwrap();
            assert_eq!(out.status.code(), Some(0), "{file} {format}");
            self_contained(&page);
            let scripts = page.matches("<script").count();
            assert_eq!(scripts, usize::from(format == "html"), "{file} {format}");
            assert!(!page.contains(['\u{202e}', '\u{1b}']), "{file} {format}");
            assert!(
                page.contains("\\u{202e}")
                    || format == "svg" && file == "hostile.hf"
                    || page.contains("\\u202e")
            );
        }
        for format in ["text", "dot"] {
            let text = shop.run_with(&["plan", "--queries", "--format", format, file], b"").stdout;
            assert!(!String::from_utf8(text).unwrap().contains(['\u{202e}', '\u{1b}']), "{file} {format}");
        }
    }
    let text = shop.show(&["plan", "hostile.kplan", "--queries"]);
    insta::assert_snapshot!(text);
}

#[test]
fn large_plans_are_told_from_drawings() {
    let mut hunt = String::from("x = NEW process ['a']\n");
    for n in 0..1000 {
        hunt.push_str(&format!("v{n} = x WHERE pid = {n}\n"));
    }
    let shop = Shop::new(&[("large.hf", &hunt)]);
    let out = shop.show(&["plan", "--format", "svg", "large.hf"]);
    insta::assert_snapshot!(out);
    let page = shop.run_with(&["plan", "--format", "html", "large.hf"], b"");
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.contains("at most 1500 can be drawn") && page.contains("<details class=\"plan-text\" open>")
    );
    self_contained(&page);
}

#[test]
fn translation_answers_line_by_line() {
    let shop = Shop::new(&[]);
    let input = b"{\"pattern\": \"[process:name = 'a']\", \"options\": {}}\nnothing\n\n{\"pattern\": \"[process:pid = 4]\"}";
    let output = shop.run_with(&["translate", "--connector", "bundle", "--stdin"], input);
    insta::assert_snapshot!(crate::cli::show(&output));
    insta::assert_snapshot!(shop.show(&["translate", "--connector", "nowhere", "--stdin"]));
}
