//! The two tutorial hunts give the story's counts (fixtures/README.md tells the story).

use crate::support::{kestrel_run, run, stdout};

fn counts(name: &str) -> Vec<(String, u64, u64)> {
    let path = kestrel_fixtures::huntflow(name);
    let text = std::fs::read_to_string(path).expect("a huntflow");
    let results = run(name, &text);
    assert!(results.diagnostics.is_empty(), "{:?}", results.diagnostics);
    results
        .variables
        .into_iter()
        .map(|variable| (variable.name, variable.entities, variable.records))
        .collect()
}

fn entities(found: &[(String, u64, u64)]) -> Vec<(&str, u64)> {
    found.iter().map(|(name, entities, _)| (name.as_str(), *entities)).collect()
}

#[test]
fn tracking_backward_and_forward() {
    let found = counts("tracking");
    let expected = [
        ("ip200", 1),
        ("ip200nt", 350),
        ("p", 34),
        ("bgdownloads", 4),
        ("bgdp", 3),
        ("bgdpp", 2),
        ("bgdppnt", 0),
        ("bgdp_devenv", 2),
        ("bgdp_devenv_parent", 1),
        ("ppp", 1),
        ("pppp", 0),
        ("ie", 2),
        ("ie_children", 1),
        ("ient", 76),
    ];
    assert_eq!(entities(&found), expected);
    let records = |name: &str| found.iter().find(|(known, ..)| known == name).map(|(.., records)| *records);
    assert_eq!(records("ip200"), Some(350));
    assert_eq!(records("ip200nt"), Some(350));
    assert_eq!(records("ient"), Some(76));
}

#[test]
fn scheduled_tasks() {
    let expected = [
        ("svchosts", 32),
        ("scheduler", 1),
        ("tasks", 7),
        ("amcet", 1),
        ("amcet_children", 3),
        ("amcet_grandchildren", 1),
        ("amcet_traffic", 14),
        ("children_traffic", 6),
        ("lateral", 1),
        ("amcet_host", 1),
    ];
    assert_eq!(entities(&counts("scheduled-tasks")), expected);
}

#[test]
fn every_connection_goes_to_one_port_and_the_terminal_says_so() {
    let shown = kestrel_run(&["fixtures/huntflows/tracking.hf"]);
    assert_eq!(shown.status.code(), Some(0));
    let text = stdout(&shown);
    assert!(text.contains("72.21.81.200       443\n349 equal rows folded") || text.contains("349"), "{text}");
    for line in [
        "ip200nt             network-traffic          350",
        "ient                network-traffic           76",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}
