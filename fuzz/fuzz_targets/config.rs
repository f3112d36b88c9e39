//! An image configuration of any bytes: refused, or every view of it can be taken and an inventory made with it.
#![no_main]

use inventory::LayerReport;
use libfuzzer_sys::fuzz_target;
use oci::ImageConfig;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(config) = ImageConfig::parse(bytes) {
        assert!(
            config
                .platform()
                .is_none_or(|platform| platform.contains('/'))
        );
        let _ = config.layer_instructions().count();
        let _ = fuzz::merge(
            &[LayerReport::default(), LayerReport::default()],
            Some(&config),
        );
    }
});
