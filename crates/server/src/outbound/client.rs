//! The one client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Proxy, Request};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::allow::AllowList;
use super::answer::Answer;
use super::error::{ClientError, OutboundError};
use super::guard::{Guard, Resolver, system};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence in the middle of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A whole exchange, unless the request says otherwise.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// Above this a certificate file is something else.
const MAX_CA_FILE: u64 = 4 << 20;

/// What the server may connect to, and how.
#[derive(Clone, Debug, Default)]
pub struct OutboundSettings {
    /// Private networks and hosts that may be connected to all the same.
    pub allow: AllowList,
    /// Certificates (PEM) trusted beside the machine's own.
    pub ca_file: Option<PathBuf>,
    /// The `http://` or `https://` proxy that takes all requests; its address may hold a password.
    pub proxy: Option<SecretString>,
}

/// The way out. Cloning shares the connections.
#[derive(Clone)]
pub(crate) struct Outbound {
    client: Client,
    guard: Guard,
}

impl Outbound {
    /// Makes the client.
    ///
    /// # Errors
    /// A file of certificates or a proxy that cannot be used: the server does not start without what it was told.
    pub(crate) fn new(settings: &OutboundSettings) -> Result<Self, ClientError> {
        Self::with_resolver(settings, system())
    }

    pub(super) fn with_resolver(
        settings: &OutboundSettings,
        resolver: Resolver,
    ) -> Result<Self, ClientError> {
        let proxy = settings.proxy.as_ref().map(read_proxy).transpose()?;
        let proxy_host = proxy.as_ref().and_then(Url::host_str);
        let guard = Guard::new(settings.allow.clone(), resolver, proxy_host);
        #[expect(
            clippy::disallowed_methods,
            reason = "the one hardened client is made here"
        )]
        let mut builder = Client::builder();
        builder = builder
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(guard.clone());
        if let Some(path) = &settings.ca_file {
            builder = builder.tls_certs_merge(read_certificates(path)?);
        }
        if let Some(proxy) = proxy {
            builder = builder.proxy(Proxy::all(proxy).map_err(|_| ClientError::Proxy)?);
        }
        let client = builder.build().map_err(ClientError::Setup)?;
        Ok(Self { client, guard })
    }

    /// Checks an address that somebody wrote, before it is kept. A name is not resolved here: what it means when it is
    /// used is what counts.
    pub(crate) fn check(&self, url: &Url) -> Result<(), OutboundError> {
        self.guard.check(url)
    }

    /// Whether the operator listed an address's host, by name or by network.
    pub(crate) fn is_listed(&self, url: &Url) -> bool {
        self.guard.is_listed(url)
    }

    /// Sends one request. A redirect is an answer like any other.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, OutboundError> {
        self.guard.check(request.url())?;
        let host = request.url().host_str().unwrap_or_default().to_owned();
        match self.client.execute(request).await {
            Ok(response) => Ok(Answer::new(response, host)),
            Err(error) => Err(OutboundError::of(error, &host)),
        }
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbound")
    }
}

fn read_proxy(address: &SecretString) -> Result<Url, ClientError> {
    let url: Url = address
        .expose_secret()
        .parse()
        .map_err(|_| ClientError::Proxy)?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_web.then_some(url).ok_or(ClientError::Proxy)
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let unreadable = |source| ClientError::ReadCertificates {
        path: path.to_owned(),
        source,
    };
    let unusable = || ClientError::Certificates {
        path: path.to_owned(),
    };
    if fs_err::metadata(path).map_err(unreadable)?.len() > MAX_CA_FILE {
        return Err(unusable());
    }
    let text = fs_err::read(path).map_err(unreadable)?;
    let certificates = Certificate::from_pem_bundle(&text).map_err(|_| unusable())?;
    if certificates.is_empty() {
        return Err(unusable());
    }
    Ok(certificates)
}

/// Writes a user name and password as a header that no log shows.
pub(crate) fn basic(user: &str, password: &SecretString) -> HeaderValue {
    let pair = format!("{user}:{}", password.expose_secret());
    secret_header(format!("Basic {}", STANDARD.encode(pair)))
}

/// Writes a token as a header that no log shows; a token with a control character is sent as none.
pub(crate) fn bearer(token: &SecretString) -> HeaderValue {
    secret_header(format!("Bearer {}", token.expose_secret()))
}

fn secret_header(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}
