//! What can go wrong between a call and its bytes.

use std::io;
use std::path::{Path, PathBuf};

/// The cause of a fault, as the object store's client reports it. Its text is for logs only.
pub type RemoteSource = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A failure of the store. Each variant is a different answer to a client.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such object or staged upload.
    #[error("there are no such bytes")]
    NotFound,
    /// The device or the quota is full. What was durable before is untouched.
    #[error("no space is left for `{}`", path.display())]
    Full {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// Another writer has the staged upload open.
    #[error("another writer has the upload open")]
    Busy,
    /// The staged upload holds fewer bytes than its row promises: the upload must start again.
    #[error("the staged upload holds {found} bytes where {expected} were made durable")]
    Lost {
        /// The bytes that were made durable.
        expected: u64,
        /// The bytes that are there.
        found: u64,
    },
    /// The range does not lie inside the object.
    #[error("the range is not inside the object's {size_bytes} bytes")]
    Range {
        /// The object's size.
        size_bytes: u64,
    },
    /// The content has more parts than an object store takes.
    #[error("the content is larger than {limit_bytes} bytes, and its size was not announced")]
    TooLarge {
        /// The largest content that could have been stored.
        limit_bytes: u64,
    },
    /// Any other fault of the object store.
    #[error("cannot {attempt} `{key}` in the object store")]
    Remote {
        /// What was attempted.
        attempt: &'static str,
        /// On which key.
        key: String,
        /// Why it failed.
        #[source]
        source: RemoteSource,
    },
    /// Any other fault of the files.
    #[error("cannot {attempt} `{}`", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl BlobError {
    /// Sorts an error of the operating system by what it means to a client.
    pub(crate) fn from_io(attempt: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full {
                path: path.to_owned(),
            },
            _ => Self::Io {
                attempt,
                path: path.to_owned(),
                source,
            },
        }
    }
}
