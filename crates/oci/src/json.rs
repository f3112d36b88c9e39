//! Strict JSON: the checks a parser that keeps the last of two equal keys cannot make.
//!
//! Two programs that read one manifest differently can be played against each other (CVE-2021-41190 is the class).
//! So a manifest must be JSON that all parsers read alike: UTF-8, no byte order mark, nothing after the value, bounded
//! depth, no key twice in one object, and no field of the specification in another case than the specification's: some
//! parsers match names of fields without regard to case.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Nesting allowed in a manifest.
const MAX_DEPTH: u32 = 32;

/// Checks that `bytes` are one unambiguous JSON value. The error is a fragment for people.
pub(crate) fn check_strict(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err("it starts with a byte order mark".into());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| String::from("it is not UTF-8"))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let whole = Value {
        depth: 0,
        names_are_free: false,
    };
    whole
        .deserialize(&mut deserializer)
        .map_err(|error| error.to_string())?;
    deserializer
        .end()
        .map_err(|_| String::from("bytes follow the JSON value"))
}

#[derive(Clone, Copy)]
struct Value {
    depth: u32,
    /// Inside annotations, whose names are the user's and no fields.
    names_are_free: bool,
}

impl Value {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!(
                "it nests deeper than {MAX_DEPTH} levels"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !self.names_are_free
                && let Some(field) = field_in_disguise(&key)
            {
                return Err(A::Error::custom(format_args!(
                    "the field `{field}` is written in a different case, as `{key}`"
                )));
            }
            map.next_value_seed(Self {
                names_are_free: self.names_are_free || key == "annotations",
                ..inner
            })?;
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format_args!(
                    "the key `{twice}` appears twice"
                )));
            }
        }
        Ok(())
    }
}

/// The fields of manifests, indexes and descriptors.
const KNOWN_FIELDS: [&str; 17] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "architecture",
    "os",
    "variant",
    "fsLayers",
];

/// Returns the field that a parser without regard to case takes the key for, although it is another.
///
/// # Source
/// Go's `encoding/json` folds as Unicode does: U+017F is an `s` and U+212A a `k`.
fn field_in_disguise(key: &str) -> Option<&'static str> {
    let is_same = |field: &str| {
        let mut letters = key.chars().map(|letter| match letter {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        });
        field
            .chars()
            .all(|letter| letters.next() == Some(letter.to_ascii_lowercase()))
            && letters.next().is_none()
    };
    let field = KNOWN_FIELDS.into_iter().find(|field| is_same(field))?;
    (field != key).then_some(field)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"a":1,"b":[true,null,"x",1.5,-3]}"#)]
    #[case(r#"{"annotations":{"k":"1","K":"2","Size":"3","size":"4"}}"#)]
    fn unambiguous_json_passes(#[case] text: &str) {
        assert_eq!(check_strict(text.as_bytes()), Ok(()));
    }

    #[rstest]
    #[case(b"\xef\xbb\xbf{}", "byte order mark")]
    #[case(b"{\"a\":\"\xff\"}", "UTF-8")]
    #[case(b"{} {}", "follow")]
    #[case(br#"{"a":1,"a":2}"#, "`a` appears twice")]
    #[case(br#"{"layers":[],"Layers":[]}"#, "different case")]
    #[case(br#"{"Subject":{}}"#, "`subject` is written in a different case")]
    #[case(br#"{"config":{"DIGEST":"x"}}"#, "different case")]
    #[case("{\"\u{17f}ubject\":{}}".as_bytes(), "different case")]
    #[case(br#"{"\u017fubject":{}}"#, "different case")]
    #[case(br#"{"platform":{"OS":"linux"}}"#, "different case")]
    #[case(br#"{"a":"#, "EOF")]
    fn ambiguous_json_is_refused(#[case] bytes: &[u8], #[case] needle: &str) {
        let error = check_strict(bytes).expect_err("must be refused");
        assert!(error.contains(needle), "{error}");
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(check_strict(deep(32).as_bytes()), Ok(()));
        assert!(
            check_strict(deep(33).as_bytes())
                .expect_err("too deep")
                .contains("32 levels")
        );
        assert!(check_strict(deep(100_000).as_bytes()).is_err());
    }
}
