//! Answering a challenge: the credential itself, or a token bought with it.
//!
//! # Source
//! distribution's token authentication specification.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Method, Request};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::challenge::{self, Challenge};
use super::{Remote, UpstreamError, Way};
use crate::outbound::{basic, is_same_origin};

/// Longest answer of a token service, in bytes.
const MAX_ANSWER: u64 = 64 << 10;
/// A token that says nothing about its life lives so long, in seconds.
const DEFAULT_LIFE: u64 = 60;
/// The longest life believed, in seconds.
const MAX_LIFE: u64 = 3_600;
/// How much earlier than it says a token is over, in seconds.
const MARGIN: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(20);

/// A token for one repository.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: SecretString,
    over_at: Timestamp,
}

impl Token {
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.over_at <= now
    }
}

#[derive(Deserialize)]
struct Answer {
    token: Option<SecretText>,
    access_token: Option<SecretText>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct SecretText(String);

impl Remote {
    /// Answers the challenge of the upstream itself.
    pub(super) async fn answer_challenge(
        &self,
        repository: &str,
        headers: &HeaderMap,
    ) -> Result<Way, UpstreamError> {
        let denied = || UpstreamError::Denied(self.host().to_owned());
        match challenge::pick(headers).ok_or_else(denied)? {
            Challenge::Basic if self.credential.is_some() => Ok(Way::Basic),
            Challenge::Basic => Err(denied()),
            Challenge::Bearer { realm, service } => {
                let token = self.token(repository, &realm, service.as_deref()).await?;
                Ok(Way::Token(token))
            }
        }
    }

    /// Gets a token. The scope is ours, whatever the challenge asked for: a hostile upstream could ask for more.
    async fn token(
        &self,
        repository: &str,
        realm: &str,
        service: Option<&str>,
    ) -> Result<Token, UpstreamError> {
        let realm = self
            .base
            .join(realm)
            .map_err(|_| self.untrue("a token realm that is no address"))?;
        if self.base.scheme() == "https" && realm.scheme() != "https" {
            return Err(UpstreamError::PlainRealm {
                host: self.host().to_owned(),
            });
        }
        let mut url = realm.clone();
        url.set_fragment(None);
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = service {
                query.append_pair("service", service);
            }
            query.append_pair("scope", &format!("repository:{repository}:pull"));
        }
        let mut request = Request::new(Method::GET, url);
        *request.timeout_mut() = Some(PATIENCE);
        if let Some((user, secret)) = &self.credential {
            if !self.may_see_credential(&realm) {
                return Err(UpstreamError::ForeignRealm {
                    host: self.host().to_owned(),
                    realm: realm.origin().ascii_serialization(),
                });
            }
            request
                .headers_mut()
                .insert(AUTHORIZATION, basic(user, secret));
        }
        // Not followed: a token service that moves is told to the administrator, not to the next host.
        let answer = self.outbound.send(request).await?;
        if answer.status() != 200 {
            return Err(match Self::refused(&answer) {
                UpstreamError::NotFound(host) => UpstreamError::Denied(host),
                other => other,
            });
        }
        let body = answer.bytes(MAX_ANSWER).await?;
        let unreadable = || self.untrue("a token that cannot be read");
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        let SecretText(secret) = answer
            .token
            .or(answer.access_token)
            .ok_or_else(unreadable)?;
        let is_plain = !secret.is_empty() && secret.bytes().all(|b| b.is_ascii_graphic());
        if !is_plain {
            return Err(unreadable());
        }
        let life = answer.expires_in.unwrap_or(DEFAULT_LIFE).min(MAX_LIFE);
        let life = SignedDuration::from_secs(life.saturating_sub(MARGIN).cast_signed());
        Ok(Token {
            secret: secret.into(),
            over_at: self
                .clock
                .now()
                .saturating_add(life)
                .unwrap_or(Timestamp::MAX),
        })
    }

    fn may_see_credential(&self, realm: &Url) -> bool {
        is_same_origin(realm, &self.base)
            || self
                .realms
                .iter()
                .any(|listed| is_same_origin(realm, listed))
    }
}
