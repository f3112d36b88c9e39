//! A layer of any bytes: walked within its limits, shown only normal paths, and never silently in part.
#![no_main]

use image::{Entry, Visitor, Want};
use libfuzzer_sys::fuzz_target;

const HELD: u64 = 8 << 10;

struct Reader;

impl Visitor for Reader {
    fn want(&mut self, entry: &Entry<'_>) -> Want {
        let is_normal = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
        assert!(
            entry.path.split(|byte| *byte == b'/').all(is_normal),
            "{entry:?}"
        );
        Want::Whole { limit: HELD }
    }

    fn content(&mut self, entry: &Entry<'_>, content: &[u8], truncated: bool) {
        assert!(content.len() as u64 <= HELD);
        assert_eq!(truncated, (content.len() as u64) < entry.size, "{entry:?}");
    }
}

fuzz_target!(|input: &[u8]| {
    let stored = fuzz::layer(input);
    let walk = image::walk_layer(stored.as_slice(), &fuzz::small_limits(), &mut Reader);
    fuzz::assert_explained(walk.complete, &walk.diagnostics);
    assert!(!walk.complete || walk.diff_id.is_some());
    assert!(walk.blob_bytes <= stored.len() as u64);
});
