//! The audit trail from outside: who may see what of it, page by page and as an export.

use serde_json::Value;

use crate::openapi::problem;
use crate::world::{Who, World, admin, image_with};

async fn items(world: &World, who: &Who, query: &str) -> Vec<Value> {
    let answer = world.get(who, &format!("/api/v1/audit?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["items"].as_array().unwrap().clone()
}

pub(crate) async fn the_trail_is_filtered_and_comes_in_pages(world: &mut World) {
    for number in 0..60 {
        let image = image_with("zlib1g", &number.to_string());
        world.push_image("team/app", "1", &image).await;
    }
    let whole = items(world, &admin(), "repository=team/app").await;
    assert_eq!(whole.len(), 100);
    let moves = items(world, &admin(), "repository=team/app&action=tag.move").await;
    assert!(
        moves
            .iter()
            .all(|item| item["action"] == "tag.move" && item["target"] == "1")
    );
    let mut seen = Vec::new();
    let mut query = "namespace=team".to_owned();
    loop {
        let page = world
            .get(&admin(), &format!("/api/v1/audit?{query}"))
            .await
            .json();
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("namespace=team&cursor={next}");
    }
    let ids: Vec<i64> = seen
        .iter()
        .map(|item| item["id"].as_i64().unwrap())
        .collect();
    assert!(ids.len() > 120, "{}", ids.len());
    assert!(ids.is_sorted_by(|one, next| one > next), "{ids:?}");
    let middle = seen[60]["at"].as_str().unwrap();
    let later = items(world, &admin(), &format!("namespace=team&from={middle}")).await;
    assert!(
        later
            .iter()
            .all(|item| item["at"].as_str().unwrap() >= middle)
    );
    assert!(items(world, &admin(), "namespace=tea").await.is_empty());
    assert!(items(world, &admin(), "outcome=denied").await.is_empty());
    for query in [
        "outcome=x",
        "target=1",
        "cursor=x",
        "actor=%00",
        "format=csv",
        "x=1",
    ] {
        let answer = world.get(&admin(), &format!("/api/v1/audit?{query}")).await;
        problem(&answer, 422, "invalid");
    }
}

pub(crate) async fn the_trail_is_shown_to_those_it_is_about(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let owner = world.robot("owner", "team/app", "admin").await;
    let reader = world.robot("reader", "team/app", "read").await;
    assert!(!items(world, &owner, "repository=team/app").await.is_empty());
    for (who, query) in [
        (&owner, ""),
        (&owner, "namespace=team"),
        (&owner, "repository=team/other"),
        (&reader, "repository=team/app"),
    ] {
        for path in ["/api/v1/audit", "/api/v1/audit/export"] {
            let answer = world.get(who, &format!("{path}?{query}")).await;
            problem(&answer, 403, "forbidden");
        }
    }
}

pub(crate) async fn an_export_is_whole_and_harmless(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let request = world
        .request(&admin(), "DELETE", "/v2/team/app/manifests/1")
        .header("user-agent", "=HYPERLINK(\"http://evil.example\")\tx");
    assert_eq!(request.send().await.unwrap().status(), 202);
    let lines = world
        .get(&admin(), "/api/v1/audit/export?repository=team/app")
        .await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let exported: Vec<Value> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let listed = items(world, &admin(), "repository=team/app").await;
    // The export itself is the latest entry.
    assert_eq!(exported, listed);
    assert_eq!(exported[0]["action"], "audit.export");
    let csv = world
        .get(
            &admin(),
            "/api/v1/audit/export?repository=team/app&format=csv",
        )
        .await
        .text();
    assert_eq!(csv.lines().count(), exported.len() + 2);
    assert!(csv.starts_with("id,at,actor,"));
    assert!(
        csv.contains("\"'=HYPERLINK(\"\"http://evil.example\"\") x\""),
        "{csv}"
    );
}
