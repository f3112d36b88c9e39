//! The pages of organisations, of rights and of usage.

use web::{
    DefaultRow, Draft, GivenRole, GrantRow, GrantsPage, Home, HomeHead, MemberRow, MembersPage,
    NamePaging, NamespaceRow, OrganisationPage, OrganisationRow, OrganisationsPage,
    OwnedRepository, QuotaCard, QuotaLimit, SystemUsagePage, TeamMemberRow, TeamPage, TeamRow,
    TeamsPage, UsagePage, UsageRow,
};

use super::{DAY, Samples, ago, api};

impl Samples {
    /// Renders the pages of organisations.
    pub(super) fn organisation_pages(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "organisations",
                web::render_organisations(&self.organisations()).unwrap(),
            ),
            (
                "organisations-none",
                web::render_organisations(&OrganisationsPage {
                    rows: Vec::new(),
                    may_create: false,
                    holds_all: false,
                    ..self.organisations()
                })
                .unwrap(),
            ),
            (
                "organisation",
                web::render_organisation(&self.organisation()).unwrap(),
            ),
            (
                "organisation-member",
                web::render_organisation(&self.organisation_of_others()).unwrap(),
            ),
            ("members", web::render_members(&self.members()).unwrap()),
            (
                "members-none",
                web::render_members(&MembersPage {
                    paging: NamePaging {
                        query: self.text("nobody"),
                        ..NamePaging::default()
                    },
                    rows: Vec::new(),
                    ..self.members()
                })
                .unwrap(),
            ),
            ("teams", web::render_teams(&self.teams()).unwrap()),
            ("team", web::render_team(&self.team()).unwrap()),
            (
                "team-member",
                web::render_team(&self.team_of_others()).unwrap(),
            ),
            ("grants", web::render_grants(&self.grants()).unwrap()),
            (
                "grants-none",
                web::render_grants(&GrantsPage {
                    patterns: Vec::new(),
                    defaults: Vec::new(),
                    ..self.grants()
                })
                .unwrap(),
            ),
            ("usage", web::render_usage(&self.usage()).unwrap()),
            ("usage-none", web::render_usage(&self.no_usage()).unwrap()),
            (
                "usage-system",
                web::render_system_usage(&self.system_usage()).unwrap(),
            ),
        ]
    }

    pub(super) fn acme(&self) -> HomeHead {
        HomeHead {
            home: Home::Organisation(self.text("acme")),
            name: self.text("acme"),
            owns: true,
            sees_inside: true,
        }
    }

    fn acme_of_others(&self) -> HomeHead {
        HomeHead {
            owns: false,
            sees_inside: false,
            ..self.acme()
        }
    }

    fn organisations(&self) -> OrganisationsPage {
        OrganisationsPage {
            frame: self.frame("/organisations"),
            paging: NamePaging::default(),
            rows: vec![
                OrganisationRow {
                    name: self.text("acme"),
                    email: Some(self.text("platform@example.com")),
                    created: ago(500 * DAY),
                },
                OrganisationRow {
                    name: self.text("payments"),
                    email: None,
                    created: ago(20 * DAY),
                },
            ],
            holds_all: true,
            may_create: true,
            draft: Draft::default(),
        }
    }

    fn organisation(&self) -> OrganisationPage {
        OrganisationPage {
            frame: self.frame("/organisations/acme"),
            head: self.acme(),
            email: Some(self.text("platform@example.com")),
            created: ago(500 * DAY),
            repositories: vec![OwnedRepository {
                name: api(),
                tags: 1_250,
                pushed: Some(ago(720)),
            }],
            has_more: true,
            teams: 3,
            members: 17,
            owned: Some((4, quota(43_100_000_000, Some(50_000_000_000)))),
            may_delete: true,
            draft: Draft::default(),
        }
    }

    fn organisation_of_others(&self) -> OrganisationPage {
        OrganisationPage {
            head: self.acme_of_others(),
            email: None,
            repositories: Vec::new(),
            has_more: false,
            owned: None,
            may_delete: false,
            ..self.organisation()
        }
    }

    fn members(&self) -> MembersPage {
        let member = |name: &str, kind, teams: &[(&str, &'static str)]| MemberRow {
            name: self.text(name),
            kind,
            teams: teams
                .iter()
                .map(|(team, role)| (self.text(team), *role))
                .collect(),
        };
        MembersPage {
            frame: self.frame("/organisations/acme/members"),
            head: self.acme(),
            paging: NamePaging {
                query: self.hostile.clone().unwrap_or_default(),
                before: Some(self.text("acme+ci")),
                after: Some(self.text("bob")),
            },
            rows: vec![
                member("acme+ci", "robot", &[("release", "creator")]),
                member(
                    "alice",
                    "person",
                    &[("backend", "member"), ("owners", "admin")],
                ),
                member("bob", "person", &[("backend", "member")]),
            ],
            teams: vec![
                self.text("backend"),
                self.text("owners"),
                self.text("release"),
            ],
            draft: Draft::default(),
        }
    }

    fn team_row(&self, name: &str, role: &'static str, members: u64) -> TeamRow {
        TeamRow {
            name: self.text(name),
            role,
            description: self.text("builds and runs the services"),
            sync: None,
            members,
            created: ago(90 * DAY),
        }
    }

    fn teams(&self) -> TeamsPage {
        TeamsPage {
            frame: self.frame("/organisations/acme/teams"),
            head: self.acme(),
            paging: NamePaging::default(),
            rows: vec![
                TeamRow {
                    sync: Some((self.text("sso"), self.text("platform-backend"))),
                    ..self.team_row("backend", "member", 12)
                },
                TeamRow {
                    description: String::new(),
                    ..self.team_row("owners", "admin", 2)
                },
                self.team_row("release", "creator", 1),
            ],
            draft: Draft::default(),
        }
    }

    fn team(&self) -> TeamPage {
        let member = |name: &str, kind, source: Option<&str>| TeamMemberRow {
            name: self.text(name),
            kind,
            source: source.map(|source| self.text(source)),
            added: ago(40 * DAY),
        };
        TeamPage {
            frame: self.frame("/organisations/acme/teams/backend"),
            head: self.acme(),
            team: TeamRow {
                sync: Some((self.text("sso"), self.text("platform-backend"))),
                ..self.team_row("backend", "member", 12)
            },
            members: vec![
                member("acme+ci", "robot", None),
                member("alice", "person", None),
                member("bob", "person", Some("sso")),
            ],
            paging: NamePaging::default(),
            roles: Some(vec![GivenRole {
                repository: api(),
                role: "write",
            }]),
            may_bind: true,
            draft: Draft {
                form: "add".to_owned(),
                fields: vec![("member".to_owned(), self.text("carol"))],
                problem: Some(self.text("There is no person and no robot of this name here.")),
            },
        }
    }

    fn team_of_others(&self) -> TeamPage {
        TeamPage {
            head: self.acme_of_others(),
            team: TeamRow {
                description: String::new(),
                ..self.team_row("owners", "admin", 0)
            },
            members: Vec::new(),
            roles: None,
            may_bind: false,
            draft: Draft::default(),
            ..self.team()
        }
    }

    fn grants(&self) -> GrantsPage {
        GrantsPage {
            frame: self.frame("/organisations/acme/permissions"),
            head: self.acme(),
            patterns: vec![
                GrantRow {
                    pattern: self.text("acme/**"),
                    subject: self.text("acme/backend"),
                    kind: "team",
                    role: "write",
                    by: self.text("alice"),
                    since: ago(90 * DAY),
                },
                GrantRow {
                    pattern: self.text("acme/web-*"),
                    subject: self.text("acme+ci"),
                    kind: "robot",
                    role: "write",
                    by: self.text("alice"),
                    since: ago(30 * DAY),
                },
            ],
            defaults: vec![
                DefaultRow {
                    id: 1,
                    creator: None,
                    delegate: self.text("acme/backend"),
                    kind: "team",
                    role: "read",
                },
                DefaultRow {
                    id: 2,
                    creator: Some(self.text("acme+ci")),
                    delegate: self.text("alice"),
                    kind: "person",
                    role: "admin",
                },
            ],
            draft: Draft::default(),
        }
    }

    fn usage(&self) -> UsagePage {
        let row = |name: &str, bytes| UsageRow {
            repository: name.parse().unwrap(),
            bytes,
        };
        UsagePage {
            frame: self.frame("/organisations/acme/usage"),
            head: self.acme(),
            quota: quota(43_100_000_000, Some(50_000_000_000)),
            may_set: true,
            rows: vec![
                row("acme/api", 21_000_000_000),
                row("acme/batch", 4_200_000_000),
                row("acme/web", 19_000_000_000),
            ],
            by_size: false,
            is_continued: true,
            next: Some("acme/web".parse().unwrap()),
            draft: Draft::default(),
        }
    }

    fn no_usage(&self) -> UsagePage {
        UsagePage {
            quota: quota(0, None),
            may_set: false,
            rows: Vec::new(),
            by_size: true,
            is_continued: false,
            next: None,
            ..self.usage()
        }
    }

    fn system_usage(&self) -> SystemUsagePage {
        let row = |name: &str, is_organisation, quota| NamespaceRow {
            namespace: self.text(name),
            is_organisation,
            quota,
            folded: Some(ago(40)),
        };
        SystemUsagePage {
            frame: self.frame("/usage"),
            quota: quota(512_000_000_000, Some(500_000_000_000)),
            rows: vec![
                row("acme", true, quota(43_100_000_000, Some(50_000_000_000))),
                row("alice", false, quota(120_000_000, None)),
                NamespaceRow {
                    folded: None,
                    ..row("payments", true, quota(9_000_000, Some(90_000_000_000)))
                },
            ],
            is_continued: false,
            next: Some(self.text("payments")),
            draft: Draft {
                form: "quota".to_owned(),
                fields: vec![("limit".to_owned(), self.text("much"))],
                problem: Some(self.text("The quota is a number and B, kB, MB, GB or TB.")),
            },
        }
    }
}

/// A quota that warns from 80 per cent on and refuses.
pub(super) fn quota(used: u64, limit: Option<u64>) -> QuotaCard {
    QuotaCard {
        used,
        limit: limit.map(|bytes| QuotaLimit {
            bytes,
            warn_percent: 80,
            refuses: true,
        }),
    }
}
