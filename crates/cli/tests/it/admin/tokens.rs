//! `tidegate admin token`.

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{admin, document, peopled, walk};
use crate::serve::Engine;

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn tokens_are_made_listed_and_revoked(#[case] engine: Engine) {
    let site = peopled(engine);
    walk(
        &site,
        &[
            ("token list dev", Nothing),
            (
                "token create dev --label ci --scope repository:acme/web:pull --days 7",
                Does(
                    "token of dev made; it is shown this once",
                    &["credential.create"],
                ),
            ),
            (
                "token create dev --label ci --scope nonsense",
                Refuses("nonsense"),
            ),
            (
                "token create nobody --label ci",
                Refuses("there is no account `nobody`"),
            ),
            ("token create dev", Misused("--label")),
            ("token create dev --label ci --days 0", Misused("0")),
            ("token list dev", Shows("ci repository:acme/web:pull 20")),
            ("token list nobody", Refuses("there is no account `nobody`")),
            (
                "token revoke dev not-an-id",
                Refuses("there is no token or secret `not-an-id`"),
            ),
            (
                "token revoke dev 6b29fc40-ca47-1067-b31d-00dd010662da",
                Refuses("there is no token or secret `6b29fc40-ca47-1067-b31d-00dd010662da`"),
            ),
        ],
    );
    let listed = document(&site, &["token", "list", "dev"]);
    let id = listed[0]["id"].as_str().expect("an id");
    admin(&site, &["token", "revoke", "dev", id])
        .ends_with(0)
        .says("is revoked");
    walk(&site, &[("token list dev", Nothing)]);
    let last = super::actions(&site).pop();
    assert_eq!(last.as_deref(), Some("credential.revoke"));
}
