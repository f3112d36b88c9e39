//! HTTP/1.1 over one kept-alive connection: as little work as a client can do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// One connection to a registry.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    authorization: Option<String>,
    cookie: Option<String>,
    scratch: Vec<u8>,
}

/// What the measurements need of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) challenge: Option<String>,
    /// Name and value of the last cookie.
    pub(crate) cookie: Option<String>,
    /// How many bytes the body had.
    pub(crate) length: u64,
}

impl Connection {
    pub(crate) fn open(host: &str, authorization: Option<&str>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).with_context(|| format!("no answer at {host}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::with_capacity(256 << 10, stream),
            host: host.to_owned(),
            authorization: authorization.map(str::to_owned),
            cookie: None,
            scratch: vec![0; 256 << 10],
        })
    }

    /// Sends a cookie from now on.
    pub(crate) fn remember(&mut self, cookie: Option<String>) {
        self.cookie = cookie;
    }

    /// Sends a request and reads the whole answer. The body is a list of pieces, so that nobody joins them.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[&[u8]],
    ) -> anyhow::Result<Answer> {
        let length: usize = body.iter().map(|piece| piece.len()).sum();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        if let Some(authorization) = &self.authorization {
            head.push_str("Authorization: ");
            head.push_str(authorization);
            head.push_str("\r\n");
        }
        if let Some(cookie) = &self.cookie {
            head.push_str("Cookie: ");
            head.push_str(cookie);
            head.push_str("\r\n");
        }
        head.push_str(headers);
        if !matches!(method, "GET" | "HEAD") {
            head.push_str("Content-Length: ");
            head.push_str(&length.to_string());
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let stream = self.stream.get_mut();
        if length < 64 << 10 {
            let mut all = head.into_bytes();
            for piece in body {
                all.extend_from_slice(piece);
            }
            stream.write_all(&all)?;
        } else {
            stream.write_all(head.as_bytes())?;
            for piece in body {
                stream.write_all(piece)?;
            }
        }
        self.answer(method == "HEAD")
    }

    /// Sends, and requires one status.
    pub(crate) fn expect(
        &mut self,
        status: u16,
        method: &str,
        path: &str,
        headers: &str,
        body: &[&[u8]],
    ) -> anyhow::Result<Answer> {
        let answer = self.send(method, path, headers, body)?;
        if answer.status != status {
            let said = String::from_utf8_lossy(&self.scratch[..answer.length.min(300) as usize]);
            bail!(
                "{method} {path}: {} instead of {status}: {said}",
                answer.status
            );
        }
        Ok(answer)
    }

    /// Returns the beginning of the last body.
    pub(crate) fn last_body(&self, answer: &Answer) -> &[u8] {
        &self.scratch[..(answer.length as usize).min(self.scratch.len())]
    }

    fn answer(&mut self, is_head: bool) -> anyhow::Result<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .with_context(|| format!("no status in `{}`", line.trim_end()))?;
        let mut answer = Answer {
            status,
            location: None,
            challenge: None,
            cookie: None,
            length: 0,
        };
        let mut length = 0;
        let mut is_chunked = false;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse()?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                is_chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("location") {
                answer.location = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("set-cookie") {
                answer.cookie = value.split(';').next().map(str::to_owned);
            } else if name.eq_ignore_ascii_case("www-authenticate") {
                answer.challenge = Some(value.to_owned());
            }
        }
        if is_head || matches!(status, 204 | 304) {
            return Ok(answer);
        }
        answer.length = if is_chunked {
            self.chunks()?
        } else {
            self.skip(length)?;
            length
        };
        Ok(answer)
    }

    fn chunks(&mut self) -> anyhow::Result<u64> {
        let mut total = 0;
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).context("no size of a chunk")?;
            self.skip(size + 2)?;
            total += size;
            if size == 0 {
                return Ok(total);
            }
        }
    }

    /// Reads a body; what fits stays in the scratch buffer.
    fn skip(&mut self, mut left: u64) -> anyhow::Result<()> {
        while left > 0 {
            let most = (self.scratch.len() as u64).min(left) as usize;
            let count = self.stream.read(&mut self.scratch[..most])?;
            if count == 0 {
                bail!("the connection ended in the middle of a body");
            }
            left -= count as u64;
        }
        Ok(())
    }
}

/// Returns the path of an address that may be absolute.
pub(crate) fn path_of(location: &str) -> &str {
    location
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|slash| &rest[slash..]))
        .unwrap_or(location)
}
