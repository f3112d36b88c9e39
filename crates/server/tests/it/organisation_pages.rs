//! The pages of organisations, teams, rights, repositories' settings and usage.

use serde_json::json;

use crate::pages::{entries, person, post, sign_in, sign_in_as, token_in, visit};
use crate::people_pages::{HOSTILE, done, refused, send};
use crate::world::{Answer, IMAGE, PASSWORD, Who, World, admin, image_with};

/// Makes the organisation `acme`, owned by `boss`, and returns the cookies of the administrator and of `boss`.
async fn acme(world: &World) -> (String, String) {
    let boss = person(world, "boss").await;
    let admin = sign_in(world).await;
    let fields = [
        ("do", "organisation"),
        ("name", "acme"),
        ("email", HOSTILE),
        ("owner", "boss"),
    ];
    let answer = send(world, &admin, "/organisations", &fields).await;
    done(&answer, "/organisations/acme");
    (admin, boss)
}

/// Every page about people, and who gets what: nobody, a stranger, a member, an owner, an auditor, the administrator.
const PAGES: [(&str, [u16; 6]); 17] = [
    ("/account", [303, 200, 200, 200, 200, 200]),
    ("/account/robots", [303, 200, 200, 200, 200, 200]),
    ("/account/permissions", [303, 200, 200, 200, 200, 200]),
    ("/account/rules", [303, 200, 200, 200, 403, 200]),
    ("/account/usage", [303, 200, 200, 200, 403, 200]),
    ("/organisations", [303, 200, 200, 200, 200, 200]),
    ("/organisations/acme", [303, 404, 200, 200, 200, 200]),
    (
        "/organisations/acme/members",
        [303, 404, 200, 200, 200, 200],
    ),
    ("/organisations/acme/teams", [303, 404, 200, 200, 200, 200]),
    (
        "/organisations/acme/teams/backend",
        [303, 404, 200, 200, 200, 200],
    ),
    ("/organisations/acme/robots", [303, 404, 404, 200, 200, 200]),
    (
        "/organisations/acme/permissions",
        [303, 404, 404, 200, 200, 200],
    ),
    ("/organisations/acme/rules", [303, 404, 404, 200, 403, 200]),
    ("/organisations/acme/usage", [303, 404, 404, 200, 403, 200]),
    ("/system/rules", [303, 404, 404, 404, 404, 200]),
    ("/usage", [303, 404, 404, 404, 404, 200]),
    ("/r/acme/app/-/settings", [303, 404, 403, 200, 403, 200]),
];

/// Every form of those pages that an owner's word is enough for, with what changes nothing if it is done.
const FORMS: [(&str, &[(&str, &str)]); 6] = [
    ("/organisations/acme", &[("do", "delete")]),
    (
        "/organisations/acme/members",
        &[("do", "add"), ("team", "backend"), ("member", "dev")],
    ),
    (
        "/organisations/acme/teams",
        &[("do", "team"), ("name", "more"), ("role", "member")],
    ),
    ("/organisations/acme/teams/backend", &[("do", "delete")]),
    (
        "/organisations/acme/robots",
        &[("do", "robot"), ("name", "ci")],
    ),
    (
        "/organisations/acme/permissions",
        &[
            ("do", "give"),
            ("pattern", "acme/**"),
            ("who", "dev"),
            ("role", "admin"),
        ],
    ),
];

pub(crate) async fn every_page_about_people_gives_every_visitor_what_is_theirs(world: &mut World) {
    let (admin_session, boss) = acme(world).await;
    let stranger = person(world, "stranger").await;
    let member = person(world, "dev").await;
    let auditor = json!({ "name": "auditor", "password": PASSWORD, "readerSuperuser": true });
    let request = world
        .request(&admin(), "POST", "/api/v1/users")
        .json(&auditor);
    assert_eq!(Answer::of(request).await.status, 201);
    let auditor = sign_in_as(world, "auditor", PASSWORD).await;
    let teams = "/organisations/acme/teams";
    let team = [("do", "team"), ("name", "backend"), ("role", "member")];
    done(
        &send(world, &boss, teams, &team).await,
        "/organisations/acme/teams/backend",
    );
    let add = [("do", "add"), ("member", "dev")];
    let backend = "/organisations/acme/teams/backend";
    done(&send(world, &boss, backend, &add).await, backend);
    world
        .push_image("acme/app", "1", &image_with("zlib1g", "1"))
        .await;
    let settings = "/r/acme/app/-/settings";
    let read = [("do", "give"), ("who", "acme/backend"), ("role", "read")];
    done(&send(world, &boss, settings, &read).await, settings);

    let visitors = [
        String::new(),
        stranger,
        member,
        boss,
        auditor,
        admin_session,
    ];
    for (path, expected) in PAGES {
        for (cookie, expected) in visitors.iter().zip(expected) {
            let page = visit(world, cookie, path).await;
            assert_eq!(page.status, expected, "{path}: {}", page.text());
            assert!(!page.text().contains("<script>alert"), "{path}");
        }
    }
    // What is not there and what is not for them look alike.
    let hidden = visit(world, &visitors[1], "/organisations/acme/teams").await;
    let absent = visit(world, &visitors[1], "/organisations/none/teams").await;
    assert_eq!((hidden.status, absent.status), (404, 404));
    // A form that was never shown is refused all the same, and leaves nothing behind.
    let audited = entries(world, "").await;
    for (cookie, expected) in [
        (&visitors[1], 404),
        (&visitors[2], 403),
        (&visitors[4], 403),
    ] {
        let token = token_in(&visit(world, cookie, "/account").await.text());
        for (path, fields) in FORMS {
            let mut all = vec![("csrf", token.as_str())];
            all.extend_from_slice(fields);
            let answer = post(world, cookie, path, &all, None).await;
            let is_hidden = path.ends_with("/robots") || path.ends_with("/permissions");
            let expected = if is_hidden && expected == 403 && cookie == &visitors[2] {
                404
            } else {
                expected
            };
            assert_eq!(answer.status, expected, "{path}: {}", answer.text());
        }
        let answer = post(
            world,
            cookie,
            settings,
            &[("csrf", &token), ("do", "delete"), ("confirm", "acme/app")],
            None,
        )
        .await;
        assert_eq!(answer.status, expected, "{}", answer.text());
    }
    assert_eq!(entries(world, "").await, audited);
}

pub(crate) async fn teams_and_members_come_and_go_by_forms(world: &mut World) {
    let (admin_session, boss) = acme(world).await;
    person(world, "dev").await;
    let list = visit(world, &boss, "/organisations").await.text();
    assert!(list.contains("/organisations/acme") && !list.contains("New organisation"));
    let again = [("do", "organisation"), ("name", "acme")];
    refused(
        &send(world, &admin_session, "/organisations", &again).await,
        409,
        "acme",
    );
    let nobody = [
        ("do", "organisation"),
        ("name", "other"),
        ("owner", "nobody"),
    ];
    refused(
        &send(world, &admin_session, "/organisations", &nobody).await,
        422,
        "there is no user",
    );

    let teams = "/organisations/acme/teams";
    let one = "/organisations/acme/teams/backend";
    let team = [
        ("do", "team"),
        ("name", "backend"),
        ("role", "member"),
        ("description", HOSTILE),
    ];
    done(&send(world, &boss, teams, &team).await, one);
    refused(
        &send(world, &boss, teams, &team).await,
        409,
        "exists already",
    );
    for (member, words) in [
        ("nobody", "no person and no robot"),
        ("", "no person and no robot"),
    ] {
        let answer = send(world, &boss, one, &[("do", "add"), ("member", member)]).await;
        refused(&answer, 422, words);
    }
    done(
        &send(world, &boss, one, &[("do", "add"), ("member", "dev")]).await,
        one,
    );
    let members = "/organisations/acme/members";
    let add = [("do", "add"), ("member", "dev"), ("team", "owners")];
    done(&send(world, &boss, members, &add).await, members);
    assert_eq!(entries(world, "team.member.add").await, 2);
    let page = visit(world, &boss, members).await.text();
    assert!(
        page.contains("dev") && page.contains("2 members") && page.contains("(owners)"),
        "{page}"
    );
    let page = visit(world, &boss, "/organisations/acme/members?q=bo")
        .await
        .text();
    assert!(page.contains("1 member,"), "{page}");

    for number in 0..60 {
        let name = format!("team-{number:02}");
        let body = json!({ "name": name, "role": "member" });
        let path = "/api/v1/organizations/acme/teams";
        let request = world.request(&admin(), "POST", path).json(&body);
        assert_eq!(Answer::of(request).await.status, 201);
    }
    let page = visit(world, &boss, teams).await.text();
    assert!(page.contains("50 teams on this page") && page.contains("after=team-47"));
    let page = visit(world, &boss, &format!("{teams}?after=team-47")).await;
    let page = page.text();
    assert!(page.contains("12 teams on this page") && page.contains("before=team-48"));
    let page = visit(world, &boss, &format!("{teams}?q=ACKE")).await.text();
    assert!(page.contains("1 team,") && !page.contains("team-01"));
    let page = visit(world, &boss, "/organisations/acme").await.text();
    assert!(page.contains("62 teams"), "{page}");

    let change = [
        ("do", "change"),
        ("role", "creator"),
        ("description", "builds"),
    ];
    done(&send(world, &boss, one, &change).await, one);
    let page = visit(world, &boss, one).await.text();
    assert!(page.contains("creators of the organisation") && page.contains("builds"));
    let bind = [("do", "bind"), ("source", "sso"), ("group", "platform")];
    refused(
        &send(world, &boss, one, &bind).await,
        403,
        "Only an administrator binds",
    );
    done(&send(world, &admin_session, one, &bind).await, one);
    assert!(visit(world, &boss, one).await.text().contains("platform"));
    done(
        &send(world, &boss, one, &[("do", "remove"), ("member", "dev")]).await,
        one,
    );
    assert!(
        visit(world, &boss, one)
            .await
            .text()
            .contains("Nobody is in this team.")
    );
    done(&send(world, &boss, one, &[("do", "delete")]).await, teams);
    let owners = "/organisations/acme/teams/owners";
    let last = send(world, &boss, owners, &[("do", "delete")]).await;
    refused(&last, 409, "team of owners must remain");
    assert_eq!(entries(world, "team.delete").await, 1);

    world
        .push_image("acme/app", "1", &image_with("zlib1g", "1"))
        .await;
    let page = visit(world, &boss, "/organisations/acme").await.text();
    assert!(
        page.contains("/r/acme/app/-/tags") && !page.contains("<script>alert"),
        "{page}"
    );
    let answer = send(
        world,
        &admin_session,
        "/organisations/acme",
        &[("do", "delete")],
    )
    .await;
    refused(&answer, 409, "repositor");
}

pub(crate) async fn rights_below_a_namespace_are_given_and_taken_by_forms(world: &mut World) {
    let boss = person(world, "boss").await;
    let dev = person(world, "dev").await;
    world
        .push_image("boss/app", "1", &image_with("zlib1g", "1"))
        .await;
    let here = "/account/permissions";
    assert!(
        visit(world, &boss, here)
            .await
            .text()
            .contains("No role on a pattern.")
    );
    assert_eq!(visit(world, &dev, "/r/boss/app/-/tags").await.status, 404);
    for (pattern, who, status, words) in [
        ("boss/***", "dev", 422, "no pattern"),
        ("other/**", "dev", 422, "must begin with"),
        ("boss/**", "nobody", 422, "there is no user"),
        ("boss/**", "else/team", 422, "there is no team"),
    ] {
        let give = [
            ("do", "give"),
            ("pattern", pattern),
            ("who", who),
            ("role", "read"),
        ];
        let answer = send(world, &boss, here, &give).await;
        assert_eq!(answer.status, status);
        let text = answer.text().to_lowercase();
        assert!(text.contains(words), "{words}: {text}");
    }
    let give = [
        ("do", "give"),
        ("pattern", "boss/**"),
        ("who", "dev"),
        ("role", "read"),
    ];
    done(&send(world, &boss, here, &give).await, here);
    assert_eq!(visit(world, &dev, "/r/boss/app/-/tags").await.status, 200);
    let page = visit(world, &boss, "/r/boss/app/-/settings").await.text();
    assert!(
        page.contains("boss/**"),
        "patterns are on the settings too: {page}"
    );
    let take = [("do", "revoke"), ("pattern", "boss/**"), ("who", "dev")];
    done(&send(world, &boss, here, &take).await, here);
    assert_eq!(visit(world, &dev, "/r/boss/app/-/tags").await.status, 303);

    let rule = [
        ("do", "rule"),
        ("creator", ""),
        ("delegate", "dev"),
        ("role", "write"),
    ];
    done(&send(world, &boss, here, &rule).await, here);
    let page = visit(world, &boss, here).await.text();
    let (_, id) = page.split_once("name=\"id\" value=\"").expect("a rule");
    let id = id.split('"').next().unwrap().to_owned();
    done(
        &send(world, &boss, here, &[("do", "end"), ("id", &id)]).await,
        here,
    );
    assert!(
        visit(world, &boss, here)
            .await
            .text()
            .contains("and nobody else.")
    );
    for action in [
        "permission.grant",
        "permission.revoke",
        "permission.default.set",
        "permission.default.remove",
    ] {
        assert_eq!(entries(world, action).await, 1, "{action}");
    }
}

pub(crate) async fn a_repositorys_settings_are_changed_by_forms(world: &mut World) {
    let boss = person(world, "boss").await;
    let dev = person(world, "dev").await;
    world
        .push_image("boss/app", "1", &image_with("zlib1g", "1"))
        .await;
    let here = "/r/boss/app/-/settings";
    let nobody = [("do", "give"), ("who", "nobody"), ("role", "read")];
    refused(
        &send(world, &boss, here, &nobody).await,
        422,
        "here is no user",
    );
    let give = [("do", "give"), ("who", "dev"), ("role", "write")];
    done(&send(world, &boss, here, &give).await, here);
    // Who may push may not change the settings, and is told so.
    let page = visit(world, &dev, here).await;
    assert_eq!(page.status, 403);
    assert!(
        page.text()
            .contains("Only an administrator of the repository")
    );
    let describe = [("do", "describe"), ("description", HOSTILE)];
    done(&send(world, &boss, here, &describe).await, here);
    let page = visit(world, &boss, here).await.text();
    assert!(
        page.contains("&#60;script&#62;") && !page.contains("<script>alert"),
        "{page}"
    );
    done(
        &send(world, &boss, here, &[("do", "revoke"), ("who", "dev")]).await,
        here,
    );
    let pull = async || {
        let answer = world.get(&Who::Nobody, "/v2/boss/app/manifests/1").await;
        answer.status
    };
    assert_eq!(pull().await, 401);
    let public = [("do", "visibility"), ("visibility", "public")];
    done(&send(world, &boss, here, &public).await, here);
    assert_eq!(pull().await, 200);
    done(
        &send(world, &boss, here, &[("do", "sparse"), ("sparse", "index")]).await,
        here,
    );
    done(
        &send(
            world,
            &boss,
            here,
            &[("do", "state"), ("state", "read_only")],
        )
        .await,
        here,
    );
    let image = image_with("zlib1g", "1");
    let put = world
        .put(&admin(), "boss/app", "2", IMAGE, &image.manifest())
        .await;
    assert_eq!(put.status, 403, "{}", put.text());
    done(
        &send(world, &boss, here, &[("do", "state"), ("state", "normal")]).await,
        here,
    );

    let rule = [("do", "immutable"), ("tag", "regex:("), ("label", "")];
    refused(&send(world, &boss, here, &rule).await, 422, "`tag`");
    let rule = [("do", "immutable"), ("tag", "1"), ("label", "")];
    done(&send(world, &boss, here, &rule).await, here);
    let typed = [("do", "delete"), ("confirm", "boss/ap")];
    refused(&send(world, &boss, here, &typed).await, 422, "another name");
    let typed = [("do", "delete"), ("confirm", "boss/app")];
    refused(&send(world, &boss, here, &typed).await, 409, "immutable");
    let page = visit(world, &boss, here).await.text();
    let lift = page.split("value=\"lift\"").next().unwrap();
    let (_, id) = lift.rsplit_once("name=\"id\" value=\"").expect("a rule");
    let id = id.split('"').next().unwrap().to_owned();
    done(
        &send(world, &boss, here, &[("do", "lift"), ("id", &id)]).await,
        here,
    );
    done(&send(world, &boss, here, &typed).await, "/images");
    assert_eq!(visit(world, &boss, here).await.status, 404);
    for action in [
        "immutability.add",
        "immutability.delete",
        "repository.delete",
    ] {
        assert_eq!(entries(world, action).await, 1, "{action}");
    }
}

pub(crate) async fn a_retention_policy_is_tried_before_it_is_saved(world: &mut World) {
    let boss = person(world, "boss").await;
    for (tag, version) in [("build-1", "1"), ("build-2", "2"), ("release", "3")] {
        world
            .push_image("boss/app", tag, &image_with("zlib1g", version))
            .await;
    }
    let here = "/r/boss/app/-/settings";
    let policy = |word, kept| {
        [
            ("do", word),
            ("rules", "2"),
            ("name-0", "builds"),
            ("include-0", "build-*"),
            ("last-pushed-0", kept),
            ("name-1", ""),
            ("untagged", "7d"),
            ("enabled", "yes"),
        ]
    };
    for (kept, words) in [
        ("many", "no number of tags"),
        ("0", "by count"),
        ("", "keeps nothing"),
    ] {
        let answer = send(world, &boss, here, &policy("retention", kept)).await;
        refused(&answer, 422, words);
        assert!(
            answer.text().contains("value=\"build-*\""),
            "what was typed stays"
        );
    }
    let page = send(world, &boss, here, &policy("dry-run", "1")).await;
    let text = page.text();
    assert_eq!(page.status, 200);
    assert!(
        text.contains("would end 1 now") && text.contains(">build-1"),
        "{text}"
    );
    assert!(text.contains("value=\"build-*\""), "{text}");
    assert_eq!(entries(world, "retention.set").await, 0);
    assert_eq!(
        world
            .get(&admin(), "/v2/boss/app/manifests/build-1")
            .await
            .status,
        200
    );
    done(
        &send(world, &boss, here, &policy("retention", "1")).await,
        here,
    );
    let page = visit(world, &boss, here).await.text();
    assert!(
        page.contains("The policy of this repository is in force")
            && page.contains("value=\"builds\"")
    );
    done(
        &send(world, &boss, here, &[("do", "no-retention")]).await,
        here,
    );
    assert!(
        visit(world, &boss, here)
            .await
            .text()
            .contains("No policy is in force")
    );
    assert_eq!(entries(world, "retention.set").await, 1);
    assert_eq!(entries(world, "retention.delete").await, 1);
}

pub(crate) async fn usage_and_quotas_are_shown_and_set_by_forms(world: &mut World) {
    let (admin_session, boss) = acme(world).await;
    for name in ["acme/small", "acme/large", "acme/other"] {
        world
            .push_blob(&admin(), name, name.repeat(name.len()).as_bytes())
            .await;
    }
    let large = "x".repeat(5_000);
    world
        .push_blob(&admin(), "acme/large", large.as_bytes())
        .await;
    let here = "/organisations/acme/usage";
    let page = visit(world, &boss, here).await.text();
    assert!(
        page.contains("no quota") && page.contains("acme/small"),
        "{page}"
    );
    assert!(!page.contains("Set the quota"), "owners do not set it");
    let text = visit(world, &boss, &format!("{here}?sort=-size"))
        .await
        .text();
    let place = |name: &str| text.find(&format!("/r/acme/{name}/")).expect(name);
    assert!(place("large") < place("small") && place("large") < place("other"));
    let text = visit(world, &boss, &format!("{here}?after=acme/large"))
        .await
        .text();
    assert!(!text.contains("/r/acme/large/") && text.contains("/r/acme/other/"));

    let quota = |limit, warn| {
        [
            ("do", "quota"),
            ("limit", limit),
            ("warn", warn),
            ("beyond", "refuse"),
        ]
    };
    for (limit, warn, words) in [("much", "80", "a number and"), ("1 kB", "0", "1 to 100")] {
        let answer = send(world, &admin_session, here, &quota(limit, warn)).await;
        refused(&answer, 422, words);
    }
    done(
        &send(world, &admin_session, here, &quota("1 kB", "80")).await,
        here,
    );
    let page = visit(world, &boss, here).await.text();
    assert!(
        page.contains("pushes are refused") && page.contains("of 1.0 kB"),
        "{page}"
    );
    let token = token_in(&page);
    let fields = [("csrf", token.as_str()), ("do", "no-quota")];
    let answer = post(world, &boss, here, &fields, None).await;
    refused(&answer, 403, "nly an administrator");
    let all = visit(world, &admin_session, "/usage").await.text();
    assert!(
        all.contains(here) && all.contains("pushes are refused"),
        "{all}"
    );
    done(
        &send(world, &admin_session, "/usage", &quota("1 TB", "90")).await,
        "/usage",
    );
    done(
        &send(world, &admin_session, "/usage", &[("do", "no-quota")]).await,
        "/usage",
    );
    done(
        &send(world, &admin_session, here, &[("do", "no-quota")]).await,
        here,
    );
    assert_eq!(entries(world, "quota.set").await, 2);
    assert_eq!(entries(world, "quota.delete").await, 2);
}
