//! Recurring jobs: when they are due, and who queues them.
//!
//! A schedule is a row named after the kind of job it queues, with an argument after a colon where there are several
//! (`prune:team/app`). Times are UTC. Whichever replica moves the row on first queues the job, under the schedule's
//! name as its key: one that still runs when it is due again is not queued twice. The payload is `{}`, or
//! `{"argument":"…"}`.

use std::cmp::Ordering;
use std::str::FromStr as _;
use std::time::Duration;

use catalog::{NewJob, Schedule};
use croner::errors::CronError;
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::kind;
use crate::analysis::rematch::REMATCH;
use crate::app::Shared;
use crate::audit::rotate::ROTATE;
use crate::collection::COLLECT;
use crate::collection::reconcile::RECONCILE;
use crate::collection::verify::VERIFY;
use crate::error::chain;
use crate::notify;
use crate::retention::prune::RETENTION;
use crate::upkeep;
use crate::upstream;

/// A schedule that every installation has.
pub(crate) struct Recurring {
    /// The kind of job, and the name of the row.
    pub(crate) name: &'static str,
    /// When it is due, in UTC.
    pub(crate) cron: &'static str,
}

/// What recurs everywhere, by name.
pub(crate) const RECURRING: &[Recurring] = &[
    Recurring {
        name: ROTATE,
        cron: "53 * * * *",
    },
    Recurring {
        name: COLLECT,
        cron: "* * * * *",
    },
    Recurring {
        name: notify::jobs::FORGET,
        cron: "41 * * * *",
    },
    // Cached tags are kept for days.
    Recurring {
        name: upstream::proxy::EVICT_JOB.name,
        cron: "41 3 * * *",
    },
    Recurring {
        name: RECONCILE,
        cron: "11 2 * * SUN",
    },
    // Grades drop with the calendar, without any news.
    Recurring {
        name: REMATCH,
        cron: "17 * * * *",
    },
    Recurring {
        name: RETENTION,
        cron: "23 * * * *",
    },
    // What ran out is gone for readers at once; this writes it down, and folds usage.
    Recurring {
        name: upkeep::TAGS,
        cron: "* * * * *",
    },
    Recurring {
        name: upkeep::RECOUNT,
        cron: "41 3 * * *",
    },
    // A minute's share of reading everything again.
    Recurring {
        name: VERIFY,
        cron: "* * * * *",
    },
];

/// How often the rows are looked at: expressions name minutes.
const TICK: Duration = Duration::from_secs(5);

/// A text is not a time expression, or one without a next occurrence.
#[derive(Debug, thiserror::Error)]
#[error("`{cron}` is not a time expression: minute, hour, day of month, month, day of week")]
pub(crate) struct CronRefused {
    cron: String,
    #[source]
    source: CronError,
}

/// Returns the first occurrence after an instant.
pub(crate) fn next_after(cron: &str, after: Timestamp) -> Result<Timestamp, CronRefused> {
    let refused = |source| CronRefused {
        cron: cron.to_owned(),
        source,
    };
    let expression = Cron::from_str(cron).map_err(refused)?;
    let start = Utc(TimeZone::UTC.to_datetime(after));
    let next = expression
        .find_next_occurrence(&start, false)
        .map_err(refused)?;
    TimeZone::UTC
        .to_timestamp(next.0)
        .map_err(|_| refused(CronError::InvalidDate))
}

/// Queues what is due until the server stops.
pub(crate) async fn run(app: Shared) {
    let mut are_there = false;
    loop {
        if !are_there {
            are_there = put_recurring(&app).await;
        }
        queue_due(&app).await;
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

async fn put_recurring(app: &Shared) -> bool {
    for recurring in RECURRING {
        let Ok(next) = next_after(recurring.cron, app.clock.now()) else {
            tracing::error!(
                cron = recurring.cron,
                "a schedule of the house cannot be read"
            );
            continue;
        };
        let put = app
            .catalog
            .put_schedule(recurring.name, recurring.cron, next);
        if let Err(error) = put.await {
            tracing::error!(cause = %chain(&error), "cannot store a schedule, it is tried again");
            return false;
        }
    }
    true
}

async fn queue_due(app: &Shared) {
    let due = match app.catalog.due_schedules(app.clock.now()).await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(cause = %chain(&error), "cannot read the schedules");
            return;
        }
    };
    for schedule in due {
        // A newer version's kind is that version's to queue.
        let Some(job) = job_of(&schedule) else {
            continue;
        };
        let now = app.clock.now();
        let next = match next_after(&schedule.cron, now) {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(schedule = %schedule.name, cause = %chain(&error), "a schedule cannot be read");
                continue;
            }
        };
        match app.catalog.run_schedule(&schedule, next, &job, now).await {
            Ok(true) => app.wake_workers(),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(schedule = %schedule.name, cause = %chain(&error), "cannot queue a scheduled job");
            }
        }
    }
}

fn job_of(schedule: &Schedule) -> Option<NewJob> {
    let (name, argument) = match schedule.name.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (schedule.name.as_str(), None),
    };
    let kind = kind(name)?;
    let payload = match argument {
        Some(argument) => serde_json::json!({ "argument": argument }),
        None => serde_json::json!({}),
    };
    Some(NewJob {
        kind: kind.name.to_owned(),
        lane: kind.lane,
        payload: payload.to_string(),
        dedup_key: Some(schedule.name.clone()),
        delay: Duration::ZERO,
    })
}

/// Wall-clock time in UTC, where every reading is one instant.
#[derive(Clone, Copy)]
struct Utc(DateTime);

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        let part = |part: i8| u32::try_from(part).unwrap_or_default();
        let date = CivilDate::from_ymd_opt(
            i32::from(self.0.year()),
            part(self.0.month()),
            part(self.0.day()),
        );
        let time = CivilTime::from_hms_opt(
            part(self.0.hour()),
            part(self.0.minute()),
            part(self.0.second()),
        );
        CivilDateTime::new(
            date.expect("the calendar has this date"),
            time.expect("the clock has this time"),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        let days = self.0.weekday().to_sunday_zero_offset();
        Weekday::from_days_from_sunday(u32::try_from(days).unwrap_or_default())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let resolved = DateTime::new(
            year,
            part(civil.month())?,
            part(civil.day())?,
            part(civil.hour())?,
            part(civil.minute())?,
            part(civil.second())?,
            0,
        );
        let resolved = resolved.map_err(|_| CronError::InvalidDate)?;
        Ok(Resolution::Single(Self(resolved)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        let moved = self.0.checked_add(SignedDuration::from_secs(seconds));
        moved.ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cron: &str, after: &str, next: &str) {
        let found = next_after(cron, after.parse().unwrap()).unwrap();
        assert_eq!(found, next.parse::<Timestamp>().unwrap(), "{cron}");
    }

    #[test]
    fn the_next_occurrence_is_after_the_instant_and_in_utc() {
        check("17 * * * *", "2026-11-24T06:16:59Z", "2026-11-24T06:17:00Z");
        check("17 * * * *", "2026-11-24T06:17:00Z", "2026-11-24T07:17:00Z");
        check(
            "0 3 * * SUN",
            "2026-11-24T06:00:00Z",
            "2026-11-29T03:00:00Z",
        );
        check(
            "30 2 31 * *",
            "2026-11-24T06:00:00Z",
            "2026-12-31T02:30:00Z",
        );
        check("0 0 29 2 *", "2026-11-24T06:00:00Z", "2028-02-29T00:00:00Z");
        check(
            "*/5 * * * *",
            "2026-12-31T23:58:00Z",
            "2027-01-01T00:00:00Z",
        );
    }

    #[test]
    fn what_is_no_expression_is_refused_by_its_text() {
        let start = "2026-11-24T06:00:00Z".parse().unwrap();
        for text in ["", "daily", "61 * * * *", "* * * *", "0 0 30 2 *"] {
            let refused = next_after(text, start).unwrap_err();
            assert!(refused.to_string().contains(text), "{refused}");
        }
    }
}
