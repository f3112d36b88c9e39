//! What keeps a registry in order: the check of everything stored, collection, jobs.

use std::path::Path;

use catalog::{CollectionRun, JobRow, JobState, Queue, Switches};
use jiff::Timestamp;

use super::{Admin, AdminError};
use crate::collection;
use crate::collection::check::CheckError;
pub use crate::collection::check::{CheckOptions, CheckReport, Finding};
use crate::settings::Storage;

impl Admin {
    /// Checks rows against rows and rows against objects. Servers may be at work meanwhile; nothing is changed.
    pub async fn check(
        &self,
        storage: &Storage,
        data: &Path,
        options: CheckOptions,
        now: Timestamp,
    ) -> Result<CheckReport, AdminError> {
        let store = storage.open(data).await.map_err(CheckError::Store)?;
        Ok(collection::check::check(&self.catalog, &store, options, now).await?)
    }

    /// Returns how collection is steered, and what waits for it.
    pub async fn collection(&self, now: Timestamp) -> Result<(Switches, Queue), AdminError> {
        let switches = self.catalog.collection_switches().await?;
        Ok((switches, self.catalog.collection_queue(now).await?))
    }

    /// Returns the latest runs of collection that found something to do.
    pub async fn collection_runs(&self, limit: u32) -> Result<Vec<CollectionRun>, AdminError> {
        Ok(self.catalog.collection_runs(limit).await?)
    }

    /// Lets collection rest, or go on, on every server of this database.
    pub async fn pause_collection(
        &self,
        is_paused: bool,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let switches = Switches {
            is_paused,
            ..self.catalog.collection_switches().await?
        };
        self.catalog
            .steer_collection(switches, &self.actor, now)
            .await?;
        Ok(())
    }

    /// Lists jobs in a state, oldest first, beginning after the job `after`.
    pub async fn jobs(
        &self,
        state: JobState,
        after: i64,
        limit: u32,
    ) -> Result<Vec<JobRow>, AdminError> {
        Ok(self.catalog.jobs_in(state, after, limit).await?)
    }

    /// Makes a dead job due again.
    pub async fn retry_job(&self, job: i64, now: Timestamp) -> Result<(), AdminError> {
        if self.catalog.retry_dead(job, &self.actor, now).await? {
            Ok(())
        } else {
            Err(AdminError::NoDeadJob(job))
        }
    }
}
