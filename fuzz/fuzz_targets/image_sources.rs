//! An image file of any bytes: opened as each kind of archive, its layers read to their end or to a named error.
//!
//! The first byte chooses whether checksums are put right, and the kind.
#![no_main]

use std::io::{self, Read};

use image::SourceSpec;
use libfuzzer_sys::fuzz_target;

/// Enough for any input; a hostile archive may inflate to more.
const READ: u64 = 4 << 20;

fuzz_target!(|input: &[u8]| {
    let Some((how, bytes)) = input.split_first() else {
        return;
    };
    let file = fuzz::file_with(&match how % 4 {
        0 | 1 => fuzz::with_checksums(bytes),
        _ => bytes.to_vec(),
    });
    let path = file.path().to_owned();
    let spec = match how % 2 {
        0 => SourceSpec::DockerArchive(path, None),
        _ => SourceSpec::OciArchive(path, None),
    };
    let Ok(source) = image::open(&spec, None) else {
        return;
    };
    for index in source.stored_order() {
        if let Ok(layer) = source.open_layer(index) {
            // A layer that is not what its digest says ends in an error, which is an answer.
            let _ = io::copy(&mut layer.take(READ), &mut io::sink());
        }
    }
});
