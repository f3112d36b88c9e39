//! What keeps a registry in order: the check of everything stored, collection, jobs.

use std::path::Path;

use catalog::JobState;
use jiff::Timestamp;

use super::{Admin, AdminError};
pub use crate::api::gc::{CollectionStatus, ReclaimItem, ReclaimReport, Steered, Steering};
pub use crate::api::jobs::JobItem;
pub use crate::api::schedules::ScheduleItem;
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

    /// Returns whether collection runs, what waits, and what the latest runs did.
    pub async fn collection(&self, now: Timestamp) -> Result<CollectionStatus, AdminError> {
        Ok(CollectionStatus::read(&self.catalog, now).await?)
    }

    /// Queues a run of collection; a running server does it. Returns how many entries became due earlier than planned.
    pub async fn run_collection(&self, now: Timestamp) -> Result<u64, AdminError> {
        let job = collection::job_for(&self.actor.name);
        Ok(self.catalog.run_collection(&job, &self.actor, now).await?)
    }

    /// Tells what collection would give back if everything that waits were looked at now. Nothing is changed.
    pub async fn reclaimable(&self, now: Timestamp) -> Result<ReclaimReport, AdminError> {
        Ok(ReclaimReport::read(&self.catalog, now).await?)
    }

    /// Lets collection rest or go on, or sets its pace, on every server of this database.
    pub async fn steer_collection(
        &self,
        steering: &Steering,
        now: Timestamp,
    ) -> Result<Steered, AdminError> {
        let switches = steering.read(self.catalog.collection_switches().await?)?;
        self.catalog
            .steer_collection(switches, &self.actor, now)
            .await?;
        Ok(Steered {
            paused: switches.is_paused,
            rate: switches.rate,
        })
    }

    /// Lists jobs in a state, oldest first, beginning after the job `after`.
    pub async fn jobs(
        &self,
        state: JobState,
        after: i64,
        limit: u32,
    ) -> Result<Vec<JobItem>, AdminError> {
        let jobs = self.catalog.jobs_in(state, after, limit).await?;
        Ok(jobs.into_iter().map(JobItem::from).collect())
    }

    /// Makes a dead job due again.
    pub async fn retry_job(&self, job: i64, now: Timestamp) -> Result<(), AdminError> {
        if self.catalog.retry_dead(job, &self.actor, now).await? {
            Ok(())
        } else {
            Err(AdminError::NoDeadJob(job))
        }
    }

    /// Lists what recurs, by name.
    pub async fn schedules(&self) -> Result<Vec<ScheduleItem>, AdminError> {
        let schedules = self.catalog.schedules().await?;
        Ok(schedules.into_iter().map(ScheduleItem::from).collect())
    }
}
