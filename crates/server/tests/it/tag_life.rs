//! Immutability at every door, the way back, retention, quotas, and the end of a repository, over HTTP.

use serde_json::{Value, json};

use crate::world::{Answer, IMAGE, Who, World, admin, eventually, image_with};

async fn send(world: &World, method: &str, path: &str, body: &Value) -> Answer {
    Answer::of(world.request(&admin(), method, path).json(body)).await
}

fn api(path: &str) -> String {
    format!("/api/v1/repositories/team/app/-/{path}")
}

/// Every way to change a tag, and the status of each: by tag, by digest with `?tag=`, by the API, for good.
async fn decisions(world: &World, tag: &str, held: &str, other: &[u8]) -> Vec<u16> {
    let other_digest = oci::Digest::sha256(other);
    let mut statuses = Vec::new();
    let put = world.put(&admin(), "team/app", tag, IMAGE, other).await;
    statuses.push(put.status);
    let by_digest = format!("{other_digest}?tag={tag}");
    let put = world
        .put(&admin(), "team/app", &by_digest, IMAGE, other)
        .await;
    statuses.push(put.status);
    for path in [
        format!("/v2/team/app/manifests/{tag}"),
        format!("/v2/team/app/manifests/{held}"),
        api(&format!("tags/{tag}")),
    ] {
        statuses.push(world.send(&admin(), "DELETE", &path).await.status);
    }
    let expiry = api(&format!("tags/{tag}/expiry"));
    let body = json!({ "expires": "2999-01-01T00:00:00Z" });
    statuses.push(send(world, "PUT", &expiry, &body).await.status);
    let restore = api(&format!("tags/{tag}/restore"));
    let body = json!({ "digest": other_digest });
    statuses.push(send(world, "POST", &restore, &body).await.status);
    let purge = api(&format!("manifests/{held}/purge"));
    statuses.push(world.send(&admin(), "POST", &purge).await.status);
    statuses
}

pub(crate) async fn every_door_gives_an_immutable_tag_the_same_answer(world: &mut World) {
    let first = image_with("bash", "1");
    let second = image_with("bash", "2");
    // The tag has been on the second image too, so that a restore would have a way.
    for tag in ["v1", "latest", "dev"] {
        world.push_image("team/app", tag, &second).await;
        world.push_image("team/app", tag, &first).await;
    }
    let held = oci::Digest::sha256(&first.manifest()).to_string();
    let rule = json!({ "repository": "team/*", "tag": "regex:v[0-9]+|latest" });
    for scope in ["system", "namespace:team", "repository:team%2Fapp"] {
        let path = format!("/api/v1/immutability/{scope}");
        let added = send(world, "POST", &path, &rule).await;
        assert_eq!(added.status, 201, "{}", added.text());
        for tag in ["v1", "latest"] {
            let statuses = decisions(world, tag, &held, &second.manifest()).await;
            assert_eq!(statuses, [403; 8], "{scope} {tag}");
        }
        let same = world
            .put(&admin(), "team/app", "v1", IMAGE, &first.manifest())
            .await;
        assert_eq!(same.status, 201, "the same content again changes nothing");
        let path = format!("{path}/{}", added.json()["id"]);
        assert_eq!(world.send(&admin(), "DELETE", &path).await.status, 204);
    }
    for tag in ["v1", "latest"] {
        let path = api(&format!("tags/{tag}/immutable"));
        assert_eq!(
            send(world, "PUT", &path, &json!({ "immutable": true }))
                .await
                .status,
            204
        );
        let statuses = decisions(world, tag, &held, &second.manifest()).await;
        assert_eq!(statuses, [403; 8], "flag {tag}");
    }
    let writer = world.robot("writer", "team/app", "write").await;
    let path = api("tags/v1/immutable");
    let lifted = Answer::of(
        world
            .request(&writer, "PUT", &path)
            .json(&json!({ "immutable": false })),
    )
    .await;
    assert_eq!(lifted.status, 403, "lifting needs an admin");
    let put = world
        .put(&admin(), "team/app", "dev", IMAGE, &second.manifest())
        .await;
    assert_eq!(put.status, 201, "what no rule matches moves");
    let deleted = world
        .send(&admin(), "DELETE", "/api/v1/repositories/team%2Fapp")
        .await;
    assert_eq!(deleted.status, 409, "{}", deleted.text());
}

pub(crate) async fn a_label_of_the_configuration_counts(world: &mut World) {
    let image = image_with("bash", "1");
    let digest = world.push_image("team/app", "plain", &image).await;
    let labelled = json!({ "architecture": "amd64", "os": "linux",
        "config": { "Labels": { "quay.expires-after": "1w", "release": "yes" } },
        "rootfs": { "type": "layers", "diff_ids": [] } });
    let config = labelled.to_string().into_bytes();
    let config_digest = world.push_blob(&admin(), "team/app", &config).await;
    let manifest = json!({ "schemaVersion": 2, "mediaType": IMAGE,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config_digest, "size": config.len() },
        "layers": [] })
    .to_string();
    let put = world
        .put(&admin(), "team/app", "pr", IMAGE, manifest.as_bytes())
        .await;
    assert_eq!(put.status, 201, "{}", put.text());
    let span = |answer: Answer| answer.json()["items"][0].clone();
    let pr = span(world.get(&admin(), &api("tags/pr/history")).await);
    assert!(pr["expires"].is_string(), "{pr}");
    let plain = span(world.get(&admin(), &api("tags/plain/history")).await);
    assert!(plain["expires"].is_null(), "{plain}");
    let rule = json!({ "label": "release", "labelValue": "y*" });
    let added = send(world, "POST", "/api/v1/immutability/system", &rule).await;
    assert_eq!(added.status, 201);
    let put = world
        .put(&admin(), "team/app", "pr", IMAGE, &image.manifest())
        .await;
    let error = put.error(403, "DENIED");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("`pr` is immutable")
    );
    let path = format!("/v2/team/app/manifests/{digest}");
    assert_eq!(world.send(&admin(), "DELETE", &path).await.status, 202);
}

pub(crate) async fn a_deleted_image_comes_back_over_the_api(world: &mut World) {
    let image = image_with("bash", "1");
    let digest = world.push_image("team/app", "v1", &image).await;
    let path = format!("/v2/team/app/manifests/{digest}");
    assert_eq!(world.send(&admin(), "DELETE", &path).await.status, 202);
    assert_eq!(
        world
            .get(&admin(), "/v2/team/app/manifests/v1")
            .await
            .status,
        404
    );
    assert_eq!(world.get(&admin(), &path).await.status, 404);
    let reader = world.robot("reader", "team/app", "read").await;
    let restore = |who: &Who| {
        world
            .request(who, "POST", &api("tags/v1/restore"))
            .json(&json!({ "digest": digest }))
    };
    assert_eq!(Answer::of(restore(&reader)).await.status, 403);
    let restored = Answer::of(restore(&admin())).await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    let pulled = world.get(&admin(), "/v2/team/app/manifests/v1").await;
    assert_eq!((pulled.status, pulled.body), (200, image.manifest()));
    let history = world.get(&reader, &api("history")).await.json();
    assert_eq!(history["items"][0]["cause"], "restore");
    assert_eq!(history["items"][0]["reverts"], history["items"][1]["id"]);
    let past = world
        .get(&reader, &api("past?at=2020-01-01T00:00:00Z"))
        .await
        .json();
    assert_eq!(past["items"], json!([]));
    let past = world
        .get(&reader, &api("past?at=2999-01-01T00:00:00Z"))
        .await
        .json();
    assert_eq!(past["items"][0]["tag"], "v1");
}

pub(crate) async fn what_is_deleted_for_good_is_gone_at_once(world: &mut World) {
    let secret = image_with("bash", "1");
    let digest = world.push_image("team/app", "v1", &secret).await;
    let boss = world.robot("boss", "team/app", "admin").await;
    let path = api("tags/v1");
    assert_eq!(world.send(&boss, "DELETE", &path).await.status, 204);
    assert_eq!(world.send(&boss, "DELETE", &path).await.status, 404);
    let by_digest = format!("/v2/team/app/manifests/{digest}");
    assert_eq!(
        world.get(&admin(), &by_digest).await.status,
        200,
        "the end of a tag is not the end of its image"
    );
    let purge = api(&format!("manifests/{digest}/purge"));
    assert_eq!(world.send(&boss, "POST", &purge).await.status, 403);
    let purged = world.send(&admin(), "POST", &purge).await;
    assert_eq!(purged.status, 200, "{}", purged.text());
    assert_eq!(purged.json(), json!({ "manifests": 1, "blobs": 2 }));
    assert_eq!(world.send(&admin(), "POST", &purge).await.status, 404);
    for blob in [&secret.layers[0].bytes, &secret.config()] {
        let path = format!("/v2/team/app/blobs/{}", oci::Digest::sha256(blob));
        assert_eq!(world.get(&admin(), &path).await.status, 404);
    }
    let restore = api("tags/v1/restore");
    let body = json!({ "digest": digest });
    assert_eq!(send(world, "POST", &restore, &body).await.status, 404);
}

pub(crate) async fn retention_says_what_it_would_end_and_ends_it(world: &mut World) {
    for version in 1..=3 {
        let image = image_with("bash", &version.to_string());
        world
            .push_image("team/app", &format!("v{version}"), &image)
            .await;
    }
    let preview = api("retention/preview");
    let none = world.get(&admin(), &preview).await.json();
    assert_eq!(none["total"], 0);
    let path = "/api/v1/retention/namespace:team";
    let broken = json!({ "policy": { "rules": [{ "name": "x" }] }, "enabled": true });
    assert_eq!(send(world, "PUT", path, &broken).await.status, 422);
    let rules = json!([{ "name": "latest", "include": ["v*"], "keepLastPushed": 1 }]);
    let policy = json!({ "policy": { "rules": rules }, "enabled": true });
    assert_eq!(send(world, "PUT", path, &policy).await.status, 204);
    let immutable = api("tags/v1/immutable");
    assert_eq!(
        send(world, "PUT", &immutable, &json!({ "immutable": true }))
            .await
            .status,
        204
    );
    let dry = world.get(&admin(), &preview).await.json();
    assert_eq!((&dry["total"], &dry["immutable"]), (&json!(2), &json!(1)));
    assert_eq!(dry["items"][1]["rule"], "latest");
    assert!(dry["items"][1]["sizeBytes"].as_u64().unwrap() > 0);
    assert_eq!(
        world
            .get(&admin(), "/v2/team/app/manifests/v2")
            .await
            .status,
        200
    );

    let catalog = catalog::Catalog::connect(world.database()).await.unwrap();
    let job = catalog::NewJob {
        kind: "retention".into(),
        lane: catalog::Lane::Manual,
        payload: "{}".into(),
        dedup_key: None,
        delay: std::time::Duration::ZERO,
    };
    catalog.enqueue(&job).await.unwrap();
    catalog.close().await;
    eventually(async || {
        let list = world.get(&admin(), "/v2/team/app/tags/list").await.json();
        (list["tags"] == json!(["v1", "v3"])).then_some(())
    })
    .await;
    let history = world.get(&admin(), &api("tags/v2/history")).await.json();
    assert_eq!(history["items"][0]["endCause"], "prune");
}

pub(crate) async fn a_full_namespace_takes_no_more(world: &mut World) {
    let image = image_with("bash", "1");
    world.push_image("team/app", "v1", &image).await;
    let path = "/api/v1/quotas/namespace:team";
    let used = world.get(&admin(), path).await.json()["usedBytes"]
        .as_u64()
        .unwrap();
    assert!(used > 0);
    let near = json!({ "limitBytes": used + 2_000_000, "warnPercent": 1, "refuses": true });
    assert_eq!(send(world, "PUT", path, &near).await.status, 204);
    let second = image_with("bash", "2");
    world
        .push_blob(&admin(), "team/app", &second.layers[0].bytes)
        .await;
    world
        .push_blob(&admin(), "team/app", &second.config())
        .await;
    let near = json!({ "limitBytes": used, "warnPercent": 80, "refuses": true });
    assert_eq!(send(world, "PUT", path, &near).await.status, 204);
    let put = world
        .put(&admin(), "team/app", "v2", IMAGE, &second.manifest())
        .await;
    let error = put.error(403, "DENIED");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(&format!("of {used} bytes")), "{message}");
    let started = world
        .send(&admin(), "POST", "/v2/team/app/blobs/uploads/")
        .await;
    started.error(403, "DENIED");
    assert_eq!(
        world
            .get(&admin(), "/v2/team/app/manifests/v1")
            .await
            .status,
        200
    );
    let soft = json!({ "limitBytes": used, "warnPercent": 80, "refuses": false });
    assert_eq!(send(world, "PUT", path, &soft).await.status, 204);
    let put = world
        .put(&admin(), "team/app", "v2", IMAGE, &second.manifest())
        .await;
    assert_eq!(put.status, 201);
    let warnings = put.headers.get_all("warning").iter();
    let said = warnings
        .filter_map(|value| value.to_str().ok())
        .any(|text| text.contains("quota"));
    assert!(said, "{:?}", put.headers);
}

pub(crate) async fn a_closed_registry_still_serves(world: &mut World) {
    let image = image_with("bash", "1");
    let digest = world.push_image("team/app", "v1", &image).await;
    let path = "/api/v1/repositories/team%2Fapp";
    let change = json!({ "state": "read_only", "description": "The <app>" });
    assert_eq!(send(world, "PATCH", path, &change).await.status, 204);
    let detail = world.get(&admin(), path).await.json();
    assert_eq!(
        (&detail["state"], &detail["description"]),
        (&json!("read_only"), &json!("The <app>"))
    );
    let closed = async |world: &World| {
        let put = world
            .put(&admin(), "team/app", "v2", IMAGE, &image.manifest())
            .await;
        put.error(403, "DENIED");
        let path = format!("/v2/team/app/manifests/{digest}");
        world
            .send(&admin(), "DELETE", &path)
            .await
            .error(403, "DENIED");
        assert_eq!(world.get(&admin(), &path).await.status, 200);
    };
    closed(world).await;
    assert_eq!(
        send(world, "PATCH", path, &json!({ "state": "normal" }))
            .await
            .status,
        204
    );
    let system = "/api/v1/system/state";
    assert_eq!(
        send(world, "PUT", system, &json!({ "readOnly": true }))
            .await
            .status,
        204
    );
    closed(world).await;
    assert_eq!(
        send(world, "PUT", system, &json!({ "readOnly": false }))
            .await
            .status,
        204
    );
    let reader = world.robot("reader", "team/app", "read").await;
    for (method, path) in [("PATCH", path), ("DELETE", path), ("PUT", system)] {
        let refused = Answer::of(world.request(&reader, method, path).json(&json!({
            "readOnly": true
        })))
        .await;
        assert!(
            matches!(refused.status, 403 | 422),
            "{method} {path} {}",
            refused.status
        );
    }
    assert_eq!(world.send(&admin(), "DELETE", path).await.status, 202);
    assert_eq!(world.get(&admin(), path).await.status, 404);
    world.push_image("team/app", "v9", &image).await;
    let list = world.get(&admin(), "/v2/team/app/tags/list").await.json();
    assert_eq!(
        list["tags"],
        json!(["v9"]),
        "a new repository under the old name"
    );
}

pub(crate) async fn scopes_are_governed_by_their_own_people(world: &mut World) {
    world
        .push_image("team/app", "v1", &image_with("bash", "1"))
        .await;
    let repository_admin = world.robot("boss", "team/app", "admin").await;
    for (scope, status) in [
        ("repository:team%2Fapp", 200),
        ("repository:other%2Fapp", 404),
        ("namespace:team", 404),
        ("namespace:team%2Fapp", 404),
        ("system", 403),
        ("nonsense", 404),
    ] {
        let path = format!("/api/v1/immutability/{scope}");
        let answer = world.get(&repository_admin, &path).await;
        assert_eq!(answer.status, status, "{scope}");
        let anonymous = world.get(&Who::Nobody, &path).await;
        assert_eq!(anonymous.status, 401, "{scope}");
    }
    let answer = world
        .get(&repository_admin, "/api/v1/quotas/repository:team%2Fapp")
        .await;
    assert_eq!(answer.status, 404);
}
