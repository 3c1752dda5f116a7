//! Comments that suppress findings:
//!
//! ```text
//! p = GET … LIMIT 10  # kestrel: allow(W1305) a sample is enough
//! # kestrel: allow(unused-variable, W1101) shown by the notebook
//! q = …
//! # kestrel: allow-file(W1204) this source keeps hashes in upper case
//! ```
//!
//! A comment in or behind a statement is about it, one on a line of its own about the next
//! statement. The reason is required; a suppression without a use is reported.

use std::collections::HashMap;

use kestrel_ir::diagnostic::{Code, Span};
use kestrel_stix::suggest::nearest;

use super::{Edit, Finding, Selection};
use crate::hunt::{Block, Hunt};

/// Removes suppressed findings, and adds what is wrong with the suppressions.
pub(super) fn apply(hunt: &Hunt, selection: &Selection, found: &mut Vec<Finding>) {
    let mut suppressions = Vec::new();
    let mut wrong = Vec::new();
    for block in &hunt.blocks {
        read(block, &mut suppressions, &mut wrong);
    }
    if !suppressions.is_empty() {
        // The first suppression of a code at a place is the one that counts.
        let mut index: HashMap<(About, Code), usize> = HashMap::new();
        for (at, suppression) in suppressions.iter().enumerate() {
            for (code, _) in &suppression.codes {
                index.entry((suppression.about, *code)).or_insert(at);
            }
        }
        found.retain(|finding| {
            let code = finding.diagnostic.code;
            let statement = finding.diagnostic.span.and_then(|span| statement_at(hunt, span));
            let places = [Some(About::File), statement.map(About::Statement)];
            let hit = places.into_iter().flatten().find_map(|about| index.get(&(about, code)));
            let Some(hit) = hit.filter(|_| !finding.diagnostic.is_error()) else { return true };
            for (known, used) in &mut suppressions[*hit].codes {
                *used |= *known == code;
            }
            false
        });
        for suppression in &suppressions {
            let unused: Vec<Code> = suppression
                .codes
                .iter()
                .filter(|(code, used)| !used && selection.has(*code))
                .map(|(code, _)| *code)
                .collect();
            if !unused.is_empty() {
                wrong.push(unused_suppression(hunt, suppression, &unused));
            }
        }
    }
    found.extend(wrong.into_iter().filter(|finding| selection.has(finding.diagnostic.code)));
}

/// One comment that suppresses.
struct Suppression {
    span: Span,
    /// Each with whether it suppressed something.
    codes: Vec<(Code, bool)>,
    about: About,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum About {
    File,
    /// The statement with this span.
    Statement(Span),
    /// No statement follows.
    Nothing,
}

fn statement_at(hunt: &Hunt, span: Span) -> Option<Span> {
    let statements = &hunt.blocks.get(span.source.0 as usize)?.ast.statements;
    let after = statements.partition_point(|statement| statement.span.start <= span.start);
    let statement = statements.get(after.checked_sub(1)?)?;
    (span.start < statement.span.end).then_some(statement.span)
}

fn read(block: &Block, suppressions: &mut Vec<Suppression>, wrong: &mut Vec<Finding>) {
    for comment in &block.comments {
        let text = block.text.get(comment.span.range()).unwrap_or_default();
        let Some(order) = text.trim_start_matches('#').trim_start().strip_prefix("kestrel:") else {
            continue;
        };
        match parse(order.trim_start()) {
            Err((message, help)) => {
                wrong.push(Finding::new(Code::W1903, comment.span, message).help(help));
            }
            Ok((_, _, "")) => wrong.push(
                Finding::new(Code::W1901, comment.span, "the suppression gives no reason and does nothing")
                    .help("write the reason behind the bracket"),
            ),
            Ok((whole_file, codes, _)) => {
                let about = if whole_file { About::File } else { about(block, comment.span) };
                let codes = codes.into_iter().map(|code| (code, false)).collect();
                suppressions.push(Suppression { span: comment.span, codes, about });
            }
        }
    }
}

/// Finds the statement that a comment is about.
fn about(block: &Block, comment: Span) -> About {
    let statements = &block.ast.statements;
    let after = statements.partition_point(|statement| statement.span.start < comment.start);
    if let Some(before) = after.checked_sub(1).and_then(|at| statements.get(at)) {
        let between = block.text.get(before.span.end as usize..comment.start as usize);
        // Inside the statement, or behind it on its line.
        if between.is_none_or(|between| !between.contains(['\n', '\r'])) {
            return About::Statement(before.span);
        }
    }
    statements.get(after).map_or(About::Nothing, |next| About::Statement(next.span))
}

/// Reads `allow(NAME, …) reason`: whether it is about the file, the codes, the reason.
fn parse(order: &str) -> Result<(bool, Vec<Code>, &str), (String, String)> {
    const FORM: &str = "the form is `# kestrel: allow(W1305) reason` or `allow-file(W1305) reason`";
    let cannot = || ("the comment for kestrel cannot be read".to_owned(), FORM.to_owned());
    let (whole_file, rest) = match order.strip_prefix("allow-file") {
        Some(rest) => (true, rest),
        None => (false, order.strip_prefix("allow").ok_or_else(cannot)?),
    };
    let (list, reason) =
        rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(cannot)?;
    let mut codes = Vec::new();
    for name in list.split(',').map(str::trim) {
        let code: Code = name.parse().map_err(|_| {
            let names = Code::ALL.iter().flat_map(|code| [code.as_str(), code.name()]);
            let help = match nearest(name, names.filter(|name| !name.starts_with('E'))).first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`kestrelc explain` lists the codes and names".to_owned(),
            };
            (format!("no lint is called `{name}`"), help)
        })?;
        if code.as_str().starts_with('E') {
            return Err((format!("the error {code} cannot be suppressed"), "correct its cause".to_owned()));
        }
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    let reason = reason.trim_matches([' ', '\t', ':', '-']);
    Ok((whole_file, codes, reason))
}

fn unused_suppression(hunt: &Hunt, suppression: &Suppression, unused: &[Code]) -> Finding {
    let names = unused.iter().map(|code| format!("{code} ({})", code.name())).collect::<Vec<_>>().join(", ");
    let finding = Finding::new(Code::W1902, suppression.span, format!("nothing to suppress here: {names}"));
    if unused.len() < suppression.codes.len() {
        return finding.help("leave out the unused codes");
    }
    let text = hunt.blocks.get(suppression.span.source.0 as usize).map_or("", |block| block.text.as_str());
    let mut span = suppression.span;
    let before = text.get(..span.start as usize).unwrap_or_default();
    let blanks = before.len() - before.trim_end_matches([' ', '\t']).len();
    span.start -= u32::try_from(blanks).unwrap_or(0);
    // A comment on its own line goes with the line end.
    if before.trim_end_matches([' ', '\t']).ends_with(['\n', '\r']) || blanks == before.len() {
        let after = text.get(span.end as usize..).unwrap_or_default();
        let line_end = if after.starts_with("\r\n") { 2 } else { u32::from(!after.is_empty()) };
        span.end += line_end;
    }
    finding.help("remove the comment").safe_fix("remove the comment", vec![Edit::delete(span)])
}
