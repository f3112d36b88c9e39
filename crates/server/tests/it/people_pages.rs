//! The pages of accounts and robots: what their forms do, and what they show once.

use serde_json::json;

use crate::pages::{entries, person, post, sign_in, sign_in_as, token_in, visit};
use crate::world::{Answer, PASSWORD, Who, World, admin};

/// What may never be markup, and never a name either.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// Sends a form of a page, with the token that the page gave.
pub(crate) async fn send(
    world: &World,
    cookie: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let page = visit(world, cookie, path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text());
    let token = token_in(&page.text());
    let mut all = vec![("csrf", token.as_str())];
    all.extend_from_slice(fields);
    post(world, cookie, path, &all, Some("same-origin")).await
}

/// Sends a form that is done, and answers with another page.
#[track_caller]
pub(crate) fn done(answer: &Answer, next: &str) {
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, next),
        "{}",
        answer.text()
    );
}

/// Checks that a form was refused in words.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, words: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    assert!(text.contains("Nothing was changed."), "{text}");
    assert!(text.contains(words), "{words}: {text}");
}

/// Takes the text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).expect(before);
    rest.split_once(after).expect(after).0
}

fn secret_in(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.header("cache-control"), "no-store");
    between(&page.text(), "class=\"once\">", "<").to_owned()
}

pub(crate) async fn a_token_is_made_by_a_form_and_shown_once(world: &mut World) {
    let session = person(world, "dev").await;
    let first = visit(world, &session, "/account").await.text();
    assert!(first.contains("No tokens."), "{first}");
    let fields = [
        ("do", "token"),
        ("label", HOSTILE),
        ("grant", "pull,push"),
        ("pattern", "dev/** dev"),
        ("listing", "yes"),
        ("days", "30"),
    ];
    // Not without the page's own token.
    let mut guessed = fields.to_vec();
    guessed.push(("csrf", "guess"));
    let answer = post(world, &session, "/account", &guessed, None).await;
    assert_eq!(answer.status, 400);
    assert_eq!(entries(world, "credential.create").await, 0);

    let made = send(world, &session, "/account", &fields).await;
    let secret = secret_in(&made);
    assert!(secret.starts_with("tga_"), "{secret}");
    let later = visit(world, &session, "/account").await.text();
    assert!(!later.contains(&secret) && !later.contains("<script>alert"));
    assert!(later.contains("repository:dev/**:pull,push") && later.contains("registry:catalog:*"));
    assert_eq!(entries(world, "credential.create").await, 1);
    let holder = Who::Basic("dev".to_owned(), secret);
    let pushed = world.push_blob(&holder, "dev/app", b"layer").await;
    assert_eq!(
        world
            .get(&holder, &format!("/v2/dev/app/blobs/{pushed}"))
            .await
            .status,
        200
    );

    let id = between(&later, "name=\"id\" value=\"", "\"").to_owned();
    // Somebody else's form finds no such token.
    let other = person(world, "other").await;
    let revoke = [("do", "revoke"), ("id", id.as_str())];
    let answer = send(world, &other, "/account", &revoke).await;
    assert_eq!(answer.status, 404);
    assert_eq!(entries(world, "credential.revoke").await, 0);
    done(
        &send(world, &session, "/account", &revoke).await,
        "/account",
    );
    assert_eq!(entries(world, "credential.revoke").await, 1);
    assert_eq!(world.get(&holder, "/v2/").await.status, 401);
}

pub(crate) async fn a_token_that_makes_no_sense_is_refused_in_words(world: &mut World) {
    let session = sign_in(world).await;
    for (grant, pattern, days, words) in [
        (
            "all",
            "team/**",
            "90",
            "cannot be kept to some repositories",
        ),
        ("pull", "", "90", "Say in which repositories"),
        ("pull", "team/***", "90", "The pattern in"),
        ("fly", "team/**", "90", "is no scope"),
        ("pull", "team/**", "367", "1 to 366 days"),
        ("pull", "team/**", "soon", "1 to 366 days"),
    ] {
        let fields = [
            ("do", "token"),
            ("label", "laptop"),
            ("grant", grant),
            ("pattern", pattern),
            ("days", days),
        ];
        let answer = send(world, &session, "/account", &fields).await;
        refused(&answer, 422, words);
        // What was typed is still there.
        assert!(answer.text().contains("value=\"laptop\""), "{words}");
    }
    assert_eq!(entries(world, "credential.create").await, 0);
}

pub(crate) async fn a_password_is_changed_by_whoever_knows_it(world: &mut World) {
    let session = person(world, "dev").await;
    let new = "another-password";
    for (current, again, words) in [
        (PASSWORD, "something-else", "typed in two ways"),
        ("wrong-password", new, "password of now is wrong"),
    ] {
        let fields = [
            ("do", "password"),
            ("current", current),
            ("password", new),
            ("again", again),
        ];
        let answer = send(world, &session, "/account", &fields).await;
        refused(&answer, 422, words);
        assert!(!answer.text().contains(new) && !answer.text().contains(current));
    }
    let short = [
        ("do", "password"),
        ("current", PASSWORD),
        ("password", "short"),
        ("again", "short"),
    ];
    refused(
        &send(world, &session, "/account", &short).await,
        422,
        "has 8 to 1024 bytes",
    );
    assert_eq!(entries(world, "account.password").await, 0);
    let fields = [
        ("do", "password"),
        ("current", PASSWORD),
        ("password", new),
        ("again", new),
    ];
    let answer = send(world, &session, "/account", &fields).await;
    done(&answer, "/sign-in?return=/account");
    assert_eq!(entries(world, "account.password").await, 1);
    // The old session is over, and the new password opens another.
    assert_eq!(visit(world, &session, "/account").await.status, 303);
    let session = sign_in_as(world, "dev", new).await;
    assert_eq!(visit(world, &session, "/account").await.status, 200);
}

pub(crate) async fn a_robot_begins_changes_and_ends_by_forms(world: &mut World) {
    let session = person(world, "dev").await;
    let list = "/account/robots";
    let page = visit(world, &session, list).await.text();
    assert!(page.contains("No robots."), "{page}");
    let fields = [
        ("do", "robot"),
        ("name", "ci"),
        ("description", HOSTILE),
        ("role", "write"),
        ("repository", "dev/app"),
        ("ends", "90"),
    ];
    let first = secret_in(&send(world, &session, list, &fields).await);
    assert_eq!(entries(world, "robot.create").await, 1);
    let robot = |secret: &str| Who::Basic("dev+ci".to_owned(), secret.to_owned());
    world.push_blob(&robot(&first), "dev/app", b"layer").await;
    refused(
        &send(world, &session, list, &fields).await,
        409,
        "exists already",
    );
    for (field, value, words) in [
        ("name", "Not A Name", "`name` is 1 to 64"),
        ("repository", "Not/A/Name", "no name of a repository"),
        ("repository", "else/app", "gives no rights"),
    ] {
        let mut wrong = fields.to_vec();
        wrong.retain(|(name, _)| *name != field && *name != "name");
        wrong.push((field, value));
        if field != "name" {
            wrong.push(("name", "second"));
        }
        let answer = send(world, &session, list, &wrong).await;
        assert!(answer.text().contains(words), "{}", answer.text());
        assert_eq!(entries(world, "robot.create").await, 1, "{words}");
    }
    let page = visit(world, &session, list).await.text();
    assert!(page.contains("dev+ci") && !page.contains("<script>alert"));

    // Another secret first, then the old one goes.
    let one = "/account/robots/ci";
    let page = visit(world, &session, one).await.text();
    assert!(page.contains("dev/app") && !page.contains(&first) && !page.contains("<script>alert"));
    let old = between(&page, "name=\"id\" value=\"", "\"").to_owned();
    let add = [("do", "secret"), ("label", "second"), ("ends", "")];
    let second = secret_in(&send(world, &session, one, &add).await);
    let revoke = [("do", "revoke"), ("id", old.as_str())];
    done(&send(world, &session, one, &revoke).await, one);
    assert_eq!(world.get(&robot(&first), "/v2/").await.status, 401);
    assert_eq!(world.get(&robot(&second), "/v2/").await.status, 200);

    done(&send(world, &session, one, &[("do", "disable")]).await, one);
    assert_eq!(world.get(&robot(&second), "/v2/").await.status, 401);
    assert!(
        visit(world, &session, one)
            .await
            .text()
            .contains("! disabled")
    );
    done(&send(world, &session, one, &[("do", "enable")]).await, one);
    let change = [("do", "change"), ("description", "builds"), ("ends", "")];
    done(&send(world, &session, one, &change).await, one);
    let page = visit(world, &session, one).await.text();
    assert!(
        page.contains("builds") && page.contains("never by itself"),
        "{page}"
    );
    assert_eq!(entries(world, "robot.update").await, 3);

    // To everybody else it is not there, under whatever address.
    let other = person(world, "other").await;
    let answer = visit(world, &other, one).await;
    assert_eq!(answer.status, 404);
    let token = token_in(&visit(world, &other, "/account").await.text());
    let fields = [("csrf", token.as_str()), ("do", "delete")];
    assert_eq!(post(world, &other, one, &fields, None).await.status, 404);
    done(&send(world, &session, one, &[("do", "delete")]).await, list);
    assert_eq!(visit(world, &session, one).await.status, 404);
    assert_eq!(entries(world, "robot.delete").await, 1);
}

pub(crate) async fn what_is_no_form_of_an_account_does_nothing(world: &mut World) {
    // An administrator reads who they are; nobody without a session does.
    let session = sign_in(world).await;
    let page = visit(world, &session, "/account").await.text();
    assert!(page.contains("administrator: everything is open to you"));
    let answer = world.get(&Who::Nobody, "/account/robots").await;
    assert_eq!(answer.header("location"), "/sign-in?return=/account/robots");
    // What is neither a page nor a form of it.
    let nonsense = send(world, &session, "/account", &[("do", "fly")]).await;
    assert_eq!(nonsense.status, 400);
    let body = json!({ "name": "x", "password": PASSWORD });
    let request = world.request(&admin(), "POST", "/account").json(&body);
    assert_eq!(Answer::of(request).await.header("location"), "/sign-in");
}
