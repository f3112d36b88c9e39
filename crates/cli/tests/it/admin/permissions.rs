//! `tidegate admin permission`.

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{peopled, walk};
use crate::serve::Engine;

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn roles_are_given_listed_and_taken(#[case] engine: Engine) {
    let site = peopled(engine);
    walk(
        &site,
        &[
            (
                "team create acme/backend",
                Does("team acme/backend created", &["team.create"]),
            ),
            (
                "permission list acme/web",
                Refuses("there is no repository `acme/web`"),
            ),
            (
                "permission grant acme/web dev --role read",
                Does(
                    "dev has read on acme/web",
                    &["repository.create", "permission.grant"],
                ),
            ),
            (
                "permission grant acme/app-* acme/backend --role write",
                Does(
                    "acme/backend has write on acme/app-*",
                    &["permission.grant"],
                ),
            ),
            (
                "permission grant acme/web nobody --role read",
                Refuses("there is no account `nobody`"),
            ),
            (
                "permission grant acme/web acme/none --role read",
                Refuses("there is no team `acme/none`"),
            ),
            ("permission grant acme/web dev --role king", Misused("king")),
            ("permission grant acme/web dev", Misused("--role")),
            ("permission grant ACME dev --role read", Misused("ACME")),
            ("permission list acme/web", Shows("dev user read")),
            (
                "permission patterns acme",
                Shows("acme/app-* acme/backend team write"),
            ),
            ("permission patterns dev", Nothing),
            (
                "permission visibility acme/web public",
                Does("acme/web is public", &["repository.visibility"]),
            ),
            (
                "permission visibility acme/none public",
                Refuses("there is no repository `acme/none`"),
            ),
            ("permission visibility acme/web open", Misused("open")),
            (
                "permission revoke acme/web dev",
                Does("dev has no role on acme/web", &["permission.revoke"]),
            ),
            (
                "permission revoke acme/web dev",
                Refuses("`dev` has no role on `acme/web`"),
            ),
            (
                "permission revoke acme/app-* acme/backend",
                Does(
                    "acme/backend has no role on acme/app-*",
                    &["permission.revoke"],
                ),
            ),
            (
                "permission revoke acme/app-* acme/backend",
                Refuses("`acme/backend` has no role on `acme/app-*`"),
            ),
            ("permission patterns acme", Nothing),
        ],
    );
}
