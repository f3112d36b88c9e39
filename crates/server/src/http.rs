//! The connection loop: accepting, timeouts against slow clients, graceful stop.
//!
//! `axum::serve` sets no header-read timeout, so slow headers could hold connections for ever; here each connection
//! gets one. Stopping means: no new connections, running requests end, at most [`DRAIN`] is waited.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api::address;
use crate::body::IdleLimited;

/// How long slow clients are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Until a request's headers are there, however they arrive.
    pub(crate) headers: Duration,
    /// While a body pauses.
    pub(crate) body_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(15),
            body_pause: Duration::from_mins(1),
        }
    }
}

/// Bytes of a request's head. Beyond it, and beyond a hundred headers, the answer is 431.
const MAX_HEAD: usize = 512 << 10;
/// How long running requests may take to end after a stop.
const DRAIN: Duration = Duration::from_secs(30);
/// HTTP/2 flow-control windows; the defaults (64 KiB) throttle large blobs.
const H2_WINDOW: u32 = 4 << 20;

/// Serves until `stop` is cancelled, then drains.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    stop: CancellationToken,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers)
        .max_buf_size(MAX_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(H2_WINDOW)
        .initial_connection_window_size(H2_WINDOW)
        .keep_alive_interval(Duration::from_secs(30));
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(connection) => connection,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let service = router.clone().map_request(
            move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                address::write_name_as_one_segment(request.uri_mut());
                request.map(|body| Body::new(IdleLimited::new(body, patience.body_pause)))
            },
        );
        let connection = builder.serve_connection_with_upgrades(
            TokioIo::new(stream),
            TowerToHyperService::new(service),
        );
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
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

/// A single bad connection is nobody's problem; running out of descriptors is, and must not become a busy loop.
async fn pause_after(error: &io::Error) {
    let is_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !is_connection {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);
    const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";

    async fn server() -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here"));
        let patience = Patience {
            headers: SHORT,
            body_pause: SHORT,
        };
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, router, patience, stop.clone()));
        (address, stop)
    }

    /// Sends a head and returns all of the answer; a server that has heard enough may close before the end.
    async fn ask(address: SocketAddr, head: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let mut answer = Vec::new();
        let send = async { writer.write_all(head.as_bytes()).await };
        let read = reader.read_to_end(&mut answer);
        drop(tokio::join!(send, read));
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn is_served(address: SocketAddr) -> bool {
        let answer = ask(address, &format!("{REQUEST}\r\n")).await;
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("here")
    }

    #[tokio::test]
    async fn a_flood_of_headers_is_refused_and_others_are_served() {
        let (address, stop) = server().await;
        let many = "x-flood: 1\r\n".repeat(100_000);
        let long = format!("x-flood: {}\r\n", "1".repeat(MAX_HEAD));
        let target = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000));
        for (head, status) in [
            (format!("{REQUEST}{many}\r\n"), "431"),
            (format!("{REQUEST}{long}\r\n"), "431"),
            (target, "414"),
        ] {
            let answer = ask(address, &head).await;
            // What was not read makes some systems drop the answer; a head that is taken is none of them.
            let is_refused = answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}"));
            assert!(is_refused, "{answer}");
            assert!(is_served(address).await);
        }
        stop.cancel();
    }

    #[tokio::test]
    async fn headers_that_never_end_hold_nobody_up_and_are_given_up() {
        let (address, stop) = server().await;
        let mut slow = Vec::new();
        for number in 0..100 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let begin = &REQUEST[..=number % REQUEST.len()];
            stream.write_all(begin.as_bytes()).await.unwrap();
            slow.push(stream);
        }
        assert!(is_served(address).await);
        // One more drips for as long as it may: what counts is the whole head, not the pause.
        let mut dripping = TcpStream::connect(address).await.unwrap();
        dripping.write_all(REQUEST.as_bytes()).await.unwrap();
        let mut drops = tokio::time::interval(SHORT / 10);
        let mut dripped = 0;
        while dripping.write_all(b"x: 1\r\n").await.is_ok() {
            drops.tick().await;
            dripped += 1;
            assert!(dripped < 1_000, "a head may take for ever");
        }
        for mut stream in slow {
            let mut answer = Vec::new();
            // Closed, with or without a word; it does not go on.
            drop(stream.read_to_end(&mut answer).await);
            assert!(!answer.starts_with(b"HTTP/1.1 200"));
        }
        assert!(is_served(address).await);
        stop.cancel();
    }
}
