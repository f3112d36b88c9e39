//! Three texts, one a line, in every order: equal to themselves, antisymmetric, transitive.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use versions::{Ecosystem, Version};

const ORDERS: [Ecosystem; 5] = [
    Ecosystem::Deb,
    Ecosystem::Rpm,
    Ecosystem::Apk,
    Ecosystem::Pep440,
    Ecosystem::Semver,
];

fuzz_target!(|text: &str| {
    for order in ORDERS {
        let read: Vec<Version> = text
            .split('\n')
            .take(3)
            .filter_map(|line| Version::parse(order, line).ok())
            .collect();
        for a in &read {
            assert_eq!(a.compare(a), Ordering::Equal);
            for b in &read {
                assert_eq!(a.compare(b), b.compare(a).reverse(), "{a:?} {b:?}");
                for c in &read {
                    let is_ordered = a.compare(b).is_le() && b.compare(c).is_le();
                    assert!(!is_ordered || a.compare(c).is_le(), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }
});
