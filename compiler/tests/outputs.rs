//! Outputs for programs, validated against their schemas.

use std::process::Command;

use serde_json::{Value, json};

use crate::cli::Shop;

const FILES: &[(&str, &str)] = &[
    (
        "hunts/lint.hf",
        "p = GET process FROM stixbundle://a.json WHERE [name == 'cmd.exe'] LIMIT 5\nDISP p ATTR nmae\n",
    ),
    (
        "hunts/wrong & odd <name>, 100%.hf",
        "x = GET process FROM lab\n  WHERE pid <> 4 AND name = \"a\u{1b}b\nDISP x LIMIT many\n",
    ),
    ("hunts/clean.hf", "p = GET process FROM stixbundle://a.json WHERE pid = 4\nDISP p\n"),
    ("hunts/twice.hf", "DISP a\nDISP a\n"),
    (
        "hunts/book.ipynb",
        "{\"cells\": [{\"cell_type\": \"code\", \"source\": [\"DISP x\\n\",\n \"DISP y\"]}]}",
    ),
];

fn run(format: &str) -> (i32, String) {
    let shop = Shop::new(FILES);
    let output = shop.run_with(&["check", "--format", format, "hunts"], b"");
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn validate(schema: &str, text: &str) -> Value {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let schema = std::fs::read_to_string(folder.join(schema)).unwrap();
    // One pattern of the official schema has a bracket too much, which strict readers refuse.
    let schema = schema.replace("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    value
}

#[test]
fn sarif_is_valid() {
    let (code, text) = run("sarif");
    assert_eq!(code, 1);
    let log = validate("sarif-2.1.0-rtm.5.json", &text);
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 8, "{text}");
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(
            !uri.contains([' ', '<', '%']) || uri.contains("%20%26%20odd%20%3Cname%3E%2C%20100%25"),
            "{uri}"
        );
    }
    assert!(results.iter().any(|result| result["fixes"][0]["artifactChanges"].is_array()));
    assert_eq!(run["invocations"][0]["executionSuccessful"], json!(true));
    let shop = Shop::new(FILES);
    let output = shop.run_with(&["check", "--format", "sarif", "hunts/clean.hf", "missing.hf"], b"");
    let log = validate("sarif-2.1.0-rtm.5.json", &String::from_utf8(output.stdout).unwrap());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], json!(false));
}

#[test]
fn gitlab_report_is_valid() {
    let (_, text) = run("gitlab");
    let report = validate("gitlab-code-quality.json", &text);
    let mut prints: Vec<&str> =
        report.as_array().unwrap().iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
    let count = prints.len();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), count, "fingerprints are unique");
}

#[test]
fn json_has_the_fields_of_the_contract() {
    let (_, text) = run("json");
    let all = validate("../../../docs/schemas/check.schema.json", &text);
    assert!(all.as_array().unwrap().iter().any(|one| one["fix"]["edits"].is_array()), "{text}");
    for one in all.as_array().unwrap() {
        for field in
            ["code", "category", "severity", "message", "file", "line", "column", "end_line", "end_column"]
        {
            assert!(!one[field].is_null(), "{field}: {one}");
        }
        assert!(one.as_object().unwrap().contains_key("help"));
    }
    let (_, lines) = run("jsonl");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::Array(lines), all);
}

/// Holds a report against Jenkins' schema with `xmllint`. Where that is missing the test says so and
/// passes, unless `KESTREL_REQUIRE_XMLLINT` is set, as `.ci/run` does.
fn validate_junit(text: &str) {
    let folder = tempfile::TempDir::new().unwrap();
    let report = folder.path().join("report.xml");
    std::fs::write(&report, text).unwrap();
    let schema = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/junit-10.xsd");
    let mut xmllint = Command::new("xmllint");
    match xmllint.args(["--noout", "--nonet", "--schema"]).args([&schema, &report]).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}\n{text}");
        }
        Err(why) => {
            assert!(std::env::var_os("KESTREL_REQUIRE_XMLLINT").is_none(), "xmllint: {why}");
            eprintln!("skipped: xmllint: {why}");
        }
    }
}

#[test]
fn junit_is_valid() {
    validate_junit(&run("junit").1);
    let shop = Shop::new(FILES);
    let output = shop.run_with(&["check", "--format", "junit", "hunts/clean.hf", "missing.hf"], b"");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("<error message="), "{text}");
    validate_junit(&text);
}

#[test]
fn junit_counts_right_and_names_are_unique() {
    let (_, text) = run("junit");
    insta::assert_snapshot!(text);
    // A small reader of XML: tags are balanced, attributes quoted, no raw control characters.
    let mut open: Vec<&str> = Vec::new();
    let body = text.split_once("?>").unwrap().1;
    for tag in body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty());
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    let count = |what: &str| body.matches(what).count();
    let total = |attribute: &str| -> usize {
        let at = body.find(&format!("{attribute}=\"")).unwrap() + attribute.len() + 2;
        body[at..].split('"').next().unwrap().parse().unwrap()
    };
    assert_eq!((count("<testcase"), count("<failure")), (total("tests"), total("failures")));
    let mut names: Vec<&str> = body.lines().filter(|line| line.contains("<testcase")).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:#?}");
}

#[test]
fn github_annotations() {
    let (_, text) = run("github");
    insta::assert_snapshot!(text);
    for line in text.lines() {
        assert!(line.starts_with("::error file=") || line.starts_with("::warning file="), "{line}");
    }
}
