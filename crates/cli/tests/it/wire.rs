//! HTTP by hand: one request, one connection, and full control over when bytes leave.
//!
//! Every request has a connection of its own; an answer ends where it says, or with the connection. Real clients are in
//! [`crate::tools`]; this one is for what they never do: half a body, a wrong digest, a page without a browser.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::testkit::TestImage;
use oci::{Digest, media_type};

use crate::serve::Server;

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request to be sent.
pub(crate) struct Request {
    host: String,
    head: String,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(host: &str, method: &str, path: &str) -> Self {
        Self {
            host: host.to_owned(),
            head: format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"),
            body: Vec::new(),
        }
    }

    pub(crate) fn by(self, user: &str, password: &str) -> Self {
        let credential = STANDARD.encode(format!("{user}:{password}"));
        self.header("Authorization", &format!("Basic {credential}"))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends everything and reads the answer.
    #[track_caller]
    pub(crate) fn send(self) -> Answer {
        let length = self.body.len();
        let body = self.body.clone();
        self.begin(length, &body).finish()
    }

    /// Sends everything to a server that may die meanwhile; `None` when no whole answer came.
    pub(crate) fn attempt(self) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.host).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        let head = format!("{}Content-Length: {}\r\n\r\n", self.head, self.body.len());
        stream.write_all(head.as_bytes()).ok()?;
        // A server may answer and close before it has read everything; the answer then says why.
        let _ = stream.write_all(&self.body);
        let bytes = Exchange { stream }.rest();
        let head_ends = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..head_ends]).to_ascii_lowercase();
        let is_whole = !head.contains("content-length:") || Answer::is_whole(&bytes);
        is_whole.then(|| Answer::read(&bytes))
    }

    /// Sends the head, which promises `length` bytes, and the first bytes of the body.
    #[track_caller]
    pub(crate) fn begin(self, length: usize, first: &[u8]) -> Exchange {
        let mut stream = TcpStream::connect(&self.host).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        stream.set_write_timeout(Some(PATIENCE)).expect("a limit");
        let head = format!("{}Content-Length: {length}\r\n\r\n", self.head);
        stream.write_all(head.as_bytes()).expect("the head is sent");
        // A server may answer and close before it has read everything; the answer then says why.
        let _ = stream.write_all(first);
        Exchange { stream }
    }
}

/// A request under way.
pub(crate) struct Exchange {
    stream: TcpStream,
}

impl Exchange {
    /// Reads the first bytes of the answer and leaves the rest with the server.
    #[track_caller]
    pub(crate) fn read_some(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("an answer");
        bytes
    }

    /// Ends the body without having sent all of it, and reads what the server says to that.
    #[track_caller]
    pub(crate) fn break_off(self) -> Answer {
        self.stream
            .shutdown(std::net::Shutdown::Write)
            .expect("an open connection");
        self.finish()
    }

    /// Reads the answer to its end: as long as it says it is, or until the connection ends.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Answer {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        while !Answer::is_whole(&bytes) {
            // A reset after the answer is the end of the answer.
            match self.stream.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            }
        }
        Answer::read(&bytes)
    }

    /// Reads what is still to come, as it is.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset after the answer is the end of the answer.
        let _ = self.stream.read_to_end(&mut bytes);
        bytes
    }
}

/// A connection over which requests follow each other.
pub(crate) struct Line {
    stream: TcpStream,
}

impl Line {
    #[track_caller]
    pub(crate) fn to(host: &str) -> Self {
        let stream = TcpStream::connect(host).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        Self { stream }
    }

    /// Sends a request and reads its answer, which must say how long it is.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &Request) -> Answer {
        let head = request.head.replace("Connection: close\r\n", "");
        let head = format!("{head}Content-Length: {}\r\n\r\n", request.body.len());
        self.stream.write_all(head.as_bytes()).expect("sent");
        self.stream.write_all(&request.body).expect("sent");
        let (mut bytes, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
        while !Answer::is_whole(&bytes) {
            let count = self.stream.read(&mut chunk).expect("an answer");
            assert_ne!(count, 0, "the connection ended");
            bytes.extend_from_slice(&chunk[..count]);
        }
        Answer::read(&bytes)
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns whether the head is there and as much body as it announces.
    fn is_whole(bytes: &[u8]) -> bool {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return false;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|length| length.trim().parse::<usize>().ok());
        length.is_some_and(|length| bytes.len() >= end + 4 + length)
    }

    #[track_caller]
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let head_lower = head.to_ascii_lowercase();
        assert!(!head_lower.contains("transfer-encoding"), "{head}");
        Self {
            status: status.unwrap_or_else(|| panic!("no status: {head}")),
            head,
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// Checks the status and shows the whole answer when it is another one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n\n{}", self.head, self.text());
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Returns the head and the body, as far as that is text.
    pub(crate) fn whole(&self) -> String {
        format!("{}\n\n{}", self.head, self.text())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Returns the code and message of a registry error.
    #[track_caller]
    pub(crate) fn error(&self) -> (String, String) {
        let document = self.json();
        let error = &document["errors"][0];
        let word = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (word("code"), word("message"))
    }
}

/// Opens an upload and returns the path where it is continued.
#[track_caller]
pub(crate) fn open_upload(server: &Server, repository: &str) -> String {
    server
        .request("POST", &format!("/v2/{repository}/blobs/uploads/"))
        .send()
        .expect(202)
        .header("Location")
        .expect("a place")
        .to_owned()
}

/// Pushes a blob whole.
#[track_caller]
pub(crate) fn push_blob(server: &Server, repository: &str, bytes: &[u8]) -> Digest {
    let digest = Digest::sha256(bytes);
    server
        .request(
            "POST",
            &format!("/v2/{repository}/blobs/uploads/?digest={digest}"),
        )
        .header("Content-Type", "application/octet-stream")
        .body(bytes)
        .send()
        .expect(201);
    digest
}

/// Pushes a manifest.
#[track_caller]
pub(crate) fn push_manifest(
    server: &Server,
    repository: &str,
    reference: &str,
    media_type: &str,
    bytes: &[u8],
) -> Digest {
    server
        .request("PUT", &format!("/v2/{repository}/manifests/{reference}"))
        .header("Content-Type", media_type)
        .body(bytes)
        .send()
        .expect(201);
    Digest::sha256(bytes)
}

/// Pushes an image with everything it refers to.
#[track_caller]
pub(crate) fn push_image(
    server: &Server,
    repository: &str,
    tag: &str,
    image: &TestImage,
) -> Digest {
    push_blob(server, repository, &image.config());
    for layer in &image.layers {
        push_blob(server, repository, &layer.bytes);
    }
    push_manifest(
        server,
        repository,
        tag,
        media_type::OCI_MANIFEST,
        &image.manifest(),
    )
}

/// Returns the path of a manifest.
pub(crate) fn manifest_path(repository: &str, reference: impl std::fmt::Display) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

/// Returns the path of a blob.
pub(crate) fn blob_path(repository: &str, digest: &Digest) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}
