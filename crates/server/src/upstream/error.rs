//! Why something could not be fetched and stored.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use oci::ErrorCode;

use super::address::BadAddress;
use super::client::UpstreamError;
use crate::error::ApiError;

/// A fetch that failed. Those who wait for the same fetch share it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Upstream(Arc<UpstreamError>),
    #[error("the store failed")]
    Store(#[source] Arc<blobs::BlobError>),
    #[error("the catalog failed")]
    Catalog(#[source] Arc<catalog::CatalogError>),
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error("the upstream's manifest is refused: {0}")]
    Manifest(Arc<str>),
    #[error("the tag `{0}` is immutable here")]
    Immutable(oci::Tag),
    #[error("the fetch ended early")]
    Interrupted,
}

impl FetchError {
    /// Whether what is cached may be served instead.
    pub(crate) fn may_serve_stale(&self) -> bool {
        match self {
            Self::Upstream(error) => error.may_serve_stale(),
            Self::Address(_) | Self::Manifest(_) | Self::Interrupted => true,
            // Nothing can be written now; what is here can be read.
            Self::Catalog(error) => matches!(**error, catalog::CatalogError::ReadOnly(_)),
            Self::Store(_) | Self::Immutable(_) => false,
        }
    }

    /// Whether the upstream says that it does not have it.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Upstream(error) if matches!(**error, UpstreamError::NotFound(_)))
    }

    /// Whether the upstream is out of reach, so that the next question need not be asked at once.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Upstream(error) if error.is_outage())
    }

    /// Makes the answer to a client. It names the upstream's host, which whoever may pull here knows, and no more;
    /// the log says the rest.
    pub(crate) fn answer(&self, host: &str) -> ApiError {
        let gateway =
            |words: String| ApiError::new(StatusCode::BAD_GATEWAY, ErrorCode::Unknown, words);
        match self {
            Self::Upstream(error) => match &**error {
                UpstreamError::Limited { retry_after, .. } => {
                    let seconds = retry_after.unwrap_or(30).clamp(1, 3_600);
                    ApiError::new(
                        StatusCode::TOO_MANY_REQUESTS,
                        ErrorCode::TooManyRequests,
                        format!("the upstream {host} limits requests, try again later"),
                    )
                    .with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
                }
                UpstreamError::Untrue { .. } => gateway(format!(
                    "the upstream {host} sent something else than was asked for; nothing of it was kept"
                )),
                UpstreamError::Denied(_)
                | UpstreamError::ForeignRealm { .. }
                | UpstreamError::PlainRealm { .. } => gateway(format!(
                    "the upstream {host} does not let this registry in, an administrator has to look at its credential"
                )),
                _ => gateway(format!(
                    "the upstream {host} cannot be reached and nothing is cached, try again later"
                )),
            },
            Self::Manifest(reason) => gateway(format!(
                "the upstream {host} sent a manifest that is refused here: {reason}"
            )),
            Self::Immutable(tag) => ApiError::denied(format!(
                "the tag `{tag}` is immutable here and moved upstream"
            )),
            Self::Address(_) | Self::Interrupted => gateway(format!(
                "the fetch from the upstream {host} did not end, try again"
            )),
            Self::Store(error) => match &**error {
                blobs::BlobError::Full { .. } => ApiError::storage_full(self.clone()),
                _ => ApiError::fault(self.clone()),
            },
            Self::Catalog(error) => match &**error {
                catalog::CatalogError::ReadOnly(what) => {
                    ApiError::denied(format!("{what} is read-only, nothing new is cached"))
                }
                _ => ApiError::fault(self.clone()),
            },
        }
    }
}

impl From<UpstreamError> for FetchError {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(Arc::new(error))
    }
}

impl From<crate::outbound::OutboundError> for FetchError {
    fn from(error: crate::outbound::OutboundError) -> Self {
        UpstreamError::from(error).into()
    }
}

impl From<blobs::BlobError> for FetchError {
    fn from(error: blobs::BlobError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<catalog::CatalogError> for FetchError {
    fn from(error: catalog::CatalogError) -> Self {
        match error {
            catalog::CatalogError::Immutable(tag) => Self::Immutable(tag),
            other => Self::Catalog(Arc::new(other)),
        }
    }
}

impl From<Arc<catalog::CatalogError>> for FetchError {
    fn from(error: Arc<catalog::CatalogError>) -> Self {
        Self::Catalog(error)
    }
}
