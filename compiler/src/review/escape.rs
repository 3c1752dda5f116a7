//! Text of huntflows and plans in HTML and SVG: never markup, never invisible.

/// Returns text for element content and quoted attributes. Line breaks and tabs stay; other control
/// characters, and those that hide text or change its direction, become visible.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if c.is_control() || hides(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Characters that change the direction of text, join to nothing or show nothing.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns at most `width` columns of a text on one line, with `…` where something is left out.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    use unicode_width::UnicodeWidthChar;
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or(1).max(1);
        if used + columns > width {
            while used + 1 > width {
                match out.pop() {
                    Some(last) => used -= last.width().unwrap_or(1).max(1).min(used),
                    None => break,
                }
            }
            out.push('…');
            return out;
        }
        used += columns;
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_invisible_characters_are_shown() {
        assert_eq!(
            html("<b a='x'>\"&\u{202e}\u{7}\r\n\t</b>"),
            "&lt;b a=&#39;x&#39;&gt;&quot;&amp;\\u{202e}\\u{7}\n\t&lt;/b&gt;"
        );
        assert_eq!(
            (shorten("abcdef", 4), shorten("日本語", 4), shorten("ab", 2)),
            ("abc…".into(), "日…".into(), "ab".into())
        );
    }
}
