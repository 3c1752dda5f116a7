//! Results as one self-contained HTML page: no scripts, nothing loaded from elsewhere.

use std::io;

use super::{
    DisplayResult, Results, Table, duration_words, related_types, severity_word, summarized,
    text::{sources_table, variables_table},
};

const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;margin:2em}\
table{border-collapse:collapse;margin:.5em 0}\
th,td{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top;white-space:pre-wrap}\
th{background:#eee}.n{text-align:right}.error{color:#a00}.warning{color:#850}\
iframe{border:1px solid #bbb;width:100%;height:40em}";

/// Writes the page.
pub fn write(results: &Results, out: &mut dyn io::Write) -> io::Result<()> {
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Kestrel hunt</title>\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         img-src data:; frame-src 'self'\"><style>{STYLE}</style></head><body>\n"
    )?;
    for display in &results.displays {
        write_display(display, out)?;
    }
    for located in results.located() {
        let diagnostic = located.diagnostic;
        let severity = severity_word(diagnostic.severity);
        let place = located
            .place
            .map(|place| format!("{}:{}:{}: ", place.file, place.start.line, place.start.column))
            .unwrap_or_default();
        write!(
            out,
            "<p class=\"{severity}\">{}<b>{severity}[{}]</b>: {}",
            escape(&place),
            diagnostic.code,
            escape(&diagnostic.message)
        )?;
        if let Some(help) = &diagnostic.help {
            // Traces of analytics have several lines.
            match help.split_once('\n') {
                None => write!(out, "<br>help: {}", escape(help))?,
                Some((first, more)) => {
                    let more: Vec<_> = more.lines().map(escape).collect();
                    write!(out, "<br>help: {}</p>\n<pre>{}</pre><p>", escape(first), more.join("\n"))?;
                }
            }
        }
        out.write_all(b"</p>\n")?;
    }
    writeln!(out, "<h4>Block Executed in {}</h4>", duration_words(results.summary.seconds))?;
    let variables = summarized(results);
    if !variables.is_empty() {
        let related = related_types(&results.variables);
        write_table(&variables_table(&variables, &related), out)?;
        if !related.is_empty() {
            out.write_all(b"<p>*Number of related records cached.</p>\n")?;
        }
    }
    if !results.sources.is_empty() {
        write_table(&sources_table(&results.sources), out)?;
    }
    out.write_all(b"</body></html>\n")
}

/// Returns the page as text.
pub fn to_string(results: &Results) -> String {
    let mut out = Vec::new();
    // Writing into memory cannot fail.
    let _ = write(results, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes one display as a fragment.
///
/// HTML that an analytic made goes into a frame that can neither run scripts nor reach the page.
pub fn write_display(display: &DisplayResult, out: &mut dyn io::Write) -> io::Result<()> {
    match display {
        DisplayResult::Table(table) => write_table(table, out),
        DisplayResult::Dict(items) => {
            out.write_all(b"<table>\n")?;
            for (key, value) in items {
                let value = value.as_ref().map(ToString::to_string).unwrap_or_default();
                writeln!(out, "<tr><th>{}</th><td>{}</td></tr>", escape(key), escape(&value))?;
            }
            out.write_all(b"</table>\n")
        }
        DisplayResult::Html(html) => writeln!(out, "<iframe sandbox srcdoc=\"{}\"></iframe>", escape(html)),
        DisplayResult::Text(text) => writeln!(out, "<pre>{}</pre>", escape(text)),
    }
}

fn write_table(table: &Table, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(b"<table>\n<tr>")?;
    let classes: Vec<&str> = (0..table.columns.len())
        .map(|column| if table.is_numeric(column) { " class=\"n\"" } else { "" })
        .collect();
    for (column, class) in table.columns.iter().zip(&classes) {
        write!(out, "<th{class}>{}</th>", escape(column))?;
    }
    out.write_all(b"</tr>\n")?;
    for row in 0..table.len() {
        out.write_all(b"<tr>")?;
        for (value, class) in table.row(row).zip(&classes) {
            let text = value.map(ToString::to_string).unwrap_or_default();
            write!(out, "<td{class}>{}</td>", escape(&text))?;
        }
        out.write_all(b"</tr>\n")?;
    }
    out.write_all(b"</table>\n")?;
    let left_out = table.rendered;
    for (count, what) in [
        (left_out.folded, "equal to an earlier one folded"),
        (left_out.empty, "without any value in these columns left out"),
        (left_out.cut, "left out by LIMIT or OFFSET"),
        (left_out.capped, "more not shown"),
    ] {
        if count > 0 {
            writeln!(out, "<p>{count} {} {what}</p>", if count == 1 { "row" } else { "rows" })?;
        }
    }
    if table.is_empty() {
        out.write_all(b"<p>0 rows</p>\n")?;
    }
    Ok(())
}

/// Returns text safe inside elements and quoted attributes. Control characters that HTML does
/// not allow, and those that hide or reverse text, are written out.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_ascii_graphic() || c == ' ' => out.push(c),
            c => {
                let mut buffer = [0; 4];
                out.push_str(&super::table::printable(c.encode_utf8(&mut buffer)));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample::results;

    #[test]
    fn the_page_escapes_what_the_data_says() {
        let page = super::to_string(&results());
        assert!(!page.contains("<b>\u{1b}"));
        insta::assert_snapshot!(page);
    }
}
