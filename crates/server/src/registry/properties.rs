//! What must hold for whatever a client writes in an address or a range.

use oci::{Digest, Reference, RepositoryName};

use super::path::{Address, parse};
use super::range::{ByteRange, byte_range, chunk_range};

/// Splits the address after `/v2/` and checks what came of it.
///
/// # Panics
/// If a part is not what the address says, or a name that passes the grammar could be another's path.
pub fn check_address(rest: &str) {
    let Some(address) = parse(rest) else { return };
    let (name, last) = match &address {
        Address::Catalog | Address::Discover => return,
        Address::Tags { name } | Address::Uploads { name } => (*name, ""),
        Address::Blob { name, digest } | Address::Referrers { name, digest } => {
            if let Ok(digest) = digest.parse::<Digest>() {
                assert!(!digest.as_str().contains(['/', '%', '\0']), "{rest:?}");
            }
            (*name, digest.as_str())
        }
        Address::Upload { name, id } => (*name, id.as_str()),
        Address::Manifest { name, reference } => {
            if let Ok(reference) = reference.parse::<Reference>() {
                let reference = reference.to_string();
                assert!(!reference.contains(['/', '%', '\0']), "{rest:?}");
            }
            (*name, reference.as_str())
        }
    };
    assert!(rest.starts_with(name), "{rest:?}: {name:?}");
    assert!(rest.len() >= name.len() + last.len().min(1), "{rest:?}");
    let Ok(name) = name.parse::<RepositoryName>() else {
        return;
    };
    let name = name.as_str();
    assert!(
        name.bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/')),
        "{name:?}"
    );
    for component in name.split('/') {
        let (first, last) = (component.chars().next(), component.chars().last());
        let is_plain = |letter: Option<char>| letter.is_some_and(|l| l.is_ascii_alphanumeric());
        assert!(is_plain(first) && is_plain(last), "{name:?}");
    }
}

/// Reads a text as a `Range` and as a `Content-Range`.
///
/// # Panics
/// If a range leaves what it is a range of.
pub fn check_ranges(header: &str, size: u64) {
    match byte_range(Some(header), size) {
        ByteRange::Whole | ByteRange::Unsatisfiable => {}
        ByteRange::Part { start, end } => {
            assert!(start <= end && end < size, "{header:?} of {size}");
        }
    }
    if let Some(chunk) = chunk_range(header) {
        let last = chunk.start.checked_add(chunk.len - 1);
        let again = last.map(|last| format!("{}-{last}", chunk.start));
        let zeros_aside = |text: &str| -> Option<(u64, u64)> {
            let (first, last) = text.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let again = again.as_deref().and_then(zeros_aside);
        assert!(
            again.is_some() && again == zeros_aside(header),
            "{header:?}"
        );
    }
}
