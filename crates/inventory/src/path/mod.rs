//! Paths inside an image: bytes, without a leading slash, components separated by single slashes.
//!
//! They are not `std::path::Path`: an image's path is resolved in the image, never on this machine.

mod fingerprint;

pub(crate) use fingerprint::{Fingerprint, NodeSet};

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// The longest path that is kept, in bytes: the limit of the kernel's own interface.
pub(crate) const PATH_LIMIT: usize = 4096;

/// An owned path inside an image.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ImagePath(Box<[u8]>);

impl ImagePath {
    /// Returns the path for people: bytes that are not UTF-8 are replaced.
    pub(crate) fn display(&self) -> String {
        display(&self.0)
    }
}

impl From<&[u8]> for ImagePath {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for ImagePath {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into_boxed_slice())
    }
}

impl Deref for ImagePath {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for ImagePath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.display(), f)
    }
}

// A byte string in one piece; as a sequence of numbers a report would decode several times slower.
impl Serialize for ImagePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for ImagePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Bytes).map(Self::from)
    }
}

/// Reads a byte string, however the format spells one.
pub(crate) struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

/// Returns a path for people: bytes that are not UTF-8 are replaced.
pub(crate) fn display(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Returns the path without the leading `/` and `./` that databases write.
pub(crate) fn relative(mut path: &[u8]) -> &[u8] {
    loop {
        path = match path {
            [b'/', rest @ ..] | [b'.', b'/', rest @ ..] => rest,
            _ => return path,
        };
    }
}

/// Returns the last component.
pub(crate) fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Returns everything before the last component, without the slash; empty at the root.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    path.iter()
        .rposition(|byte| *byte == b'/')
        .map_or(&[], |slash| &path[..slash])
}

/// Returns the proper ancestors, deepest first.
pub(crate) fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(parent(path)), |path| Some(parent(path)))
        .take_while(|path| !path.is_empty())
}

/// Returns `directory/name`; the root directory is empty.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend(directory);
    if !directory.is_empty() {
        path.push(b'/');
    }
    path.extend(name);
    path
}

/// Returns whether the path lies where operating system packages put files: a package of any distribution leaves
/// `usr/local`, home directories and the directories of applications alone.
///
/// # Source
/// Filesystem Hierarchy Standard 3.0, section 4.9.
pub(crate) fn is_system(path: &[u8]) -> bool {
    const DIRECTORIES: [&[u8]; 5] = [b"usr", b"opt", b"lib", b"lib64", b"etc"];
    below(path, b"usr/local").is_none()
        && DIRECTORIES
            .iter()
            .any(|directory| below(path, directory).is_some())
}

/// Returns whether `path` is `tail` or ends with `/tail`.
pub(crate) fn ends_with(path: &[u8], tail: &[u8]) -> bool {
    path.strip_suffix(tail)
        .is_some_and(|head| head.is_empty() || head.ends_with(b"/"))
}

/// Returns what follows `directory` if `path` lies below it.
pub(crate) fn below<'a>(path: &'a [u8], directory: &[u8]) -> Option<&'a [u8]> {
    path.strip_prefix(directory)?.strip_prefix(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_path_are_found() {
        assert_eq!(basename(b"a/b/c"), b"c");
        assert_eq!(basename(b"c"), b"c");
        assert_eq!(parent(b"a/b/c"), b"a/b");
        assert_eq!(parent(b"c"), b"");
        assert_eq!(
            ancestors(b"a/b/c").collect::<Vec<_>>(),
            [&b"a/b"[..], &b"a"[..]]
        );
        assert_eq!(relative(b"/./usr/lib"), b"usr/lib");
    }

    #[test]
    fn packages_of_the_system_leave_local_directories_alone() {
        assert!(is_system(b"usr/lib/node_modules/npm/package.json"));
        assert!(is_system(b"opt/vendor/node_modules/a/package.json"));
        assert!(!is_system(b"usr/local/lib/node_modules/npm/package.json"));
        assert!(!is_system(b"app/node_modules/npm/package.json"));
    }

    #[test]
    fn a_tail_starts_at_a_component() {
        assert!(ends_with(b"var/lib/dpkg/status", b"lib/dpkg/status"));
        assert!(ends_with(b"lib/dpkg/status", b"lib/dpkg/status"));
        assert!(!ends_with(b"var/mylib/dpkg/status", b"lib/dpkg/status"));
        assert_eq!(below(b"usr/lib/x", b"usr/lib"), Some(&b"x"[..]));
        assert_eq!(below(b"usr/libx", b"usr/lib"), None);
    }
}
