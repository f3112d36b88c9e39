//! One blob, from an upstream into a repository: streamed, hashed, and visible only when it is what it should be.

use std::time::Duration;

use blobs::{ObjectKey, Resume, Session, Staged, UploadWriter};
use bytes::Bytes;
use catalog::{
    AccountId, Actor, Advance, NewBlob, NewUpload, PrincipalId, Published, RepositoryId, Staging,
    Upload,
};
use futures::TryStreamExt as _;
use jiff::SignedDuration;
use oci::{Digest, DigestHasher};
use uuid::Uuid;

use super::FetchError;
use super::client::{Remote, UpstreamError};
use crate::analysis::tap;
use crate::app::Shared;
use crate::error::chain;
use crate::metrics::StoreOperation;
use crate::outbound::OutboundError;

/// How often a transfer that breaks is taken up again where it broke.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// A fetch whose process died is swept after this long.
const LIFE: SignedDuration = SignedDuration::from_hours(24);
/// The largest blob fetched, in bytes.
const MAX_BLOB: u64 = 1 << 40;
/// The server itself; accounts are counted from 1.
const SERVER: PrincipalId = PrincipalId::Account(AccountId(0));

/// Where a blob comes from and how long its manifest says it is.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) repository: RepositoryId,
    pub(super) source: String,
    pub(super) digest: Digest,
    pub(super) size_bytes: u64,
}

/// Fetches a blob and links it to the repository. `tee` sees each chunk before anybody knows whether it is true.
pub(super) async fn fetch_blob(
    app: &Shared,
    remote: &Remote,
    wanted: &Wanted,
    tee: impl FnMut(&Bytes) + Send,
) -> Result<(), FetchError> {
    let (id, key) = (Uuid::new_v4(), ObjectKey::new(Uuid::new_v4()));
    let now = app.clock.now();
    let upload = NewUpload {
        id,
        repository: wanted.repository,
        principal: SERVER,
        object_key: key.as_str().to_owned(),
        algorithm: wanted.digest.algorithm(),
        expires_at: now.saturating_add(LIFE).unwrap_or(now),
    };
    let upload = app.catalog.create_upload(&upload, now).await?;
    let stored = receive(app, remote, wanted, &upload, tee).await;
    if stored.is_err() {
        tap::abandon(app, id);
        let closed = app
            .catalog
            .close_upload(id, wanted.repository, SERVER)
            .await?;
        // A session that is gone was published, or ended by whoever sweeps.
        if let Some(closed) = closed {
            app.store.abort(&session_of(&closed)?).await?;
        }
    }
    stored
}

async fn receive(
    app: &Shared,
    remote: &Remote,
    wanted: &Wanted,
    upload: &Upload,
    tee: impl FnMut(&Bytes) + Send,
) -> Result<(), FetchError> {
    let untrue = |what: String| {
        FetchError::from(UpstreamError::Untrue {
            host: remote.host().to_owned(),
            what,
        })
    };
    if wanted.size_bytes > MAX_BLOB {
        return Err(untrue(format!("a blob of {} bytes", wanted.size_bytes)));
    }
    let waits = &app.metrics.waits;
    waits
        .on_store(StoreOperation::Begin, app.store.begin(upload.id))
        .await?;
    let session = session_of(upload)?;
    let from = Resume {
        session: session.clone(),
        offset: 0,
        hasher: DigestHasher::new(wanted.digest.algorithm()),
        expected_bytes: Some(wanted.size_bytes),
    };
    let mut writer = app.store.lock(upload.id).await?.resume(from).await?;
    if let Err(error) = transfer(app, remote, wanted, upload.id, &mut writer, tee).await {
        // The row must know what is staged, or it could not be deleted.
        if let Err(lost) = keep(app, upload, &mut writer).await {
            tracing::debug!(upload = %upload.id, cause = %chain(&lost), "staged bytes are left to the sweeper");
        }
        return Err(error);
    }
    let sealed = writer.seal().await?;
    if *sealed.digest() != wanted.digest {
        let actual = sealed.digest().clone();
        sealed.discard().await?;
        return Err(untrue(format!("a blob {actual} for {}", wanted.digest)));
    }
    waits
        .on_store(StoreOperation::Commit, sealed.commit())
        .await?;
    let blob = NewBlob {
        repository: wanted.repository,
        digest: &wanted.digest,
        size_bytes: wanted.size_bytes,
        object_key: session.key.as_str(),
        upload: upload.id,
    };
    let published = app
        .catalog
        .publish_blob(&blob, &Actor::named("system"), app.clock.now())
        .await?;
    tap::finish(app, upload.id, &wanted.digest, wanted.size_bytes);
    if matches!(
        published,
        Published::Kept { .. } | Published::Revived { .. }
    ) {
        app.wake_sweeper();
    }
    // The blob is there; what is left of its staging is the sweeper's, should this fail.
    let cleared = waits.on_store(StoreOperation::Clear, app.store.clear(&session));
    if let Err(error) = cleared.await {
        tracing::warn!(upload = %upload.id, cause = %chain(&error), "staged bytes were not removed");
    }
    Ok(())
}

/// Writes to the row what is staged.
async fn keep(app: &Shared, upload: &Upload, writer: &mut UploadWriter) -> Result<(), FetchError> {
    let checkpoint = app
        .metrics
        .waits
        .on_store(StoreOperation::Checkpoint, writer.checkpoint())
        .await?;
    let to = Advance {
        offset: checkpoint.offset,
        hash_state: checkpoint.hash_state,
        staging: Staging {
            multipart_id: checkpoint.staged.multipart,
            parts: checkpoint.staged.parts,
            tail: checkpoint.staged.tail,
        },
        expires_at: upload.expires_at,
    };
    let is_moved = app
        .catalog
        .advance_upload(upload.id, upload.version, &to)
        .await?;
    Ok(writer.confirm(is_moved).await?)
}

/// Streams the blob into the writer, going on where a connection broke.
async fn transfer(
    app: &Shared,
    remote: &Remote,
    wanted: &Wanted,
    id: Uuid,
    writer: &mut UploadWriter,
    mut tee: impl FnMut(&Bytes) + Send,
) -> Result<(), FetchError> {
    let untrue = |what: String| {
        FetchError::from(UpstreamError::Untrue {
            host: remote.host().to_owned(),
            what,
        })
    };
    let mut attempt = 1;
    loop {
        let offset = writer.offset();
        let streamed: Result<(), FetchError> = async {
            let (answer, begins) = remote.blob(&wanted.source, &wanted.digest, offset).await?;
            // What was written already is skipped when the upstream begins anew; the hash tells if it is other now.
            let mut skip = offset - begins;
            let mut chunks = std::pin::pin!(answer.stream(wanted.size_bytes - begins));
            while let Some(mut chunk) = chunks.try_next().await? {
                let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
                let _ = chunk.split_to(skipped);
                skip -= skipped as u64;
                if chunk.is_empty() {
                    continue;
                }
                app.metrics
                    .upstream
                    .fetched_bytes
                    .inc_by(chunk.len() as u64);
                tee(&chunk);
                tap::offer(app, id, writer.offset(), &chunk);
                writer.write(chunk).await?;
            }
            Ok(())
        }
        .await;
        match streamed {
            Ok(()) => break,
            Err(error) if error.is_outage() && writer.offset() > offset && attempt < ATTEMPTS => {
                tracing::debug!(digest = %wanted.digest, offset = writer.offset(), "fetch broke, going on");
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(FetchError::Upstream(error)) => {
                let is_too_long = matches!(
                    &*error,
                    UpstreamError::Outbound(OutboundError::TooLarge { .. })
                );
                return Err(if is_too_long {
                    untrue(format!(
                        "more than the {} bytes of {}",
                        wanted.size_bytes, wanted.digest
                    ))
                } else {
                    FetchError::Upstream(error)
                });
            }
            Err(error) => return Err(error),
        }
    }
    if writer.offset() != wanted.size_bytes {
        return Err(untrue(format!(
            "{} of the {} bytes of {}",
            writer.offset(),
            wanted.size_bytes,
            wanted.digest
        )));
    }
    Ok(())
}

/// Returns a session as the store knows it.
fn session_of(upload: &Upload) -> Result<Session, FetchError> {
    let staging = upload.staging.clone();
    Ok(Session {
        upload: upload.id,
        key: upload
            .object_key
            .parse()
            .map_err(|_| FetchError::Interrupted)?,
        staged: Staged {
            multipart: staging.multipart_id,
            parts: staging.parts,
            tail: staging.tail,
        },
    })
}
