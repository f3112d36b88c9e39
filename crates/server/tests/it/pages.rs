//! Pages: signing in, foreign text, decisions.

use crate::gate::no_telnet;
use crate::world::{Answer, PASSWORD, Who, World, admin, image_with};

/// The value of the form's hidden field.
fn token_in(page: &str) -> String {
    let (_, after) = page
        .split_once("name=\"csrf\"")
        .expect("a form with a token");
    let (_, value) = after.split_once("value=\"").expect("a value");
    value.split('"').next().unwrap().to_owned()
}

fn cookie_of(answer: &Answer, name: &str) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let found = cookies
        .filter_map(|cookie| cookie.to_str().ok())
        .find(|cookie| cookie.starts_with(name))
        .unwrap_or_else(|| panic!("no cookie {name}: {:?}", answer.headers));
    assert!(
        found.contains("HttpOnly") && found.contains("SameSite=Lax"),
        "{found}"
    );
    found.split(';').next().unwrap().to_owned()
}

async fn submit(
    world: &World,
    cookie: &str,
    fields: &[(&str, &str)],
    site: Option<&str>,
) -> Answer {
    let pair = |(name, value): &(&str, &str)| {
        let value = value
            .replace('%', "%25")
            .replace('&', "%26")
            .replace('+', "%2B");
        format!("{name}={value}")
    };
    let body = fields.iter().map(pair).collect::<Vec<_>>().join("&");
    let mut request = world
        .request(&Who::Nobody, "POST", "/sign-in")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookie)
        .body(body);
    if let Some(site) = site {
        request = request.header("sec-fetch-site", site);
    }
    Answer::of(request).await
}

/// Signs in and returns the session's cookie.
async fn sign_in(world: &World) -> String {
    let form = world.get(&Who::Nobody, "/sign-in").await;
    let (cookie, token) = (cookie_of(&form, "tidegate_form"), token_in(&form.text()));
    let fields = [
        ("csrf", token.as_str()),
        ("username", "admin"),
        ("password", PASSWORD),
    ];
    let answer = submit(world, &cookie, &fields, Some("same-origin")).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    cookie_of(&answer, "tidegate_session")
}

async fn visit(world: &World, cookie: &str, path: &str) -> Answer {
    let request = world
        .request(&Who::Nobody, "GET", path)
        .header("cookie", cookie);
    Answer::of(request).await
}

pub(crate) async fn signing_in_needs_the_forms_token(world: &mut World) {
    let answer = world.get(&Who::Nobody, "/images?q=x").await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("location").starts_with("/sign-in?return="));
    let form = world.get(&Who::Nobody, "/sign-in").await;
    let policy = form.header("content-security-policy");
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(form.header("x-content-type-options"), "nosniff");
    let (cookie, token) = (cookie_of(&form, "tidegate_form"), token_in(&form.text()));
    for (cookie, token, password, site) in [
        (cookie.as_str(), "guess", PASSWORD, None),
        ("", token.as_str(), PASSWORD, None),
        ("tidegate_form=tgs_other", token.as_str(), PASSWORD, None),
        (
            cookie.as_str(),
            token.as_str(),
            PASSWORD,
            Some("cross-site"),
        ),
        (cookie.as_str(), token.as_str(), "wrong", None),
    ] {
        let fields = [
            ("csrf", token),
            ("username", "admin"),
            ("password", password),
        ];
        let answer = submit(world, cookie, &fields, site).await;
        assert_eq!(answer.status, 200, "the form again");
        let cookies = answer.headers.get_all("set-cookie").iter();
        let session = cookies.filter(|c| c.to_str().unwrap().starts_with("tidegate_session"));
        assert_eq!(session.count(), 0);
        assert!(!answer.text().contains(PASSWORD));
    }
    for (wanted, given) in [
        ("/images", "/images"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let fields = [
            ("csrf", token.as_str()),
            ("username", "admin"),
            ("password", PASSWORD),
            ("return", wanted),
        ];
        let answer = submit(world, &cookie, &fields, None).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, given),
            "{wanted}"
        );
    }
    let session = sign_in(world).await;
    let page = visit(world, &session, "/images").await;
    assert_eq!(page.status, 200);
    let head = world
        .request(&Who::Nobody, "HEAD", "/images")
        .header("cookie", &session);
    assert_eq!(Answer::of(head).await.status, 200);
    // Signing out needs the token too; then the cookie is worth nothing.
    let sign_out = |token: String| {
        world
            .request(&Who::Nobody, "POST", "/sign-out")
            .header("cookie", &session)
            .body(format!("csrf={token}"))
    };
    assert_eq!(Answer::of(sign_out("guess".into())).await.status, 400);
    assert_eq!(visit(world, &session, "/images").await.status, 200);
    assert_eq!(
        Answer::of(sign_out(token_in(&page.text()))).await.status,
        303
    );
    assert_eq!(visit(world, &session, "/images").await.status, 303);
}

pub(crate) async fn hostile_texts_are_escaped(world: &mut World) {
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let mut image = image_with("zlib1g", "1");
    image.process = serde_json::json!({
        "Labels": { "org.opencontainers.image.title": hostile },
        "User": hostile, "Env": [format!("X={hostile}")],
    });
    image.history = serde_json::json!([{ "created_by": hostile }]);
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    let session = sign_in(world).await;
    let encoded = "%3Cscript%3Ealert(1)%3C/script%3E%22'";
    for path in [
        "/r/team/app/-/t/1".to_owned(),
        "/r/team/app/-/t/1?tab=layers".to_owned(),
        "/r/team/app/-/t/1?tab=packages".to_owned(),
        "/r/team/app/-/t/1?tab=vulnerabilities".to_owned(),
        format!("/r/team/app/-/m/{digest}"),
        format!("/r/team/app/-/tags?q={encoded}"),
        format!("/images?q={encoded}"),
        format!("/sign-in?return={encoded}"),
        format!("/nothing/{encoded}"),
        "/feeds".to_owned(),
    ] {
        let page = visit(world, &session, &path).await;
        let text = page.text();
        assert!(page.status < 500, "{path}: {}", page.status);
        assert!(
            !text.contains("<script>alert") && !text.contains("<img src=x"),
            "{path}: {text}"
        );
        assert!(!page.header("content-security-policy").is_empty(), "{path}");
    }
}

pub(crate) async fn a_decision_is_shown_to_readers_only(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let digest = world
        .push_image("team/app", "1", &image_with("telnetd", "1"))
        .await;
    world.report("team/app", &digest).await;
    let error = world
        .get(&admin(), "/v2/team/app/manifests/1")
        .await
        .error(403, "DENIED");
    let id = error["detail"]["decision"].as_str().unwrap();
    let stranger = world.robot("stranger", "team/other", "admin").await;
    let path = format!("/api/v1/decisions/{id}");
    let unknown = "/api/v1/decisions/0190a5f0-0000-7000-8000-000000000000";
    let (hidden, missing) = (
        world.get(&stranger, &path).await,
        world.get(&stranger, unknown).await,
    );
    assert_eq!((hidden.status, hidden.text()), (404, missing.text()));
    assert_eq!(world.get(&Who::Nobody, &path).await.status, 401);
    assert_eq!(
        world.get(&Who::Nobody, &format!("/d/{id}")).await.status,
        303
    );
    let session = sign_in(world).await;
    let page = visit(world, &session, &format!("/d/{id}")).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("house/no-telnet"));
    assert_eq!(visit(world, &session, "/d/not-an-id").await.status, 404);
}
