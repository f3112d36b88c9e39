//! The check before every connection, and the resolver that makes it binding.
//!
//! The client connects to what its resolver returns and asks nobody else, so addresses checked in [`Guard::resolve`]
//! are the addresses connected to. The client does not ask a resolver about addresses written as such; those are
//! checked in [`Guard::check`], after `url` has read decimal, octal and hexadecimal spellings into an address.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::addresses::{is_never_by_name, why_not_public};
use super::allow::AllowList;
use super::error::{OutboundError, Refused};

/// A resolver that does not answer holds nobody longer than this.
const PATIENCE: Duration = Duration::from_secs(10);

/// The addresses of a name, or why there are none.
pub(super) type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who is asked for the addresses of a name: the machine's resolver, or a test's.
pub(super) type Resolver = Arc<dyn Fn(String) -> Lookup + Send + Sync>;

/// The machine's resolver.
pub(super) fn system() -> Resolver {
    Arc::new(|name: String| {
        Box::pin(async move {
            let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name, 0)));
            let found = found.await.map_err(|_| io::ErrorKind::TimedOut)??;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// What may be connected to.
#[derive(Clone)]
pub(super) struct Guard {
    allow: Arc<AllowList>,
    resolver: Resolver,
    /// The host of the operator's own proxy, which is asked instead of the address itself.
    proxy: Option<Arc<str>>,
}

impl Guard {
    pub(super) fn new(allow: AllowList, resolver: Resolver, proxy: Option<&str>) -> Self {
        Self {
            allow: Arc::new(allow),
            resolver,
            proxy: proxy.map(Arc::from),
        }
    }

    /// Checks what an address says without asking anybody.
    pub(super) fn check(&self, url: &Url) -> Result<(), OutboundError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(OutboundError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::CredentialsInAddress);
        }
        match url.host() {
            None => Err(OutboundError::NoHost),
            Some(Host::Ipv4(address)) => self.admit(None, IpAddr::V4(address)).map_err(Into::into),
            Some(Host::Ipv6(address)) => self.admit(None, IpAddr::V6(address)).map_err(Into::into),
            // Names are checked when they are resolved. With a proxy they are resolved by it, all but these.
            Some(Host::Domain(name)) if is_this_host(name) && !self.allow.has_host(name) => {
                self.admit(Some(name), IpAddr::from([127, 0, 0, 1]))?;
                Ok(())
            }
            Some(Host::Domain(_)) => Ok(()),
        }
    }

    /// Whether the setting lists the host as it is written.
    pub(super) fn is_listed(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Ipv4(address)) => self.allow.has_address(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.allow.has_address(IpAddr::V6(address)),
            Some(Host::Domain(name)) => self.allow.has_host(name),
            None => false,
        }
    }

    /// Lets an address through, or says why not.
    fn admit(&self, name: Option<&str>, address: IpAddr) -> Result<(), Refused> {
        let Some(what) = why_not_public(address) else {
            return Ok(());
        };
        if self.allow.has_address(address) {
            return Ok(());
        }
        let is_listed = name.is_some_and(|name| self.allow.has_host(name));
        if is_listed && !is_never_by_name(address) {
            return Ok(());
        }
        Err(Refused {
            host: name.map_or_else(|| address.to_string(), str::to_owned),
            what,
        })
    }

    /// Returns the addresses of a name that may be connected to.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let is_proxy = self.proxy.as_deref() == Some(name);
        let found = (self.resolver)(name.to_owned()).await?;
        let mut refused = None;
        let mut admitted = Vec::with_capacity(found.len());
        for address in found {
            match self.admit(Some(name), address) {
                Err(reason) if !is_proxy => refused = Some(reason),
                _ => admitted.push(address),
            }
        }
        match refused {
            Some(refused) if admitted.is_empty() => Err(refused.into()),
            _ if admitted.is_empty() => Err(io::Error::from(io::ErrorKind::NotFound).into()),
            _ => Ok(admitted),
        }
    }
}

/// Names that mean this machine everywhere.
///
/// # Source
/// RFC 6761, section 6.3.
fn is_this_host(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost")
        || name
            .rsplit_once('.')
            .is_some_and(|(_, last)| last.eq_ignore_ascii_case("localhost"))
}

#[derive(Debug, thiserror::Error)]
enum ResolveError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Lookup(#[from] io::Error),
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            match guard.addresses(name.as_str()).await {
                Ok(addresses) => {
                    let addresses: Addrs = Box::new(
                        addresses
                            .into_iter()
                            .map(|address| SocketAddr::new(address, 0)),
                    );
                    Ok(addresses)
                }
                Err(ResolveError::Refused(refused)) => Err(refused.into()),
                Err(ResolveError::Lookup(error)) => Err(error.into()),
            }
        })
    }
}
