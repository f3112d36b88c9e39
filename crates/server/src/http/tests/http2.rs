//! Floods over HTTP/2, frame by frame: no client would send them.

use std::iter;

use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames.
///
/// # Source
///
/// RFC 9113, section 6.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const REFUSED_STREAM: u8 = 7;
const CANCEL: u8 = 8;
const ENHANCE_YOUR_CALM: u8 = 11;

/// `GET / http`, packed.
const GET: [u8; 3] = [0x82, 0x84, 0x86];
/// The status 431 as it is packed.
const TOO_LARGE: [u8; 5] = [0x48, 0x83, 0x69, 0x90, 0xff];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Packs a header that is not to be remembered.
fn header(name: &str, value: &str) -> Vec<u8> {
    let mut packed = vec![0, u8::try_from(name.len()).unwrap()];
    packed.extend(name.as_bytes());
    let rest = value.len().checked_sub(127).expect("a long value");
    packed.push(127);
    let mut rest = rest;
    while rest >= 128 {
        packed.push(u8::try_from(rest % 128 + 128).unwrap());
        rest /= 128;
    }
    packed.push(u8::try_from(rest).unwrap());
    packed.extend(value.as_bytes());
    packed
}

/// A request that is complete with its head.
fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &GET)
}

async fn connect(address: SocketAddr) -> (OwnedReadHalf, OwnedWriteHalf) {
    let (reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    writer.write_all(PREFACE).await.unwrap();
    let settings = frame(SETTINGS, 0, 0, &[]);
    writer.write_all(&settings).await.unwrap();
    (reader, writer)
}

/// Reads until a frame that answers a request or ends the connection. Nothing stands for a connection that was closed:
/// what was not read makes some systems drop the last words.
async fn verdict(reader: &mut OwnedReadHalf) -> Option<(u8, Vec<u8>)> {
    loop {
        let mut head = [0; 9];
        reader.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        reader.read_exact(&mut payload).await.ok()?;
        if [HEADERS, RST_STREAM, GOAWAY].contains(&head[3]) {
            return Some((head[3], payload));
        }
    }
}

/// Sends all there is until the connection ends, asks as somebody else meanwhile, and returns the verdict.
async fn flood(
    address: SocketAddr,
    frames: impl Iterator<Item = Vec<u8>> + Send + 'static,
) -> Option<(u8, Vec<u8>)> {
    let (mut reader, mut writer) = connect(address).await;
    let writing = tokio::spawn(async move {
        for frame in frames {
            if writer.write_all(&frame).await.is_err() {
                break;
            }
        }
        writer
    });
    assert!(is_served(address).await);
    let verdict = timeout(Duration::from_secs(20), verdict(&mut reader)).await;
    assert!(is_served(address).await);
    writing.abort();
    verdict.expect("a verdict")
}

#[tokio::test]
async fn a_request_over_http2_is_served() {
    let (address, stop) = server().await;
    let (kind, payload) = flood(address, iter::once(request(1))).await.unwrap();
    assert_eq!((kind, payload[0]), (HEADERS, 0x88), "status 200");
    stop.cancel();
}

#[tokio::test]
async fn headers_that_never_end_over_http2_end_the_connection() {
    let (address, stop) = server().await;
    let begin = || iter::once(frame(HEADERS, END_STREAM, 1, &GET));
    let large = frame(CONTINUATION, 0, 1, &header("x", &"x".repeat(16_000)));
    let empty = frame(CONTINUATION, 0, 1, &[]);
    for more in [large, empty] {
        // Bounded only so that a server without a limit fails here instead of for ever.
        let verdict = flood(address, begin().chain(iter::repeat_n(more, 1_000_000))).await;
        if let Some((kind, payload)) = verdict {
            assert_eq!((kind, payload[7]), (GOAWAY, ENHANCE_YOUR_CALM));
        }
    }
    stop.cancel();
}

#[tokio::test]
async fn a_large_list_of_headers_over_http2_is_refused() {
    let (address, stop) = server().await;
    let all = |headers: Vec<u8>| {
        let mut frames = vec![frame(HEADERS, END_STREAM, 1, &GET)];
        frames.extend(
            headers
                .chunks(16_000)
                .map(|part| frame(CONTINUATION, 0, 1, part)),
        );
        frames.push(frame(CONTINUATION, END_HEADERS, 1, &[]));
        frames.into_iter()
    };
    let some = header("x", &"x".repeat(10_000));
    let fits = usize::try_from(H2_MAX_HEADERS).unwrap() / 10_000 - 1;
    let (kind, payload) = flood(address, all(some.repeat(fits))).await.unwrap();
    assert_eq!((kind, payload[0]), (HEADERS, 0x88), "status 200");
    let (kind, payload) = flood(address, all(some.repeat(fits + 2))).await.unwrap();
    assert_eq!(
        (kind, &payload[..5]),
        (HEADERS, &TOO_LARGE[..]),
        "status 431"
    );

    // A header of four thousand bytes that is remembered, then named again by one byte each: sixty megabytes in one frame.
    let mut bomb = header("x", &"x".repeat(4_000));
    bomb[0] = 0x40;
    bomb.extend([0xbe; 12_000]);
    let verdict = flood(address, all(bomb)).await;
    if let Some((kind, payload)) = verdict {
        let is_refused = kind == HEADERS && payload.starts_with(&TOO_LARGE);
        let is_ended = kind == GOAWAY && payload[7] == ENHANCE_YOUR_CALM;
        assert!(is_refused || is_ended, "{kind} {payload:?}");
    }
    stop.cancel();
}

#[tokio::test]
async fn requests_that_are_given_up_at_once_end_the_connection() {
    let (address, stop) = server().await;
    let cancel = [0, 0, 0, CANCEL];
    let pairs = (0..1_000).map(move |burst: u32| {
        let streams = (burst * 100..).map(|number| 2 * number + 1).take(100);
        streams
            .flat_map(|stream| [request(stream), frame(RST_STREAM, 0, stream, &cancel)].concat())
            .collect()
    });
    let (mut reader, mut writer) = connect(address).await;
    let writing = async {
        for burst in pairs {
            let burst: Vec<u8> = burst;
            if writer.write_all(&burst).await.is_err() {
                return true;
            }
            if burst.len() > 1 && !is_served(address).await {
                return false;
            }
        }
        false
    };
    assert!(writing.await, "a hundred thousand requests were taken");
    while let Some((kind, payload)) = verdict(&mut reader).await {
        if kind == GOAWAY {
            assert_eq!(payload[7], ENHANCE_YOUR_CALM);
        }
    }
    assert!(is_served(address).await);
    stop.cancel();
}

#[tokio::test]
async fn one_request_too_many_at_once_is_refused() {
    let (address, stop) = server().await;
    // Their bodies never come, so they stay under way until the pause is too long.
    let head = [&[0x83, 0x86, 0x04, 5][..], b"/read"].concat();
    let open = move |number: u32| frame(HEADERS, END_HEADERS, 2 * number + 1, &head);
    let (kind, payload) = flood(address, (0..=H2_MAX_STREAMS).map(open))
        .await
        .unwrap();
    assert_eq!(
        (kind, payload.as_slice()),
        (RST_STREAM, &[0, 0, 0, REFUSED_STREAM][..])
    );
    stop.cancel();
}

#[tokio::test]
async fn a_connection_over_http2_that_asks_for_nothing_is_closed() {
    let (address, stop) = server().await;
    for begin in [&PREFACE[..5], PREFACE] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begin).await.unwrap();
        let mut rest = Vec::new();
        let end = timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        drop(end.expect("it is closed"));
    }
    assert!(is_served(address).await);
    stop.cancel();
}
