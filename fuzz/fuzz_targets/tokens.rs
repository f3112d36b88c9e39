//! What somebody shows as a token, signed or not, and the scopes somebody asks for: nothing opens that we did not issue.
//!
//! Parted by empty lines: a header, claims, scopes (one a line), a repository's name.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use server::testkit::{TokenProbe, check_scopes};

static PROBE: LazyLock<TokenProbe> = LazyLock::new(TokenProbe::new);

fuzz_target!(|text: &str| {
    PROBE.check_foreign(text);
    let mut parts = text.split("\n\n");
    let mut part = || parts.next().unwrap_or_default();
    PROBE.check_signed(part(), part());
    check_scopes(part(), part());
});
