//! The tokens of Erlang's and Elixir's terms, as far as names and versions are written with them.
//!
//! A flat list, because what is looked for is a short run of tokens wherever it stands; nesting therefore costs nothing.

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    OpenTuple,
    Comma,
    /// `jason`, `'jason'`, `:jason`.
    Atom(String),
    /// `"1.4.1"`, and the inside of `<<"1.4.1">>`.
    Text(String),
    /// Anything else, down to one letter of it.
    Other,
}

/// Tokens of one document. A lock file with 1,000 packages has some 50,000.
const LIMIT: usize = 1_000_000;

/// Returns the tokens. White space, comments and the marks of binaries are left out.
pub(super) fn tokens(content: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = content;
    while let Some((first, tail)) = rest.split_first() {
        if tokens.len() == LIMIT {
            break;
        }
        rest = tail;
        let token = match first {
            b'{' => Token::OpenTuple,
            b',' => Token::Comma,
            b'"' => Token::Text(quoted(&mut rest, b'"')),
            b'\'' => Token::Atom(quoted(&mut rest, b'\'')),
            b'%' | b'#' => {
                // In Elixir `%{` opens a map, in Erlang a percent sign opens a comment.
                if *first == b'#' || !rest.starts_with(b"{") {
                    let end = rest.iter().position(|byte| *byte == b'\n');
                    rest = &rest[end.unwrap_or(rest.len())..];
                }
                continue;
            }
            b'a'..=b'z' => {
                let length = rest
                    .iter()
                    .position(|byte| !byte.is_ascii_alphanumeric() && !b"_@".contains(byte))
                    .unwrap_or(rest.len());
                let (word, behind) = rest.split_at(length);
                rest = behind;
                Token::Atom(String::from_utf8_lossy(&[&[*first], word].concat()).into_owned())
            }
            b':' | b'<' | b'>' => continue,
            byte if byte.is_ascii_whitespace() => continue,
            _ => Token::Other,
        };
        tokens.push(token);
    }
    tokens
}

/// Takes a text from `rest` up to its closing quote.
fn quoted(rest: &mut &[u8], quote: u8) -> String {
    let mut text = Vec::new();
    while let Some((byte, tail)) = rest.split_first() {
        *rest = tail;
        match byte {
            b'\\' => {
                if let Some((escaped, tail)) = tail.split_first() {
                    text.push(*escaped);
                    *rest = tail;
                }
            }
            byte if *byte == quote => break,
            byte => text.push(*byte),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_of_both_languages_have_the_same_tokens() {
        let text = |text: &str| Token::Text(text.to_owned());
        let atom = |text: &str| Token::Atom(text.to_owned());
        let expected = [Token::OpenTuple, atom("hex"), Token::Comma, text("a\"b")];
        assert_eq!(tokens(b"{hex, <<\"a\\\"b\">>"), expected);
        assert_eq!(tokens(b"{:hex, \"a\\\"b\" # why"), expected);
        assert_eq!(tokens(b"{'hex', % why\n\"a\\\"b"), expected);
        assert_eq!(
            tokens(b"%{ \"a\": 1"),
            [Token::OpenTuple, text("a"), Token::Other]
        );
    }
}
