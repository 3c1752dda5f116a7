//! Every container gives the same records; damaged ones say where and why.

use std::io::Write;

use super::*;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(content).expect("memory");
    out.finish().expect("memory")
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a member");
        out.write_all(content).expect("memory");
    }
    out.finish().expect("memory").into_inner()
}

fn records() -> Vec<String> {
    (1..4).map(|n| process(n, "a.exe")).collect()
}

#[test]
fn all_containers_give_the_same_records() {
    let records = records();
    let expected = read(bundle(&records));
    assert_eq!(expected.lines().count(), 6, "{expected}");
    let lines = records.join("\n");
    let list = format!("[{}]", records.join(","));
    let untyped = format!(r#"{{"objects":[{}]}}"#, records.join(",\n"));
    let pretty = serde_json::from_str::<serde_json::Value>(&bundle(&records)).expect("JSON");
    let pretty = serde_json::to_string_pretty(&pretty).expect("JSON");
    let bundles = format!("{}\n{}\n", bundle(&records[..1]), bundle(&records[1..]));
    let bom = format!("\u{feff}{lines}\n");
    let crlf = records.join("\r\n");
    let zipped = zip(&[("x.txt", lines.as_bytes())]);
    let split = zip(&[("1.json", records[0].as_bytes()), ("folder/2", records[1..].join("\n").as_bytes())]);
    let contents: [(&str, Vec<u8>); 11] = [
        ("lines", lines.clone().into()),
        ("lines with an end", format!("{lines}\n\n").into()),
        ("list", list.into()),
        ("untyped", untyped.into()),
        ("pretty", pretty.into()),
        ("bundles", bundles.into()),
        ("byte order mark", bom.into()),
        ("carriage returns", crlf.into()),
        ("gzip", gzip(lines.as_bytes())),
        ("zip", zipped),
        ("zip of two", split),
    ];
    for (name, content) in contents {
        let text = read(content);
        let text = text.lines().filter(|line| !line.starts_with("note: a.json has `objects` but"));
        assert_eq!(text.collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn several_files_are_read_in_order() {
    let case = Case::new(process(1, "a.exe"));
    std::fs::write(case.path().join("b.json"), process(2, "b.exe")).expect("a file");
    let text = case.text("stixbundle://b.json,a.json,c.json");
    insta::assert_snapshot!(text, @r#"
    observed-data--00000002 “2021-04-03T09:00:02Z” … “2021-04-03T09:00:02Z” ×1
      process name=Text("b.exe") pid=Int(2)
    observed-data--00000001 “2021-04-03T09:00:01Z” … “2021-04-03T09:00:01Z” ×1
      process name=Text("a.exe") pid=Int(1)
    failure: cannot read `c.json`: no such file
    "#);
    let absolute = format!("file://{0}/a.json,{0}/b.json", case.path().display());
    assert_eq!(case.read(&absolute).1.expect("read").records, 2);
}

#[test]
fn damage_is_located() {
    let whole = bundle(&records());
    let wide: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut compressed = gzip(whole.as_bytes());
    compressed.truncate(compressed.len() - 12);
    let nested = gzip(&gzip(whole.as_bytes()));
    let cases: [(&str, Vec<u8>); 13] = [
        ("empty", Vec::new()),
        ("blank", b" \n ".into()),
        ("truncated in the second record", whole.as_bytes()[..400].into()),
        ("truncated after a record", whole[..whole.len() - 2].into()),
        ("truncated line", format!("{}\n{}", records()[0], &records()[1][..50]).into()),
        ("no JSON", b"<html></html>".into()),
        ("garbage between members", br#"{"type":"bundle" "objects":[]}"#.into()),
        ("garbage at the end", format!("{whole} x").into()),
        ("UTF-16", wide),
        ("truncated gzip", compressed),
        ("gzip in gzip", nested),
        ("other packing", b"BZh91AY".into()),
        ("another JSON", br#"{"a": 1}"#.into()),
    ];
    let mut out = String::new();
    for (name, content) in cases {
        writeln!(out, "{name}:").expect("text");
        for line in read(content).lines().filter(|line| !line.starts_with("  ")) {
            writeln!(out, "    {line}").expect("text");
        }
    }
    insta::assert_snapshot!(out, @r#"
    empty:
        error: cannot read `a.json`: it is empty (byte 0) [Empty]
    blank:
        error: cannot read `a.json`: it is empty (byte 0) [Empty]
    truncated in the second record:
        observed-data--00000001 “2021-04-03T09:00:01Z” … “2021-04-03T09:00:01Z” ×1
        error: cannot read `a.json`: it ends inside the JSON value that starts at byte 258 (byte 400) [Truncated]
    truncated after a record:
        observed-data--00000001 “2021-04-03T09:00:01Z” … “2021-04-03T09:00:01Z” ×1
        observed-data--00000002 “2021-04-03T09:00:02Z” … “2021-04-03T09:00:02Z” ×1
        observed-data--00000003 “2021-04-03T09:00:03Z” … “2021-04-03T09:00:03Z” ×1
        error: cannot read `a.json`: it ends inside the JSON value that starts at byte 0 (byte 683) [Truncated]
    truncated line:
        observed-data--00000001 “2021-04-03T09:00:01Z” … “2021-04-03T09:00:01Z” ×1
        error: cannot read `a.json`: it ends inside the JSON value that starts at byte 213 (byte 263) [Truncated]
    no JSON:
        error: cannot read `a.json`: neither JSON nor a log of a known kind: it begins with `<html></html>` (byte 0) [NotJson]
    garbage between members:
        error: cannot read `a.json`: not JSON: `\"` where `,` or `}` between the members of an object is expected (byte 17) [NotJson]
    garbage at the end:
        observed-data--00000001 “2021-04-03T09:00:01Z” … “2021-04-03T09:00:01Z” ×1
        observed-data--00000002 “2021-04-03T09:00:02Z” … “2021-04-03T09:00:02Z” ×1
        observed-data--00000003 “2021-04-03T09:00:03Z” … “2021-04-03T09:00:03Z” ×1
        error: cannot read `a.json`: not JSON: `x` where a JSON object is expected (byte 686) [NotJson]
    UTF-16:
        error: cannot read `a.json`: encoded as UTF-16, but only UTF-8 can be read (byte 0) [WrongEncoding]
    truncated gzip:
        error: cannot unpack `a.json`: the packed data ends too early [Truncated]
    gzip in gzip:
        error: cannot unpack `a.json`: an archive inside an archive (gzip) is not opened [BadArchive]
    other packing:
        error: cannot read `a.json`: packed with bzip2, which cannot be unpacked here [BadArchive]
    another JSON:
        error: cannot read `a.json`: JSON, but neither STIX nor a log of a known kind [NotStix]
    "#);
}

#[test]
fn nothing_is_no_error_but_noted() {
    insta::assert_snapshot!(read("{}"), @"note: a.json has no objects");
    insta::assert_snapshot!(read(r#"{"type":"bundle","objects":[]}"#), @"note: a.json has no objects");
    insta::assert_snapshot!(read("[]"), @"note: a.json has no objects");
}

#[test]
fn one_bad_member_keeps_no_other_from_being_read() {
    let inner = zip(&[("x.json", b"{}")]);
    let archive = zip(&[
        ("../../etc/README.md", b"read me"),
        ("good.json", process(1, "a.exe").as_bytes()),
        ("inner.zip", &inner),
        ("__MACOSX/._good.json", b"\0\0"),
    ]);
    insta::assert_snapshot!(read(archive), @r#"
    observed-data--00000001 “2021-04-03T09:00:01Z” … “2021-04-03T09:00:01Z” ×1
      process name=Text("a.exe") pid=Int(1)
    failure: cannot unpack `a.json: ../../etc/README.md`: neither JSON nor a log of a known kind: it begins with `read me` (byte 0)
    failure: cannot unpack `a.json: inner.zip`: an archive inside an archive (zip) is not opened
    "#);
}

#[test]
fn archives_may_not_blow_up() {
    let mut case = Case::new(gzip(format!("[{}]", " ".repeat(64 << 20)).as_bytes()));
    insta::assert_snapshot!(case.text("file://a.json"), @"error: cannot unpack `a.json`: unpacks to more than 500 times its size [TooLarge]");
    case.options.limits.archive = 1 << 20;
    insta::assert_snapshot!(case.text("file://a.json"), @"error: cannot unpack `a.json`: unpacks to more than the limit of 1048576 bytes [TooLarge]");
}

#[test]
fn what_cannot_be_opened() {
    let case = Case::new("{}");
    insta::assert_snapshot!(case.text("file://missing.json"), @"error: cannot read `missing.json`: no such file [NotFound]");
    insta::assert_snapshot!(case.text("file://."), @"error: cannot read `.`: it is a directory [NotReadable]");
    insta::assert_snapshot!(case.text("stixshifter://lab101"), @"error: cannot read `stixshifter://lab101`: no connector configured; export the records of this source as a STIX bundle and use `file://…` [NoConnector]");
}

#[test]
fn the_key_tells_content_and_address() {
    let case = Case::new(process(1, "a.exe"));
    std::fs::write(case.path().join("b.json"), process(1, "a.exe")).expect("a file");
    let key = |address| case.read(address).1.expect("read").source_key;
    let first = key("file://a.json");
    assert_eq!(first.len(), 64);
    assert_eq!(first, key("file://a.json"));
    assert_ne!(first, key("file://b.json"));
    std::fs::write(case.path().join("a.json"), process(2, "a.exe")).expect("a file");
    assert_ne!(first, key("file://a.json"));
}

#[test]
fn the_sink_can_stop_and_the_caller_cancel() {
    let many: Vec<String> = (0..200).map(|n| process(n, "a.exe")).collect();
    let mut case = Case::new(many.join("\n"));
    case.options.tuning = Tuning { block: 64, chunk: 512, sample: 512 };
    for threads in [1, 3] {
        case.options.threads = threads;
        let address = Address::parse("file://a.json").expect("an address");
        let mut batches = 0;
        let result = read_source(&address, &case.options, &mut |_| {
            batches += 1;
            if batches == 3 { Err(Stop) } else { Ok(()) }
        });
        let summary = result.expect("no error");
        assert!(summary.stopped && summary.source_key.is_empty());
        assert_eq!(batches, 3);
    }
    case.options.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(case.read("file://a.json").1.expect("no error").stopped);
}

#[test]
fn only_the_first_readable_member_if_that_is_asked_for() {
    let members = [
        ("README.txt", process(1, "readme.exe")),
        ("a.log", process(2, "a.exe")),
        ("b.log", process(3, "b.exe")),
        ("c.json", process(4, "c.exe")),
    ];
    let members: Vec<(&str, &[u8])> = members.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let toml = folder.path().join("kestrel.toml");
    std::fs::write(&toml, "[logs]\nzip_members = \"first\"\n").expect("written");
    let mut case = Case::new(zip(&members));
    let all = case.read("file://a.json").1.expect("it works");
    case.options.logs = crate::logs::LogOptions::read(Some(&toml)).expect("options");
    let first = case.read("file://a.json").1.expect("it works");
    let names = |summary: &ReadSummary| {
        summary.parts.iter().map(|part| part.name.clone()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(names(&all), "a.json: README.txt, a.json: a.log, a.json: b.log, a.json: c.json");
    assert_eq!(names(&first), "a.json: README.txt, a.json: a.log");
    // What is left out is told, and what is kept of the source is something else.
    let notes: Vec<String> =
        first.parts.iter().flat_map(|part| &part.notes).map(|note| note.describe()).collect();
    assert_eq!(notes, ["2 further members of the archive are left out, as `zip_members = \"first\"` says"]);
    assert_ne!(all.source_key, first.source_key);
}
