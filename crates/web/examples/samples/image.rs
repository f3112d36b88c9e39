//! The image page: its states, its tabs, and the report behind them.

use std::collections::BTreeMap;

use evidence::{
    Coverage, Cvss, Diagnostic, Distro, Epss, Evidence, Finding, Fix, Grade, GradeBasis,
    GradeReport, GradeStep, ImageFacts, ImageReport, Inventory, Kev, LayerInfo, Level as Weight,
    MatchReport, Origin, Package, PackageType, Severity, Source, Status, Subject, Suppression,
};
use web::{
    Analysed, Analysis, FindingFilter, FindingGroup, FindingsTab, ImagePage, LayerRow, LayersTab,
    Overview, PackageFilter, PackageRow, PackagesTab, Paging, PlatformLink, Show, Tab, TabContent,
    VerdictCard,
};

use super::{DAY, Samples, ago, api, counted, counts, digest, snapshot};

impl Samples {
    pub(super) fn image(&self, content: TabContent) -> ImagePage {
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

    pub(super) fn partial(&self) -> ImagePage {
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

    pub(super) fn clean(&self) -> ImagePage {
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

    pub(super) fn report(&self) -> ImageReport {
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

    pub(super) fn grade_report(&self) -> GradeReport {
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

    pub(super) fn overview(&self) -> Overview {
        Overview {
            facts: ImageFacts {
                platform: Some(self.text("linux/amd64")),
                created: Some(ago(65 * DAY)),
                user: self.hostile.clone().unwrap_or_default(),
                runs_as_root: Some(true),
                exposed_ports: vec![self.text("8080/tcp"), self.text("9090/tcp")],
                red_hat: Vec::new(),
                labels: BTreeMap::from([(
                    self.text("org.opencontainers.image.source"),
                    self.text("https://git.example.com/payments/api"),
                )]),
            },
            upgrades: self.groups(),
        }
    }

    pub(super) fn findings(&self) -> FindingsTab {
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

    pub(super) fn groups(&self) -> Vec<FindingGroup> {
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

    pub(super) fn finding(
        &self,
        id: &str,
        package: &str,
        version: &str,
        severity: Severity,
    ) -> Finding {
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

    pub(super) fn packages(&self) -> PackagesTab {
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
                    disowned: None,
                    provenance: None,
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

    pub(super) fn layers(&self) -> LayersTab {
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

    pub(super) fn layer_infos(&self) -> Vec<LayerInfo> {
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
}
