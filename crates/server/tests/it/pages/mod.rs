//! Pages: signing in, foreign text, decisions.

pub(crate) mod system;

use crate::gate::no_telnet;
use crate::world::{Answer, IMAGE, PASSWORD, Who, World, admin, image_with};

/// The value of the form's hidden field.
pub(crate) fn token_in(page: &str) -> String {
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
    post(world, cookie, "/sign-in", fields, site).await
}

/// Sends a form.
pub(crate) async fn post(
    world: &World,
    cookie: &str,
    path: &str,
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
        .request(&Who::Nobody, "POST", path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookie)
        .body(body);
    if let Some(site) = site {
        request = request.header("sec-fetch-site", site);
    }
    Answer::of(request).await
}

/// Signs in as the administrator and returns the session's cookie.
pub(crate) async fn sign_in(world: &World) -> String {
    sign_in_as(world, "admin", PASSWORD).await
}

pub(crate) async fn sign_in_as(world: &World, name: &str, password: &str) -> String {
    let form = world.get(&Who::Nobody, "/sign-in").await;
    let (cookie, token) = (cookie_of(&form, "tidegate_form"), token_in(&form.text()));
    let fields = [
        ("csrf", token.as_str()),
        ("username", name),
        ("password", password),
    ];
    let answer = submit(world, &cookie, &fields, Some("same-origin")).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    cookie_of(&answer, "tidegate_session")
}

pub(crate) async fn visit(world: &World, cookie: &str, path: &str) -> Answer {
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

/// Makes a person and returns the cookie of their session.
pub(crate) async fn person(world: &World, name: &str) -> String {
    let body = serde_json::json!({ "name": name, "password": PASSWORD });
    let request = world.request(&admin(), "POST", "/api/v1/users").json(&body);
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    sign_in_as(world, name, PASSWORD).await
}

/// Counts the entries of an action in the audit trail.
pub(crate) async fn entries(world: &World, action: &str) -> usize {
    let path = format!("/api/v1/audit?action={action}");
    let answer = world.get(&admin(), &path).await;
    answer.json()["items"].as_array().unwrap().len()
}

pub(crate) async fn a_tag_is_brought_back_by_its_form(world: &mut World) {
    let first = world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let second = world
        .push_image("team/app", "1", &image_with("zlib1g", "2"))
        .await;
    let session = sign_in(world).await;
    let history = visit(world, &session, "/r/team/app/-/history?tag=1").await;
    assert_eq!(history.status, 200);
    let question = format!("/r/team/app/-/restore?tag=1&#38;digest={first}");
    assert!(history.text().contains(&question), "{}", history.text());
    let page = visit(world, &session, &question.replace("&#38;", "&")).await;
    let token = token_in(&page.text());
    let digest = first.to_string();
    let fields = |token| [("csrf", token), ("tag", "1"), ("digest", digest.as_str())];
    let path = "/r/team/app/-/restore";

    // Neither a guess, nor another site, nor somebody else, nor nobody.
    let stranger = person(world, "stranger").await;
    let own = token_in(&visit(world, &stranger, "/images").await.text());
    for (cookie, token, site, status) in [
        (&session, "guess", None, 400),
        (&session, token.as_str(), Some("cross-site"), 400),
        (&stranger, token.as_str(), None, 400),
        (&stranger, own.as_str(), None, 404),
        (&String::new(), token.as_str(), None, 303),
    ] {
        let answer = post(world, cookie, path, &fields(token), site).await;
        assert_eq!(answer.status, status, "{site:?}");
    }
    let now = world.get(&admin(), "/v2/team/app/manifests/1").await;
    assert_eq!(now.header("docker-content-digest"), second.to_string());
    assert_eq!(entries(world, "tag.restore").await, 0);

    let answer = post(world, &session, path, &fields(&token), Some("same-origin")).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/r/team/app/-/history?tag=1")
    );
    let now = world.get(&admin(), "/v2/team/app/manifests/1").await;
    assert_eq!(now.header("docker-content-digest"), first.to_string());
    assert_eq!(entries(world, "tag.restore").await, 1);
    let history = visit(world, &session, "/r/team/app/-/history").await.text();
    assert!(history.contains("brought back") && history.contains("gave way to a restore"));

    // What was never there is refused in words, and the page is there again.
    let other = oci::Digest::sha256(b"never").to_string();
    let fields = [("csrf", token.as_str()), ("tag", "1"), ("digest", &other)];
    let answer = post(world, &session, path, &fields, None).await;
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("has no way back"));
}

pub(crate) async fn tags_are_shown_as_they_were(world: &mut World) {
    world
        .push_image("team/app", "old", &image_with("zlib1g", "1"))
        .await;
    let between = crate::world::now();
    world
        .push_image("team/app", "new", &image_with("zlib1g", "2"))
        .await;
    let session = sign_in(world).await;
    let page = visit(
        world,
        &session,
        &format!("/r/team/app/-/tags?as_of={between}"),
    )
    .await;
    let text = page.text();
    assert!(text.contains(">old<") && !text.contains(">new<"), "{text}");
    assert!(text.contains("Back to now"));
    let page = visit(world, &session, "/r/team/app/-/tags?as_of=2001-01-01").await;
    assert!(page.text().contains("No tags at that time"));
    let page = visit(world, &session, "/r/team/app/-/tags?as_of=yesterday").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("That is no date"));
}

pub(crate) async fn tags_are_paged_by_the_address_alone(world: &mut World) {
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "v1", &image).await;
    for number in 2..=101 {
        let (tag, body) = (format!("v{number}"), image.manifest());
        let answer = world.put(&admin(), "team/app", &tag, IMAGE, &body).await;
        assert_eq!(answer.status, 201);
    }
    let session = sign_in(world).await;
    let first = visit(world, &session, "/r/team/app/-/tags?sort=name").await;
    let text = first.text();
    assert!(text.contains(">v1<") && text.contains(">v100<") && !text.contains(">v101<"));
    let (_, next) = text
        .split_once("rel=\"next\" href=\"")
        .expect("a next page");
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let text = visit(world, &session, &next).await.text();
    assert!(
        text.contains(">v101<") && !text.contains(">v100<"),
        "{next}"
    );
    assert!(text.contains("First page") && !text.contains("rel=\"next\""));
    // What is no cursor is the first page.
    let odd = visit(
        world,
        &session,
        "/r/team/app/-/tags?sort=name&cursor=x.y%00",
    )
    .await;
    assert!(odd.text().contains(">v1<"));
}

pub(crate) async fn the_trail_and_the_system_are_for_administrators(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let (session, stranger) = (sign_in(world).await, person(world, "stranger").await);
    let token = token_in(&visit(world, &session, "/system").await.text());
    let foreign = token_in(&visit(world, &stranger, "/images").await.text());
    let system = visit(world, &stranger, "/system").await;
    assert_eq!(system.status, 404);
    let run = |token| [("csrf", token), ("do", "collect")];
    for (cookie, token, status) in [
        (&stranger, foreign.as_str(), 404),
        (&session, foreign.as_str(), 400),
        (&session, token.as_str(), 303),
    ] {
        let answer = post(world, cookie, "/system", &run(token), None).await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(entries(world, "collection.run").await, 1);
    for word in ["pause", "resume"] {
        let fields = [("csrf", token.as_str()), ("do", word)];
        let answer = post(world, &session, "/system", &fields, None).await;
        assert_eq!(answer.status, 303);
        let shown = visit(world, &session, "/system").await.text();
        assert_eq!(shown.contains("! paused"), word == "pause");
    }

    let page = visit(world, &session, "/audit?actor=admin&outcome=success").await;
    assert!(page.text().contains("collection.run"), "{}", page.text());
    let page = visit(world, &session, "/audit?action=nothing").await;
    assert!(!page.text().contains("collection.run"));
    for path in [
        "/audit",
        "/audit?repository=team/app",
        "/audit?namespace=team",
    ] {
        let page = visit(world, &stranger, path).await.text();
        assert!(
            page.contains("Nothing to show") && !page.contains("collection.run"),
            "{path}"
        );
    }
    let own = visit(world, &stranger, "/audit?namespace=stranger").await;
    assert!(!own.text().contains("Nothing to show"));
    let export = |token| {
        [
            ("csrf", token),
            ("format", "csv"),
            ("action", "collection.run"),
        ]
    };
    let refused = post(world, &stranger, "/audit", &export(foreign.as_str()), None).await;
    assert_eq!(refused.status, 403);
    let file = post(world, &session, "/audit", &export(token.as_str()), None).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<String> = file.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(entries(world, "audit.export").await, 1);
}

pub(crate) async fn a_repositorys_settings_are_shown_to_its_readers(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let (session, stranger) = (sign_in(world).await, person(world, "stranger").await);
    let page = visit(world, &session, "/r/team/app/-/about").await.text();
    for word in ["private", "normal", "14 days", "Roles"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    for view in ["about", "history", "tags", "restore?tag=1"] {
        let path = format!("/r/team/app/-/{view}");
        let hidden = visit(world, &stranger, &path).await;
        let absent = visit(world, &stranger, &path.replace("app", "none")).await;
        assert_eq!((hidden.status, absent.status), (404, 404), "{view}");
    }
}
