//! Two layers of any bytes in one image: merged without a panic, sorted, and partial where a layer was.
//!
//! The first two bytes say where the second layer begins.
#![no_main]

use evidence::Coverage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((at, layers)) = input.split_first_chunk() else {
        return;
    };
    let at = usize::from(u16::from_le_bytes(*at)) % (layers.len() + 1);
    let (base, top) = layers.split_at(at);
    let reports = [base, top].map(|bytes| {
        inventory::analyse_layer(fuzz::layer(bytes).as_slice(), &fuzz::small_limits())
    });
    let inventory = fuzz::merge(&reports, None);
    let whole = reports.iter().all(|report| report.complete);
    assert!(whole || inventory.coverage != Coverage::Complete);
    assert!(
        inventory
            .packages
            .is_sorted_by_key(|package| (package.kind, package.name.clone()))
    );
    assert_eq!(inventory, fuzz::merge(&reports, None));
});
