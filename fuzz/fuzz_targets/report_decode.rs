//! A stored report of any bytes: refused, or read, merged, and written so that it reads the same again.
#![no_main]

use inventory::LayerReport;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = LayerReport::decode(bytes) {
        assert_eq!(LayerReport::decode(&report.encode()).as_ref(), Ok(&report));
        let _ = fuzz::merge(&[report], None);
    }
});
