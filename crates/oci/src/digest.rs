//! Content digests and the hashers that make them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256, Sha512};

/// The digest algorithms the registry accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the default everywhere.
    Sha256,
    /// SHA-512, accepted where a client asks for it.
    Sha512,
}

impl Algorithm {
    /// Returns the name as it stands before the colon of a digest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestError::Algorithm),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not a digest this registry accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no colon, or nothing before it.
    #[error("a digest is written `algorithm:hex`")]
    Shape,
    /// The algorithm is not one of the two accepted.
    #[error("unsupported digest algorithm, use sha256 or sha512")]
    Algorithm,
    /// The part after the colon has the wrong length or is not lower-case hexadecimal.
    #[error("the digest's value must be lower-case hexadecimal of the algorithm's length")]
    Hex,
}

/// A content digest: `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal characters.
///
/// # Source
/// OCI image specification, `descriptor.md`, "Digests".
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    text: Box<str>,
}

impl Digest {
    /// Computes the SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::compute(Algorithm::Sha256, bytes)
    }

    /// Computes the digest of `bytes` with the given algorithm.
    pub fn compute(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = DigestHasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the hexadecimal part.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }

    /// Returns the whole text, `algorithm:hex`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the algorithm and the first twelve hexadecimal characters, for people.
    pub fn short(&self) -> &str {
        &self.text[..self.algorithm.as_str().len() + 13]
    }

    fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Self {
        let mut text = String::with_capacity(algorithm.as_str().len() + 1 + raw.len() * 2);
        text.push_str(algorithm.as_str());
        text.push(':');
        for byte in raw {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        Self {
            algorithm,
            text: text.into_boxed_str(),
        }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::Shape)?;
        if algorithm.is_empty() {
            return Err(DigestError::Shape);
        }
        let algorithm: Algorithm = algorithm.parse()?;
        let is_hex = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex.len() != algorithm.hex_len() || !is_hex {
            return Err(DigestError::Hex);
        }
        Ok(Self {
            algorithm,
            text: text.into(),
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The state of a hasher between two requests, as stored in an upload's row.
///
/// Any replica continues from it; nothing is read twice. The bytes are opaque and belong to the `sha2` version in the
/// lock file: a row written by another version is refused by length and the upload starts again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MidState(pub Vec<u8>);

/// A streaming hasher for either algorithm, whose state can be stored and continued.
#[derive(Clone, Debug)]
pub enum DigestHasher {
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-512.
    Sha512(Sha512),
}

impl DigestHasher {
    /// Starts a hash.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    /// Returns the algorithm being computed.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// Ends the hash.
    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest::from_raw(Algorithm::Sha256, &hasher.finalize()),
            Self::Sha512(hasher) => Digest::from_raw(Algorithm::Sha512, &hasher.finalize()),
        }
    }

    /// Returns the state to store between requests.
    pub fn state(&self) -> MidState {
        MidState(match self {
            Self::Sha256(hasher) => hasher.serialize().to_vec(),
            Self::Sha512(hasher) => hasher.serialize().to_vec(),
        })
    }

    /// Continues from a stored state, or returns `None` if the state does not belong to this algorithm and version.
    pub fn resume(algorithm: Algorithm, state: &MidState) -> Option<Self> {
        match algorithm {
            Algorithm::Sha256 => {
                let state = SerializedState::<Sha256>::try_from(state.0.as_slice()).ok()?;
                Sha256::deserialize(&state).ok().map(Self::Sha256)
            }
            Algorithm::Sha512 => {
                let state = SerializedState::<Sha512>::try_from(state.0.as_slice()).ok()?;
                Sha512::deserialize(&state).ok().map(Self::Sha512)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_empty_input_has_its_well_known_digest() {
        assert_eq!(
            Digest::sha256(b"").as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[rstest]
    #[case("", DigestError::Shape)]
    #[case(":abc", DigestError::Shape)]
    #[case("sha256", DigestError::Shape)]
    #[case("md5:d41d8cd98f00b204e9800998ecf8427e", DigestError::Algorithm)]
    #[case(
        "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        DigestError::Algorithm
    )]
    #[case("sha256:e3b0", DigestError::Hex)]
    #[case(
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        DigestError::Hex
    )]
    #[case(
        "sha256:../../../../etc/passwd/etc/passwd/etc/passwd/etc/passwd/etc/passw",
        DigestError::Hex
    )]
    fn a_text_that_is_no_digest_is_refused(#[case] text: &str, #[case] expected: DigestError) {
        assert_eq!(text.parse::<Digest>(), Err(expected));
    }

    proptest::proptest! {
        #[test]
        fn a_hash_continued_from_its_stored_state_equals_one_pass(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
            cut in 0_usize..600,
        ) {
            let cut = cut.min(bytes.len());
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let mut first = DigestHasher::new(algorithm);
                first.update(&bytes[..cut]);
                let mut second = DigestHasher::resume(algorithm, &first.state()).expect("own state");
                second.update(&bytes[cut..]);
                proptest::prop_assert_eq!(second.finish(), Digest::compute(algorithm, &bytes));
            }
        }

        #[test]
        fn every_digest_survives_its_text(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let digest = Digest::sha256(&bytes);
            proptest::prop_assert_eq!(digest.as_str().parse::<Digest>(), Ok(digest.clone()));
        }
    }

    #[test]
    fn a_foreign_state_is_refused() {
        assert!(DigestHasher::resume(Algorithm::Sha256, &MidState(vec![1, 2, 3])).is_none());
    }
}
