//! JSON, TOML and YAML documents as trees of values, measured before they are built.
//!
//! A tree costs up to fifty times its text, and a deep one the stack of whoever walks it. So each document is measured
//! while it is still bytes: nesting and number of values have limits, and what is over them is never built. JSON with
//! comments and trailing commas, as some package managers write it, has its own entrance.
//!
//! Not here: what a document means. Of a key that comes twice the last one counts, as in the runtimes; numbers and
//! dates keep no spelling, so a caller asks for text where a version is expected.
//!
//! # Source
//! `inventory.md`, section 3.3, `limit.parse`.

mod relaxed;

use evidence::Level;
use serde_json::Value;

use crate::extractor::Notes;

/// Values inside values.
const DEPTH: usize = 64;
/// Values of one document. The lock file of a project with 10,000 packages has some 200,000.
const VALUES: usize = 1_000_000;

/// Why a document was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is over a limit.
    TooLarge(String),
    /// It is not what its name says.
    Damaged(String),
}

impl Unreadable {
    /// Notes it: a limit always as a loss, damage under the ecosystem's own code.
    pub(crate) fn note(self, code: &'static str, level: Level, notes: &mut Notes) {
        match (self, level) {
            (Self::TooLarge(message), _) => notes.error("limit.parse", message),
            (Self::Damaged(message), Level::Error) => notes.error(code, message),
            (Self::Damaged(message), _) => notes.warning(code, message),
        }
    }
}

/// Reads JSON.
pub(crate) fn json(content: &[u8]) -> Result<Value, Unreadable> {
    let content = measured_json(content)?;
    serde_json::from_slice(content).map_err(|error| damaged("JSON", &error))
}

/// Returns JSON without its byte order mark, if it is within the limits.
pub(crate) fn measured_json(content: &[u8]) -> Result<&[u8], Unreadable> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut size = Size::default();
    let mut bytes = content.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_text(&mut bytes),
            b'[' | b'{' => size.open(),
            b']' | b'}' => size.close(),
            b',' => size.values += 1,
            _ => {}
        }
        size.check()?;
    }
    Ok(content)
}

/// Reads JSON with comments and trailing commas.
pub(crate) fn relaxed_json(content: &[u8]) -> Result<Value, Unreadable> {
    json(&relaxed::strict(content))
}

/// Reads TOML. Its reader bounds the nesting itself.
pub(crate) fn toml(content: &[u8]) -> Result<Value, Unreadable> {
    let text = text("TOML", content)?;
    let values = text.bytes().filter(|byte| b"=,[".contains(byte)).count();
    Size { depth: 0, values }.check()?;
    toml::from_str(text).map_err(|error| damaged("TOML", &error.message()))
}

/// Reads the documents of a YAML stream. Its reader bounds nesting, values, and what aliases may unfold to.
pub(crate) fn yaml(content: &[u8]) -> Result<Vec<Value>, Unreadable> {
    let text = text("YAML", content)?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH,
            max_nodes: VALUES,
            max_events: 2 * VALUES,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        if is_over_budget(&error) {
            return Unreadable::TooLarge(format!(
                "YAML with more than {DEPTH} levels or {VALUES} values is not read"
            ));
        }
        damaged("YAML", &error.without_snippet())
    })
}

fn is_over_budget(error: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error::{AliasError, Budget, WithSnippet};
    match error {
        Budget { .. } => true,
        AliasError { error, .. } | WithSnippet { error, .. } => is_over_budget(error),
        _ => false,
    }
}

fn text<'a>(format: &str, content: &'a [u8]) -> Result<&'a str, Unreadable> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    std::str::from_utf8(content).map_err(|error| damaged(format, &error))
}

fn damaged(format: &str, error: &dyn std::fmt::Display) -> Unreadable {
    Unreadable::Damaged(format!("not {format}: {error}"))
}

/// Goes behind the quote that ends a text.
fn skip_text<'a>(bytes: &mut impl Iterator<Item = &'a u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

/// How large a document is, as far as it was looked at.
#[derive(Default)]
struct Size {
    depth: usize,
    values: usize,
}

impl Size {
    fn open(&mut self) {
        self.depth += 1;
        self.values += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn check(&self) -> Result<(), Unreadable> {
        if self.depth > DEPTH {
            return Err(Unreadable::TooLarge(format!(
                "a document of more than {DEPTH} levels is not read"
            )));
        }
        if self.values > VALUES {
            return Err(Unreadable::TooLarge(format!(
                "a document of more than {VALUES} values is not read"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    type Read = fn(&[u8]) -> Result<Value, Unreadable>;

    fn yaml_value(content: &[u8]) -> Result<Value, Unreadable> {
        yaml(content).map(|mut documents| documents.pop().unwrap_or_default())
    }

    #[rstest]
    #[case::json(json, "{\"a\":\"\\\"[\",\"a\":{\"b\":[1,\"x\"]}}")]
    #[case::json_with_a_mark(json, "\u{feff}{\"a\":{\"b\":[1,\"x\"]}}")]
    #[case::relaxed(relaxed_json, "{ // why\n \"a\": {\"b\": [1, \"x\",],}, /* , */ }")]
    #[case::toml(toml, "[a]\nb = [1, \"x\"]\n")]
    #[case::yaml(yaml_value, "a:\n  b: [1, x]\n")]
    #[case::yaml_with_a_key_twice(yaml_value, "a: 1\na:\n  b: [1, 'x']\n")]
    fn every_format_becomes_the_same_tree(#[case] read: Read, #[case] content: &str) {
        let expected = serde_json::json!({"a": {"b": [1, "x"]}});
        assert_eq!(read(content.as_bytes()), Ok(expected));
    }

    #[rstest]
    #[case::json(json, "[".repeat(65) + &"]".repeat(65))]
    #[case::relaxed(relaxed_json, "[".repeat(65) + &"]".repeat(65))]
    #[case::yaml(yaml_value, "[".repeat(66) + &"]".repeat(66))]
    #[case::many_in_json(json, format!("[{}0]", "0,".repeat(VALUES)))]
    #[case::many_in_toml(toml, format!("a=[{}0]", "0,".repeat(VALUES)))]
    #[case::an_unfolding_alias(yaml_value, bomb())]
    fn what_is_over_a_limit_is_not_built(#[case] read: Read, #[case] content: String) {
        let result = read(content.as_bytes());
        assert!(
            matches!(result, Err(Unreadable::TooLarge(_))),
            "{:?}",
            result.map(|_| "read")
        );
    }

    /// Nine lists of nine references each.
    fn bomb() -> String {
        (1..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, level| {
            let below = format!("*a{},", level - 1).repeat(9);
            format!("{text}a{level}: &a{level} [{below}]\n")
        })
    }

    #[rstest]
    #[case::json(json, "{")]
    #[case::toml(toml, "a = \n")]
    #[case::deep_toml(toml, "a = ".to_owned() + &"[".repeat(100) + &"]".repeat(100))]
    #[case::dotted_toml(toml, "a.".repeat(10_000) + "a = 1")]
    #[case::yaml(yaml_value, "a: [")]
    fn what_is_damaged_says_so(#[case] read: Read, #[case] content: impl Into<String>) {
        let result = read(content.into().as_bytes());
        assert!(matches!(result, Err(Unreadable::Damaged(_))), "{result:?}");
    }
}
