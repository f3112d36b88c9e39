//! The part of an upload that moves bytes.
//!
//! The row says how many bytes are durable; the store may hold more after a crash, never fewer. A chunk is streamed
//! once: through the hash and to the store in [`blobs::UploadWriter`], and past the analyser in [`crate::analysis::tap`].
//! Only bytes already durable move the row; a broken connection keeps what arrived. A blob becomes visible in one
//! transaction after its digest was checked; a mismatch ends the session with nothing visible.
//!
//! Writers of one process, and with files of one machine, wait for each other. Writers of two replicas on one object
//! store do not: the row's version lets one of them advance, the other is told to ask for the offset.

use axum::body::Body;
use blobs::{Resume, Session, Staged, UploadWriter};
use catalog::{Actor, Advance, NewBlob, PrincipalId, Published, RepositoryId, Staging, Upload};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use oci::{Digest, DigestHasher, ErrorCode};
use prometheus_client::metrics::gauge::Gauge;
use tracing::Instrument as _;

use super::Call;
use super::blob::storage_error;
use super::upload::{Chunk, within_limit};
use crate::analysis::tap;
use crate::app::{App, Shared};
use crate::auth::Access;
use crate::error::{ApiError, chain};
use crate::metrics::StoreOperation;

/// How long an idle session is kept.
const IDLE: SignedDuration = SignedDuration::from_hours(24);
/// How long a session is kept that somebody keeps alive.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Runs work to its end although nobody may wait for it any more: a handler is dropped when its connection breaks, and
/// what arrived must become durable all the same.
pub(super) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(failure) => Err(ApiError::fault(failure)),
    }
}

/// The part of a request that moves bytes.
pub(super) struct Transfer {
    app: Shared,
    repository: RepositoryId,
    principal: PrincipalId,
    actor: Actor,
    upload: Upload,
    chunk: Chunk,
}

impl Transfer {
    pub(super) fn new(call: &Call, access: &Access, upload: Upload, chunk: Chunk) -> Self {
        Self {
            app: call.app.clone(),
            repository: access.repository.id,
            principal: access.principal.id,
            actor: access.caller.actor(&call.origin),
            upload,
            chunk,
        }
    }

    /// Keeps other writers out, then reads the row and opens the upload where the row says: a row read before the lock
    /// may be older than the bytes, and cutting a file there would lose what another request was promised.
    async fn open(&mut self) -> Result<UploadWriter, ApiError> {
        let locked = self
            .app
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
        let from = Resume {
            session: session_of(&self.upload)?,
            offset: self.upload.offset,
            hasher,
            expected_bytes: self
                .chunk
                .len
                .map(|len| self.upload.offset.saturating_add(len)),
        };
        locked.resume(from).await.map_err(storage_error)
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
    pub(super) async fn receive(mut self, body: Body) -> Result<Upload, ApiError> {
        let mut writer = self.open().await?;
        let streamed = self.stream(body, &mut writer).await;
        let kept = self.keep(&mut writer).await;
        // Why the bytes did not arrive explains more than what became of the rest.
        streamed?;
        kept?;
        Ok(self.upload)
    }

    /// Takes the last chunk, checks the digest and publishes the blob.
    pub(super) async fn complete(mut self, body: Body, expected: Digest) -> Result<(), ApiError> {
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
            actor,
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
            sealed.discard().await.map_err(storage_error)?;
            close(&app, repository, principal, &upload).await?;
            return Err(ApiError::bad_request(ErrorCode::DigestInvalid, message));
        }
        let size = sealed.size_bytes();
        let session = session_of(&upload)?;
        let waits = &app.metrics.waits;
        let committed = waits.on_store(StoreOperation::Commit, sealed.commit());
        committed.await.map_err(storage_error)?;
        let (key, now) = (session.key.as_str(), app.clock.now());
        let blob = NewBlob {
            repository,
            digest: &expected,
            size_bytes: size,
            object_key: key,
            upload: upload.id,
        };
        let published = app.catalog.publish_blob(&blob, &actor, now).await;
        let published = match published {
            Ok(published) => published,
            Err(catalog::CatalogError::Conflict(_)) => {
                // The session ended in the meantime. Another replica may have published this very object.
                tap::abandon(&app, upload.id);
                app.catalog.discard_unpublished(key, now).await?;
                app.wake_sweeper();
                return Err(ApiError::upload_unknown());
            }
            Err(error) => return Err(error.into()),
        };
        tap::finish(&app, upload.id, &expected, size);
        if let Published::Kept { .. } | Published::Revived { .. } = published {
            app.wake_sweeper();
        }
        // The blob is there; what is left of its staging is the sweeper's, should this fail.
        let cleared = waits.on_store(StoreOperation::Clear, app.store.clear(&session));
        if let Err(error) = cleared.await {
            tracing::warn!(upload = %upload.id, cause = %chain(&error), "staged bytes were not removed");
        }
        Ok(())
    }

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
    async fn keep(&mut self, writer: &mut UploadWriter) -> Result<(), ApiError> {
        let waits = &self.app.metrics.waits;
        let checkpoint = waits.on_store(StoreOperation::Checkpoint, writer.checkpoint());
        let checkpoint = checkpoint.await.map_err(storage_error)?;
        let to = Advance {
            offset: checkpoint.offset,
            hash_state: checkpoint.hash_state,
            staging: Staging {
                multipart_id: checkpoint.staged.multipart,
                parts: checkpoint.staged.parts,
                tail: checkpoint.staged.tail,
            },
            expires_at: expiry(self.upload.created_at, self.app.clock.now()),
        };
        let is_moved = self
            .app
            .catalog
            .advance_upload(self.upload.id, self.upload.version, &to)
            .await?;
        let confirmed = writer.confirm(is_moved).await;
        if is_moved {
            if let Err(error) = confirmed {
                tracing::warn!(upload = %self.upload.id, cause = %chain(&error), "staged bytes were not removed");
            }
            self.upload.offset = to.offset;
            self.upload.hash_state = Some(to.hash_state);
            self.upload.staging = to.staging;
            self.upload.version += 1;
            self.upload.expires_at = to.expires_at;
            return Ok(());
        }
        tap::abandon(&self.app, self.upload.id);
        confirmed.map_err(storage_error)?;
        // The session is gone, or a writer of another replica was faster.
        self.row().await?;
        Err(ApiError::range(
            "another request wrote to this upload, ask for its offset",
        ))
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

/// Ends a session and deletes its bytes.
pub(super) async fn close(
    app: &App,
    repository: RepositoryId,
    principal: PrincipalId,
    upload: &Upload,
) -> Result<(), ApiError> {
    tap::abandon(app, upload.id);
    let closed = app
        .catalog
        .close_upload(upload.id, repository, principal)
        .await?;
    let Some(closed) = closed else {
        // Whoever ended it may have published its object.
        let (key, now) = (&upload.object_key, app.clock.now());
        return Ok(app.catalog.discard_unpublished(key, now).await?);
    };
    let session = session_of(&closed)?;
    app.store.abort(&session).await.map_err(storage_error)
}

/// Returns a session as the store knows it.
pub(crate) fn session_of(upload: &Upload) -> Result<Session, ApiError> {
    let staging = upload.staging.clone();
    Ok(Session {
        upload: upload.id,
        key: upload.object_key.parse().map_err(ApiError::fault)?,
        staged: Staged {
            multipart: staging.multipart_id,
            parts: staging.parts,
            tail: staging.tail,
        },
    })
}

/// Returns when a session is given up that was opened at `created_at` and advances at `now`.
pub(super) fn expiry(created_at: Timestamp, now: Timestamp) -> Timestamp {
    let idle = now.saturating_add(IDLE).unwrap_or(Timestamp::MAX);
    let longest = created_at.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
    idle.min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_a_day_after_its_last_byte_and_a_week_after_its_beginning() {
        let begun = Timestamp::UNIX_EPOCH;
        for (hours, ends) in [
            (0, 24),
            (1, 25),
            (143, 167),
            (144, 168),
            (150, 168),
            (168, 168),
        ] {
            let now = begun + SignedDuration::from_hours(hours);
            let expected = begun + SignedDuration::from_hours(ends);
            assert_eq!(expiry(begun, now), expected, "a byte after {hours} h");
        }
    }
}
