//! Request bodies that nobody reads to their end.
//!
//! A refusal often comes before the body it is about has ended: no right, no room, too large. Over HTTP/1 the client is
//! still writing then, and a connection that closes under its hands is a reset: the answer is lost, and a broken pipe is
//! all it tells its user. So what is left of a body is read and thrown away for a time, while the answer travels
//! ("lingering").
//!
//! Not for HTTP/2, where a stream ends without its connection, and not for a client that waits for `100 Continue`: it
//! sends nothing it was not asked for. What it costs is bounded in time and in number, and ends when the server stops.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Bodies that are read to be thrown away at once. More are cut off at once: whoever floods with bodies learns no reason.
const MOST: usize = 256;

/// How long a body that nobody wants is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// While nothing comes.
    pub(super) pause: Duration,
    /// In all. Who sends for longer has long had the answer.
    pub(super) whole: Duration,
}

/// The bodies of one listener that are read to be thrown away.
#[derive(Clone, Debug)]
pub(super) struct Drains {
    limits: Limits,
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Drains {
    pub(super) fn new(limits: Limits, stop: CancellationToken) -> Self {
        Self {
            limits,
            places: Arc::new(Semaphore::new(MOST)),
            stop,
        }
    }

    /// Reads the rest of a body in the background, if there is a place for it.
    fn drain(&self, body: impl Body<Data = Bytes> + Send + Unpin + 'static) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return;
        };
        // Without a runtime nothing moves that could send more.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (limits, stop) = (self.limits, self.stop.clone());
        runtime.spawn(async move {
            stop.run_until_cancelled(discard(body, limits)).await;
            drop(place);
        });
    }
}

/// Reads until the end, an error or a limit. Each part is dropped before the next is asked for.
async fn discard(mut body: impl Body<Data = Bytes> + Unpin, limits: Limits) {
    let end = Instant::now() + limits.whole;
    loop {
        let until = end.min(Instant::now() + limits.pause);
        let frame = timeout_at(until, body.frame()).await;
        let goes_on = matches!(frame, Ok(Some(Ok(_)))) && Instant::now() < end;
        if !goes_on {
            return;
        }
    }
}

/// A body whose rest is read and thrown away when nobody wants it any more.
#[derive(Debug)]
pub(super) struct Lingering<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    /// Nothing once the end or an error was seen.
    inner: Option<B>,
    /// Whether the client sends only after it was asked, and nobody did.
    is_awaited: bool,
    /// Nowhere for what needs none.
    drains: Option<Drains>,
}

impl<B> Lingering<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    /// `expects` tells that the client waits for `100 Continue`; without `drains` the rest is nobody's.
    pub(super) fn new(inner: B, expects: bool, drains: Option<Drains>) -> Self {
        Self {
            inner: Some(inner),
            is_awaited: expects,
            drains,
        }
    }
}

impl<B> Body for Lingering<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.is_awaited = false;
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(inner).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.inner = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let ended = || SizeHint::with_exact(0);
        self.inner.as_ref().map_or_else(ended, Body::size_hint)
    }
}

impl<B> Drop for Lingering<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else {
            return;
        };
        if self.is_awaited || inner.is_end_stream() {
            return;
        }
        if let Some(drains) = &self.drains {
            drains.drain(inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::{Stream, StreamExt as _, stream};
    use http_body_util::StreamBody;
    use tokio::time::{sleep, timeout};

    use super::*;

    const NEVER: Duration = Duration::from_mins(10);
    const SHORT: Duration = Duration::from_millis(50);

    /// Limits that no test reaches.
    const WIDE: Limits = Limits {
        pause: NEVER,
        whole: NEVER,
    };

    /// A part of a body, counted while it is held.
    struct Part {
        alive: Arc<AtomicUsize>,
    }

    impl Drop for Part {
        fn drop(&mut self) {
            self.alive.fetch_sub(1, Ordering::Relaxed);
        }
    }

    impl AsRef<[u8]> for Part {
        fn as_ref(&self) -> &[u8] {
            b"part"
        }
    }

    /// What was read of a body, and whether it was let go.
    #[derive(Clone, Debug, Default)]
    struct Seen {
        parts: Arc<AtomicUsize>,
        alive: Arc<AtomicUsize>,
        most_alive: Arc<AtomicUsize>,
        life: Arc<()>,
    }

    impl Seen {
        fn parts(&self) -> usize {
            self.parts.load(Ordering::Relaxed)
        }

        fn is_let_go(&self) -> bool {
            Arc::strong_count(&self.life) == 1
        }

        async fn let_go(&self) {
            let wait = async {
                while !self.is_let_go() {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            let patience = Duration::from_secs(20);
            timeout(patience, wait).await.expect("a body is let go");
        }

        fn part(&self) -> Bytes {
            let alive = self.alive.fetch_add(1, Ordering::Relaxed) + 1;
            self.parts.fetch_add(1, Ordering::Relaxed);
            self.most_alive.fetch_max(alive, Ordering::Relaxed);
            Bytes::from_owner(Part {
                alive: self.alive.clone(),
            })
        }

        /// Makes a body of so many parts with a pause before each.
        fn body(
            &self,
            count: usize,
            pause: Duration,
        ) -> StreamBody<impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Unpin + use<>>
        {
            let seen = self.clone();
            StreamBody::new(Box::pin(stream::iter(0..count).then(move |_| {
                let seen = seen.clone();
                async move {
                    sleep(pause).await;
                    Ok(Frame::data(seen.part()))
                }
            })))
        }
    }

    fn drains(limits: Limits) -> Drains {
        Drains::new(limits, CancellationToken::new())
    }

    #[tokio::test]
    async fn the_rest_of_a_body_is_read_to_its_end_part_by_part() {
        let seen = Seen::default();
        let body = seen.body(100, Duration::from_millis(1));
        let mut body = Lingering::new(body, false, Some(drains(WIDE)));
        body.frame().await.unwrap().unwrap();
        drop(body);
        assert!(!seen.is_let_go());
        seen.let_go().await;
        assert_eq!(seen.parts(), 100);
        // However much comes, it is never held.
        assert_eq!(seen.most_alive.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_body_that_pauses_or_never_ends_is_let_go() {
        let pausing = Limits {
            pause: SHORT,
            whole: NEVER,
        };
        let endless = Limits {
            pause: NEVER,
            whole: SHORT,
        };
        for (limits, pause) in [(pausing, NEVER), (endless, Duration::from_millis(1))] {
            let seen = Seen::default();
            let begun = Instant::now();
            let body = seen.body(1_000_000, pause);
            drop(Lingering::new(body, false, Some(drains(limits))));
            seen.let_go().await;
            assert!(begun.elapsed() >= SHORT, "{limits:?}");
        }
    }

    #[tokio::test]
    async fn only_whoever_still_sends_is_read() {
        // A client that waits for `100 Continue`, until somebody asks for its body; HTTP/2; a body that was read.
        for (expects, has_drains, reads, goes_on) in [
            (true, true, 0, false),
            (true, true, 1, true),
            (false, true, 0, true),
            (false, false, 0, false),
            (false, true, 4, false),
        ] {
            let seen = Seen::default();
            let body = seen.body(3, Duration::ZERO);
            let drains = has_drains.then(|| drains(WIDE));
            let mut body = Lingering::new(body, expects, drains);
            for _ in 0..reads {
                body.frame().await.transpose().unwrap();
            }
            drop(body);
            let case = format!("{expects} {has_drains} {reads}");
            assert_eq!(!seen.is_let_go(), goes_on, "{case}");
            seen.let_go().await;
            assert_eq!(
                seen.parts(),
                if goes_on { 3 } else { reads.min(3) },
                "{case}"
            );
        }
    }

    #[tokio::test]
    async fn a_stop_waits_for_no_unwanted_body() {
        let (seen, drains) = (Seen::default(), drains(WIDE));
        drop(Lingering::new(
            seen.body(1, NEVER),
            false,
            Some(drains.clone()),
        ));
        assert!(!seen.is_let_go());
        drains.stop.cancel();
        seen.let_go().await;
    }

    #[tokio::test]
    async fn one_body_too_many_is_cut_off_and_places_come_back() {
        let (seen, drains) = (Seen::default(), drains(WIDE));
        let unwanted = |seen: &Seen| {
            let body = seen.body(3, Duration::from_millis(1));
            drop(Lingering::new(body, false, Some(drains.clone())));
        };
        for _ in 0..MOST {
            unwanted(&seen);
        }
        let more = Seen::default();
        unwanted(&more);
        assert!(more.is_let_go());
        seen.let_go().await;
        while drains.places.available_permits() < MOST {
            tokio::task::yield_now().await;
        }
        unwanted(&more);
        assert!(!more.is_let_go());
    }
}
