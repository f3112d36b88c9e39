//! The rules of the house, one module per kind. A failing rule names the file or crate and what it expected there.
//!
//! Adding a rule: a test in the module it belongs to, that collects every breach before it fails.

mod documents;
mod layers;
mod licences;
mod sources;

/// Fails with every breach at once.
#[track_caller]
fn none(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}
