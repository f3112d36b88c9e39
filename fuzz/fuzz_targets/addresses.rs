//! What a client writes in a request's address and in its ranges: split into what it says, and never beyond.
//!
//! Eight bytes of size, then a line for the ranges, then the address.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server::testkit::{check_address, check_ranges};

fuzz_target!(|input: (u64, &str)| {
    let (size, text) = input;
    let (header, rest) = text.split_once('\n').unwrap_or((text, text));
    check_ranges(header, size);
    check_ranges(header, size % 100);
    check_address(rest);
});
