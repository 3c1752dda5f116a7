//! W1504 `invisible-character`: text that shows something else than it says.
#![doc = include_str!("../../../../ir/src/diagnostic/lints/invisible-character.md")]

use kestrel_ir::diagnostic::{Code, SourceId, Span};

use crate::lints::{Cx, Finding, Lint};

/// The table's entry.
pub(super) const LINT: Lint = Lint::on(Code::W1504, check);

/// So many are shown for one text.
const MOST: usize = 100;

fn check(cx: &Cx<'_>, found: &mut Vec<Finding>) {
    for (index, block) in cx.hunt.blocks.iter().enumerate() {
        if block.text.is_ascii() {
            continue;
        }
        let source = SourceId(u32::try_from(index).unwrap_or(u32::MAX));
        let hidden = block.text.char_indices().filter_map(|(at, c)| Some((at, c, what(c)?)));
        for (at, c, what) in hidden.take(MOST) {
            let span = Span::new(source, at, at + c.len_utf8());
            let message = format!("{what} (U+{:04X}) is not seen here", u32::from(c));
            found.push(Finding::new(Code::W1504, span, message).help(format!(
                "take it out; in a value that really holds it write `\\u{:04x}`",
                u32::from(c)
            )));
        }
    }
}

/// Names a character that is not seen or changes the order of what is seen.
fn what(c: char) -> Option<&'static str> {
    match c {
        '\u{ad}' => Some("a soft hyphen"),
        '\u{200b}' | '\u{2060}' | '\u{feff}' => Some("a blank without width"),
        '\u{200c}' | '\u{200d}' => Some("a joiner"),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => {
            Some("a mark for the direction of writing")
        }
        '\u{e0000}'..='\u{e007f}' => Some("a tag character"),
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => Some("an empty letter"),
        _ => None,
    }
}
