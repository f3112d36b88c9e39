//! Digests of evidence files, to compare a file with what the package that brought it recorded.
//!
//! Each database has its own algorithm, and a layer cannot know which: the database may lie in another one. So the few
//! files that a package may own get all three, the rest none.

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// What a database recorded of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FileDigest {
    Md5([u8; 16]),
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl FileDigest {
    /// Reads hexadecimal digits; their number says which algorithm it is.
    pub(crate) fn from_hex(digits: &[u8]) -> Option<Self> {
        match digits.len() {
            32 => hex(digits).map(Self::Md5),
            40 => hex(digits).map(Self::Sha1),
            64 => hex(digits).map(Self::Sha256),
            _ => None,
        }
    }
}

/// The digests of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Digests {
    md5: [u8; 16],
    sha1: [u8; 20],
    sha256: [u8; 32],
}

impl Digests {
    pub(crate) fn of(content: &[u8]) -> Self {
        Self {
            md5: Md5::digest(content).into(),
            sha1: Sha1::digest(content).into(),
            sha256: Sha256::digest(content).into(),
        }
    }

    /// Returns whether the file is the one that was recorded.
    pub(crate) fn fits(&self, recorded: &FileDigest) -> bool {
        match recorded {
            FileDigest::Md5(digest) => self.md5 == *digest,
            FileDigest::Sha1(digest) => self.sha1 == *digest,
            FileDigest::Sha256(digest) => self.sha256 == *digest,
        }
    }
}

fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |letter: u8| char::from(letter).to_digit(16);
        *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_fits_what_was_recorded_of_it_in_any_algorithm() {
        let digests = Digests::of(b"hello\n");
        for recorded in [
            "b1946ac92492d2347c6235b4d2611184",
            "F572D396FAE9206628714FB2CE00F72E94F2258F",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        ] {
            let recorded = FileDigest::from_hex(recorded.as_bytes()).expect("hexadecimal");
            assert!(digests.fits(&recorded));
            assert!(!Digests::of(b"hello").fits(&recorded));
        }
    }

    #[test]
    fn what_is_no_digest_is_none() {
        for text in [
            "",
            "b1946ac9",
            "g1946ac92492d2347c6235b4d2611184",
            "é946ac92492d2347c6235b4d2611184",
        ] {
            assert_eq!(FileDigest::from_hex(text.as_bytes()), None, "{text}");
        }
    }
}
