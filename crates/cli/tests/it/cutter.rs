//! A way to the server that breaks once: a TCP proxy between it and a client.
//!
//! What it does not do: it knows nothing of HTTP. A connection on which more than a given number of bytes pass in one
//! direction is a large upload, or a large download.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// The proxy, while the test lasts.
pub(crate) struct Cutter {
    host: String,
    cuts: Arc<AtomicUsize>,
}

/// When a connection breaks.
#[derive(Clone, Copy)]
enum Cut {
    /// After the client has sent more than so many bytes, as soon as the server answers: the answer is lost.
    AtTheAnswer(u64),
    /// After the server has sent more than so many bytes.
    InTheAnswer(u64),
}

impl Cutter {
    /// Loses the answer to the first upload of more than so many bytes.
    pub(crate) fn of_uploads(server: &str, bytes: u64) -> Self {
        Self::start(server, Cut::AtTheAnswer(bytes))
    }

    /// Breaks the first connection on which the server has sent so many bytes.
    pub(crate) fn of_downloads(server: &str, bytes: u64) -> Self {
        Self::start(server, Cut::InTheAnswer(bytes))
    }

    fn start(server: &str, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let cuts = Arc::new(AtomicUsize::new(0));
        let (server, counted) = (server.to_owned(), Arc::clone(&cuts));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&server) else {
                    return;
                };
                let way = Arc::new(Way {
                    client,
                    server,
                    sent: AtomicU64::new(0),
                });
                let (there, back, cuts) = (Arc::clone(&way), way, Arc::clone(&counted));
                thread::spawn(move || there.carry_there());
                thread::spawn(move || back.carry_back(cut, &cuts));
            }
        });
        Self { host, cuts }
    }

    /// Returns `address:port`, as image names begin.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns how many connections were broken.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

/// One connection through the proxy.
struct Way {
    client: TcpStream,
    server: TcpStream,
    /// Bytes from the client.
    sent: AtomicU64,
}

impl Way {
    fn carry_there(&self) {
        let (mut from, mut to) = (&self.client, &self.server);
        let mut chunk = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            self.sent.fetch_add(count as u64, Ordering::SeqCst);
            if to.write_all(&chunk[..count]).is_err() {
                break;
            }
        }
        // The other end may be gone already.
        let _ = self.server.shutdown(Shutdown::Write);
    }

    fn carry_back(&self, cut: Cut, cuts: &AtomicUsize) {
        let (mut from, mut to) = (&self.server, &self.client);
        let mut chunk = vec![0; 64 << 10];
        let mut received = 0;
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            received += count as u64;
            let is_due = match cut {
                Cut::AtTheAnswer(bytes) => self.sent.load(Ordering::SeqCst) > bytes,
                Cut::InTheAnswer(bytes) => received > bytes,
            };
            if is_due && cuts.fetch_max(1, Ordering::SeqCst) == 0 {
                // Neither end hears a word more.
                let _ = self.client.shutdown(Shutdown::Both);
                let _ = self.server.shutdown(Shutdown::Both);
                return;
            }
            if to.write_all(&chunk[..count]).is_err() {
                break;
            }
        }
        let _ = self.client.shutdown(Shutdown::Write);
    }
}
