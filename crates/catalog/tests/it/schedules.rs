//! Schedules: what is due is queued once, whoever looks.

use std::time::Duration;

use catalog::testkit::Postgres;
use catalog::{Catalog, JobSignals, Lane, NewJob};

use crate::given::at;

fn job(key: &str) -> NewJob {
    NewJob {
        kind: "clean".into(),
        lane: Lane::Upkeep,
        payload: "{}".into(),
        dedup_key: Some(key.into()),
        delay: Duration::ZERO,
    }
}

pub(crate) async fn a_schedule_keeps_its_place_until_its_expression_changes(catalog: Catalog) {
    assert!(
        catalog
            .put_schedule("clean", "0 * * * *", at(60))
            .await
            .unwrap()
    );
    assert!(
        !catalog
            .put_schedule("clean", "0 * * * *", at(120))
            .await
            .unwrap()
    );
    assert_eq!(catalog.schedules().await.unwrap()[0].next_run, at(60));
    assert!(
        catalog
            .put_schedule("clean", "5 * * * *", at(65))
            .await
            .unwrap()
    );
    let stored = catalog.schedules().await.unwrap();
    assert_eq!(
        (
            stored[0].cron.as_str(),
            stored[0].next_run,
            stored[0].last_run
        ),
        ("5 * * * *", at(65), None)
    );
    assert!(catalog.remove_schedule("clean").await.unwrap());
    assert!(!catalog.remove_schedule("clean").await.unwrap());
}

pub(crate) async fn what_is_due_is_queued_once(catalog: Catalog) {
    for (name, minutes) in [("late", 10), ("later", 20), ("not-yet", 31)] {
        catalog
            .put_schedule(name, "* * * * *", at(minutes))
            .await
            .unwrap();
    }
    let due = catalog.due_schedules(at(30)).await.unwrap();
    let names: Vec<_> = due.iter().map(|schedule| schedule.name.as_str()).collect();
    assert_eq!(names, ["late", "later"]);
    let page = catalog.schedules_after("late", 1).await.unwrap();
    assert_eq!(page, due[1..]);
    let replicas: Vec<_> = (0..4)
        .map(|_| {
            let (catalog, due) = (catalog.clone(), due[0].clone());
            tokio::spawn(async move {
                // No key: the schedule itself must see to it that there is one job.
                let job = NewJob {
                    dedup_key: None,
                    ..job("clean")
                };
                catalog
                    .run_schedule(&due, at(40), &job, at(30))
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut winners = 0;
    for replica in replicas {
        winners += usize::from(replica.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(
        catalog.job_counts().await.unwrap(),
        [("ready".to_owned(), 1)]
    );
    let stored = catalog.schedules().await.unwrap();
    assert_eq!(
        (stored[0].next_run, stored[0].last_run),
        (at(40), Some(at(30)))
    );
}

pub(crate) async fn a_job_still_open_is_not_queued_again_and_the_schedule_goes_on(
    catalog: Catalog,
) {
    catalog
        .put_schedule("clean", "* * * * *", at(1))
        .await
        .unwrap();
    for minute in 1..3 {
        let due = catalog.due_schedules(at(minute)).await.unwrap();
        assert!(
            catalog
                .run_schedule(&due[0], at(minute + 1), &job("clean"), at(minute))
                .await
                .unwrap()
        );
    }
    assert_eq!(
        catalog.job_counts().await.unwrap(),
        [("ready".to_owned(), 1)]
    );
    assert_eq!(catalog.due_schedules(at(2)).await.unwrap(), []);
}

#[tokio::test]
async fn a_listener_hears_what_another_process_queues_and_only_what_is_due() {
    let url = Postgres::shared().await.database().await;
    let catalog = Catalog::connect(&url).await.unwrap();
    let mut signals = JobSignals::listen(&url).await.unwrap().unwrap();
    let mut later = job("later");
    later.delay = Duration::from_mins(10);
    catalog.enqueue(&later).await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(200), signals.next()).await;
    assert!(quiet.is_err(), "nobody can do it yet");
    catalog.enqueue(&job("now")).await.unwrap();
    signals.next().await.unwrap();
    assert!(catalog.hasten("later").await.unwrap());
    signals.next().await.unwrap();
    catalog.close().await;
}

#[tokio::test]
async fn a_file_has_nobody_to_listen_to() {
    assert!(JobSignals::listen("sqlite:any.db").await.unwrap().is_none());
}
