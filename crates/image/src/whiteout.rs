//! Whiteouts: the entries of a layer that hide entries of lower layers.
//!
//! Only the names are read here. What they hide is decided where layers merge.

const PREFIX: &[u8] = b".wh.";
const RESERVED: &[u8] = b".wh..wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What an entry's name says about lower layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whiteout<'a> {
    /// An ordinary entry.
    None,
    /// Hides the sibling of this name, and everything under it, in lower layers.
    Hide(&'a [u8]),
    /// Hides everything that lower layers have in its directory.
    Opaque,
    /// A name of the whiteout family without a meaning (`.wh..wh.plnk`, `.wh.` alone): no content, and ignored.
    Reserved,
}

/// Reads the last component of a normalised path as a whiteout.
///
/// # Source
/// OCI image specification, `layer.md`, "Whiteouts". The names `.` and `..` would hide a directory from inside itself
/// and are reserved.
pub fn classify(path: &[u8]) -> Whiteout<'_> {
    let (_, name) = split_parent(path);
    if name == OPAQUE {
        return Whiteout::Opaque;
    }
    if name.starts_with(RESERVED) {
        return Whiteout::Reserved;
    }
    match name.strip_prefix(PREFIX) {
        None => Whiteout::None,
        Some(b"" | b"." | b"..") => Whiteout::Reserved,
        Some(hidden) => Whiteout::Hide(hidden),
    }
}

/// Splits a normalised path into its directory (empty for the root) and its last component.
pub fn split_parent(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"etc/passwd", Whiteout::None)]
    #[case(b".who", Whiteout::None)]
    #[case(b"a.wh.b", Whiteout::None)]
    #[case(b".wh.dir/file", Whiteout::None)]
    #[case(b"etc/.wh.passwd", Whiteout::Hide(b"passwd"))]
    #[case(b".wh..hidden", Whiteout::Hide(b".hidden"))]
    #[case(b"a/.wh..wh..opq", Whiteout::Opaque)]
    #[case(b"a/.wh..wh.plnk", Whiteout::Reserved)]
    #[case(b"a/.wh.", Whiteout::Reserved)]
    #[case(b"a/.wh..", Whiteout::Reserved)]
    #[case(b"a/.wh...", Whiteout::Reserved)]
    fn a_name_says_what_it_hides(#[case] path: &[u8], #[case] expected: Whiteout<'_>) {
        assert_eq!(classify(path), expected);
    }

    #[test]
    fn a_path_splits_at_its_last_slash() {
        assert_eq!(split_parent(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split_parent(b"c"), (&b""[..], &b"c"[..]));
    }
}
