//! The language server as an editor drives it: the real binary over standard input and output.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an answer may take before the test fails; far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    received: Receiver<Value>,
    /// Messages that were not waited for.
    kept: Vec<Value>,
    next: i32,
    folder: TempDir,
}

impl Client {
    fn start(files: &[(&str, &str)]) -> Client {
        let folder = TempDir::new().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_kestrelc"))
            .arg("lsp")
            .current_dir(folder.path())
            .env("XDG_CONFIG_HOME", folder.path().join("no-such-folder"))
            .env_remove("KESTREL_STIXSHIFTER_CONFIG")
            .env_remove("KESTREL_PYTHON_ANALYTICS_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, received) = mpsc::channel();
        std::thread::spawn(move || {
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if stdout.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    match line.trim_end() {
                        "" => break,
                        header => {
                            let (name, value) = header.split_once(": ").expect("a header");
                            assert_eq!(name, "Content-Length");
                            length = value.parse().unwrap();
                        }
                    }
                }
                let mut content = vec![0; length];
                stdout.read_exact(&mut content).unwrap();
                if send.send(serde_json::from_slice(&content).unwrap()).is_err() {
                    return;
                }
            }
        });
        Client { child, stdin, received, kept: Vec::new(), next: 0, folder }
    }

    /// Starts and greets.
    fn ready(files: &[(&str, &str)]) -> Client {
        let mut client = Client::start(files);
        let answer =
            client.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}}));
        assert_eq!(answer["result"]["serverInfo"]["name"], "kestrelc");
        client.tell("initialized", json!({}));
        client
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        let _ = stdin.write_all(bytes).and_then(|()| stdin.flush());
    }

    fn send(&mut self, message: &Value) {
        let content = message.to_string();
        self.bytes(format!("Content-Length: {}\r\n\r\n{content}", content.len()).as_bytes());
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.wait(|message| message["id"] == id)
    }

    fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&wanted) {
            return self.kept.remove(at);
        }
        loop {
            let message = self.received.recv_timeout(PATIENCE).expect("an answer in time");
            if wanted(&message) {
                return message;
            }
            self.kept.push(message);
        }
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}/{name}", self.folder.path().display())
    }

    fn open(&mut self, name: &str, text: &str) {
        let uri = self.uri(name);
        self.tell(
            "textDocument/didOpen",
            json!({"textDocument": {"uri": uri, "languageId": "kestrel", "version": 1, "text": text}}),
        );
    }

    /// The diagnostics of one state of a text, one a line.
    fn diagnostics(&mut self, version: i32) -> String {
        let message = self.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["version"] == version
        });
        let mut shown = String::new();
        for found in message["params"]["diagnostics"].as_array().unwrap() {
            shown.push_str(&format!("{} {} {}", place(&found["range"]), found["code"], found["message"]));
            if let Some(related) = found["relatedInformation"].as_array() {
                for related in related {
                    shown.push_str(&format!(
                        " [{} {}]",
                        place(&related["location"]["range"]),
                        related["message"]
                    ));
                }
            }
            shown.push('\n');
        }
        shown
    }

    fn at(&mut self, method: &str, line: u32, character: u32, more: Value) -> Value {
        let mut params = json!({
            "textDocument": {"uri": self.uri("hunt.hf")},
            "position": {"line": line, "character": character},
        });
        if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
            params.extend(more.clone());
        }
        self.ask(method, params)
    }

    /// The labels offered at a place of a text that is opened anew, `|` marks the cursor.
    fn offers(&mut self, text: &str, version: i32) -> String {
        let offset = text.find('|').unwrap();
        let before = &text[..offset];
        let (line, start) = (before.matches('\n').count(), before.rfind('\n').map_or(0, |at| at + 1));
        let column = before[start..].encode_utf16().count();
        let uri = self.uri("hunt.hf");
        self.tell(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text.replacen('|', "", 1)}]}),
        );
        let answer = self.at(
            "textDocument/completion",
            u32::try_from(line).unwrap(),
            u32::try_from(column).unwrap(),
            json!({}),
        );
        let items = answer["result"]["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let labels: Vec<&str> = items.iter().map(|item| item["label"].as_str().unwrap()).collect();
        let shown = labels.iter().take(24).copied().collect::<Vec<_>>().join("  ");
        if labels.len() > 24 { format!("{shown}  … {}", labels.len()) } else { shown }
    }

    fn leave(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null)["result"], Value::Null);
        self.tell("exit", Value::Null);
        assert!(self.end().0);
    }

    /// Closes the input and returns whether the exit was clean, its code, and what went to standard
    /// error.
    fn end(mut self) -> (bool, Option<i32>, String) {
        drop(self.stdin.take());
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        (status.success(), status.code(), stderr)
    }
}

fn place(range: &Value) -> String {
    let side = |side: &Value| format!("{}:{}", side["line"], side["character"]);
    format!("{}-{}", side(&range["start"]), side(&range["end"]))
}

const HUNT: &str = "\
# 😀 who talks to the net
shells = GET process FROM stixbundle://logs.json
  WHERE name == 'powershell.exe' AND pid > 4
  START 2021-04-03T00:00:00Z STOP 2021-04-04T00:00:00Z
conns  = FIND network-traffic CREATED BY shells
DISP conns ATTR dst_ref.value, dst_port LIMIT 5
/* Zoë 😀 */ DISP conns
";

#[test]
fn a_session() {
    let mut client = Client::ready(&[("kestrel.toml", "[lint]\nignore = ['unordered-limit']\n")]);
    client.open("hunt.hf", HUNT);
    insta::assert_snapshot!("diagnostics", client.diagnostics(1));

    // Typing: the broken line goes, character by character from its end; positions count UTF-16.
    let uri = client.uri("hunt.hf");
    let line = HUNT.lines().nth(6).unwrap();
    let length = u32::try_from(line.encode_utf16().count()).unwrap();
    let mut column = length;
    let mut version = 1;
    for character in line.chars().rev() {
        let width = u32::try_from(character.len_utf16()).unwrap();
        version += 1;
        client.tell(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": [{
                "range": {"start": {"line": 6, "character": column - width}, "end": {"line": 6, "character": column}},
                "text": "",
            }]}),
        );
        column -= width;
    }
    insta::assert_snapshot!("diagnostics_after_typing", client.diagnostics(version));

    let mut hovers = String::new();
    for (line, column) in
        [(1, 0), (1, 10), (1, 14), (2, 9), (4, 9), (4, 31), (4, 43), (5, 2), (5, 18), (5, 26), (0, 5)]
    {
        let answer = client.at("textDocument/hover", line, column, json!({}));
        let text = answer["result"]["contents"]["value"].as_str().unwrap_or("nothing");
        hovers.push_str(&format!("== {line}:{column}\n{text}\n"));
    }
    insta::assert_snapshot!("hover", hovers);

    let mut shown = String::new();
    let answer = client.at("textDocument/definition", 4, 43, json!({}));
    shown.push_str(&format!("definition {}\n", place(&answer["result"]["range"])));
    let answer = client.at("textDocument/references", 4, 1, json!({"context": {"includeDeclaration": true}}));
    for found in answer["result"].as_array().unwrap() {
        shown.push_str(&format!("reference {}\n", place(&found["range"])));
    }
    let answer = client.at("textDocument/documentHighlight", 1, 3, json!({}));
    for found in answer["result"].as_array().unwrap() {
        shown.push_str(&format!("highlight {} {}\n", place(&found["range"]), found["kind"]));
    }
    let answer = client.at("textDocument/prepareRename", 1, 3, json!({}));
    shown.push_str(&format!("name {}\n", place(&answer["result"])));
    let answer = client.at("textDocument/rename", 1, 3, json!({"newName": "ps"}));
    for edit in answer["result"]["changes"][&uri].as_array().unwrap() {
        shown.push_str(&format!("edit {} {}\n", place(&edit["range"]), edit["newText"]));
    }
    for name in ["conns", "LIMIT", "a b", ""] {
        let answer = client.at("textDocument/rename", 1, 3, json!({"newName": name}));
        shown.push_str(&format!("refused {}\n", answer["error"]["message"]));
    }
    insta::assert_snapshot!("names", shown);

    let document = json!({"textDocument": {"uri": uri}});
    let answer = client.ask("textDocument/documentSymbol", document.clone());
    let mut shown = String::new();
    for symbol in answer["result"].as_array().unwrap() {
        shown.push_str(&format!("{} {} {}\n", symbol["name"], symbol["detail"], place(&symbol["range"])));
    }
    let answer = client.ask("textDocument/foldingRange", document.clone());
    shown.push_str(&format!("folding {}\n", answer["result"]));
    insta::assert_snapshot!("outline", shown);

    let options = json!({"tabSize": 2, "insertSpaces": true});
    let mut params = document.clone();
    params["options"] = options.clone();
    let answer = client.ask("textDocument/formatting", params.clone());
    insta::assert_snapshot!("formatting", format!("{}", answer["result"]));
    params["range"] = json!({"start": {"line": 4, "character": 2}, "end": {"line": 4, "character": 3}});
    let answer = client.ask("textDocument/rangeFormatting", params);
    insta::assert_snapshot!("range_formatting", format!("{}", answer["result"]));

    let answer = client.ask(
        "textDocument/codeAction",
        json!({
            "textDocument": {"uri": uri}, "context": {"diagnostics": []},
            "range": {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 40}},
        }),
    );
    let mut shown = String::new();
    for action in answer["result"].as_array().unwrap() {
        shown.push_str(&format!("{} {}\n", action["kind"], action["title"]));
        for edit in action["edit"]["changes"][&uri].as_array().unwrap() {
            shown.push_str(&format!("  {} {}\n", place(&edit["range"]), edit["newText"]));
        }
    }
    insta::assert_snapshot!("code_actions", shown);

    let answer = client.ask("textDocument/semanticTokens/full", document);
    insta::assert_snapshot!("semantic_tokens", tokens(&answer["result"]["data"], HUNT));
    client.leave();
}

/// Decodes semantic tokens and shows them with their text.
fn tokens(data: &Value, text: &str) -> String {
    let numbers: Vec<usize> =
        data.as_array().unwrap().iter().map(|n| usize::try_from(n.as_u64().unwrap()).unwrap()).collect();
    let lines: Vec<Vec<u16>> = text.lines().map(|line| line.encode_utf16().collect()).collect();
    let (mut line, mut column) = (0, 0);
    let mut shown = String::new();
    for token in numbers.chunks(5) {
        if token[0] > 0 {
            column = 0;
        }
        line += token[0];
        column += token[1];
        let text = String::from_utf16_lossy(&lines[line][column..column + token[2]]);
        let class = kestrel_compiler::editor::classes::Class::ALL[token[3]];
        shown
            .push_str(&format!("{line}:{column} {class:?} {text}{}\n", if token[4] > 0 { " =" } else { "" }));
    }
    shown
}

#[test]
fn completion_by_context() {
    let mut client = Client::ready(&[
        (
            "kestrel.toml",
            "[analytics.python.score]\nmodule = 'x.py'\n[stixshifter.profiles.lab]\nconnector = 'x'\n",
        ),
        ("logs/day1.json", ""),
        ("logs/readme.md", ""),
    ]);
    client.open("hunt.hf", "");
    let above = "procs = GET process FROM stixbundle://a.json WHERE pid = 4 START 2021-04-03T00:00:00Z STOP 2021-04-04T00:00:00Z\n\
                 conns = FIND network-traffic CREATED BY procs\n\
                 few = procs ATTR name, pid\n\
                 x = \n";
    let mut shown = String::new();
    for (version, text) in [
        "|",
        "D|",
        "sh|",
        "y = |",
        "y = g|",
        "y = GET |",
        "y = GET pro|",
        "y = GET process |",
        "y = GET process FROM |",
        "y = GET process FROM stixs|",
        "y = GET process FROM stixbundle://logs/|",
        "y = GET process FROM a WHERE |",
        "y = GET process FROM a WHERE parent_ref.|",
        "y = GET process FROM a WHERE parent_ref.binary_ref.ha|",
        "y = GET process FROM a WHERE file:|",
        "y = GET process FROM a WHERE name |",
        "y = GET process FROM a WHERE name NOT |",
        "y = GET process FROM a WHERE name = |",
        "y = GET process FROM a WHERE pid = procs.|",
        "y = GET process FROM a WHERE pid = few.|",
        "y = GET process FROM a WHERE name = 'x' |",
        "y = GET process FROM a WHERE (name = 'x' |",
        "y = GET process FROM a WHERE name = 'x|",
        "y = GET process FROM a WHERE pid = 1 START |",
        "y = GET process FROM a WHERE pid = 1 START 2022-05|",
        "y = GET process FROM a WHERE pid = 1 LAST 5 |",
        "y = FIND |",
        "y = FIND process |",
        "y = FIND process cr|",
        "y = FIND process CREATED |",
        "y = FIND file LOADED BY |",
        "DISP |",
        "DISP few ATTR |",
        "DISP procs ATTR name, |",
        "DISP procs SORT |",
        "DISP procs SORT BY p|",
        "DISP procs ATTR pid |",
        "y = procs WHERE |",
        "y = GROUP conns BY |",
        "y = GROUP conns BY dst_port WITH |",
        "y = GROUP conns BY dst_port WITH COUNT(|",
        "y = JOIN procs, |",
        "y = JOIN procs, conns BY pid, |",
        "y = conns + |",
        "APPLY |",
        "APPLY python://score ON |",
        "SAVE procs TO |",
        "LOAD logs/|",
        "DESCRIBE procs.|",
        "# com|",
        "DISP procs # GET |",
        "y = LOAD a.csv AS |",
        "INFO |",
        "y = NEW |",
    ]
    .iter()
    .enumerate()
    {
        let offers = client.offers(&format!("{above}{text}"), i32::try_from(version).unwrap() + 2);
        let shown_text =
            if offers.contains("Z  20") { offers.split("  20").next().unwrap().to_owned() } else { offers };
        shown.push_str(&format!("{text}\n    {shown_text}\n"));
    }
    insta::assert_snapshot!(shown);
    client.leave();
}

#[test]
fn wrong_requests_get_errors_and_the_server_stays() {
    let mut client = Client::start(&[]);
    let mut shown = String::new();
    let folder = client.folder.path().display().to_string();
    let mut show = |name: &str, answer: &Value| {
        let message = answer["error"]["message"].to_string().replace(&folder, "FOLDER");
        shown.push_str(&format!("{name}: {} {message}\n", answer["error"]["code"]));
    };
    let early = client.ask("textDocument/hover", json!({}));
    show("before initialize", &early);
    client.tell("textDocument/didOpen", json!({"textDocument": 5}));
    assert!(client.ask("initialize", json!({"capabilities": {}}))["result"].is_object());
    show("twice", &client.ask("initialize", json!({})));
    show("unknown", &client.ask("textDocument/doesNotExist", json!({})));
    show("no params", &client.ask("textDocument/hover", Value::Null));
    show(
        "wrong params",
        &client.ask("textDocument/completion", json!({"textDocument": {"uri": 1}, "position": []})),
    );
    show(
        "negative",
        &client.at("textDocument/hover", 0, 0, json!({"position": {"line": -1, "character": 0}})),
    );
    show("not open", &client.at("textDocument/hover", 0, 0, json!({})));
    client.open("hunt.hf", "a = b 😀\r\nDISP a\rDISP");
    let far = json!({"position": {"line": 4_000_000_000u32, "character": 4_000_000_000u32}});
    for method in ["hover", "completion", "definition", "prepareRename", "documentHighlight"] {
        let answer = client.at(&format!("textDocument/{method}"), 0, 0, far.clone());
        assert!(answer.get("result").is_some() || answer.get("error").is_some(), "{answer}");
    }
    // Ranges outside the text, reversed, and inside a surrogate pair.
    let uri = client.uri("hunt.hf");
    for (version, (start, end)) in [((9, 9), (99, 99)), ((1, 5), (0, 1)), ((0, 7), (0, 7))].iter().enumerate()
    {
        client.tell(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": version + 2}, "contentChanges": [{
                "range": {"start": {"line": start.0, "character": start.1}, "end": {"line": end.0, "character": end.1}},
                "text": "é😀",
            }]}),
        );
    }
    client.diagnostics(4);
    client.tell("textDocument/didChange", json!({"textDocument": {"uri": uri, "version": "x"}}));
    client.tell("textDocument/didChange", json!(null));
    client.tell("$/unknown", json!({"x": [1]}));
    client.bytes(b"Content-Length: 2\r\n\r\n{]");
    client.bytes(b"Content-Length: 4\r\n\r\n\xff\xfe{}");
    client.bytes(b"Content-Length: 8\r\n\r\n[1,2,3] ");
    client.send(&json!({"jsonrpc": "2.0", "id": 99, "result": null}));
    client.send(&json!({"jsonrpc": "2.0", "id": {"a": 1}, "method": "textDocument/hover"}));
    assert!(client.at("textDocument/hover", 0, 0, json!({})).get("result").is_some());
    insta::assert_snapshot!(shown);
    assert_eq!(client.ask("shutdown", Value::Null)["result"], Value::Null);
    assert!(client.ask("textDocument/hover", json!({}))["error"]["code"].is_number());
    client.tell("exit", Value::Null);
    assert!(client.end().0);
}

#[test]
fn senseless_input_ends_the_server_without_a_panic() {
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_slice(),
        b"Content-Length: 18446744073709551615\r\n\r\n{}",
        b"Content-Length: 1000000000000\r\n\r\n{}",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 50\r\n\r\n{}",
        b"\x00\xff\xfe\x01",
        &[b'x'; 100_000],
        b"",
    ] {
        let mut client = Client::start(&[]);
        client.bytes(bytes);
        let (_, code, stderr) = client.end();
        assert_eq!(
            (code, stderr.as_str()),
            (Some(1), ""),
            "{:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
        );
    }
}

#[test]
fn typing_is_answered_while_a_large_text_is_examined() {
    let mut client = Client::ready(&[]);
    let mut text = String::new();
    for n in 0..20_000 {
        text.push_str(&format!("p{n} = GET process FROM stixbundle://a.json WHERE pid = {n}\n"));
    }
    client.open("hunt.hf", &text);
    client.diagnostics(1);
    let uri = client.uri("hunt.hf");
    // A line is typed at the end; only the last state is examined.
    let mut version = 1;
    for (column, character) in "DISP p19".chars().enumerate() {
        version += 1;
        client.tell(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": [{
                "range": {"start": {"line": 20_000, "character": column}, "end": {"line": 20_000, "character": column}},
                "text": character.to_string(),
            }]}),
        );
    }
    let answer = client.at("textDocument/completion", 20_000, 8, json!({}));
    assert_eq!(answer["result"]["items"][0]["label"], "p19999", "{}", answer["result"]["items"][0]);
    let answer = client.diagnostics(version);
    assert!(answer.is_empty() || answer.contains("p19"), "{answer}");
    let seen: Vec<_> =
        client.kept.iter().filter(|kept| kept["method"] == "textDocument/publishDiagnostics").collect();
    assert!(seen.len() < 4, "states in between are left out: {}", seen.len());
    client.leave();
}

/// A notebook as an editor has it open: its cells are texts of their own.
struct Book<'c> {
    client: &'c mut Client,
    version: i32,
}

impl Book<'_> {
    fn cell(name: &str) -> String {
        format!("vscode-notebook-cell:/book.ipynb#{name}")
    }

    fn document(name: &str, language: &str, text: &str) -> Value {
        json!({"uri": Self::cell(name), "languageId": language, "version": 1, "text": text})
    }

    fn of_kind(kind: u32, name: &str) -> Value {
        json!({"kind": kind, "document": Self::cell(name), "metadata": {"x": 1}, "executionSummary": {"executionOrder": 3, "success": true}})
    }

    fn change(&mut self, cells: Value) {
        self.version += 1;
        let uri = self.client.uri("book.ipynb");
        self.client.tell(
            "notebookDocument/didChange",
            json!({"notebookDocument": {"uri": uri, "version": self.version}, "change": {"cells": cells}}),
        );
    }

    fn diagnostics(&mut self, name: &str, version: i32) -> String {
        let uri = Self::cell(name);
        let message = self.client.wait(|message| {
            let params = &message["params"];
            message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == *uri
                && params["version"] == version
        });
        let line = |found: &Value| {
            let related = found["relatedInformation"].as_array().into_iter().flatten();
            let related: String = related
                .map(|one| format!(" [{} {}]", one["location"]["uri"], place(&one["location"]["range"])))
                .collect();
            format!("{name} {} {} {}{related}\n", place(&found["range"]), found["code"], found["message"])
        };
        message["params"]["diagnostics"].as_array().unwrap().iter().map(line).collect()
    }

    fn ask(&mut self, method: &str, name: &str, line: u32, character: u32, more: Value) -> Value {
        let mut params = json!({
            "textDocument": {"uri": Self::cell(name)},
            "position": {"line": line, "character": character},
            "options": {"tabSize": 2, "insertSpaces": true},
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.client.ask(method, params)
    }
}

#[test]
fn cells_of_a_notebook_are_one_hunt() {
    let files = [("kestrel.toml", "[lint]\nignore = ['unordered-limit']\n"), ("logs.json", "{}")];
    let mut client = Client::start(&files);
    let hello = client.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}}));
    insta::assert_snapshot!(hello["result"]["capabilities"]["notebookDocumentSync"], @r#"{"notebookSelector":[{"cells":[{"language":"kestrel"},{"language":"python"}]}],"save":true}"#);
    client.tell("initialized", json!({}));
    let uri = client.uri("book.ipynb");
    let cells = [("a", 2), ("text", 1), ("b", 2), ("shell", 2), ("c", 2)];
    let texts = [
        ("a", "kestrel", "ps = GET process FROM stixbundle://logs.json WHERE name == '😀.exe'"),
        ("text", "markdown", "# About\nDISP nothing"),
        ("b", "kestrel", "conns = FIND network-traffic CREATED BY ps\nDISP missing"),
        ("shell", "kestrel", "%%bash\nls -l | DISP"),
        ("c", "python", "%%kestrel\nDISP   conns ATTR dst_port\nDISP ps ATTR nmae"),
    ];
    client.tell(
        "notebookDocument/didOpen",
        json!({
            "notebookDocument": {
                "uri": uri, "notebookType": "jupyter-notebook", "version": 1,
                "cells": cells.map(|(name, kind)| Book::of_kind(kind, name)),
            },
            "cellTextDocuments": texts.map(|(name, language, text)| Book::document(name, language, text)),
        }),
    );
    let mut book = Book { client: &mut client, version: 1 };
    let shown: String = ["a", "text", "b", "shell", "c"].map(|name| book.diagnostics(name, 1)).concat();
    insta::assert_snapshot!("notebook_diagnostics", shown);

    let mut shown = String::new();
    let hover = book.ask("textDocument/hover", "c", 1, 9, json!({}));
    shown
        .push_str(&format!("hover {}\n", hover["result"]["contents"]["value"].as_str().unwrap_or("nothing")));
    let definition = book.ask("textDocument/definition", "b", 0, 41, json!({}));
    shown.push_str(&format!("definition {}\n", definition["result"]));
    let all = json!({"context": {"includeDeclaration": true}});
    for found in book.ask("textDocument/references", "a", 0, 1, all)["result"].as_array().unwrap() {
        shown.push_str(&format!("reference {} {}\n", found["uri"], place(&found["range"])));
    }
    let highlights = book.ask("textDocument/documentHighlight", "c", 2, 6, json!({}));
    shown.push_str(&format!("highlights {}\n", highlights["result"]));
    let renamed = book.ask("textDocument/rename", "b", 0, 41, json!({"newName": "shells"}));
    let mut changes: Vec<_> = renamed["result"]["changes"].as_object().unwrap().iter().collect();
    changes.sort_by_key(|(uri, _)| uri.as_str());
    for (uri, edits) in changes {
        shown.push_str(&format!("edit {uri} {edits}\n"));
    }
    for name in ["b", "c", "shell", "text"] {
        let formatted = book.ask("textDocument/formatting", name, 0, 0, json!({}));
        let symbols = book.ask("textDocument/documentSymbol", name, 0, 0, json!({}));
        let symbols = symbols["result"].as_array().unwrap();
        let symbols: Vec<&str> = symbols.iter().map(|symbol| symbol["name"].as_str().unwrap()).collect();
        shown.push_str(&format!("{name}: format {} symbols {symbols:?}\n", formatted["result"]));
    }
    let at = json!({"context": {"diagnostics": []}, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 80}}});
    for action in book.ask("textDocument/codeAction", "a", 0, 0, at)["result"].as_array().unwrap() {
        shown.push_str(&format!("{} {}\n", action["title"], action["edit"]["changes"]));
    }
    insta::assert_snapshot!("notebook_answers", shown);

    // Variables and attributes of the cells above are offered, also while typing; files lie beside
    // the notebook.
    let offers = |book: &mut Book<'_>, name: &str, line, character| {
        let answer = book.ask("textDocument/completion", name, line, character, json!({}));
        let items = answer["result"]["items"].as_array().cloned().unwrap_or_default();
        let labels: Vec<String> =
            items.iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect();
        labels.join("  ")
    };
    let append = |name: &str, version: i32, line: u32, column: u32, text: &str| {
        let at = json!({"line": line, "character": column});
        json!({"textContent": [{
            "document": {"uri": Book::cell(name), "version": version},
            "changes": [{"range": {"start": at, "end": at}, "text": text}],
        }]})
    };
    book.change(append("c", 2, 2, 17, "\nDISP "));
    assert!(offers(&mut book, "c", 3, 5).contains("conns"), "{}", offers(&mut book, "c", 3, 5));
    book.change(append("c", 3, 3, 5, "conns ATTR "));
    assert!(offers(&mut book, "c", 3, 16).contains("dst_port"), "{}", offers(&mut book, "c", 3, 16));
    assert_eq!(offers(&mut book, "shell", 1, 0), "");
    assert_eq!(offers(&mut book, "text", 1, 5), "");
    book.change(append("b", 2, 0, 0, "x = LOAD "));
    assert!(offers(&mut book, "b", 0, 9).contains("logs.json"), "{}", offers(&mut book, "b", 0, 9));
    book.change(json!({"textContent": [{
        "document": {"uri": Book::cell("b"), "version": 3},
        "changes": [{"text": "conns = FIND network-traffic CREATED BY ps"}],
    }]}));
    assert_eq!(book.diagnostics("b", 3), "");

    // The first cell goes, and what it defined is no longer known; it comes back at the end, too late.
    book.change(json!({"structure": {
        "array": {"start": 0, "deleteCount": 1}, "didClose": [{"uri": Book::cell("a")}],
    }}));
    let shown = book.diagnostics("b", 3);
    assert!(shown.contains("E0201") && shown.contains("`ps`"), "{shown}");
    let first = Book::document("a", "kestrel", "ps = GET process FROM stixbundle://logs.json WHERE pid = 4");
    book.change(json!({"structure": {
        "array": {"start": 99, "deleteCount": 4_000_000_000u32, "cells": [Book::of_kind(2, "a")]}, "didOpen": [first],
    }}));
    assert!(book.diagnostics("b", 3).contains("E0201"));
    // Moved to the start, it is known again.
    book.change(json!({"structure": {"array": {"start": 4, "deleteCount": 1}}}));
    let first = Book::document("a", "kestrel", "ps = GET process FROM stixbundle://logs.json WHERE pid = 4");
    book.change(json!({"structure": {
        "array": {"start": 0, "deleteCount": 0, "cells": [Book::of_kind(2, "a")]}, "didOpen": [first],
    }}));
    assert_eq!(book.diagnostics("b", 3), "");
    // A code cell that becomes text says nothing any more.
    book.change(json!({"data": [Book::of_kind(1, "a")]}));
    assert!(book.diagnostics("b", 3).contains("E0201"));

    // Nonsense is survived; closing takes all diagnostics away.
    book.change(json!({"textContent": [{"document": {"uri": "no:such", "version": 1}, "changes": []}], "data": [Book::of_kind(2, "none")]}));
    book.client.tell("notebookDocument/didChange", json!({"notebookDocument": 7}));
    book.client.tell(
        "notebookDocument/didClose",
        json!({"notebookDocument": {"uri": uri}, "cellTextDocuments": []}),
    );
    let closed = Book::cell("c");
    client.wait(|message| message["params"]["uri"] == *closed && message["params"]["version"].is_null());
    let gone = client.ask(
        "textDocument/hover",
        json!({"textDocument": {"uri": closed}, "position": {"line": 0, "character": 0}}),
    );
    assert_eq!(gone["error"]["code"], -32602, "{gone}");
    client.leave();
}
