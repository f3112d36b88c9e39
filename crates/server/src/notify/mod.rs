//! Telling other machines what happened here.
//!
//! The catalog writes an event in the transaction that causes it. [`jobs`] finds the endpoints that want it and sends
//! it to them, one endpoint's events one by one; [`payload`] writes an event down, [`signature`] signs it, [`attempt`]
//! decides what an answer means. [`pulls`] is the one kind that no transaction causes.
//!
//! Promises, which `docs/guides/webhooks.md` explains to receivers: every event of a committed change is sent at least
//! once; an endpoint gets one at a time, of those that are due the earliest event first; a failing one is tried again
//! for about sixteen hours and then is dead until somebody sends it again.
//!
//! Adding a format: a variant of `catalog::EventFormat` and a function in [`payload`]. Adding a kind of event: see
//! `catalog::events`.

pub(crate) mod attempt;
pub(crate) mod jobs;
pub(crate) mod patterns;
pub(crate) mod payload;
pub(crate) mod pulls;
pub(crate) mod signature;
