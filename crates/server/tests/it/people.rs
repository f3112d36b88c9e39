//! People, teams, robots and tokens from outside: who gets in, what ends it, and what others cannot reach.

use catalog::{Role, TeamRole};
use serde_json::{Value, json};

use crate::matrix::cast::{Cast, by};
use crate::world::{Answer, Who, World, admin, image_with, now};

async fn send(world: &World, who: &Who, method: &str, path: &str, body: &Value) -> Answer {
    Answer::of(world.request(who, method, path).json(body)).await
}

async fn app(world: &World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
}

const LIST: &str = "/v2/team/app/tags/list";

pub(crate) async fn a_public_repository_is_pulled_by_anybody(world: &mut World) {
    app(world).await;
    let nobody = Who::Nobody;
    world.get(&nobody, LIST).await.error(401, "UNAUTHORIZED");
    let path = "/api/v1/repositories/team/app/-/visibility";
    let opened = send(
        world,
        &admin(),
        "PUT",
        path,
        &json!({ "visibility": "public" }),
    )
    .await;
    assert_eq!(opened.status, 204);
    assert_eq!(world.get(&nobody, LIST).await.status, 200);
    // Docker asks first, and then for a token.
    assert_eq!(world.get(&nobody, "/v2/").await.status, 401);
    let token = world
        .token(&nobody, &["repository:team/app:pull,push"])
        .await;
    assert_eq!(
        world.get(&token, "/v2/team/app/manifests/1").await.status,
        200
    );
    let push = "/v2/team/app/blobs/uploads/";
    for who in [&nobody, &token] {
        assert_eq!(world.send(who, "POST", push).await.status, 401);
    }
    // What is not theirs to change looks like what is not there.
    let missing = world
        .send(&nobody, "POST", "/v2/team/none/blobs/uploads/")
        .await;
    let present = world.send(&nobody, "POST", push).await;
    let without_name = |answer: &Answer| answer.header("www-authenticate").replace("none", "app");
    assert_eq!(without_name(&missing), without_name(&present));
    assert_eq!(missing.text(), present.text());
    // A blob of it is mounted by whoever may push elsewhere; a private one is not.
    let closed = send(
        world,
        &admin(),
        "PUT",
        path,
        &json!({ "visibility": "private" }),
    )
    .await;
    assert_eq!(closed.status, 204);
    for who in [&nobody, &token] {
        assert_eq!(world.get(who, LIST).await.status, 401, "at once");
    }
}

pub(crate) async fn a_scoped_token_does_what_it_names_and_dies_with_its_row(world: &mut World) {
    app(world).await;
    world
        .push_image("team/other", "1", &image_with("zlib1g", "1"))
        .await;
    let new = json!({ "label": "ci", "scopes": ["repository:team/a*:pull"] });
    let made = send(world, &admin(), "POST", "/api/v1/me/tokens", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let token = Who::Basic("admin".into(), made["token"].as_str().unwrap().to_owned());
    assert_eq!(world.get(&token, LIST).await.status, 200);
    assert_eq!(
        world.get(&token, "/v2/team/other/tags/list").await.status,
        401
    );
    assert_eq!(
        world
            .send(&token, "DELETE", "/v2/team/app/manifests/1")
            .await
            .status,
        401
    );
    assert_eq!(world.get(&token, "/api/v1/users").await.status, 403);
    assert_eq!(
        send(world, &token, "POST", "/api/v1/me/tokens", &new)
            .await
            .status,
        403
    );
    // Under another name it is nobody's.
    let Who::Basic(_, secret) = &token else {
        unreachable!()
    };
    let stolen = Who::Basic("nobody".into(), secret.clone());
    assert_eq!(world.get(&stolen, LIST).await.status, 401);
    // What is made from it is no wider, and ends with it.
    let asked = "/token?offline_token=true&client_id=docker&scope=repository:team/app:pull,push,delete&scope=repository:team/other:pull";
    let answer = world.get(&token, asked).await.json();
    assert_eq!(answer["scope"], "repository:team/app:pull");
    let bearer = Who::Bearer(answer["token"].as_str().unwrap().to_owned());
    let refresh = answer["refresh_token"].as_str().unwrap().to_owned();
    let refreshed = refresh_with(world, &refresh).await;
    assert_eq!(refreshed.json()["scope"], "repository:team/app:pull");
    assert_eq!(world.get(&bearer, LIST).await.status, 200);
    let id = made["id"].as_str().unwrap();
    let revoked = world
        .send(&admin(), "DELETE", &format!("/api/v1/me/tokens/{id}"))
        .await;
    assert_eq!(revoked.status, 204);
    for who in [&token, &bearer] {
        assert_eq!(world.get(who, LIST).await.status, 401);
    }
    assert_eq!(refresh_with(world, &refresh).await.status, 401);
}

async fn refresh_with(world: &World, token: &str) -> Answer {
    let form = format!(
        "grant_type=refresh_token&service=x&client_id=docker&refresh_token={token}&scope=repository:team/app:pull,push&scope=repository:team/other:pull"
    );
    let request = world
        .request(&Who::Nobody, "POST", "/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    Answer::of(request).await
}

pub(crate) async fn leaving_a_team_ends_what_it_gave_at_once(world: &mut World) {
    app(world).await;
    let cast = Cast::of(world).await;
    let catalog = cast.catalog();
    let boss = cast.person("boss", false).await;
    let acme = catalog
        .create_organization("acme", None, Some(&boss), &by(), now())
        .await
        .unwrap();
    let team = catalog
        .create_team(
            (acme.id, "acme"),
            "devs",
            TeamRole::Creator,
            "",
            &by(),
            now(),
        )
        .await
        .unwrap();
    let dev = cast.person("dev", false).await;
    let (boss_token, dev_token) = (
        cast.token(&boss, &[], 1).await,
        cast.token(&dev, &[], 1).await,
    );
    let member = "/api/v1/organizations/acme/teams/devs/members/dev";
    assert_eq!(world.send(&boss_token, "PUT", member).await.status, 204);
    // A creator makes a repository by pushing to it.
    world.push_blob(&dev_token, "acme/new", b"bytes").await;
    let pattern = json!({ "pattern": "acme/**", "subject": { "kind": "team", "name": "acme/devs" }, "role": "read" });
    let path = "/api/v1/namespaces/acme/permissions";
    assert_eq!(
        send(world, &boss_token, "PUT", path, &pattern).await.status,
        204
    );
    world.push_blob(&boss_token, "acme/old", b"bytes").await;
    let list = "/v2/acme/old/tags/list";
    let bearer = world.token(&dev_token, &["repository:acme/old:pull"]).await;
    for who in [&dev_token, &bearer] {
        assert_eq!(world.get(who, list).await.status, 200);
    }
    assert_eq!(world.send(&boss_token, "DELETE", member).await.status, 204);
    assert_eq!(world.get(&dev_token, list).await.status, 404);
    assert_eq!(
        world.get(&bearer, list).await.status,
        401,
        "its epoch is over"
    );
    let created = world
        .send(&dev_token, "POST", "/v2/acme/other/blobs/uploads/")
        .await;
    assert_eq!(created.status, 404);
    drop(team);
    catalog.close().await;
}

pub(crate) async fn a_robots_secret_is_replaced_without_a_pause(world: &mut World) {
    app(world).await;
    let first = world.robot("ci", "team/app", "read").await;
    let bearer = world.token(&first, &["repository:team/app:pull"]).await;
    let path = "/api/v1/robots/admin+ci/secrets";
    let made = send(world, &admin(), "POST", path, &json!({ "label": "second" })).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let second = Who::Basic(
        "admin+ci".into(),
        made["token"].as_str().unwrap().to_owned(),
    );
    for who in [&first, &second, &bearer] {
        assert_eq!(world.get(who, LIST).await.status, 200);
    }
    let secrets = world.get(&admin(), path).await.json();
    assert_eq!(secrets["items"].as_array().unwrap().len(), 2);
    let id = secrets["items"][0]["id"].as_str().unwrap();
    assert_ne!(id, made["id"], "the oldest comes first");
    let revoked = world
        .send(&admin(), "DELETE", &format!("{path}/{id}"))
        .await;
    assert_eq!(revoked.status, 204);
    assert_eq!(world.get(&second, LIST).await.status, 200);
    for who in [&first, &bearer] {
        assert_eq!(world.get(who, LIST).await.status, 401);
    }
    let disabled = send(
        world,
        &admin(),
        "PATCH",
        "/api/v1/robots/admin+ci",
        &json!({ "disabled": true }),
    )
    .await;
    assert_eq!(disabled.status, 204);
    assert_eq!(world.get(&second, LIST).await.status, 401);
}

pub(crate) async fn ids_of_others_do_not_exist(world: &mut World) {
    app(world).await;
    let cast = Cast::of(world).await;
    let catalog = cast.catalog();
    let [mine, theirs] = [
        cast.person("mine", false).await,
        cast.person("theirs", false).await,
    ];
    let who = cast.token(&mine, &[], 1).await;
    let (their_token, ()) = (cast.token(&theirs, &[], 1).await, ());
    let (robot, robot_secret) = cast.robot("theirs", "ci").await;
    let (own_robot, _) = cast.robot("mine", "ci").await;
    for organization in ["acme", "other"] {
        let owner = if organization == "acme" {
            &mine
        } else {
            &theirs
        };
        catalog
            .create_organization(organization, None, Some(owner), &by(), now())
            .await
            .unwrap();
    }
    let id_of = async |who, kind| catalog.credentials(who, kind).await.unwrap()[0].id;
    let token_id = id_of(theirs.id, catalog::CredentialKind::App).await;
    let secret_id = id_of(robot.id, catalog::CredentialKind::Robot).await;
    let before = catalog.list_audit(None, 1).await.unwrap()[0].id;
    for (method, path) in [
        ("DELETE", format!("/api/v1/me/tokens/{token_id}")),
        ("DELETE", format!("/api/v1/me/tokens/{secret_id}")),
        // The right id below a robot of one's own.
        (
            "DELETE",
            format!("/api/v1/robots/mine+ci/secrets/{secret_id}"),
        ),
        (
            "DELETE",
            format!("/api/v1/robots/theirs+ci/secrets/{secret_id}"),
        ),
        ("DELETE", "/api/v1/robots/theirs+ci".to_owned()),
        ("GET", "/api/v1/robots/theirs+ci".to_owned()),
        ("GET", "/api/v1/robots/theirs+none".to_owned()),
        ("GET", "/api/v1/robots?owner=theirs".to_owned()),
        (
            "DELETE",
            "/api/v1/organizations/other/teams/owners".to_owned(),
        ),
        (
            "PUT",
            "/api/v1/organizations/other/teams/owners/members/mine".to_owned(),
        ),
        ("GET", "/api/v1/organizations/none/teams".to_owned()),
        ("GET", "/api/v1/namespaces/other/permissions".to_owned()),
        ("GET", "/api/v1/namespaces/none/permissions".to_owned()),
    ] {
        let answer = world.send(&who, method, &path).await;
        assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
        let detail = answer.json()["detail"].clone();
        assert_eq!(detail, "no such thing, or not for this caller", "{path}");
    }
    // Rights are given by whoever has them, in what they own.
    let robot_elsewhere =
        json!({ "name": "x", "permissions": [{ "repository": "team/app", "role": "read" }] });
    assert_eq!(
        send(world, &who, "POST", "/api/v1/robots", &robot_elsewhere)
            .await
            .status,
        403
    );
    let robot_of_other = json!({ "name": "x", "owner": "theirs" });
    assert_eq!(
        send(world, &who, "POST", "/api/v1/robots", &robot_of_other)
            .await
            .status,
        404
    );
    for pattern in ["other/**", "**", "*/app"] {
        let grant = json!({ "pattern": pattern, "subject": { "kind": "user", "name": "mine" }, "role": "admin" });
        let answer = send(
            world,
            &who,
            "PUT",
            "/api/v1/namespaces/acme/permissions",
            &grant,
        )
        .await;
        assert_eq!(answer.status, 422, "{pattern}");
    }
    let any =
        json!({ "pattern": "**", "subject": { "kind": "user", "name": "mine" }, "role": "admin" });
    assert_eq!(
        send(world, &who, "PUT", "/api/v1/namespaces/*/permissions", &any)
            .await
            .status,
        404
    );
    assert_eq!(
        send(
            world,
            &admin(),
            "PUT",
            "/api/v1/namespaces/*/permissions",
            &any
        )
        .await
        .status,
        204
    );
    let after = catalog.list_audit(None, 10).await.unwrap();
    let since: Vec<_> = after
        .iter()
        .filter(|row| row.id > before)
        .map(|row| row.action.as_str())
        .collect();
    assert_eq!(since, ["permission.grant"], "nothing else happened");
    for alive in [&their_token, &robot_secret] {
        assert_eq!(world.get(alive, "/v2/").await.status, 200);
    }
    drop(own_robot);
    catalog.close().await;
}

pub(crate) async fn unknown_fields_are_refused_everywhere(world: &mut World) {
    let description = serde_json::to_value(server::openapi()).unwrap();
    let mut seen = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let content = &operation["requestBody"]["content"]["application/json"];
            let Some(reference) = content["schema"]["$ref"].as_str() else {
                continue;
            };
            let name = reference.rsplit('/').next().unwrap();
            let schema = &description["components"]["schemas"][name];
            assert_eq!(schema["additionalProperties"], false, "{method} {path}");
            let mut body = json!({});
            for field in schema["required"].as_array().into_iter().flatten() {
                body[field.as_str().unwrap()] = json!("x");
            }
            body["superUser"] = json!(true);
            let address: String = path
                .split('/')
                .map(|part| if part.starts_with('{') { "none" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let answer = send(
                world,
                &admin(),
                &method.to_ascii_uppercase(),
                &address,
                &body,
            )
            .await;
            // Ids that are numbers are looked at before the body.
            assert!(
                matches!(answer.status, 422 | 404),
                "{method} {path}: {answer:?}"
            );
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen}");
}

pub(crate) async fn a_person_begins_changes_and_ends(world: &mut World) {
    app(world).await;
    let made = send(
        world,
        &admin(),
        "POST",
        "/api/v1/users",
        &json!({ "name": "dev" }),
    )
    .await;
    assert_eq!(made.status, 201);
    let password = made.json()["password"].as_str().unwrap().to_owned();
    let first = Who::Basic("dev".into(), password);
    let again = send(
        world,
        &admin(),
        "POST",
        "/api/v1/users",
        &json!({ "name": "dev" }),
    )
    .await;
    assert_eq!(again.status, 409);
    for name in ["Dev", "a/b", "a+b", "-a", "anonymous", "system", ""] {
        let refused = send(
            world,
            &admin(),
            "POST",
            "/api/v1/users",
            &json!({ "name": name }),
        )
        .await;
        assert_eq!(refused.status, 422, "{name}");
    }
    world.push_blob(&first, "dev/app", b"bytes").await;
    assert_eq!(
        world
            .send(&first, "POST", "/v2/team/new/blobs/uploads/")
            .await
            .status,
        404
    );
    let bearer = world.token(&first, &["repository:dev/app:pull"]).await;
    let own = "/v2/dev/app/tags/list";
    assert_eq!(world.get(&bearer, own).await.status, 200);
    let changed = send(
        world,
        &first,
        "PUT",
        "/api/v1/me/password",
        &json!({ "password": "another-one" }),
    )
    .await;
    assert_eq!(changed.status, 204);
    for who in [&first, &bearer] {
        assert_eq!(world.get(who, own).await.status, 401);
    }
    let second = Who::Basic("dev".into(), "another-one".into());
    assert_eq!(world.get(&second, "/api/v1/me").await.json()["name"], "dev");
    let kept = world.send(&admin(), "DELETE", "/api/v1/users/dev").await;
    assert_eq!(kept.status, 409, "its repository lives");
    for (path, status) in [("disable", 401), ("enable", 200)] {
        let done = world
            .send(&admin(), "POST", &format!("/api/v1/users/dev/{path}"))
            .await;
        assert_eq!(done.status, 204);
        assert_eq!(world.get(&second, own).await.status, status, "{path}");
    }
    let last = world
        .send(&admin(), "POST", "/api/v1/users/admin/disable")
        .await;
    assert_eq!(last.status, 409, "an administrator remains");
    let cast = Cast::of(world).await;
    let auditor = cast.person("auditor", true).await;
    cast.grant("team/app", &auditor, Role::Admin).await;
    let auditor = cast.token(&auditor, &[], 1).await;
    assert_eq!(world.get(&auditor, LIST).await.status, 200);
    let push = world
        .send(&auditor, "POST", "/v2/team/app/blobs/uploads/")
        .await;
    assert_eq!(push.status, 403);
    cast.catalog().close().await;
}
