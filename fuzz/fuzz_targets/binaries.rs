//! One executable or archive. The first byte chooses its reader, and whether the rest is the file as it is or what a
//! whole one holds: a checksum or a length would refuse nearly every change before the reader has seen it.
#![no_main]

use fuzz::binary::{BINARIES, whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    let (extractor, path) = BINARIES[usize::from(choice >> 1) % BINARIES.len()];
    let content = if choice & 1 == 0 {
        rest.to_vec()
    } else {
        whole(extractor, rest)
    };
    let (packages, _) =
        inventory::parse_with(extractor, path.as_bytes(), &content).expect("a name from the table");
    for package in packages {
        assert!(!package.name.is_empty(), "{extractor}: {package:?}");
    }
});
