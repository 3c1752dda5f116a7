//! The analytics of `fixtures/analytics`, run through `python://` and through `docker://` on the
//! same variables: the results are the same.

use std::collections::BTreeMap;

use kestrel_analytics::Places;

use super::*;
use crate::{
    analytics::{Settings, interfaces},
    results::json,
};

/// Name, and what a hunt does with it; `ANALYTIC` stands for the address.
const HUNTS: [(&str, &str); 6] = [
    // One table in, one out.
    ("suspicious-process", "APPLY ANALYTIC ON p\nDISP p\n"),
    // With parameters, and values that are missing.
    ("domain-entropy", "APPLY ANALYTIC ON c WITH COLUMN='dst_ref.value', THRESHOLD=0.5\nDISP c\n"),
    // Only a display.
    ("process-tree", "APPLY ANALYTIC ON p\n"),
    // A table and a display.
    (
        "template",
        "APPLY ANALYTIC ON p WITH LABEL='it is \u{e9}'\nq = p WHERE x_label = 'it is \u{e9}'\nDISP q\n",
    ),
    // A list and a reference as parameters.
    ("tag-ports", "APPLY ANALYTIC ON c WITH COMMON=(80, 443), LABEL='usual', SEEN=c.dst_port\nDISP c\n"),
    // Two variables in, two tables out; one of them may be empty.
    (
        "newly-seen",
        "APPLY ANALYTIC ON p, old WITH COLUMN='name'\nDISP p\nDISP old\nAPPLY ANALYTIC ON p, none WITH COLUMN='name'\nDISP p\n",
    ),
];

const VARIABLES: &str = "p = GET process FROM stixbundle://mini.json WHERE name LIKE '%'\n\
    c = GET network-traffic FROM stixbundle://mini.json WHERE dst_port > 0\n\
    none = GET process FROM stixbundle://mini.json WHERE name = 'absent.exe'\n\
    old = GET process FROM stixbundle://mini.json WHERE name = 'p.exe'\n";

#[test]
fn both_interfaces_give_the_same() {
    let Some(interpreter) = interpreter() else { return };
    let Some(containers) = containers::containers() else { return };
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().expect("the repository");
    let variable = |name: &str| match name {
        "KESTREL_PYTHON" => Some(interpreter.clone()),
        "KESTREL_PYTHON_ANALYTICS_CONFIG" => Some("fixtures/analytics/pythonanalytics.yaml".to_owned()),
        _ => None,
    };
    let mut settings =
        Settings::read(&Places { toml: None, base_dir: &root, variable: &variable }).expect("the profiles");
    settings.docker = containers;
    let analytics = interfaces(&settings);
    let answer = |address: String, text: &str| {
        let results =
            Hunt::with(analytics.clone()).run(&format!("{VARIABLES}{}", text.replace("ANALYTIC", &address)));
        let shown = crate::ops::testing::shown(&results);
        assert_eq!(results.exit_code(), 0, "{shown}");
        let mut out = Vec::new();
        json::write(&results, &mut out).expect("written");
        let mut document: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&out).expect("JSON");
        document.retain(|key, _| key == "variables" || key == "displays");
        (document, shown)
    };
    for (name, text) in HUNTS {
        let (python, shown) = answer(format!("python://{name}"), text);
        let (docker, _) = answer(format!("docker://{name}"), text);
        assert!(
            python["displays"].as_array().is_some_and(|displays| !displays.is_empty()),
            "{name}: {shown}"
        );
        let words = |document| serde_json::to_string_pretty(document).expect("JSON");
        assert_eq!(words(&python), words(&docker), "{name}");
    }
}
