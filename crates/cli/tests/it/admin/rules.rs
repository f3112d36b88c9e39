//! `tidegate admin immutability`, `retention` and `quota`.

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{admin, document, walk};
use crate::serve::{Engine, Site};
use crate::wire::{manifest_path, push_blob, push_image};
use crate::world::image_of;

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn immutability_is_put_in_force_and_lifted(#[case] engine: Engine) {
    let site = Site::on(engine);
    let server = site.start();
    push_image(&server, "team/app", "v1", &image_of(&[("a", "text")]));
    walk(
        &site,
        &[
            ("immutability list namespace:team", Nothing),
            (
                "immutability add namespace:team --tag v*",
                Does("1", &["immutability.add"]),
            ),
            (
                "immutability add team --tag v*",
                Refuses(
                    "`team` is no scope: write `system`, `namespace:NAME` or `repository:NAME`",
                ),
            ),
            (
                "immutability add namespace:team/app --tag v*",
                Refuses("is no scope"),
            ),
            (
                "immutability add repository:team/none --tag v*",
                Refuses("there is no repository `team/none`"),
            ),
            ("immutability add system --tag regex:(", Refuses("`tag`: ")),
            (
                "immutability add system --label-value x",
                Misused("--label"),
            ),
            ("immutability list namespace:team", Shows("v*")),
            ("immutability list system", Nothing),
            ("tag delete team/app v1", Refuses("tag `v1` is immutable")),
            (
                "immutability remove system 1",
                Refuses("there is no immutability rule 1 of system"),
            ),
        ],
    );
    let answer = server
        .get("/api/v1/immutability/namespace:team")
        .expect(200)
        .json();
    let listed = document(&site, &["immutability", "list", "namespace:team"]);
    assert_eq!(listed, answer["items"]);
    walk(
        &site,
        &[
            (
                "immutability remove namespace:team 1",
                Does("rule 1 lifted", &["immutability.delete"]),
            ),
            ("immutability list namespace:team", Nothing),
            (
                "tag delete team/app v1",
                Does("team/app:v1 deleted", &["tag.delete"]),
            ),
        ],
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn retention_is_set_previewed_and_run(#[case] engine: Engine) {
    let site = Site::on(engine);
    let server = site.start();
    for tag in ["1", "2", "3"] {
        push_image(&server, "team/app", tag, &image_of(&[("a", tag)]));
    }
    let policy = r#"{"rules": [{"name": "newest", "keepLastPushed": 1}]}"#;
    site.world.write("policy.json", policy);
    site.world
        .write("empty.json", r#"{"rules": [{"name": "keeps nothing"}]}"#);
    site.world
        .write("other.json", r#"{"rules": [], "surprise": 1}"#);
    walk(
        &site,
        &[
            ("retention list", Nothing),
            (
                "retention preview team/app",
                Refuses("no retention policy is in force in team/app"),
            ),
            (
                "retention set namespace:team policy.json",
                Does("retention of namespace:team set", &["retention.set"]),
            ),
            (
                "retention set namespace:team empty.json",
                Refuses("`rules[0]` keeps nothing"),
            ),
            (
                "retention set namespace:team other.json",
                Refuses("surprise"),
            ),
            (
                "retention set namespace:team missing.json",
                Refuses("cannot read the policy"),
            ),
            (
                "retention set everything policy.json",
                Refuses("`everything` is no scope"),
            ),
            ("retention list", Shows("namespace:team yes")),
            (
                "retention preview team/none",
                Refuses("there is no repository `team/none`"),
            ),
            ("retention preview team/app", Shows("newest")),
            (
                "tag lock team/app 1",
                Does("team/app:1 is immutable", &["tag.immutability"]),
            ),
        ],
    );
    let preview = document(&site, &["retention", "preview", "team/app"]);
    let answer = server.get("/api/v1/repositories/team/app/-/retention/preview");
    assert_eq!(preview, answer.expect(200).json());
    assert_eq!(
        (&preview["total"], &preview["immutable"]),
        (&2.into(), &1.into())
    );
    walk(
        &site,
        &[
            (
                "retention run team/app",
                Does("1 ended, 1 are immutable and stay", &["tag.prune"]),
            ),
            (
                "retention run team/app",
                Does("0 ended, 1 are immutable and stay", &[]),
            ),
            ("tag list team/app --filter 2", Nothing),
            ("tag list team/app", Shows("3")),
            (
                "retention set repository:team/app policy.json --disabled",
                Does("retention of repository:team/app set", &["retention.set"]),
            ),
            ("retention list", Shows("repository:team/app no")),
            (
                "retention run team/app",
                Refuses("no retention policy is in force in team/app"),
            ),
            (
                "retention remove repository:team/app",
                Does(
                    "retention of repository:team/app removed",
                    &["retention.delete"],
                ),
            ),
            (
                "retention remove repository:team/app",
                Refuses("repository:team/app has no retention policy"),
            ),
        ],
    );
    // From standard input, as pipelines bring it.
    let mut command =
        site.world
            .command(&["admin", "retention", "set", "system", "-", "--data", "data"]);
    for (name, value) in site.variables() {
        command.env(name, value);
    }
    let run: crate::world::Run = command
        .write_stdin(policy)
        .output()
        .expect("it starts")
        .into();
    run.ends_with(0).says("retention of system set");
    admin(&site, &["retention", "list"])
        .ends_with(0)
        .shows("system");
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn quotas_are_set_shown_and_removed(#[case] engine: Engine) {
    let site = Site::on(engine);
    let server = site.start();
    let image = image_of(&[("a", "text")]);
    push_blob(&server, "team/app", &image.config());
    push_blob(&server, "team/app", &image.layers[0].bytes);
    walk(
        &site,
        &[
            ("quota show", Shows("system")),
            ("quota show namespace:team", Shows("namespace:team")),
            (
                "quota show repository:team/none",
                Refuses("there is no repository `team/none`"),
            ),
            (
                "quota set namespace:team --bytes 10 --refuse",
                Does("quota of namespace:team set", &["quota.set"]),
            ),
            ("quota set namespace:team", Misused("--bytes")),
            ("quota set namespace:team --bytes 1 --warn 0", Misused("0")),
            (
                "quota set namespace:team --bytes 18446744073709551615",
                Refuses("`limitBytes` below 2^63"),
            ),
            ("quota set team --bytes 1", Refuses("`team` is no scope")),
            ("quota show", Shows("namespace:team")),
        ],
    );
    let mut shown = document(&site, &["quota", "show", "namespace:team"]);
    let shown = shown[0].as_object_mut().expect("an item");
    shown.remove("scope");
    let answer = server
        .get("/api/v1/quotas/namespace:team")
        .expect(200)
        .json();
    assert_eq!(Some(&*shown), answer.as_object());
    server
        .request("PUT", &manifest_path("team/app", "1.0"))
        .header("Content-Type", oci::media_type::OCI_MANIFEST)
        .body(image.manifest())
        .send()
        .expect(403);
    walk(
        &site,
        &[
            (
                "quota remove namespace:team",
                Does("quota of namespace:team removed", &["quota.delete"]),
            ),
            (
                "quota remove namespace:team",
                Refuses("namespace:team has no quota"),
            ),
        ],
    );
}
