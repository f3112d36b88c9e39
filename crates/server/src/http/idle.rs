//! Request bodies that arrive too slowly.
//!
//! A client that sends a byte a minute would hold an upload, a worker's slot and a connection for ever. A body that
//! brings nothing for a while is an error like a connection that broke: what arrived is kept where keeping is useful.
//! There is no limit on a body's whole time, because large layers over thin lines are honest work.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// Why a body ended before its end.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The client sent nothing for too long.
#[derive(Debug, thiserror::Error)]
#[error("the client sent nothing for {} seconds", .0.as_secs())]
pub(super) struct Idle(Duration);

/// A body whose every pause is bounded.
#[derive(Debug)]
pub(super) struct IdleLimited<B> {
    inner: B,
    limit: Duration,
    pause: Pin<Box<Sleep>>,
}

impl<B> IdleLimited<B> {
    pub(super) fn new(inner: B, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            pause: Box::pin(sleep(limit)),
        }
    }
}

impl<B> Body for IdleLimited<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            let next = Instant::now() + self.limit;
            self.pause.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.pause.as_mut().poll(context));
        Poll::Ready(Some(Err(Idle(self.limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    type Frames = Vec<Result<Frame<Bytes>, std::io::Error>>;

    fn frames(texts: &[&'static str]) -> Frames {
        let frame = |text: &&'static str| Ok(Frame::data(Bytes::from_static(text.as_bytes())));
        texts.iter().map(frame).collect()
    }

    #[tokio::test]
    async fn a_body_that_stops_is_an_error_after_what_it_brought() {
        let stalled = stream::iter(frames(&["one", "two"])).chain(stream::pending());
        let mut body = IdleLimited::new(StreamBody::new(stalled), Duration::from_millis(20));
        let mut brought = Vec::new();
        let error = loop {
            match body.frame().await.unwrap() {
                Ok(frame) => brought.extend(frame.into_data().unwrap()),
                Err(error) => break error,
            }
        };
        assert_eq!(brought, b"onetwo");
        assert!(error.is::<Idle>(), "{error}");
    }

    #[tokio::test]
    async fn a_slow_body_that_keeps_coming_is_taken_whole() {
        let slow = stream::iter(frames(&["a"; 6])).then(async |frame| {
            sleep(Duration::from_millis(20)).await;
            frame
        });
        let body = IdleLimited::new(StreamBody::new(Box::pin(slow)), Duration::from_millis(80));
        // In all it takes longer than one pause may.
        assert_eq!(body.collect().await.unwrap().to_bytes(), "aaaaaa");
    }
}
