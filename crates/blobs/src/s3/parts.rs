//! The parts of a multipart upload as a row stores them: the part size in bytes, then one entity tag per line.
//!
//! A row is foreign to whoever reads it: what does not have this form is refused, and the upload starts again.

/// Parts have this size unless the content needs more than [`MAX_PARTS`] of them. A writer holds one in memory.
pub(super) const PART_BYTES: u64 = 16 << 20;
/// # Source
/// "Amazon S3 multipart upload limits": 10,000 parts of 5 MiB to 5 GiB.
pub(super) const MAX_PARTS: usize = 10_000;
const MIN_PART_BYTES: u64 = 5 << 20;
const MAX_PART_BYTES: u64 = 5 << 30;
const MAX_TAG_BYTES: usize = 256;

/// The parts stored so far. All have the same size; some stores insist on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) part_bytes: u64,
    pub(super) tags: Vec<String>,
}

impl Parts {
    /// Begins an upload whose whole size may be known.
    pub(super) fn new(expected_bytes: Option<u64>) -> Self {
        const MIB: u64 = 1 << 20;
        let needed = expected_bytes.unwrap_or(0).div_ceil(MAX_PARTS as u64);
        let part_bytes = needed
            .next_multiple_of(MIB)
            .clamp(PART_BYTES, MAX_PART_BYTES);
        Self {
            part_bytes,
            tags: Vec::new(),
        }
    }

    /// Returns how many bytes the parts hold.
    pub(super) fn bytes(&self) -> u64 {
        self.part_bytes * self.tags.len() as u64
    }

    /// Writes them for the row.
    pub(super) fn encode(&self) -> String {
        if self.tags.is_empty() {
            return String::new();
        }
        let mut text = self.part_bytes.to_string();
        for tag in &self.tags {
            text.push('\n');
            text.push_str(tag);
        }
        text
    }

    /// Reads them from the row; `None` if this is not what [`Parts::encode`] writes.
    pub(super) fn decode(text: &str, expected_bytes: Option<u64>) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::new(expected_bytes));
        }
        let mut lines = text.split('\n');
        let part_bytes = lines.next()?.parse().ok()?;
        let tags: Vec<String> = lines.map(str::to_owned).collect();
        let is_tag = |tag: &String| {
            !tag.is_empty()
                && tag.len() <= MAX_TAG_BYTES
                && tag.bytes().all(|b| b.is_ascii_graphic())
        };
        let is_whole = (MIN_PART_BYTES..=MAX_PART_BYTES).contains(&part_bytes)
            && (1..=MAX_PARTS).contains(&tags.len())
            && tags.iter().all(is_tag);
        is_whole.then_some(Self { part_bytes, tags })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, 16 << 20)]
    #[case(Some(0), 16 << 20)]
    #[case(Some(10_000 * (16 << 20)), 16 << 20)]
    #[case(Some(10_000 * (16 << 20) + 1), 17 << 20)]
    #[case(Some(u64::MAX), 5 << 30)]
    fn ten_thousand_parts_are_enough(#[case] expected: Option<u64>, #[case] part_bytes: u64) {
        assert_eq!(Parts::new(expected).part_bytes, part_bytes);
    }

    #[rstest]
    #[case("", true)]
    #[case("16777216\n\"a\"", true)]
    #[case("16777216\n\"a\"\n\"b-1\"", true)]
    #[case("16777216", false)]
    #[case("16777216\n", false)]
    #[case("1\n\"a\"", false)]
    #[case("x\n\"a\"", false)]
    #[case("16777216\na b", false)]
    #[case("99999999999999999999\n\"a\"", false)]
    fn only_what_was_written_is_read(#[case] text: &str, #[case] is_read: bool) {
        let read = Parts::decode(text, None);
        assert_eq!(read.is_some(), is_read);
        if let Some(parts) = read {
            assert_eq!(parts.encode(), text);
        }
    }
}
