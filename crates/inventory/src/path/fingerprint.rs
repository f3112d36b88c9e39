//! Which paths a layer has, in eight bytes each.
//!
//! A merge must know whether an upper layer has put a file where a lower layer had a directory, for any directory that
//! happens to hold evidence below it. Keeping every path costs some 30 bytes each and a decode; a fingerprint answers
//! the same question. SHA-256 is cut to 63 bits rather than a cheaper hash taken, because paths are hostile: nobody may
//! construct a harmless name that a merge takes for `var/lib/dpkg`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::Bytes;

/// The fingerprint of one path; the lowest bit is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn of(path: &[u8]) -> Self {
        let hash = Sha256::digest(path);
        let first = hash.first_chunk().expect("a SHA-256 has 32 bytes");
        Self(u64::from_le_bytes(*first) & !1)
    }
}

/// The paths of one layer and whether each is a directory.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct NodeSet(Vec<u64>);

impl NodeSet {
    /// Adds a path. A path that comes twice keeps its last kind, once [`NodeSet::seal`] is called.
    pub(crate) fn push(&mut self, path: &[u8], directory: bool) {
        self.0.push(Fingerprint::of(path).0 | u64::from(directory));
    }

    /// Sorts the set.
    pub(crate) fn seal(&mut self) {
        // Stable: of equal paths the last pushed is the last of its run.
        self.0.sort_by_key(|node| node & !1);
        self.0.reverse();
        self.0.dedup_by_key(|node| *node & !1);
        self.0.reverse();
    }

    /// Returns every fingerprint and whether it is a directory.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Fingerprint, bool)> {
        self.0
            .iter()
            .map(|node| (Fingerprint(node & !1), node & 1 == 1))
    }
}

impl fmt::Debug for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeSet({} paths)", self.0.len())
    }
}

impl Serialize for NodeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|node| node.to_le_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for NodeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserializer.deserialize_byte_buf(Bytes)?;
        let (nodes, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(D::Error::custom("a node set is a whole number of 8 bytes"));
        }
        Ok(Self(
            nodes.iter().map(|node| u64::from_le_bytes(*node)).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_comes_twice_keeps_its_last_kind() {
        let mut nodes = NodeSet::default();
        nodes.push(b"a", false);
        nodes.push(b"b", true);
        nodes.push(b"a", true);
        nodes.push(b"b", false);
        nodes.seal();
        let kind = |path: &[u8]| {
            nodes
                .iter()
                .find(|(node, _)| *node == Fingerprint::of(path))
                .map(|(_, directory)| directory)
        };
        assert_eq!(nodes.iter().count(), 2);
        assert_eq!(kind(b"a"), Some(true));
        assert_eq!(kind(b"b"), Some(false));
    }
}
