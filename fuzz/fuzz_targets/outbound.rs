//! What somebody wants the server to connect to: a webhook, an upstream, a list of exceptions. What passes is public.
//!
//! Sixteen bytes of an address, then a text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use server::testkit::{check_outbound_address, check_outbound_list, check_url};

fuzz_target!(|input: (u128, &str)| {
    let (bits, text) = input;
    check_outbound_address(bits);
    check_outbound_address(bits & u128::from(u32::MAX));
    check_url(text);
    check_url(&format!("http://{text}/"));
    check_outbound_list(text);
});
