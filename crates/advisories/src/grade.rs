//! The health grade: how long published fixes have been missing, as one letter with its future.
//!
//! Pure: the same errata, lifecycle and clock give the same report. It counts only what it is given; which findings
//! are errata is decided in `matching` (operating system packages, fix published, severity critical or high). Language
//! packages, unfixed flaws and moderate flaws never reach it.
//!
//! Adding a threshold: one row in [`LIMITS`]; the schedule and the property tests follow from it.

use evidence::{Grade, GradeBasis, GradeReport, GradeStep, Severity};
use jiff::{SignedDuration, Timestamp};

/// One published fix that the image lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erratum {
    /// The severity of the flaw. Only [`Severity::Critical`] and [`Severity::High`] (Red Hat: Important) count.
    pub severity: Severity,
    /// When the fix was published.
    pub fixed_at: Timestamp,
    /// Whether `fixed_at` is a lower bound or the time it was first seen, not the vendor's own date.
    pub estimated: bool,
    /// The vulnerability.
    pub id: String,
    /// The package to update.
    pub package: String,
}

/// The greatest age, in days, of a missing critical and a missing important fix for each grade from B to E.
const LIMITS: [(Grade, i64, i64); 4] = [
    (Grade::B, 7, 30),
    (Grade::C, 30, 90),
    (Grade::D, 90, 365),
    (Grade::E, 365, 365),
];

/// The resolution of [`Timestamp`]: the step from "not older than" to "older than".
const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

/// Computes the grade at `now`, its reason, and the grades to come if nothing changes.
///
/// `scannable` is false where what is needed is missing: no operating system packages, or a release without data.
///
/// # Source
/// Red Hat, "Container Health Index grades" (access.redhat.com/articles/2803031).
pub fn grade(
    errata: &[Erratum],
    lifecycle_end: Option<Timestamp>,
    scannable: bool,
    now: Timestamp,
) -> GradeReport {
    if !scannable {
        return unknown("the data needed for a grade is missing");
    }
    let current = letter(errata, lifecycle_end, now);
    let basis = match current {
        Grade::A | Grade::Unknown => None,
        _ if is_past(lifecycle_end, now) => None,
        _ => deciding(errata, now),
    };
    GradeReport {
        grade: current,
        reason: reason(current, basis, lifecycle_end, now),
        basis: basis.map(|erratum| GradeBasis {
            id: erratum.id.clone(),
            package: erratum.package.clone(),
            severity: erratum.severity,
            fixed_at: erratum.fixed_at,
            estimated: erratum.estimated,
        }),
        schedule: schedule(errata, lifecycle_end, now),
    }
}

/// Returns the report of an image that cannot be graded, with the reason in words.
pub fn unknown(reason: impl Into<String>) -> GradeReport {
    GradeReport {
        grade: Grade::Unknown,
        reason: reason.into(),
        basis: None,
        schedule: vec![GradeStep {
            grade: Grade::Unknown,
            from: None,
        }],
    }
}

fn letter(errata: &[Erratum], lifecycle_end: Option<Timestamp>, at: Timestamp) -> Grade {
    if is_past(lifecycle_end, at) {
        return Grade::F;
    }
    // Each grade bounds both ages from above, so the worst single erratum decides.
    errata
        .iter()
        .map(|erratum| alone(erratum, at))
        .max()
        .unwrap_or(Grade::A)
}

/// Returns the grade of an image that lacks only this fix.
fn alone(erratum: &Erratum, at: Timestamp) -> Grade {
    if !counts(erratum) {
        return Grade::A;
    }
    let age = at.duration_since(erratum.fixed_at);
    LIMITS
        .iter()
        .find(|(_, critical, important)| {
            age <= days(if erratum.severity == Severity::Critical {
                *critical
            } else {
                *important
            })
        })
        .map_or(Grade::F, |(grade, _, _)| *grade)
}

fn counts(erratum: &Erratum) -> bool {
    matches!(erratum.severity, Severity::Critical | Severity::High)
}

fn is_past(lifecycle_end: Option<Timestamp>, at: Timestamp) -> bool {
    lifecycle_end.is_some_and(|end| at >= end)
}

const fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count * 24)
}

/// Returns the erratum that gives the grade: the worst alone, then the oldest, then the first by name.
fn deciding(errata: &[Erratum], now: Timestamp) -> Option<&Erratum> {
    errata
        .iter()
        .filter(|erratum| counts(erratum))
        .min_by(|a, b| {
            alone(b, now)
                .cmp(&alone(a, now))
                .then_with(|| b.severity.cmp(&a.severity))
                .then_with(|| a.fixed_at.cmp(&b.fixed_at))
                .then_with(|| (&a.id, &a.package).cmp(&(&b.id, &b.package)))
        })
}

fn schedule(
    errata: &[Erratum],
    lifecycle_end: Option<Timestamp>,
    now: Timestamp,
) -> Vec<GradeStep> {
    let mut steps = vec![GradeStep {
        grade: letter(errata, lifecycle_end, now),
        from: None,
    }];
    let mut candidates: Vec<Timestamp> = errata
        .iter()
        .filter(|erratum| counts(erratum))
        .flat_map(|erratum| {
            LIMITS.iter().filter_map(|(_, critical, important)| {
                let limit = if erratum.severity == Severity::Critical {
                    *critical
                } else {
                    *important
                };
                // A date near the end of time has no successor; nothing can change there.
                erratum
                    .fixed_at
                    .checked_add(days(limit))
                    .and_then(|last| last.checked_add(INSTANT))
                    .ok()
            })
        })
        .chain(lifecycle_end)
        .filter(|candidate| *candidate > now)
        .collect();
    candidates.sort_unstable();
    candidates.dedup();
    for candidate in candidates {
        let grade = letter(errata, lifecycle_end, candidate);
        if steps.last().is_some_and(|step| step.grade != grade) {
            steps.push(GradeStep {
                grade,
                from: Some(candidate),
            });
        }
    }
    steps
}

fn reason(
    grade: Grade,
    basis: Option<&Erratum>,
    lifecycle_end: Option<Timestamp>,
    now: Timestamp,
) -> String {
    if let (Some(end), true) = (lifecycle_end, is_past(lifecycle_end, now)) {
        return format!("the release is out of support since {}", date(end));
    }
    let Some(erratum) = basis else {
        return match grade {
            Grade::Unknown => "not scanned".to_owned(),
            _ => "no fix of a critical or important flaw is missing".to_owned(),
        };
    };
    let word = match erratum.severity {
        Severity::Critical => "critical",
        _ => "important",
    };
    let age = now.duration_since(erratum.fixed_at).as_hours() / 24;
    let since = match age {
        i64::MIN..=0 => "for less than a day".to_owned(),
        1 => "for 1 day".to_owned(),
        _ => format!("for {age} days"),
    };
    let estimated = if erratum.estimated {
        " (date estimated)"
    } else {
        ""
    };
    format!(
        "a fix of the {word} flaw {} in {} has been missing {since}{estimated}",
        erratum.id, erratum.package
    )
}

/// Returns the UTC date as `YYYY-MM-DD`.
fn date(at: Timestamp) -> String {
    at.strftime("%F").to_string()
}
