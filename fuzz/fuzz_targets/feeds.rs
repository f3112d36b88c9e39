//! A feed of any bytes: refused by name, or written as a snapshot that opens again.
#![no_main]

use advisories::{Builder, Snapshot};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let feed = fuzz::file_with(bytes);
    let mut builder = Builder::new(fuzz::FEED_LIMITS);
    if builder.add_path(feed.path()).is_ok() {
        let out = fuzz::file_with(b"");
        let info = builder
            .finish(out.path(), Timestamp::UNIX_EPOCH)
            .expect("an accepted feed");
        let snapshot = Snapshot::open(out.path()).expect("a snapshot just written");
        assert_eq!(*snapshot.info(), info);
    }
});
