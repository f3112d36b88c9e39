//! Object keys.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The text is not an object key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object key is written `o/<2 hex>/<uuid>`")]
pub struct InvalidKey;

/// The key of one object: `o/<2 hex>/<uuid>`, where the two digits are the first of the id.
///
/// It is drawn when an upload begins and never reused. Because only this shape can be built, a key never leaves the
/// store's directory.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(Box<str>);

impl ObjectKey {
    /// Builds the key of a random id.
    pub fn new(id: Uuid) -> Self {
        let id = id.hyphenated().to_string();
        Self(format!("o/{}/{id}", &id[..2]).into_boxed_str())
    }

    /// Returns the key as stored in a row.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (_, id) = text.rsplit_once('/').ok_or(InvalidKey)?;
        let key = Self::new(Uuid::try_parse(id).map_err(|_| InvalidKey)?);
        if key.as_str() == text {
            Ok(key)
        } else {
            Err(InvalidKey)
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::round_trip("o/0a/0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3e", true)]
    #[case::wrong_fan_out("o/0b/0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3e", false)]
    #[case::upper_case("o/0A/0A6BD2F3-2C3B-4B9C-8F9E-0D6A7B1C2D3E", false)]
    #[case::without_hyphens("o/0a/0a6bd2f32c3b4b9c8f9e0d6a7b1c2d3e", false)]
    #[case::parent("o/0a/../0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3e", false)]
    #[case::absolute("/o/0a/0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3e", false)]
    #[case::bare_id("0a6bd2f3-2c3b-4b9c-8f9e-0d6a7b1c2d3e", false)]
    #[case::empty("", false)]
    fn only_the_one_shape_is_a_key(#[case] text: &str, #[case] is_key: bool) {
        let parsed = text.parse::<ObjectKey>();
        assert_eq!(parsed.is_ok(), is_key);
        if let Ok(key) = parsed {
            assert_eq!(key.as_str(), text);
        }
    }
}
