//! Leases, fences, retries.

use std::collections::HashSet;
use std::time::Duration;

use ::evidence::Grade;
use catalog::{Catalog, JobResults, JobState, Lane, LayerReport, NewJob};
use oci::Digest;

use crate::evidence::{decision, report};
use crate::given::{app, at, by};

/// A lease that nobody outlives in a test, and one that has run out at once.
const LONG: Duration = Duration::from_mins(10);
const OVER: Duration = Duration::ZERO;

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

    let results = JobResults {
        layer_reports: vec![LayerReport {
            digest: Digest::sha256(b"layer"),
            analyser_version: "1".into(),
            diff_id: None,
            body: vec![1],
        }],
        ..JobResults::default()
    };
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
    let written = catalog
        .layer_reports(&[Digest::sha256(b"layer")], "1")
        .await
        .unwrap();
    assert!(written.is_empty(), "a refused result leaves nothing");

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
    let (_, id) = app(&catalog).await;
    let digest = Digest::sha256(b"image");
    let verdict = decision(id, &digest, "allow");
    let results = JobResults {
        image_reports: vec![report(&digest, "old", Grade::B)],
        decisions: vec![verdict.clone()],
        follow_ups: vec![job("notify", None)],
        ..JobResults::default()
    };
    catalog.enqueue(&job("scan", None)).await.unwrap();
    let claim = catalog
        .claim(Lane::Interactive, "w", LONG)
        .await
        .unwrap()
        .unwrap();
    assert!(
        catalog
            .complete_with(&claim, &results, at(0))
            .await
            .unwrap()
    );
    assert!(catalog.image_report(&digest).await.unwrap().is_some());
    assert_eq!(
        catalog
            .current_decision(id, &digest)
            .await
            .unwrap()
            .unwrap()
            .id,
        verdict.id
    );
    let next = catalog
        .claim(Lane::Interactive, "w", LONG)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(next.kind, "notify");

    // The same decision id again fails in the middle: then the job is still running and nothing else is written.
    let other = Digest::sha256(b"another image");
    let broken = JobResults {
        image_reports: vec![report(&other, "old", Grade::B)],
        decisions: vec![verdict],
        ..JobResults::default()
    };
    assert!(catalog.complete_with(&next, &broken, at(1)).await.is_err());
    assert_eq!(catalog.image_report(&other).await.unwrap(), None);
    assert!(catalog.heartbeat(&next, LONG).await.unwrap());
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
