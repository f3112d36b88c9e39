//! `tidegate admin team`.

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{peopled, walk};
use crate::serve::Engine;

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn teams_are_made_filled_bound_and_deleted(#[case] engine: Engine) {
    let site = peopled(engine);
    walk(
        &site,
        &[
            (
                "team create acme/backend --role creator",
                Does("team acme/backend created", &["team.create"]),
            ),
            (
                "team create acme/backend",
                Refuses("`acme/backend` exists already"),
            ),
            (
                "team create backend",
                Refuses("there is no team `backend`, teams are written `organisation/team`"),
            ),
            (
                "team create nowhere/backend",
                Refuses("there is no account `nowhere`"),
            ),
            (
                "team create acme/Backend",
                Refuses("`Backend` cannot be the name of an account or a team"),
            ),
            ("team create acme/other --role king", Misused("king")),
            ("team list acme", Shows("backend creator 0 - -")),
            (
                "team list nowhere",
                Refuses("there is no account `nowhere`"),
            ),
            (
                "team add acme/backend dev",
                Does("dev is in acme/backend", &["team.member.add"]),
            ),
            // Nothing is changed a second time.
            (
                "team add acme/backend dev",
                Does("dev is in acme/backend", &[]),
            ),
            ("team members acme/backend", Shows("dev user - 20")),
            (
                "team members acme/none",
                Refuses("there is no team `acme/none`"),
            ),
            (
                "team add acme/backend nobody",
                Refuses("there is no account `nobody`"),
            ),
            ("team sync acme/backend --source corp", Misused("--group")),
            (
                "team sync acme/backend --source corp --group dev",
                Does("team acme/backend changed", &["team.update"]),
            ),
            (
                "team sync acme/backend",
                Does("team acme/backend changed", &["team.update"]),
            ),
            (
                "team sync acme/none",
                Refuses("there is no team `acme/none`"),
            ),
            (
                "team remove acme/backend dev",
                Does("dev is not in acme/backend", &["team.member.remove"]),
            ),
            (
                "team remove acme/backend dev",
                Refuses("`dev` is not in acme/backend"),
            ),
            ("team members acme/backend", Nothing),
            (
                "team delete acme/owners",
                Refuses("one team of owners must remain in the organisation"),
            ),
            (
                "team delete acme/backend",
                Does("team acme/backend deleted", &["team.delete"]),
            ),
            (
                "team delete acme/backend",
                Refuses("there is no team `acme/backend`"),
            ),
        ],
    );
}
