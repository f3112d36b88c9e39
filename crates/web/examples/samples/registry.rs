//! The pages of the registry itself: repositories and their history, the audit trail.

use web::{
    AboutPage, AuditFields, AuditLine, AuditPage, HistoryPage, PastTagRow, PastTagsPage,
    PermissionRow, RestorePage, RuleRow, SpanRow,
};

use super::{DAY, Samples, ago, api, digest};

impl Samples {
    pub(super) fn about(&self) -> AboutPage {
        AboutPage {
            frame: self.frame("/r/payments/api/-/about"),
            repository: api(),
            description: self.text("The API of the payments team. Releases are signed."),
            public: false,
            state: "normal",
            state_means: "open for pulls and pushes",
            sparse: "as the server's settings say",
            created: ago(400 * DAY),
            restore_window: "What ends can be brought back for 14 days.",
            immutability: vec![RuleRow {
                matches: self.text("repository payments/**, tag v*"),
                scope: "its namespace",
                author: self.text("alice"),
                since: ago(30 * DAY),
            }],
            permissions: Some(vec![
                PermissionRow {
                    kind: "team",
                    name: self.text("payments/backend"),
                    role: "write",
                },
                PermissionRow {
                    kind: "robot",
                    name: self.text("payments+ci"),
                    role: "write",
                },
            ]),
        }
    }

    pub(super) fn history(&self) -> HistoryPage {
        let span = |tag: &str, content: &str, age| SpanRow {
            tag: tag.parse().unwrap(),
            digest: digest(content),
            began: "pushed",
            actor: self.text("payments+ci"),
            start: ago(age),
            ended: None,
            expires: None,
            restorable: false,
        };
        HistoryPage {
            frame: self.frame("/r/payments/api/-/history"),
            repository: api(),
            tag: self.hostile.clone().unwrap_or_default(),
            rows: vec![
                SpanRow {
                    expires: Some(ago(-3 * DAY - 60)),
                    ..span("nightly", "f", 480)
                },
                SpanRow {
                    ended: Some((ago(480), "pushed over")),
                    restorable: true,
                    ..span("nightly", "e", DAY)
                },
                SpanRow {
                    ended: Some((ago(2 * DAY), "deleted")),
                    restorable: true,
                    ..span("2.3.9", "d", 9 * DAY)
                },
                SpanRow {
                    began: "brought back",
                    ended: Some((ago(40 * DAY), "gave way to a restore")),
                    ..span("latest", "c", 64 * DAY)
                },
            ],
            next: Some(17),
            restore_window: "What ends can be brought back for 14 days.",
        }
    }

    pub(super) fn no_history(&self) -> HistoryPage {
        HistoryPage {
            tag: self.text("3.0"),
            rows: Vec::new(),
            next: None,
            ..self.history()
        }
    }

    pub(super) fn restore(&self) -> RestorePage {
        RestorePage {
            frame: self.frame("/r/payments/api/-/restore"),
            repository: api(),
            tag: "2.3.9".parse().unwrap(),
            current: None,
            digest: digest("d"),
            problem: Some(self.text("tag `2.3.9` is immutable")),
        }
    }

    pub(super) fn past_tags(&self) -> PastTagsPage {
        let row = |tag: &str, content: &str, changed| PastTagRow {
            tag: tag.parse().unwrap(),
            digest: digest(content),
            since: ago(70 * DAY),
            changed,
        };
        PastTagsPage {
            frame: self.frame("/r/payments/api/-/tags?as_of=2026-09-30"),
            repository: api(),
            at: ago(55 * DAY),
            created: ago(400 * DAY),
            rows: vec![row("2.3.7", "c", false), row("latest", "b", true)],
            next: Some("latest".parse().unwrap()),
        }
    }

    pub(super) fn audit(&self) -> AuditPage {
        let line = |action: &str, outcome, age| AuditLine {
            at: ago(age),
            actor: self.text("alice"),
            ip: Some(self.text("192.0.2.7")),
            action: self.text(action),
            outcome,
            place: Some(self.text("payments/api")),
            target: Some(self.text("2.3.9")),
            detail: None,
            occurrences: 1,
        };
        AuditPage {
            frame: self.frame("/audit"),
            filter: AuditFields {
                actor: self.text("alice"),
                ..AuditFields::default()
            },
            problem: None,
            rows: vec![
                line("tag.restore", "success", 60),
                AuditLine {
                    place: None,
                    target: Some(self.text("alice")),
                    detail: Some(self.text("the password is wrong")),
                    occurrences: 12,
                    ..line("login.failure", "failure", 7_200)
                },
                AuditLine {
                    ip: None,
                    ..line("pull", "denied", 9 * DAY)
                },
            ],
            is_continued: true,
            next: Some("1.2".to_owned()),
        }
    }

    pub(super) fn audit_refused(&self) -> AuditPage {
        AuditPage {
            problem: Some(self.text("The whole trail is for administrators.")),
            rows: Vec::new(),
            is_continued: false,
            next: None,
            ..self.audit()
        }
    }
}
