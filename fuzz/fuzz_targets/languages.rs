//! One file of a language's package manager, at a path where its reader looks. The first byte chooses the reader.
#![no_main]

use fuzz::LANGUAGES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, content)) = input.split_first() else {
        return;
    };
    let (extractor, path, _) = LANGUAGES[usize::from(*choice) % LANGUAGES.len()];
    let (packages, _) = inventory::parse_with(extractor, path.as_bytes(), content)
        .expect("a name from the table");
    for package in packages {
        let is_named = !package.name.is_empty() && !package.version.is_empty();
        assert!(is_named, "{extractor}: {package:?}");
    }
});
