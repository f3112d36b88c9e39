//! What leaves which entries in the audit trail: one row for each route that changes something, and one for each kind of
//! refusal that is told.
//!
//! The routes are those of the access matrix, read from where they are made; [`forms`] has the forms of the pages. A route without
//! a row fails, and so does a row without a route. A caller without the right changes nothing, so no entry appears.
//!
//! Adding a route: its row in [`rows::rows`], where it finds what it needs.

pub(crate) mod forms;
mod people;
pub(crate) mod rotation;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use catalog::{AuditOutcome, AuditRow, Catalog};
use oci::Digest;
use serde_json::Value;

use crate::gate::no_telnet;
use crate::login::browser::Browser;
use crate::matrix::cast::Cast;
use crate::matrix::routes;
use crate::webhooks::Receiver;
use crate::world::{Answer, Who, World, admin, eventually, image_with};
use rows::{Body, Given, KEPT, Row, rows};

/// Routes of the API that change nothing by their method alone.
const READS: [&str; 2] = ["GET ", "HEAD "];
/// Reads that leave an entry all the same.
const TOLD_READS: [&str; 1] = ["GET /api/v1/audit/export"];

#[test]
fn every_route_that_changes_something_has_a_row() {
    let given = Given {
        image: Digest::sha256(b"x"),
        manifest: Vec::new(),
        layer: Digest::sha256(b"x"),
        job: String::new(),
        receiver: String::new(),
    };
    let rows: BTreeSet<String> = rows(&given)
        .iter()
        .filter(|row| !row.route.is_empty())
        .map(|row| row.route.to_owned())
        .collect();
    let mut changing: BTreeSet<String> = routes()
        .into_iter()
        .filter(|route| {
            let is_read = READS.iter().any(|read| route.starts_with(read));
            !is_read || TOLD_READS.contains(&route.as_str())
        })
        .collect();
    // The dispatcher of extensions is not read by the matrix.
    changing.insert("PUT /extensions/v2".to_owned());
    let missing: Vec<_> = changing.difference(&rows).collect();
    assert!(missing.is_empty(), "routes without a row: {missing:#?}");
    let stale: Vec<_> = rows.difference(&changing).collect();
    assert!(stale.is_empty(), "rows without a route: {stale:#?}");
}

/// The trail after an entry, oldest first, without what the server does by itself.
async fn entries_after(catalog: &Catalog, last: i64) -> Vec<AuditRow> {
    let mut rows = catalog.list_audit(None, 100).await.unwrap();
    rows.retain(|row| row.id > last && row.actor.name != "system");
    rows.reverse();
    rows
}

async fn last_entry(catalog: &Catalog) -> i64 {
    let rows = catalog.list_audit(None, 1).await.unwrap();
    rows.first().map_or(0, |row| row.id)
}

fn words(entries: &[AuditRow]) -> Vec<&str> {
    entries.iter().map(|entry| entry.action.as_str()).collect()
}

fn fill(text: &str, kept: &BTreeMap<&str, String>) -> String {
    let mut filled = text.to_owned();
    for (name, value) in kept {
        filled = filled.replace(&format!("{KEPT}{name}"), value);
    }
    filled
}

/// Puts what was kept into a body; a number stays one.
fn fill_json(body: &Value, kept: &BTreeMap<&str, String>) -> Value {
    let mut text = body.to_string();
    for (name, value) in kept {
        text = text.replace(&format!("\"{KEPT}{name}\""), value);
    }
    serde_json::from_str(&text).unwrap()
}

async fn send(world: &World, who: &Who, row: &Row, kept: &BTreeMap<&str, String>) -> Answer {
    let request = world.request(who, row.method, &fill(&row.path, kept));
    Answer::of(match &row.body {
        Body::None => request,
        Body::Json(body) => request.json(&fill_json(body, kept)),
        Body::Bytes(media_type, bytes) => request
            .header("content-type", *media_type)
            .body(bytes.clone()),
    })
    .await
}

/// A job that is dead from the start, for the route that brings it back.
async fn dead_job(world: &World, catalog: &Catalog) -> String {
    let job = catalog::NewJob {
        kind: "analyse".into(),
        lane: catalog::Lane::Interactive,
        payload: "not what an analysis needs".into(),
        dedup_key: None,
        delay: std::time::Duration::ZERO,
    };
    let id = catalog.enqueue(&job).await.unwrap().unwrap();
    eventually(async || {
        let answer = world.get(&admin(), "/api/v1/jobs?state=dead").await;
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["id"] == id)
    })
    .await;
    id.to_string()
}

pub(crate) async fn every_change_leaves_its_entries_and_a_refused_one_none(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    let cast = Cast::of(world).await;
    let catalog = cast.catalog();
    let stranger = cast.person("stranger", false).await;
    let stranger = cast.token(&stranger, &[], 1).await;
    let given = Given {
        image: digest,
        manifest: image.manifest(),
        layer: image.layers[0].digest(),
        job: dead_job(world, catalog).await,
        receiver: Receiver::start(&[]).await.url(),
    };
    let mut kept = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in rows(&given) {
        let mut last = last_entry(catalog).await;
        // The password of the administrator is theirs, and a token is anybody's who is known.
        let is_refused = !row.route.is_empty() && row.route != "POST /token";
        if is_refused {
            let answer = send(world, &stranger, &row, &kept).await;
            let left = entries_after(catalog, last).await;
            if !(400..500).contains(&answer.status) || !left.is_empty() {
                wrong.push(format!(
                    "{}: refused with {}, entries {:?}",
                    row.route,
                    answer.status,
                    words(&left)
                ));
            }
            last = last_entry(catalog).await;
        }
        let mut answer = send(world, &admin(), &row, &kept).await;
        if let (true, Some((_, pointer))) = (row.method == "GET", row.keep) {
            // What the server does by itself takes its time.
            answer = eventually(async || {
                let answer = send(world, &admin(), &row, &kept).await;
                answer.json().pointer(pointer).is_some().then_some(answer)
            })
            .await;
        }
        let left = entries_after(catalog, last).await;
        let at = if row.route.is_empty() {
            &row.path
        } else {
            row.route
        };
        if !(200..300).contains(&answer.status) || words(&left) != row.entries {
            wrong.push(format!(
                "{at}: {} with {:?} instead of {:?}: {}",
                answer.status,
                words(&left),
                row.entries,
                answer.text()
            ));
        }
        for entry in &left {
            let is_whole = entry.outcome == AuditOutcome::Success
                && entry.actor.name == "admin"
                && entry.actor.ip.as_deref() == Some("127.0.0.1")
                && entry.actor.request_id.as_deref() == Some(answer.header("x-request-id"));
            if !is_whole {
                wrong.push(format!("{at}: {entry:?} does not say who and when"));
            }
        }
        if let Some((name, pointer)) = row.keep {
            let value = if pointer == "location" {
                answer.header("location").to_owned()
            } else {
                match answer.json().pointer(pointer) {
                    Some(Value::String(text)) => text.clone(),
                    Some(value) => value.to_string(),
                    None => panic!("{at}: no {pointer} in {}", answer.text()),
                }
            };
            kept.insert(name, value);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cast.catalog().close().await;
}

/// Refused credentials at every door, and refused pulls of every kind: one entry each, which counts.
pub(crate) async fn refusals_are_told_once_and_counted(world: &mut World) {
    world.publish("house", &no_telnet("enforce")).await;
    let image = image_with("telnetd", "1");
    let digest = world.push_image("team/app", "bad", &image).await;
    world.report("team/app", &digest).await;
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let told = async |last: i64| -> Vec<(String, AuditOutcome, i64)> {
        let entries = entries_after(&catalog, last).await;
        let told = entries.into_iter();
        told.map(|row| (row.action, row.outcome, row.occurrences))
            .collect()
    };
    let layer = image.layers[0].digest();
    for path in [
        "/v2/team/app/manifests/bad".to_owned(),
        format!("/v2/team/app/manifests/{digest}"),
        format!("/v2/team/app/blobs/{layer}"),
    ] {
        let last = last_entry(&catalog).await;
        for _ in 0..3 {
            let answer = world.get(&admin(), &path).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        }
        let expected = vec![("pull.denied".to_owned(), AuditOutcome::Denied, 3)];
        assert_eq!(told(last).await, expected, "{path}");
        // Whoever only asks whether it is there was not refused anything.
        let head = world.send(&admin(), "HEAD", &path).await;
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(told(last).await, expected, "{path}");
    }
    for (number, (method, path)) in [
        ("GET", "/v2/"),
        ("GET", "/v2/team/app/tags/list"),
        ("GET", "/token?service=tidegate"),
        ("GET", "/api/v1/me"),
        ("POST", "/api/v1/gc/run"),
    ]
    .into_iter()
    .enumerate()
    {
        let last = last_entry(&catalog).await;
        // Another name each time: who fails again and again has to wait.
        let who = Who::Basic(format!("nobody{number}"), "wrong".to_owned());
        let answer = world.send(&who, method, path).await;
        assert_eq!(answer.status, 401, "{method} {path}");
        let expected = vec![("login.failure".to_owned(), AuditOutcome::Failure, 1)];
        assert_eq!(told(last).await, expected, "{method} {path}");
    }
    let last = last_entry(&catalog).await;
    Browser::default().sign_in(world, "nobody9", "wrong").await;
    let expected = vec![("login.failure".to_owned(), AuditOutcome::Failure, 1)];
    assert_eq!(told(last).await, expected, "the form");
    catalog.close().await;
}
