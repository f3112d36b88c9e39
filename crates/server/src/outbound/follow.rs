//! Redirects, one checked hop at a time.

use reqwest::header::{AUTHORIZATION, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use reqwest::{Method, Request};
use url::Url;

use super::answer::Answer;
use super::client::Outbound;
use super::error::OutboundError;

/// The longest chain of redirects.
const MAX_HOPS: usize = 5;

impl Outbound {
    /// Sends a `GET` or `HEAD` and follows redirects.
    ///
    /// Every hop is checked like the first. Credentials go to the origin they were meant for and are dropped for good
    /// at the first redirect that leaves it; https never becomes http.
    pub(crate) async fn follow(&self, mut request: Request) -> Result<Answer, OutboundError> {
        for _ in 0..=MAX_HOPS {
            let host = request.url().host_str().unwrap_or_default().to_owned();
            let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
            let mut next = Request::new(request.method().clone(), request.url().clone());
            next.headers_mut().clone_from(request.headers());
            *next.timeout_mut() = request.timeout().copied();
            let from = request.url().clone();

            let answer = self.send(request).await?;
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            if !is_read {
                return Err(OutboundError::RedirectedWrite(host));
            }
            let target = answer.header(LOCATION).and_then(|to| from.join(to).ok());
            let mut target = target.ok_or_else(|| OutboundError::BadRedirect(host.clone()))?;
            target.set_fragment(None);
            if from.scheme() == "https" && target.scheme() != "https" {
                return Err(OutboundError::Downgrade(host));
            }
            if !is_same_origin(&from, &target) {
                for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                    next.headers_mut().remove(name);
                }
            }
            *next.url_mut() = target;
            request = next;
        }
        let host = request.url().host_str().unwrap_or_default().to_owned();
        Err(OutboundError::TooManyRedirects(host))
    }
}

/// Whether two addresses have the same scheme, host and port.
pub(crate) fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}
