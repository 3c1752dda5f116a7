//! Records that hold their objects.

use super::*;

#[test]
fn attributes_are_flattened() {
    let text = read(
        r#"{"type":"bundle","objects":[{"type":"observed-data","id":"observed-data--1","first_observed":"2021-04-03T09:00:00Z","last_observed":"2021-04-03T09:00:01.5Z","number_observed":2,"x_other":{"a":1},
        "objects":{
          "0":{"type":"process","id":"process--x","pid":"0x2b8","name":"a.exe","is_hidden":false,"score":1.5,"note":null,"image_ref":"1","created_time":"2021-04-03T09:00:00Z",
               "environment_variables":{"PATH":"/bin","A-B":"c"},"arguments":["a", "b\"\u00e9"],
               "extensions":{"windows-process-ext":{"priority":"HIGH","deep":{"er":[1, 2.0, {"b":null, "a":true}]}},"windows-service-ext":{"service_dll_refs":["1"]},"x-sysmon":{"process_guid":"{abc}"}}},
          "1":{"type":"file","name":"a.exe","size":"12","hashes":{"MD5":"aa","SHA-256":"bb"},"ctime":"2020-01-01T00:00:00Z","parent_directory_ref":"2"},
          "2":{"type":"directory","path":"C:\\"},
          "3":{"type":"network-traffic","src_port":80.0,"dst_port":443,"protocols":["ipv4","tcp"],"opened_refs":"1"},
          "4":{"type":"x-foo","nested":{"a":{"b":[1]}},"extensions":{"e":{"f":1}},"some_ref":"2"}}}]}"#,
    );
    insta::assert_snapshot!(text, @r#"
    observed-data--1 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:01.5Z” ×2
      process pid=Int(696) name=Text("a.exe") is_hidden=Bool(false) score=Float(1.5) created=Text("2021-04-03T09:00:00Z") environment_variables.PATH=Text("/bin") environment_variables.'A-B'=Text("c") arguments=Json("[\"a\",\"b\\\"é\"]") extensions.'windows-process-ext'.priority=Text("HIGH") extensions.'windows-process-ext'.deep.er=Json("[1,2.0,{\"b\":null,\"a\":true}]") extensions.'x-sysmon'.process_guid=Text("{abc}") x_unique_id=Text("{abc}") binary_ref→file--aa87fe1a extensions.'windows-service-ext'.service_dll_refs[]→file--aa87fe1a
      file name=Text("a.exe") size=Int(12) hashes.MD5=Text("aa") hashes.'SHA-256'=Text("bb") created=Text("2020-01-01T00:00:00Z") parent_directory_ref→directory--ab82f84a
      directory path=Text("C:\\")
      network-traffic src_port=Int(80) dst_port=Int(443) protocols=Json("[\"ipv4\",\"tcp\"]") opened_refs[]→file--aa87fe1a
      x-foo nested=Json("{\"a\":{\"b\":[1]}}") extensions.e.f=Int(1) some_ref→directory--ab82f84a
    "#);
}

#[test]
fn times_are_read_leniently() {
    let record = |n: u32, times: &str| {
        format!(
            r#"{{"type":"observed-data","id":"o--{n}",{times}"objects":{{"0":{{"type":"url","value":"u{n}"}}}}}}"#
        )
    };
    let records = [
        record(
            1,
            r#""first_observed":"2021-04-03 09:00:00+02:00","last_observed":"2021-04-03t09:00:00.123456789z","number_observed":1,"#,
        ),
        record(2, r#""first_observed":"2021-04-03T09:00:00Z","number_observed":1,"#),
        record(
            3,
            r#""first_observed":"yesterday","last_observed":"2021-04-03T09:00:00Z","number_observed":1,"#,
        ),
        record(4, r#""number_observed":1,"#),
        record(
            5,
            r#""first_observed":"2021-04-03T09:00:05Z","last_observed":"2021-04-03T09:00:00Z","number_observed":1,"#,
        ),
        record(
            6,
            r#""first_observed":"2021-04-03T09:00:05Z","last_observed":"2021-04-03T09:00:05Z","number_observed":0,"#,
        ),
        record(7, r#""first_observed":"2021-04-03T09:00:05Z","last_observed":17,"number_observed":"3","#),
    ];
    insta::assert_snapshot!(read(bundle(&records)), @r#"
    o--1 “2021-04-03 09:00:00+02:00” … “2021-04-03t09:00:00.123456789z” ×1
      url value=Text("u1")
    o--2 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      url value=Text("u2")
    o--3 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      url value=Text("u3")
    o--4 no time … no time ×1
      url value=Text("u4")
    o--5 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:05Z” ×1
      url value=Text("u5")
    o--6 “2021-04-03T09:00:05Z” … “2021-04-03T09:00:05Z” ×1
      url value=Text("u6")
    o--7 “2021-04-03T09:00:05Z” … “2021-04-03T09:00:05Z” ×1
      url value=Text("u7")
    ! 2 × record without a usable number_observed was counted once (byte 831 of a.json: o--6)
    ! 2 × time that cannot be read was taken as absent (byte 381 of a.json: `yesterday`)
    ! 1 × record without any usable time fails every time range (byte 550 of a.json: o--4)
    ! 1 × record that ends before it starts had its times swapped (byte 651 of a.json: o--5)
    "#);
}

#[test]
fn defects_lose_as_little_as_possible() {
    let records = [
        "17".to_owned(),
        r#"{"type":"observed-data","first_observed":"2021-04-03T09:00:00Z","number_observed":1,"objects":{"0":{"type":"url","value":"u"}}}"#.to_owned(),
        r#"{"type":"observed-data","id":"o--1","first_observed":"2021-04-03T09:00:00Z","number_observed":1,"objects":{"0":{"value":"u"},"1":7,"2":{"type":"file","name":"f","parent_directory_ref":"9","contains_refs":[1,"2"],"content_ref":{"a":1}},"3":{"id":"url--1","value":"from id"},"4":{"type":"process","pid":"many","creator_user_ref":["2"]}}}"#.to_owned(),
        r#"{"type":"observed-data","id":"o--2","objects":["x"]}"#.to_owned(),
        r#"{"type":"observed-data","id":"o--3","number_observed":1,"objects":{}}"#.to_owned(),
        r#"{"type":"indicator","id":"indicator--1"}"#.to_owned(),
        r#"{"type":"malware","id":"malware--1"}"#.to_owned(),
        r#"{"type":"identity","id":"identity--1","name":"me"}"#.to_owned(),
        r#"{"foo":"bar"}"#.to_owned(),
        r#"{"type":"observed-data","id":"o--4","first_observed":"2021-04-03T09:00:00Z","number_observed":1,"objects":{"0":{"type":"url","value":"\ud83d","n":123456789012345678901234567890,"m":18446744073709551615}}}"#.to_owned(),
        r#"{"type":"observed-data","id":"o--5","objects":{"0":{"type":tru}}}"#.to_owned(),
    ];
    insta::assert_snapshot!(read(bundle(&records)), @r#"
    observed-data--3027fa4c-b9a9-54a8-ba66-eab1031ee214 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      url value=Text("u")
    o--1 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      file name=Text("f")
      url value=Text("from id")
      process pid=Text("many")
    o--4 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      url value=Text("�") n=Text("123456789012345678901234567890") m=Text("18446744073709551615")
    ! 4 × record that is no STIX object was skipped (byte 45 of a.json: 17)
    ! 1 × record without id got one made from its content (byte 48 of a.json: observed-data--3027fa4c-b9a9-54a8-ba66-eab1031ee214)
    ! 1 × record without any usable time fails every time range (byte 565 of a.json: o--3)
    ! 1 × object without a type was skipped (byte 176 of a.json: object `0`)
    ! 1 × object that is no dictionary was skipped (byte 176 of a.json: object `1`)
    ! 4 × reference to a missing object was dropped (byte 176 of a.json: contains_refs of file is no text)
    ! 1 × reference of an object to itself was dropped (byte 176 of a.json: contains_refs of file)
    ! 2 × value of an unexpected kind was kept as text (byte 176 of a.json: pid of process: `many`)
    ! 2 × STIX object that is no observation was ignored (byte 635 of a.json: indicator)
    ignored: {"indicator": 1, "malware": 1}
    "#);
}

#[test]
fn a_file_without_anything_usable_is_an_error() {
    insta::assert_snapshot!(read(r#"{"type":"bundle","objects":[1, {"type":"observed-data"]}"#), @r"
    ! 2 × record that is no STIX object was skipped (byte 28 of a.json: 1)
    error: cannot read `a.json`: not JSON: `}` where an element of the list is expected (byte 55) [NotJson]
    ");
    insta::assert_snapshot!(read(r#"{"type":"bundle","objects":[1, {"a":1}]}"#), @r"
    ! 2 × record that is no STIX object was skipped (byte 28 of a.json: 1)
    error: cannot read `a.json`: none of 2 values is a usable STIX object [NoUsableRecord]
    ");
}

#[test]
fn limits_hold() {
    let deep = format!("{}{}", "[".repeat(80), "]".repeat(80));
    let dictionary = format!("{}1{}", r#"{"a":"#.repeat(80), "}".repeat(80));
    let many: Vec<String> = (0..20).map(|n| format!(r#""{n}":{{"type":"url","value":"{n}"}}"#)).collect();
    let records = [
        format!(
            r#"{{"type":"observed-data","id":"o--1","first_observed":"2021-04-03T09:00:00Z","number_observed":1,"objects":{{"0":{{"type":"process","a":{deep},"b":{dictionary},"c":"{}","name":"kept"}}}}}}"#,
            "x".repeat(200)
        ),
        format!(
            r#"{{"type":"observed-data","id":"o--2","first_observed":"2021-04-03T09:00:00Z","number_observed":1,"objects":{{{}}}}}"#,
            many.join(",")
        ),
        format!(r#"{{"type":"observed-data","id":"o--3","x":"{}"}}"#, "x".repeat(3000)),
        process(4, "last.exe"),
    ];
    let mut case = Case::new(bundle(&records));
    case.options.limits = Limits { string: 100, objects: 10, record: 2000, ..Limits::default() };
    case.options.tuning = Tuning { block: 100, chunk: 100, sample: 100 };
    let in_bundle = case.text("file://a.json");
    insta::assert_snapshot!(in_bundle, @r#"
    o--1 “2021-04-03T09:00:00Z” … “2021-04-03T09:00:00Z” ×1
      process name=Text("kept")
    observed-data--00000004 “2021-04-03T09:00:04Z” … “2021-04-03T09:00:04Z” ×1
      process name=Text("last.exe") pid=Int(4)
    ! 5 × value or record beyond the size limits was skipped (byte 45 of a.json: a of process)
    "#);
    std::fs::write(case.path().join("a.json"), format!("{}\n", records.join("\n"))).expect("a file");
    case.options.tuning = Tuning { block: 4000, chunk: 100, sample: 5000 };
    assert_eq!(case.text("file://a.json").lines().count(), in_bundle.lines().count());
}
