//! Repository names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest accepted `host/name`, in bytes; a name alone may not exceed it either.
const MAX_LEN: usize = 255;

/// Why a text is not a repository name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is empty or longer than 255 bytes.
    #[error("a repository name has 1 to 255 characters")]
    Length,
    /// A path component breaks the grammar.
    #[error(
        "a repository name is lower-case letters, digits and single separators (`.`, `_`, `__`, `-`) in components joined by `/`"
    )]
    Grammar,
}

/// A repository name such as `payments/api`: components `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` joined by `/`.
///
/// A component can therefore never be `-`, `.` or `..`, nor start with `_`: pages end the name with `/-/`, and
/// extensions own the components that begin with `_`.
///
/// # Source
/// OCI distribution specification, "Pulling manifests".
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Box<str>);

impl RepositoryName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns everything before the last component, or the empty text.
    pub fn namespace(&self) -> &str {
        self.0
            .rsplit_once('/')
            .map_or("", |(namespace, _)| namespace)
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > MAX_LEN {
            return Err(NameError::Length);
        }
        if text.split('/').all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Grammar)
        }
    }
}

fn is_component(component: &str) -> bool {
    let is_alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if !is_alnum(first) || !is_alnum(last) {
        return false;
    }
    bytes
        .split(|b| is_alnum(*b))
        .all(|separator| match separator {
            [] | [b'.' | b'_'] | [b'_', b'_'] => true,
            dashes => dashes.iter().all(|b| *b == b'-'),
        })
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RepositoryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RepositoryName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a")]
    #[case("payments/api")]
    #[case("a.b/c_d/e__f/g-h/i---j")]
    #[case("blobs/manifests/tags/list")]
    #[case("0/1")]
    fn a_legal_name_is_accepted(#[case] text: &str) {
        assert_eq!(
            text.parse::<RepositoryName>().map(|n| n.to_string()),
            Ok(text.to_owned())
        );
    }

    #[rstest]
    #[case("")]
    #[case("/a")]
    #[case("a/")]
    #[case("a//b")]
    #[case("A")]
    #[case("a..b")]
    #[case("a___b")]
    #[case("a._b")]
    #[case("-a")]
    #[case("a-")]
    #[case("_a")]
    #[case("../etc")]
    #[case("a/../b")]
    #[case("a%2fb")]
    #[case("ä")]
    #[case("a\0b")]
    #[case("a;b")]
    fn an_illegal_name_is_refused(#[case] text: &str) {
        assert!(
            text.parse::<RepositoryName>().is_err(),
            "{text:?} was accepted"
        );
    }

    #[test]
    fn a_name_of_256_characters_is_too_long() {
        assert!("a".repeat(255).parse::<RepositoryName>().is_ok());
        assert_eq!(
            "a".repeat(256).parse::<RepositoryName>(),
            Err(NameError::Length)
        );
    }
}
