//! What a server is told before it starts. Reading flags, environment and file is `cli`'s work.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use blobs::{BlobError, Store};
use secrecy::SecretString;

use crate::audit::AuditRules;
use crate::collection::verify::VerifyRules;
use crate::networks::Networks;
use crate::outbound::OutboundSettings;
use crate::registry::rules::RegistryRules;
use crate::sign_in::SignInSettings;

/// Where blobs live.
#[derive(Clone, Debug)]
pub enum Storage {
    /// As files below the data directory.
    Files,
    /// In an S3 bucket.
    S3(blobs::S3Config),
}

impl Storage {
    /// Opens the store.
    pub(crate) async fn open(&self, data: &Path) -> Result<Store, BlobError> {
        match self {
            Self::Files => Store::open_fs(&data.join("blobs")).await,
            Self::S3(config) => Store::open_s3(config).await,
        }
    }
}

/// The settings of one server process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// Where blobs live.
    pub storage: Storage,
    /// Whether clients fetch blobs from the object store itself, by an address that is valid for minutes.
    pub blob_redirect: bool,
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
    /// How everything stored is read again.
    pub verify: VerifyRules,
    /// How much of the audit trail stays where pages are read from.
    pub audit: AuditRules,
    /// The ways to sign in beside passwords kept here.
    pub sign_in: SignInSettings,
}
