//! The pages for administrators.

use web::routes::Route;
use web::{
    CacheWords, CollectionCard, DeliveryList, DeliveryOutcome, DeliveryRow, Done, JobLine, JobList,
    JobsPage, LastAnswer, LatestDelivery, MirrorOutcome, MirrorResult, MirrorRow, RunRow,
    ScheduleRow, SystemPage, Trouble, UpstreamRow, UpstreamsPage, WebhookHealth, WebhookPage,
    WebhookRow, WebhookScope, WebhooksPage,
};

use super::{DAY, Samples, ago, api};

impl Samples {
    /// Renders them, each with the name of its file.
    pub(super) fn system_pages(&self) -> Vec<(&'static str, String)> {
        vec![
            ("system", web::render_system(&self.system()).unwrap()),
            (
                "system-quiet",
                web::render_system(&self.quiet_system()).unwrap(),
            ),
            ("jobs", web::render_jobs(&self.jobs()).unwrap()),
            ("jobs-none", web::render_jobs(&self.no_jobs()).unwrap()),
            ("webhooks", web::render_webhooks(&self.webhooks()).unwrap()),
            (
                "webhooks-none",
                web::render_webhooks(&self.no_webhooks()).unwrap(),
            ),
            ("webhook", web::render_webhook(&self.webhook()).unwrap()),
            (
                "webhook-off",
                web::render_webhook(&self.webhook_off()).unwrap(),
            ),
            (
                "upstreams",
                web::render_upstreams(&self.upstreams()).unwrap(),
            ),
            (
                "upstreams-none",
                web::render_upstreams(&self.no_upstreams()).unwrap(),
            ),
        ]
    }

    fn system(&self) -> SystemPage {
        SystemPage {
            frame: self.frame("/system"),
            done: Some(Done::Pause),
            troubles: vec![
                Trouble {
                    text: "2 jobs gave up".to_owned(),
                    route: Route::Jobs,
                },
                Trouble {
                    text: "1 mirror did not come through whole".to_owned(),
                    route: Route::Upstreams,
                },
            ],
            collection: CollectionCard {
                paused: true,
                rate: 1_000,
                waiting: 1_234,
                due_since: Some(ago(90)),
                objects: (12, 84_200_000),
                condemned: (3, 2_100_000),
            },
            runs: vec![RunRow {
                started: ago(3_600),
                seconds: 4,
                cause: self.text("alice"),
                manifests: 17,
                objects: 230,
                freed_bytes: 18_400_000_000,
            }],
            schedules: vec![ScheduleRow {
                name: self.text("collect"),
                cron: self.text("0 * * * * *"),
                next: ago(-40),
                last: Some(ago(20)),
            }],
        }
    }

    fn quiet_system(&self) -> SystemPage {
        SystemPage {
            done: None,
            troubles: Vec::new(),
            collection: CollectionCard {
                rate: 1_000,
                ..CollectionCard::default()
            },
            runs: Vec::new(),
            ..self.system()
        }
    }

    fn jobs(&self) -> JobsPage {
        JobsPage {
            frame: self.frame("/system/jobs"),
            done: Some(Done::Retry),
            list: JobList::Dead,
            counts: [
                (JobList::Dead, 2),
                (JobList::Ready, 1_234),
                (JobList::Running, 3),
            ],
            lanes: vec![("bulk", ago(600)), ("notify", ago(4))],
            rows: vec![JobLine {
                id: 4711,
                kind: self.text("analyse"),
                lane: "bulk",
                payload: self.text("digest sha256:0f343b0931126a20f133d67c2b018a3b"),
                due: ago(DAY),
                attempts: 8,
                error: Some(self.text("the layer ends too early")),
            }],
            is_continued: false,
            next: Some(4711),
        }
    }

    fn no_jobs(&self) -> JobsPage {
        JobsPage {
            done: None,
            list: JobList::Running,
            counts: JobList::ALL.map(|list| (list, 0)),
            lanes: Vec::new(),
            rows: Vec::new(),
            next: None,
            ..self.jobs()
        }
    }

    fn webhooks(&self) -> WebhooksPage {
        let row = |id, name: &str, about, health| WebhookRow {
            id,
            name: self.text(name),
            about,
            host: self.text("ci.example.com"),
            health,
            latest: Some(LatestDelivery {
                event: "push",
                outcome: DeliveryOutcome::Delivered,
                status: Some(204),
                at: ago(480),
            }),
            pending: 0,
            dead: 0,
        };
        let namespace = WebhookScope::Namespace(self.text("payments"));
        WebhooksPage {
            frame: self.frame("/system/webhooks"),
            done: None,
            rows: vec![
                row(1, "build", WebhookScope::Everything, WebhookHealth::On),
                WebhookRow {
                    latest: Some(LatestDelivery {
                        event: "tag.move",
                        outcome: DeliveryOutcome::Pending(ago(-600)),
                        status: Some(503),
                        at: ago(40),
                    }),
                    pending: 12,
                    ..row(2, "chat", namespace, WebhookHealth::Failing(ago(7_200)))
                },
                WebhookRow {
                    latest: Some(LatestDelivery {
                        event: "delete",
                        outcome: DeliveryOutcome::Dead,
                        status: Some(410),
                        at: ago(DAY),
                    }),
                    dead: 3,
                    ..row(
                        3,
                        "old scanner",
                        WebhookScope::Repository(Some(api())),
                        WebhookHealth::GaveUp(self.text("it answered 410: gone")),
                    )
                },
                WebhookRow {
                    latest: None,
                    ..row(
                        4,
                        "spare",
                        WebhookScope::Repository(None),
                        WebhookHealth::Off,
                    )
                },
            ],
            is_continued: true,
            next: Some(4),
        }
    }

    fn no_webhooks(&self) -> WebhooksPage {
        WebhooksPage {
            rows: Vec::new(),
            is_continued: false,
            next: None,
            ..self.webhooks()
        }
    }

    fn webhook(&self) -> WebhookPage {
        let row = |id, outcome, status| DeliveryRow {
            id,
            event: "push",
            at: ago(480),
            place: Some(self.text("payments/api:2.3.7")),
            outcome,
            attempts: 1,
            status,
            took_ms: Some(38),
            failure: None,
        };
        WebhookPage {
            frame: self.frame("/system/webhooks/2"),
            done: Some(Done::Redeliver),
            id: 2,
            name: self.text("chat"),
            about: WebhookScope::Namespace(self.text("payments")),
            host: self.text("chat.example.com"),
            format: "slack",
            kinds: vec!["push", "tag.move"],
            repositories: vec![self.text("payments/**")],
            tags: Vec::new(),
            health: WebhookHealth::Failing(ago(7_200)),
            created_by: self.text("alice"),
            created: ago(400 * DAY),
            list: DeliveryList::All,
            cursor: Some(900),
            rows: vec![
                DeliveryRow {
                    attempts: 3,
                    failure: Some(self.text("503 Service Unavailable: try again later")),
                    ..row(12, DeliveryOutcome::Pending(ago(-600)), Some(503))
                },
                row(11, DeliveryOutcome::Delivered, Some(204)),
                DeliveryRow {
                    place: None,
                    took_ms: None,
                    attempts: 10,
                    failure: Some(self.text("the connection was refused")),
                    ..row(10, DeliveryOutcome::Dead, None)
                },
            ],
            next: Some(10),
        }
    }

    fn webhook_off(&self) -> WebhookPage {
        WebhookPage {
            done: None,
            kinds: Vec::new(),
            repositories: Vec::new(),
            health: WebhookHealth::GaveUp(self.text("it answered 410: gone")),
            list: DeliveryList::Pending,
            cursor: None,
            rows: Vec::new(),
            next: None,
            ..self.webhook()
        }
    }

    fn upstreams(&self) -> UpstreamsPage {
        let mirror = |repository: &str| MirrorRow {
            repository: repository.parse().unwrap(),
            upstream: self.text("hub"),
            source: self.text("library/debian"),
            cron: Some("0 3 * * *".to_owned()),
            enabled: true,
            running_since: None,
            last: None,
            succeeded: None,
            next: Some(ago(-DAY)),
        };
        let result = |outcome, copied, failed| MirrorResult {
            outcome,
            at: ago(3_600),
            copied,
            unchanged: 41,
            ended: 1,
            failed,
            failures: Vec::new(),
            error: None,
        };
        UpstreamsPage {
            frame: self.frame("/system/upstreams"),
            done: Some(Done::Mirror),
            upstreams: vec![
                UpstreamRow {
                    name: self.text("hub"),
                    url: self.text("https://registry-1.docker.io"),
                    username: Some(self.text("puller")),
                    cache: Some(CacheWords {
                        namespace: self.text("hub"),
                        prefix: self.text("library"),
                        ttl_seconds: 600,
                    }),
                    last: Some(LastAnswer {
                        at: ago(30),
                        problem: None,
                    }),
                },
                UpstreamRow {
                    name: self.text("vendor"),
                    url: self.text("https://registry.example.com:5000"),
                    username: None,
                    cache: None,
                    last: Some(LastAnswer {
                        at: ago(90),
                        problem: Some(self.text("registry.example.com:5000 cannot be reached")),
                    }),
                },
                UpstreamRow {
                    name: self.text("new"),
                    url: self.text("https://new.example.com"),
                    username: None,
                    cache: None,
                    last: None,
                },
            ],
            mirrors: vec![
                MirrorRow {
                    last: Some(result(MirrorOutcome::Ok, 3, 0)),
                    succeeded: Some(ago(3_600)),
                    ..mirror("copies/debian")
                },
                MirrorRow {
                    last: Some(MirrorResult {
                        failures: vec![(
                            self.text("bookworm"),
                            self.text("the upstream sent something else than was asked for"),
                        )],
                        ..result(MirrorOutcome::Partial, 2, 1)
                    }),
                    running_since: Some(ago(12)),
                    succeeded: Some(ago(3 * DAY)),
                    ..mirror("copies/python")
                },
                MirrorRow {
                    last: Some(MirrorResult {
                        error: Some(self.text("registry.example.com:5000 cannot be reached")),
                        ..result(MirrorOutcome::Failed, 0, 0)
                    }),
                    enabled: false,
                    next: None,
                    ..mirror("copies/redis")
                },
                MirrorRow {
                    cron: None,
                    next: None,
                    ..mirror("copies/zlib")
                },
            ],
            is_continued: false,
            next: Some("copies/zlib".parse().unwrap()),
        }
    }

    fn no_upstreams(&self) -> UpstreamsPage {
        UpstreamsPage {
            done: None,
            upstreams: Vec::new(),
            mirrors: Vec::new(),
            next: None,
            ..self.upstreams()
        }
    }
}
