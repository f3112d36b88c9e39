//! The settings of a repository.

use web::{Draft, DryLine, DryRun, RetentionForm, RetentionRule, RoleRow, RuleRow, SettingsPage};

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
            immutability: vec![(
                7,
                RuleRow {
                    matches: self.text("tag v*"),
                    scope: "this repository",
                    author: self.text("alice"),
                    since: ago(30 * DAY),
                },
            )],
            retention: RetentionForm {
                in_force: Some("this repository"),
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
            draft: Draft::default(),
        }
    }

    fn tried_settings(&self) -> SettingsPage {
        let line = |tag: Option<&str>, content: &str, immutable| DryLine {
            tag: tag.map(|tag| tag.parse().unwrap()),
            digest: digest(content),
            rule: self.text("builds"),
            size_bytes: 84_200_000,
            immutable,
        };
        SettingsPage {
            dry_run: Some(DryRun {
                total: 42,
                immutable: 1,
                lines: vec![
                    line(Some("build-1017"), "a", false),
                    line(Some("build-1016"), "b", true),
                    line(None, "c", false),
                ],
            }),
            ..self.settings()
        }
    }

    fn first_settings(&self) -> SettingsPage {
        SettingsPage {
            description: String::new(),
            state: None,
            permissions: Vec::new(),
            patterns: Vec::new(),
            immutability: Vec::new(),
            retention: RetentionForm {
                in_force: Some("its namespace"),
                rules: vec![RetentionRule::default()],
                ..RetentionForm::default()
            },
            dry_run: Some(DryRun {
                total: 0,
                immutable: 0,
                lines: Vec::new(),
            }),
            draft: Draft {
                form: "give".to_owned(),
                fields: vec![("who".to_owned(), self.text("nobody"))],
                problem: Some(self.text("There is no user `nobody`.")),
            },
            ..self.settings()
        }
    }
}
