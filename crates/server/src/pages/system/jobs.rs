//! Background work: what waits, runs, gave up.

use axum::response::Response;
use catalog::{JobRow, JobState, Principal};
use jiff::SignedDuration;
use serde_json::Value;
use web::routes::Route;
use web::{Done, ErrorKind, JobLine, JobList, JobsPage};

use super::{Form, PageError, Visit, and_back, done, html, number};

/// Jobs on a page.
const PER_PAGE: u32 = 50;

pub(super) async fn page(visit: &Visit) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let list = JobList::from_parameter(visit.parameter("state"));
    let after: Option<i64> = visit.parameter("after").parse().ok();
    let state = match list {
        JobList::Dead => JobState::Dead,
        JobList::Ready => JobState::Ready,
        JobList::Running => JobState::Running,
    };
    let mut found = catalog
        .jobs_in(state, after.unwrap_or(0), PER_PAGE + 1)
        .await?;
    let has_more = found.len() > PER_PAGE as usize;
    found.truncate(PER_PAGE as usize);
    let counts = catalog.job_counts().await?;
    let now = visit.app.clock.now();
    let ages = catalog.job_ages().await?;
    let page = JobsPage {
        frame: visit.frame(),
        done: done(visit),
        list,
        counts: JobList::ALL.map(|list| {
            let found = counts.iter().find(|(state, _)| state == list.as_str());
            (list, found.map_or(0, |(_, count)| *count))
        }),
        lanes: ages
            .into_iter()
            .map(|(lane, waited)| {
                let waited = SignedDuration::try_from(waited).unwrap_or(SignedDuration::MAX);
                (lane.as_str(), now.saturating_sub(waited).unwrap_or(now))
            })
            .collect(),
        is_continued: after.is_some(),
        next: found.last().filter(|_| has_more).map(|job| job.job),
        rows: found.into_iter().map(line).collect(),
    };
    html(web::render_jobs(&page))
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    form: &Form,
) -> Result<Response, PageError> {
    if form.field("do") != "retry" {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let (app, actor, now) = (&visit.app, visit.actor(principal), visit.app.clock.now());
    // One that somebody else has retried is no longer in the list that comes next.
    let job = number(form, "job")?;
    if app.catalog.retry_dead(job, &actor, now).await? {
        app.wake_workers();
    }
    Ok(and_back(&Route::Jobs.with("done", Done::Retry.as_str())))
}

fn line(job: JobRow) -> JobLine {
    JobLine {
        id: job.job,
        kind: job.kind,
        lane: job.lane.as_str(),
        payload: payload_words(&job.payload),
        due: job.run_after,
        attempts: job.attempts,
        error: job.last_error,
    }
}

/// Writes what a job works on as names and values; what is no object stays as it is.
fn payload_words(payload: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(payload) else {
        return payload.to_owned();
    };
    let words = fields.into_iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::payload_words;

    #[test]
    fn what_a_job_works_on_is_said_without_braces() {
        for (payload, words) in [
            (r#"{"endpoint":7}"#, "endpoint 7"),
            (
                r#"{"repository":3,"digest":"sha256:aa"}"#,
                "digest sha256:aa, repository 3",
            ),
            ("{}", ""),
            ("[1]", "[1]"),
            ("not JSON", "not JSON"),
        ] {
            assert_eq!(payload_words(payload), words);
        }
    }
}
