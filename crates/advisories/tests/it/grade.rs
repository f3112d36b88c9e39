//! The health grade: its exact boundaries and its properties.

use advisories::grade::{Erratum, grade};
use evidence::{Grade, Severity};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;

use crate::world::noon;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

fn erratum(severity: Severity, fixed_at: Timestamp) -> Erratum {
    Erratum {
        severity,
        fixed_at,
        estimated: false,
        id: format!("CVE-{}", fixed_at.as_second()),
        package: "openssl".into(),
    }
}

fn days(count: i64) -> SignedDuration {
    DAY * i32::try_from(count).expect("few")
}

#[rstest]
#[case(Severity::Critical, 0, Grade::B, Grade::B)]
#[case(Severity::Critical, 7, Grade::B, Grade::C)]
#[case(Severity::Critical, 30, Grade::C, Grade::D)]
#[case(Severity::Critical, 90, Grade::D, Grade::E)]
#[case(Severity::Critical, 365, Grade::E, Grade::F)]
#[case(Severity::High, 7, Grade::B, Grade::B)]
#[case(Severity::High, 30, Grade::B, Grade::C)]
#[case(Severity::High, 90, Grade::C, Grade::D)]
#[case(Severity::High, 365, Grade::D, Grade::F)]
fn a_boundary_belongs_to_the_better_grade(
    #[case] severity: Severity,
    #[case] age_days: i64,
    #[case] at: Grade,
    #[case] after: Grade,
) {
    let errata = [erratum(severity, noon() - days(age_days))];
    assert_eq!(grade(&errata, None, true, noon()).grade, at);
    assert_eq!(grade(&errata, None, true, noon() + INSTANT).grade, after);
}

#[rstest]
#[case(Severity::Medium)]
#[case(Severity::Low)]
#[case(Severity::Negligible)]
#[case(Severity::Unknown)]
fn lesser_severities_never_count(#[case] severity: Severity) {
    let errata = [erratum(severity, noon() - days(1000))];
    let report = grade(&errata, None, true, noon());
    assert_eq!(report.grade, Grade::A);
    assert_eq!(report.basis, None);
    assert_eq!(report.schedule.len(), 1);
}

#[test]
fn the_end_of_support_is_an_f_from_its_first_instant() {
    let end = noon();
    assert_eq!(grade(&[], Some(end), true, end - INSTANT).grade, Grade::A);
    let report = grade(&[], Some(end), true, end);
    assert_eq!(report.grade, Grade::F);
    assert_eq!(
        report.reason,
        "the release is out of support since 2026-11-24"
    );
    let before = grade(&[], Some(end), true, end - DAY);
    assert_eq!(before.next_drop(), Some((Grade::F, end)));
}

#[test]
fn what_cannot_be_scanned_is_unknown_before_anything_else() {
    let errata = [erratum(Severity::Critical, noon())];
    let report = grade(&errata, Some(noon()), false, noon());
    assert_eq!(report.grade, Grade::Unknown);
    assert_eq!(report.schedule.len(), 1);
    assert_eq!(report.next_drop(), None);
}

#[test]
fn a_fix_dated_in_the_future_counts_as_new() {
    let errata = [erratum(Severity::Critical, noon() + days(5))];
    assert_eq!(grade(&errata, None, true, noon()).grade, Grade::B);
}

#[test]
fn the_reason_names_the_fix_that_decides() {
    let mut old = erratum(Severity::High, noon() - days(45));
    old.id = "CVE-2026-0001".into();
    old.estimated = true;
    let new = erratum(Severity::Critical, noon() - days(2));
    let report = grade(&[new, old], None, true, noon());
    assert_eq!(report.grade, Grade::C);
    assert_eq!(
        report.reason,
        "a fix of the important flaw CVE-2026-0001 in openssl has been missing for 45 days (date estimated)"
    );
    let basis = report.basis.expect("a basis");
    assert_eq!(
        (basis.id.as_str(), basis.estimated),
        ("CVE-2026-0001", true)
    );
}

#[test]
fn the_schedule_of_one_critical_fix_is_the_published_one() {
    let issued = noon();
    let report = grade(&[erratum(Severity::Critical, issued)], None, true, issued);
    let told: Vec<(Grade, Option<Timestamp>)> =
        report.schedule.iter().map(|s| (s.grade, s.from)).collect();
    let after = |count| Some(issued + days(count) + INSTANT);
    assert_eq!(
        told,
        [
            (Grade::B, None),
            (Grade::C, after(7)),
            (Grade::D, after(30)),
            (Grade::E, after(90)),
            (Grade::F, after(365))
        ]
    );
}

fn any_erratum() -> impl Strategy<Value = Erratum> {
    let severity = prop::sample::select(Severity::WORST_FIRST.to_vec());
    // Whole and half days around now, so that boundaries are met exactly and missed narrowly.
    (severity, -20_i64..900, -1_i64..=1).prop_map(|(severity, half_days, nanos)| {
        let age = SignedDuration::from_hours(half_days * 12) + SignedDuration::from_nanos(nanos);
        erratum(severity, noon() - age)
    })
}

fn any_errata() -> impl Strategy<Value = Vec<Erratum>> {
    prop::collection::vec(any_erratum(), 0..8)
}

fn any_end() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of((-400_i64..400).prop_map(|count| noon() + days(count)))
}

/// The rule as the table writes it, over the ages of the oldest fixes.
fn by_the_table(errata: &[Erratum], end: Option<Timestamp>, now: Timestamp) -> Grade {
    let oldest = |severity: Severity| {
        let ages = errata
            .iter()
            .filter(|e| e.severity == severity)
            .map(|e| now.duration_since(e.fixed_at));
        ages.max()
            .unwrap_or(SignedDuration::ZERO)
            .max(SignedDuration::ZERO)
    };
    let (c, i) = (oldest(Severity::Critical), oldest(Severity::High));
    let none = !errata
        .iter()
        .any(|e| matches!(e.severity, Severity::Critical | Severity::High));
    match () {
        () if end.is_some_and(|end| now >= end) => Grade::F,
        () if none => Grade::A,
        () if c <= days(7) && i <= days(30) => Grade::B,
        () if c <= days(30) && i <= days(90) => Grade::C,
        () if c <= days(90) && i <= days(365) => Grade::D,
        () if c <= days(365) && i <= days(365) => Grade::E,
        () => Grade::F,
    }
}

proptest! {
    #[test]
    fn the_grade_is_the_table(errata in any_errata(), end in any_end(), ahead in -5_i64..800) {
        let now = noon() + days(ahead);
        prop_assert_eq!(grade(&errata, end, true, now).grade, by_the_table(&errata, end, now));
    }

    #[test]
    fn the_order_of_errata_means_nothing(errata in any_errata().prop_shuffle(), end in any_end()) {
        let mut sorted = errata.clone();
        sorted.sort_by_key(|erratum| (erratum.fixed_at, erratum.severity));
        prop_assert_eq!(grade(&errata, end, true, noon()), grade(&sorted, end, true, noon()));
    }

    #[test]
    fn time_alone_never_improves(errata in any_errata(), end in any_end(), a in 0_i64..1000, b in 0_i64..1000) {
        let (earlier, later) = (noon() + days(a.min(b)), noon() + days(a.max(b)));
        prop_assert!(grade(&errata, end, true, earlier).grade <= grade(&errata, end, true, later).grade);
    }

    #[test]
    fn another_missing_fix_never_improves_and_one_less_never_worsens(
        errata in any_errata(), more in any_erratum(), end in any_end(),
    ) {
        let without = grade(&errata, end, true, noon()).grade;
        let mut with = errata;
        with.push(more);
        prop_assert!(without <= grade(&with, end, true, noon()).grade);
    }

    #[test]
    fn the_schedule_agrees_with_the_grade_at_every_instant(errata in any_errata(), end in any_end()) {
        let schedule = grade(&errata, end, true, noon()).schedule;
        let scheduled = |at: Timestamp| {
            schedule.iter().rev().find(|step| step.from.is_none_or(|from| from <= at)).expect("the first has no start").grade
        };
        let mut instants: Vec<Timestamp> = (0..900).map(|half| noon() + SignedDuration::from_hours(half * 12)).collect();
        for from in schedule.iter().filter_map(|step| step.from) {
            instants.extend([from - INSTANT, from, from + INSTANT]);
        }
        for at in instants.into_iter().filter(|at| *at >= noon()) {
            prop_assert_eq!(scheduled(at), grade(&errata, end, true, at).grade, "at {}", at);
        }
    }
}
