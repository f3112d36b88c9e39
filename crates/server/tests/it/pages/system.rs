//! The system's pages: what the server does by itself, and what an administrator does about it.

use std::time::Duration;

use serde_json::json;

use super::{entries, person, post, sign_in, token_in, visit};
use crate::upstream::cache;
use crate::webhooks::{Receiver, Reply, settled, webhook};
use crate::world::{Answer, World, admin, eventually};

/// Every page below `/system`, with a form that it takes.
const PAGES: [(&str, &[(&str, &str)]); 5] = [
    ("/system", &[("do", "collect")]),
    ("/system/jobs", &[("do", "retry"), ("job", "1")]),
    ("/system/webhooks", &[]),
    ("/system/webhooks/1", &[("do", "test")]),
    (
        "/system/upstreams",
        &[("do", "mirror"), ("repository", "copies/app")],
    ),
];

pub(crate) async fn the_system_is_for_administrators(world: &mut World) {
    let receiver = Receiver::start(&[]).await;
    world.may_reach("127.0.0.1").await;
    webhook(world, &json!({ "url": receiver.url() })).await;
    let (session, stranger) = (sign_in(world).await, person(world, "stranger").await);
    let foreign = token_in(&visit(world, &stranger, "/images").await.text());
    for (path, form) in PAGES {
        let page = visit(world, &session, path).await;
        assert_eq!(page.status, 200, "{path}");
        let own = token_in(&page.text());
        let hidden = visit(world, &stranger, path).await;
        let absent = visit(world, &stranger, "/nothing").await;
        let nameless = |answer: Answer| answer.text().replace(path, "/nothing");
        assert_eq!((hidden.status, absent.status), (404, 404), "{path}");
        assert_eq!(
            without_ids(&nameless(hidden)),
            without_ids(&nameless(absent))
        );
        for (cookie, token, status) in [
            (&stranger, &foreign, 404),
            (&session, &foreign, 400),
            (&stranger, &own, 400),
        ] {
            let mut fields = vec![("csrf", token.as_str())];
            fields.extend(form);
            let answer = post(world, cookie, path, &fields, None).await;
            assert_eq!(answer.status, status, "{path}");
        }
        // What no form of the page sends is nothing it does.
        let odd = [("csrf", own.as_str()), ("do", "something else")];
        let answer = post(world, &session, path, &odd, None).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    for path in [
        "/system/webhooks/2",
        "/system/webhooks/-1",
        "/system/webhooks/x",
    ] {
        assert_eq!(visit(world, &session, path).await.status, 404, "{path}");
    }
    assert_eq!(entries(world, "collection.run").await, 0);
    assert!(receiver.got().is_empty());
}

/// The text of an error page but for its request's id and its minute.
fn without_ids(page: &str) -> String {
    page.lines()
        .filter(|line| !line.contains("equest") && !line.contains("Page of"))
        .collect()
}

pub(crate) async fn collection_is_steered_from_its_page(world: &mut World) {
    let session = sign_in(world).await;
    let page = visit(world, &session, "/system").await.text();
    assert!(page.contains("Nothing needs you"), "{page}");
    let token = token_in(&page);
    for (word, said, shown) in [
        ("collect", "runs as soon as", "✓ on"),
        ("pause", "is paused", "! paused"),
        ("resume", "goes on", "✓ on"),
    ] {
        let fields = [("csrf", token.as_str()), ("do", word)];
        let answer = post(world, &session, "/system", &fields, None).await;
        assert_eq!(answer.status, 303, "{word}");
        let next = answer.header("location");
        let page = visit(world, &session, next).await.text();
        assert!(
            page.contains(said) && page.contains(shown),
            "{word}: {page}"
        );
    }
    assert_eq!(entries(world, "collection.run").await, 1);
    // A word that somebody else wrote into the address says nothing.
    let page = visit(world, &session, "/system?done=%3Cb%3E").await.text();
    assert!(!page.contains("✓ Done"));
}

pub(crate) async fn a_dead_job_is_retried_from_its_page(world: &mut World) {
    let catalog = catalog::Catalog::connect(world.database()).await.unwrap();
    let job = catalog::NewJob {
        kind: "analyse".into(),
        lane: catalog::Lane::Interactive,
        payload: r#"{"unknown":"<b>"}"#.into(),
        dedup_key: None,
        delay: Duration::ZERO,
    };
    let job = catalog.enqueue(&job).await.unwrap().unwrap();
    catalog.close().await;
    let session = sign_in(world).await;
    let row = format!("name=\"job\" value=\"{job}\"");
    let dead = async || {
        let page = visit(world, &session, "/system/jobs").await.text();
        page.contains(&row).then_some(page)
    };
    let page = eventually(dead).await;
    assert!(
        page.contains("1 job gave up") && page.contains("unknown &#60;b&#62;"),
        "{page}"
    );
    let overview = visit(world, &session, "/system").await.text();
    assert!(overview.contains(">1 job gave up</a>"), "{overview}");

    let (token, id) = (token_in(&page), job.to_string());
    let fields = [("csrf", token.as_str()), ("do", "retry"), ("job", &id)];
    let answer = post(world, &session, "/system/jobs", &fields, None).await;
    assert_eq!(answer.header("location"), "/system/jobs?done=retry");
    assert_eq!(entries(world, "job.retry").await, 1);
    // It is done again, and as it is no better, it dies again.
    eventually(dead).await;
    for list in ["ready", "running", "what"] {
        let path = format!("/system/jobs?state={list}&after=x");
        assert_eq!(visit(world, &session, &path).await.status, 200, "{list}");
    }
}

pub(crate) async fn a_webhook_is_watched_and_told_again(world: &mut World) {
    let receiver = Receiver::start(&[Reply::Status(410), Reply::Status(200)]).await;
    world.may_reach("127.0.0.1").await;
    let id = webhook(world, &json!({ "url": receiver.url() })).await;
    let session = sign_in(world).await;
    let page = format!("/system/webhooks/{id}");
    let text = async |path: &str| visit(world, &session, path).await.text();
    let token = token_in(&text(&page).await);
    let send = async |more: &[(&str, &str)]| {
        let mut fields = vec![("csrf", token.as_str())];
        fields.extend(more);
        post(world, &session, &page, &fields, Some("same-origin")).await
    };

    // The receiver says that it is gone: the server switches it off.
    assert_eq!(send(&[("do", "test")]).await.status, 303);
    let delivery = settled(world, id, "dead").await["id"].to_string();
    let list = text("/system/webhooks").await;
    for words in ["✕ switched off", "✕ gave up 410", "127.0.0.1:"] {
        assert!(list.contains(words), "{words}: {list}");
    }
    // An address may hold a token, and what signs is nobody's to see.
    let shown = text(&page).await;
    for secret in ["canary-url-token", crate::webhooks::SECRET] {
        assert!(
            !list.contains(secret) && !shown.contains(secret),
            "{secret}"
        );
    }
    let overview = text("/system").await;
    assert!(
        overview.contains("1 webhook cannot be reached"),
        "{overview}"
    );
    // What is switched off is told nothing.
    let again = [
        ("do", "redeliver"),
        ("delivery", delivery.as_str()),
        ("state", "dead"),
    ];
    assert_eq!(send(&again).await.status, 400);
    assert_eq!(send(&[("do", "test")]).await.status, 400);

    assert_eq!(send(&[("do", "on")]).await.status, 303);
    let dead = text(&format!("{page}?state=dead")).await;
    assert!(dead.contains(">Redeliver<"), "{dead}");
    let answer = send(&again).await;
    let back = format!("{page}?state=dead&done=redeliver");
    assert_eq!(answer.header("location"), back);
    settled(world, id, "delivered").await;
    assert_eq!(receiver.got().len(), 2);
    let shown = text(&format!("{page}?state=delivered")).await;
    assert!(
        shown.contains("✓ delivered 200") && shown.contains("ping"),
        "{shown}"
    );
    // Another's delivery is not this one's.
    assert_eq!(
        send(&[("do", "redeliver"), ("delivery", "999")])
            .await
            .status,
        404
    );
    assert_eq!(entries(world, "webhook.redeliver").await, 1);
    assert_eq!(send(&[("do", "off")]).await.status, 303);
    assert!(text("/system/webhooks").await.contains("– off"));
}

pub(crate) async fn a_mirror_that_fails_says_why_and_runs_again(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let session = sign_in(world).await;
    let page = visit(world, &session, "/system/upstreams").await.text();
    assert!(page.contains("No other registry is known"), "{page}");
    // Nobody listens there.
    let secret = "canary-upstream-secret";
    let settings = json!({ "credential": { "username": "puller", "secret": secret } });
    let answer = cache(world, "http://127.0.0.1:9", &settings).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let body = json!({ "repository": "copies/app", "upstream": "hub", "source": "team/app", "cron": "0 3 * * *" });
    let request = world
        .request(&admin(), "POST", "/api/v1/mirrors")
        .json(&body);
    assert_eq!(Answer::of(request).await.status, 201);
    let page = visit(world, &session, "/system/upstreams").await.text();
    for words in [
        "hub/…",
        "puller",
        "– not asked yet",
        "never whole",
        "0 3 * * *",
        "next <time",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }

    let token = token_in(&page);
    let run = |name| {
        [
            ("csrf", token.as_str()),
            ("do", "mirror"),
            ("repository", name),
        ]
    };
    let answer = post(
        world,
        &session,
        "/system/upstreams",
        &run("copies/app"),
        None,
    )
    .await;
    assert_eq!(answer.header("location"), "/system/upstreams?done=mirror");
    let page = eventually(async || {
        let page = visit(world, &session, "/system/upstreams").await.text();
        page.contains("0 copied").then_some(page)
    })
    .await;
    assert!(
        page.contains("✕ failed") && !page.contains("– not asked yet"),
        "{page}"
    );
    assert!(!page.contains(secret));
    let overview = visit(world, &session, "/system").await.text();
    assert!(
        overview.contains("1 mirror did not come through whole"),
        "{overview}"
    );
    assert_eq!(entries(world, "mirror.run").await, 1);
    for unknown in ["copies/none", "No Name"] {
        let answer = post(world, &session, "/system/upstreams", &run(unknown), None).await;
        assert_eq!(answer.status, 404, "{unknown}");
    }
}
