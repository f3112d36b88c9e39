//! `tidegate admin repository`.

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{document, walk};
use crate::serve::{Engine, Site};
use crate::wire::push_image;
use crate::world::image_of;

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn repositories_are_made_set_and_deleted(#[case] engine: Engine) {
    let site = Site::on(engine);
    let server = site.start();
    walk(
        &site,
        &[
            ("repository list", Nothing),
            (
                "repository create team/app --visibility public --description The_application",
                Does(
                    "repository team/app created",
                    &[
                        "repository.create",
                        "repository.visibility",
                        "repository.describe",
                    ],
                ),
            ),
            (
                "repository create team/app",
                Refuses("`team/app` exists already"),
            ),
            ("repository create Team/app", Misused("Team/app")),
            (
                "repository create team/other --state mirror",
                Refuses("`state` is `normal` or `read_only`"),
            ),
            (
                "repository show team/other",
                Refuses("there is no repository `team/other`"),
            ),
            ("repository list --filter app", Shows("team/app")),
            ("repository list --filter web", Nothing),
            ("repository list --after team/app", Nothing),
            ("repository show team/app", Shows("The application")),
            (
                "repository set team/app",
                Misused("there is nothing to set"),
            ),
            (
                "repository set team/none --state normal",
                Refuses("there is no repository `team/none`"),
            ),
            (
                "repository set team/app --may-omit some",
                Misused("expected none, index, all or default"),
            ),
            ("repository set team/app --visibility open", Misused("open")),
            (
                "repository set team/app --state read~only --may-omit index --visibility private",
                Does(
                    "repository team/app changed",
                    &[
                        "repository.visibility",
                        "repository.sparse",
                        "repository.state",
                    ],
                ),
            ),
        ],
    );
    // A closed repository takes nothing, from anybody.
    let shown = document(&site, &["repository", "show", "team/app"]);
    let answer = server
        .get("/api/v1/repositories/team%2Fapp")
        .expect(200)
        .json();
    assert_eq!(shown, answer);
    let image = image_of(&[("a", "text")]);
    server
        .request("PUT", &crate::wire::manifest_path("team/app", "1.0"))
        .header("Content-Type", oci::media_type::OCI_MANIFEST)
        .body(image.manifest())
        .send()
        .expect(403);
    walk(
        &site,
        &[(
            "repository set team/app --state normal --may-omit default",
            Does(
                "repository team/app changed",
                &["repository.sparse", "repository.state"],
            ),
        )],
    );
    push_image(&server, "team/app", "1.0", &image);
    let listed = document(&site, &["repository", "list"]);
    let answer = server.get("/api/v1/repositories").expect(200).json();
    assert_eq!(listed, answer["items"]);
    walk(
        &site,
        &[
            (
                "tag lock team/app 1.0",
                Does("team/app:1.0 is immutable", &["tag.immutability"]),
            ),
            ("repository delete team/app", Refuses("immutable")),
            (
                "tag unlock team/app 1.0",
                Does("team/app:1.0 is not locked", &["tag.immutability"]),
            ),
            (
                "repository delete team/app",
                Does("repository team/app deleted", &["repository.delete"]),
            ),
            (
                "repository delete team/app",
                Refuses("there is no repository `team/app`"),
            ),
            ("repository list", Nothing),
        ],
    );
}
