//! `tidegate admin user link`, `unlink` and `identities`.

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{document, peopled, walk};
use crate::serve::Engine;

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn identities_are_linked_shown_and_unlinked(#[case] engine: Engine) {
    let site = peopled(engine);
    walk(
        &site,
        &[
            (
                "user create ops",
                Does("user ops created", &["account.create"]),
            ),
            ("user identities dev", Nothing),
            (
                "user link dev --issuer https://id.example.com --subject 42",
                Does(
                    "dev signs in as 42 of https://id.example.com",
                    &["identity.link"],
                ),
            ),
            (
                "user link ops --issuer https://id.example.com --subject 42",
                Refuses("this identity belongs to `dev`, unlink it there first"),
            ),
            (
                "user link dev --issuer https://id.example.com --subject 42",
                Refuses("this identity belongs to `dev`, unlink it there first"),
            ),
            // An issuer names who is meant by a subject: another one's is somebody else.
            (
                "user link ops --issuer ldap:corp --subject 42",
                Does(
                    "the settings name no source of this issuer",
                    &["identity.link"],
                ),
            ),
            (
                "user link nobody --issuer ldap:corp --subject 43",
                Refuses("there is no account `nobody`"),
            ),
            (
                "user link acme --issuer ldap:corp --subject 43",
                Refuses("there is no account `acme`"),
            ),
            ("user link dev --issuer ldap:corp", Misused("--subject")),
            ("user identities dev", Shows("https://id.example.com")),
            ("user identities nobody", Refuses("there is no account")),
            (
                "user unlink ops --issuer https://id.example.com --subject 42",
                Refuses("`ops` has no such identity"),
            ),
        ],
    );
    let shown = document(&site, &["user", "identities", "dev"]);
    assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(shown[0]["subject"], "42");
    walk(
        &site,
        &[
            (
                "user unlink dev --issuer https://id.example.com --subject 42",
                Does(
                    "dev does not sign in as 42 of https://id.example.com",
                    &["identity.unlink"],
                ),
            ),
            ("user identities dev", Nothing),
            (
                "user link ops --issuer https://id.example.com --subject 42",
                Does("ops signs in as 42", &["identity.link"]),
            ),
        ],
    );
}
