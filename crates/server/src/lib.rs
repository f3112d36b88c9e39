//! The server: the registry's protocol, the pages, the API, and the work behind them.
//!
//! [`start`] brings one process up and [`Running::wait`] drains it. All state is in the catalog and the store; a
//! process may die at any instruction. Requests come in through [`router`], each surface in its own module:
//! `registry` (`/v2`), `auth` (`/token`), `pages`, `api`, `operations`. `analysis` turns pushed bytes into evidence,
//! `doors` turns evidence into verdicts, `workers` does what was queued.
//!
//! What it does not do: it has no SQL (`catalog`), touches no file of the store (`blobs`), parses no package (`inventory`)
//! and decides nothing (`gate`).

mod analysis;
mod api;
mod app;
mod audit;
mod auth;
mod boot;
mod clock;
mod collection;
mod doors;
mod error;
mod http;
mod metrics;
mod networks;
mod notify;
mod operations;
mod outbound;
mod pages;
mod panics;
mod pull_stats;
mod recent;
mod registry;
mod request;
mod retention;
mod router;
mod settings;
mod sign_in;
mod summaries;
mod sweep;
mod upkeep;
mod upstream;
mod workers;
mod written;

pub mod admin;
pub mod migrate;
#[cfg(feature = "testkit")]
#[doc(hidden)]
pub mod testkit;

pub use api::openapi;
pub use audit::AuditRules;
pub use boot::{Running, StartError, start};
pub use catalog::Sparse;
pub use clock::Clock;
pub use collection::verify::VerifyRules;
pub use metrics::metrics_reference;
pub use networks::{BadNetwork, Networks};
pub use outbound::{AllowList, BadEntry, ClientError, OutboundSettings};
pub use panics::log_panics;
pub use registry::rules::RegistryRules;
pub use settings::{Settings, Storage};
pub use sign_in::directory::TlsError as DirectoryTlsError;
pub use sign_in::{Admission, LdapSettings, OidcSettings, SignInSettings, SignInSettingsError};
