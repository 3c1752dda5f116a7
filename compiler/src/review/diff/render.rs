//! A difference as text and as JSON; the schema is `docs/schemas/diff.schema.json`.

use std::fmt::Write;

use kestrel_ir::text::shown;
use serde_json::{Value, json};

use super::{Change, Difference, EffectChange, Growth, StatementChange};

/// Returns the difference for people: effects, then work, each with `+`, `-` and `~`.
pub fn text(difference: &Difference) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    if difference.is_empty() {
        out.push_str("the same work, the same effects\n");
    } else {
        effects(&mut out, &difference.effects);
        work(&mut out, &difference.work);
    }
    for (old, new) in &difference.renamed {
        let _ = writeln!(out, "renamed: {old} is now {new}");
    }
    out
}

fn effects(out: &mut String, changes: &[EffectChange]) {
    let (title, empty) = match changes.first().map(|change| change.growth) {
        Some(Growth::More) => ("effects grew", false),
        Some(Growth::Less) => ("effects shrank", false),
        None => ("effects: no change", true),
    };
    let _ = writeln!(out, "{title}");
    for change in changes {
        let mark = match (&change.old, &change.new) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        let loud = if change.growth == Growth::More { '!' } else { ' ' };
        let values = match (&change.old, &change.new) {
            (Some(old), Some(new)) => format!("{old} → {new}"),
            (None, Some(one)) | (Some(one), None) => one.clone(),
            (None, None) => String::new(),
        };
        let _ = writeln!(out, "{loud} {mark} {:<12}{}: {values}", change.kind, change.subject);
    }
    if !empty {
        out.push('\n');
    }
}

fn work(out: &mut String, changes: &[StatementChange]) {
    let own = || changes.iter().filter(|change| change.change != Change::Affected);
    let affected: Vec<_> = changes.iter().filter(|change| change.change == Change::Affected).collect();
    let count = own().count();
    let title = if count == 0 { "work: no statement changed" } else { "work" };
    let _ = writeln!(out, "{title}");
    for change in own() {
        let (mark, word) = match change.change {
            Change::Added => ('+', "added"),
            Change::Removed => ('-', "removed"),
            Change::Moved => ('~', "moved"),
            Change::Changed | Change::Affected => ('~', "changed"),
        };
        let _ = writeln!(out, "  {mark} {word:<8} {}{}", change.statement, lines(change));
        for fact in &change.removed {
            let _ = writeln!(out, "      - {}", shown(fact));
        }
        for fact in &change.added {
            let _ = writeln!(out, "      + {}", shown(fact));
        }
    }
    if !affected.is_empty() {
        let names: Vec<_> = affected
            .iter()
            .take(12)
            .map(|change| match change.new_line {
                Some(line) => format!("{} (line {line})", change.statement),
                None => change.statement.clone(),
            })
            .collect();
        let more = match affected.len() - names.len() {
            0 => String::new(),
            left => format!(" and {left} more"),
        };
        let _ = writeln!(out, "  = the same statements, on other data: {}{more}", names.join("; "));
    }
}

fn lines(change: &StatementChange) -> String {
    match (change.old_line, change.new_line) {
        (Some(old), Some(new)) if old == new => format!(", line {new}"),
        (Some(old), Some(new)) => format!(", line {old} → {new}"),
        (Some(old), None) => format!(", old line {old}"),
        (None, Some(new)) => format!(", line {new}"),
        (None, None) => String::new(),
    }
}

/// Returns the difference as JSON, indented, with a final line break.
pub fn json(difference: &Difference) -> Result<String, serde_json::Error> {
    let renamed = difference.renamed.iter().map(|(old, new)| json!({"old": old, "new": new}));
    let document = json!({
        "format": "kestrel-diff",
        "format_version": 1,
        "effects_grew": difference.grew(),
        "effects": difference.effects,
        "work": difference.work,
        "renamed": renamed.collect::<Value>(),
    });
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}
