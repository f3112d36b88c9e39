//! JSON with comments and trailing commas → JSON.

/// Returns the document without comments and without commas before a closing bracket.
pub(super) fn strict(content: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(content.len());
    let mut comma = false;
    let mut rest = content;
    while let Some(first) = rest.first() {
        let token = token(rest);
        rest = &rest[token.len()..];
        match first {
            _ if is_comment(token) => continue,
            b',' => {
                if comma {
                    plain.push(b','); // two in a row stay what they are: damage
                }
                comma = true;
                continue;
            }
            b']' | b'}' => comma = false,
            byte if byte.is_ascii_whitespace() => {}
            _ if comma => {
                plain.push(b',');
                comma = false;
            }
            _ => {}
        }
        plain.extend(token);
    }
    plain
}

/// A text, a comment, or one byte.
fn token(rest: &[u8]) -> &[u8] {
    let length = match rest {
        [b'"', tail @ ..] => 1 + text_length(tail),
        [b'/', b'/', ..] => rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len()),
        [b'/', b'*', tail @ ..] => tail
            .windows(2)
            .position(|pair| pair == b"*/")
            .map_or(rest.len(), |end| end + 4),
        _ => 1,
    };
    &rest[..length]
}

fn is_comment(token: &[u8]) -> bool {
    token.len() > 1 && token[0] == b'/'
}

/// Up to and with the closing quote.
fn text_length(text: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_a_text_stays() {
        let check = |relaxed: &str, expected: &str| {
            assert_eq!(
                String::from_utf8(strict(relaxed.as_bytes())).expect("text"),
                expected
            );
        };
        check(r#"{"a":"// ,]\",]"}"#, r#"{"a":"// ,]\",]"}"#);
        check("[1,\n]", "[1\n]");
        check("[1,,2]", "[1,,2]");
        check("[1/*,*/,2]//", "[1,2]");
        check("[\"open", "[\"open");
        check("/*", "");
    }
}
