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
use catalog::{NewUpload, PrincipalId, Published, RepositoryId, Upload};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use oci::{Algorithm, Digest, DigestHasher, ErrorCode, RepositoryName};
use prometheus_client::metrics::gauge::Gauge;
use tracing::Instrument as _;
use uuid::Uuid;

use super::blob::storage_error;
use super::range::chunk_range;
use super::{CONTENT_DIGEST, Call, header_value, parse_digest};
use crate::analysis::tap;
use crate::app::{App, Shared};
use crate::auth::Access;
use crate::error::ApiError;

/// How long an idle session is kept.
const IDLE: SignedDuration = SignedDuration::from_hours(24);
const CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");
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
        None => {
            let mut response = accepted(name, &upload, StatusCode::ACCEPTED);
            let wished = call.app.settings.registry.chunk_min_bytes;
            if wished > 0 {
                let headers = response.headers_mut();
                headers.insert(CHUNK_MIN_LENGTH, HeaderValue::from(wished));
            }
            Ok(response)
        }
        Some(expected) => {
            let transfer = Transfer::new(call, &access, upload, Chunk::whole(call));
            detached(transfer.complete(body, expected.clone())).await?;
            Ok(created(name, &expected))
        }
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
    let chunk = Chunk::of(call)?;
    let transfer = Transfer::new(call, &access, upload, chunk);
    let upload = detached(transfer.receive(body)).await?;
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
    let chunk = Chunk::of(call)?;
    let transfer = Transfer::new(call, &access, upload, chunk);
    detached(transfer.complete(body, expected.clone())).await?;
    Ok(created(name, &expected))
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
    close(
        &call.app,
        access.repository.id,
        access.principal.id,
        upload.id,
    )
    .await?;
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
    // A source that cannot be read looks exactly like one without the blob: an upload is opened instead. The right is
    // the catalog's and not the token's, as without `from`: clients keep the token they asked for the target with.
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
    let access = call.push_existing(name).await?;
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

/// What a request says about its body.
struct Chunk {
    /// Where it belongs; `None` is wherever the session stands.
    start: Option<u64>,
    /// How long it is.
    len: Option<u64>,
}

impl Chunk {
    fn whole(call: &Call) -> Self {
        let len = call.header(header::CONTENT_LENGTH);
        Self {
            start: None,
            len: len.and_then(|len| len.parse().ok()),
        }
    }

    fn of(call: &Call) -> Result<Self, ApiError> {
        let declared = Self::whole(call);
        let Some(range) = call.header(header::CONTENT_RANGE) else {
            return Ok(declared);
        };
        let range = chunk_range(range)
            .ok_or_else(|| ApiError::range("`Content-Range` is written `first-last`"))?;
        if declared.len.is_some_and(|declared| declared != range.len) {
            return Err(ApiError::range(
                "`Content-Range` and `Content-Length` do not agree",
            ));
        }
        Ok(Self {
            start: Some(range.start),
            len: Some(range.len),
        })
    }

    /// Refuses a chunk in the wrong place, or one too many, before a byte of it is taken.
    fn check(&self, offset: u64, limit: u64) -> Result<(), ApiError> {
        if let Some(start) = self.start
            && start != offset
        {
            return Err(ApiError::range(format!(
                "the chunk starts at {start}, the upload stands at {offset}"
            )));
        }
        within_limit(offset, self.len.unwrap_or(0), limit)
    }
}

fn within_limit(offset: u64, more: u64, limit: u64) -> Result<(), ApiError> {
    if offset.saturating_add(more) <= limit {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::SizeInvalid,
        format!("a blob may have at most {limit} bytes here"),
    ))
}

/// Runs work to its end although nobody may wait for it any more: a handler is dropped when its connection breaks, and
/// what arrived must become durable all the same.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(failure) => Err(ApiError::fault(failure)),
    }
}

/// The part of a request that moves bytes.
struct Transfer {
    app: Shared,
    repository: RepositoryId,
    principal: PrincipalId,
    upload: Upload,
    chunk: Chunk,
}

impl Transfer {
    fn new(call: &Call, access: &Access, upload: Upload, chunk: Chunk) -> Self {
        Self {
            app: call.app.clone(),
            repository: access.repository.id,
            principal: access.principal.id,
            upload,
            chunk,
        }
    }

    /// Keeps other writers out, then reads the row and opens the file where the row says: a row read before the lock may
    /// be older than the bytes, and cutting the file there would lose what another request was promised.
    async fn open(&mut self) -> Result<UploadWriter, ApiError> {
        let app = &self.app;
        let locked = app
            .store
            .lock(self.upload.id)
            .await
            .map_err(storage_error)?;
        self.upload = self.row().await?;
        self.chunk.check(
            self.upload.offset,
            self.app.settings.registry.max_blob_bytes,
        )?;
        let algorithm = self.upload.algorithm;
        let hasher = match &self.upload.hash_state {
            None => DigestHasher::new(algorithm),
            Some(state) => {
                DigestHasher::resume(algorithm, state).ok_or_else(ApiError::upload_unknown)?
            }
        };
        locked
            .resume(self.upload.offset, hasher)
            .await
            .map_err(storage_error)
    }

    async fn row(&self) -> Result<Upload, ApiError> {
        let now = self.app.clock.now();
        self.app
            .catalog
            .upload(self.upload.id, self.repository, self.principal, now)
            .await?
            .ok_or_else(ApiError::upload_unknown)
    }

    /// Streams the body into the session and moves its row to what is durable.
    async fn receive(mut self, body: Body) -> Result<Upload, ApiError> {
        let mut writer = self.open().await?;
        let streamed = self.stream(body, &mut writer).await;
        let kept = self.keep(&mut writer).await;
        // Why the bytes did not arrive explains more than what became of the rest.
        streamed?;
        kept?;
        self.row().await
    }

    /// Takes the last chunk, checks the digest and publishes the blob.
    async fn complete(mut self, body: Body, expected: Digest) -> Result<(), ApiError> {
        let mut writer = self.open().await?;
        if let Err(error) = self.stream(body, &mut writer).await {
            if let Err(lost) = self.keep(&mut writer).await {
                tracing::debug!(upload = %self.upload.id, cause = lost.message(), "the last chunk was not kept");
            }
            return Err(error);
        }
        let Self {
            app,
            repository,
            principal,
            upload,
            ..
        } = self;
        let sealed = writer.seal().await.map_err(storage_error)?;
        let sealed = sealed
            .rehash(expected.algorithm())
            .await
            .map_err(storage_error)?;
        if *sealed.digest() != expected {
            let message = format!(
                "the content's digest is {}, the request says {expected}",
                sealed.digest()
            );
            sealed.abort().await.map_err(storage_error)?;
            close(&app, repository, principal, upload.id).await?;
            return Err(ApiError::bad_request(ErrorCode::DigestInvalid, message));
        }
        let size = sealed.size_bytes();
        let key: ObjectKey = upload.object_key.parse().map_err(ApiError::fault)?;
        sealed.commit(&key).await.map_err(storage_error)?;
        let now = app.clock.now();
        let published = app
            .catalog
            .publish_blob(repository, &expected, size, key.as_str(), upload.id, now)
            .await;
        let published = match published {
            Ok(published) => published,
            Err(catalog::CatalogError::Conflict(_)) => {
                // The session ended in the meantime, and with it the row that leads to the object.
                tap::abandon(&app, upload.id);
                app.store.delete(&key).await.map_err(storage_error)?;
                return Err(ApiError::upload_unknown());
            }
            Err(error) => return Err(error.into()),
        };
        tap::finish(&app, upload.id, &expected, size);
        if let Published::Kept { .. } | Published::Revived { .. } = published {
            app.wake_sweeper();
        }
        Ok(())
    }
}

impl Transfer {
    /// Reads the body into the writer, and past the analyser.
    async fn stream(&self, body: Body, writer: &mut UploadWriter) -> Result<(), ApiError> {
        let streamed = self.stream_chunks(body, writer).await;
        if streamed.is_err() {
            tap::abandon(&self.app, self.upload.id);
        }
        streamed
    }

    async fn stream_chunks(&self, body: Body, writer: &mut UploadWriter) -> Result<(), ApiError> {
        let app = &self.app;
        let _counted = InFlight::begin(&app.metrics.uploads_in_flight);
        let limit = app.settings.registry.max_blob_bytes;
        let mut body = body.into_data_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| {
                ApiError::bad_request(
                    ErrorCode::SizeInvalid,
                    "the body broke off, continue at the offset that GET tells",
                )
            })?;
            within_limit(writer.offset(), chunk.len() as u64, limit)?;
            app.metrics.bytes_received.inc_by(chunk.len() as u64);
            tap::offer(app, self.upload.id, writer.offset(), &chunk);
            writer.write(chunk).await.map_err(storage_error)?;
        }
        let received = writer.offset() - self.upload.offset;
        match self.chunk.len {
            Some(len) if len != received => {
                let message = format!("{received} bytes arrived, announced were {len}");
                Err(ApiError::bad_request(ErrorCode::SizeInvalid, message))
            }
            _ => Ok(()),
        }
    }

    /// Makes durable what arrived and moves the row there.
    async fn keep(&self, writer: &mut UploadWriter) -> Result<(), ApiError> {
        let checkpoint = writer.checkpoint().await.map_err(storage_error)?;
        let expires_at = expiry(self.app.clock.now());
        let moved = self
            .app
            .catalog
            .advance_upload(
                self.upload.id,
                self.upload.version,
                checkpoint.offset,
                &checkpoint.hash_state,
                expires_at,
            )
            .await?;
        // Nobody else had the lock, so the session itself must have gone.
        if moved {
            Ok(())
        } else {
            Err(ApiError::upload_unknown())
        }
    }
}

/// Counts an upload while it receives bytes, however that ends.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn begin(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn close(
    app: &App,
    repository: RepositoryId,
    principal: PrincipalId,
    id: Uuid,
) -> Result<(), ApiError> {
    tap::abandon(app, id);
    app.catalog.close_upload(id, repository, principal).await?;
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
