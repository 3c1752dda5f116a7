//! One event of each kind, and what it becomes.

use super::*;

#[test]
fn sysmon_process_creation() {
    let event = r#"{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","SourceName":"Microsoft-Windows-Sysmon","Hostname":"WS5","TimeCreated":"2020-10-18 10:56:18.799","UtcTime":"2020-10-19 02:56:14.230","Message":"Process Create:\r\nx","Image":"C:\\Windows\\cmd.exe","ProcessId":"3080","ProcessGuid":"{a}","CommandLine":"cmd /c","CurrentDirectory":"C:\\","User":"WS5\\joe","Hashes":"SHA1=01,MD5=02,SHA256=03,IMPHASH=04","ParentImage":"C:\\Windows\\explorer.exe","ParentProcessId":"0x2b8","ParentProcessGuid":"{b}","ParentCommandLine":"explorer","RuleName":"-"}"#;
    insta::assert_snapshot!(show("x.json", event));
}

#[test]
fn sysmon_connection_image_file_and_registry() {
    let events = concat!(
        r#"{"EventID":3,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"WS5","UtcTime":"2020-10-19 02:56:14.230","Image":"System","ProcessId":"4","ProcessGuid":"{a}","User":"NT AUTHORITY\\SYSTEM","SourceIp":"fe80::1","DestinationIp":"10.0.0.4","SourcePort":"1000","DestinationPort":"445","Protocol":"tcp"}"#,
        "\n",
        r#"{"EventID":7,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"WS5","UtcTime":"2020-10-19 02:56:14.231","Image":"C:\\a.exe","ProcessId":"4","ProcessGuid":"{a}","ImageLoaded":"C:\\lib\\b.dll","Hashes":"MD5=02"}"#,
        "\n",
        r#"{"EventID":11,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"WS5","UtcTime":"2020-10-19 02:56:14.231","Image":"C:\\a.exe","ProcessId":"4","ProcessGuid":"{a}","TargetFilename":"C:\\t\\x.dmp"}"#,
        "\n",
        r#"{"EventID":13,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"WS5","UtcTime":"2020-10-19 02:56:14.231","Image":"C:\\a.exe","ProcessId":"4","ProcessGuid":"{a}","TargetObject":"HKU\\S-1\\Run\\x","Details":"DWORD (0x00000001)","Message":"Registry value set:\r\nEventType: SetValue\r\nDetails: DWORD (0x00000001)"}"#,
    );
    insta::assert_snapshot!(show("x.json", events));
}

#[test]
fn additions_are_reached_from_the_event() {
    let events = concat!(
        r#"{"EventID":10,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"WS5","UtcTime":"2020-10-19 02:56:14.230","SourceImage":"C:\\d.exe","SourceProcessId":"7","SourceProcessGUID":"{a}","TargetImage":"C:\\Windows\\lsass.exe","TargetProcessId":"8","TargetProcessGUID":"{b}","GrantedAccess":"0x1000","CallTrace":"ntdll"}"#,
        "\n",
        r#"{"EventID":22,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"WS5","UtcTime":"2020-10-19 02:56:14.231","Image":"C:\\a.exe","ProcessId":"4","ProcessGuid":"{a}","QueryName":"x.example","QueryResults":"type:  5 y.example;::ffff:10.0.0.4;"}"#,
        "\n",
        r#"{"EventID":23,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"WS5","UtcTime":"2020-10-19 02:56:14.231","Image":"C:\\a.exe","ProcessId":"4","ProcessGuid":"{a}","User":"WS5\\joe","TargetFilename":"C:\\t\\x.dmp","Hashes":"MD5=09"}"#,
        "\n",
        r#"{"EventID":5158,"Channel":"Security","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","Application":"\\device\\x\\a.exe","ProcessId":"4","SourceAddress":"::","SourcePort":"5985","Protocol":"6"}"#,
        "\n",
        r#"{"EventID":4663,"Channel":"Security","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","ProcessName":"C:\\a.exe","ProcessId":"0x10","SubjectUserName":"joe","ObjectType":"Key","ObjectName":"\\REGISTRY\\MACHINE\\SAM"}"#,
        "\n",
        r#"{"EventID":4103,"Channel":"Microsoft-Windows-PowerShell/Operational","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","Payload":"ls","Message":"CommandInvocation(ls): x\r\n\tHost Application = powershell -nop\r\n"}"#,
    );
    insta::assert_snapshot!(show("x.json", events));
    let full = Arc::new(FieldMaps::new(Additions::Seen, &[]).expect("correct maps"));
    insta::assert_snapshot!(show_with(&full, "x.json", events));
    let none = Arc::new(FieldMaps::new(Additions::None, &[]).expect("correct maps"));
    insta::assert_snapshot!(show_with(&none, "x.json", events));
}

#[test]
fn security_process_connection_and_logon() {
    let events = concat!(
        r#"{"EventID":4688,"Channel":"Security","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","NewProcessName":"C:\\a.exe","NewProcessId":"0x10","CommandLine":"a -x","ParentProcessName":"C:\\p.exe","ProcessId":"0x8","SubjectUserName":"joe","TargetUserName":"-"}"#,
        "\n",
        r#"{"EventID":5156,"Channel":"Security","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","Application":"\\device\\x\\a.exe","ProcessId":"16","SourceAddress":"10.0.0.5","SourcePort":"1","DestAddress":"10.0.0.6","DestPort":"443","Protocol":"17"}"#,
        "\n",
        r#"{"EventID":4624,"Channel":"Security","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","ProcessName":"-","ProcessId":"0x0","SubjectUserName":"-","TargetUserName":"joe","TargetUserSid":"S-1","TargetDomainName":"D","IpAddress":"10.0.0.9","IpPort":"50","LogonType":3}"#,
    );
    insta::assert_snapshot!(show("x.json", events));
}

#[test]
fn layouts_of_other_exporters() {
    let events = concat!(
        r#"{"@timestamp":"2020-10-19T02:56:14.231Z","winlog":{"event_id":11,"channel":"Microsoft-Windows-Sysmon/Operational","provider_name":"Microsoft-Windows-Sysmon","computer_name":"WS5","event_data":{"Image":"C:\\a.exe","ProcessId":"4","ProcessGuid":"{a}","TargetFilename":"C:\\t\\x","UtcTime":"2020-10-19 02:56:14.000"}},"message":"File created:\nx","host":{"name":"other"}}"#,
        "\n",
        r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-Sysmon"}},"EventID":5,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"WS5","TimeCreated":{"#attributes":{"SystemTime":"2020-10-19T02:56:14.5Z"}}},"EventData":{"Image":"C:\\a.exe","ProcessId":4,"ProcessGuid":"{a}"}}}"##,
        "\n",
        r##"{"Event":{"System":{"Provider":{"@Name":"Microsoft-Windows-Sysmon"},"EventID":{"#text":5},"TimeCreated":{"@SystemTime":"2020-10-19T02:56:14.5Z"}},"EventData":{"Data":[{"@Name":"Image","#text":"C:\\a.exe"},{"@Name":"ProcessId","#text":"4"}]}}}"##,
        "\n",
        r#"{"_source":{"event_id":4689,"log_name":"Security","computer_name":"WS5","@timestamp":"2020-10-19T02:56:14.5Z","event_data":{"ProcessName":"C:\\a.exe","ProcessId":"0x4"}}}"#,
    );
    insta::assert_snapshot!(show("x.json", events));
}

#[test]
fn a_number_alone_is_not_sysmon() {
    let event = r#"{"EventID":1,"Channel":"System","SourceName":"Microsoft-Windows-Kernel-General","Hostname":"WS5","@timestamp":"2020-10-19T02:56:14.231Z","Image":"C:\\a.exe","ProcessId":"4"}"#;
    insta::assert_snapshot!(show("x.json", event));
}

#[test]
fn lines_that_are_no_events_are_told_apart() {
    let events = "{\"EventID\":5,\"Channel\":\"x\"}\n\n[1]\n{\"a\":\n{\"a\":1}\n";
    insta::assert_snapshot!(show("x.json", events));
}

#[test]
fn local_times_are_corrected_by_the_nearest_event_that_says_both() {
    let security = |second: u32| {
        format!(
            r#"{{"EventID":4689,"Channel":"Security","Hostname":"A","TimeCreated":"2020-10-18 10:56:{second:02}","ProcessName":"x"}}"#
        )
    };
    let sysmon = |utc: &str| {
        format!(
            r#"{{"EventID":5,"Channel":"Sysmon","Hostname":"A","TimeCreated":"2020-10-18 10:56:00.1","UtcTime":"{utc}","Image":"y"}}"#
        )
    };
    let events = [
        security(1),
        security(2),
        sysmon("2020-10-18 22:56:00"),
        security(3),
        security(4),
        security(5),
        sysmon("2020-10-18 14:56:00"),
        security(6),
    ]
    .join("\n");
    let (batch, _) = run(FieldMaps::built_in(), "x.json", &events);
    let times: Vec<String> =
        batch.records.iter().filter_map(|record| record.first).map(|at| at.to_string()).collect();
    insta::assert_snapshot!(times.join("\n"));
    assert!(batch.defects.is_empty(), "{:?}", batch.defects);
    let (batch, _) = run(FieldMaps::built_in(), "x.json", &security(1));
    assert_eq!(batch.defects[&kestrel_stix::record::Defect::LocalTime].count, 1);
}

#[test]
fn records_that_wait_keep_their_order_and_wait_for_long_only_once() {
    let mut lines = Vec::new();
    for n in 0..5000 {
        lines.push(format!(
            r#"{{"EventID":4689,"Channel":"Security","Hostname":"A","TimeCreated":"2020-10-18 10:56:01","ProcessName":"p{n}"}}"#
        ));
    }
    let (batch, outcomes) = run(FieldMaps::built_in(), "x.json", &lines.join("\n"));
    assert_eq!(batch.records.len(), 5000);
    assert_eq!(batch.defects[&kestrel_stix::record::Defect::LocalTime].count, 5000);
    assert!(outcomes["Recorded"] > 0, "{outcomes:?}");
    let first_names: Vec<_> =
        batch.records.iter().map(|record| batch.attribute(batch.seen_in(record)[2], "name")).collect();
    let expected: Vec<_> = (0..5000).map(|n| Some(Value::text(format!("p{n}")))).collect();
    assert_eq!(first_names, expected);
}

#[test]
fn zeek_json_and_text() {
    let json = concat!(
        r#"{"@stream":"conn","ts":1588205198.89971,"uid":"C","id_orig_h":"10.0.1.4","id_orig_p":64842,"id_resp_h":"10.0.0.4","id_resp_p":53,"proto":"udp","conn_state":"SF","orig_pkts":1,"orig_ip_bytes":67,"resp_pkts":0,"resp_ip_bytes":0,"orig_l2_addr":"00:0d:3a:4d:42:f2"}"#,
        "\n",
        r#"{"_path":"dns","ts":"2020-04-30T00:06:38.899710Z","id.orig_h":"fe80::1","id.orig_p":1,"id.resp_h":"10.0.0.4","id.resp_p":53,"proto":"udp","query":"x.example","answers":["10.0.0.4","y.example"]}"#,
        "\n",
        r#"{"@stream":"kerberos","ts":1588205198.9,"id_orig_h":"10.0.1.4","id_orig_p":60595,"id_resp_h":"10.0.0.4","id_resp_p":445}"#,
        "\n",
        r#"{"@stream":"weird","ts":1588205198.9,"name":"x"}"#,
    );
    insta::assert_snapshot!(show("all.json", json));
    let text = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\torig_ip_bytes\n#types\ttime\taddr\tport\taddr\tport\tenum\tcount\n1692374165.735188\t192.168.1.42\t56129\t192.168.1.4\t53\tudp\t0\n1692374165.9\tff02::1\t1\t192.168.1.4\t-\tudp\t-\nx\n#close\t2023\n";
    insta::assert_snapshot!(show("x.log", text));
}

#[test]
fn honeypot_csv_and_flat_entities() {
    let csv =
        "date,time,url,user_agent,source\n2021-01-02,03:04:05,/x.php,\"Mozilla, \"\"5\"\"\",198.51.100.7\n";
    insta::assert_snapshot!(show("x.csv", csv));
    let flat = concat!(
        r#"{"type":"process","name":"a.exe","pid":"10","parent_ref.name":"p.exe","created":"2021-01-02T03:04:05Z"}"#,
        "\n",
        r#"{"type":"ipv4-addr","value":"10.0.0.1","first_observed":"2021-01-02 03:04:05","number_observed":3}"#,
        "\n",
        r#"{"type":"process","pid":3}"#,
    );
    insta::assert_snapshot!(show("x.json", flat));
}

#[test]
fn what_has_no_events_has_no_mapper() {
    for sample in
        ["", "hello\nworld", "{\"a\":1}", "[1,2]", "a,b\n1,2", "{\"type\":\"bundle\",\"objects\":[]}"]
    {
        assert!(mapper_with(sample.as_bytes(), "x.log", FieldMaps::built_in()).is_none(), "{sample}");
    }
    assert!(
        mapper_with(b"[ {\"a\":1}, {\"EventID\":1,\"Channel\":\"x\"}", "x.json", FieldMaps::built_in())
            .is_some()
    );
    assert!(
        mapper_with(b"{\"Message\":\"cut off\",\"EventID\":1,\"Chan", "x.json", FieldMaps::built_in())
            .is_some()
    );
}
