//! Every page with made-up content, in each of its states. The gallery writes them, the tests examine them.
#![expect(
    clippy::unwrap_used,
    reason = "the texts are written here and a sample that does not render is a failed test"
)]

mod image;
mod organisations;
mod people;
mod registry;
mod settings;
mod system;
mod verdict;

use evidence::{Grade, SeverityCounts, SnapshotRef};
use gate::Decision;
use jiff::Timestamp;
use oci::{Digest, RepositoryName};
use web::{
    Account, Analysis, ErrorKind, ErrorPage, FeedRow, FeedsNote, FeedsPage, Figures, Frame, Health,
    ImagesPage, Paging, ProviderLink, RepositoryRow, SignInError, SignInPage, Tab, TabContent,
    TagRow, TagSort, TagsPage, Tally, Theme, VerdictChip, VerdictTally,
};

/// Makes the samples, in the given theme; `hostile` takes the place of every free text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    pub(crate) theme: Theme,
    pub(crate) hostile: Option<String>,
}

const DAY: i64 = 86_400;

impl Samples {
    /// Renders all pages, each with the name of its file.
    pub(crate) fn render(&self) -> Vec<(&'static str, String)> {
        let image = |content| web::render_image(&self.image(content)).unwrap();
        let state = |analysis| {
            let mut page = self.image(TabContent::empty(Tab::Overview));
            page.analysis = analysis;
            web::render_image(&page).unwrap()
        };
        let mut pages = vec![
            ("sign-in", web::render_sign_in(&self.sign_in(None)).unwrap()),
            (
                "sign-in-error",
                web::render_sign_in(&self.sign_in(Some(SignInError::Credentials))).unwrap(),
            ),
            (
                "sign-in-ways",
                web::render_sign_in(&self.sign_in_ways()).unwrap(),
            ),
            ("images", web::render_images(&self.images()).unwrap()),
            (
                "images-first",
                web::render_images(&self.no_images()).unwrap(),
            ),
            ("tags", web::render_tags(&self.tags()).unwrap()),
            ("tags-none", web::render_tags(&self.no_tags()).unwrap()),
            ("image", image(TabContent::Overview(self.overview()))),
            (
                "image-vulnerabilities",
                image(TabContent::Vulnerabilities(self.findings())),
            ),
            (
                "image-packages",
                image(TabContent::Packages(self.packages())),
            ),
            ("image-layers", image(TabContent::Layers(self.layers()))),
            ("image-partial", web::render_image(&self.partial()).unwrap()),
            ("image-clean", web::render_image(&self.clean()).unwrap()),
            (
                "image-queued",
                state(Analysis::Queued {
                    since: ago(8),
                    ahead: Some(14),
                }),
            ),
            (
                "image-scanning",
                state(Analysis::Scanning {
                    since: ago(2),
                    layer: Some((3, 7)),
                }),
            ),
            (
                "image-failed",
                state(Analysis::Failed {
                    at: ago(90),
                    reason: self.text("layer 3 ends early: expected 48600 entries, read 12"),
                    retries: false,
                }),
            ),
            (
                "image-unsupported",
                state(Analysis::Unsupported {
                    media_type: self.text("application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
                }),
            ),
            ("image-not-scanned", state(Analysis::NotScanned)),
            ("decision", web::render_decision(&self.decision()).unwrap()),
            (
                "decision-allowed",
                web::render_decision(&self.decision_allowed()).unwrap(),
            ),
            ("about", web::render_about(&self.about()).unwrap()),
            ("history", web::render_history(&self.history()).unwrap()),
            (
                "history-none",
                web::render_history(&self.no_history()).unwrap(),
            ),
            ("restore", web::render_restore(&self.restore()).unwrap()),
            (
                "tags-past",
                web::render_past_tags(&self.past_tags()).unwrap(),
            ),
            ("audit", web::render_audit(&self.audit()).unwrap()),
            (
                "audit-refused",
                web::render_audit(&self.audit_refused()).unwrap(),
            ),
            ("feeds", web::render_feeds(&self.feeds()).unwrap()),
            ("feeds-none", web::render_feeds(&self.no_feeds()).unwrap()),
        ];
        pages.extend(self.system_pages());
        pages.extend(self.people());
        pages.extend(self.organisation_pages());
        pages.extend(self.settings_pages());
        for (name, kind) in [
            ("error-404", ErrorKind::NotFound),
            ("error-403", ErrorKind::Forbidden),
            ("error-500", ErrorKind::Internal),
        ] {
            let page = ErrorPage {
                frame: self.frame("/nowhere"),
                kind,
                reason: (kind == ErrorKind::Forbidden)
                    .then(|| self.text("Only an owner of the organisation may do this.")),
                request_id: self.text("01JD9K2QH4Z7"),
            };
            pages.push((name, web::render_error(&page).unwrap()));
        }
        pages
    }

    fn text(&self, plain: &str) -> String {
        self.hostile.clone().unwrap_or_else(|| plain.to_owned())
    }

    fn frame(&self, address: &str) -> Frame {
        Frame {
            now: now(),
            theme: self.theme,
            account: Some(Account {
                name: self.text("alice"),
                superuser: true,
                csrf: self.text("0f1e2d3c"),
            }),
            feeds: FeedsNote {
                snapshot: Some(snapshot()),
                stale: false,
            },
            address: address.to_owned(),
        }
    }

    fn sign_in(&self, error: Option<SignInError>) -> SignInPage {
        SignInPage {
            frame: Frame {
                account: None,
                ..self.frame("/sign-in")
            },
            username: if error.is_some() {
                self.text("alice")
            } else {
                String::new()
            },
            return_to: self.text("/r/payments/api/-/tags?q=2"),
            csrf: self.text("0f1e2d3c"),
            error,
            providers: Vec::new(),
            directory: None,
        }
    }

    fn sign_in_ways(&self) -> SignInPage {
        let link = |name, id| ProviderLink {
            name: self.text(name),
            id: self.text(id),
        };
        SignInPage {
            providers: vec![link("Example SSO", "sso"), link("Partners", "partners")],
            directory: Some(self.text("Example directory")),
            ..self.sign_in(Some(SignInError::NameTaken(self.text("alice"))))
        }
    }

    fn images(&self) -> ImagesPage {
        let rows = vec![
            self.repository("base/debian-slim", 4, Grade::A, 0, 41),
            self.repository("payments/api", 118, Grade::F, 1, 12),
            self.repository("payments/batch", 31, Grade::C, 0, 9000),
            self.repository(
                "platform/build/images/toolchain-with-a-long-name",
                1250,
                Grade::B,
                0,
                600_000,
            ),
            RepositoryRow {
                worst: None,
                verdicts: VerdictTally {
                    pending: 2,
                    ..VerdictTally::default()
                },
                ..self.repository("search/indexer", 2, Grade::A, 0, 8)
            },
            RepositoryRow {
                worst: None,
                verdicts: VerdictTally::default(),
                ..self.repository("charts/payments", 7, Grade::A, 0, 70_000)
            },
        ];
        ImagesPage {
            frame: self.frame("/images"),
            query: self.hostile.clone().unwrap_or_default(),
            figures: Figures {
                repositories: 328,
                tags: 12_450,
                allowed: 12_401,
                warned: 33,
                blocked: 14,
                pending: 2,
                as_of: Some(ago(40)),
            },
            paging: Paging::new(2, 6, 328),
            rows,
            registry_host: self.text("registry.example.com"),
        }
    }

    fn repository(
        &self,
        name: &str,
        tags: usize,
        grade: Grade,
        blocked: u32,
        age: i64,
    ) -> RepositoryRow {
        RepositoryRow {
            name: name.parse().unwrap(),
            tags,
            worst: Some(self.health(grade)),
            verdicts: VerdictTally {
                deny: blocked,
                warn: u32::from(blocked > 0),
                allow: tags as u32 - blocked,
                pending: 0,
            },
            pushed: Some(ago(age)),
        }
    }

    fn no_images(&self) -> ImagesPage {
        let mut frame = self.frame("/images");
        frame.feeds = FeedsNote::default();
        ImagesPage {
            frame,
            query: String::new(),
            figures: Figures::default(),
            rows: Vec::new(),
            paging: Paging::new(1, 50, 0),
            registry_host: self.text("127.0.0.1:5000"),
        }
    }

    pub(crate) fn tags(&self) -> TagsPage {
        let old = Tally::Counted {
            open: SeverityCounts {
                negligible: 12,
                unknown: 3,
                ..counts(9, 31, 77, 120)
            },
            fixable: 201,
            partial: true,
            as_of: ago(3 * DAY),
        };
        let rows = vec![
            self.tag(
                "latest",
                "e",
                Some(Grade::A),
                Decision::Allow,
                counted(counts(0, 0, 3, 11)),
                720,
            ),
            self.tag(
                "2.4.1",
                "e",
                Some(Grade::A),
                Decision::Allow,
                counted(counts(0, 0, 3, 11)),
                720,
            ),
            self.tag(
                "2.4",
                "e",
                Some(Grade::A),
                Decision::Allow,
                counted(counts(0, 0, 3, 11)),
                720,
            ),
            self.tag(
                "2.4.0",
                "d",
                Some(Grade::B),
                Decision::Warn,
                counted(counts(0, 2, 5, 14)),
                3 * DAY,
            ),
            self.tag(
                "2.3.7",
                "c",
                Some(Grade::D),
                Decision::Deny,
                counted(counts(1, 6, 19, 40)),
                64 * DAY,
            ),
            self.tag(
                "2.3.7-debug",
                "b",
                Some(Grade::D),
                Decision::Deny,
                counted(counts(1, 6, 21, 44)),
                64 * DAY,
            ),
            self.tag(
                "1.9-legacy",
                "a",
                Some(Grade::F),
                Decision::Deny,
                old,
                584 * DAY,
            ),
            self.tag("nightly", "f", None, Decision::Pending, Tally::Scanning, 8),
            self.tag(
                "chart-1.0.0",
                "g",
                None,
                Decision::Allow,
                Tally::Unknown {
                    reason: self.text("not supported"),
                },
                10 * DAY,
            ),
            self.tag(
                "scratch",
                "h",
                None,
                Decision::Allow,
                Tally::NotScanned,
                11 * DAY,
            ),
        ];
        TagsPage {
            frame: self.frame("/r/payments/api/-/tags"),
            repository: api(),
            query: self.hostile.clone().unwrap_or_default(),
            sort: TagSort::default(),
            policy: Some(self.text("production")),
            is_continued: false,
            next: Some("1700000000.1.9-legacy".to_owned()),
            unread_instant: None,
            rows,
            registry_host: self.text("registry.example.com"),
        }
    }

    fn no_tags(&self) -> TagsPage {
        TagsPage {
            rows: Vec::new(),
            query: self.text("3."),
            sort: TagSort::by(web::TagColumn::Name, false),
            next: None,
            unread_instant: Some(self.text("yesterday")),
            ..self.tags()
        }
    }

    pub(crate) fn tag(
        &self,
        tag: &str,
        content: &str,
        grade: Option<Grade>,
        decision: Decision,
        tally: Tally,
        age: i64,
    ) -> TagRow {
        TagRow {
            tag: tag.parse().unwrap(),
            digest: digest(content),
            immutable: tag == "2.4.1",
            expires: (tag == "nightly").then(|| ago(-3 * DAY - 60)),
            health: grade.map(|grade| self.health(grade)),
            verdict: Some(self.chip(decision)),
            vulnerabilities: tally,
            platforms: vec![self.text("linux/amd64"), self.text("linux/arm64")],
            size_bytes: 84_200_000,
            pushed: ago(age),
        }
    }

    fn health(&self, grade: Grade) -> Health {
        let next_drop = match grade {
            Grade::B => Some((Grade::C, ago(-5 * DAY - 60))),
            Grade::D => Some((Grade::E, ago(-45 * DAY - 60))),
            _ => None,
        };
        Health {
            grade,
            reason: self.text("oldest unapplied critical advisory is 45 days old"),
            next_drop,
        }
    }

    fn chip(&self, decision: Decision) -> VerdictChip {
        let rules = match decision {
            Decision::Allow => 0,
            Decision::Warn | Decision::Pending => 1,
            Decision::Deny => 3,
        };
        VerdictChip {
            decision,
            rules,
            id: Some(self.text("01JD9K2QH4")),
        }
    }

    fn feeds(&self) -> FeedsPage {
        let mut frame = self.frame("/feeds");
        frame.feeds.stale = true;
        FeedsPage {
            frame,
            limit_hours: Some(24),
            records: 214_532,
            rows: vec![
                FeedRow {
                    name: self.text("debian"),
                    title: self.text("Debian security tracker"),
                    records: 61_230,
                    updated: Some(ago(31 * 3600)),
                    digest: Some(self.text(digest("feed").as_str())),
                    stale: true,
                    problem: None,
                },
                FeedRow {
                    name: self.text("osv:PyPI"),
                    title: self.text("OSV, Python packages"),
                    records: 17_012,
                    updated: Some(ago(7200)),
                    digest: None,
                    stale: false,
                    problem: None,
                },
                FeedRow {
                    name: self.text("kev"),
                    title: self.text("CISA known exploited vulnerabilities"),
                    records: 1_402,
                    updated: None,
                    digest: None,
                    stale: false,
                    problem: Some(self.text("3 records could not be read")),
                },
            ],
        }
    }

    fn no_feeds(&self) -> FeedsPage {
        let mut page = self.feeds();
        page.frame.feeds = FeedsNote::default();
        page.rows.clear();
        page
    }
}

/// Makes the counts of an image matched with the current snapshot; half of them have a fix.
pub(crate) fn counted(open: SeverityCounts) -> Tally {
    Tally::Counted {
        open,
        fixable: open.total() / 2,
        partial: false,
        as_of: snapshot().built_at,
    }
}

/// Makes counts of the four usual severities.
pub(crate) fn counts(critical: u32, high: u32, medium: u32, low: u32) -> SeverityCounts {
    SeverityCounts {
        critical,
        high,
        medium,
        low,
        negligible: 0,
        unknown: 0,
    }
}

fn now() -> Timestamp {
    "2026-11-24T08:10:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() - seconds).unwrap()
}

fn snapshot() -> SnapshotRef {
    SnapshotRef {
        id: digest("snapshot"),
        built_at: ago(2 * 3600),
    }
}

fn api() -> RepositoryName {
    "payments/api".parse().unwrap()
}

fn digest(content: &str) -> Digest {
    Digest::sha256(content.as_bytes())
}
