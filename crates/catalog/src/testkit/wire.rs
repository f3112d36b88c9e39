//! A wire to PostgreSQL that a test can cut at any statement.
//!
//! It passes messages on between a catalog and the server, and knows which statement each is about. The connection that
//! is about to run the chosen statement ends before the server hears of it, or after the server has done it and before
//! anybody was told.
//!
//! # Source
//! PostgreSQL manual, "Frontend/Backend Protocol": message formats, extended query.

use std::collections::HashMap;
use std::io::{self, Read, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SOCKET: &str = ".s.PGSQL.5432";
const ENCRYPTION_WISHED: i32 = 80_877_103;

/// When a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Before the server hears of the statement.
    Before,
    /// When the server has done it, before its answer arrives.
    After,
}

/// The wire. It lives as long as the process.
#[derive(Debug)]
pub struct Wire {
    url: String,
    state: Arc<Mutex<State>>,
    _directory: tempfile::TempDir,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<String>,
    armed: Option<(String, Cut)>,
}

impl Wire {
    /// Lays a wire to the database of this address.
    ///
    /// # Panics
    /// If the address is none that [`super::Postgres`] gave.
    pub fn to(url: &str) -> Self {
        let (before, rest) = url.split_once("host=").expect("a socket's directory");
        let (server, after) = rest.split_once('&').expect("a user");
        let directory = tempfile::Builder::new()
            .prefix("tidegate-wire-")
            .tempdir_in("/tmp")
            .expect("a temporary directory");
        let listener = UnixListener::bind(directory.path().join(SOCKET)).expect("a socket");
        let state = Arc::<Mutex<State>>::default();
        let (serving, server) = (Arc::clone(&state), PathBuf::from(server).join(SOCKET));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (state, server) = (Arc::clone(&serving), server.clone());
                // A connection that ends is what this is about.
                std::thread::spawn(move || drop(carry(client, &server, &state)));
            }
        });
        Self {
            url: format!("{before}host={}&{after}", directory.path().display()),
            state,
            _directory: directory,
        }
    }

    /// Returns the address of the database through this wire.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Forgets which statements passed.
    pub fn forget(&self) {
        lock(&self.state).seen.clear();
    }

    /// Returns the statements that passed, each once, in their order.
    pub fn seen(&self) -> Vec<String> {
        lock(&self.state).seen.clone()
    }

    /// Ends the connection that runs this statement next.
    pub fn cut_at(&self, statement: &str, cut: Cut) {
        lock(&self.state).armed = Some((statement.to_owned(), cut));
    }

    /// Returns whether the connection was cut; otherwise nobody ran the statement.
    pub fn was_cut(&self) -> bool {
        lock(&self.state).armed.is_none()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries one connection until either end closes it, or it is cut.
fn carry(mut client: UnixStream, server: &PathBuf, state: &Mutex<State>) -> io::Result<()> {
    let Some(start) = read_start(&mut client)? else {
        return Ok(());
    };
    let mut server = UnixStream::connect(server)?;
    server.write_all(&start)?;
    let is_lost = Arc::new(AtomicBool::new(false));
    let (answers, to_client) = (server.try_clone()?, client.try_clone()?);
    let losing = Arc::clone(&is_lost);
    let back = std::thread::spawn(move || drop(carry_back(answers, to_client, &losing)));
    let mut statements = HashMap::new();
    let mut is_cut = None;
    while let Ok((kind, body)) = read_message(&mut client) {
        let statement = match kind {
            b'P' => {
                let (name, rest) = text(&body);
                statements.insert(name, text(rest).0);
                None
            }
            b'B' => statements.get(&text(text(&body).1).0).cloned(),
            b'Q' => Some(text(&body).0),
            _ => None,
        };
        if let Some(statement) = statement {
            is_cut = is_cut.or(pass(state, &statement));
        }
        if is_cut == Some(Cut::Before) {
            break;
        }
        if is_cut == Some(Cut::After) {
            is_lost.store(true, Ordering::SeqCst);
        }
        if write_message(&mut server, kind, &body).is_err() {
            break;
        }
    }
    if is_cut != Some(Cut::After) {
        // Nobody waits for an answer.
        let _ = server.shutdown(Shutdown::Both);
    }
    let _ = back.join();
    let _ = client.shutdown(Shutdown::Both);
    Ok(())
}

/// Notes a statement, and returns how its connection is cut if it is the chosen one.
fn pass(state: &Mutex<State>, statement: &str) -> Option<Cut> {
    let mut state = lock(state);
    if !state.seen.iter().any(|seen| seen == statement) {
        state.seen.push(statement.to_owned());
    }
    let is_armed = state
        .armed
        .as_ref()
        .is_some_and(|(armed, _)| armed == statement);
    is_armed
        .then(|| state.armed.take())
        .flatten()
        .map(|(_, cut)| cut)
}

/// Carries answers back. Once they are lost, the next sign that the server is done ends the connection.
fn carry_back(
    mut server: UnixStream,
    mut client: UnixStream,
    is_lost: &AtomicBool,
) -> io::Result<()> {
    let carried = (|| {
        loop {
            let (kind, body) = read_message(&mut server)?;
            if !is_lost.load(Ordering::SeqCst) {
                write_message(&mut client, kind, &body)?;
            } else if kind == b'Z' {
                return io::Result::Ok(());
            }
        }
    })();
    client.shutdown(Shutdown::Both)?;
    carried
}

/// Reads the first message, which has no kind; a wish for encryption is declined.
fn read_start(client: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    loop {
        let mut length = [0; 4];
        client.read_exact(&mut length)?;
        let mut body = vec![0; size(length)?];
        client.read_exact(&mut body)?;
        if body == ENCRYPTION_WISHED.to_be_bytes() {
            client.write_all(b"N")?;
            continue;
        }
        return Ok(Some([&length, body.as_slice()].concat()));
    }
}

fn read_message(stream: &mut UnixStream) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    let mut body = vec![0; size(length)?];
    stream.read_exact(&mut body)?;
    Ok((kind, body))
}

fn write_message(stream: &mut UnixStream, kind: u8, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
    let mut message = vec![kind];
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(body);
    stream.write_all(&message)
}

/// Returns how many bytes follow a length, which counts itself.
fn size(length: [u8; 4]) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
    length
        .checked_sub(4)
        .ok_or_else(|| io::Error::other("no length"))
}

/// Splits a text that ends with a NUL off.
fn text(body: &[u8]) -> (String, &[u8]) {
    let end = body
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(body.len());
    let text = String::from_utf8_lossy(&body[..end]).into_owned();
    (text, body.get(end + 1..).unwrap_or_default())
}
