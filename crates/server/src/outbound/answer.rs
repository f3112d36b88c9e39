//! An answer whose body is read under a cap.

use bytes::{Bytes, BytesMut};
use futures::{Stream, TryStreamExt as _};
use reqwest::header::{AsHeaderName, HeaderMap};
use reqwest::{Response, StatusCode};
use url::Url;

use super::error::OutboundError;

/// What the other side answered. The body is still to come.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response,
    host: String,
}

impl Answer {
    pub(super) fn new(response: Response, host: String) -> Self {
        Self { response, host }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns a header that is plain text.
    pub(crate) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// Returns the address that answered: after redirects, the last.
    pub(crate) fn url(&self) -> &Url {
        self.response.url()
    }

    /// Returns the host that answered, for words to people.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Reads the whole body into memory.
    ///
    /// # Errors
    /// [`OutboundError::TooLarge`] above `limit_bytes`, before more than that is held.
    pub(crate) async fn bytes(self, limit_bytes: u64) -> Result<Bytes, OutboundError> {
        let mut body = BytesMut::new();
        let mut chunks = std::pin::pin!(self.stream(limit_bytes));
        while let Some(chunk) = chunks.try_next().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Hands the body on in chunks, and breaks off with an error above `limit_bytes`.
    pub(crate) fn stream(
        self,
        limit_bytes: u64,
    ) -> impl Stream<Item = Result<Bytes, OutboundError>> + Send {
        let Self { response, host } = self;
        let too_large = OutboundError::TooLarge {
            host: host.clone(),
            limit_bytes,
        };
        let is_declared_too_large = response
            .content_length()
            .is_some_and(|declared| declared > limit_bytes);
        let first = if is_declared_too_large {
            Err(too_large)
        } else {
            Ok(response)
        };
        futures::stream::try_unfold(
            (Some(first), host, 0_u64),
            move |(state, host, received)| async move {
                let Some(state) = state else { return Ok(None) };
                let mut response = state?;
                let chunk = response.chunk().await;
                let Some(chunk) = chunk.map_err(|error| OutboundError::of(error, &host))? else {
                    return Ok(None);
                };
                let received = received + chunk.len() as u64;
                if received > limit_bytes {
                    return Err(OutboundError::TooLarge { host, limit_bytes });
                }
                Ok(Some((chunk, (Some(Ok(response)), host, received))))
            },
        )
    }
}
