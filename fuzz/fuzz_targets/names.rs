//! What clients write in addresses and tokens: what is accepted reads the same when it is written again.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use oci::{Digest, ImageReference, Reference, RepositoryName, Scope, Tag};

fn check<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let again = read.to_string().parse::<T>().ok();
        assert_eq!(again.as_ref(), Some(&read), "{text:?}");
    }
}

fuzz_target!(|text: &str| {
    check::<Digest>(text);
    check::<ImageReference>(text);
    check::<Reference>(text);
    check::<RepositoryName>(text);
    check::<Scope>(text);
    check::<Tag>(text);
    if let Ok(reference) = text.parse::<ImageReference>() {
        let _ = reference.reference();
    }
});
