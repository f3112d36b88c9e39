//! `tidegate admin robot`.

use rstest::rstest;

use super::End::{Does, Misused, Refuses, Shows};
use super::{peopled, walk};
use crate::serve::{Engine, Site};

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn robots_are_made_switched_and_deleted(#[case] engine: Engine) {
    let site = peopled(engine);
    walk(
        &site,
        &[
            (
                "robot create ci --owner acme --repository acme/web --role read",
                Does(
                    "robot acme+ci created; its token is shown this once",
                    &["robot.create", "repository.create", "permission.grant"],
                ),
            ),
            ("permission list acme/web", Shows("acme+ci robot read")),
            (
                "robot create ci --owner acme --repository acme/web",
                Refuses("a robot `acme+ci` exists already"),
            ),
            (
                "robot create ci --owner nobody --repository acme/web",
                Refuses("there is no account `nobody`"),
            ),
            (
                "robot create CI! --owner acme --repository acme/web",
                Refuses("`CI!` cannot be a robot's name"),
            ),
            ("robot create ci --owner acme", Misused("--repository")),
            (
                "robot create ci --owner acme --repository acme/web --role king",
                Misused("king"),
            ),
            ("robot list", Shows("acme+ci no - 20")),
            (
                "robot secret acme+ci --label second",
                Does(
                    "secret of acme+ci made; it is shown this once",
                    &["credential.create"],
                ),
            ),
            (
                "robot secret acme+no --label x",
                Refuses("there is no robot `acme+no`"),
            ),
            (
                "robot disable acme+ci",
                Does("robot acme+ci disabled", &["robot.update"]),
            ),
            ("robot list", Shows("acme+ci yes - 20")),
            (
                "robot enable acme+ci",
                Does("robot acme+ci enabled", &["robot.update"]),
            ),
            ("robot disable ci", Refuses("there is no robot `ci`")),
            ("robot enable ci", Refuses("there is no robot `ci`")),
            (
                "robot delete acme+ci",
                Does("robot acme+ci deleted", &["robot.delete"]),
            ),
            (
                "robot delete acme+ci",
                Refuses("there is no robot `acme+ci`, robots are named `owner+name`"),
            ),
        ],
    );
}

/// The token that is printed once opens what it was made for, and nothing after the robot is disabled.
#[test]
fn the_printed_token_counts_until_the_robot_is_disabled() {
    let site = Site::new();
    let server = site.start();
    let made = super::admin(
        &site,
        &["robot", "create", "ci", "--repository", "admin/web"],
    );
    let made = made.ends_with(0);
    let pull = || {
        crate::wire::Request::new(server.host(), "GET", "/v2/admin/web/tags/list")
            .by("admin+ci", made.stdout.trim())
            .send()
    };
    pull().expect(200);
    super::admin(&site, &["robot", "disable", "admin+ci"]).ends_with(0);
    pull().expect(401);
}
