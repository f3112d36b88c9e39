//! Events on their way, as jobs: finding who wants one, telling an endpoint what is due, forgetting what is old.

use std::time::{Duration, Instant};

use catalog::{Claim, DELIVER, DeliveryState, EndpointId, FAN_OUT, JobResults, Lane};
use jiff::SignedDuration;
use serde::Deserialize;

use super::{attempt, patterns};
use crate::app::Shared;
use crate::workers::{ATTEMPTS, JobError, Kind, payload};

/// The kind of job that deletes what is old; also the name of its schedule.
pub(crate) const FORGET: &str = "event-forget";

/// How long ended deliveries are shown.
const MEMORY: SignedDuration = SignedDuration::from_hours(24 * 14);
/// How long one endpoint's job goes on before others have their turn.
const TURN: Duration = Duration::from_secs(20);
/// How long an endpoint that failed waits before the next of its deliveries is tried.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Tells one endpoint what is due.
pub(crate) const DELIVER_JOB: Kind = Kind {
    name: DELIVER,
    lane: Lane::Notify,
    // A delivery that fails is not a job that fails: what counts here are dead workers and faults of ours.
    max_attempts: 1_000,
    perform: |app, claim| Box::pin(deliver(app, claim)),
};

/// Finds the endpoints that want an event.
pub(crate) const FAN_OUT_JOB: Kind = Kind {
    name: FAN_OUT,
    lane: Lane::Notify,
    max_attempts: ATTEMPTS,
    perform: |app, claim| Box::pin(fan_out(app, claim)),
};

/// Deletes events that everybody has been told of.
pub(crate) const FORGET_JOB: Kind = Kind {
    name: FORGET,
    lane: Lane::Upkeep,
    max_attempts: ATTEMPTS,
    perform: |app, _| Box::pin(forget(app)),
};

#[derive(Deserialize)]
struct FanOut {
    event: i64,
}

#[derive(Deserialize)]
struct Deliver {
    endpoint: i64,
}

async fn fan_out(app: Shared, claim: Claim) -> Result<JobResults, JobError> {
    let FanOut { event } = payload(&claim)?;
    let Some(event) = app.catalog.event(event).await? else {
        return Ok(JobResults::default());
    };
    let endpoints = app.catalog.endpoints_of(&event).await?;
    let wanting: Vec<EndpointId> = endpoints
        .iter()
        .filter(|endpoint| patterns::wants(endpoint, &event))
        .map(|endpoint| endpoint.id)
        .collect();
    app.catalog
        .deliver_to(event.id, &wanting, app.clock.now())
        .await?;
    if !wanting.is_empty() {
        app.wake_workers();
    }
    Ok(JobResults::default())
}

async fn deliver(app: Shared, claim: Claim) -> Result<JobResults, JobError> {
    let Deliver { endpoint } = payload(&claim)?;
    let id = EndpointId(endpoint);
    let started = Instant::now();
    let mut pause = Duration::ZERO;
    while started.elapsed() < TURN {
        // Asked for each time: it may have been changed, switched off or deleted meanwhile.
        let Some(endpoint) = app.catalog.endpoint(id).await? else {
            return Ok(JobResults::default());
        };
        if !endpoint.settings.enabled {
            break;
        }
        let Some(delivery) = app.catalog.due_delivery(id, app.clock.now()).await? else {
            break;
        };
        let made = attempt::make(&app, &endpoint, &delivery).await;
        let is_recorded = app
            .catalog
            .record_attempt(&delivery, &made, app.clock.now())
            .await?;
        app.metrics.count_delivery(made.state);
        if made.state != DeliveryState::Delivered {
            tracing::warn!(
                endpoint = id.0,
                delivery = delivery.id,
                attempts = delivery.attempts + 1,
                status = made.status,
                excerpt = made.excerpt,
                state = made.state.as_str(),
                "an event could not be delivered"
            );
        }
        if !is_recorded || made.state != DeliveryState::Delivered {
            pause = AFTER_FAILURE;
            break;
        }
    }
    Ok(JobResults {
        deliveries_of: Some((id, pause)),
        ..JobResults::default()
    })
}

async fn forget(app: Shared) -> Result<JobResults, JobError> {
    let now = app.clock.now();
    let before = now.saturating_sub(MEMORY).unwrap_or(now);
    while app.catalog.purge_events(before).await? > 0 {
        if app.stop.is_cancelled() {
            return Err(JobError::Stopping);
        }
    }
    Ok(JobResults::default())
}
