//! Blobs through the cache.

use std::io;

use bytes::Bytes;
use catalog::Repository;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use oci::Digest;

use super::super::client::UpstreamError;
use super::super::flights;
use super::super::store::Wanted;
use super::{Cached, FetchError};
use crate::app::Shared;
use crate::error::ApiError;

/// A blob that is not in the repository yet.
pub(crate) enum BlobAnswer {
    /// The upstream has it; so many bytes.
    Head(u64),
    /// Its bytes, on their way.
    Streaming {
        size_bytes: u64,
        body: BoxStream<'static, io::Result<Bytes>>,
    },
    /// It is in the repository now.
    Landed,
}

/// How much of a blob is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Whether it is there.
    Head,
    /// All of it.
    Whole,
    /// Some of it: then all of it is fetched first.
    Part,
}

/// Gets a blob that a cached manifest names; others are not known here, whatever the upstream has.
pub(crate) async fn blob(
    app: &Shared,
    cached: &Cached,
    repository: &Repository,
    digest: &Digest,
    wish: Wish,
) -> Result<BlobAnswer, ApiError> {
    let size_bytes = app
        .catalog
        .named_blob(repository.id, digest)
        .await?
        .ok_or_else(ApiError::blob_unknown)?;
    let failed = |error: FetchError| {
        if error.is_not_found() {
            ApiError::blob_unknown()
        } else {
            cached.answer(&error)
        }
    };
    if wish == Wish::Head {
        let upstream: Result<u64, UpstreamError> =
            cached.remote.blob_size(&cached.source, digest).await;
        let said = upstream.map_err(|error| failed(error.into()))?;
        return if said == size_bytes {
            Ok(BlobAnswer::Head(said))
        } else {
            Err(ApiError::blob_unknown())
        };
    }
    let wanted = Wanted {
        repository: repository.id,
        source: cached.source.clone(),
        digest: digest.clone(),
        size_bytes,
    };
    let flight = flights::join(app, &cached.remote, &wanted);
    if wish == Wish::Part {
        flight.landed().await.map_err(failed)?;
        return Ok(BlobAnswer::Landed);
    }
    let (first, rest) = flights::first_chunk(app, flight, wanted).await;
    match first {
        Ok(first) => Ok(BlobAnswer::Streaming {
            size_bytes,
            body: futures::stream::iter(first.map(Ok)).chain(rest).boxed(),
        }),
        Err(error) => Err(failed(error)),
    }
}
