//! Results for a terminal: aligned tables that fit the width and say what they leave out.

mod layout;

use std::{borrow::Cow, fmt::Write as _, io};

use kestrel_ir::Rows;
use unicode_width::UnicodeWidthStr;

use super::{
    DisplayResult, Results, SourceResult, Table, VariableResult, duration_words, related_types,
    severity_word, summarized, table::printable,
};
use layout::{Layout, fit};

/// How to render.
#[derive(Debug, Clone)]
pub struct TextOptions {
    /// Columns of the terminal; none means that nothing is cut, for files and pipes.
    pub width: Option<usize>,
    /// Rows shown of each table; none means all.
    pub max_rows: Option<usize>,
    /// Whether diagnostics are part of the text, one line each. Front ends that show them with
    /// source lines on standard error leave them out.
    pub diagnostics: bool,
    /// Whether the block summary is part of the text.
    pub summary: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        TextOptions { width: None, max_rows: None, diagnostics: true, summary: true }
    }
}

/// Writes displays in order, then diagnostics, then the summary; a blank line between.
pub fn write(results: &Results, options: &TextOptions, out: &mut dyn io::Write) -> io::Result<()> {
    let mut first = true;
    let mut separate =
        |out: &mut dyn io::Write| if std::mem::take(&mut first) { Ok(()) } else { out.write_all(b"\n") };
    for display in &results.displays {
        separate(out)?;
        write_display(display, options, out)?;
    }
    if options.diagnostics && !results.diagnostics.is_empty() {
        separate(out)?;
        out.write_all(diagnostics(results).as_bytes())?;
    }
    if options.summary && (!summarized(results).is_empty() || !results.sources.is_empty()) {
        separate(out)?;
        out.write_all(summary(results, options).as_bytes())?;
    }
    Ok(())
}

/// Returns the whole text.
pub fn to_string(results: &Results, options: &TextOptions) -> String {
    let mut out = Vec::new();
    // Writing into memory cannot fail.
    let _ = write(results, options, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes one display.
pub fn write_display(
    display: &DisplayResult,
    options: &TextOptions,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match display {
        DisplayResult::Table(table) => write_table(table, options, out),
        DisplayResult::Dict(items) => {
            let keys: Vec<Cow<'_, str>> = items.iter().map(|(key, _)| printable(key)).collect();
            let width = keys.iter().map(|key| key.width()).max().unwrap_or(0);
            for (key, (_, value)) in keys.iter().zip(items) {
                let value = value.as_ref().map(ToString::to_string).unwrap_or_default();
                // Lines of one value stand below each other.
                let mut label = format!("{}{key}", " ".repeat(width - key.width()));
                for part in value.split('\n') {
                    writeln!(out, "{}", format!("{label}  {}", printable(part)).trim_end())?;
                    label = " ".repeat(width);
                }
            }
            Ok(())
        }
        DisplayResult::Html(html) => write_lines(html, out),
        DisplayResult::Text(text) => write_lines(text, out),
    }
}

/// Writes several lines, each made harmless for the terminal.
fn write_lines(text: &str, out: &mut dyn io::Write) -> io::Result<()> {
    text.lines().try_for_each(|line| writeln!(out, "{}", printable(line)))
}

fn write_table(table: &Table, options: &TextOptions, out: &mut dyn io::Write) -> io::Result<()> {
    let shown = options.max_rows.map_or(table.len(), |max| max.min(table.len()));
    let layout = fit(table, shown, options.width);
    write_grid(table, &layout, shown, out)?;
    for note in notes(table, &layout, shown) {
        for line in wrapped(&note, options.width) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn write_grid(table: &Table, layout: &Layout, shown: usize, out: &mut dyn io::Write) -> io::Result<()> {
    let mut line = String::new();
    let put = |line: &mut String, n: usize, text: &str| {
        let column = &layout.columns[n];
        if n > 0 {
            line.push_str("  ");
        }
        let pad = column.width.saturating_sub(text.width());
        if column.right {
            line.extend(std::iter::repeat_n(' ', pad));
        }
        line.push_str(text);
        if !column.right && n + 1 < layout.columns.len() {
            line.extend(std::iter::repeat_n(' ', pad));
        }
    };
    for (n, column) in layout.columns.iter().enumerate() {
        put(&mut line, n, &layout::cut_front(&printable(&table.columns[column.index]), column.width));
    }
    writeln!(out, "{}", line.trim_end())?;
    for row in 0..shown {
        line.clear();
        for (n, column) in layout.columns.iter().enumerate() {
            let text = layout::cell_text(table.cell(row, column.index));
            put(&mut line, n, &layout::cut_back(&text, column.width));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Everything that the table does not show, in words.
fn notes(table: &Table, layout: &Layout, shown: usize) -> Vec<String> {
    let mut notes = Vec::new();
    let rows = |n: u64| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") };
    if table.is_empty() {
        notes.push("0 rows".to_owned());
    }
    let hidden = (table.len() - shown) as u64 + table.rendered.capped;
    if hidden > 0 {
        notes.push(if hidden == 1 {
            "1 more row not shown".to_owned()
        } else {
            format!("{hidden} more rows not shown")
        });
    }
    if table.rendered.folded > 0 {
        notes.push(format!("{} equal to an earlier one folded", rows(table.rendered.folded)));
    }
    if table.rendered.empty > 0 {
        notes.push(format!("{} without any value in these columns left out", rows(table.rendered.empty)));
    }
    if table.rendered.cut > 0 {
        notes.push(format!("{} left out by LIMIT or OFFSET", rows(table.rendered.cut)));
    }
    if !layout.left_out.is_empty() {
        let names: Vec<_> = layout.left_out.iter().map(|index| printable(&table.columns[*index])).collect();
        let columns =
            if names.len() == 1 { "1 column".to_owned() } else { format!("{} columns", names.len()) };
        notes.push(format!("{columns} not shown: {}", names.join(", ")));
    }
    notes
}

/// Breaks a note at blanks so that it fits.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Returns the diagnostics, one line each and the help below.
pub fn diagnostics(results: &Results) -> String {
    let mut out = String::new();
    for located in results.located() {
        let diagnostic = located.diagnostic;
        let place = located
            .place
            .map(|place| format!("{}:{}:{}: ", printable(place.file), place.start.line, place.start.column))
            .unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{place}{}[{}]: {}",
            severity_word(diagnostic.severity),
            diagnostic.code,
            printable(&diagnostic.message)
        );
        if let Some(help) = &diagnostic.help {
            // Traces of analytics have several lines.
            let lines: Vec<_> = help.lines().map(printable).collect();
            let _ = writeln!(out, "  help: {}", lines.join("\n        "));
        }
    }
    out
}

/// Returns the block summary: time, variables, data sources. Source: language 8.4.
pub fn summary(results: &Results, options: &TextOptions) -> String {
    let mut out = format!("[SUMMARY] block executed in {}\n", duration_words(results.summary.seconds));
    let write = |table: &Table, out: &mut String| {
        let mut text = Vec::new();
        // Writing into memory cannot fail.
        let _ = write_table(table, &TextOptions { max_rows: None, ..options.clone() }, &mut text);
        out.push_str(&String::from_utf8_lossy(&text));
    };
    let variables = summarized(results);
    if !variables.is_empty() {
        write(&variables_table(&variables, &related_types(&results.variables)), &mut out);
        if !related_types(&results.variables).is_empty() {
            out.push_str("*Number of related records cached.\n");
        }
    }
    if !results.sources.is_empty() {
        write(&sources_table(&results.sources), &mut out);
    }
    if results.summary.stopped {
        out.push_str("The run was stopped before its end.\n");
    }
    for (count, what) in [(results.summary.failed, "failed"), (results.summary.skipped, "skipped")] {
        if count > 0 {
            let _ = writeln!(out, "{count} {} {what}.", if count == 1 { "step" } else { "steps" });
        }
    }
    out
}

/// The variables part of the summary as a table; groups are counted and called such.
pub(crate) fn variables_table(variables: &[&VariableResult], related: &[&str]) -> Table {
    use kestrel_stix::Value;
    let mut columns: Vec<String> =
        ["VARIABLE", "TYPE", "#(ENTITIES)", "#(RECORDS)"].map(str::to_owned).to_vec();
    columns.extend(related.iter().map(|name| format!("{name}*")));
    let number = |n: u64| Some(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)));
    let rows = variables.iter().map(|variable| {
        let groups = variable.kind == Rows::Groups;
        let entity_type = variable.entity_type.as_ref();
        let mut row = vec![
            Some(Value::text(&variable.name)),
            entity_type
                .map(|name| Value::text(if groups { format!("groups of {name}") } else { name.clone() })),
            number(if groups { variable.row_count } else { variable.entities }),
            number(variable.records),
        ];
        row.extend(related.iter().map(|name| {
            number(variable.related.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count))
        }));
        row
    });
    Table::from_rows(columns, rows)
}

/// The sources part of the summary as a table.
pub(crate) fn sources_table(sources: &[SourceResult]) -> Table {
    use kestrel_stix::Value;
    let columns = ["SOURCE", "QUERIES", "RECORDS", "ANSWER"].map(str::to_owned).to_vec();
    let number = |n: u64| Some(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)));
    let rows = sources.iter().map(|source| {
        let answer = match (&source.error, source.complete) {
            (None, true) => "complete".to_owned(),
            (Some(error), true) => format!("complete; {error}"),
            (None, false) => "incomplete".to_owned(),
            (Some(error), false) => format!("incomplete: {error}"),
        };
        vec![
            Some(Value::text(&source.uri)),
            number(source.queries),
            number(source.records),
            Some(Value::text(answer)),
        ]
    });
    Table::from_rows(columns, rows)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            DisplayResult, Results,
            sample::{results, table},
        },
        *,
    };

    fn shown(table: Table, options: &TextOptions) -> String {
        to_string(&Results { displays: vec![DisplayResult::Table(table)], ..Results::default() }, options)
    }

    #[test]
    fn everything_of_a_run_is_rendered_and_nothing_moves_the_cursor() {
        let text = to_string(&results(), &TextOptions::default());
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn long_cells_are_shortened_visibly_and_numbers_never() {
        let table = table(
            &["name", "pid", "command_line"],
            r#"[["cmd.exe", 123456789, "C:\\Windows\\system32\\cmd.exe /d /s /c \"wmic logicaldisk get size\""],
                ["日本語.exe", 7, "short"]]"#,
        );
        insta::assert_snapshot!(shown(table, &TextOptions { width: Some(48), ..TextOptions::default() }));
    }

    #[test]
    fn columns_that_do_not_fit_are_counted_and_named() {
        let long = "x".repeat(30);
        let columns =
            ["parent_ref.binary_ref.parent_directory_ref.path", "name", "pid", "cwd", "user", "command_line"];
        let row = format!(r#"[["{long}", "{long}", 4, "{long}", "{long}", "{long}"]]"#);
        let text = shown(table(&columns, &row), &TextOptions { width: Some(60), ..TextOptions::default() });
        assert!(text.lines().all(|line| line.width() <= 60), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_row_cap_says_how_many_rows_are_missing() {
        let table = table(&["pid"], "[[1],[2],[3]]");
        insta::assert_snapshot!(shown(table, &TextOptions { max_rows: Some(1), ..TextOptions::default() }), @r"
        pid
          1
        2 more rows not shown
        ");
    }

    #[test]
    fn a_table_without_rows_shows_its_header() {
        insta::assert_snapshot!(shown(table(&["name", "pid"], "[]"), &TextOptions::default()), @r"
        name  pid
        0 rows
        ");
    }
}
