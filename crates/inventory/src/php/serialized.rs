//! Values as PHP's `serialize` writes them: `a:1:{s:4:"name";s:4:"PEAR";}`.
//!
//! Only arrays and scalars: an object in a registry of packages is nobody's honest data, and is refused.

use std::collections::BTreeMap;

/// Arrays inside arrays.
const DEPTH: usize = 64;
/// Elements of one document.
const ELEMENTS: usize = 100_000;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Array(BTreeMap<String, Value>),
    /// A number, a boolean or nothing.
    Other,
}

impl Value {
    /// Reads the value that `content` begins with; `None` when it is damaged or over a limit.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let mut reader = Reader {
            rest: content,
            elements: 0,
        };
        reader.value(0)
    }

    /// Returns the element of an array.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Array(elements) => elements.get(key),
            _ => None,
        }
    }

    /// Returns a text.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    elements: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.elements += 1;
        if depth > DEPTH || self.elements > ELEMENTS {
            return None;
        }
        match self.until(b":;")? {
            (b"N", _) => Some(Value::Other),
            (b"i" | b"d" | b"b", b':') => self.until(b";").map(|_| Value::Other),
            (b"s", b':') => {
                let text = self.text()?;
                self.expect(b";")?;
                Some(Value::Text(text))
            }
            (b"a", b':') => self.array(depth),
            _ => None,
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let count: usize = self.number()?;
        self.expect(b"{")?;
        let mut elements = BTreeMap::new();
        for _ in 0..count {
            let key = match self.until(b":")? {
                (b"s", _) => {
                    let text = self.text()?;
                    self.expect(b";")?;
                    text
                }
                (b"i", _) => String::from_utf8_lossy(self.until(b";")?.0).into_owned(),
                _ => return None,
            };
            let value = self.value(depth + 1)?;
            elements.insert(key, value);
        }
        self.expect(b"}")?;
        Some(Value::Array(elements))
    }

    /// `4:"text"`, whose length counts bytes.
    fn text(&mut self) -> Option<String> {
        let length: usize = self.number()?;
        self.expect(b"\"")?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.expect(b"\"")?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn number(&mut self) -> Option<usize> {
        let (digits, _) = self.until(b":")?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn expect(&mut self, token: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    /// Returns what stands before one of `ends`, and which of them ends it.
    fn until(&mut self, ends: &[u8]) -> Option<(&[u8], u8)> {
        let end = self.rest.iter().position(|byte| ends.contains(byte))?;
        let (token, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Some((token, rest[0]))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn arrays_and_scalars_are_read() {
        let content = "a:5:{s:4:\"name\";s:3:\"a\"b\";i:0;b:1;s:1:\"n\";N;s:1:\"d\";d:0.5;s:1:\"l\";a:1:{i:0;s:2:\"ü\";}}";
        let value = Value::read(content.as_bytes()).expect("read");
        assert_eq!(value.get("name").and_then(Value::as_str), Some("a\"b"));
        assert_eq!(value.get("0"), Some(&Value::Other));
        assert_eq!(
            value
                .get("l")
                .and_then(|list| list.get("0"))
                .and_then(Value::as_str),
            Some("ü")
        );
    }

    #[rstest]
    #[case::cut("a:1:{s:4:\"na")]
    #[case::a_length_beyond_the_end("s:99:\"a\";")]
    #[case::a_huge_count("a:99999999999:{}")]
    #[case::a_negative_length("s:-1:\"a\";")]
    #[case::an_object("O:8:\"stdClass\":0:{}")]
    #[case::deep("a:1:{i:0;".repeat(70))]
    #[case::empty("")]
    fn damage_is_refused(#[case] content: impl Into<String>) {
        assert_eq!(Value::read(content.into().as_bytes()), None);
    }
}
