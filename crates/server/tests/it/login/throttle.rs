//! Guessing passwords is slow, and locks nobody else out.

use catalog::Catalog;
use jiff::{SignedDuration, Timestamp};
use server::Clock;

use super::basic_from;
use crate::world::{Answer, PASSWORD, Who, World, admin};

/// An instant that the tests' databases know nothing before.
fn at(secs: i64) -> Clock {
    let start: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    Clock::Fixed(start + SignedDuration::from_secs(secs))
}

fn wrong(name: &str) -> Who {
    Who::Basic(name.into(), "guess".into())
}

/// The sign-in page's answer to a name and a password.
async fn page(world: &World, name: &str, password: &str) -> Answer {
    let form = world.get(&Who::Nobody, "/sign-in").await;
    let cookie = form
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let text = form.text();
    let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap();
    let csrf = rest.split('"').next().unwrap();
    let fields = format!("csrf={csrf}&username={name}&password={password}");
    let request = world
        .request(&Who::Nobody, "POST", "/sign-in")
        .header("cookie", cookie)
        .body(fields);
    Answer::of(request).await
}

pub(crate) async fn guessing_is_slowed_down_at_every_door(world: &mut World) {
    world.restart(at(0)).await;
    // A name that exists and one that does not are told the same.
    for name in ["admin", "nobody"] {
        for _ in 0..5 {
            world
                .get(&wrong(name), "/v2/")
                .await
                .error(401, "UNAUTHORIZED");
        }
        let answer = world.get(&wrong(name), "/v2/").await;
        let error = answer.error(429, "TOOMANYREQUESTS");
        assert_eq!(
            error["message"],
            "too many failed sign-ins, try again in 1 s"
        );
        assert_eq!(answer.header("retry-after"), "1");
    }
    // The right password is not looked at either, at no door.
    for path in ["/v2/", "/token", "/v2/a/b/manifests/1"] {
        let answer = world.get(&admin(), path).await;
        answer.error(429, "TOOMANYREQUESTS");
        assert_eq!(answer.header("retry-after"), "1", "{path}");
    }
    let form = format!("grant_type=password&username=admin&password={PASSWORD}");
    let answer = Answer::of(world.request(&Who::Nobody, "POST", "/token").body(form)).await;
    answer.error(429, "TOOMANYREQUESTS");
    let answer = world.get(&admin(), "/api/v1/repositories").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
    assert_eq!(answer.json()["code"], "too-many-requests");
    let answer = page(world, "admin", PASSWORD).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
    assert!(answer.text().contains("Too many attempts"));

    let metrics = world.get(&Who::Nobody, "/metrics").await.text();
    assert!(
        metrics.contains("tidegate_login_failures_total 10\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("tidegate_logins_throttled_total 8\n"),
        "{metrics}"
    );
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let trail = catalog.list_audit(None, 100).await.unwrap();
    catalog.close().await;
    let refused: Vec<_> = trail
        .iter()
        .filter(|row| row.action == "login.failure")
        .collect();
    assert_eq!(refused.len(), 10, "what is not looked at is not written");
    assert_eq!(
        refused[0].detail.as_deref(),
        Some("the next attempt has to wait 1 s")
    );
    assert_eq!(refused[1].detail, None);
    assert_eq!(refused[0].actor.ip.as_deref(), Some("127.0.0.1"));
}

pub(crate) async fn refusals_are_shared_by_replicas_and_survive_a_restart(world: &mut World) {
    world.restart(at(0)).await;
    for _ in 0..5 {
        world
            .get(&wrong("admin"), "/v2/")
            .await
            .error(401, "UNAUTHORIZED");
    }
    // Another process over the same database knows.
    world.restart(at(0)).await;
    world
        .get(&admin(), "/v2/")
        .await
        .error(429, "TOOMANYREQUESTS");
    world.restart(at(1)).await;
    world
        .get(&wrong("admin"), "/v2/")
        .await
        .error(401, "UNAUTHORIZED");
    let answer = world.get(&admin(), "/v2/").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "2"));
    // The right password ends it.
    world.restart(at(3)).await;
    assert_eq!(world.get(&admin(), "/v2/").await.status, 200);
    for _ in 0..5 {
        world
            .get(&wrong("admin"), "/v2/")
            .await
            .error(401, "UNAUTHORIZED");
    }
    // A credential that was right a moment ago does not wait for its neighbours.
    assert_eq!(world.get(&admin(), "/v2/").await.status, 200);
}

pub(crate) async fn nobody_locks_an_account_for_another_address(world: &mut World) {
    world.restart(at(0)).await;
    // Ten addresses guess until each is slowed down: the account is under attack.
    for n in 2..12 {
        let attacker = format!("127.0.0.{n}");
        for _ in 0..5 {
            assert_eq!(basic_from(world, &attacker, "admin", "guess").await, 401);
        }
        assert_eq!(basic_from(world, &attacker, "admin", "guess").await, 429);
    }
    // Now an address has one guess instead of five,
    let attacker = "127.0.0.50";
    assert_eq!(basic_from(world, attacker, "admin", "guess").await, 401);
    assert_eq!(basic_from(world, attacker, "admin", PASSWORD).await, 429);
    // and the administrator, whose address did nothing, comes in.
    assert_eq!(
        basic_from(world, "127.0.0.60", "admin", PASSWORD).await,
        200
    );
    // Others are not touched by it.
    assert_eq!(basic_from(world, "127.0.0.50", "other", "guess").await, 401);
    assert_eq!(basic_from(world, "127.0.0.50", "other", "guess").await, 401);
}

pub(crate) async fn parallel_guesses_are_counted_one_by_one(world: &mut World) {
    world.restart(at(0)).await;
    let guess = wrong("admin");
    let guesses = (0..40).map(|_| world.get(&guess, "/v2/"));
    let answers = futures::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(looked_at, 5, "of forty at once");
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 401 | 429))
    );
}

pub(crate) async fn a_right_robot_token_never_waits(world: &mut World) {
    let robot = world.robot("ci", "team/app", "write").await;
    for _ in 0..5 {
        world
            .get(&wrong("admin+ci"), "/v2/")
            .await
            .error(401, "UNAUTHORIZED");
    }
    let answer = world.get(&wrong("admin+ci"), "/v2/").await;
    assert!(matches!(answer.status, 401 | 429), "{answer:?}");
    assert_eq!(world.get(&robot, "/v2/").await.status, 200);
}

pub(crate) async fn an_address_that_tries_many_names_waits(world: &mut World) {
    world.restart(at(0)).await;
    for n in 0..60 {
        let who = Who::Basic(format!("admin+{n}"), "guess".into());
        world.get(&who, "/v2/").await.error(401, "UNAUTHORIZED");
    }
    let answer = world.get(&wrong("somebody"), "/v2/").await;
    answer.error(429, "TOOMANYREQUESTS");
    assert_eq!(answer.header("retry-after"), "600");
    assert_eq!(basic_from(world, "127.0.0.2", "admin", PASSWORD).await, 200);
    world.restart(at(600)).await;
    assert_eq!(world.get(&admin(), "/v2/").await.status, 200);
}
