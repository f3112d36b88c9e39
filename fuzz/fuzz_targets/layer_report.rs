//! A layer of any bytes: analysed, stored, and read back as it was.
#![no_main]

use inventory::LayerReport;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let report = inventory::analyse_layer(fuzz::layer(input).as_slice(), &fuzz::small_limits());
    fuzz::assert_explained(report.complete, &report.diagnostics().collect::<Vec<_>>());
    assert_eq!(LayerReport::decode(&report.encode()), Ok(report));
});
