//! Who is asking: challenges, tokens, revocation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, Who, World, admin, image_with};

pub(crate) async fn the_ping_challenges_whoever_is_not_known(world: &mut World) {
    for method in ["GET", "HEAD"] {
        let answer = world.send(&Who::Nobody, method, "/v2/").await;
        assert_eq!(answer.status, 401);
        let realm = format!(
            "Bearer realm=\"{}/token\",service=\"{}\"",
            world.base,
            world.address()
        );
        assert_eq!(answer.header("www-authenticate"), realm);
        assert_eq!(
            answer.header("docker-distribution-api-version"),
            "registry/2.0"
        );
    }
    let answer = world.get(&admin(), "/v2/").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    assert_eq!(
        answer.header("docker-distribution-api-version"),
        "registry/2.0"
    );
    let wrong = Who::Basic("admin".into(), "wrong".into());
    world.get(&wrong, "/v2/").await.error(401, "UNAUTHORIZED");
    // A proxy's headers are anybody's words.
    let request = world
        .request(&Who::Nobody, "GET", "/v2/")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "https");
    let answer = Answer::of(request).await;
    assert!(answer.header("www-authenticate").contains(&world.base));
}

pub(crate) async fn a_token_grants_what_is_asked_and_allowed(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let reader = world.robot("reader", "team/app", "read").await;
    for (who, asked, granted) in [
        (
            &admin(),
            "repository:team/app:pull,push",
            "repository:team/app:pull,push",
        ),
        (
            &admin(),
            "repository:team/app:*",
            "repository:team/app:pull,push,delete",
        ),
        (
            &reader,
            "repository:team/app:pull,push",
            "repository:team/app:pull",
        ),
        (&reader, "repository:team/app:push", ""),
        (&reader, "repository:other/app:pull", ""),
        (
            &reader,
            "registry:catalog:*",
            "registry:catalog:pull,push,delete",
        ),
        (&Who::Nobody, "repository:team/app:pull", ""),
        (&Who::Nobody, "registry:catalog:*", ""),
        (&reader, "nonsense", ""),
    ] {
        let answer = world
            .get(who, &format!("/token?service=x&scope={asked}"))
            .await;
        assert_eq!(answer.status, 200, "{asked}: {answer:?}");
        let body = answer.json();
        assert_eq!(body["scope"], granted, "{who:?} {asked}");
        assert_eq!(body["token"], body["access_token"]);
        assert_eq!(body["expires_in"], 300);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let wrong = Who::Basic("admin+reader".into(), "tgr_wrong".into());
    world.get(&wrong, "/token").await.error(401, "UNAUTHORIZED");
}

pub(crate) async fn a_token_never_does_more_than_its_scopes(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    world
        .push_image("team/other", "1", &image_with("zlib1g", "1"))
        .await;
    let token = world.token(&admin(), &["repository:team/app:pull"]).await;
    assert_eq!(world.get(&token, "/v2/").await.status, 200);
    assert_eq!(
        world.get(&token, "/v2/team/app/tags/list").await.status,
        200
    );
    for (method, path, scope) in [
        (
            "POST",
            "/v2/team/app/blobs/uploads/",
            "repository:team/app:pull,push",
        ),
        (
            "DELETE",
            "/v2/team/app/manifests/1",
            "repository:team/app:delete",
        ),
        (
            "GET",
            "/v2/team/other/tags/list",
            "repository:team/other:pull",
        ),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
    ] {
        let answer = world.send(&token, method, path).await;
        answer.error(401, "UNAUTHORIZED");
        let challenge = answer.header("www-authenticate");
        let expected = format!("scope=\"{scope}\",error=\"insufficient_scope\"");
        assert!(challenge.ends_with(&expected), "{challenge}");
    }
    // A token that leaks from a build must not administer the registry.
    for (method, path) in [
        ("GET", "/api/v1/robots"),
        ("GET", "/api/v1/repositories"),
        ("POST", "/api/v1/robots"),
        ("PUT", "/api/v1/policies/x"),
    ] {
        let request = world
            .request(&token, method, path)
            .json(&json!({ "name": "x" }));
        assert_eq!(Answer::of(request).await.status, 401, "{method} {path}");
    }
}

pub(crate) async fn a_token_cannot_be_turned_into_another(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let token = world.token(&admin(), &["repository:team/app:pull"]).await;
    let answer = world
        .get(&token, "/token?scope=repository:team/app:push")
        .await;
    answer.error(401, "UNAUTHORIZED");
}

pub(crate) async fn a_password_grant_answers_like_a_get(world: &mut World) {
    let form = |password: &str| {
        let fields = format!(
            "grant_type=password&service=x&username=admin&password={password}&scope=repository:a:pull"
        );
        world
            .request(&Who::Nobody, "POST", "/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(fields)
    };
    let answer = Answer::of(form(PASSWORD)).await;
    assert_eq!(answer.json()["scope"], "repository:a:pull");
    Answer::of(form("wrong")).await.error(401, "UNAUTHORIZED");
    let other = world
        .request(&Who::Nobody, "POST", "/token")
        .body("grant_type=client_credentials");
    assert_eq!(Answer::of(other).await.status, 405);
}

pub(crate) async fn a_deleted_robot_is_nobody_at_once(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let robot = world.robot("ci", "team/app", "read").await;
    let token = world.token(&robot, &["repository:team/app:pull"]).await;
    let list = "/v2/team/app/tags/list";
    for who in [&robot, &token] {
        assert_eq!(world.get(who, list).await.status, 200);
    }
    let deleted = world
        .send(&admin(), "DELETE", "/api/v1/robots/admin+ci")
        .await;
    assert_eq!(deleted.status, 204);
    for who in [&robot, &token] {
        world.get(who, list).await.error(401, "UNAUTHORIZED");
    }
}

pub(crate) async fn a_forged_token_opens_nothing(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let Who::Bearer(token) = world.token(&admin(), &["repository:team/app:pull"]).await else {
        panic!("a token is a bearer's");
    };
    let parts: Vec<&str> = token.split('.').collect();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = json!({ "alg": "none", "kid": header["kid"] });
    let symmetric = json!({ "alg": "HS256", "kid": header["kid"] });
    let unsigned = format!("{}.{}.", encode(&none), parts[1]);
    let swapped = format!("{}.{}.{}", encode(&symmetric), parts[1], parts[2]);
    claims["exp"] = json!(4_000_000_000_u64);
    let stretched = format!("{}.{}.{}", parts[0], encode(&claims), parts[2]);
    let list = "/v2/team/app/tags/list";
    assert_eq!(
        world.get(&Who::Bearer(token.clone()), list).await.status,
        200
    );
    for forged in [unsigned, swapped, stretched, "a.b.c".into(), String::new()] {
        world
            .get(&Who::Bearer(forged), list)
            .await
            .error(401, "UNAUTHORIZED");
    }
}
