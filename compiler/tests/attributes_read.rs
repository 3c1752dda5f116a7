//! Column pruning: what plans of huntflows read of their sources.

use std::fmt::Write;

use kestrel_compiler::{Compilation, Config};
use kestrel_ir::{
    Plan,
    attributes_read::{AttributesRead, Needed, RowsOfVariables, attributes_read},
};

fn plan(text: &str) -> Plan {
    let mut compilation = Compilation::new(Config::default());
    let compiled = compilation.block("hunt.hf", text);
    assert!(!compiled.has_errors(), "{:?}", compiled.diagnostics);
    compilation.plan().clone()
}

fn read(text: &str) -> AttributesRead {
    attributes_read(&plan(text), RowsOfVariables::Unread)
}

fn show(read: &AttributesRead) -> String {
    if read.is_everything() {
        return "everything".to_owned();
    }
    let mut out = String::new();
    for name in
        ["process", "file", "directory", "user-account", "network-traffic", "ipv4-addr", "mutex", "x-thing"]
    {
        let keys = match read.of(name) {
            Needed::All => "all".to_owned(),
            Needed::Only(keys) => keys.into_iter().collect::<Vec<_>>().join(", "),
        };
        writeln!(out, "{name}: {keys}").expect("writing to a string");
    }
    out
}

const GET: &str = "p = GET process FROM stixbundle://a.json WHERE command_line LIKE '%x%'\n";

#[test]
fn counts_alone_read_what_patterns_test() {
    insta::assert_snapshot!(show(&read(GET)));
}

#[test]
fn displays_read_what_they_name() {
    insta::assert_snapshot!(show(&read(&format!(
        "{GET}DISP p ATTR pid, cwd, binary_ref.parent_directory_ref.path\n"
    ))));
}

#[test]
fn everything_visible_follows_references() {
    for last in ["DISP p", "INFO p", "SAVE p TO out.csv", "APPLY python://a ON p", "DISP TIMESTAMPED(p)"] {
        let read = read(&format!("{GET}{last}\n"));
        for entity_type in ["process", "file", "directory", "user-account"] {
            assert_eq!(read.of(entity_type), Needed::All, "{last} {entity_type}");
        }
        assert_ne!(read.of("network-traffic"), Needed::All, "{last}");
        assert_ne!(read.of("mutex"), Needed::All, "{last}");
    }
}

#[test]
fn rows_of_variables_are_read_when_wanted() {
    let plan = plan(GET);
    assert_ne!(attributes_read(&plan, RowsOfVariables::Unread).of("process"), Needed::All);
    assert_eq!(attributes_read(&plan, RowsOfVariables::Read).of("process"), Needed::All);
}

#[test]
fn what_may_be_refused_reads_all_since_the_message_names_what_is_near() {
    let common = read(&format!("{GET}DISP p ATTR cwd\n"));
    assert_ne!(common.of("process"), Needed::All);
    let custom = read(&format!("{GET}DISP p ATTR x_tag\n"));
    assert_eq!(custom.of("process"), Needed::All);
    let of_record = read(&format!("{GET}DISP TIMESTAMPED(p) WHERE first_observed > '2024-01-01' ATTR pid\n"));
    assert_ne!(of_record.of("process"), Needed::All);
}

#[test]
fn groups_read_their_keys_and_aggregates() {
    let named = read(&format!("{GET}g = GROUP p BY name WITH COUNT(cwd) AS n\nDISP g\n"));
    insta::assert_snapshot!(show(&named));
    let automatic = read(&format!("{GET}g = GROUP p BY name\n"));
    assert_eq!(automatic.of("process"), Needed::All);
}

#[test]
fn files_of_unknown_type_read_everything_where_they_are_looked_at() {
    assert!(!read(&format!("{GET}l = LOAD 'x.csv'\n")).is_everything());
    assert!(read(&format!("{GET}l = LOAD 'x.csv'\nDISP l\n")).is_everything());
}

#[test]
fn identity_is_always_read_and_names_are_met_in_every_spelling() {
    let read = read(
        "p = GET process FROM stixbundle://a.json WHERE parent_ref.created_time > '2024' AND x_priority = 3\n",
    );
    for (entity_type, name) in [
        ("process", "pid"),
        ("process", "name"),
        ("process", "x_unique_id"),
        ("process", "created"),
        ("process", "created_time"),
        ("process", "extensions.'windows-process-ext'.priority"),
        ("file", "hashes.'SHA-256'"),
        ("file", "name"),
        ("ipv4-addr", "value"),
        ("network-traffic", "src_port"),
        ("network-traffic", "start"),
        ("user-account", "account_login"),
        ("x-oca-asset", "host_id"),
        ("windows-registry-key", "values"),
        ("mutex", "id"),
    ] {
        assert!(read.reads(entity_type, name), "{entity_type}:{name}");
    }
    for (entity_type, name) in [
        ("process", "command_line"),
        ("file", "size"),
        ("network-traffic", "src_byte_count"),
        ("user-account", "display_name"),
        ("x-oca-event", "action"),
        ("x-oca-event", "extensions.'x-ext'.other"),
    ] {
        assert!(!read.reads(entity_type, name), "{entity_type}:{name}");
    }
    assert!(AttributesRead::everything().reads("x-oca-event", "action"));
}

#[test]
fn references_that_lead_elsewhere_are_told_apart() {
    let read = read(GET);
    assert!(read.expects("process", "binary_ref", "file") && read.expects("process", "image_ref", "file"));
    assert!(!read.expects("process", "binary_ref", "ipv4-addr"));
    assert!(!read.expects("x-thing", "src_ref", "ipv4-addr"), "nothing is known about such references");
    assert!(read.expects("process", "opened_connection_refs", "mutex"), "no default column follows lists");
}
