//! What is known about a provider: its description and its keys, asked for when needed and kept for an hour.
//!
//! A token with a key that is not known asks again, at most once a minute: anybody can make tokens with odd key ids.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use openidconnect::core::CoreProviderMetadata;
use openidconnect::{HttpRequest, HttpResponse, IssuerUrl, http};
use tokio::sync::Mutex;

use super::{MAX_ANSWER, ProviderError};
use crate::error::chain;
use crate::outbound::{Outbound, OutboundError};
use crate::sign_in::OidcSettings;

const KEPT: SignedDuration = SignedDuration::from_hours(1);
/// A provider that does not answer is asked for with what was known, for this long.
const KEPT_AT_MOST: SignedDuration = SignedDuration::from_hours(24);
const BETWEEN_RENEWALS: SignedDuration = SignedDuration::from_mins(1);

/// A provider's description, when it is known.
#[derive(Debug, Default)]
pub(super) struct Known {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    read: Option<(Timestamp, Arc<CoreProviderMetadata>)>,
    /// When the provider was last asked, with or without success.
    asked_at: Option<Timestamp>,
}

/// The provider gave no usable answer over HTTP.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    #[error("the request has no usable address")]
    Request(#[source] reqwest::Error),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("the answer is not usable")]
    Answer(#[source] http::Error),
}

impl Known {
    /// Returns the description, from memory if it is young.
    pub(super) async fn get(
        &self,
        settings: &OidcSettings,
        outbound: &Outbound,
        now: Timestamp,
    ) -> Result<Arc<CoreProviderMetadata>, ProviderError> {
        let mut state = self.state.lock().await;
        if let Some((read_at, metadata)) = &state.read
            && now.duration_since(*read_at).abs() < KEPT
        {
            return Ok(Arc::clone(metadata));
        }
        state.read(settings, outbound, now).await
    }

    /// Asks again, unless that was done less than a minute ago.
    pub(super) async fn renew(
        &self,
        settings: &OidcSettings,
        outbound: &Outbound,
        now: Timestamp,
    ) -> Result<Arc<CoreProviderMetadata>, ProviderError> {
        let mut state = self.state.lock().await;
        if let (Some(asked_at), Some((_, metadata))) = (state.asked_at, &state.read)
            && now.duration_since(asked_at).abs() < BETWEEN_RENEWALS
        {
            return Ok(Arc::clone(metadata));
        }
        state.read(settings, outbound, now).await
    }
}

impl State {
    async fn read(
        &mut self,
        settings: &OidcSettings,
        outbound: &Outbound,
        now: Timestamp,
    ) -> Result<Arc<CoreProviderMetadata>, ProviderError> {
        self.asked_at = Some(now);
        match discover(settings, outbound).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                self.read = Some((now, Arc::clone(&metadata)));
                Ok(metadata)
            }
            Err(error) => match &self.read {
                Some((read_at, metadata)) if now.duration_since(*read_at).abs() < KEPT_AT_MOST => {
                    tracing::warn!(provider = %settings.id, cause = %chain(&error), "an older description is used");
                    Ok(Arc::clone(metadata))
                }
                _ => Err(error),
            },
        }
    }
}

async fn discover(
    settings: &OidcSettings,
    outbound: &Outbound,
) -> Result<CoreProviderMetadata, ProviderError> {
    let issuer = IssuerUrl::new(settings.issuer.clone())
        .map_err(|error| ProviderError::Address(error.into()))?;
    CoreProviderMetadata::discover_async(issuer, &transport(outbound))
        .await
        .map_err(|error| ProviderError::Discovery(chain(&error).into()))
}

/// Makes what the library sends requests with.
pub(super) fn transport(
    outbound: &Outbound,
) -> impl Fn(HttpRequest) -> futures::future::BoxFuture<'static, Result<HttpResponse, TransportError>>
+ 'static {
    let outbound = outbound.clone();
    move |request| {
        let outbound = outbound.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(TransportError::Request)?;
            let answer = outbound.send(request).await?;
            let mut response = http::Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                headers.clone_from(answer.headers());
            }
            let body = answer.bytes(MAX_ANSWER).await?;
            response.body(body.to_vec()).map_err(TransportError::Answer)
        })
    }
}
