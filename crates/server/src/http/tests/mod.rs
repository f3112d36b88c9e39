//! The connection loop under hostile and slow clients, over sockets.

mod http2;
mod refusals;

use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

const SHORT: Duration = Duration::from_millis(300);
/// More than most tests need.
const PLACES: usize = 150;
const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";

async fn server() -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refuse = async || {
        (
            StatusCode::INSUFFICIENT_STORAGE,
            refusals::WHY.repeat(1_000),
        )
    };
    let router = Router::new()
        .route("/", get(async || "here"))
        .route("/read", post(async |body: String| body))
        .route("/full", post(refuse));
    let patience = Patience {
        headers: SHORT,
        body_pause: SHORT,
        unwanted: lingering::Limits {
            pause: SHORT,
            whole: 3 * SHORT,
        },
    };
    let stop = CancellationToken::new();
    let places = Places(PLACES);
    tokio::spawn(serve(listener, router, patience, places, stop.clone()));
    (address, stop)
}

#[tokio::test]
async fn who_comes_when_every_place_is_taken_waits_until_one_is_free() {
    let (address, stop) = server().await;
    let mut taken = Vec::new();
    for _ in 0..PLACES + 5 {
        taken.push(TcpStream::connect(address).await.unwrap());
    }
    // Those with a place ask for nothing, and lose it; those behind them do, too; then it is our turn.
    assert!(is_served(address).await);
    let begun = Instant::now();
    drop(taken);
    assert!(is_served(address).await);
    assert!(begun.elapsed() < 20 * SHORT);
    stop.cancel();
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
        // Some say nothing at all.
        let begin = &REQUEST[..number % REQUEST.len()];
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
