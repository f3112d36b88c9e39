//! `tidegate admin upstream` and `mirror`.

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{document, walk};
use crate::serve::{Engine, Site};

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn other_registries_are_set_up_mirrored_and_removed(#[case] engine: Engine) {
    let site = Site::on(engine);
    site.world.write("secret.txt", "canary-of-a-token\n");
    walk(
        &site,
        &[
            ("upstream list", Nothing),
            (
                "repository create team/app",
                Does("repository team/app created", &["repository.create"]),
            ),
            (
                "upstream create hub docker.io --namespace hub --signed-in-read",
                Does("upstream hub set up", &["upstream.create"]),
            ),
            (
                "upstream create hub https://hub.example.com",
                Refuses("`hub` exists already"),
            ),
            (
                "upstream create Hub https://hub.example.com",
                Refuses("`name` is 1 to 64 of"),
            ),
            (
                "upstream create other ftp://hub.example.com",
                Refuses("`url`"),
            ),
            (
                "upstream create other https://hub.example.com --username me",
                Misused("--secret-file"),
            ),
            (
                "upstream create other https://hub.example.com --namespace team",
                Refuses(
                    "the repository team/app was pushed here, a cache needs a namespace of its own",
                ),
            ),
            (
                "upstream create quay https://quay.example.com --username me --secret-file secret.txt",
                Does("upstream quay set up", &["upstream.create"]),
            ),
            ("upstream list", Shows("quay - me https://quay.example.com")),
            (
                "repository create hub/app",
                Refuses("`hub` is a cache, its repositories come from the upstream"),
            ),
            ("mirror list", Nothing),
            (
                "mirror create mirrors/app --upstream quay --source team/app --tag v* --newest 10 --cron 0_3_*_*_*",
                Does(
                    "mirrors/app is a mirror now",
                    &["mirror.create", "repository.create"],
                ),
            ),
            (
                "mirror create mirrors/app --upstream quay --source team/app",
                Refuses("`mirrors/app` exists already"),
            ),
            (
                "mirror create mirrors/b --upstream none --source x",
                Refuses("there is no upstream `none`"),
            ),
            (
                "mirror create hub/b --upstream quay --source x",
                Refuses("`hub` is a cache, a mirror needs another name"),
            ),
            (
                "mirror create mirrors/b --upstream quay --source x --cron soon",
                Refuses("soon"),
            ),
            (
                "mirror create mirrors/b --upstream quay",
                Misused("--source"),
            ),
            (
                "mirror list",
                Shows("mirrors/app quay team/app 0 3 * * * -"),
            ),
            (
                "mirror run mirrors/app",
                Does("a run of mirrors/app is queued", &["mirror.run"]),
            ),
            (
                "mirror run mirrors/app",
                Does("a run of mirrors/app was queued already", &["mirror.run"]),
            ),
            (
                "mirror run mirrors/none",
                Refuses("mirrors/none is no mirror, `tidegate admin mirror list`"),
            ),
            (
                "repository set mirrors/app --state normal",
                Refuses("the repository follows an upstream, end that first"),
            ),
            (
                "upstream delete quay",
                Refuses("a mirror copies from this upstream, delete the mirror first"),
            ),
        ],
    );
    let listed = document(&site, &["upstream", "list"]).to_string();
    assert!(!listed.contains("canary"), "{listed}");
    walk(
        &site,
        &[
            (
                "mirror delete mirrors/app",
                Does(
                    "mirrors/app is an ordinary repository now",
                    &["mirror.delete"],
                ),
            ),
            (
                "mirror delete mirrors/app",
                Refuses("mirrors/app is no mirror"),
            ),
            (
                "upstream delete quay",
                Does("upstream quay removed", &["upstream.delete"]),
            ),
            (
                "upstream delete quay",
                Refuses("there is no upstream `quay`"),
            ),
            ("upstream list", Shows("hub hub - ")),
        ],
    );
}
