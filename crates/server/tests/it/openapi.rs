//! The API's description: complete, true, and the same as the file in `docs/reference`.

use std::collections::BTreeSet;
use std::path::Path;

use image::testkit::TestImage;
use serde_json::Value;

use crate::pages::{sign_in, visit};
use crate::world::{Answer, Who, World, admin, plain, write};

/// Serves itself to everybody.
const OPEN: &str = "/api/v1/openapi.json";

#[test]
fn the_reference_file_is_the_description() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let mut written = server::openapi().to_pretty_json().unwrap();
    written.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        write(&root, "openapi.json", written.as_bytes());
    }
    let kept = fs_err::read_to_string(root.join("openapi.json")).unwrap_or_default();
    assert!(
        kept == written,
        "docs/reference/openapi.json is stale: UPDATE=1 cargo test -p tidegate-server openapi"
    );
}

#[test]
fn every_operation_says_what_it_is() {
    let description = description();
    let known: BTreeSet<&str> = description["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&description) {
        let at = format!("{method} {path}");
        assert!(path.starts_with("/api/v1/"), "{at}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{at}: `{id}` is not unique");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(summary.len() > 10, "{at}: no summary");
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        assert!(known.contains(tag), "{at}: the group `{tag}` is not known");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{at}");
        assert!(
            path == OPEN || answers.contains_key("401"),
            "{at}: `Refusals` is missing"
        );
        let named: BTreeSet<&str> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let parameters = parameters(&operation);
        let told: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(named, told, "{at}");
    }
    assert!(ids.len() > 10, "{ids:?}");
}

/// Routes come from `routes!` alone, which describes what it routes; the one address without a description is the
/// answer to addresses that do not exist.
#[test]
fn no_route_is_added_beside_the_description() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source.clone()];
    let mut beside = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs_err::read_to_string(&path).unwrap();
            let in_api = path.starts_with(source.join("api"));
            for line in text.lines().map(str::trim) {
                let routes = [".route(", ".route_service(", ".nest(", ".fallback("];
                let is_route = routes.iter().any(|call| line.contains(call));
                if is_route && (in_api || line.contains("/api")) {
                    beside.push(line.to_owned());
                }
            }
        }
    }
    beside.sort();
    assert_eq!(
        beside,
        [
            ".route(\"/api/v1/{*rest}\", axum::routing::any(unknown))",
            "OpenApiRouter::with_openapi(head).nest(\"/api/v1\", resources)",
        ]
    );
}

pub(crate) async fn a_documented_route_asks_who_calls(world: &mut World) {
    let served = world.get(&Who::Nobody, OPEN).await;
    assert_eq!(served.status, 200);
    let description = served.json();
    assert_eq!(description, self::description());
    for (method, path, _) in operations(&description) {
        let answer = world
            .send(&Who::Nobody, &method.to_uppercase(), &address_at(&path))
            .await;
        let expected = if path == OPEN { 200 } else { 401 };
        assert_eq!(
            answer.status,
            expected,
            "{method} {path}: {}",
            answer.text()
        );
    }
}

/// A foreign page can make a browser send a session's cookie, so no change takes it for who calls, without exception.
pub(crate) async fn a_change_demands_a_credential(world: &mut World) {
    let cookie = sign_in(world).await;
    assert_eq!(visit(world, &cookie, "/api/v1/me").await.status, 200);
    let mut changes = 0;
    for (method, path, _) in operations(&description()) {
        if method == "get" {
            continue;
        }
        changes += 1;
        for site in ["cross-site", "same-origin"] {
            let request = world
                .request(&Who::Nobody, &method.to_uppercase(), &address_at(&path))
                .header("cookie", &cookie)
                .header("sec-fetch-site", site)
                .header("content-type", "application/json")
                .body("{}");
            let answer = Answer::of(request).await;
            let at = format!("{method} {path}: {}", answer.text());
            assert_eq!(answer.status, 401, "{at}");
        }
    }
    assert!(changes > 40, "{changes}");
    // It was a session all the while.
    assert_eq!(visit(world, &cookie, "/api/v1/me").await.status, 200);
}

pub(crate) async fn a_name_is_one_segment_or_ends_with_a_dash(world: &mut World) {
    let image = TestImage::new(vec![plain("x")]);
    world.push_image("team/app", "1", &image).await;
    let plainly = world
        .get(&admin(), "/api/v1/repositories/team/app/-/tags")
        .await;
    assert_eq!(plainly.status, 200, "{plainly:?}");
    assert_eq!(plainly.json()["items"][0]["tag"], "1");
    let encoded = world
        .get(&admin(), "/api/v1/repositories/team%2Fapp/tags")
        .await;
    assert_eq!(encoded.json(), plainly.json());
    let neither = world
        .get(&admin(), "/api/v1/repositories/team/app/tags")
        .await;
    problem(&neither, 404, "not-found");
}

pub(crate) async fn a_refusal_is_a_problem_document(world: &mut World) {
    for (who, method, path, body, status, code) in [
        (admin(), "GET", "/api/v1/nothing", "", 404, "not-found"),
        (admin(), "BREW", "/api/v1/robots", "", 405, "method"),
        (
            Who::Nobody,
            "POST",
            "/api/v1/robots",
            "{}",
            401,
            "unauthorized",
        ),
        (admin(), "POST", "/api/v1/robots", "{", 422, "invalid"),
        (
            admin(),
            "POST",
            "/api/v1/robots",
            r#"{"name":"x","superuser":true}"#,
            422,
            "invalid",
        ),
        (
            admin(),
            "GET",
            "/api/v1/repositories?x=1",
            "",
            422,
            "invalid",
        ),
        (admin(), "GET", "/api/v1/decisions/x", "", 404, "not-found"),
    ] {
        let request = world
            .request(&who, method, path)
            .header("content-type", "application/json")
            .body(body.to_owned());
        problem(&Answer::of(request).await, status, code);
    }
}

#[track_caller]
pub(crate) fn problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body = answer.json();
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["status"], status, "{body}");
    assert!(!body["detail"].as_str().unwrap().is_empty(), "{body}");
}

fn description() -> Value {
    serde_json::to_value(server::openapi()).unwrap()
}

fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation.is_object() {
                operations.push((method.clone(), path.clone(), operation.clone()));
            }
        }
    }
    operations
}

/// Returns an address of a documented path whose parameters can be read.
fn address_at(path: &str) -> String {
    path.replace("/jobs/{id}", "/jobs/1")
        .replace("/webhooks/{id}", "/webhooks/1")
        .replace("{delivery}", "1")
        .replace("{id}", "6e8bc430-9c3a-11d9-9669-0800200c9a66")
        .replace("{name}", "team%2Fapp")
        .replace(['{', '}'], "")
}

fn parameters(operation: &Value) -> Vec<Value> {
    operation["parameters"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}
