//! Every stage of small huntflows, printed: tokens, syntax tree, plan, results. Together they
//! are an end-to-end test whose failure names the stage.

use kestrel_compiler::{Compilation, Config, lexer, tree};
use kestrel_executor::results::text;
use kestrel_ir::{passes::Level, text as plan_text};

use crate::support;

/// Huntflows whose stages are too long to read, need an analytic, or write files.
const LEFT_OUT: [&str; 5] = ["tracking", "scheduled-tasks", "apply", "load-save", "operators"];

#[test]
fn stages_of_huntflows() {
    let huntflows = kestrel_fixtures::huntflows().expect("the fixtures are there");
    let mut seen = 0;
    for path in huntflows {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a huntflow");
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name.clone(), stages(&name, &text));
        });
        seen += 1;
    }
    assert!(seen >= 12, "only {seen} huntflows were looked at");
}

fn stages(name: &str, text: &str) -> String {
    let file = format!("{name}.hf");
    let mut compilation = Compilation::new(Config::default());
    let compiled = compilation.block(&file, text);
    let plan = compilation.optimized(Level::O2).expect("a plan");
    let mut results = support::run(&file, text);
    // Time is the one thing that differs from run to run.
    results.summary.seconds = 0.0;
    format!(
        "== tokens\n{}\n== syntax tree\n{}\n== plan\n{}\n== results\n{}",
        tokens(text),
        tree::tree(&compiled.ast),
        plan_text::write(&plan),
        text::to_string(&results, &text::TextOptions::default())
    )
}

/// Tokens, a line of them for each line of the text.
fn tokens(text: &str) -> String {
    let mut out = String::new();
    let mut line_end = 0;
    for token in lexer::lex(text).tokens {
        let (start, end) = (token.start as usize, token.end as usize);
        if start >= line_end {
            if !out.is_empty() {
                out.push('\n');
            }
            line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        } else {
            out.push(' ');
        }
        out.push_str(&format!("{:?}‹{}›", token.kind, plan_text::visible(&text[start..end])));
    }
    out.push('\n');
    out
}
