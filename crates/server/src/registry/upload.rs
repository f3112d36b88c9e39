//! Upload sessions: the state machine behind every pushed blob.
//!
//! This is their HTTP side: what a request says, and what it is answered. The bytes move in [`super::transfer`].

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use blobs::ObjectKey;
use catalog::{NewUpload, Upload};
use oci::{Algorithm, Digest, ErrorCode, RepositoryName};
use uuid::Uuid;

use super::blob::storage_error;
use super::range::chunk_range;
use super::transfer::{Transfer, close, detached, expiry};
use super::{CONTENT_DIGEST, Call, header_value, parse_digest};
use crate::app::App;
use crate::auth::Access;
use crate::error::ApiError;
use crate::metrics::StoreOperation;

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
    if let Some(full) = call
        .app
        .catalog
        .quota_against_upload(access.repository.id)
        .await?
    {
        return Err(ApiError::denied(format!(
            "{full}, uploads under way included; nothing more can be pushed"
        )));
    }
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
        &upload,
    )
    .await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

async fn mount_blob(call: &Call, access: &Access, digest: &Digest) -> Result<bool, ApiError> {
    let (app, now) = (&call.app, call.app.clock.now());
    let target = access.repository.id;
    let by = access.caller.actor(&call.origin);
    let Some(from) = call.query("from").next() else {
        return Ok(app
            .catalog
            .mount_blob_from_any(&access.principal, target, digest, &by, now)
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
        .mount_blob(source.id, target, digest, &by, now)
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
        expires_at: expiry(now, now),
    };
    // The row first: bytes without a row are found and removed, a row without bytes starts at offset 0.
    let upload = app.catalog.create_upload(&new, now).await?;
    let begun = app.store.begin(id);
    let begun = app.metrics.waits.on_store(StoreOperation::Begin, begun);
    begun.await.map_err(storage_error)?;
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
pub(super) struct Chunk {
    /// Where it belongs; `None` is wherever the session stands.
    pub(super) start: Option<u64>,
    /// How long it is.
    pub(super) len: Option<u64>,
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
    pub(super) fn check(&self, offset: u64, limit: u64) -> Result<(), ApiError> {
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

/// Refuses more bytes than a blob may have.
pub(super) fn within_limit(offset: u64, more: u64, limit: u64) -> Result<(), ApiError> {
    if offset.saturating_add(more) <= limit {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::SizeInvalid,
        format!("a blob may have at most {limit} bytes here"),
    ))
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
