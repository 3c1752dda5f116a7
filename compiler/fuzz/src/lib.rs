//! What fuzzing checks: a function a reader, which panics when a law is broken. libFuzzer's targets
//! and the driver `mutate` call the same functions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken law is a panic here")]

use kestrel_compiler::{
    Compilation, Config,
    document::Document,
    editor::{Analysis, Lines, Place, classes, complete, hover, lines::LineColumn, names, rename, symbols},
    format::format as formatted,
    hir::StepKind,
    hunt::Hunt,
    lints::{self, Selection, fix},
    notebook, parse as parsed,
};
use kestrel_ir::{Op, Plan, diagnostic::SourceId, passes, text, verify, wire};
use kestrel_stix::{EntityType, Timestamp, Value, pattern, record::ValueRef};

pub mod mutation;
pub mod same;

/// Checks one input; a broken law is a panic.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 6] = [
    ("parse", parse),
    ("format", format),
    ("pattern", self::pattern),
    ("plan", plan),
    ("notebook", self::notebook),
    ("editor", editor),
];

/// Lexer, parser, names, lints and fixes: any bytes give a hunt whose every place lies in the text,
/// and a repaired hunt has no more errors than before.
pub fn parse(data: &[u8]) {
    let config = Config::default();
    let hunt = Hunt::of_bytes(data, &config);
    let text = &hunt.blocks[0].text;
    let all: Selection = {
        let mut all = Selection::default();
        let every = lints::selection::Choices { select: Some(vec!["all".to_owned()]), ..Default::default() };
        all.apply(&every).expect("`all` is a name");
        all
    };
    let now = Some(Timestamp::from_micros(1_700_000_000_000_000));
    let found = lints::check(&hunt, &config, &all, now);
    for finding in &found {
        let labels = finding.diagnostic.labels.iter().map(|label| label.span);
        let edits = finding.fix.iter().flat_map(|fix| &fix.edits).map(|edit| edit.span);
        for span in finding.diagnostic.span.into_iter().chain(labels).chain(edits) {
            assert!(text.get(span.range()).is_some(), "{:?} misses the text", finding.diagnostic);
        }
    }
    let errors = |hunt: &Hunt| hunt.diagnostics.iter().filter(|found| found.is_error()).count();
    let repaired = fix::fix(&hunt, &config, &all, now, fix::Which::Safe);
    // What is no UTF-8 is one error, and is neither read nor repaired.
    if std::str::from_utf8(data).is_err() {
        assert_eq!(repaired.count, 0);
        return;
    }
    let again = Hunt::of_text(&repaired.texts[0], &config);
    assert!(errors(&again) <= errors(&hunt), "a repair makes errors: {}", repaired.texts[0]);
    // A safe repair may spell a test otherwise, but the hunt asks, shows and writes the same. No rule
    // is exempt: what changes an answer is an unsafe repair.
    if let (Some(before), Some(after)) = (lowered(text), lowered(&repaired.texts[0])) {
        let difference = same::difference(&before, &after);
        assert!(
            difference.is_none(),
            "a safe repair changes what is asked: {difference:?}\n{}",
            repaired.texts[0]
        );
    }
}

/// The plan of a text, as lowered; none if it has errors.
fn lowered(text: &str) -> Option<Plan> {
    let mut compilation = Compilation::new(Config::default());
    (!compilation.block("hunt.hf", text).has_errors()).then(|| compilation.plan().clone())
}

/// What a text does, without the names in it; none if it has errors.
fn work(text: &str) -> Option<Vec<String>> {
    let plan = lowered(text)?;
    verify::verify(&plan).unwrap();
    Some(plan.nodes().iter().map(|node| node.id.to_string()).collect())
}

/// Formatting keeps the plan and every comment, and a second time changes nothing.
pub fn format(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(once) = formatted(text) else { return };
    let twice = formatted(&once).unwrap_or_else(|_| panic!("what was formatted has errors:\n{once}"));
    assert_eq!(once, twice, "a second time changes something");
    assert_eq!(work(text), work(&once), "the plan changed:\n{once}");
    let comments = |text: &str| -> Vec<String> {
        let parsed = parsed(text, SourceId(0));
        parsed.comments.iter().map(|comment| text[comment.span.range()].trim_end().to_owned()).collect()
    };
    assert_eq!(comments(text), comments(&once), "comments changed:\n{once}");
    // A part, too.
    let middle = text.len() / 2;
    if let Ok(part) = Document::read("hunt.hf", data).format_range(middle / 2..middle) {
        let part = String::from_utf8(part).unwrap();
        assert_eq!(work(text), work(part.trim_start_matches('\u{feff}')), "the plan changed:\n{part}");
    }
}

/// What follows WHERE: a pattern that can be read is written, read again as the same, and applied.
pub fn pattern(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let centre = EntityType::new("process");
    let read = |text: &str| {
        let hunt =
            Hunt::of_text(&format!("p = GET process FROM file://a WHERE {text}\n"), &Config::default());
        let step = hunt.blocks[0].steps.first().filter(|_| hunt.blocks[0].steps.len() == 1).cloned();
        match step.map(|step| step.kind) {
            Some(StepKind::Get { condition, .. }) if !hunt.has_errors() => Some(condition.pattern),
            _ => None,
        }
    };
    let Some(found) = read(text) else { return };
    let written = pattern::kestrel_text(&found, &centre, |n| format!("v{n}"));
    let again = read(&written).unwrap_or_else(|| panic!("`{written}` cannot be read"));
    assert_eq!(written, pattern::kestrel_text(&again, &centre, |n| format!("v{n}")));
    let _ = pattern::stix_text(&found, None, |n| format!("v{n}"));
    let _ = pattern::conjunctions(&found, &centre, 64);
    for comparison in found.comparisons() {
        if let Ok(test) = pattern::Test::new(comparison, pattern::Site::Source) {
            for value in [
                Value::Int(4),
                Value::text("cmd.exe"),
                Value::text("10.1.2.3/8"),
                Value::Float(0.5),
                Value::Bool(true),
            ] {
                let _ = test.holds(&ValueRef::from(&value));
            }
        }
    }
}

/// Bytes that are read as a plan are a valid one: it can be shown, optimized, written and read again.
pub fn plan(data: &[u8]) {
    let Ok(found) = wire::read(data) else { return };
    verify::verify(&found).unwrap();
    let ids = |plan: &Plan| plan.nodes().iter().map(|node| node.id).collect::<Vec<_>>();
    let again = wire::read(&wire::to_bytes(&found).unwrap()).unwrap();
    assert_eq!(ids(&found), ids(&again));
    let json = wire::read(wire::to_json(&found).unwrap().as_bytes()).unwrap();
    assert_eq!(ids(&found), ids(&json));
    let shown = text::write(&found);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "control characters are shown");
    let _ = kestrel_ir::dot::write(&found);
    let sinks = |plan: &Plan| plan.nodes().iter().filter(|node| node.op.is_sink()).count();
    let before = sinks(&found);
    let optimized = passes::optimize(found, &passes::of_level(passes::Level::O2), |_, _| {}).unwrap();
    assert_eq!(before, sinks(&optimized));
    let _ = optimized.nodes().iter().filter(|node| matches!(node.op, Op::Fetch(_))).count();
}

/// A notebook that is written back unchanged keeps every byte; formatted, it stays a notebook with
/// as many cells.
pub fn notebook(data: &[u8]) {
    let document = Document::read("hunt.ipynb", data);
    let hunt = document.examine(&Config::default());
    for found in &hunt.diagnostics {
        let span = found.span.unwrap_or_default();
        let _ = document.in_file(span.source, kestrel_ir::diagnostic::Position { line: 1, column: 1 });
    }
    let Ok(found) = notebook::read(data) else { return };
    let texts: Vec<String> = found.cells.iter().map(|cell| cell.text.clone()).collect();
    assert_eq!(notebook::write(data, &found, &texts), data, "an unchanged notebook changed");
    let changed: Vec<String> = texts.iter().map(|text| format!("{text}\n# é \"x\" \\ \u{7f}")).collect();
    let written = notebook::write(data, &found, &changed);
    let again =
        notebook::read(&written).unwrap_or_else(|why| panic!("what was written cannot be read: {why:?}"));
    let read: Vec<&str> = again.cells.iter().map(|cell| cell.text.as_str()).collect();
    assert_eq!(read, changed.iter().map(String::as_str).collect::<Vec<_>>(), "cells changed on the way");
    if let Ok(formatted) = document.format() {
        let again = notebook::read(&formatted).unwrap();
        assert_eq!(again.cells.len(), found.cells.len());
        assert_eq!(
            Document::read("hunt.ipynb", &formatted).format().unwrap(),
            formatted,
            "a second time changes it"
        );
    }
}

/// Whatever an editor asks about any place of any text has an answer.
pub fn editor(data: &[u8]) {
    let Some((seed, data)) = data.split_first_chunk::<4>() else { return };
    let text = String::from_utf8_lossy(data);
    let at = u32::from_le_bytes(*seed) as usize % (text.len() + 1);
    let analysis = Analysis::new([&*text], Config::default());
    let lines = Lines::new(&text);
    for offset in [at, at / 2, text.len()] {
        let place = Place { block: 0, offset };
        let LineColumn { line, column } = lines.place(&text, offset);
        let back = lines.offset(&text, LineColumn { line, column });
        assert!(text.is_char_boundary(back));
        let found = complete::complete(&analysis, place, &text, &complete::Surroundings::default());
        assert!(text.get(found.replace.clone()).is_some(), "{found:?} misses the text");
        // As if the text had been longer when it was examined.
        let cut = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let shorter = &text[..cut];
        let _ = complete::complete(
            &analysis,
            Place { block: 0, offset: cut },
            shorter,
            &complete::Surroundings::default(),
        );
        let _ = complete::is_recent(&analysis, place, shorter);
        let _ = hover::hover(&analysis, place);
        let _ = names::definition(&analysis, place);
        let _ = names::references(&analysis, place, true);
        if let Ok(places) = rename::rename(&analysis, place, "renamed_1") {
            assert!(places.iter().all(|span| text.get(span.range()).is_some()));
        }
    }
    let _ = symbols::symbols(&analysis, 0);
    let mut end = 0;
    for piece in classes::classes(&analysis, 0) {
        assert!(
            piece.start >= end && text.get(piece.start as usize..piece.end as usize).is_some(),
            "{piece:?}"
        );
        end = piece.end;
    }
}
