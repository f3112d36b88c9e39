//! Foreign text made safe for a terminal.
//!
//! A package may be called `\u{1b}[2Jnothing to see`. Control characters, which a terminal would obey, and marks that
//! reorder what is seen are shown escaped; everything else stays, in any script.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns the text with every character that a terminal obeys, or that reorders a line, shown as `\u{…}`.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_active) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_active(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Returns a JSON document with the same characters as JSON escapes. They can only stand inside strings, where both
/// spellings mean the same; line feeds between values stay.
pub(crate) fn json_text(document: String) -> String {
    if !document.contains(is_active_in_json) {
        return document;
    }
    let mut safe = String::with_capacity(document.len() + 16);
    for c in document.chars() {
        if is_active_in_json(c) {
            // All of them lie in the basic plane: one escape each.
            write!(safe, "\\u{:04x}", u32::from(c)).expect("writing to a string cannot fail");
        } else {
            safe.push(c);
        }
    }
    safe
}

fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Marks and overrides of writing direction, line and paragraph separators, the byte order mark.
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
        )
}

fn is_active_in_json(c: char) -> bool {
    // The writer escapes what is below U+0020 itself; the line feeds left are its own layout.
    c != '\n' && is_active(c)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("libssl3", "libssl3")]
    #[case("größe 大", "größe 大")]
    #[case("a\u{1b}[2Jb", "a\\u{1b}[2Jb")]
    #[case("a\nb\tc", "a\\nb\\tc")]
    #[case("a\u{9b}31mb", "a\\u{9b}31mb")]
    #[case("a\u{202e}b", "a\\u{202e}b")]
    #[case("a\u{7f}", "a\\u{7f}")]
    fn a_terminal_is_shown_characters_and_never_obeys_them(
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(plain(text), expected);
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"name": "a\u{9b}31m\u{202e}\u{7f}\u{1b}", "other": "ä"});
        let text = json_text(serde_json::to_string_pretty(&value).expect("JSON"));
        assert!(!text.contains(is_active_in_json));
        assert!(text.contains("\\u009b31m\\u202e\\u007f\\u001b"));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).expect("JSON"),
            value
        );
    }
}
