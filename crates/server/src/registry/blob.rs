//! Blobs: reading whole or in part, and removing from a repository.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use blobs::{BlobError, ObjectKey};
use catalog::{Blob, UnlinkOutcome};
use futures::TryStreamExt as _;
use oci::{Digest, ErrorCode, RepositoryName};

use super::range::{ByteRange, byte_range};
use super::{CONTENT_DIGEST, Call, cache, header_value};
use crate::app::App;
use crate::auth::Access;
use crate::doors::pull;
use crate::error::{ApiError, chain};
use crate::metrics::StoreOperation;

/// How long an address of the object store is valid: shorter than the time between a blob's last use and its deletion.
const REDIRECT_VALID: Duration = Duration::from_mins(5);

pub(super) async fn get(
    call: &Call,
    name: &RepositoryName,
    digest: &Digest,
    is_head: bool,
) -> Result<Response, ApiError> {
    let access = call.pull(name).await?;
    let app = &call.app;
    let found = if is_head {
        find_and_promise(app, &access, digest).await?
    } else {
        find(app, &access, digest).await?
    };
    if !is_head {
        pull::ask_for_blob(call, &access, digest).await?;
    }
    let blob = match found {
        Some(blob) if !blob.is_quarantined => blob,
        found => match cache::blob(call, &access, digest, is_head).await {
            Ok(cache::Blob::Answer(response)) => return Ok(response),
            Ok(cache::Blob::Landed(blob)) if !blob.is_quarantined => blob,
            // Whoever asks before sending is told to send: a new upload heals it.
            Ok(cache::Blob::Landed(_)) if is_head => return Err(ApiError::blob_unknown()),
            Ok(cache::Blob::Landed(_)) => return Err(damaged(digest)),
            Err(_) if found.is_some() && !is_head => return Err(damaged(digest)),
            Err(error) => return Err(error),
        },
    };

    // Ranges are defined for GET only (RFC 9110, section 14.2).
    let range = call.header(header::RANGE).filter(|_| !is_head);
    let range = byte_range(range, blob.size_bytes);
    let (status, start, len) = match range {
        ByteRange::Whole => (StatusCode::OK, 0, blob.size_bytes),
        ByteRange::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start, end - start + 1),
        ByteRange::Unsatisfiable => return Ok(unsatisfiable(blob.size_bytes)),
    };
    let body = if is_head {
        Body::empty()
    } else {
        let key: ObjectKey = blob.object_key.parse().map_err(ApiError::fault)?;
        if app.settings.blob_redirect
            && let Some(address) = app
                .store
                .presign(&key, REDIRECT_VALID)
                .await
                .map_err(ApiError::fault)?
        {
            return Ok(redirect(&address, digest));
        }
        // A live row without its object is a fault of the store, never "not found".
        let opened = app.store.open_range(&key, Some(start..start + len));
        let opened = app.metrics.waits.on_store(StoreOperation::Open, opened);
        let reader = opened.await.map_err(ApiError::fault)?;
        let sent = app.metrics.bytes_sent.clone();
        Body::from_stream(reader.inspect_ok(move |chunk| {
            sent.inc_by(chunk.len() as u64);
        }))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, header_value(format!("\"{digest}\"")));
    headers.insert(CONTENT_DIGEST, header_value(digest.as_str()));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{}", start + len - 1, blob.size_bytes);
        headers.insert(header::CONTENT_RANGE, header_value(range));
    }
    Ok(response)
}

/// Sends the client to the object store. Its `Range` goes along with it.
fn redirect(address: &str, digest: &Digest) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, header_value(address));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.insert(CONTENT_DIGEST, header_value(digest.as_str()));
    response
}

async fn find(app: &App, access: &Access, digest: &Digest) -> Result<Option<Blob>, ApiError> {
    let key = (access.repository.id, digest.clone());
    let (generation, now) = (access.generation, app.clock.now());
    if let Some(blob) = app.recent.blobs.get(&key, generation, now) {
        return Ok(Some(blob));
    }
    let found = app.catalog.blob_in_repo(key.0, digest).await?;
    if let Some(blob) = &found {
        app.recent.blobs.keep(key, generation, now, blob.clone());
    }
    Ok(found)
}

/// Finds a blob for somebody who will not send it because it is here: it stays for longer than they take.
///
/// What is remembered says until when the right is kept, and whoever takes the right away moves a counter, so most
/// answers need neither a question nor a write.
async fn find_and_promise(
    app: &App,
    access: &Access,
    digest: &Digest,
) -> Result<Option<Blob>, ApiError> {
    let Some(found) = find(app, access, digest).await? else {
        return Ok(None);
    };
    let now = app.clock.now();
    if !found.is_condemned
        && found
            .kept_until
            .is_some_and(|until| catalog::is_assured(until, now))
    {
        return Ok(Some(found));
    }
    let promised = app
        .catalog
        .promise_blob(access.repository.id, digest, now)
        .await;
    match promised {
        Ok(promised) => {
            if let Some(blob) = &promised {
                let key = (access.repository.id, digest.clone());
                app.recent
                    .blobs
                    .keep(key, access.generation, now, blob.clone());
            }
            Ok(promised)
        }
        // Where nothing can be written, nothing is taken away either.
        Err(error) => {
            tracing::warn!(%digest, cause = %chain(&error), "a blob is shown without a promise to keep it");
            Ok(Some(found))
        }
    }
}

/// The object of a blob is missing or damaged, and known to be.
#[derive(Debug, thiserror::Error)]
#[error("the object of {0} is quarantined: send the blob again, see `tidegate admin fsck`")]
struct Quarantined(Digest);

fn damaged(digest: &Digest) -> ApiError {
    ApiError::fault(Quarantined(digest.clone()))
}

fn unsatisfiable(size: u64) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    response.headers_mut().insert(
        header::CONTENT_RANGE,
        header_value(format!("bytes */{size}")),
    );
    response
}

pub(super) async fn delete(
    call: &Call,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response, ApiError> {
    let access = call.delete(name).await?;
    let actor = access.caller.actor(&call.origin);
    match call
        .app
        .catalog
        .unlink_blob(
            access.repository.id,
            digest,
            call.referenced(),
            &actor,
            call.app.clock.now(),
        )
        .await?
    {
        UnlinkOutcome::Unlinked => {}
        UnlinkOutcome::NotFound => return Err(ApiError::blob_unknown()),
        UnlinkOutcome::Referenced { by } => {
            let message = format!("the manifest {by} needs this blob, delete the manifest first");
            return Err(ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ErrorCode::Denied,
                message,
            ));
        }
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// Turns a storage fault of the write side into its answer.
pub(super) fn storage_error(error: BlobError) -> ApiError {
    match error {
        BlobError::Full { .. } => ApiError::storage_full(error),
        BlobError::Busy => {
            ApiError::range("another request is writing to this upload, ask for its offset")
        }
        BlobError::Lost { .. } | BlobError::NotFound => ApiError::upload_unknown(),
        BlobError::TooLarge { .. } => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::SizeInvalid,
            "the blob is too large for the object store unless its size is announced",
        ),
        other => ApiError::fault(other),
    }
}
