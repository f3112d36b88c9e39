//! Refusals that come while the client still writes.

use std::io;

use tokio::time::{Instant, sleep, timeout};

use super::*;

/// A line of the refusal at `/full`; a thousand of them are longer than one packet.
pub(super) const WHY: &str = "the storage is full\n";

/// Much more than the buffers of both sides hold.
const LARGE: usize = 16 << 20;
static SLICE: [u8; 64 << 10] = [b'x'; 64 << 10];

/// Reads one answer, by its length, and returns it with its head.
async fn answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await.expect("no reset");
        read.extend(&bytes[..count]);
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.unwrap().parse::<usize>().unwrap() {
                return text.into_owned();
            }
        }
        assert!(count > 0, "it ends in the middle: {text}");
    }
}

#[track_caller]
fn assert_refused(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 507"), "{answer:.100}");
    assert!(answer.ends_with(&WHY.repeat(1_000)), "{answer:.100}");
}

#[tokio::test]
async fn whoever_writes_on_reads_the_whole_refusal_and_may_ask_again() {
    let (address, stop) = server().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /full HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..LARGE / SLICE.len() {
        sleep(Duration::from_micros(500)).await;
        stream.write_all(&SLICE).await.expect("no broken pipe");
    }
    assert_refused(&answer(&mut stream).await);
    let again = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(again).await.unwrap();
    assert!(answer(&mut stream).await.ends_with("\r\n\r\nhere"));
    stop.cancel();
}

#[tokio::test]
async fn whoever_writes_for_ever_reads_the_refusal_and_is_cut_off() {
    let (address, stop) = server().await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let head = b"POST /full HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    writer.write_all(head).await.unwrap();
    let begun = Instant::now();
    let writing = tokio::spawn(async move {
        let chunk = [format!("{:x}\r\n", SLICE.len()).as_bytes(), &SLICE, b"\r\n"].concat();
        while writer.write_all(&chunk).await.is_ok() {
            tokio::task::yield_now().await;
        }
        writer
    });
    let mut read = Vec::new();
    let mut lines = tokio::io::BufReader::new(reader).take(WHY.len() as u64 * 1_000);
    lines.read_to_end(&mut read).await.unwrap();
    assert!(read.starts_with(b"HTTP/1.1 507"));
    let limit = Duration::from_secs(20);
    drop(
        timeout(limit, writing)
            .await
            .expect("it is cut off")
            .unwrap(),
    );
    assert!(begun.elapsed() >= 3 * SHORT, "{:?}", begun.elapsed());
    assert!(is_served(address).await);
    stop.cancel();
}

#[tokio::test]
async fn whoever_stops_writing_reads_the_refusal_and_an_end() {
    let (address, stop) = server().await;
    for (expect, sent) in [("", 100_000), ("expect: 100-continue\r\n", 0)] {
        let head =
            format!("POST /full HTTP/1.1\r\nhost: x\r\n{expect}content-length: {LARGE}\r\n\r\n");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; sent]).await.unwrap();
        // Nobody is told to go on with what is refused.
        assert_refused(&answer(&mut stream).await);
        let begun = Instant::now();
        let mut rest = Vec::new();
        let end: io::Result<usize> = stream.read_to_end(&mut rest).await;
        assert_eq!(end.expect("an end in order"), 0);
        // Who waits to be asked is not waited for.
        assert!(sent > 0 || begun.elapsed() < SHORT, "{:?}", begun.elapsed());
    }
    assert!(is_served(address).await);
    stop.cancel();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_whoever_is_refused() {
    let (address, stop) = server().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /full HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\nx");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_refused(&answer(&mut stream).await);
    stop.cancel();
    let begun = Instant::now();
    let mut rest = Vec::new();
    stream
        .read_to_end(&mut rest)
        .await
        .expect("an end in order");
    assert!(begun.elapsed() < SHORT, "{:?}", begun.elapsed());
}
