//! Outgoing HTTP: the one way from this server to an address that somebody else wrote down.
//!
//! [`Outbound`] owns the only client. Before a connection is made, the host's addresses are resolved, checked
//! ([`guard`]), and exactly the checked ones are connected to, so a name cannot answer once for the check and
//! differently for the connection. Private addresses are open only where the setting `outbound_allow` lists them.
//! [`Outbound::send`] follows no redirect; [`Outbound::follow`] checks every hop and gives credentials to the first
//! origin alone. Every body has a cap ([`Answer`]).
//!
//! What it does not do: it knows no protocol of its callers (`upstream`, webhooks, sign-in), keeps no cookies, and
//! ignores the proxies that the environment names.
//!
//! Using it: build a [`reqwest::Request`] (`Request::new`, then its headers and body), send it, read the [`Answer`].
//! A caller that streams for long sets a timeout of its own with `Request::timeout_mut`.

mod addresses;
mod allow;
mod answer;
mod client;
mod error;
mod follow;
mod guard;
#[cfg(feature = "testkit")]
pub(crate) mod properties;
#[cfg(test)]
mod tests;

pub(crate) use self::answer::Answer;
pub(crate) use self::client::{Outbound, basic, bearer};
pub(crate) use self::error::OutboundError;
pub(crate) use self::follow::is_same_origin;

pub use self::allow::{AllowList, BadEntry};
pub use self::client::OutboundSettings;
pub use self::error::ClientError;
