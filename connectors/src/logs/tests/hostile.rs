//! Nothing that a log contains may panic or hang.

use proptest::prelude::*;

use super::*;

fn feed(lines: &[String]) {
    let mut mapper = LogMapper::new(Arc::clone(FieldMaps::built_in()), "x.json");
    let text = lines.join("\n");
    let _ = mapper.recognises(text.as_bytes());
    let mut out = BatchBuilder::new();
    for (number, line) in lines.iter().enumerate() {
        let place = Place { source: "x", member: None, number: number as u64 + 1, offset: 0 };
        let _ = mapper.event(&mut line.clone().into_bytes(), &place, &mut out);
        let _ = mapper.line(line.as_bytes(), &place, &mut out);
    }
    mapper.finish(&mut out).expect("a small batch");
}

/// Values that fields of events have, and ones that they should not have.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("1".to_owned()),
        Just("-9223372036854775808".to_owned()),
        Just("18446744073709551615".to_owned()),
        Just("1e300".to_owned()),
        Just("[]".to_owned()),
        Just("[[1],{\"@Name\":\"Image\",\"#text\":\"x\"}]".to_owned()),
        Just("{\"event_id\":{\"#text\":3}}".to_owned()),
        Just("{\"System\":{\"EventID\":13}}".to_owned()),
        "[-/:.;=#a0é \\\\]{0,12}".prop_map(|text| serde_json::Value::String(text).to_string()),
        Just("\"0x2b8\"".to_owned()),
        Just("\"\\\\REGISTRY\\\\é\"".to_owned()),
        Just("\"2020-10-18 10:56:18\"".to_owned()),
        Just("\"2020-10-1é 10:56\"".to_owned()),
        Just("\"/Date(9223372036854775807)/\"".to_owned()),
        Just("\"EventType: SetValue\\r\\nDetails: DWORD (\"".to_owned()),
    ]
}

fn event() -> impl Strategy<Value = String> {
    let names = [
        "EventID",
        "Channel",
        "SourceName",
        "Hostname",
        "TimeCreated",
        "UtcTime",
        "@timestamp",
        "Message",
        "Image",
        "ProcessId",
        "ProcessName",
        "TargetObject",
        "Details",
        "Hashes",
        "QueryResults",
        "QueryName",
        "winlog",
        "Event",
        "@stream",
        "ts",
        "id_orig_h",
        "answers",
        "query",
        "type",
        "name",
        "parent_ref.name",
        "url",
        "user_agent",
        "source",
        "date",
        "time",
        "_source",
        "tags",
        "SourceIp",
        "Protocol",
        "ObjectType",
        "ObjectName",
        "pid",
    ];
    let channels = prop_oneof![Just("Sysmon"), Just("Security"), Just("x")];
    let fields = prop::collection::vec((prop::sample::select(names.to_vec()), value()), 0..14);
    (channels, 0..30i64, fields).prop_map(|(channel, id, fields)| {
        let mut text = format!("{{\"Channel\":\"{channel}\",\"EventID\":{id}");
        for (name, value) in fields {
            text.push_str(&format!(",\"{name}\":{value}"));
        }
        text.push('}');
        text
    })
}

proptest! {
    #[test]
    fn odd_events_do_no_harm(lines in prop::collection::vec(event(), 1..8)) {
        feed(&lines);
    }

    #[test]
    fn odd_texts_do_no_harm(lines in prop::collection::vec(r#"[#"{}\[\],:\ta-e \\x09é-]{0,40}"#, 0..8)) {
        feed(&lines);
    }
}

#[test]
fn many_fields_and_long_rows_take_linear_time() {
    let mut flat = String::from("{\"type\":\"process\",\"name\":\"a\"");
    for n in 0..100_000 {
        flat.push_str(&format!(",\"x_{n}\":1"));
    }
    flat.push('}');
    let quotes: Vec<String> =
        std::iter::once("a,b".to_owned()).chain((0..20_000).map(|_| "\"open".to_owned())).collect();
    let start = std::time::Instant::now();
    feed(&[flat]);
    feed(&quotes);
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}
