//! The weekly comparison of the store with its rows, page by page, in the order of keys.
//!
//! An object that no row names is put into the trash once it is a week old: younger ones may be a replica's that is
//! ahead of what this one reads. A row whose object is missing is a finding, and its blob is quarantined, so that a new
//! upload brings it back. Where many objects are missing at once the store is not what the rows are about, a disk that
//! was not mounted perhaps: then nothing is quarantined and the job says so.
//!
//! It may run beside everything else: an upload's key is in a row from before its object exists, and what seems to be
//! missing is looked for again before it is believed.

use std::collections::{HashMap, HashSet};

use blobs::{ObjectInfo, ObjectKey};
use catalog::{BlobRow, CheckProgress, Claim, Fault, JobResults, Lane, StoreCheck};
use jiff::{SignedDuration, Timestamp};

use super::look::{Pace, Seen, look_at};
use crate::app::{App, Shared};
use crate::workers::{ATTEMPTS, JobError, Kind};

/// The kind of the job, and the name of its schedule.
pub(crate) const RECONCILE: &str = "reconcile";

/// Compares objects with rows.
pub(crate) const RECONCILE_JOB: Kind = Kind {
    name: RECONCILE,
    lane: Lane::Upkeep,
    max_attempts: ATTEMPTS,
    perform: |app, claim| Box::pin(perform(app, claim)),
};

/// Objects of one page.
const PAGE: usize = 1_000;
/// How long an object that nothing names is left alone.
const UNKNOWN_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Sorts after every key.
const AFTER_ALL: &str = "p";
/// Missing objects are believed up to this many, or one in this many of all.
const BELIEVED: u64 = 10;
const BELIEVED_ONE_IN: u64 = 20;

/// So many objects are missing that the store is not the one that the rows are about.
#[derive(Debug, thiserror::Error)]
#[error(
    "{missing} of {rows} objects are missing, the first is `{first}`: nothing was quarantined; see that the store is \
     the right one and whole, then retry"
)]
struct WrongStore {
    missing: u64,
    rows: u64,
    first: String,
}

/// What was found on the way.
struct Round {
    progress: CheckProgress,
    rows: u64,
    missing: u64,
    /// The first of the missing: as many as are believed at most.
    candidates: Vec<(BlobRow, String)>,
}

async fn perform(app: Shared, _: Claim) -> Result<JobResults, JobError> {
    let now = app.clock.now();
    let mut round = Round {
        progress: CheckProgress::begun_at(now),
        rows: 0,
        missing: 0,
        candidates: Vec::new(),
    };
    let mut after: Option<ObjectKey> = None;
    loop {
        if app.stop.is_cancelled() {
            return Err(JobError::Stopping);
        }
        let page = app.store.list(after.as_ref(), PAGE).await?;
        compare(&app, after.as_ref(), &page, &mut round, now).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
    }
    app.metrics
        .store
        .set_unknown_objects(round.progress.unknown_objects);
    app.catalog.forget_old_findings().await?;
    let outcome = quarantine(&app, &round, now).await;
    round.progress.ended_at = Some(app.clock.now());
    app.catalog
        .put_check_progress(StoreCheck::Reconcile, &round.progress)
        .await?;
    tracing::info!(
        objects = round.progress.objects,
        unknown = round.progress.unknown_objects,
        missing = round.missing,
        "store compared with its rows"
    );
    outcome?;
    Ok(JobResults::default())
}

/// Compares one page of objects with the rows between its ends; an empty page is what lies behind the last object.
async fn compare(
    app: &App,
    after: Option<&ObjectKey>,
    page: &[ObjectInfo],
    round: &mut Round,
    now: Timestamp,
) -> Result<(), JobError> {
    let until = page.last().map_or(AFTER_ALL, |last| last.key.as_str());
    let mut listed: HashMap<&str, &ObjectInfo> = page
        .iter()
        .map(|object| (object.key.as_str(), object))
        .collect();
    round.progress.objects += page.len() as u64;
    let mut from = after.map_or_else(String::new, |key| key.as_str().to_owned());
    loop {
        let rows = app.catalog.blobs_between(&from, until, PAGE as u32).await?;
        let Some(last) = rows.last() else { break };
        from.clone_from(&last.object_key);
        round.rows += rows.len() as u64;
        let mut present = Vec::new();
        for row in rows {
            match listed.remove(row.object_key.as_str()) {
                Some(object) if object.size_bytes == row.size_bytes => present.push(row),
                Some(_) => {}
                None => look_again(app, row, round).await?,
            }
        }
        release(app, &present).await?;
    }
    discard(app, listed.into_values().collect(), round, now).await
}

/// Looks for an object that the list did not show: the list may be older than the row.
async fn look_again(app: &App, row: BlobRow, round: &mut Round) -> Result<(), JobError> {
    let Seen::Missing(detail) = look_at(&app.store, &row, false, &mut Pace::unbounded()).await
    else {
        return Ok(());
    };
    // Replaced or collected while we looked.
    if app.catalog.blob_row(&row.digest).await?.as_ref() != Some(&row) {
        return Ok(());
    }
    round.missing += 1;
    round.candidates.push((row, detail));
    Ok(())
}

/// Lets blobs be read again whose objects were missing and are back.
async fn release(app: &App, present: &[BlobRow]) -> Result<(), JobError> {
    let digests: Vec<_> = present.iter().map(|row| row.digest.clone()).collect();
    let back: HashSet<_> = app
        .catalog
        .once_missing(&digests)
        .await?
        .into_iter()
        .collect();
    for row in present.iter().filter(|row| back.contains(&row.digest)) {
        if app.catalog.release(row).await? {
            tracing::info!(digest = %row.digest, "a missing object is back");
        }
    }
    Ok(())
}

/// Counts objects that no row names, and puts those into the trash that are old enough.
async fn discard(
    app: &App,
    objects: Vec<&ObjectInfo>,
    round: &mut Round,
    now: Timestamp,
) -> Result<(), JobError> {
    let keys: Vec<String> = objects
        .iter()
        .map(|object| object.key.to_string())
        .collect();
    let unknown: HashSet<String> = app
        .catalog
        .unknown_objects(&keys)
        .await?
        .into_iter()
        .collect();
    let mut old = Vec::new();
    for object in objects {
        if !unknown.contains(object.key.as_str()) {
            continue;
        }
        let age = Timestamp::try_from(object.modified).map(|modified| now.duration_since(modified));
        if age.is_ok_and(|age| age > UNKNOWN_KEPT) {
            old.push((object.key.to_string(), object.size_bytes));
        } else {
            round.progress.unknown_objects += 1;
            round.progress.unknown_bytes += object.size_bytes;
        }
    }
    if !old.is_empty() {
        let discarded = app.catalog.discard_unknown(&old, now).await?;
        tracing::info!(objects = discarded, "objects without a row go to the trash");
        app.wake_sweeper();
    }
    Ok(())
}

async fn quarantine(app: &App, round: &Round, now: Timestamp) -> Result<(), JobError> {
    let believed = BELIEVED.max(round.rows / BELIEVED_ONE_IN);
    if round.missing > believed {
        let first = &round.candidates[0].0;
        let refusal = WrongStore {
            missing: round.missing,
            rows: round.rows,
            first: first.object_key.clone(),
        };
        tracing::error!(cause = %refusal, "the store does not hold what its rows name");
        return Err(JobError::Never(refusal.into()));
    }
    for (row, detail) in &round.candidates {
        if app
            .catalog
            .quarantine(row, Fault::Missing, detail, now)
            .await?
        {
            tracing::error!(digest = %row.digest, object = %row.object_key, "an object is missing");
        }
    }
    super::measure_faults(app).await;
    Ok(())
}
