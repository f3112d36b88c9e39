//! The connection loop: accepting, timeouts against slow clients, graceful stop.
//!
//! `axum::serve` sets no header-read timeout, so slow headers could hold connections for ever; here each connection
//! gets one, and one that asks for nothing at all is closed. Bodies are watched while they come ([`idle`]) and read to
//! be thrown away when nobody wants them ([`lingering`]). How many are open at once is bounded ([`places`]). Stopping means: no new connections, running requests end, at
//! most [`DRAIN`] is waited.

mod idle;
mod lingering;
mod places;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api::address;
use idle::IdleLimited;
use lingering::{Drains, Lingering};
pub(crate) use places::Places;
use places::Seldom;

/// How long slow clients are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Until a request's headers are there, however they arrive.
    headers: Duration,
    /// While a body pauses.
    body_pause: Duration,
    /// While a body comes that nobody wants any more.
    unwanted: lingering::Limits,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(15),
            body_pause: Duration::from_mins(1),
            unwanted: lingering::Limits {
                pause: Duration::from_secs(5),
                whole: Duration::from_secs(30),
            },
        }
    }
}

/// Bytes of a request's head. Beyond it, and beyond a hundred headers, the answer is 431.
const MAX_HEAD: usize = 128 << 10;
/// Bytes of a request's headers over HTTP/2, unpacked. They are packed so well that a small frame may unpack to a large
/// list, so it is less than over HTTP/1: a long token and a page's cookies. Beyond it the answer is 431; beyond four times
/// as much, or in too many frames, the connection ends.
const H2_MAX_HEADERS: u32 = 64 << 10;
/// Requests at once over one HTTP/2 connection: the least that the standard recommends, and more than any client of a
/// registry has under way.
///
/// # Source
///
/// RFC 9113, section 6.5.2.
const H2_MAX_STREAMS: u32 = 100;
/// Requests over one HTTP/2 connection that were given up by the client before anybody looked at them. A browser that
/// leaves a page has a few; more in a burst is an attack ("rapid reset"), and the connection ends.
const H2_MAX_ABANDONED: usize = 20;
/// Streams of one HTTP/2 connection that were ended because of what they sent. A client in order has none.
const H2_MAX_BROKEN: usize = 64;
/// HTTP/2 flow-control windows; the defaults (64 KiB) throttle large blobs.
const H2_WINDOW: u32 = 4 << 20;
/// How long running requests may take to end after a stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until `stop` is cancelled, then drains.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    places: Places,
    stop: CancellationToken,
) {
    let builder = builder(patience);
    let drains = Drains::new(patience.unwanted, stop.clone());
    let graceful = GracefulShutdown::new();
    let mut door = places.open();
    let mut failures = Seldom::default();
    loop {
        let accepted = stop.run_until_cancelled(async {
            let place = door.place().await;
            (place, listener.accept().await)
        });
        let (place, stream, peer) = match accepted.await {
            None => break,
            Some((place, Ok((stream, peer)))) => (place, stream, peer),
            Some((_, Err(error))) => {
                pause_after(&error, &mut failures).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let has_asked = Arc::new(AtomicBool::new(false));
        let asks = has_asked.clone();
        let drains = drains.clone();
        let service = router
            .clone()
            .map_request(move |mut request: hyper::Request<Incoming>| {
                asks.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(ConnectInfo(peer));
                address::write_name_as_one_segment(request.uri_mut());
                with_watched_body(request, patience, &drains)
            });
        let connection = builder.serve_connection_with_upgrades(
            TokioIo::new(stream),
            TowerToHyperService::new(service),
        );
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            let _place = place;
            let ended = tokio::select! {
                ended = connection => ended,
                () = silence(&has_asked, patience.headers) => {
                    tracing::debug!(%peer, "connection asked for nothing");
                    return;
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

/// Returns how connections are served: both versions of HTTP under limits.
fn builder(patience: Patience) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(H2_MAX_HEADERS)
        .max_concurrent_streams(H2_MAX_STREAMS)
        .max_pending_accept_reset_streams(H2_MAX_ABANDONED)
        .max_local_error_reset_streams(H2_MAX_BROKEN)
        .initial_stream_window_size(H2_WINDOW)
        .initial_connection_window_size(H2_WINDOW)
        .keep_alive_interval(Duration::from_secs(30));
    builder
}

/// Bounds the pauses of a request's body, and has its rest read when nobody wants it.
fn with_watched_body(
    request: hyper::Request<Incoming>,
    patience: Patience,
    drains: &Drains,
) -> hyper::Request<Body> {
    let expects = request.headers().contains_key(header::EXPECT);
    let drains = (request.version() < Version::HTTP_2).then(|| drains.clone());
    request.map(|body| {
        let body = Lingering::new(body, expects, drains);
        Body::new(IdleLimited::new(body, patience.body_pause))
    })
}

/// Ends when a connection had its time and asked for nothing. Which HTTP it speaks is known by its first bytes, so before
/// them no timeout of either version runs.
async fn silence(has_asked: &AtomicBool, patience: Duration) {
    tokio::time::sleep(patience).await;
    if has_asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// A single bad connection is nobody's problem; running out of descriptors is, and must become neither a busy loop nor a
/// log of one line.
async fn pause_after(error: &io::Error, failures: &mut Seldom) {
    let is_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !is_connection {
        if let Some(unsaid) = failures.turn(Instant::now()) {
            tracing::error!(%error, unsaid, "cannot accept connections");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
