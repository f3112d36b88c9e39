//! A proxy in this process that answers wrongly when told to: what an object store or the way to it can do.
//!
//! One thread and one request per connection. The request's signature stays valid, because it is passed on as it came.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this status and code and not passed on.
    Refuse(u16, &'static str),
    /// It is passed on, and its answer is lost.
    LoseAnswer,
    /// It is lost before it arrives.
    LoseRequest,
    /// It is passed on twice, as a retry on the way would; the second answer counts.
    Repeat,
    /// The answer's body ends after so many bytes.
    Truncate(usize),
    /// It is taken, and nothing is said for so long.
    Silence(Duration),
}

/// One rule: the next `times` requests of this method whose address contains `part` have the fault.
#[derive(Clone, Debug)]
struct Rule {
    method: &'static str,
    part: String,
    fault: Fault,
    times: usize,
}

/// The proxy. It lives as long as the process.
#[derive(Clone, Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    rules: Arc<Mutex<Vec<Rule>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl FaultProxy {
    /// Starts a proxy in front of `http://HOST:PORT`.
    ///
    /// # Panics
    /// If no port is free.
    pub fn start(endpoint: &str) -> Self {
        let upstream = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let proxy = Self {
            address: listener.local_addr().expect("its address"),
            rules: Arc::default(),
            seen: Arc::default(),
        };
        let serving = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (proxy, upstream) = (serving.clone(), upstream.clone());
                // A client that goes away in the middle is a client's right.
                std::thread::spawn(move || drop(proxy.serve(client, &upstream)));
            }
        });
        proxy
    }

    /// Returns the proxy's address.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Spoils the next `times` requests of this method whose path or query contains `part`.
    pub fn spoil(&self, method: &'static str, part: &str, fault: Fault, times: usize) {
        self.rules().push(Rule {
            method,
            part: part.to_owned(),
            fault,
            times,
        });
    }

    /// Forgets every rule.
    pub fn heal(&self) {
        self.rules().clear();
    }

    /// Returns how many requests of this method named `part`, spoilt or not.
    pub fn count(&self, method: &str, part: &str) -> usize {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter()
            .filter(|line| line.starts_with(method) && line.contains(part))
            .count()
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault_of(&self, line: &str) -> Option<Fault> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.to_owned());
        let mut rules = self.rules();
        let rule = rules.iter_mut().find(|rule| {
            rule.times > 0 && line.starts_with(rule.method) && line.contains(&rule.part)
        })?;
        rule.times -= 1;
        Some(rule.fault)
    }

    fn serve(&self, mut client: TcpStream, upstream: &str) -> std::io::Result<()> {
        let request = read_request(&mut client)?;
        let text = String::from_utf8_lossy(&request);
        let line = text.lines().next().unwrap_or_default().to_owned();
        let fault = self.fault_of(&line);
        match fault {
            Some(Fault::Refuse(status, code)) => {
                let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>");
                let answer = format!(
                    "HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                client.write_all(answer.as_bytes())?;
            }
            Some(Fault::LoseRequest) => {}
            Some(Fault::Silence(pause)) => std::thread::sleep(pause),
            Some(Fault::LoseAnswer) => drop(ask(upstream, &request)?),
            Some(Fault::Repeat) => {
                ask(upstream, &request)?;
                client.write_all(&ask(upstream, &request)?)?;
            }
            Some(Fault::Truncate(bytes)) => {
                let answer = ask(upstream, &request)?;
                let kept = (head_end(&answer).unwrap_or(0) + bytes).min(answer.len());
                client.write_all(&answer[..kept])?;
            }
            None => client.write_all(&ask(upstream, &request)?)?,
        }
        client.shutdown(Shutdown::Both)
    }
}

/// Reads one request whole.
fn read_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if let Some(head) = head_end(&request) {
            let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
            let length: usize = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|value| value.trim().parse().ok())
                .unwrap_or(0);
            if request.len() >= head + length {
                return Ok(request);
            }
        }
        let read = client.read(&mut buffer)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..read]);
    }
}

/// Passes a request on and reads the answer to its end.
fn ask(upstream: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let head = head_end(request).unwrap_or(request.len());
    let mut server = TcpStream::connect(upstream)?;
    // Neither is signed; the answer then ends with the connection.
    server.write_all(&request[..head - 2])?;
    server.write_all(b"Connection: close\r\n\r\n")?;
    server.write_all(&request[head..])?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    // The client must not keep a connection that serves one request.
    let head = head_end(&answer).unwrap_or(answer.len());
    let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    if !text.contains("connection: close") && head >= 2 {
        answer.splice(head - 2..head - 2, *b"Connection: close\r\n");
    }
    Ok(answer)
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}
