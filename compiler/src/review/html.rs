//! The review page: one file that needs nothing else, with the effects on top, the huntflow beside
//! the plan, and the query of each retrieval.
//!
//! The page allows itself one style and one script, named by their hashes; everything else, also
//! anything that hostile text could smuggle in, is refused by the browser. All text is escaped.

use std::{collections::BTreeMap, fmt::Write};

use kestrel_ir::{Plan, SourceText, text};

use super::{
    effects::Effects,
    escape::html,
    places::Places,
    queries::Asked,
    summary::{self, Row},
    svg,
};

const PAGE_STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Hash of style and script for the content security policy. A test compares them with the files
/// and prints the right ones.
const STYLE_HASH: &str = "sha256-eXyD42Jm/5OtEMp+BrZ+RHxfrox733Uag3RQQzn3ErQ=";
const SCRIPT_HASH: &str = "sha256-lsWzUpxnvksAbl91BOrqQNhTyGF2pGKIM+BLbcW8MTs=";

/// Returns the page.
pub fn page(plan: &Plan, asked: &[Asked]) -> String {
    let places = Places::of(plan);
    let effects = Effects::of(plan);
    let names: Vec<&str> = plan.sources.iter().map(|source| source.name.as_str()).collect();
    let title = match names.as_slice() {
        [] => "Review of a plan".to_owned(),
        [name] => format!("Review of {name}"),
        [name, more @ ..] => format!("Review of {name} and {} more", more.len()),
    };
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{STYLE_HASH}'; \
         script-src '{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n",
        title = html(&title),
        style = style(),
    );
    let _ = writeln!(
        out,
        "<header><h1>{}</h1>\n<p class=\"quiet\">What the hunt will do, before it runs. Plan of {} nodes, \
         made by kestrelc {}.</p></header>",
        html(&title),
        plan.len(),
        env!("CARGO_PKG_VERSION"),
    );
    effect_list(&mut out, &summary::rows(plan, &effects, &places), &places);
    out.push_str("<div class=\"side\">\n");
    huntflow(&mut out, plan);
    let drawn = graph(&mut out, plan, &places);
    out.push_str("</div>\n");
    query_list(&mut out, plan, &places, asked);
    let _ = write!(
        out,
        "<section><details class=\"plan-text\"{}><summary>The plan as text</summary>\n\
         <div class=\"pane\"><pre>{}</pre></div></details></section>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        if drawn { "" } else { " open" },
        html(&text::write(plan)),
    );
    out
}

fn style() -> String {
    format!("{}{PAGE_STYLE}", svg::STYLE)
}

fn effect_list(out: &mut String, rows: &[Row], places: &Places) {
    out.push_str("<section aria-label=\"effects\"><dl class=\"effects\">\n");
    for row in rows {
        let _ = write!(out, "<dt>{}</dt><dd>", row.title);
        if row.items.is_empty() {
            out.push_str("<span class=\"none\">none</span></dd>\n");
            continue;
        }
        out.push_str("<ul>");
        for item in &row.items {
            let class = if item.loud { " class=\"loud\"" } else { "" };
            let link = item.nodes.first().map(|id| places.label(*id));
            let text = html(&item.text);
            match link {
                Some(label) => {
                    let _ = write!(out, "<li{class}><a href=\"#{label}\">{text}</a></li>");
                }
                None => {
                    let _ = write!(out, "<li{class}>{text}</li>");
                }
            }
        }
        out.push_str("</ul></dd>\n");
    }
    out.push_str("</dl></section>\n");
}

/// The texts that the plan was made from, every statement with work in the plan marked.
fn huntflow(out: &mut String, plan: &Plan) {
    out.push_str("<section class=\"stuck\" aria-label=\"huntflow\"><h2>Huntflow</h2>\n");
    if plan.sources.iter().all(|source| source.text.is_empty()) {
        out.push_str("<p class=\"quiet\">The plan carries no text.</p></section>\n");
        return;
    }
    out.push_str("<div class=\"pane\">\n");
    let mut statements: BTreeMap<u32, BTreeMap<(u32, u32), u32>> = BTreeMap::new();
    for node in plan.nodes() {
        let span = node.origin.span;
        statements
            .entry(span.source.0)
            .or_default()
            .entry((span.start, span.end))
            .or_insert(node.origin.step);
    }
    for (n, source) in plan.sources.iter().enumerate() {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        one_text(out, n, source, &statements.remove(&n).unwrap_or_default());
    }
    out.push_str("</div></section>\n");
}

fn one_text(out: &mut String, number: u32, source: &SourceText, statements: &BTreeMap<(u32, u32), u32>) {
    // A final line break would show as one more, empty line.
    let body = source.text.strip_suffix('\n').unwrap_or(&source.text);
    let lines = body.split('\n').count();
    let numbers: Vec<String> = (1..=lines).map(|n| n.to_string()).collect();
    let _ = write!(
        out,
        "<figure class=\"source\"><figcaption>{}</figcaption><div class=\"code\">\
         <pre class=\"numbers\" aria-hidden=\"true\">{}</pre><pre class=\"text\">",
        html(&source.name),
        numbers.join("\n"),
    );
    let mut at = 0;
    for ((start, end), step) in statements {
        let (start, end) = (*start as usize, (*end as usize).min(body.len()));
        // Statements follow one another; anything else comes from a plan that was made up.
        if start < at || start >= end {
            continue;
        }
        let (Some(before), Some(statement)) = (body.get(at..start), body.get(start..end)) else { continue };
        let _ = write!(
            out,
            "{}<span class=\"step\" tabindex=\"0\" role=\"button\" aria-pressed=\"false\" data-step=\"{number}.{step}\">{}</span>",
            html(before),
            html(statement),
        );
        at = end;
    }
    let _ = writeln!(out, "{}</pre></div></figure>", html(body.get(at..).unwrap_or_default()));
}

/// Returns false if the plan is too large to be drawn.
fn graph(out: &mut String, plan: &Plan, places: &Places) -> bool {
    out.push_str("<section aria-label=\"plan\"><h2>Plan</h2>\n");
    match svg::drawing(plan, places, "") {
        Ok(drawing) => {
            out.push_str(
                "<ul class=\"legend\"><li><span class=\"asks\"></span>asks a data source</li>\
                 <li><span class=\"runs\"></span>runs code</li>\
                 <li><span class=\"files\"></span>reads or writes a file</li>\
                 <li><span class=\"shows\"></span>shows</li><li><span class=\"binds\"></span>variable</li>\
                 <li><span class=\"pools\"></span>records at hand</li><li><span></span>local work</li></ul>\n\
                 <div class=\"pane graph\">\n",
            );
            out.push_str(&drawing);
            out.push_str("</div></section>\n");
            true
        }
        Err(too_large) => {
            let _ =
                writeln!(out, "<p>{}; it stands below as text.</p></section>", html(&too_large.to_string()));
            false
        }
    }
}

fn query_list(out: &mut String, plan: &Plan, places: &Places, asked: &[Asked]) {
    out.push_str("<section aria-label=\"queries\"><h2>Queries</h2>\n");
    if asked.is_empty() {
        out.push_str("<p class=\"quiet\">The hunt asks no data source.</p>\n");
    }
    for asked in asked {
        let Some(node) = plan.get(asked.node) else { continue };
        let place = places.place(plan, node);
        let _ = writeln!(
            out,
            "<article class=\"query\" data-step=\"{}.{}\"><h3><a href=\"#{label}\">{label}</a> {} ← {}\
             <span class=\"quiet\"> {place}</span></h3>",
            node.origin.span.source.0,
            node.origin.step,
            node.op.name(),
            html(&asked.source),
            label = places.label(asked.node),
            place = html(&place),
        );
        if let Some(problem) = &asked.problem {
            let _ = writeln!(out, "<p>No query: {}. {}.</p>", html(&problem.message), html(&problem.help));
        }
        for (n, alternative) in asked.alternatives.iter().enumerate() {
            if let Some(by) = &alternative.by {
                let otherwise = if n == 0 { "Asks" } else { "Otherwise asks" };
                let _ = writeln!(out, "<p>{otherwise} by <code>{}</code>:</p>", html(&by.to_string()));
            }
            for query in &alternative.queries {
                let _ = writeln!(
                    out,
                    "<pre><code data-language=\"{}\">{}</code></pre>",
                    html(query.language),
                    html(&query.text)
                );
            }
            if let Some(left) = alternative.left_to_do() {
                let _ = writeln!(out, "<p class=\"quiet\">Filtered here: {}</p>", html(&left));
            }
        }
        if let Some(window) = asked.window.as_ref().filter(|_| !asked.never) {
            let _ = writeln!(out, "<p class=\"quiet\">Time range: {}</p>", html(window));
        }
        match &asked.unless {
            Some(_) if asked.never => {
                out.push_str("<p>Never asks: the search has asked for everything already.</p>\n")
            }
            Some(unless) => {
                let _ = writeln!(out, "<p class=\"quiet\">Nothing is asked if {}.</p>", html(unless));
            }
            None => {}
        }
        out.push_str("</article>\n");
    }
    out.push_str("</section>\n");
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_the_style_and_the_script() {
        let hash = |text: &str| format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())));
        assert_eq!((STYLE_HASH, SCRIPT_HASH), (&*hash(&style()), &*hash(SCRIPT)));
    }
}
