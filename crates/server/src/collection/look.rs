//! One look at one object: whether it is there, as long as its row says, and what its digest says.

use std::time::{Duration, Instant};

use blobs::{BlobError, ObjectKey, Store};
use catalog::BlobRow;
use futures::StreamExt as _;
use oci::DigestHasher;

/// What a look saw.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Nothing is wrong, as far as it was looked at.
    Whole,
    /// The object is not there.
    Missing(String),
    /// It has another size.
    OtherSize(String),
    /// It has another hash.
    OtherHash(String),
    /// It could not be read; what it is is not known.
    Unreadable(String),
}

/// How fast bytes are read.
pub(crate) struct Pace {
    bytes_per_second: Option<u64>,
    started: Instant,
    /// Bytes read since then.
    read: u64,
}

impl Pace {
    /// As fast as the store gives them.
    pub(crate) fn unbounded() -> Self {
        Self {
            bytes_per_second: None,
            started: Instant::now(),
            read: 0,
        }
    }

    /// At most so many bytes in a second.
    pub(crate) fn of(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: Some(bytes_per_second.max(1)),
            ..Self::unbounded()
        }
    }

    /// Returns how many bytes were read.
    pub(crate) const fn read(&self) -> u64 {
        self.read
    }

    /// Counts bytes, and rests while they came too fast.
    async fn count(&mut self, bytes: u64) {
        self.read += bytes;
        if let Some(rate) = self.bytes_per_second {
            let due = Duration::from_secs_f64(self.read as f64 / rate as f64);
            tokio::time::sleep(due.saturating_sub(self.started.elapsed())).await;
        }
    }
}

/// Opens an object, and reads it if it `is_deep`.
pub(crate) async fn look_at(store: &Store, row: &BlobRow, is_deep: bool, pace: &mut Pace) -> Seen {
    let Ok(key) = row.object_key.parse::<ObjectKey>() else {
        return Seen::Missing("this is no object's key".to_owned());
    };
    let mut reader = match store.open_range(&key, None).await {
        Ok(reader) => reader,
        Err(error @ BlobError::NotFound) => return Seen::Missing(crate::error::chain(&error)),
        Err(error) => return Seen::Unreadable(crate::error::chain(&error)),
    };
    let size = reader.size_bytes();
    if size != row.size_bytes {
        return Seen::OtherSize(format!("{size} bytes instead of {}", row.size_bytes));
    }
    if !is_deep {
        return Seen::Whole;
    }
    let mut hasher = DigestHasher::new(row.digest.algorithm());
    while let Some(chunk) = reader.next().await {
        match chunk {
            Ok(chunk) => {
                hasher.update(&chunk);
                pace.count(chunk.len() as u64).await;
            }
            Err(error) => return Seen::Unreadable(crate::error::chain(&error)),
        }
    }
    let found = hasher.finish();
    if found == row.digest {
        Seen::Whole
    } else {
        Seen::OtherHash(format!("its hash is {found}"))
    }
}
