//! Field maps of one's own.

use super::*;

const EVENT: &str = r#"{"EventID":9001,"Channel":"Acme/Agent","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","exe":"C:\\a.exe","proc":{"id":"0x10"}}"#;

#[test]
fn an_own_map_adds_events_and_spellings() {
    let own = r#"
        [layout.alias]
        AgentPid = ["proc.id"]
        [channels]
        acme = ["Acme/*", "Acme/Agent"]
        [[event]]
        channel = "acme"
        ids = [9001]
        fields = [
            { from = "exe", to = "process", as = "image" },
            { from = "AgentPid", to = "process:pid" },
        ]
    "#;
    let maps = FieldMaps::new(Additions::Mentioned, &[(LogFamily::Windows, own)]).expect("a correct map");
    insta::assert_snapshot!(show_with(&Arc::new(maps), "x.json", EVENT));
    insta::assert_snapshot!(show("x.json", EVENT));
}

#[test]
fn an_own_map_may_replace_events() {
    let own = r#"
        [[event]]
        channel = "sysmon"
        ids = [5]
        replace = true
        fields = [{ from = "Image", to = "process:x_image" }]
    "#;
    let maps = FieldMaps::new(Additions::Mentioned, &[(LogFamily::Windows, own)]).expect("a correct map");
    let event = r#"{"EventID":5,"Channel":"Sysmon","Image":"C:\\a.exe","ProcessId":"4","@timestamp":"2020-10-19T02:56:14.231Z"}"#;
    insta::assert_snapshot!(show_with(&Arc::new(maps), "x.json", event));
}

#[test]
fn wrong_maps_say_what_is_wrong() {
    let error = |own: &str| {
        FieldMaps::new(Additions::Mentioned, &[(LogFamily::Windows, own)]).expect_err("wrong").to_string()
    };
    let event = |fields: &str| format!("[[event]]\nids = [1]\nfields = [{fields}]");
    insta::assert_snapshot!(error(&event("{ from = \"x\", to = \"process\" }")));
    insta::assert_snapshot!(error(&event("{ from = \"x\", to = \"process:odd_ref.a\" }")));
    insta::assert_snapshot!(error("[[event]]\nids = [1]\nuse = [\"nowhere\"]"));
    insta::assert_snapshot!(error("[[event]]\nids = [1]\nchannel = \"nowhere\""));
    insta::assert_snapshot!(error("[[even]]"));
}
