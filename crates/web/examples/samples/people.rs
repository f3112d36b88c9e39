//! The pages of accounts and robots.

use web::{
    AccountPage, Draft, GivenRole, Home, HomeHead, NamePaging, RobotPage, RobotRow, RobotState,
    RobotsPage, SecretRow, ShownSecret, TokenList, TokenSort,
};

use super::{DAY, Samples, ago, api};

impl Samples {
    /// Renders the pages of accounts and robots.
    pub(super) fn people(&self) -> Vec<(&'static str, String)> {
        vec![
            ("account", web::render_account(&self.account()).unwrap()),
            (
                "account-first",
                web::render_account(&self.first_account()).unwrap(),
            ),
            (
                "account-token",
                web::render_account(&self.new_token()).unwrap(),
            ),
            (
                "account-refused",
                web::render_account(&self.refused_token()).unwrap(),
            ),
            ("robots", web::render_robots(&self.robots()).unwrap()),
            (
                "robots-none",
                web::render_robots(&RobotsPage {
                    rows: Vec::new(),
                    paging: NamePaging::default(),
                    ..self.robots()
                })
                .unwrap(),
            ),
            ("robot", web::render_robot(&self.robot()).unwrap()),
            ("robot-new", web::render_robot(&self.new_robot()).unwrap()),
        ]
    }

    fn own(&self) -> HomeHead {
        HomeHead {
            home: Home::Account,
            name: self.text("alice"),
            owns: true,
            sees_inside: true,
        }
    }

    fn secret(&self, label: &str, made: i64) -> SecretRow {
        SecretRow {
            id: self.text("0190a5f0-0000-7000-8000-000000000001"),
            label: self.text(label),
            scopes: Vec::new(),
            created: ago(made),
            used: Some(ago(600)),
            ends: None,
        }
    }

    fn account(&self) -> AccountPage {
        AccountPage {
            frame: self.frame("/account"),
            head: self.own(),
            email: Some(self.text("alice@example.com")),
            standing: Some("administrator: everything is open to you"),
            created: ago(400 * DAY),
            has_password: true,
            tokens: TokenList::new(
                vec![
                    SecretRow {
                        scopes: vec![
                            self.text("repository:payments/**:pull,push"),
                            self.text("registry:catalog:*"),
                        ],
                        ends: Some(ago(-60 * DAY - 60)),
                        ..self.secret("laptop", 30 * DAY)
                    },
                    SecretRow {
                        used: None,
                        ends: Some(ago(3 * DAY)),
                        ..self.secret("", 93 * DAY)
                    },
                ],
                "",
                TokenSort::default(),
            ),
            shown: None,
            draft: Draft::default(),
        }
    }

    fn first_account(&self) -> AccountPage {
        AccountPage {
            email: None,
            standing: None,
            has_password: false,
            tokens: TokenList::default(),
            ..self.account()
        }
    }

    fn shown(&self, label: &str, user: &str) -> ShownSecret {
        ShownSecret {
            label: self.text(label),
            host: self.text("registry.example.com"),
            user: self.text(user),
            secret: self.text("tga_3Qv7mK1xGq0yPz9sWn4hTb2cLd8Jf5R"),
            auth: self.text("YWxpY2U6dGdhXzNRdjdtSzF4R3EweVB6OXNXbjRoVGIyY0xkOEpmNVI="),
            ends: Some(ago(-90 * DAY - 60)),
        }
    }

    fn new_token(&self) -> AccountPage {
        AccountPage {
            shown: Some(self.shown("The token is made", "alice")),
            ..self.account()
        }
    }

    fn refused_token(&self) -> AccountPage {
        let field = |name: &str, value: &str| (name.to_owned(), self.text(value));
        AccountPage {
            draft: Draft {
                form: "token".to_owned(),
                fields: vec![field("label", "laptop"), field("pattern", "payments/***")],
                problem: Some(self.text("The pattern `payments/***` is no pattern.")),
            },
            ..self.account()
        }
    }

    fn robots(&self) -> RobotsPage {
        let robot = |name: &str, description: &str, state| RobotRow {
            name: self.text(name),
            description: self.text(description),
            state,
            secrets: 1,
            used: Some(ago(90)),
            ends: None,
        };
        RobotsPage {
            frame: self.frame("/account/robots"),
            head: self.own(),
            paging: NamePaging::default(),
            rows: vec![
                robot("alice+ci", "pushes what the build made", RobotState::Active),
                RobotRow {
                    secrets: 2,
                    used: None,
                    ..robot("alice+cluster", "pulls in production", RobotState::Disabled)
                },
                RobotRow {
                    ends: Some(ago(DAY)),
                    ..robot("alice+trial", "", RobotState::Ended)
                },
            ],
            draft: Draft::default(),
        }
    }

    fn robot(&self) -> RobotPage {
        RobotPage {
            frame: self.frame("/account/robots/ci"),
            head: self.own(),
            name: self.text("alice+ci"),
            description: self.text("pushes what the build made"),
            state: RobotState::Active,
            created: ago(200 * DAY),
            ends: Some(ago(-100 * DAY - 60)),
            secrets: vec![
                self.secret("first", 200 * DAY),
                SecretRow {
                    used: None,
                    ends: Some(ago(DAY)),
                    ..self.secret("trial", 10 * DAY)
                },
            ],
            roles: vec![GivenRole {
                repository: api(),
                role: "write",
            }],
            shown: None,
            draft: Draft::default(),
        }
    }

    fn new_robot(&self) -> RobotPage {
        RobotPage {
            description: String::new(),
            state: RobotState::Disabled,
            ends: None,
            secrets: Vec::new(),
            roles: Vec::new(),
            shown: Some(ShownSecret {
                ends: None,
                ..self.shown("The robot is made, with its first secret", "alice+ci")
            }),
            ..self.robot()
        }
    }
}
