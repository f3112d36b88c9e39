//! Tags, tag-or-digest references, and whole image references.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, DigestError, NameError, RepositoryName};

/// Why a text is not a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The tag breaks the grammar or is longer than 128 bytes.
    #[error(
        "a tag is 1 to 128 characters of letters, digits, `_`, `.` and `-`, and starts with none of `.` and `-`"
    )]
    Tag,
    /// The digest part is not a digest.
    #[error("the digest is not usable")]
    Digest(#[source] DigestError),
    /// The part before the first slash looks like a host, but cannot be one.
    #[error("the host is not usable, it is written `name`, `name:port` or `[address]:port`")]
    Host,
    /// The repository part is not a repository name.
    #[error("the repository name is not usable")]
    Name(#[source] NameError),
}

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

impl Tag {
    /// Returns the tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let first_ok = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        let rest_ok = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if first_ok && rest_ok && text.len() <= 128 {
            Ok(Self(text.into()))
        } else {
            Err(ReferenceError::Tag)
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The last path segment of a manifest address: a tag or a digest. A text with a colon is a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            text.parse()
                .map(Self::Digest)
                .map_err(ReferenceError::Digest)
        } else {
            text.parse().map(Self::Tag)
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A whole image reference as people write it: `[host[:port]/]name[:tag][@digest]`.
///
/// The first component is a host when it contains a dot or a colon or is `localhost`, as every client reads it.
/// Without tag and digest the tag is `latest`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageReference {
    /// `host` or `host:port`, if written.
    pub host: Option<String>,
    /// The repository.
    pub name: RepositoryName,
    /// The tag, if written, or `latest` if neither tag nor digest was.
    pub tag: Option<Tag>,
    /// The digest, if written.
    pub digest: Option<Digest>,
}

impl ImageReference {
    /// Returns what to ask a registry for: the digest if there is one, else the tag.
    pub fn reference(&self) -> Reference {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(digest.clone()),
            (None, Some(tag)) => Reference::Tag(tag.clone()),
            (None, None) => unreachable!("FromStr sets a tag where there is no digest"),
        }
    }
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(ReferenceError::Digest)?)),
            None => (text, None),
        };
        let (rest, tag) = match rest.rsplit_once(':') {
            Some((before, tag)) if !tag.contains('/') => (before, Some(tag.parse::<Tag>()?)),
            _ => (rest, None),
        };
        let (host, name) = match rest.split_once('/') {
            Some((first, name)) if first.contains(['.', ':']) || first == "localhost" => {
                (Some(first), name)
            }
            _ => (None, rest),
        };
        if !host.is_none_or(is_host) {
            return Err(ReferenceError::Host);
        }
        let name: RepositoryName = name.parse().map_err(ReferenceError::Name)?;
        if host.is_some_and(|host| host.len() + 1 + name.as_str().len() > 255) {
            return Err(ReferenceError::Name(NameError::Length));
        }
        let tag = tag.or_else(|| digest.is_none().then(|| Tag("latest".into())));
        Ok(Self {
            host: host.map(str::to_owned),
            name,
            tag,
            digest,
        })
    }
}

/// Only what a name, an address and a port are written with; whether the host exists is the network's question.
fn is_host(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}/")?;
        }
        write!(f, "{}", self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[rstest]
    #[case("debian", None, "debian", Some("latest"), false)]
    #[case("debian:12", None, "debian", Some("12"), false)]
    #[case("payments/api:2.3.7", None, "payments/api", Some("2.3.7"), false)]
    #[case("localhost/a", Some("localhost"), "a", Some("latest"), false)]
    #[case(
        "127.0.0.1:5000/a/b",
        Some("127.0.0.1:5000"),
        "a/b",
        Some("latest"),
        false
    )]
    #[case(
        "r.example.com/a:v1@DIGEST",
        Some("r.example.com"),
        "a",
        Some("v1"),
        true
    )]
    #[case("r.example.com/a@DIGEST", Some("r.example.com"), "a", None, true)]
    fn a_written_reference_is_read_as_clients_read_it(
        #[case] text: &str,
        #[case] host: Option<&str>,
        #[case] name: &str,
        #[case] tag: Option<&str>,
        #[case] with_digest: bool,
    ) {
        let parsed: ImageReference = text.replace("DIGEST", DIGEST).parse().expect("legal");
        assert_eq!(parsed.host.as_deref(), host);
        assert_eq!(parsed.name.as_str(), name);
        assert_eq!(parsed.tag.as_ref().map(Tag::as_str), tag);
        assert_eq!(parsed.digest.is_some(), with_digest);
    }

    #[rstest]
    #[case("")]
    #[case("UPPER")]
    #[case("a:.tag")]
    #[case("a@sha256:12")]
    #[case("r.example.com/")]
    #[case("a b.c/d")]
    #[case("user:secret@r.example.com/a")]
    #[case("r.example.com\t/a")]
    fn a_malformed_reference_is_refused(#[case] text: &str) {
        assert!(
            text.parse::<ImageReference>().is_err(),
            "{text:?} was accepted"
        );
    }

    #[test]
    fn a_tag_has_at_most_128_characters() {
        assert!("a".repeat(128).parse::<Tag>().is_ok());
        assert!("a".repeat(129).parse::<Tag>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_accepted_reads_the_same_when_it_is_written(
            text in "[a-z0-9.:/_-]{0,12}(/[a-zA-Z0-9._:-]{1,8}){0,2}(:[a-zA-Z0-9._-]{1,4})?(@DIGEST)?",
        ) {
            let text = text.replace("DIGEST", DIGEST);
            if let Ok(reference) = text.parse::<ImageReference>() {
                proptest::prop_assert_eq!(reference.to_string().parse(), Ok(reference.clone()));
                let wanted = reference.reference();
                proptest::prop_assert_eq!(wanted.to_string().parse(), Ok(wanted));
            }
        }

        #[test]
        fn arbitrary_text_is_refused_or_read_without_panic(text in proptest::prelude::any::<String>()) {
            if let Ok(reference) = text.parse::<ImageReference>() {
                proptest::prop_assert_eq!(reference.to_string().parse(), Ok(reference));
            }
        }
    }
}
