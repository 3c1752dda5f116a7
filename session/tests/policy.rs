//! `kestrel-run --policy`: exit code 4, and nothing runs.

use std::process::{Command, Output};

use crate::support::{root, stderr, stdout};

/// Runs a hunt in a folder of its own.
fn run(folder: &std::path::Path, policy: &str, hunt: &str) -> Output {
    std::fs::write(folder.join("policy.toml"), policy).expect("written");
    std::fs::write(folder.join("hunt.hf"), hunt).expect("written");
    Command::new(env!("CARGO_BIN_EXE_kestrel-run"))
        .args(["--policy", "policy.toml", "--no-cache", "--format", "json", "hunt.hf"])
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

#[test]
fn what_is_forbidden_does_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = root().join("fixtures/bundles/mini.json");
    let bundle = bundle.to_str().expect("text");
    let hunt = format!(
        "p = GET process FROM stixbundle://{bundle} WHERE pid > 0\nSAVE p TO results/p.csv\nSAVE p TO elsewhere/p.csv\n"
    );
    let refused = run(folder.path(), "[files]\nwrite = ['results']\n", &hunt);
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("error[E0906]") && stderr(&refused).contains("hunt.hf:3:1"));
    // Nothing of the hunt ran, not even what is allowed.
    assert!(!folder.path().join("results").exists());
    let json: serde_json::Value = serde_json::from_str(&stdout(&refused)).expect("one document");
    assert_eq!(json["diagnostics"][0]["category"], "policy");
    assert_eq!(json["variables"], serde_json::json!({}));
    let allowed = run(folder.path(), "[files]\nwrite = ['results', 'elsewhere']\n", &hunt);
    assert_eq!(allowed.status.code(), Some(0), "{}", stderr(&allowed));
    assert!(folder.path().join("elsewhere/p.csv").exists());
    // A plan is bound as well.
    let timed = "[time]\nmaximum = '1 day'\n";
    assert_eq!(run(folder.path(), timed, &hunt).status.code(), Some(4));
    let wrong = run(folder.path(), "[file]\nwrite = []\n", &hunt);
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("did you mean `files`?"), "{}", stderr(&wrong));
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("results")).expect("made");
    let link = |to: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(to, folder.path().join("results").join(name)).expect("linked");
    };
    link(outside.path(), "out");
    link(&outside.path().join("new.csv"), "file.csv");
    link(&folder.path().join("results"), "self");
    let policy = "[files]\nwrite = ['results']\n";
    let save = |path: &str| format!("x = NEW process ['a']\nSAVE x TO {path}\n");
    for path in ["results/out/x.csv", "results/out/deeper/x.csv", "results/file.csv"] {
        let refused = run(folder.path(), policy, &save(path));
        assert_eq!(refused.status.code(), Some(4), "{path}: {}", stderr(&refused));
    }
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0);
    for path in ["results/x.csv", "results/new/x.csv", "results/self/y.csv"] {
        let allowed = run(folder.path(), policy, &save(path));
        assert_eq!(allowed.status.code(), Some(0), "{path}: {}", stderr(&allowed));
    }
}

/// Gives everybody who asks this head and body; returns the port.
fn serve(head: &str, body: Vec<u8>) -> u16 {
    use std::io::{BufRead, BufReader, Write};
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let answer = [head.into_bytes(), body].concat();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines();
            while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let _ = stream.write_all(&answer);
        }
    });
    port
}

#[test]
fn servers_do_not_lead_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = std::fs::read(root().join("fixtures/bundles/mini.json")).expect("the bundle");
    let end = format!("localhost:{}", serve("200 OK", bundle));
    let to = format!("302 Found\r\nLocation: http://{end}/mini.json?token=secret");
    let first = format!("127.0.0.1:{}", serve(&to, Vec::new()));
    let hunt = |address: &str| {
        format!("x = NEW process ['a']\np = GET process FROM stixbundle://{address} WHERE pid > 0\n")
    };
    let web = format!("http://{first}/day.json");
    let names = |output: &Output| {
        let text = stderr(output).replace(&first, "FIRST").replace(&end, "END");
        assert!(!text.contains("secret"), "{text}");
        text
    };
    let refused = run(folder.path(), "[hosts]\nallow = ['127.0.0.1']\n", &hunt(&web));
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    insta::assert_snapshot!(names(&refused));
    // A part that was read does not make up for one that may not be read.
    let bundle = root().join("fixtures/bundles/mini.json");
    let both = format!("{},{web}", bundle.display());
    let refused = run(folder.path(), "[hosts]\ndeny = ['localhost']\n", &hunt(&both));
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    let allowed = run(folder.path(), "[hosts]\nallow = ['127.0.0.1', 'localhost']\n", &hunt(&web));
    assert_eq!(allowed.status.code(), Some(0), "{}", stderr(&allowed));
    insta::assert_snapshot!(names(&allowed));
    let json: serde_json::Value = serde_json::from_str(&stdout(&allowed)).expect("one document");
    assert_eq!(json["diagnostics"][0]["code"], "W0014");
    assert_eq!(json["sources"][0]["complete"], true);
}

#[test]
fn refused_blocks_leave_a_session_as_it_was() {
    use kestrel_compiler::{Config, policy};
    use kestrel_executor::{
        ops::apply::Analytics,
        run::{Connectors, RunOptions, Session as Runner},
        store::Options,
    };
    use kestrel_session::{Guard, Session};

    let connectors = std::sync::Arc::new(Connectors::offline(root()));
    let runner = Runner::new(Options::default(), connectors, Analytics::default());
    let policy = policy::parse("network = false\n").expect("a policy");
    let guard = Guard::new(policy, Analytics::default(), root());
    let mut session = Session::new(Config::default(), runner).with_guard(guard);
    let mut block = |text: &str| {
        let said = session.compile("block", text.as_bytes());
        let results = match said.iter().any(kestrel_ir::diagnostic::Diagnostic::is_error) {
            true => session.refused(said),
            false => session.run(said, &RunOptions::default(), &mut |_| {}),
        };
        results.exit_code()
    };
    assert_eq!(block("x = NEW process ['a']\n"), 0);
    assert_eq!(block("p = GET process FROM https://h.example/b.json WHERE pid = 4 LAST 1 DAY\n"), 4);
    assert_eq!(block("DISP p\n"), 2);
    assert_eq!(block("DISP x\n"), 0);
}
