//! `tidegate admin tag`.

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{document, walk};
use crate::serve::{Engine, Site};
use crate::wire::push_image;
use crate::world::image_of;

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn tags_live_end_and_come_back(#[case] engine: Engine) {
    let site = Site::on(engine);
    let server = site.start();
    let first = push_image(&server, "team/app", "1.0", &image_of(&[("a", "first")]));
    let second = push_image(&server, "team/app", "1.0", &image_of(&[("a", "second")]));

    // What the console shows is what the API answers.
    for (words, path) in [
        (&["tag", "list", "team/app"][..], "tags"),
        (&["tag", "history", "team/app"], "history"),
        (&["tag", "history", "team/app", "1.0"], "tags/1.0/history"),
    ] {
        let answer = server.get(&format!("/api/v1/repositories/team/app/-/{path}"));
        assert_eq!(document(&site, words), answer.expect(200).json()["items"]);
    }
    let restore = format!("tag restore team/app 1.0 {first}");
    let missing = format!("tag restore team/app 1.0 sha256:{}", "0".repeat(64));
    let was_first = format!("team/app:1.0 deleted, it was {first}");
    let was_second = format!("team/app:1.0 is {first} again, it was {second}");
    let again = format!("team/app:1.0 is {first} again");
    let (was_first, was_second, again): (&'static str, &'static str, &'static str) =
        (was_first.leak(), was_second.leak(), again.leak());
    walk(
        &site,
        &[
            ("tag list team/app --filter 1.", Shows("1.0")),
            ("tag list team/app --filter rc", Nothing),
            ("tag list team/app --after 1.0", Nothing),
            (
                "tag list team/none",
                Refuses("there is no repository `team/none`"),
            ),
            ("tag list team/app --limit 0", Misused("0")),
            ("tag history team/app 2.0", Nothing),
            (
                "tag lock team/app 1.0",
                Does("team/app:1.0 is immutable", &["tag.immutability"]),
            ),
            (
                "tag lock team/app 2.0",
                Refuses("there is no tag `2.0` in team/app"),
            ),
            ("tag delete team/app 1.0", Refuses("tag `1.0` is immutable")),
            (&restore, Refuses("tag `1.0` is immutable")),
            (
                "tag unlock team/app 1.0",
                Does("team/app:1.0 is not locked", &["tag.immutability"]),
            ),
            ("tag expire team/app 1.0", Misused("--never")),
            ("tag expire team/app 1.0 --never --in 2w", Misused("--in")),
            (
                "tag expire team/app 1.0 --in soon",
                Misused("s, m, h, d, w"),
            ),
            (
                "tag expire team/app 1.0 --at 2001-01-01T00:00:00Z",
                Refuses("this instant is past"),
            ),
            (
                "tag expire team/app 1.0 --at yesterday",
                Misused("yesterday"),
            ),
            (
                "tag expire team/app 2.0 --in 2w",
                Refuses("there is no tag `2.0` in team/app"),
            ),
            (
                "tag expire team/app 1.0 --in 2w",
                Does("team/app:1.0 ends at ", &["tag.expiry"]),
            ),
            (
                "tag lock team/app 1.0",
                Refuses("tag `1.0` has an expiry, take that away"),
            ),
            (
                "tag expire team/app 1.0 --never",
                Does("team/app:1.0 does not end by itself", &["tag.expiry"]),
            ),
            (&restore, Does(was_second, &["tag.restore"])),
            (&missing, Refuses("tag `1.0` has no way back to")),
            ("tag delete team/app 1.0", Does(was_first, &["tag.delete"])),
            (
                "tag delete team/app 1.0",
                Refuses("there is no tag `1.0` in team/app, `tidegate admin tag list team/app`"),
            ),
            ("tag list team/app", Nothing),
            ("tag history team/app 1.0", Shows("restore")),
            (&restore, Does(again, &["tag.restore"])),
        ],
    );
    // The server that ran meanwhile serves what the console made.
    let pulled = server.get(&crate::wire::manifest_path("team/app", "1.0"));
    let digest = pulled
        .expect(200)
        .header("Docker-Content-Digest")
        .map(str::to_owned);
    assert_eq!(digest, Some(first.to_string()));
}
