//! Upstreams that lie, break off, never end, and reach for credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::testkit::TestImage;
use oci::Digest;
use serde_json::{Value, json};

use super::cache;
use super::scripted::{Scripted, Seen, manifest, reply};
use crate::world::{Answer, World, admin, image_with};

/// A secret that no other host may ever see.
const CANARY: &str = "canary-of-the-upstream";

fn credential() -> Value {
    json!({ "credential": { "username": "somebody", "secret": CANARY } })
}

fn basic() -> String {
    let pair = STANDARD.encode(format!("somebody:{CANARY}"));
    format!("basic {}", pair.to_ascii_lowercase())
}

/// Answers with an image; `blob` says what is sent for its layer.
fn serving<B>(image: &TestImage, blob: B) -> impl Fn(&Seen) -> Vec<u8> + Send + Sync + use<B>
where
    B: Fn(&Seen, &[u8]) -> Vec<u8> + Send + Sync + 'static,
{
    let (bytes, config) = (image.manifest(), image.config());
    let layer = image.layers[0].bytes.clone();
    let digest = Digest::sha256(&layer).to_string();
    move |seen| {
        if seen.path.contains("/manifests/v1") {
            manifest(&bytes)
        } else if seen.path.contains(&digest) {
            blob(seen, &layer)
        } else if seen.path.contains("/blobs/") {
            reply(200, &[], &config)
        } else {
            reply(404, &[], b"")
        }
    }
}

async fn fresh(world: &World, url: &str, more: &Value) {
    let gone = world
        .send(&admin(), "DELETE", "/api/v1/upstreams/hub")
        .await;
    assert!(gone.status == 204 || gone.status == 404, "{gone:?}");
    let answer = cache(world, url, more).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// What an upstream answers instead of a layer.
type Lie = fn(&Seen, &[u8]) -> Vec<u8>;

pub(crate) async fn content_that_is_not_what_was_asked_for_is_never_kept(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let image = image_with("zlib1g", "1.2.13");
    let layer = Digest::sha256(&image.layers[0].bytes);
    let lies: [(&str, Lie); 4] = [
        ("other bytes", |_, layer| {
            let mut other = layer.to_vec();
            other[0] ^= 1;
            reply(200, &[], &other)
        }),
        ("too short", |_, layer| reply(200, &[], &layer[1..])),
        ("too long", |_, layer| {
            let long = [layer, &[0; 100]].concat();
            reply(200, &[], &long)
        }),
        ("without end", |_, layer| {
            let endless = [layer, &vec![0; 4 << 20]].concat();
            let mut head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
            head.extend_from_slice(&endless);
            head
        }),
    ];
    for (number, (lie, blob)) in lies.into_iter().enumerate() {
        let upstream = Scripted::new(serving(&image, blob)).await;
        fresh(world, &upstream.url(), &json!({})).await;
        let repository = format!("hub/app{number}");
        let path = format!("/v2/{repository}/manifests/v1");
        assert_eq!(world.get(&admin(), &path).await.status, 200, "{lie}");
        let path = format!("/v2/{repository}/blobs/{layer}");
        // Either an answer that says so, or a body that breaks off before its end: never the whole length.
        let sent = world.request(&admin(), "GET", &path).send().await;
        let response = sent.expect("an answer");
        if response.status() == 200 {
            assert!(response.bytes().await.is_err(), "{lie}");
        } else {
            assert_eq!(response.status(), 502, "{lie}");
        }
        let ranged = world
            .request(&admin(), "GET", &path)
            .header("range", "bytes=0-3");
        Answer::of(ranged).await.error(502, "UNKNOWN");
    }

    // A manifest for a digest that is another one, and one that is none.
    for (body, code) in [(b"{}".to_vec(), 502), (image.manifest(), 502)] {
        let upstream = Scripted::new(move |_| reply(200, &[], &body)).await;
        fresh(world, &upstream.url(), &json!({})).await;
        let other = Digest::sha256(b"something else");
        let path = format!("/v2/hub/lies/manifests/{other}");
        world.get(&admin(), &path).await.error(code, "UNKNOWN");
    }
    let upstream = Scripted::new(|_| reply(200, &[], &vec![b' '; (4 << 20) + 1])).await;
    fresh(world, &upstream.url(), &json!({})).await;
    let answer = world.get(&admin(), "/v2/hub/lies/manifests/v1").await;
    answer.error(502, "UNKNOWN");
    let upstream = Scripted::new(|_| reply(200, &[], b"[]")).await;
    fresh(world, &upstream.url(), &json!({})).await;
    let answer = world.get(&admin(), "/v2/hub/lies/manifests/v1").await;
    answer.error(502, "UNKNOWN");
}

pub(crate) async fn a_broken_transfer_goes_on_where_it_broke(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let image = image_with("zlib1g", "1.2.13");
    let layer = image.layers[0].bytes.clone();
    for with_ranges in [true, false] {
        let turns = Arc::new(AtomicUsize::new(0));
        let upstream = Scripted::new(serving(&image, move |seen, layer| {
            let turn = turns.fetch_add(1, Ordering::SeqCst);
            let offset: usize = seen
                .header("range")
                .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'))
                .map_or(0, |offset| offset.parse().expect("a number"));
            let length = layer.len().to_string();
            match (turn, with_ranges) {
                (0, _) => reply(200, &[("content-length", &length)], &layer[..20]),
                (_, true) => {
                    assert_eq!(offset, 20);
                    let range = format!("bytes {offset}-{}/{length}", layer.len() - 1);
                    reply(206, &[("content-range", &range)], &layer[offset..])
                }
                (_, false) => reply(200, &[], layer),
            }
        }))
        .await;
        fresh(world, &upstream.url(), &json!({})).await;
        let repository = format!("hub/broken-{with_ranges}");
        let path = format!("/v2/{repository}/manifests/v1");
        assert_eq!(world.get(&admin(), &path).await.status, 200);
        let path = format!("/v2/{repository}/blobs/{}", Digest::sha256(&layer));
        let answer = world.get(&admin(), &path).await;
        assert_eq!((answer.status, &answer.body), (200, &layer));
    }
}

pub(crate) async fn limits_and_faults_are_told_in_the_right_words(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let limited = Scripted::new(|_| reply(429, &[("retry-after", "7")], b"")).await;
    fresh(world, &limited.url(), &json!({})).await;
    let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    answer.error(429, "TOOMANYREQUESTS");
    assert_eq!(answer.header("retry-after"), "7");

    // A redirect into the private network, a loop of challenges, a realm on a private host, a list without an end.
    let inward = Scripted::new(|_| reply(307, &[("location", "http://10.0.0.1/")], b"")).await;
    fresh(world, &inward.url(), &json!({})).await;
    let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    let error = answer.error(502, "UNKNOWN");
    assert!(!error.to_string().contains("10.0.0.1"), "{error}");

    let challenging =
        Scripted::new(|_| reply(401, &[("www-authenticate", "Basic realm=\"x\"")], b"")).await;
    fresh(world, &challenging.url(), &credential()).await;
    let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    answer.error(502, "UNKNOWN");
    assert_eq!(
        challenging.count("GET", "/manifests/v1"),
        2,
        "asked once more, then no more"
    );

    let private = Scripted::new(|_| {
        let challenge = "Bearer realm=\"http://169.254.169.254/token\",service=\"x\"";
        reply(401, &[("www-authenticate", challenge)], b"")
    })
    .await;
    fresh(world, &private.url(), &json!({})).await;
    let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    answer.error(502, "UNKNOWN");

    let image = image_with("zlib1g", "1.2.13");
    let bytes = image.manifest();
    let looping = Scripted::new(move |seen| {
        if seen.path.contains("/tags/list") {
            let next = "</v2/app/tags/list?n=1000>; rel=\"next\"";
            return reply(200, &[("link", next)], br#"{"tags":["v1"]}"#);
        }
        if seen.path.contains("/manifests/v1") {
            return manifest(&bytes);
        }
        reply(404, &[], b"")
    })
    .await;
    fresh(world, &looping.url(), &json!({})).await;
    let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // The list of the upstream is of no use; what is cached is listed.
    let tags = world.get(&admin(), "/v2/hub/app/tags/list").await;
    assert_eq!(tags.json()["tags"], json!(["v1"]));
    assert_eq!(looping.count("GET", "/tags/list"), 1);
}

pub(crate) async fn a_credential_never_reaches_another_host(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let image = image_with("zlib1g", "1.2.13");

    // Another host gives tokens, and blobs come from a third.
    let layer = image.layers[0].bytes.clone();
    let blobs = Scripted::new(move |_| reply(200, &[], &layer)).await;
    let tokens = Scripted::new(|_| {
        reply(
            200,
            &[],
            br#"{"token":"token-of-the-upstream","expires_in":300}"#,
        )
    })
    .await;
    let (realm, elsewhere) = (tokens.url(), blobs.url());
    let inner = serving(&image, move |_, _| {
        let location = format!("{elsewhere}/layer");
        reply(307, &[("location", &location)], b"")
    });
    let upstream = Scripted::new(move |seen| {
        if seen.header("authorization") == Some("bearer token-of-the-upstream") {
            return inner(seen);
        }
        let challenge = format!(
            "Bearer realm=\"{realm}/token\",service=\"upstream\",scope=\"repository:secret/other:pull,push\""
        );
        reply(401, &[("www-authenticate", &challenge)], b"")
    })
    .await;

    // Not on the list: the credential stays here, and nothing is pulled.
    fresh(world, &upstream.url(), &credential()).await;
    let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    answer.error(502, "UNKNOWN");
    assert!(tokens.seen().is_empty());

    // On the list: the token service sees the credential, and asks for nothing but this repository.
    let mut listed = credential();
    listed["realms"] = json!([tokens.url()]);
    fresh(world, &upstream.url(), &listed).await;
    let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let path = format!(
        "/v2/hub/app/blobs/{}",
        Digest::sha256(&image.layers[0].bytes)
    );
    assert_eq!(world.get(&admin(), &path).await.status, 200);
    let asked = &tokens.seen()[0];
    assert_eq!(asked.header("authorization"), Some(basic().as_str()));
    assert!(
        asked.path.contains("scope=repository%3Aapp%3Apull"),
        "{}",
        asked.path
    );
    assert!(!asked.path.contains("secret"), "{}", asked.path);

    // The upstream saw the token and never the credential, the other host neither.
    for seen in upstream.seen() {
        assert_ne!(seen.header("authorization"), Some(basic().as_str()));
    }
    assert!(!blobs.seen().is_empty());
    for seen in blobs.seen() {
        assert_eq!(seen.header("authorization"), None, "{}", seen.head);
    }

    // Basic at the upstream itself, then a redirect away.
    let far = Scripted::new(|_| reply(404, &[], b"")).await;
    let there = far.url();
    let upstream = Scripted::new(move |seen| match seen.header("authorization") {
        None => reply(401, &[("www-authenticate", "Basic realm=\"x\"")], b""),
        Some(_) => reply(302, &[("location", &there)], b""),
    })
    .await;
    fresh(world, &upstream.url(), &credential()).await;
    let answer = world.get(&admin(), "/v2/hub/app2/manifests/v1").await;
    answer.error(404, "NAME_UNKNOWN");
    assert!(
        upstream
            .seen()
            .iter()
            .any(|seen| seen.header("authorization") == Some(&basic()))
    );
    assert_eq!(far.seen().len(), 1);
    assert_eq!(far.seen()[0].header("authorization"), None);

    // A challenge of the host that was redirected to is nobody's business.
    let asking =
        Scripted::new(|_| reply(401, &[("www-authenticate", "Basic realm=\"x\"")], b"")).await;
    let there = asking.url();
    let upstream = Scripted::new(move |_| reply(302, &[("location", &there)], b"")).await;
    fresh(world, &upstream.url(), &credential()).await;
    let answer = world.get(&admin(), "/v2/hub/app3/manifests/v1").await;
    answer.error(502, "UNKNOWN");
    assert_eq!(asking.seen().len(), 1);
    assert_eq!(asking.seen()[0].header("authorization"), None);
}

pub(crate) async fn an_edited_address_loses_the_credential(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let challenge = |seen: &Seen| match seen.header("authorization") {
        None => reply(401, &[("www-authenticate", "Basic realm=\"x\"")], b""),
        Some(_) => reply(404, &[], b""),
    };
    let (honest, thief) = (
        Scripted::new(challenge).await,
        Scripted::new(challenge).await,
    );
    fresh(world, &honest.url(), &credential()).await;
    let change = async |body: Value| {
        let request = world.request(&admin(), "PUT", "/api/v1/upstreams/hub");
        let answer = Answer::of(request.json(&body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    // Another setting keeps it.
    let kept = change(json!({ "url": honest.url(), "namespace": "hub", "ttlSeconds": 5 })).await;
    assert_eq!(kept["hasCredential"], true);
    // Another address, or another realm, does not.
    let moved = change(json!({ "url": thief.url(), "namespace": "hub" })).await;
    assert_eq!(
        (&moved["hasCredential"], &moved["droppedCredential"]),
        (&json!(false), &json!(true))
    );
    let answer = world.get(&admin(), "/v2/hub/app/manifests/v1").await;
    answer.error(502, "UNKNOWN");
    assert!(!thief.seen().is_empty());
    for seen in thief.seen() {
        assert_eq!(seen.header("authorization"), None);
    }
    let mut again = credential();
    again["url"] = json!(honest.url());
    again["namespace"] = json!("hub");
    assert_eq!(change(again).await["hasCredential"], true);
    let realms = json!({ "url": honest.url(), "namespace": "hub", "realms": [thief.url()] });
    assert_eq!(change(realms).await["hasCredential"], false);
}

pub(crate) async fn secrets_go_in_and_never_out(world: &mut World) {
    world.may_reach("127.0.0.1").await;
    let upstream = Scripted::new(|_| reply(404, &[], b"")).await;
    let made = cache(world, &upstream.url(), &credential()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = "/api/v1/upstreams";
    for answer in [
        made,
        world.get(&admin(), path).await,
        world.get(&admin(), "/api/v1/upstreams/hub").await,
        world.get(&admin(), "/metrics").await,
    ] {
        assert!(!answer.text().contains(CANARY), "{answer:?}");
    }
    for (body, word) in [
        (json!({ "name": "a", "url": "ftp://r.example" }), "url"),
        (
            json!({ "name": "a", "url": "https://me:pw@r.example" }),
            "url",
        ),
        (
            json!({ "name": "a", "url": "http://r.example" }),
            "plain http",
        ),
        (
            json!({ "name": "a", "url": "https://10.0.0.1" }),
            "outbound_allow",
        ),
        (
            json!({ "name": "a", "url": "https://0xa000001" }),
            "outbound_allow",
        ),
        (json!({ "name": "A", "url": "https://r.example" }), "name"),
        (
            json!({ "name": "a", "url": "https://r.example", "namespace": "a/b" }),
            "namespace",
        ),
        (
            json!({ "name": "a", "url": "https://r.example", "prefix": "/x" }),
            "prefix",
        ),
        (
            json!({ "name": "a", "url": "https://r.example", "realms": ["x y"] }),
            "realms",
        ),
        (
            json!({ "name": "a", "url": "https://r.example", "surprise": 1 }),
            "surprise",
        ),
    ] {
        let request = world.request(&admin(), "POST", path).json(&body);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.text().contains(word), "{word}: {answer:?}");
    }
    // A namespace with repositories of its own is nobody's cache.
    world
        .push_image("mine/app", "v1", &image_with("zlib1g", "1.2.13"))
        .await;
    let body = json!({ "name": "other", "url": "https://r.example", "namespace": "mine" });
    let answer = Answer::of(world.request(&admin(), "POST", path).json(&body)).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    let again = json!({ "name": "hub", "url": "https://r.example" });
    let answer = Answer::of(world.request(&admin(), "POST", path).json(&again)).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    let robot = world.robot("ci", "a/b", "admin").await;
    assert_eq!(world.get(&robot, path).await.status, 403);
}
