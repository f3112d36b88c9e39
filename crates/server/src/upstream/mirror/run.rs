//! A run: the plan carried out, tag by tag.

use std::collections::BTreeMap;
use std::time::Duration;

use catalog::{
    Actor, AuditAction, AuditEntry, CatalogError, Claim, JobResults, Lane, Mirror, MirrorId,
    MirrorRun, NewJob, RepositoryState,
};
use futures::FutureExt as _;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};

use super::super::copy::{Closure, Route, follow_tag};
use super::super::{FetchError, remote};
use super::plan::{Step, StepKind, plan};
use crate::app::{App, Shared};
use crate::error::chain;
use crate::workers::{ATTEMPTS, JobError, Kind, Work, payload};

/// The job that runs one mirror.
pub(crate) const JOB: Kind = Kind {
    name: "mirror",
    lane: Lane::Bulk,
    max_attempts: ATTEMPTS,
    perform: |app, claim| perform(app, claim),
};

/// Failures in a row after which the upstream, not the tag, is taken to be in trouble.
const PATIENCE: usize = 5;
/// Failed tags that a report names.
const MAX_NAMED: usize = 100;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    /// The repository that is the mirror.
    argument: RepositoryName,
}

/// What a run leaves to be read.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    copied: u64,
    unchanged: u64,
    /// Tags that somebody restored here, and that wait for the upstream's next move.
    held: u64,
    ended: u64,
    /// Manifests that were not here before.
    manifests: u64,
    failed: u64,
    /// Why, by tag.
    failures: BTreeMap<String, String>,
    /// Why the whole run ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Report {
    fn outcome(&self) -> &'static str {
        match (
            self.failed,
            &self.error,
            self.copied + self.unchanged + self.held,
        ) {
            (0, None, _) => "ok",
            (_, None, 1..) => "partial",
            _ => "failed",
        }
    }
}

/// Returns the name of a mirror's schedule.
pub(crate) fn schedule_name(repository: &RepositoryName) -> String {
    format!("{}:{repository}", JOB.name)
}

/// Returns the job that runs a mirror.
pub(crate) fn job(repository: &RepositoryName, lane: Lane) -> NewJob {
    let payload = Payload {
        argument: repository.clone(),
    };
    NewJob {
        kind: JOB.name.to_owned(),
        lane,
        payload: serde_json::to_string(&payload).expect("a name is JSON"),
        dedup_key: Some(schedule_name(repository)),
        delay: Duration::ZERO,
    }
}

/// Queues a run now. Returns whether none was queued or running.
async fn queue(app: &App, repository: &RepositoryName) -> Result<bool, CatalogError> {
    let job = job(repository, Lane::Manual);
    let is_new = app.catalog.enqueue(&job).await?.is_some();
    app.wake_workers();
    Ok(is_new)
}

/// Queues a run that somebody asked for. Returns whether none was queued or running.
pub(crate) async fn run_now(
    app: &App,
    repository: &RepositoryName,
    by: &Actor,
) -> Result<bool, CatalogError> {
    let is_new = queue(app, repository).await?;
    let entry = AuditEntry::on(AuditAction::MirrorRun, Some(repository.as_str()), None);
    app.catalog.audit(&entry, by, app.clock.now()).await?;
    Ok(is_new)
}

/// Writes how far behind mirrors are.
pub(crate) async fn measure_lag(app: &App) -> Result<(), CatalogError> {
    let since = app.catalog.mirrors_behind_since().await?;
    let lag = since.map_or(0.0, |since| {
        app.clock.now().duration_since(since).as_secs_f64().max(0.0)
    });
    app.metrics.upstream.mirror_lag_seconds.set(lag);
    Ok(())
}

fn perform(app: Shared, claim: Claim) -> Work {
    async move {
        let Payload { argument } = payload(&claim)?;
        let Some(mirror) = app.catalog.mirror(&argument).await? else {
            return Ok(JobResults::default());
        };
        app.catalog
            .mirror_started(mirror.id, app.clock.now())
            .await?;
        let (report, again) = match run(&app, &mirror).await {
            Ok(report) => (report, None),
            Err((report, error)) => (report, Some(error)),
        };
        finish(&app, mirror.id, &report).await?;
        measure_lag(&app).await?;
        tracing::info!(
            repo = %argument,
            outcome = report.outcome(),
            copied = report.copied,
            failed = report.failed,
            "mirror ran"
        );
        match again {
            // A plan comes round by itself; what somebody asked for is tried again.
            Some(error) if error.is_outage() => Err(JobError::later(error)),
            _ => Ok(JobResults::default()),
        }
    }
    .boxed()
}

async fn finish(app: &App, id: MirrorId, report: &Report) -> Result<(), CatalogError> {
    let run = MirrorRun {
        finished_at: app.clock.now(),
        outcome: report.outcome().to_owned(),
        report: serde_json::to_string(report).expect("a report is JSON"),
    };
    app.catalog.mirror_finished(id, &run).await
}

/// Says what a run would do.
pub(crate) async fn dry_run(app: &Shared, mirror: &Mirror) -> Result<Vec<Step>, FetchError> {
    let route = route(app, mirror).await?;
    plan(app, mirror, &route).await
}

/// Returns the way of a mirror's copies; its repository exists afterwards.
async fn route(app: &Shared, mirror: &Mirror) -> Result<Route, FetchError> {
    let settings = &mirror.settings;
    let upstream = app
        .catalog
        .upstream_by_id(settings.upstream)
        .await?
        .ok_or(FetchError::Interrupted)?;
    let actor = Actor::named(&format!("mirror of {}", upstream.name));
    let repository = app
        .catalog
        .ensure_copy(
            &settings.repository,
            RepositoryState::Mirror,
            &actor,
            app.clock.now(),
        )
        .await?;
    Ok(Route {
        remote: remote(app, &upstream)?,
        source: settings.source.clone(),
        repository,
        actor,
    })
}

/// Runs a mirror. With an error, the report says how far it came.
async fn run(app: &Shared, mirror: &Mirror) -> Result<Report, (Report, FetchError)> {
    let mut report = Report::default();
    let ended_early = |mut report: Report, error: FetchError| {
        report.error = Some(chain(&error));
        (report, error)
    };
    let route = match route(app, mirror).await {
        Ok(route) => route,
        Err(error) => return Err(ended_early(report, error)),
    };
    let steps = match plan(app, mirror, &route).await {
        Ok(steps) => steps,
        Err(error) => return Err(ended_early(report, error)),
    };
    let mut in_a_row = 0;
    for step in &steps {
        if app.stop.is_cancelled() {
            return Err(ended_early(report, FetchError::Interrupted));
        }
        match carry_out(app, &route, step, &mut report).await {
            Ok(()) => in_a_row = 0,
            Err(error) => {
                tracing::warn!(repo = %route.repository.name, tag = %step.tag, cause = %chain(&error), "tag not mirrored");
                report.failed += 1;
                if report.failures.len() < MAX_NAMED {
                    let words = chain(&error);
                    report.failures.insert(step.tag.to_string(), words);
                }
                in_a_row += 1;
                if error.is_outage() && in_a_row == PATIENCE {
                    return Err(ended_early(report, error));
                }
            }
        }
    }
    Ok(report)
}

async fn carry_out(
    app: &Shared,
    route: &Route,
    step: &Step,
    report: &mut Report,
) -> Result<(), FetchError> {
    let Some(digest) = &step.digest else {
        if step.kind == StepKind::End {
            follow_tag(app, route, &step.tag, None).await?;
            report.ended += 1;
        }
        report.held += u64::from(step.kind == StepKind::Held);
        return Ok(());
    };
    let mut closure = Closure::new(app, route);
    closure.copy(digest, 0).await?;
    report.manifests += closure.copied;
    follow_tag(app, route, &step.tag, Some(digest)).await?;
    match step.kind {
        StepKind::Unchanged => report.unchanged += 1,
        _ => report.copied += 1,
    }
    Ok(())
}
