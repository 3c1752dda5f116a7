//! Whatever a text holds, parsing neither panics nor hangs, and mistakes stay apart.

use std::fmt::Write as _;

use kestrel_compiler::format::format;
use kestrel_compiler::{parse, parse_bytes};
use kestrel_ir::diagnostic::{LineIndex, SourceId};
use proptest::prelude::*;

/// Returns the errors as `line:column code message`, and what was read.
fn show(text: &str) -> String {
    let parsed = parse(text, SourceId(0));
    let index = LineIndex::new(text);
    let mut out = String::new();
    for diagnostic in &parsed.diagnostics {
        let at = index.position(text, diagnostic.span.map_or(0, |span| span.start as usize));
        writeln!(out, "{}:{} {} {}", at.line, at.column, diagnostic.code, diagnostic.message).unwrap();
    }
    for statement in &parsed.ast.statements {
        writeln!(out, "read {:?}", &text[statement.span.range()]).unwrap();
    }
    for broken in &parsed.ast.broken {
        writeln!(out, "broken {:?}", broken.target.as_ref().map(|target| &target.text)).unwrap();
    }
    out
}

#[test]
fn independent_mistakes_are_told_apart() {
    insta::assert_snapshot!(show("a = GET process FROM lab
b = a WHERE pid <> 4 AND name = 'x'
DISP a LIMIT many
c = a + b;
y = INFO a
DISP c SORT BY pid, name
d = c WHERE [pid = 1] AND [name = 'b']
e = NEW process ['ok']
x =
f = e
DISP f"), @r###"
2:1 E0101 unexpected `b` in the FROM of GET, expected `WHERE` or `,`
2:17 E0101 unknown operator `<>` in the WHERE of an assignment
3:14 E0101 unexpected `many` after LIMIT, expected a whole number
4:10 E0114 unknown character `;` in a merge
5:5 E0105 `INFO` yields no variable and cannot be assigned
6:19 E0101 unexpected `,`: there is only one sort key
7:23 E0101 unexpected `AND`: there is only one bracketed pattern
10:1 E0101 unexpected `f` in an assignment, expected a variable or a command
read "c = a + b"
read "DISP c SORT BY pid"
read "d = c WHERE [pid = 1]"
read "e = NEW process ['ok']"
read "f = e"
read "DISP f"
broken Some("a")
broken Some("b")
broken None
broken Some("y")
broken Some("x")
"###);
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("x = y WHERE {}a = 1\nz = y\n", "(".repeat(100_000));
    insta::assert_snapshot!(show(&text), @r###"
    1:213 E0115 `(` nests too deep, only 200 brackets may be open
    read "z = y"
    broken Some("x")
    "###);
    let text = format!("n = NEW process {}", "[".repeat(100_000));
    assert!(parse(&text, SourceId(0)).has_errors());
    let chain = format!("x = y WHERE a = 1{}", " OR a = 2 AND b = 3".repeat(100_000));
    assert!(!parse(&chain, SourceId(0)).has_errors());
    let fits = format!("x = y WHERE {}a = 1{}", "(".repeat(200), ")".repeat(200));
    assert_eq!(show(&fits).lines().count(), 1);
}

#[test]
fn encodings() {
    let (text, parsed) = parse_bytes(b"\xef\xbb\xbfx = y\r\nz = 'Zo\xeb'", SourceId(0));
    assert_eq!(
        LineIndex::new(&text).position(&text, parsed.diagnostics[0].span.unwrap().start as usize).column,
        8
    );
    let (_, parsed) = parse_bytes(b"\xef\xbb\xbfx = y\r\rz = y # c\r", SourceId(0));
    assert_eq!((parsed.ast.statements.len(), parsed.comments.len(), parsed.diagnostics.len()), (2, 1, 0));
    assert!(!parse("\u{feff}x = y", SourceId(0)).has_errors());
}

#[test]
fn many_errors_stop() {
    let parsed = parse(&"a = ;\n".repeat(100_000), SourceId(0));
    assert_eq!(parsed.diagnostics.len(), kestrel_compiler::parse::MAX_ERRORS + 1);
}

#[test]
fn literals_are_checked() {
    insta::assert_snapshot!(show(r"a = y WHERE name MATCHES '(cmd' AND value ISSUBSET '10.0.0.0/99' AND pid LIKE 5
b = y WHERE path = 'C:\Windows\temp' AND name IN seen.name AND pid != (1, 2)
c = GET process FROM '' WHERE pid = a-b.pid LAST 0 DAYS
APPLY python://a ON p WITH k=1, k=2
g = GROUP p BY name, BIN(x, 0) WITH COUNT(pid), COUNT(pid)"), @r###"
1:26 E0111 `(cmd` is no regular expression: Parsing error at position 4: Opening parenthesis without closing parenthesis
1:52 E0112 ISSUBSET takes an address or a network, found `10.0.0.0/99`
1:79 E0110 LIKE takes text, found the number `5`
2:20 W0005 `'C:\Windows\temp'` looks like a path, but holds a tab (`\t`)
2:71 E0110 != takes one value, a list needs IN or NOT IN
3:22 E0113 empty path
3:37 E0205 `a-b` cannot be a variable name
3:50 E0109 a time range of length zero finds nothing
4:33 E0118 the argument `k` occurs twice
5:29 E0108 the size of a BIN is zero
5:49 E0306 the column `count_pid` occurs twice
read "a = y WHERE name MATCHES '(cmd' AND value ISSUBSET '10.0.0.0/99' AND pid LIKE 5"
read "b = y WHERE path = 'C:\\Windows\\temp' AND name IN seen.name AND pid != (1, 2)"
read "c = GET process FROM '' WHERE pid = a-b.pid LAST 0 DAYS"
read "APPLY python://a ON p WITH k=1, k=2"
read "g = GROUP p BY name, BIN(x, 0) WITH COUNT(pid), COUNT(pid)"
"###);
}

const WORDS: &[&str] = &[
    "x",
    "y",
    "=",
    "GET",
    "FIND",
    "NEW",
    "LOAD",
    "SORT",
    "GROUP",
    "JOIN",
    "APPLY",
    "DISP",
    "INFO",
    "DESCRIBE",
    "SAVE",
    "EXPLAIN",
    "FROM",
    "WHERE",
    "ATTR",
    "BY",
    "CREATED",
    "CREATED_BY",
    "LIMIT",
    "OFFSET",
    "WITH",
    "AS",
    "ON",
    "TO",
    "START",
    "STOP",
    "LAST",
    "5",
    "5d",
    "DAYS",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "MATCHES",
    "IS",
    "NULL",
    "TRUE",
    "TIMESTAMPED",
    "BIN",
    "COUNT",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "+",
    ":",
    "'a'",
    "r'b'",
    "process",
    "file://a.json",
    "x.pid",
    "hashes.'SHA-256'",
    "process:name",
    "2021-04-03T00:00:00Z",
    "-1",
    "1e3",
    "!=",
    "<",
    "# c\n",
    "\n",
    "'open",
    ";",
    "é",
    "a.'b",
    "10.0.0.1",
    "\"\\n\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_survived(text in "\\PC{0,80}|[ -~\n\t\\\\'\"#]{0,120}") {
        check(&text)?;
    }

    #[test]
    fn any_words_are_survived(words in prop::collection::vec(prop::sample::select(WORDS), 0..40)) {
        check(&words.join(" "))?;
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let (text, parsed) = parse_bytes(&bytes, SourceId(0));
        for diagnostic in &parsed.diagnostics {
            let span = diagnostic.span.unwrap();
            prop_assert!(text.get(span.range()).is_some());
        }
    }

    #[test]
    fn mutated_vectors_are_survived(index in 0usize..97, at in 0usize..200, cut in 0usize..9, word in prop::sample::select(WORDS)) {
        let block = include_str!("vectors/accept.txt").split("\n---\n").nth(index + 1).unwrap_or_default();
        let text: Vec<&str> = block.lines().filter(|line| !line.starts_with("#@")).collect();
        let mut text: Vec<char> = text.join("\n").chars().collect();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, word.chars());
        check(&text.into_iter().collect::<String>())?;
    }
}

/// Spans lie in the text, statements come in order, and errors are reported when something was lost.
fn check(text: &str) -> Result<(), TestCaseError> {
    let parsed = parse(text, SourceId(0));
    for diagnostic in &parsed.diagnostics {
        let span = diagnostic.span.unwrap();
        prop_assert!(text.get(span.range()).is_some(), "{diagnostic:?}");
        prop_assert!(!diagnostic.message.contains('\n'));
    }
    let mut last = 0;
    for statement in &parsed.ast.statements {
        prop_assert!(statement.span.start >= last);
        prop_assert!(text.get(statement.span.range()).is_some());
        last = statement.span.end;
    }
    prop_assert!(parsed.ast.broken.is_empty() || parsed.has_errors());
    check_format(text)?;
    Ok(())
}

/// A tree without places and without what formatting may change.
fn shape(text: &str) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                // A span is a field, or a part of a variant.
                if fields.contains_key("source") && fields.contains_key("start") {
                    *value = serde_json::Value::Null;
                    return;
                }
                fields.retain(|key, _| !key.ends_with("span") && key != "limit_first");
                fields.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(parse(text, SourceId(0)).ast).unwrap();
    strip(&mut value);
    value
}

/// Formatting keeps meaning and comments, and a second time changes nothing.
fn check_format(text: &str) -> Result<(), TestCaseError> {
    let Ok(once) = format(text) else { return Ok(()) };
    let twice =
        format(&once).map_err(|parsed| TestCaseError::fail(format!("{once}\n{:?}", parsed.diagnostics)))?;
    prop_assert_eq!(&once, &twice);
    prop_assert_eq!(shape(text), shape(&once), "{}", once);
    let comments = |text: &str| -> Vec<String> {
        parse(text, SourceId(0)).comments.iter().map(|c| text[c.span.range()].trim_end().to_owned()).collect()
    };
    prop_assert_eq!(comments(text), comments(&once), "{}", once);
    Ok(())
}

#[test]
fn formatting_keeps_every_vector() {
    for block in include_str!("vectors/accept.txt").split("\n---\n").skip(1) {
        let text: Vec<&str> = block.lines().filter(|line| !line.starts_with("#@")).collect();
        let text = text.join("\n");
        assert!(format(&text).is_ok(), "{text}");
        check_format(&text).unwrap();
    }
}
