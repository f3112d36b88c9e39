//! Ranges: the bytes asked for in a blob request, and the place of an upload's chunk.

/// Which bytes of a blob a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// No usable range was asked for: send everything.
    Whole,
    /// `start..=end`, clipped to the size.
    Part { start: u64, end: u64 },
    /// The range lies outside the blob.
    Unsatisfiable,
}

/// Reads a `Range` header against a blob's size.
///
/// A header that is not one single byte range is ignored, as RFC 9110, section 14.2, allows.
pub(crate) fn byte_range(header: Option<&str>, size: u64) -> ByteRange {
    let Some(spec) = header.and_then(|h| h.strip_prefix("bytes=")) else {
        return ByteRange::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return ByteRange::Whole;
    };
    let (start, end) = match (parse_number(first), parse_number(last)) {
        (None, Some(suffix)) if first.is_empty() => {
            if suffix == 0 || size == 0 {
                return ByteRange::Unsatisfiable;
            }
            (size.saturating_sub(suffix), size - 1)
        }
        (Some(start), None) if last.is_empty() => (start, size.saturating_sub(1)),
        (Some(start), Some(end)) => (start, end.min(size.saturating_sub(1))),
        _ => return ByteRange::Whole,
    };
    if start >= size || end < start {
        ByteRange::Unsatisfiable
    } else {
        ByteRange::Part { start, end }
    }
}

/// Where an upload's chunk belongs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ChunkRange {
    /// The offset of its first byte.
    pub(crate) start: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
}

/// Reads a chunk's `Content-Range`, which this protocol writes `first-last`, both included.
pub(crate) fn chunk_range(header: &str) -> Option<ChunkRange> {
    let (first, last) = header.split_once('-')?;
    let (start, end) = (parse_number(first)?, parse_number(last)?);
    let len = end.checked_sub(start)?.checked_add(1)?;
    Some(ChunkRange { start, len })
}

/// Reads decimal digits and nothing else (`+1` and ` 1` are not numbers here).
fn parse_number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, ByteRange::Whole)]
    #[case(Some("bytes=0-3"), ByteRange::Part { start: 0, end: 3 })]
    #[case(Some("bytes=4-"), ByteRange::Part { start: 4, end: 9 })]
    #[case(Some("bytes=-3"), ByteRange::Part { start: 7, end: 9 })]
    #[case(Some("bytes=-30"), ByteRange::Part { start: 0, end: 9 })]
    #[case(Some("bytes=8-500"), ByteRange::Part { start: 8, end: 9 })]
    #[case(Some("bytes=10-"), ByteRange::Unsatisfiable)]
    #[case(Some("bytes=500-0"), ByteRange::Unsatisfiable)]
    #[case(Some("bytes=5-4"), ByteRange::Unsatisfiable)]
    #[case(Some("bytes=-0"), ByteRange::Unsatisfiable)]
    #[case(Some("bytes=0-1,4-5"), ByteRange::Whole)]
    #[case(Some("bytes=a-b"), ByteRange::Whole)]
    #[case(Some("lines=0-1"), ByteRange::Whole)]
    #[case(Some("bytes=+1-2"), ByteRange::Whole)]
    fn a_range_header_is_read_as_the_rfc_says(
        #[case] header: Option<&str>,
        #[case] expected: ByteRange,
    ) {
        assert_eq!(byte_range(header, 10), expected);
    }

    #[test]
    fn an_empty_blob_has_no_ranges() {
        assert_eq!(byte_range(Some("bytes=0-0"), 0), ByteRange::Unsatisfiable);
        assert_eq!(byte_range(None, 0), ByteRange::Whole);
    }

    #[rstest]
    #[case("0-0", Some((0, 1)))]
    #[case("10-19", Some((10, 10)))]
    #[case("10-9", None)]
    #[case("-9", None)]
    #[case("1", None)]
    #[case("bytes 0-1/2", None)]
    #[case("0-18446744073709551615", None)]
    fn a_chunk_range_names_first_and_last_byte(
        #[case] header: &str,
        #[case] expected: Option<(u64, u64)>,
    ) {
        assert_eq!(chunk_range(header).map(|r| (r.start, r.len)), expected);
    }
}
