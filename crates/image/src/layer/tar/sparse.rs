//! Sparse files: which spans of the logical content are stored.
//!
//! A hole costs nothing until someone wants the content, and then no more than the visitor's limit.

use super::header::{self, Block};

/// One stored span of a sparse file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where it lies in the logical content.
    pub(crate) offset: u64,
    /// Its length in bytes.
    pub(crate) length: u64,
}

/// Checks that the spans are in order, do not overlap, stay inside the logical size and are all that is stored.
pub(super) fn check(segments: &[Segment], size: u64, stored: u64) -> Result<(), String> {
    let mut at = 0_u64;
    let mut sum = 0_u64;
    for segment in segments {
        let end = segment.offset.checked_add(segment.length);
        match end {
            Some(end) if segment.offset >= at && end <= size => at = end,
            _ => {
                return Err(
                    "the map of a sparse file is out of order or beyond its size".to_owned(),
                );
            }
        }
        // In range: the spans are disjoint and inside `size`.
        sum += segment.length;
    }
    if sum != stored {
        return Err(format!(
            "the map of a sparse file names {sum} bytes, {stored} are stored"
        ));
    }
    Ok(())
}

/// Reads the four spans of an old GNU sparse header; returns whether an extension block follows.
pub(super) fn read_header(block: &Block, segments: &mut Vec<Segment>) -> Result<bool, String> {
    read_spans(&block[386..482], segments)?;
    Ok(block[482] != 0)
}

/// Reads the 21 spans of an extension block; returns whether another follows.
pub(super) fn read_extension(block: &Block, segments: &mut Vec<Segment>) -> Result<bool, String> {
    read_spans(&block[..504], segments)?;
    Ok(block[504] != 0)
}

/// Returns the logical size that an old GNU sparse header states.
pub(super) fn real_size(block: &Block) -> Option<u64> {
    header::number(&block[483..495]).and_then(|size| u64::try_from(size).ok())
}

fn read_spans(table: &[u8], segments: &mut Vec<Segment>) -> Result<(), String> {
    for span in table.chunks_exact(24) {
        if span[0] == 0 {
            break;
        }
        let field = |bytes| header::number(bytes).and_then(|number| u64::try_from(number).ok());
        let (Some(offset), Some(length)) = (field(&span[..12]), field(&span[12..])) else {
            return Err("the map of a sparse file is not made of numbers".to_owned());
        };
        segments.push(Segment { offset, length });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], 0, 0, true)]
    #[case(&[(0, 5), (10, 5)], 20, 10, true)]
    #[case(&[(20, 0)], 20, 0, true)]
    #[case(&[(0, 5), (4, 5)], 20, 10, false)]
    #[case(&[(10, 5), (0, 5)], 20, 10, false)]
    #[case(&[(0, 21)], 20, 21, false)]
    #[case(&[(u64::MAX, 2)], 20, 2, false)]
    #[case(&[(0, 5)], 20, 6, false)]
    fn a_map_must_fit(
        #[case] spans: &[(u64, u64)],
        #[case] size: u64,
        #[case] stored: u64,
        #[case] fits: bool,
    ) {
        let segments: Vec<_> = spans
            .iter()
            .map(|(offset, length)| Segment {
                offset: *offset,
                length: *length,
            })
            .collect();
        assert_eq!(check(&segments, size, stored).is_ok(), fits);
    }
}
