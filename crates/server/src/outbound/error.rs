//! Why a request did not leave, or what it met. No variant holds an address's query or a header.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

/// The one client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of `outbound_ca_file` cannot be read.
    #[error("cannot read the certificates in `{}`", path.display())]
    ReadCertificates {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file of `outbound_ca_file` holds no certificates.
    #[error("`{}` holds no PEM certificate that can be used", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
    },
    /// The address of `outbound_proxy` cannot be used.
    #[error("`outbound_proxy` is no `http://` or `https://` address")]
    Proxy,
    /// TLS cannot be set up.
    #[error("cannot set up outgoing TLS")]
    Setup(#[source] reqwest::Error),
}

/// An address that may not be connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{host}` is {what}; the setting `outbound_allow` can list it")]
pub(crate) struct Refused {
    /// The host as it was written.
    pub(crate) host: String,
    /// What its address is.
    pub(crate) what: &'static str,
}

/// A request that got no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundError {
    #[error("an address begins with `http://` or `https://`, not with `{0}:`")]
    Scheme(String),
    #[error("an address holds no user name and no password")]
    CredentialsInAddress,
    #[error("an address names a host")]
    NoHost,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("`{0}` cannot be found")]
    Resolve(String),
    #[error("`{0}` did not answer in time")]
    TimedOut(String),
    #[error("`{host}` sent more than {limit_bytes} bytes")]
    TooLarge { host: String, limit_bytes: u64 },
    #[error("`{0}` redirects more often than is followed")]
    TooManyRedirects(String),
    #[error("`{0}` redirects to an address that cannot be read")]
    BadRedirect(String),
    #[error("`{0}` redirects from https to http")]
    Downgrade(String),
    #[error("`{0}` redirects a request that changes something")]
    RedirectedWrite(String),
    #[error("cannot reach `{host}`")]
    Transport {
        host: String,
        #[source]
        source: reqwest::Error,
    },
}

impl OutboundError {
    /// Sorts an error of the client; its text loses the address, whose query may hold secrets.
    pub(super) fn of(error: reqwest::Error, host: &str) -> Self {
        let host = host.to_owned();
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(refused) = inner.downcast_ref::<Refused>() {
                return Self::Refused(refused.clone());
            }
            cause = inner.source();
        }
        if error.is_timeout() {
            return Self::TimedOut(host);
        }
        if error.is_dns() {
            return Self::Resolve(host);
        }
        Self::Transport {
            host,
            source: error.without_url(),
        }
    }

    /// Whether the fault is the other side's or the network's and may pass: worth another try later.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Resolve(_) | Self::TimedOut(_) | Self::Transport { .. }
        )
    }
}
