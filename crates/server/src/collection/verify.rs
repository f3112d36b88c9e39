//! Reading everything again: whether each object still is what its digest says.
//!
//! Rounds go through all blobs in order of their digests, at a configured rate, and remember how far they are, so that
//! a round may take weeks and any replica goes on with it. A job each minute does a minute's share. What is damaged is
//! quarantined after a second look; what was quarantined and is whole again is released. A missing object is left to
//! the comparison with the list, which can tell one from many.

use std::time::{Duration, Instant};

use catalog::{BlobRow, CheckProgress, Claim, Fault, JobResults, Lane, StoreCheck};

use super::look::{Pace, Seen, look_at};
use crate::app::{App, Shared};
use crate::workers::{ATTEMPTS, JobError, Kind};

/// The kind of the job, and the name of its schedule.
pub(crate) const VERIFY: &str = "verify";

/// Reads and hashes a minute's share of all objects.
pub(crate) const VERIFY_JOB: Kind = Kind {
    name: VERIFY,
    lane: Lane::Upkeep,
    max_attempts: ATTEMPTS,
    perform: |app, claim| Box::pin(perform(app, claim)),
};

/// How long one job reads; the next one is due each minute.
const SHARE: Duration = Duration::from_secs(55);
/// Blobs between two notes of how far it is.
const PAGE: u32 = 32;

/// How everything stored is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyRules {
    /// How many bytes are read in a second, at most; 0 never reads.
    pub bytes_per_second: u64,
    /// How long after the beginning of one round the next begins.
    pub every: Duration,
}

impl Default for VerifyRules {
    fn default() -> Self {
        Self {
            bytes_per_second: 8 << 20,
            every: Duration::from_hours(30 * 24),
        }
    }
}

async fn perform(app: Shared, _: Claim) -> Result<JobResults, JobError> {
    let rules = app.settings.verify;
    if rules.bytes_per_second == 0 {
        return Ok(JobResults::default());
    }
    let Some(mut progress) = round_under_way(&app, rules).await? else {
        return Ok(JobResults::default());
    };
    let started = Instant::now();
    let mut pace = Pace::of(rules.bytes_per_second);
    while started.elapsed() < SHARE {
        if app.stop.is_cancelled() {
            return Err(JobError::Stopping);
        }
        let before = pace.read();
        let rows = app.catalog.blob_rows(&progress.position, PAGE).await?;
        if let Some(last) = rows.last() {
            progress.position = last.digest.to_string();
        } else {
            progress.position.clear();
            progress.ended_at = Some(app.clock.now());
        }
        for row in &rows {
            verify(&app, row, &mut pace).await?;
        }
        progress.objects += rows.len() as u64;
        progress.bytes += pace.read() - before;
        app.metrics
            .store
            .verified_bytes
            .inc_by(pace.read() - before);
        app.catalog
            .put_check_progress(StoreCheck::Verify, &progress)
            .await?;
        if progress.ended_at.is_some() {
            tracing::info!(
                objects = progress.objects,
                bytes = progress.bytes,
                "everything stored was read again"
            );
            break;
        }
    }
    Ok(JobResults::default())
}

/// Returns the round to go on with, or a new one if it is time.
async fn round_under_way(app: &App, rules: VerifyRules) -> Result<Option<CheckProgress>, JobError> {
    let now = app.clock.now();
    let Some(progress) = app.catalog.check_progress(StoreCheck::Verify).await? else {
        return Ok(Some(CheckProgress::begun_at(now)));
    };
    if progress.ended_at.is_none() {
        return Ok(Some(progress));
    }
    let next = progress.started_at.saturating_add(rules.every);
    Ok(next
        .is_ok_and(|next| next <= now)
        .then(|| CheckProgress::begun_at(now)))
}

async fn verify(app: &App, row: &BlobRow, pace: &mut Pace) -> Result<(), JobError> {
    let detail = match look_at(&app.store, row, true, pace).await {
        Seen::Whole => {
            if app.catalog.is_quarantined(&row.digest).await? && app.catalog.release(row).await? {
                tracing::info!(digest = %row.digest, "a damaged object is whole again");
            }
            return Ok(());
        }
        // What is not read is not judged, and the list tells what is missing.
        Seen::Missing(_) => return Ok(()),
        Seen::Unreadable(cause) => {
            tracing::warn!(digest = %row.digest, %cause, "an object cannot be read");
            return Ok(());
        }
        Seen::OtherSize(detail) | Seen::OtherHash(detail) => detail,
    };
    // A second look: memory and cables fail, too.
    if let Seen::OtherSize(_) | Seen::OtherHash(_) = look_at(&app.store, row, true, pace).await
        && app
            .catalog
            .quarantine(row, Fault::Damaged, &detail, app.clock.now())
            .await?
    {
        tracing::error!(
            digest = %row.digest, object = %row.object_key, detail, "an object is damaged"
        );
        super::measure_faults(app).await;
    }
    Ok(())
}
