//! A manifest of any bytes under any media type: refused, or every view of it can be taken.
//!
//! The first line is the media type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oci::Manifest;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let header = String::from_utf8_lossy(&input[..end]);
    let body = input.get(end + 1..).unwrap_or_default();
    if let Ok(manifest) = Manifest::parse(body, &header) {
        assert!(manifest.required_blobs().count() <= manifest.descriptors().count());
        assert!(!(manifest.is_index() && manifest.is_image()));
        let _ = manifest.effective_artifact_type();
        for platform in manifest
            .children
            .iter()
            .filter_map(|child| child.platform.as_ref())
        {
            assert!(platform.label().contains('/'));
        }
    }
});
