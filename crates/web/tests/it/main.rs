//! The pages as a browser gets them: rendered from the gallery's samples and read again.
//!
//! `structure` holds what every page must have, `hostile` what no text may do, `weight` the budget, `contrast` the
//! colours, `snapshots` the look of the markup.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its input fails"
)]

mod contrast;
mod hostile;
mod html;
#[path = "../../examples/samples/mod.rs"]
mod samples;
mod snapshots;
mod structure;
mod weight;
