//! Raw logs as `kestrel.toml` says they are to be read.

use std::fs;

use crate::support::{kestrel_run, stderr, stdout};

const EVENTS: &str = r#"{"EventID":9001,"Channel":"Acme/Agent","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","exe":"C:\\tools\\a.exe","proc":{"id":"0x10"},"cmd":"a.exe -x"}
{"EventID":9001,"Channel":"Acme/Agent","Hostname":"WS5","@timestamp":"2020-10-19T02:56:15.231Z","exe":"C:\\tools\\b.exe","proc":{"id":"17"},"cmd":"b.exe"}
"#;

/// The example of docs/raw-logs.md.
const MAP: &str = r#"
[channels]
acme = ["Acme/Agent"]
[layout.alias]
AgentPid = ["proc.id"]
[[event]]
channel = "acme"
ids = [9001]
fields = [
    { from = "exe", to = "process", as = "image" },
    { from = "AgentPid", to = "process:pid" },
    { from = "cmd", to = "process:command_line" },
]
"#;

#[test]
fn own_field_maps_are_read_from_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    fs::create_dir(folder.path().join("fields")).expect("made");
    write("events.jsonl", EVENTS);
    write("fields/acme.toml", MAP);
    let source = folder.path().join("events.jsonl").display().to_string();
    write(
        "hunt.hf",
        &format!(
            "p = GET process FROM stixbundle://{source} WHERE pid > 0\nDISP p ATTR name, pid, command_line SORT BY pid ASC\n"
        ),
    );
    let hunt = folder.path().join("hunt.hf").display().to_string();
    // Without the map nothing is known about such events but their host.
    let plain = stdout(&kestrel_run(&[&hunt]));
    assert!(!plain.contains("a.exe"), "{plain}");
    write("kestrel.toml", "[logs.fields]\nwindows = [\"fields/acme.toml\"]\n");
    let output = kestrel_run(&[&hunt]);
    let shown = stdout(&output);
    let table: Vec<&str> = shown.lines().take_while(|line| !line.starts_with("[SUMMARY]")).collect();
    insta::assert_snapshot!(table.join("\n"));
    // A mistake in the map stops the hunt before anything is read.
    write("fields/acme.toml", "[[event]]\nids = [9001]\nfields = [{ from = \"exe\", to = \"process\" }]\n");
    let output = kestrel_run(&[&hunt]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("fields/acme.toml") && said.contains("exe"), "{said}");
    let config = folder.path().join("kestrel.toml").display().to_string();
    let output = kestrel_run(&["doctor", "--config", &config]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("wrong  raw logs: the field map"), "{}", stdout(&output));
}
