//! A policy of any text: refused with a place in it, or decided and explained within its length.
#![no_main]

use gate::{Door, EvidenceSet, MAX_EXPLAIN_CHARS, Policy, Subject, decide, explain};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Policy::parse(text) {
        Ok(policy) => {
            let subject = Subject {
                repository: "payments/api",
                tag: Some("2.3.7"),
                ..Subject::default()
            };
            let evidence = EvidenceSet::default();
            let verdict = decide(
                &[&policy],
                &subject,
                &evidence,
                Timestamp::UNIX_EPOCH,
                Door::Pull,
            );
            assert!(explain(&verdict).chars().count() <= MAX_EXPLAIN_CHARS);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
