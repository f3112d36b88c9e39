//! Which events an endpoint wants.

use catalog::{Endpoint, EventKind, StoredEvent};

/// Returns whether an endpoint in whose scope an event is wants it.
///
/// Pulls and pings are only for those who ask. A pattern of tags does not hold back what has no tag.
pub(crate) fn wants(endpoint: &Endpoint, event: &StoredEvent) -> bool {
    let settings = &endpoint.settings;
    let wants_kind = if settings.kinds.is_empty() {
        !matches!(event.kind, EventKind::Pull | EventKind::Ping)
    } else {
        settings.kinds.contains(&event.kind)
    };
    wants_kind
        && matches_one(&settings.repositories, event.repository.as_deref())
        && matches_one(&settings.tags, event.tag.as_deref())
}

fn matches_one(patterns: &[String], text: Option<&str>) -> bool {
    let Some(text) = text else { return true };
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, text))
}

/// Returns whether the whole text matches: `*` is any run of characters but `/`, `**` any run. Linear in pattern × text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // `reached[i]`: the pattern so far matches the first `i` characters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut pieces = pattern.chars().peekable();
    while let Some(piece) = pieces.next() {
        let mut next = vec![false; text.len() + 1];
        if piece == '*' {
            let is_across = pieces.next_if_eq(&'*').is_some();
            let mut open = false;
            for at in 0..=text.len() {
                if at > 0 && !is_across && text[at - 1] == '/' {
                    open = false;
                }
                open |= reached[at];
                next[at] = open;
            }
        } else {
            for at in 0..text.len() {
                next[at + 1] = reached[at] && text[at] == piece;
            }
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(matches(pattern, text), expected, "`{pattern}` on `{text}`");
    }

    #[test]
    fn patterns_match_whole_names() {
        check("team/app", "team/app", true);
        check("team/app", "team/apple", false);
        check("team/*", "team/app", true);
        check("team/*", "team/a/b", false);
        check("team/**", "team/a/b", true);
        check("**", "anything/at/all", true);
        check("*", "a/b", false);
        check("v*", "v1.2", true);
        check("v*", "xv1", false);
        check("*-rc*", "1.0-rc1", true);
        check("", "", true);
        check("", "a", false);
        check("a*b*c", "aXbYc", true);
    }

    #[test]
    fn a_hostile_pattern_ends_in_time() {
        check(&"*a".repeat(200), &"a".repeat(300), true);
        check(&format!("{}b", "**a".repeat(200)), &"a".repeat(300), false);
    }
}
