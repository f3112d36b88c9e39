//! Every page with made-up content, in each of its states. The gallery writes them, the tests examine them.
#![expect(
    clippy::unwrap_used,
    reason = "the texts are written here and a sample that does not render is a failed test"
)]

use std::collections::BTreeMap;

use evidence::{
    Coverage, Cvss, Diagnostic, Distro, Epss, Evidence, Finding, Fix, Grade, GradeBasis,
    GradeReport, GradeStep, ImageFacts, ImageReport, Inventory, Kev, LayerInfo, Level as Weight,
    MatchReport, Origin, Package, PackageType, Severity, SeverityCounts, SnapshotRef, Source,
    Status, Subject, Suppression,
};
use gate::{Decision, Door, Inputs, Level, Mode, Outcome, OutcomeCounts, RuleOutcome, Verdict};
use jiff::Timestamp;
use oci::{Digest, RepositoryName};
use web::{
    Account, Analysed, Analysis, DecisionPage, ErrorKind, ErrorPage, FeedRow, FeedsNote, FeedsPage,
    Figures, FindingFilter, FindingGroup, FindingsTab, Frame, Health, ImagePage, ImagesPage,
    LayerRow, LayersTab, Overview, PackageFilter, PackageRow, PackagesTab, Paging, PlatformLink,
    RepositoryRow, Show, SignInError, SignInPage, Tab, TabContent, TagRow, TagSort, TagsPage,
    Tally, Theme, VerdictCard, VerdictChip, VerdictTally,
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
            ("feeds", web::render_feeds(&self.feeds()).unwrap()),
            ("feeds-none", web::render_feeds(&self.no_feeds()).unwrap()),
        ];
        for (name, kind) in [
            ("error-404", ErrorKind::NotFound),
            ("error-403", ErrorKind::Forbidden),
            ("error-500", ErrorKind::Internal),
        ] {
            let page = ErrorPage {
                frame: self.frame("/nowhere"),
                kind,
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
                "2.4.1",
                "e",
                Some(Grade::A),
                Decision::Allow,
                counted(counts(0, 0, 3, 11)),
                720,
            ),
            self.tag(
                "latest",
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
            sort: TagSort::Newest,
            policy: Some(self.text("production")),
            total: rows.len(),
            rows,
            registry_host: self.text("registry.example.com"),
        }
    }

    fn no_tags(&self) -> TagsPage {
        TagsPage {
            rows: Vec::new(),
            query: self.text("3."),
            sort: TagSort::Name,
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

    fn image(&self, content: TabContent) -> ImagePage {
        let report = self.report();
        ImagePage {
            frame: self.frame("/r/payments/api/-/t/2.3.7"),
            repository: api(),
            tag: Some("2.3.7".parse().unwrap()),
            digest: digest("c"),
            media_type: self.text("application/vnd.oci.image.index.v1+json"),
            size_bytes: 91_700_000,
            pushed: Some(ago(64 * DAY)),
            platforms: vec![
                PlatformLink {
                    platform: self.text("linux/amd64"),
                    shown: true,
                    tally: counted(counts(1, 6, 19, 40)),
                },
                PlatformLink {
                    platform: self.text("linux/arm64"),
                    shown: false,
                    tally: counted(counts(1, 5, 19, 40)),
                },
            ],
            platform: None,
            registry_host: self.text("registry.example.com"),
            verdict: Some(VerdictCard {
                verdict: self.verdict(),
                advice: Some(self.text("rebuild on debian 12.9: removes 1C 5H 12M, grade A")),
            }),
            analysis: Analysis::Ready(Box::new(Analysed::from_report(&report, ago(64 * DAY)))),
            content,
        }
    }

    fn partial(&self) -> ImagePage {
        let mut overview = self.overview();
        overview.upgrades.clear();
        let mut page = self.image(TabContent::Overview(overview));
        if let Analysis::Ready(analysed) = &mut page.analysis {
            analysed.coverage = Coverage::Partial;
            analysed.diagnostics = vec![
                Diagnostic::new(
                    "rpm.truncated",
                    Weight::Error,
                    self.text("the package database ends after 1.2 MB of 4.0 MB"),
                )
                .at(self.text("var/lib/rpm/rpmdb.sqlite"))
                .in_layer(2),
                Diagnostic::new(
                    "tar.duplicate",
                    Weight::Info,
                    self.text("two entries of one path; the last counts"),
                ),
            ];
            analysed.matched = None;
        }
        page.verdict = None;
        page.platforms = Vec::new();
        page.tag = None;
        page
    }

    fn clean(&self) -> ImagePage {
        let mut report = self.report();
        let matches = report.matches.as_mut().unwrap();
        matches.findings.clear();
        matches.grade = GradeReport {
            grade: Grade::A,
            reason: self.text("No fix for a critical or high vulnerability is missing."),
            basis: None,
            schedule: vec![GradeStep {
                grade: Grade::A,
                from: None,
            }],
        };
        let mut page = self.image(TabContent::empty(Tab::Vulnerabilities));
        page.analysis = Analysis::Ready(Box::new(Analysed::from_report(&report, ago(720))));
        page.verdict = Some(VerdictCard {
            verdict: self.allowed(),
            advice: None,
        });
        page.platforms = Vec::new();
        page
    }

    fn report(&self) -> ImageReport {
        let findings = self.groups().into_iter().flat_map(|group| group.findings);
        let mut findings: Vec<Finding> = findings.collect();
        findings.push(Finding {
            suppressed: Some(Suppression {
                reason: "unimportant".to_owned(),
                source: "debian".to_owned(),
            }),
            ..self.finding("CVE-2005-2541", "tar", "1.34", Severity::Negligible)
        });
        ImageReport {
            schema_version: 1,
            subject: Subject {
                name: "payments/api:2.3.7".to_owned(),
                digest: Some(digest("c")),
            },
            inventory: Inventory {
                analyser: "1".to_owned(),
                distro: Some(Distro {
                    pretty_name: Some(self.text("Debian GNU/Linux 12 (bookworm)")),
                    ..Distro::default()
                }),
                layers: self.layer_infos(),
                packages: self
                    .packages()
                    .rows
                    .into_iter()
                    .map(|row| row.package)
                    .collect(),
                facts: ImageFacts::default(),
                coverage: Coverage::Complete,
                diagnostics: vec![Diagnostic::new(
                    "tar.duplicate",
                    Weight::Info,
                    self.text("two entries of one path; the last counts"),
                )],
            },
            matches: Some(MatchReport {
                snapshot: snapshot(),
                matched_at: ago(41 * 60),
                findings,
                grade: self.grade_report(),
                diagnostics: Vec::new(),
            }),
        }
    }

    fn grade_report(&self) -> GradeReport {
        GradeReport {
            grade: Grade::D,
            reason: self
                .text("The fix for CVE-2026-31337 in openssl is 45 days old and was not applied."),
            basis: Some(GradeBasis {
                id: "CVE-2026-31337".to_owned(),
                package: "openssl".to_owned(),
                severity: Severity::Critical,
                fixed_at: ago(45 * DAY),
                estimated: false,
            }),
            schedule: vec![
                GradeStep {
                    grade: Grade::D,
                    from: None,
                },
                GradeStep {
                    grade: Grade::E,
                    from: Some(ago(-45 * DAY - 60)),
                },
                GradeStep {
                    grade: Grade::F,
                    from: Some(ago(-320 * DAY)),
                },
            ],
        }
    }

    fn verdict(&self) -> Verdict {
        let rules = vec![
            RuleOutcome {
                observed: self
                    .text("1 fixable critical: CVE-2026-31337 in openssl 3.0.11-1~deb12u2"),
                required: self.text("0 with a fix older than 7 days"),
                remediation: Some(self.text("apt-get install --only-upgrade openssl")),
                since: Some("2026-10-10".parse().unwrap()),
                evidence: Some("/api/v1/evidence/sha256:00#finding-12".to_owned()),
                ..self.rule(
                    "no-fixable-critical",
                    "No critical vulnerability with a fix",
                    "vuln.count",
                    Outcome::Fail,
                    Level::Deny,
                )
            },
            RuleOutcome {
                observed: self.text("D: the fix for CVE-2026-31337 was not applied for 45 days"),
                required: self.text("C or better"),
                remediation: Some(self.text("rebuild on the current base image")),
                ..self.rule(
                    "health",
                    "Health grade at least C",
                    "health.grade",
                    Outcome::Fail,
                    Level::Deny,
                )
            },
            RuleOutcome {
                observed: self.text("user is not set, so the image runs as root"),
                required: self.text("another user than root"),
                remediation: Some(self.text("add USER 10001 to the build file")),
                ..self.rule(
                    "non-root",
                    "Does not run as root",
                    "config.user",
                    Outcome::Fail,
                    Level::Deny,
                )
            },
            RuleOutcome {
                observed: self.text("no scan of the last 24 h"),
                required: self.text("a scan of the last 24 h"),
                ..self.rule(
                    "fresh-scan",
                    "Scanned recently",
                    "evidence.age",
                    Outcome::Unknown,
                    Level::Deny,
                )
            },
            RuleOutcome {
                observed: self.text("2 above 50 %"),
                required: "0".to_owned(),
                ..self.rule(
                    "epss",
                    "Exploitation is unlikely",
                    "vuln.epss",
                    Outcome::Fail,
                    Level::Warn,
                )
            },
            self.rule(
                "ports",
                "No forbidden ports",
                "config.ports",
                Outcome::Pass,
                Level::Deny,
            ),
            self.rule(
                "size",
                "Below 2 GB",
                "image.size",
                Outcome::Pass,
                Level::Warn,
            ),
            self.rule(
                "base",
                "Built on an allowed base",
                "base.allowed",
                Outcome::NotApplicable,
                Level::Deny,
            ),
        ];
        Verdict {
            schema_version: 1,
            id: Some(self.text("01JD9K2QH4")),
            verdict: Decision::Deny,
            door: Door::Pull,
            mode: Mode::Enforce,
            subject: gate::VerdictSubject {
                repository: self.text("payments/api"),
                tag: Some(self.text("2.3.7")),
                digest: Some(digest("c")),
                platform: Some(self.text("linux/amd64")),
            },
            policy: vec![gate::PolicyRef {
                name: self.text("production"),
                version: Some(14),
                sha256: digest("policy").hex().to_owned(),
                mode: Mode::Enforce,
                enforced_from: None,
            }],
            inputs: Inputs {
                evidence: vec![digest("evidence"), digest("inventory")],
                advisories: Some(digest("snapshot")),
                at: ago(41),
            },
            counts: OutcomeCounts::of(&rules),
            rules,
            valid_until: Some(ago(-3600)),
            url: None,
        }
    }

    fn allowed(&self) -> Verdict {
        let mut verdict = self.verdict();
        verdict.verdict = Decision::Allow;
        verdict.rules.retain(|rule| rule.outcome == Outcome::Pass);
        verdict.counts = OutcomeCounts::of(&verdict.rules);
        verdict
    }

    fn rule(
        &self,
        id: &str,
        title: &str,
        condition: &str,
        outcome: Outcome,
        level: Level,
    ) -> RuleOutcome {
        RuleOutcome {
            id: self.text(&format!("production/{id}")),
            condition: self.text(condition),
            title: self.text(title),
            outcome,
            level,
            effect: match (outcome, level) {
                (Outcome::Fail, Level::Deny) => Decision::Deny,
                (Outcome::Fail, Level::Warn) => Decision::Warn,
                (Outcome::Unknown, _) => Decision::Pending,
                _ => Decision::Allow,
            },
            observed: self.text("as required"),
            required: self.text("as the policy says"),
            summary: String::new(),
            since: None,
            evidence: self.hostile.clone(),
            remediation: None,
            link: None,
            platform: None,
            waivable: true,
            waiver: None,
            grace: None,
        }
    }

    fn decision(&self) -> DecisionPage {
        DecisionPage {
            frame: self.frame("/d/01JD9K2QH4"),
            id: self.text("01JD9K2QH4"),
            repository: api(),
            verdict: self.verdict(),
            advisories_built_at: Some(snapshot().built_at),
            identity: Some(self.text("robot payments+cluster-7")),
            client_text: self.text("denied: production blocks payments/api:2.3.7 (4 of 8 rules): no-fixable-critical: CVE-2026-31337 openssl 3.0.11-1~deb12u2, fixed in 3.0.15-1~deb12u1; health: D, needs C; non-root: runs as root. https://registry.example.com/d/01JD9K2QH4"),
            document: self.text("{\n  \"schemaVersion\": 1,\n  \"verdict\": \"deny\"\n}"),
        }
    }

    fn decision_allowed(&self) -> DecisionPage {
        DecisionPage {
            verdict: self.allowed(),
            client_text: self.text("(nothing: the image was served)"),
            ..self.decision()
        }
    }

    fn overview(&self) -> Overview {
        Overview {
            facts: ImageFacts {
                platform: Some(self.text("linux/amd64")),
                created: Some(ago(65 * DAY)),
                user: self.hostile.clone().unwrap_or_default(),
                runs_as_root: Some(true),
                exposed_ports: vec![self.text("8080/tcp"), self.text("9090/tcp")],
                labels: BTreeMap::from([(
                    self.text("org.opencontainers.image.source"),
                    self.text("https://git.example.com/payments/api"),
                )]),
            },
            upgrades: self.groups(),
        }
    }

    fn findings(&self) -> FindingsTab {
        let mut groups = self.groups();
        groups.push(FindingGroup {
            kind: PackageType::Deb,
            package: self.text("tar"),
            from: self.text("1.34+dfsg-1.2"),
            to: None,
            command: None,
            findings: vec![
                Finding {
                    suppressed: Some(Suppression {
                        reason: self.text("unimportant"),
                        source: self.text("debian"),
                    }),
                    fix: Fix::WillNotFix,
                    ..self.finding(
                        "CVE-2005-2541",
                        "tar",
                        "1.34+dfsg-1.2",
                        Severity::Negligible,
                    )
                },
                Finding {
                    status: Status::UnderInvestigation,
                    fix: Fix::NoneYet,
                    ..self.finding("CVE-2026-00001", "tar", "1.34+dfsg-1.2", Severity::Unknown)
                },
            ],
        });
        FindingsTab {
            filter: FindingFilter {
                show: Show::All,
                query: self.text("C"),
                ..FindingFilter::default()
            },
            findings: groups.iter().map(|group| group.findings.len()).sum(),
            paging: Paging::new(1, 4, 9),
            groups,
            layers: self.layer_infos(),
        }
    }

    fn groups(&self) -> Vec<FindingGroup> {
        let openssl = "3.0.11-1~deb12u2";
        vec![
            FindingGroup {
                kind: PackageType::Deb,
                package: self.text("openssl"),
                from: self.text(openssl),
                to: Some(self.text("3.0.15-1~deb12u1")),
                command: Some(self.text("apt-get install --only-upgrade openssl libssl3")),
                findings: vec![
                    Finding {
                        kev: Some(Kev {
                            added: self.text("2026-08-03"),
                            due: self.text("2026-08-24"),
                            ransomware: true,
                        }),
                        cvss: Some(Cvss {
                            vector: self.text("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
                            score: 9.8,
                        }),
                        epss: Some(Epss {
                            probability: 0.934,
                            percentile: 0.99,
                        }),
                        ..self.finding("CVE-2026-31337", "libssl3", openssl, Severity::Critical)
                    },
                    self.finding("CVE-2026-20011", "libssl3", openssl, Severity::High),
                    self.finding("CVE-2026-20011", "openssl", openssl, Severity::High),
                    self.finding("CVE-2026-20012", "libssl3", openssl, Severity::Medium),
                ],
            },
            FindingGroup {
                kind: PackageType::PyPi,
                package: self.text("requests"),
                from: self.text("2.25.0"),
                to: Some(self.text("2.32.4")),
                command: None,
                findings: vec![Finding {
                    layer: Some(2),
                    path: self
                        .text("usr/lib/python3/dist-packages/requests-2.25.0.dist-info/METADATA"),
                    ..self.finding(
                        "GHSA-9wx4-h78v-vm56",
                        "requests",
                        "2.25.0",
                        Severity::Medium,
                    )
                }],
            },
            FindingGroup {
                kind: PackageType::Deb,
                package: self.text("zlib1g"),
                from: self.text("1:1.2.13.dfsg-1"),
                to: None,
                command: None,
                findings: vec![Finding {
                    fix: Fix::WillNotFix,
                    ..self.finding(
                        "CVE-2023-45853",
                        "zlib1g",
                        "1:1.2.13.dfsg-1",
                        Severity::Critical,
                    )
                }],
            },
        ]
    }

    fn finding(&self, id: &str, package: &str, version: &str, severity: Severity) -> Finding {
        Finding {
            id: self.text(id),
            aliases: Vec::new(),
            package_type: PackageType::Deb,
            package: self.text(package),
            version: self.text(version),
            source_package: None,
            path: self.text("var/lib/dpkg/status"),
            layer: Some(0),
            severity,
            severity_source: self.text("debian"),
            cvss: None,
            epss: Some(Epss {
                probability: 0.0041,
                percentile: 0.6,
            }),
            kev: None,
            status: Status::Affected,
            fix: Fix::Available {
                version: self.text("3.0.15-1~deb12u1"),
                published: Some(ago(45 * DAY)),
                estimated: severity == Severity::Medium,
            },
            note: self.text("minor, no security advisory planned"),
            published: Some(ago(60 * DAY)),
            summary: self.text("A remote attacker can make the process read beyond a buffer."),
            origin: Origin {
                feed: "debian".to_owned(),
                record: id.to_owned(),
            },
            suppressed: None,
        }
    }

    fn packages(&self) -> PackagesTab {
        let names = [
            "adduser",
            "apt",
            "base-files",
            "libssl3",
            "openssl",
            "requests",
            "zlib1g",
        ];
        let rows: Vec<PackageRow> = names
            .iter()
            .map(|name| PackageRow {
                package: Package {
                    kind: if *name == "requests" {
                        PackageType::PyPi
                    } else {
                        PackageType::Deb
                    },
                    name: self.text(name),
                    version: self.text("3.0.11-1~deb12u2"),
                    arch: Some(self.text("amd64")),
                    source: (*name == "libssl3").then(|| Source {
                        name: self.text("openssl"),
                        version: self.text("3"),
                    }),
                    licenses: if *name == "apt" {
                        Vec::new()
                    } else {
                        vec![self.text("Apache-2.0")]
                    },
                    evidence: Evidence::OsDatabase,
                    path: self.text("var/lib/dpkg/status"),
                    layer: Some(0),
                    owned_by: (*name == "requests").then(|| self.text("python3-requests")),
                },
                findings: Some(if *name == "openssl" {
                    counts(1, 2, 1, 0)
                } else {
                    counts(0, 0, 0, 0)
                }),
            })
            .collect();
        PackagesTab {
            filter: PackageFilter {
                kind: Some(PackageType::Deb),
                query: self.hostile.clone().unwrap_or_default(),
            },
            paging: Paging::new(2, 7, 312),
            rows,
            layers: self.layer_infos(),
        }
    }

    fn layers(&self) -> LayersTab {
        let found = [
            (312, counts(1, 5, 12, 30)),
            (0, counts(0, 0, 0, 0)),
            (4, counts(0, 0, 1, 0)),
        ];
        let rows = self.layer_infos().into_iter().zip(found);
        LayersTab {
            rows: rows
                .map(|(layer, (packages, findings))| LayerRow {
                    layer,
                    packages,
                    findings: Some(findings),
                })
                .collect(),
        }
    }

    fn layer_infos(&self) -> Vec<LayerInfo> {
        [
            "/bin/sh -c #(nop) ADD file:4b1be1de1a1e5aa608c688cad2824587262081866180d7368feb79d33ca05953 in / ",
            "ENV PATH=/usr/local/bin:/usr/bin",
            "RUN /bin/sh -c pip install --no-cache-dir -r requirements.txt # buildkit",
        ]
        .iter()
        .map(|created_by| LayerInfo {
            digest: digest(created_by),
            diff_id: None,
            size_bytes: 28_400_000,
            created_by: Some(self.text(created_by)),
        })
        .collect()
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
