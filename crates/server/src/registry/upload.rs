//! Upload sessions: the state machine behind every pushed blob.
//!
//! The row says how many bytes are durable; the file may hold more after a crash, never fewer. A chunk is streamed
//! once: through the hash and to the disk in [`blobs::UploadWriter`], and past the analyser in [`crate::analysis::tap`].
//! Only bytes already durable move the row; a broken connection keeps what arrived. A blob becomes visible in one
//! transaction after its digest was checked; a mismatch ends the session with nothing visible.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use blobs::{ObjectKey, UploadWriter};
use catalog::{NewUpload, Published, Upload};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use oci::{Algorithm, Digest, DigestHasher, ErrorCode, RepositoryName};
use uuid::Uuid;

use super::blob::storage_error;
use super::range::chunk_range;
use super::{CONTENT_DIGEST, Call, header_value, parse_digest};
use crate::analysis::tap;
use crate::app::App;
use crate::auth::Access;
use crate::error::ApiError;

/// How long an idle session is kept.
const IDLE: SignedDuration = SignedDuration::from_hours(24);
const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST …/blobs/uploads/`: mounts a blob, takes a whole one, or opens a session.
pub(super) async fn start(
    call: &Call,
    body: Body,
    name: &RepositoryName,
) -> Result<Response, ApiError> {
    let access = call.push(name).await?;
    let mount = call.query("mount").next();
    if let Some(digest) = mount {
        let digest = parse_digest(&digest)?;
        if mount_blob(call, &access, &digest).await? {
            return Ok(created(name, &digest));
        }
    }
    let expected = call
        .query("digest")
        .next()
        .map(|digest| parse_digest(&digest))
        .transpose()?;
    let algorithm = match call.query("digest-algorithm").next() {
        Some(algorithm) => algorithm.parse().map_err(ApiError::digest_invalid)?,
        None => expected
            .as_ref()
            .map_or(Algorithm::Sha256, Digest::algorithm),
    };
    let upload = open_session(&call.app, &access, algorithm).await?;
    match expected {
        None => Ok(accepted(name, &upload, StatusCode::ACCEPTED)),
        Some(expected) => complete(call, body, name, &access, upload, &expected).await,
    }
}

/// `PATCH <location>`: adds a chunk.
pub(super) async fn append(
    call: &Call,
    body: Body,
    name: &RepositoryName,
    id: &str,
) -> Result<Response, ApiError> {
    let (access, upload) = session(call, name, id).await?;
    check_chunk(call, &upload)?;
    let upload = receive(call, body, upload, &access).await?;
    Ok(accepted(name, &upload, StatusCode::ACCEPTED))
}

/// `PUT <location>?digest=`: takes the last chunk, if any, and publishes.
pub(super) async fn finish(
    call: &Call,
    body: Body,
    name: &RepositoryName,
    id: &str,
) -> Result<Response, ApiError> {
    let (access, upload) = session(call, name, id).await?;
    let expected = call.query("digest").next().ok_or_else(|| {
        ApiError::bad_request(
            ErrorCode::DigestInvalid,
            "the `digest` parameter is missing",
        )
    })?;
    let expected = parse_digest(&expected)?;
    check_chunk(call, &upload)?;
    complete(call, body, name, &access, upload, &expected).await
}

/// `GET <location>`: tells how far the session is.
pub(super) async fn status(
    call: &Call,
    name: &RepositoryName,
    id: &str,
) -> Result<Response, ApiError> {
    let (_, upload) = session(call, name, id).await?;
    Ok(accepted(name, &upload, StatusCode::NO_CONTENT))
}

/// `DELETE <location>`: gives the session up.
pub(super) async fn cancel(
    call: &Call,
    name: &RepositoryName,
    id: &str,
) -> Result<Response, ApiError> {
    let (access, upload) = session(call, name, id).await?;
    close(&call.app, &access, upload.id).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

async fn mount_blob(call: &Call, access: &Access, digest: &Digest) -> Result<bool, ApiError> {
    let (app, now) = (&call.app, call.app.clock.now());
    let target = access.repository.id;
    let Some(from) = call.query("from").next() else {
        return Ok(app
            .catalog
            .mount_blob_from_any(&access.principal, target, digest, now)
            .await?);
    };
    // A source that cannot be read looks exactly like one without the blob: an upload is opened instead.
    let Ok(from) = from.parse::<RepositoryName>() else {
        return Ok(false);
    };
    let Some(source) = app.catalog.repository(&from).await? else {
        return Ok(false);
    };
    if app
        .catalog
        .role_of(source.id, &access.principal)
        .await?
        .is_none()
    {
        return Ok(false);
    }
    Ok(app
        .catalog
        .mount_blob(source.id, target, digest, now)
        .await?)
}

async fn open_session(
    app: &App,
    access: &Access,
    algorithm: Algorithm,
) -> Result<Upload, ApiError> {
    let id = Uuid::new_v4();
    let now = app.clock.now();
    let new = NewUpload {
        id,
        repository: access.repository.id,
        principal: access.principal.id,
        object_key: ObjectKey::new(Uuid::new_v4()).as_str().to_owned(),
        algorithm,
        expires_at: expiry(now),
    };
    // The row first: bytes without a row are found and removed, a row without bytes starts at offset 0.
    let upload = app.catalog.create_upload(&new, now).await?;
    app.store.begin(id).await.map_err(storage_error)?;
    Ok(upload)
}

async fn session(
    call: &Call,
    name: &RepositoryName,
    id: &str,
) -> Result<(Access, Upload), ApiError> {
    let access = call.push(name).await?;
    let id = Uuid::try_parse(id).map_err(|_| ApiError::upload_unknown())?;
    let upload = call
        .app
        .catalog
        .upload(
            id,
            access.repository.id,
            access.principal.id,
            call.app.clock.now(),
        )
        .await?
        .ok_or_else(ApiError::upload_unknown)?;
    Ok((access, upload))
}

/// Refuses a chunk in the wrong place before a byte of it is taken.
fn check_chunk(call: &Call, upload: &Upload) -> Result<(), ApiError> {
    let Some(range) = call.header(header::CONTENT_RANGE) else {
        return Ok(());
    };
    let range = chunk_range(range)
        .ok_or_else(|| ApiError::range("`Content-Range` is written `first-last`"))?;
    if range.start != upload.offset {
        return Err(ApiError::range(format!(
            "the chunk starts at {}, the upload stands at {}",
            range.start, upload.offset
        )));
    }
    let declared = call
        .header(header::CONTENT_LENGTH)
        .and_then(|len| len.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared != range.len) {
        return Err(ApiError::range(
            "`Content-Range` and `Content-Length` do not agree",
        ));
    }
    Ok(())
}

/// Streams the request's body into the session and moves its row to what is durable.
async fn receive(
    call: &Call,
    body: Body,
    upload: Upload,
    access: &Access,
) -> Result<Upload, ApiError> {
    let app = &call.app;
    let mut writer = writer_for(app, &upload).await?;
    let streamed = stream_body(call, body, &mut writer, &upload).await;
    // Also after a broken connection: what arrived is kept.
    let checkpoint = writer.checkpoint().await;
    if let Err(error) = &streamed {
        tap::abandon(app, upload.id);
        if checkpoint.is_err() {
            tracing::debug!(upload = %upload.id, error = %error.message(), "chunk lost");
        }
    }
    let checkpoint = checkpoint.map_err(storage_error)?;
    let expires_at = expiry(app.clock.now());
    let moved = app
        .catalog
        .advance_upload(
            upload.id,
            upload.version,
            checkpoint.offset,
            &checkpoint.hash_state,
            expires_at,
        )
        .await?;
    streamed?;
    if !moved {
        return Err(ApiError::range(
            "another request moved this upload, ask for its offset",
        ));
    }
    let moved = app
        .catalog
        .upload(
            upload.id,
            access.repository.id,
            access.principal.id,
            app.clock.now(),
        )
        .await?
        .ok_or_else(ApiError::upload_unknown)?;
    Ok(moved)
}

async fn writer_for(app: &App, upload: &Upload) -> Result<UploadWriter, ApiError> {
    let hasher = match &upload.hash_state {
        None => DigestHasher::new(upload.algorithm),
        Some(state) => {
            DigestHasher::resume(upload.algorithm, state).ok_or_else(ApiError::upload_unknown)?
        }
    };
    app.store
        .resume(upload.id, upload.offset, hasher)
        .await
        .map_err(storage_error)
}

async fn stream_body(
    call: &Call,
    body: Body,
    writer: &mut UploadWriter,
    upload: &Upload,
) -> Result<(), ApiError> {
    let app = &call.app;
    let declared = call
        .header(header::CONTENT_LENGTH)
        .and_then(|len| len.parse::<u64>().ok());
    let start = upload.offset;
    let mut body = body.into_data_stream();
    app.metrics.uploads_in_flight.inc();
    let outcome = async {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| {
                ApiError::bad_request(
                    ErrorCode::SizeInvalid,
                    "the body broke off, continue at the offset that GET tells",
                )
            })?;
            app.metrics.bytes_received.inc_by(chunk.len() as u64);
            tap::offer(app, upload.id, writer.offset(), &chunk);
            writer.write(chunk).await.map_err(storage_error)?;
        }
        let received = writer.offset() - start;
        if declared.is_some_and(|declared| declared != received) {
            let message = format!(
                "{received} bytes arrived, `Content-Length` says {}",
                declared.unwrap_or_default()
            );
            return Err(ApiError::bad_request(ErrorCode::SizeInvalid, message));
        }
        Ok(())
    }
    .await;
    app.metrics.uploads_in_flight.dec();
    outcome
}

/// Takes the last chunk, checks the digest and publishes the blob.
async fn complete(
    call: &Call,
    body: Body,
    name: &RepositoryName,
    access: &Access,
    upload: Upload,
    expected: &Digest,
) -> Result<Response, ApiError> {
    let app = &call.app;
    let mut writer = writer_for(app, &upload).await?;
    if let Err(error) = stream_body(call, body, &mut writer, &upload).await {
        tap::abandon(app, upload.id);
        if let Ok(checkpoint) = writer.checkpoint().await {
            let expires_at = expiry(app.clock.now());
            app.catalog
                .advance_upload(
                    upload.id,
                    upload.version,
                    checkpoint.offset,
                    &checkpoint.hash_state,
                    expires_at,
                )
                .await?;
        }
        return Err(error);
    }
    let sealed = writer.seal().await.map_err(storage_error)?;
    let sealed = sealed
        .rehash(expected.algorithm())
        .await
        .map_err(storage_error)?;
    if sealed.digest() != expected {
        let message = format!(
            "the content's digest is {}, the request says {expected}",
            sealed.digest()
        );
        sealed.abort().await.map_err(storage_error)?;
        close(app, access, upload.id).await?;
        return Err(ApiError::bad_request(ErrorCode::DigestInvalid, message));
    }
    let size = sealed.size_bytes();
    let key: ObjectKey = upload.object_key.parse().map_err(ApiError::fault)?;
    sealed.commit(&key).await.map_err(storage_error)?;
    let published = app
        .catalog
        .publish_blob(
            access.repository.id,
            expected,
            size,
            key.as_str(),
            upload.id,
            app.clock.now(),
        )
        .await
        .map_err(|error| match error {
            catalog::CatalogError::Conflict(_) => ApiError::upload_unknown(),
            other => other.into(),
        })?;
    tap::finish(app, upload.id, expected, size);
    if let Published::Kept { .. } | Published::Revived { .. } = published {
        app.wake_sweeper();
    }
    Ok(created(name, expected))
}

async fn close(app: &App, access: &Access, id: Uuid) -> Result<(), ApiError> {
    tap::abandon(app, id);
    app.catalog
        .close_upload(id, access.repository.id, access.principal.id)
        .await?;
    app.store.abort(id).await.map_err(storage_error)
}

fn expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(IDLE).unwrap_or(Timestamp::MAX)
}

fn created(name: &RepositoryName, digest: &Digest) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    headers.insert(
        header::LOCATION,
        header_value(format!("/v2/{name}/blobs/{digest}")),
    );
    headers.insert(CONTENT_DIGEST, header_value(digest.as_str()));
    response
}

/// The answer that names the session and how far it is. An empty one is written `0-0`, as the specification does.
fn accepted(name: &RepositoryName, upload: &Upload, status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::LOCATION,
        header_value(format!("/v2/{name}/blobs/uploads/{}", upload.id)),
    );
    headers.insert(
        header::RANGE,
        header_value(format!("0-{}", upload.offset.saturating_sub(1))),
    );
    headers.insert(UPLOAD_ID, header_value(upload.id.to_string()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}
