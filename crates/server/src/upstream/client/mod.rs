//! A client of other registries: manifests, blobs, tags, referrers, and the tokens they want to see.
//!
//! A [`Remote`] speaks to one upstream. The credential goes to the upstream's own origin, or to a realm on the
//! administrator's list, and nowhere else: not after a redirect, not to the host a challenge names, not over http where
//! the upstream is https. Content is checked against its digest by whoever asked ([`Remote::manifest`] does it here).
//!
//! What it does not do: it keeps nothing but tokens, follows no policy about what may be cached, and never writes to an
//! upstream.

mod challenge;
mod content;
mod error;
mod link;
mod lists;
mod token;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, StatusCode};
use secrecy::SecretString;
use url::Url;

pub(crate) use self::content::{FoundManifest, ManifestHead};
pub(crate) use self::error::UpstreamError;
pub(crate) use self::lists::{cosign_tags, referrers_tag};
use self::token::Token;
use crate::clock::Clock;
use crate::error::chain;
use crate::outbound::{Answer, Outbound, basic, bearer, is_same_origin};

/// One upstream, and what is remembered about how it lets us in.
pub(crate) struct Remote {
    outbound: Outbound,
    clock: Clock,
    base: Url,
    credential: Option<(String, SecretString)>,
    /// Other origins that may see the credential.
    realms: Vec<Url>,
    /// How each repository is opened.
    known: Mutex<HashMap<String, Way>>,
    last: Mutex<Option<LastAnswer>>,
}

/// How an upstream answered last.
#[derive(Clone, Debug)]
pub(crate) struct LastAnswer {
    pub(crate) at: Timestamp,
    /// What was wrong, for administrators; `None` if nothing was.
    pub(crate) problem: Option<String>,
}

/// How a repository lets us in.
#[derive(Clone)]
enum Way {
    /// With the credential itself.
    Basic,
    /// With a token.
    Token(Token),
}

impl Remote {
    /// Makes a client. `base` has no path; see [`super::address`].
    pub(crate) fn new(
        outbound: Outbound,
        clock: Clock,
        base: Url,
        credential: Option<(String, SecretString)>,
        realms: Vec<Url>,
    ) -> Self {
        Self {
            outbound,
            clock,
            base,
            credential,
            realms,
            known: Mutex::new(HashMap::new()),
            last: Mutex::new(None),
        }
    }

    /// Returns the upstream's host, for words to people.
    pub(crate) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Returns how the upstream answered last, `None` before it was asked.
    pub(crate) fn last_answer(&self) -> Option<LastAnswer> {
        let last = self.last.lock().expect("nobody panics while holding it");
        last.clone()
    }

    /// Asks for something of a repository, and remembers how that went.
    async fn ask(
        &self,
        repository: &str,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        timeout: Option<Duration>,
    ) -> Result<Answer, UpstreamError> {
        let answer = self
            .be_let_in(repository, method, url, headers, timeout)
            .await;
        let problem = match &answer {
            Ok(answer) => {
                let status = answer.status();
                let is_refusal =
                    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                is_refusal.then(|| format!("{} answered {status}", answer.host()))
            }
            Err(error) => Some(chain(error)),
        };
        let at = self.clock.now();
        *self.last.lock().expect("nobody panics while holding it") =
            Some(LastAnswer { at, problem });
        answer
    }

    /// Asks for something of a repository; a `401` is answered once.
    async fn be_let_in(
        &self,
        repository: &str,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        timeout: Option<Duration>,
    ) -> Result<Answer, UpstreamError> {
        let way = self.way(repository);
        let answer = self
            .send(method, url, headers, timeout, way.as_ref())
            .await?;
        if answer.status() != 401 {
            return Ok(answer);
        }
        // The challenge of another host, reached by a redirect, is not the upstream's.
        if !is_same_origin(answer.url(), &self.base) {
            return Err(UpstreamError::Denied(self.host().to_owned()));
        }
        let way = self.answer_challenge(repository, answer.headers()).await?;
        self.remember(repository, &way);
        let answer = self.send(method, url, headers, timeout, Some(&way)).await?;
        if answer.status() == 401 {
            self.forget(repository);
            return Err(UpstreamError::Denied(self.host().to_owned()));
        }
        Ok(answer)
    }

    async fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        timeout: Option<Duration>,
        way: Option<&Way>,
    ) -> Result<Answer, UpstreamError> {
        let mut request = Request::new(method.clone(), url.clone());
        request.headers_mut().clone_from(headers);
        if let Some(timeout) = timeout {
            *request.timeout_mut() = Some(timeout);
        }
        let authorization = match (way, &self.credential) {
            (Some(Way::Token(token)), _) => Some(bearer(&token.secret)),
            (Some(Way::Basic), Some((user, secret))) => Some(basic(user, secret)),
            _ => None,
        };
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization);
        }
        Ok(self.outbound.follow(request).await?)
    }

    fn way(&self, repository: &str) -> Option<Way> {
        let known = self.known.lock().expect("nobody panics while holding it");
        let now = self.clock.now();
        let way = known.get(repository)?;
        let is_over = matches!(way, Way::Token(token) if token.is_over(now));
        (!is_over).then(|| way.clone())
    }

    fn remember(&self, repository: &str, way: &Way) {
        /// Repositories come from requests: their number is not ours.
        const MAX_KNOWN: usize = 1_000;
        let mut known = self.known.lock().expect("nobody panics while holding it");
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(repository.to_owned(), way.clone());
    }

    fn forget(&self, repository: &str) {
        let mut known = self.known.lock().expect("nobody panics while holding it");
        known.remove(repository);
    }

    /// Returns an address below `/v2/`. Repository names hold nothing that would have to be escaped.
    fn address(&self, repository: &str, rest: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{repository}/{rest}"));
        url
    }

    /// Sorts an answer that is not the content asked for.
    fn refused(answer: &Answer) -> UpstreamError {
        let host = answer.host().to_owned();
        match answer.status().as_u16() {
            404 | 410 => UpstreamError::NotFound(host),
            401 | 403 => UpstreamError::Denied(host),
            429 => UpstreamError::Limited {
                host,
                retry_after: answer
                    .header(RETRY_AFTER)
                    .and_then(|seconds| seconds.trim().parse().ok()),
            },
            408 => UpstreamError::Unavailable { host, status: 408 },
            status if status >= 500 => UpstreamError::Unavailable { host, status },
            status => UpstreamError::Untrue {
                host,
                what: format!("status {status}"),
            },
        }
    }

    fn untrue(&self, what: impl Into<String>) -> UpstreamError {
        UpstreamError::Untrue {
            host: self.host().to_owned(),
            what: what.into(),
        }
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({})", self.host())
    }
}

fn header(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}
