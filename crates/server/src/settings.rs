//! What a server is told before it starts. Reading flags, environment and file is `cli`'s work.

use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::networks::Networks;
use crate::outbound::OutboundSettings;
use crate::registry::rules::RegistryRules;
use crate::sign_in::SignInSettings;

/// The settings of one server process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory; blobs live in it.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// `sqlite:PATH` or `postgres://…`; may hold a password.
    pub database: SecretString,
    /// The address people use, when it differs from what their requests say: `https://registry.example.com`.
    pub external_url: Option<String>,
    /// A policy file, published at start when its text is new.
    pub policy: Option<PathBuf>,
    /// The advisory snapshot. The file need not be there yet, and may be replaced while the server runs.
    pub advisories: PathBuf,
    /// A second listener for health and metrics; without one they are served beside everything else.
    pub metrics_listen: Option<SocketAddr>,
    /// The password of `admin` on first start; `None` generates one.
    pub admin_password: Option<SecretString>,
    /// What the server may connect to: upstreams, webhooks, identity providers.
    pub outbound: OutboundSettings,
    /// Reverse proxies that are believed about the client, the scheme and the host.
    pub trusted_proxies: Networks,
    /// What the registry's protocol side allows, and how much of it.
    pub registry: RegistryRules,
    /// The ways to sign in beside passwords kept here.
    pub sign_in: SignInSettings,
}
