//! Leases, fences, retries.

use std::collections::HashSet;
use std::time::Duration;

use ::evidence::Grade;
use catalog::testkit::refuse_a_second_job_of_a_kind;
use catalog::{Catalog, JobResults, JobState, Lane, NewJob};
use oci::Digest;

use crate::evidence::{decision, report};
use crate::given::{app, at, by};

/// A lease that nobody outlives in a test, and one that has run out at once.
const LONG: Duration = Duration::from_mins(10);
const OVER: Duration = Duration::ZERO;

/// What a job leaves behind that others follow.
fn followed_by(follow_ups: Vec<NewJob>) -> JobResults {
    JobResults {
        follow_ups,
        ..JobResults::default()
    }
}

fn job(kind: &str, key: Option<&str>) -> NewJob {
    NewJob {
        kind: kind.into(),
        lane: Lane::Interactive,
        payload: r#"{"digest":"x"}"#.into(),
        dedup_key: key.map(str::to_owned),
        delay: Duration::ZERO,
    }
}

pub(crate) async fn a_delayed_job_is_hastened_but_not_a_failed_one(catalog: Catalog) {
    let mut later = job("scan", Some("scan:1"));
    later.delay = LONG;
    catalog.enqueue(&later).await.unwrap();
    let claim = async || catalog.claim(Lane::Interactive, "w", LONG).await.unwrap();
    assert_eq!(claim().await, None);
    assert!(!catalog.hasten("scan:2").await.unwrap());
    assert!(catalog.hasten("scan:1").await.unwrap());
    let claimed = claim().await.unwrap();
    assert!(!catalog.hasten("scan:1").await.unwrap(), "it runs");
    assert!(catalog.fail(&claimed, "x", 5, LONG).await.unwrap());
    assert!(!catalog.hasten("scan:1").await.unwrap());
    assert_eq!(claim().await, None);
}

pub(crate) async fn a_job_that_was_done_before_its_time_goes_unless_somebody_waits(
    catalog: Catalog,
) {
    let (_, id) = app(&catalog).await;
    let mut done = 0;
    let mut finds_its_job_done = async || {
        done += 1;
        let digest = Digest::sha256(&[done]);
        let (report, verdict) = (
            report(&digest, "old", Grade::B),
            decision(id, &digest, "allow"),
        );
        let stored = catalog.put_report_and_decision(&report, &verdict, "scan:1", at(0));
        stored.await.unwrap();
        assert!(catalog.image_report(&digest).await.unwrap().is_some());
        let counts = catalog.job_counts().await.unwrap();
        counts.iter().all(|(_, jobs)| *jobs == 0)
    };
    let later = NewJob {
        delay: LONG,
        ..job("scan", Some("scan:1"))
    };
    catalog.enqueue(&later).await.unwrap();
    assert!(finds_its_job_done().await);

    catalog.enqueue(&later).await.unwrap();
    catalog.hasten("scan:1").await.unwrap();
    assert!(!finds_its_job_done().await, "somebody waits for it");

    let claim = catalog.claim(Lane::Interactive, "w", LONG).await.unwrap();
    let claim = claim.unwrap();
    assert!(!finds_its_job_done().await, "it runs");

    assert!(catalog.fail(&claim, "x", 5, LONG).await.unwrap());
    assert!(
        !finds_its_job_done().await,
        "it failed for a reason of its own"
    );
}

pub(crate) async fn a_key_is_queued_once_until_its_job_ends(catalog: Catalog) {
    let scan = job("scan", Some("scan:1"));
    assert!(catalog.enqueue(&scan).await.unwrap().is_some());
    assert_eq!(catalog.enqueue(&scan).await.unwrap(), None);
    let claim = catalog
        .claim(Lane::Interactive, "w", LONG)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (claim.kind.as_str(), claim.payload.as_str()),
        ("scan", scan.payload.as_str())
    );
    assert_eq!(
        catalog.enqueue(&scan).await.unwrap(),
        None,
        "also while it runs"
    );
    assert!(
        catalog
            .complete_with(&claim, &JobResults::default(), at(0))
            .await
            .unwrap()
    );
    assert!(catalog.enqueue(&scan).await.unwrap().is_some());
    for _ in 0..2 {
        assert!(catalog.enqueue(&job("free", None)).await.unwrap().is_some());
    }
    assert_eq!(catalog.sweep_jobs().await.unwrap(), 1);
    assert_eq!(
        catalog.job_counts().await.unwrap(),
        [("ready".to_owned(), 3)]
    );
}

pub(crate) async fn four_claimers_never_claim_the_same_job(catalog: Catalog) {
    let jobs = 60;
    for _ in 0..jobs {
        catalog.enqueue(&job("scan", None)).await.unwrap();
    }
    let claimers: Vec<_> = (0..4)
        .map(|n| {
            let catalog = catalog.clone();
            tokio::spawn(async move {
                let mut claimed = Vec::new();
                while let Some(claim) = catalog
                    .claim(Lane::Interactive, &format!("w{n}"), LONG)
                    .await
                    .unwrap()
                {
                    claimed.push(claim.job);
                    assert!(
                        catalog
                            .complete_with(&claim, &JobResults::default(), at(0))
                            .await
                            .unwrap()
                    );
                }
                claimed
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(claimer.await.unwrap());
    }
    assert_eq!(claimed.len(), jobs);
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>().len(), jobs);
}

pub(crate) async fn an_expired_lease_moves_and_the_fence_refuses_the_first_owner(catalog: Catalog) {
    catalog.enqueue(&job("scan", None)).await.unwrap();
    let stalled = catalog
        .claim(Lane::Interactive, "stalled", OVER)
        .await
        .unwrap()
        .unwrap();
    let heir = catalog
        .claim(Lane::Interactive, "heir", LONG)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(heir.job, stalled.job);
    assert!(heir.fence > stalled.fence);
    assert_eq!(heir.attempts, 2);

    let results = followed_by(vec![job("notify", Some("notify:1"))]);
    assert!(!catalog.heartbeat(&stalled, LONG).await.unwrap());
    assert!(
        !catalog
            .fail(&stalled, "late", 5, Duration::ZERO)
            .await
            .unwrap()
    );
    assert!(
        !catalog
            .complete_with(&stalled, &results, at(0))
            .await
            .unwrap()
    );
    let queued = catalog.jobs_in(JobState::Ready, 0, 10).await.unwrap();
    assert!(queued.is_empty(), "a refused result leaves nothing");

    assert!(catalog.complete_with(&heir, &results, at(0)).await.unwrap());
    assert!(
        !catalog.complete_with(&heir, &results, at(0)).await.unwrap(),
        "only once"
    );
}

pub(crate) async fn a_heartbeat_keeps_the_lease(catalog: Catalog) {
    catalog.enqueue(&job("scan", None)).await.unwrap();
    let claim = catalog
        .claim(Lane::Interactive, "w", OVER)
        .await
        .unwrap()
        .unwrap();
    assert!(catalog.heartbeat(&claim, LONG).await.unwrap());
    assert_eq!(
        catalog
            .claim(Lane::Interactive, "other", LONG)
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn lanes_do_not_see_each_other(catalog: Catalog) {
    let bulk = NewJob {
        lane: Lane::Bulk,
        ..job("rescan", None)
    };
    let later = NewJob {
        delay: LONG,
        ..job("later", None)
    };
    catalog.enqueue(&bulk).await.unwrap();
    catalog.enqueue(&later).await.unwrap();
    assert_eq!(
        catalog.claim(Lane::Interactive, "w", LONG).await.unwrap(),
        None
    );
    assert_eq!(catalog.claim(Lane::Manual, "w", LONG).await.unwrap(), None);
    let claim = catalog.claim(Lane::Bulk, "w", LONG).await.unwrap().unwrap();
    assert_eq!(claim.kind, "rescan");
}

pub(crate) async fn results_and_end_are_one_transaction(catalog: Catalog) {
    catalog.enqueue(&job("scan", None)).await.unwrap();
    let claim = async || catalog.claim(Lane::Interactive, "w", LONG).await.unwrap();
    let kinds = async |state| -> Vec<String> {
        let jobs = catalog.jobs_in(state, 0, 10).await.unwrap();
        jobs.into_iter().map(|job| job.kind).collect()
    };
    let scan = claim().await.unwrap();

    // The second of three fails: then the job is still running and nothing else is written.
    refuse_a_second_job_of_a_kind(&catalog).await;
    let broken = followed_by(["one", "scan", "three"].map(|kind| job(kind, None)).into());
    assert!(catalog.complete_with(&scan, &broken, at(0)).await.is_err());
    assert!(kinds(JobState::Ready).await.is_empty());
    assert_eq!(kinds(JobState::Running).await, ["scan"]);
    assert!(catalog.heartbeat(&scan, LONG).await.unwrap());

    let whole = followed_by(["one", "two", "three"].map(|kind| job(kind, None)).into());
    assert!(catalog.complete_with(&scan, &whole, at(1)).await.unwrap());
    assert_eq!(kinds(JobState::Ready).await, ["one", "two", "three"]);
    assert!(kinds(JobState::Running).await.is_empty());
}

pub(crate) async fn a_failing_job_pauses_then_dies_and_can_be_revived(catalog: Catalog) {
    catalog.enqueue(&job("scan", Some("k"))).await.unwrap();
    let claim = catalog
        .claim(Lane::Interactive, "w", LONG)
        .await
        .unwrap()
        .unwrap();
    assert!(
        catalog
            .fail(&claim, "no network", 2, Duration::from_secs(1))
            .await
            .unwrap()
    );
    assert_eq!(
        catalog.claim(Lane::Interactive, "w", LONG).await.unwrap(),
        None,
        "it pauses"
    );

    catalog.enqueue(&job("mortal", Some("m"))).await.unwrap();
    let claim = catalog
        .claim(Lane::Interactive, "w", LONG)
        .await
        .unwrap()
        .unwrap();
    assert!(
        catalog
            .fail(&claim, "no hope", 1, Duration::ZERO)
            .await
            .unwrap()
    );
    let dead = catalog.jobs_in(JobState::Dead, 0, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].kind.as_str(), dead[0].lane, dead[0].state),
        ("mortal", Lane::Interactive, JobState::Dead)
    );
    let beyond = catalog.jobs_in(JobState::Dead, dead[0].job, 10).await;
    assert_eq!(beyond.unwrap(), []);
    assert_eq!(dead[0].last_error.as_deref(), Some("no hope"));
    assert!(
        catalog
            .enqueue(&job("mortal", Some("m")))
            .await
            .unwrap()
            .is_some(),
        "its key is free"
    );
    let successor = catalog
        .claim(Lane::Interactive, "w", LONG)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(successor.job, dead[0].job);

    for was_dead in [true, false] {
        let retried = catalog.retry_dead(dead[0].job, &by("ops"), at(9)).await;
        assert_eq!(retried.unwrap(), was_dead);
    }
    let trail = catalog.list_audit(None, 1).await.unwrap();
    assert_eq!(
        (trail[0].action.as_str(), trail[0].detail.as_deref()),
        ("job.retry", Some("mortal"))
    );
    let revived = catalog
        .claim(Lane::Interactive, "w", LONG)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((revived.job, revived.attempts), (dead[0].job, 1));
}
