//! Reading over HTTP, from a server that says what each test needs.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    time::Duration,
};

use super::*;

/// Answers every request with the answer for its path; returns host and port.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(&stream).lines();
            let request = lines.next().and_then(Result::ok).unwrap_or_default();
            while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let path = request.split(' ').nth(1).unwrap_or_default();
            let _ = stream.write_all(&answer(path));
        }
    });
    address
}

fn ok(body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())
            .into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn read_url(address: &str, change: impl Fn(&mut ReadOptions)) -> String {
    let mut case = Case::new("");
    case.options.limits.timeout = Duration::from_millis(500);
    change(&mut case.options);
    let host = address.split('/').next().unwrap_or(address).to_owned();
    case.text(&format!("http://{address}")).replace(&host, "HOST")
}

#[test]
fn answers_of_all_kinds() {
    let host = serve(|path| match path {
        "/a.json" => ok(process(1, "a.exe").as_bytes()),
        "/moved" => {
            b"HTTP/1.1 302 Found\r\nLocation: /a.json\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .to_vec()
        }
        "/loop" => b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            .to_vec(),
        "/short" => b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n[".to_vec(),
        "/busy" => b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_vec(),
        "/slow" => {
            std::thread::sleep(Duration::from_secs(2));
            Vec::new()
        }
        _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_vec(),
    });
    let read = |path: &str| read_url(&format!("{host}{path}"), |_| {});
    insta::assert_snapshot!(read("/a.json"), @r#"
    observed-data--00000001 “2021-04-03T09:00:01Z” … “2021-04-03T09:00:01Z” ×1
      process name=Text("a.exe") pid=Int(1)
    "#);
    assert_eq!(read("/moved"), read("/a.json"));
    insta::assert_snapshot!(read("/loop"), @"error: cannot download `http://HOST/loop`: too many redirects [Network]");
    insta::assert_snapshot!(read("/missing?token=secret"), @"error: cannot download `http://HOST/missing`: the server answered with status 404 Not Found [Status(404)]");
    insta::assert_snapshot!(read("/busy"), @"error: cannot download `http://HOST/busy`: the server answered with status 503 Service Unavailable [Status(503)]");
    insta::assert_snapshot!(read("/short"), @"error: cannot download `http://HOST/short`: the connection broke: end of file before message length reached [Network]");
    insta::assert_snapshot!(read_url(&format!("{host}/a.json"), |options| options.limits.download = 100), @"error: cannot download `http://HOST/a.json`: the answer is larger than the limit of 100 bytes [TooLarge]");
    insta::assert_snapshot!(read_url(&format!("{host}/a.json?token=secret"), |options| options.offline = true), @"error: cannot download `http://HOST/a.json`: the network is not to be used [Offline]");
    insta::assert_snapshot!(read("/slow"), @"error: cannot download `http://HOST/slow`: operation timed out [Timeout]");
}

/// Sends whoever asks to another address.
fn moved(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .into_bytes()
}

#[test]
fn other_servers_are_told_and_may_be_forbidden() {
    let end = serve(|path| match path {
        "/a.json?token=secret" => ok(process(1, "a.exe").as_bytes()),
        _ => ok(b"never asked"),
    });
    let (target, port) = (end.clone(), end.rsplit(':').next().unwrap_or_default().to_owned());
    let middle = serve(move |_| moved(&format!("http://user:secret@{target}/a.json?token=secret#part")));
    let first = serve({
        let middle = middle.clone();
        move |path| match path {
            "/here" => moved("/there"),
            "/there" => ok(process(1, "a.exe").as_bytes()),
            "/odd" => moved(&format!("http://localhost:{port}/a.json?token=secret")),
            "/file" => moved("file:///etc/passwd"),
            _ => moved(&format!("http://{middle}/b?token=secret")),
        }
    });
    let names = |text: String| {
        let text = text.replace(&first, "FIRST").replace(&middle, "MIDDLE").replace(&end, "END");
        assert!(!text.contains("secret"), "{text}");
        text
    };
    let read = |path: &str, redirects: &Redirects| {
        let mut case = Case::new("");
        case.options.redirects = redirects.clone();
        let told = |summary: ReadSummary| format!("{} records {:?}", summary.records, summary.redirects);
        let result = case.read(&format!("http://{first}{path}")).1;
        names(result.map_or_else(|error| format!("{error} [{:?}] {:?}", error.kind, error.retry), told))
    };
    let any = Redirects::default();
    insta::assert_snapshot!(read("/here", &any), @"1 records []");
    insta::assert_snapshot!(read("/x", &any), @r#"1 records [Redirect { from: "http://FIRST/x", to: ["http://MIDDLE/b", "http://END/a.json"] }]"#);
    insta::assert_snapshot!(read("/file", &any), @"cannot download `http://FIRST/file`: the server answered with status 302 Found [Status(302)] Permanent");
    // The rule hears of every hop, and what was asked first.
    let (asked, last) = (first.clone(), end.clone());
    let rule = Redirects::new(move |from, to| {
        assert!(from.starts_with(&format!("http://{asked}/")), "{from}");
        if to.contains(&last) || to.contains("localhost") { Err("not there".to_owned()) } else { Ok(()) }
    });
    insta::assert_snapshot!(read("/x", &rule), @"cannot download `http://FIRST/x`: redirected to `http://END/a.json`: not there [Redirect] Permanent");
    insta::assert_snapshot!(read("/odd", &rule).replace(|c: char| c.is_ascii_digit(), "9"), @"cannot download `http://FIRST/odd`: redirected to `http://localhost:99999/a.json`: not there [Redirect] Permanent");
    insta::assert_snapshot!(read("/here", &rule), @"1 records []");
}

#[test]
fn archives_come_over_the_web_too() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("a.json", zip::write::SimpleFileOptions::default()).expect("a member");
    archive.write_all(process(1, "a.exe").as_bytes()).expect("memory");
    let archive = archive.finish().expect("memory").into_inner();
    let host = serve(move |_| ok(&archive));
    let case = Case::new("");
    let summary = case.read(&format!("http://{host}/x")).1.expect("read");
    assert_eq!(summary.records, 1);
    assert_eq!(summary.source_key.len(), 64);
}
