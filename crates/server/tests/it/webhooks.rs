//! Webhooks against real receivers: what they are sent, when again, and what never leaves the house.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::testkit::TestImage;
use serde_json::{Value, json};

use crate::openapi::problem;
use crate::world::{Answer, Who, World, admin, eventually, plain};

pub(crate) const SECRET: &str = "canary-webhook-secret-2Lk";

/// A request that a receiver got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// What a receiver answers; the last one goes on for ever.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    Redirect(String),
    /// Nothing for so long.
    Silence(Duration),
    /// A refusal with an endless body.
    Flood,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Receiver {
    pub(crate) async fn start(replies: &[Reply]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
            replies: Arc::new(Mutex::new(replies.iter().cloned().collect())),
        };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?token=canary-url-token-9Wd", self.address)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<Got> {
        eventually(async || {
            let got = self.got();
            (got.len() >= count).then_some(got)
        })
        .await
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    receiver.got.lock().unwrap().push(Got { headers, body });
    let reply = {
        let mut replies = receiver.replies.lock().unwrap();
        match replies.len() {
            0 => Reply::Status(204),
            1 => replies[0].clone(),
            _ => replies.pop_front().unwrap(),
        }
    };
    match reply {
        Reply::Status(status) => (
            axum::http::StatusCode::from_u16(status).unwrap(),
            "canary-answer\r\nforged line",
        )
            .into_response(),
        Reply::Redirect(to) => (
            axum::http::StatusCode::TEMPORARY_REDIRECT,
            [("location", to)],
        )
            .into_response(),
        Reply::Silence(time) => {
            tokio::time::sleep(time).await;
            axum::http::StatusCode::NO_CONTENT.into_response()
        }
        Reply::Flood => {
            let endless = futures::stream::repeat_with(|| {
                Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; 1 << 16]))
            });
            (
                axum::http::StatusCode::BAD_GATEWAY,
                axum::body::Body::from_stream(endless),
            )
                .into_response()
        }
    }
}

pub(crate) async fn webhook(world: &World, more: &Value) -> i64 {
    let mut body = json!({ "name": "ci", "secret": SECRET });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = Answer::of(
        world
            .request(&admin(), "POST", "/api/v1/webhooks")
            .json(&body),
    )
    .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].as_i64().unwrap()
}

async fn deliveries(world: &World, id: i64) -> Vec<Value> {
    let path = format!("/api/v1/webhooks/{id}/deliveries");
    let answer = world.get(&admin(), &path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["items"].as_array().unwrap().clone()
}

pub(crate) async fn settled(world: &World, id: i64, state: &str) -> Value {
    eventually(async || {
        let rows = deliveries(world, id).await;
        rows.into_iter().find(|row| row["state"] == state)
    })
    .await
}

async fn post(world: &World, path: &str, status: u16) {
    let answer = world.send(&admin(), "POST", path).await;
    assert_eq!(answer.status, status, "{answer:?}");
}

async fn push(world: &World, repository: &str, tag: &str, content: &str) {
    let image = TestImage::new(vec![plain(content)]);
    world.push_image(repository, tag, &image).await;
}

pub(crate) async fn a_push_is_told_and_signed(world: &mut World) {
    let receiver = Receiver::start(&[]).await;
    webhook(world, &json!({ "url": receiver.url(), "events": ["push"] })).await;
    push(world, "team/app", "1", "a").await;
    let got = &receiver.wait_for(1).await[0];
    let event = got.event();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "tidegate.push");
    assert_eq!(event["subject"], "team/app:1");
    assert_eq!(event["data"]["repository"], "team/app");
    assert_eq!(event["data"]["tag"], "1");
    assert_eq!(event["data"]["actor"], "admin");
    assert_eq!(event["id"], got.header("webhook-id"));
    assert!(
        got.header("content-type")
            .starts_with("application/cloudevents+json")
    );
    // As a receiver verifies it.
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let mut signed = format!(
        "{}.{}.",
        got.header("webhook-id"),
        got.header("webhook-timestamp")
    )
    .into_bytes();
    signed.extend_from_slice(&got.body);
    let signature = got.header("webhook-signature").strip_prefix("v1,").unwrap();
    hmac::verify(&key, &signed, &STANDARD.decode(signature).unwrap()).unwrap();
}

pub(crate) async fn each_change_is_told_to_those_who_ask(world: &mut World) {
    let (all, some, chat) = (
        Receiver::start(&[]).await,
        Receiver::start(&[]).await,
        Receiver::start(&[]).await,
    );
    push(world, "team/app", "before", "a").await;
    webhook(world, &json!({ "url": all.url(), "namespace": "team" })).await;
    let filter = json!({
        "url": some.url(), "repository": "team/app", "events": ["push", "pull"], "tags": ["v*"],
    });
    webhook(world, &filter).await;
    webhook(
        world,
        &json!({ "url": chat.url(), "format": "slack", "events": ["delete"] }),
    )
    .await;
    push(world, "team/app", "v1", "b").await;
    push(world, "team/app", "v1", "c").await;
    push(world, "team/other", "v1", "d").await;
    push(world, "elsewhere/app", "v1", "e").await;
    for _ in 0..3 {
        let answer = world.get(&admin(), "/v2/team/app/manifests/v1").await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let answer = world
        .send(&admin(), "DELETE", "/v2/team/app/manifests/v1")
        .await;
    assert_eq!(answer.status, 202, "{answer:?}");

    let told = |receiver: &Receiver, kind: &str| {
        let kind = format!("tidegate.{kind}");
        let got = receiver.got();
        let events = got.iter().map(Got::event);
        events
            .filter(|event| event["type"] == kind.as_str())
            .count()
    };
    eventually(async || (told(&all, "delete") == 1).then_some(())).await;
    eventually(async || (told(&some, "pull") == 1).then_some(())).await;
    assert_eq!(told(&all, "push"), 3);
    assert_eq!(told(&all, "tag.move"), 1);
    assert_eq!(told(&all, "pull"), 0);
    assert_eq!(told(&some, "push"), 2);
    assert_eq!(told(&some, "delete") + told(&some, "tag.move"), 0);
    let text = chat.wait_for(1).await[0].event()["text"].clone();
    assert!(
        text.as_str()
            .unwrap()
            .starts_with("team/app:v1 deleted by admin"),
        "{text}"
    );
}

pub(crate) async fn what_fails_is_tried_again_then_dead_then_sent_again(world: &mut World) {
    let receiver = Receiver::start(&[Reply::Status(500)]).await;
    let id = webhook(world, &json!({ "url": receiver.url(), "events": ["push"] })).await;
    push(world, "team/app", "1", "a").await;
    let first = eventually(async || {
        let rows = deliveries(world, id).await;
        rows.into_iter().find(|row| row["attempts"] == 1)
    })
    .await;
    assert_eq!(first["state"], "pending");
    assert_eq!(first["status"], 500);
    let failure = first["failure"].as_str().unwrap();
    assert_eq!(
        failure,
        "500 Internal Server Error: canary-answer  forged line"
    );

    // A day in the life of a receiver that does not come back.
    let mut now = crate::world::now();
    for attempt in 2..=10 {
        now += jiff::SignedDuration::from_hours(if attempt == 10 { 9 } else { 5 });
        world.restart(server::Clock::Fixed(now)).await;
        catalog::testkit::make_jobs_due(world.database()).await;
        eventually(async || {
            let rows = deliveries(world, id).await;
            rows.into_iter().find(|row| row["attempts"] == attempt)
        })
        .await;
    }
    let dead = settled(world, id, "dead").await;
    assert_eq!(dead["attempts"], 10);
    let path = format!("/api/v1/webhooks/{id}");
    let shown = world.get(&admin(), &path).await.json();
    assert!(shown["failingSince"].is_string(), "{shown}");

    *receiver.replies.lock().unwrap() = VecDeque::from([Reply::Status(200)]);
    let delivery = dead["id"].as_i64().unwrap();
    post(
        world,
        &format!("{path}/deliveries/{delivery}/redeliver"),
        202,
    )
    .await;
    settled(world, id, "delivered").await;
    assert!(world.get(&admin(), &path).await.json()["failingSince"].is_null());
    // Each was the same event.
    let ids: std::collections::BTreeSet<String> = receiver
        .got()
        .iter()
        .map(|got| got.header("webhook-id").to_owned())
        .collect();
    assert_eq!((ids.len(), receiver.got().len()), (1, 11));
}

pub(crate) async fn odd_receivers_do_no_harm(world: &mut World) {
    let target = Receiver::start(&[]).await;
    let redirecting = Receiver::start(&[Reply::Redirect(target.url())]).await;
    let flooding = Receiver::start(&[Reply::Flood]).await;
    let slow = Receiver::start(&[Reply::Silence(Duration::from_secs(3))]).await;
    let gone = Receiver::start(&[Reply::Status(410)]).await;
    let mut ids = Vec::new();
    for receiver in [&redirecting, &flooding, &slow, &gone] {
        let id = webhook(world, &json!({ "url": receiver.url(), "events": ["push"] })).await;
        post(world, &format!("/api/v1/webhooks/{id}/test"), 202).await;
        ids.push(id);
    }
    // Others do not wait for the slow one.
    let quick = Receiver::start(&[]).await;
    webhook(world, &json!({ "url": quick.url(), "events": ["push"] })).await;
    push(world, "team/app", "1", "a").await;
    quick.wait_for(1).await;

    let failure = async |id: i64| {
        eventually(async || {
            let rows = deliveries(world, id).await;
            let failure = rows.last()?["failure"].as_str()?.to_owned();
            Some(failure)
        })
        .await
    };
    let words = failure(ids[0]).await;
    assert!(words.contains("redirects are not followed"), "{words}");
    assert!(target.got().is_empty());
    let words = failure(ids[1]).await;
    assert!(
        words.starts_with("502 Bad Gateway: xxx") && words.len() < 300,
        "{words}"
    );
    settled(world, ids[2], "delivered").await;
    failure(ids[3]).await;
    let shown = world
        .get(&admin(), &format!("/api/v1/webhooks/{}", ids[3]))
        .await
        .json();
    assert_eq!(shown["enabled"], false, "{shown}");
    assert_eq!(shown["disabledReason"], "the endpoint answered 410 Gone");
}

pub(crate) async fn no_address_leads_into_the_house(world: &mut World) {
    for url in [
        "http://10.0.0.1/",
        "http://192.168.1.1/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://167772161/",
        "http://0x0a000001/",
        "http://012.0.0.1/",
        "http://0/",
        "http://100.64.0.1/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://user:pass@example.com/",
        "gopher://example.com/",
        "no address",
        "http://",
    ] {
        let body = json!({ "name": "x", "url": url });
        let answer = Answer::of(
            world
                .request(&admin(), "POST", "/api/v1/webhooks")
                .json(&body),
        )
        .await;
        problem(&answer, 422, "invalid");
        assert!(answer.text().contains("`url`"), "{url}: {}", answer.text());
    }
    // A name that leads nowhere is found out when it is used.
    let id = webhook(
        world,
        &json!({ "url": "http://localhost.localdomain.invalid/" }),
    )
    .await;
    post(world, &format!("/api/v1/webhooks/{id}/test"), 202).await;
    let row = eventually(async || {
        let rows = deliveries(world, id).await;
        rows.into_iter().find(|row| row["failure"].is_string())
    })
    .await;
    assert!(row["status"].is_null(), "{row}");
}

pub(crate) async fn a_stored_secret_stays_with_its_address(world: &mut World) {
    let (old, new) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    let id = webhook(world, &json!({ "url": old.url(), "events": ["push"] })).await;
    let path = format!("/api/v1/webhooks/{id}");
    let change =
        async |body: Value| Answer::of(world.request(&admin(), "PATCH", &path).json(&body)).await;
    problem(&change(json!({ "url": new.url() })).await, 422, "invalid");
    // The same origin is the same receiver.
    let elsewhere = format!("http://{}/other", old.address);
    let answer = change(json!({ "url": elsewhere })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = change(json!({ "url": new.url(), "secret": "another secret, long" })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for path in [path.as_str(), "/api/v1/webhooks"] {
        let answer = world.get(&admin(), path).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
    problem(&change(json!({ "secret": "short" })).await, 422, "invalid");
    problem(&change(json!({ "scope": "x" })).await, 422, "invalid");
}

pub(crate) async fn a_foreign_webhook_does_not_exist(world: &mut World) {
    let receiver = Receiver::start(&[]).await;
    push(world, "team/app", "1", "a").await;
    push(world, "team/other", "1", "a").await;
    let id = webhook(
        world,
        &json!({ "url": receiver.url(), "repository": "team/app" }),
    )
    .await;
    let owner = world.robot("owner", "team/app", "admin").await;
    let foreign = world.robot("foreign", "team/other", "admin").await;
    let writer = world.robot("writer", "team/app", "write").await;
    let path = format!("/api/v1/webhooks/{id}");
    let listed = "/api/v1/webhooks?repository=team/app";
    for (method, path, status) in [
        ("GET", listed.to_owned(), 200),
        ("GET", path.clone(), 200),
        ("GET", format!("{path}/deliveries"), 200),
        ("POST", format!("{path}/deliveries/1/redeliver"), 404),
        ("POST", format!("{path}/test"), 202),
        ("PATCH", path.clone(), 200),
        ("DELETE", path.clone(), 204),
    ] {
        for who in [&Who::Nobody, &foreign, &writer, &owner] {
            let expected = match who {
                Who::Nobody => 401,
                who if std::ptr::eq(who, &raw const owner) => status,
                who if std::ptr::eq(who, &raw const writer) && path == listed => 403,
                _ => 404,
            };
            let answer = Answer::of(
                world
                    .request(who, method, &path)
                    .header("content-type", "application/json")
                    .body("{}"),
            )
            .await;
            assert_eq!(
                answer.status, expected,
                "{who:?} {method} {path}: {answer:?}"
            );
        }
    }
    let answer = world.get(&foreign, "/api/v1/webhooks").await;
    problem(&answer, 403, "forbidden");
}

pub(crate) async fn a_restart_forgets_nothing(world: &mut World) {
    let receiver =
        Receiver::start(&[Reply::Silence(Duration::from_mins(1)), Reply::Status(200)]).await;
    let id = webhook(world, &json!({ "url": receiver.url(), "events": ["push"] })).await;
    push(world, "team/app", "1", "a").await;
    receiver.wait_for(1).await;
    // The receiver has it, and the server stops before it says so.
    world.restart(server::Clock::System).await;
    catalog::testkit::end_leases(world.database()).await;
    settled(world, id, "delivered").await;
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));
}

pub(crate) async fn two_replicas_tell_each_event_once(world: &mut World) {
    let receiver = Receiver::start(&[]).await;
    let id = webhook(world, &json!({ "url": receiver.url(), "events": ["push"] })).await;
    let second = world.replica().await;
    for number in 0..20 {
        push(
            world,
            "team/app",
            &format!("v{number}"),
            &format!("content {number}"),
        )
        .await;
    }
    let got = receiver.wait_for(20).await;
    eventually(async || {
        let rows = deliveries(world, id).await;
        rows.iter()
            .all(|row| row["state"] == "delivered")
            .then_some(())
    })
    .await;
    assert_eq!(receiver.got().len(), 20);
    let ids: std::collections::BTreeSet<_> =
        got.iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!(ids.len(), 20);
    second.stop_token().cancel();
    second.wait().await;
}
