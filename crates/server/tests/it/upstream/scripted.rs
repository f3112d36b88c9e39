//! An upstream that does what a test tells it, and remembers every request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Everything, in lower case.
    pub(crate) head: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start))
    }
}

/// What is sent back: raw bytes, so that it can be wrong in every way.
pub(crate) type Script = dyn Fn(&Seen) -> Vec<u8> + Send + Sync;

/// A server of its own port.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    pub(crate) async fn new(script: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let (log, play) = (seen.clone(), script.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, log.clone(), play.clone()));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// Counts the requests whose path contains a text.
    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        let seen = self.seen();
        let hits = seen
            .iter()
            .filter(|seen| seen.method == method && seen.path.contains(part));
        hits.count()
    }
}

async fn answer(mut stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, script: Arc<Script>) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => head.extend_from_slice(&buffer[..n]),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut first = text.split(' ');
    let seen = Seen {
        method: first.next().unwrap_or_default().to_owned(),
        path: first.next().unwrap_or_default().to_owned(),
        head: text.to_ascii_lowercase(),
    };
    log.lock().expect("no panic").push(seen.clone());
    let sent = script(&seen);
    let body = if seen.method == "HEAD" {
        let end = sent.windows(4).position(|end| end == b"\r\n\r\n");
        end.map_or(&sent[..], |end| &sent[..end + 4])
    } else {
        &sent
    };
    // The other side may have had enough.
    let _ = stream.write_all(body).await;
    let _ = stream.shutdown().await;
}

/// A whole answer.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        text.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A manifest's answer.
pub(crate) fn manifest(bytes: &[u8]) -> Vec<u8> {
    let digest = oci::Digest::sha256(bytes).to_string();
    let headers = [
        ("content-type", crate::world::IMAGE),
        ("docker-content-digest", digest.as_str()),
    ];
    reply(200, &headers, bytes)
}
