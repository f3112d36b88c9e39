//! One evidence file of any bytes. The first byte chooses the extractor, the first line is the path.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let names: Vec<&str> = inventory::extractors()
        .map(|extractor| extractor.name)
        .collect();
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (path, content) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    let name = names[usize::from(*choice) % names.len()];
    let (packages, _) = inventory::parse_with(name, path, content).expect("a name from the table");
    for package in packages {
        assert!(!package.name.is_empty(), "{name}: {package:?}");
    }
});
