//! One fetch per blob, however many wait for it.
//!
//! Whoever is there from the start gets the bytes as they arrive; a follower that does not keep up, and whoever comes
//! later, gets them from the store when the fetch has ended. The last chunk is handed on only when the digest was
//! verified, so nobody ever holds a whole blob that is not true. A client that goes away ends nothing: the next one
//! finds the blob.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use catalog::RepositoryId;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use oci::Digest;
use tokio::sync::{mpsc, watch};

use super::FetchError;
use super::client::Remote;
use super::store::{Wanted, fetch_blob};
use crate::app::Shared;
use crate::error::chain;
use crate::metrics::StoreOperation;

/// Chunks that a follower may be behind.
const LAG: usize = 64;

type Key = (RepositoryId, Digest);
type Outcome = Option<Result<(), FetchError>>;

/// The fetches of this process.
#[derive(Default)]
pub(crate) struct Flights {
    open: Mutex<HashMap<Key, Arc<Flight>>>,
}

/// One fetch.
pub(super) struct Flight {
    followers: Mutex<Followers>,
    outcome: watch::Receiver<Outcome>,
}

#[derive(Default)]
struct Followers {
    has_begun: bool,
    senders: Vec<mpsc::Sender<Bytes>>,
}

impl Flight {
    /// Joins those who get the bytes as they arrive, if none has arrived yet.
    fn follow(&self) -> Option<mpsc::Receiver<Bytes>> {
        let mut followers = self
            .followers
            .lock()
            .expect("nobody panics while holding it");
        if followers.has_begun {
            return None;
        }
        let (sender, receiver) = mpsc::channel(LAG);
        followers.senders.push(sender);
        Some(receiver)
    }

    fn hand_on(&self, chunk: &Bytes) {
        let mut followers = self
            .followers
            .lock()
            .expect("nobody panics while holding it");
        followers.has_begun = true;
        followers
            .senders
            .retain(|sender| sender.try_send(chunk.clone()).is_ok());
    }

    fn close(&self) {
        let mut followers = self
            .followers
            .lock()
            .expect("nobody panics while holding it");
        followers.has_begun = true;
        followers.senders.clear();
    }

    /// Waits until the blob is there, or says why it is not.
    pub(super) async fn landed(&self) -> Result<(), FetchError> {
        let mut outcome = self.outcome.clone();
        let landed = outcome.wait_for(Option::is_some).await;
        let landed = landed.map_err(|_| FetchError::Interrupted)?;
        landed.clone().unwrap_or(Err(FetchError::Interrupted))
    }
}

/// Joins the fetch of a blob, or begins it.
pub(super) fn join(app: &Shared, remote: &Arc<Remote>, wanted: &Wanted) -> Arc<Flight> {
    let key = (wanted.repository, wanted.digest.clone());
    let mut open = app
        .upstreams
        .flights
        .open
        .lock()
        .expect("nobody panics while holding it");
    if let Some(flight) = open.get(&key) {
        return Arc::clone(flight);
    }
    let (sender, outcome) = watch::channel(None);
    let flight = Arc::new(Flight {
        followers: Mutex::default(),
        outcome,
    });
    open.insert(key.clone(), Arc::clone(&flight));
    let landing = Landing {
        app: app.clone(),
        key,
        flight: Arc::clone(&flight),
        sender,
        outcome: Err(FetchError::Interrupted),
    };
    let (remote, wanted) = (Arc::clone(remote), wanted.clone());
    tokio::spawn(fly(landing, remote, wanted));
    flight
}

async fn fly(mut landing: Landing, remote: Arc<Remote>, wanted: Wanted) {
    let (app, flight) = (landing.app.clone(), Arc::clone(&landing.flight));
    let fetched = tokio::select! {
        fetched = fetch_blob(&app, &remote, &wanted, |chunk| flight.hand_on(chunk)) => fetched,
        // The staged bytes are swept at the next start.
        () = app.stop.cancelled() => Err(FetchError::Interrupted),
    };
    if let Err(error) = &fetched {
        tracing::warn!(digest = %wanted.digest, host = remote.host(), cause = %chain(error), "blob not fetched");
    }
    landing.outcome = fetched;
}

/// Ends a flight however its task ends, a panic included: first nobody can join any more, then everybody hears.
struct Landing {
    app: Shared,
    key: Key,
    flight: Arc<Flight>,
    sender: watch::Sender<Outcome>,
    outcome: Result<(), FetchError>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let flights = &self.app.upstreams.flights;
        if let Ok(mut open) = flights.open.lock() {
            open.remove(&self.key);
        }
        self.sender.send_replace(Some(self.outcome.clone()));
        self.flight.close();
    }
}

/// Streams a blob that is being fetched.
pub(super) fn stream(
    app: &Shared,
    flight: Arc<Flight>,
    wanted: Wanted,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let following = flight.follow();
    let state = Reading {
        app: app.clone(),
        flight,
        wanted,
        following,
        held: None,
        delivered: 0,
        rest: None,
    };
    futures::stream::try_unfold(state, |mut state| async move {
        Ok(state.next().await?.map(|chunk| (chunk, state)))
    })
}

/// A client on its way through a blob.
struct Reading {
    app: Shared,
    flight: Arc<Flight>,
    wanted: Wanted,
    following: Option<mpsc::Receiver<Bytes>>,
    /// The latest chunk: handed on when another follows, or when the digest was verified.
    held: Option<Bytes>,
    delivered: u64,
    rest: Option<BoxStream<'static, io::Result<Bytes>>>,
}

impl Reading {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(rest) = &mut self.rest {
                return rest.next().await.transpose();
            }
            if let Some(following) = &mut self.following {
                match following.recv().await {
                    Some(chunk) => {
                        if let Some(ready) = self.held.replace(chunk) {
                            self.delivered += ready.len() as u64;
                            return Ok(Some(ready));
                        }
                        continue;
                    }
                    None => self.following = None,
                }
            }
            self.flight.landed().await.map_err(io::Error::other)?;
            if let Some(ready) = self.held.take() {
                self.delivered += ready.len() as u64;
                return Ok(Some(ready));
            }
            if self.delivered == self.wanted.size_bytes {
                return Ok(None);
            }
            let rest = from_store(&self.app, &self.wanted, self.delivered).await?;
            self.rest = Some(rest);
        }
    }
}

/// Opens what a client does not have yet.
async fn from_store(
    app: &Shared,
    wanted: &Wanted,
    delivered: u64,
) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
    let found = app
        .catalog
        .blob_in_repo(wanted.repository, &wanted.digest)
        .await;
    let blob = found
        .map_err(io::Error::other)?
        .ok_or(io::ErrorKind::NotFound)?;
    let key = blob.object_key.parse().map_err(io::Error::other)?;
    let range = delivered..blob.size_bytes;
    let opened = app.store.open_range(&key, Some(range));
    let opened = app
        .metrics
        .waits
        .on_store(StoreOperation::Open, opened)
        .await;
    let reader = opened.map_err(io::Error::other)?;
    Ok(reader.map(|chunk| chunk.map_err(io::Error::other)).boxed())
}

/// Waits for the first chunk, so that an upstream that has nothing gives an answer and not a broken body.
pub(super) async fn first_chunk(
    app: &Shared,
    flight: Arc<Flight>,
    wanted: Wanted,
) -> (
    Result<Option<Bytes>, FetchError>,
    BoxStream<'static, io::Result<Bytes>>,
) {
    let mut body = stream(app, Arc::clone(&flight), wanted).boxed();
    let first = match body.next().await {
        None => Ok(None),
        Some(Ok(chunk)) => Ok(Some(chunk)),
        Some(Err(_)) => Err(match flight.landed().await {
            Err(error) => error,
            Ok(()) => FetchError::Interrupted,
        }),
    };
    (first, body)
}
