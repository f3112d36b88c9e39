//! The settings of a repository, and the rules of wider scopes.

use web::{
    Draft, DryLine, DryRun, NamespaceRulesPage, RetentionForm, RetentionRule, RoleRow, RuleRow,
    RuleScope, Rules, SettingsPage, SystemRulesPage,
};

use super::organisations::quota;
use super::{DAY, Samples, ago, api, digest};

impl Samples {
    /// Renders the settings in their states.
    pub(super) fn settings_pages(&self) -> Vec<(&'static str, String)> {
        vec![
            ("settings", web::render_settings(&self.settings()).unwrap()),
            (
                "settings-dry-run",
                web::render_settings(&self.tried_settings()).unwrap(),
            ),
            (
                "settings-first",
                web::render_settings(&self.first_settings()).unwrap(),
            ),
            (
                "rules",
                web::render_namespace_rules(&self.namespace_rules()).unwrap(),
            ),
            (
                "rules-dry-run",
                web::render_namespace_rules(&self.tried_namespace_rules()).unwrap(),
            ),
            (
                "rules-system",
                web::render_system_rules(&self.system_rules()).unwrap(),
            ),
        ]
    }

    fn settings(&self) -> SettingsPage {
        let role = |subject: &str, kind, role, pattern: Option<&str>| RoleRow {
            subject: self.text(subject),
            kind,
            role,
            pattern: pattern.map(|pattern| self.text(pattern)),
        };
        SettingsPage {
            frame: self.frame("/r/payments/api/-/settings"),
            repository: api(),
            description: self.text("The API of the payments team. Releases are signed."),
            visibility: "private",
            state: Some("normal"),
            sparse: "",
            permissions: vec![
                role("bob", "person", "read", None),
                role("payments+ci", "robot", "write", None),
            ],
            patterns: vec![role(
                "payments/backend",
                "team",
                "write",
                Some("payments/**"),
            )],
            rules: self.rules(RuleScope::Repository),
            draft: Draft::default(),
        }
    }

    fn rules(&self, scope: RuleScope) -> Rules {
        Rules {
            scope,
            immutability: vec![(
                7,
                RuleRow {
                    matches: self.text("tag v*"),
                    scope: "",
                    author: self.text("alice"),
                    since: ago(30 * DAY),
                },
            )],
            retention: RetentionForm {
                in_force: Some(scope),
                is_own: true,
                enabled: true,
                rules: vec![
                    RetentionRule {
                        name: self.text("builds"),
                        include: self.text("build-*"),
                        last_pushed: self.text("20"),
                        pushed_within: self.text("30d"),
                        ..RetentionRule::default()
                    },
                    RetentionRule::default(),
                ],
                untagged_after: self.text("7d"),
            },
            dry_run: None,
        }
    }

    fn tried_settings(&self) -> SettingsPage {
        SettingsPage {
            rules: self.tried_rules(RuleScope::Repository),
            ..self.settings()
        }
    }

    fn tried_rules(&self, scope: RuleScope) -> Rules {
        let line = |tag: Option<&str>, content: &str, immutable| DryLine {
            repository: api(),
            tag: tag.map(|tag| tag.parse().unwrap()),
            digest: digest(content),
            rule: self.text("builds"),
            size_bytes: 84_200_000,
            immutable,
        };
        Rules {
            dry_run: Some(DryRun {
                total: 42,
                immutable: 1,
                lines: vec![
                    line(Some("build-1017"), "a", false),
                    line(Some("build-1016"), "b", true),
                    line(None, "c", false),
                ],
                repositories: 17,
                has_more: true,
            }),
            ..self.rules(scope)
        }
    }

    fn namespace_rules(&self) -> NamespaceRulesPage {
        NamespaceRulesPage {
            frame: self.frame("/organisations/acme/rules"),
            head: self.acme(),
            rules: self.rules(RuleScope::Namespace),
            window: "2w",
            quota: quota(43_100_000_000, Some(50_000_000_000)),
            draft: Draft::default(),
        }
    }

    fn tried_namespace_rules(&self) -> NamespaceRulesPage {
        NamespaceRulesPage {
            rules: self.tried_rules(RuleScope::Namespace),
            quota: quota(0, None),
            ..self.namespace_rules()
        }
    }

    fn system_rules(&self) -> SystemRulesPage {
        SystemRulesPage {
            frame: self.frame("/system/rules"),
            done: None,
            rules: Rules {
                immutability: Vec::new(),
                retention: RetentionForm {
                    is_own: true,
                    in_force: Some(RuleScope::System),
                    rules: vec![RetentionRule::default()],
                    ..RetentionForm::default()
                },
                ..self.rules(RuleScope::System)
            },
            quota: quota(1_000_000, Some(500_000_000_000)),
            draft: Draft {
                form: "immutable".to_owned(),
                fields: vec![("tag".to_owned(), self.text("regex:("))],
                problem: Some(self.text("`tag`: unclosed group.")),
            },
        }
    }

    fn first_settings(&self) -> SettingsPage {
        SettingsPage {
            description: String::new(),
            state: None,
            permissions: Vec::new(),
            patterns: Vec::new(),
            rules: Rules {
                immutability: Vec::new(),
                retention: RetentionForm {
                    in_force: Some(RuleScope::Namespace),
                    rules: vec![RetentionRule::default()],
                    ..RetentionForm::default()
                },
                dry_run: Some(DryRun {
                    total: 0,
                    immutable: 0,
                    lines: Vec::new(),
                    repositories: 1,
                    has_more: false,
                }),
                ..self.rules(RuleScope::Repository)
            },
            draft: Draft {
                form: "give".to_owned(),
                fields: vec![("who".to_owned(), self.text("nobody"))],
                problem: Some(self.text("There is no user `nobody`.")),
            },
            ..self.settings()
        }
    }
}
