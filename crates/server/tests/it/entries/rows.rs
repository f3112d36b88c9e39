//! The rows: every route that changes something, in an order in which each finds what it needs.

use oci::Digest;
use serde_json::{Value, json};

/// What stands in a path or a body for something an earlier answer told.
pub(super) const KEPT: &str = "$";

pub(super) struct Row {
    /// The route, as the list of routes names it. A row without one prepares something or looks something up.
    pub(super) route: &'static str,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Body,
    /// The entries it leaves, by their words and in their order.
    pub(super) entries: &'static [&'static str],
    /// What of the answer is kept, by its pointer; `location` is the header.
    pub(super) keep: Option<(&'static str, &'static str)>,
}

pub(super) enum Body {
    None,
    Json(Value),
    Bytes(&'static str, Vec<u8>),
}

impl Row {
    pub(super) fn keep(mut self, name: &'static str, pointer: &'static str) -> Self {
        self.keep = Some((name, pointer));
        self
    }

    fn bytes(mut self, media_type: &'static str, bytes: &[u8]) -> Self {
        self.body = Body::Bytes(media_type, bytes.to_vec());
        self
    }
}

pub(super) fn row(route: &'static str, path: &str, entries: &'static [&'static str]) -> Row {
    Row {
        route,
        method: route.split(' ').next().unwrap_or_default(),
        path: path.to_owned(),
        body: Body::None,
        entries,
        keep: None,
    }
}

pub(super) fn json_row(
    route: &'static str,
    path: &str,
    body: Value,
    entries: &'static [&'static str],
) -> Row {
    Row {
        body: Body::Json(body),
        ..row(route, path, entries)
    }
}

/// Looks something up.
pub(super) fn look(path: &str, name: &'static str, pointer: &'static str) -> Row {
    Row {
        method: "GET",
        ..row("", path, &[]).keep(name, pointer)
    }
}

/// Repeats a route without leaving anything behind.
pub(super) fn again(
    method: &'static str,
    path: &str,
    body: Body,
    entries: &'static [&'static str],
) -> Row {
    Row {
        method,
        body,
        ..row("", path, entries)
    }
}

pub(super) struct Given {
    /// An image of `team/app` with the tag `1`, and its manifest.
    pub(super) image: Digest,
    pub(super) manifest: Vec<u8>,
    /// A layer of the image.
    pub(super) layer: Digest,
    /// A job that is dead.
    pub(super) job: String,
    /// The address of who takes webhooks.
    pub(super) receiver: String,
}

const IMAGE: &str = crate::world::IMAGE;
const OCTETS: &str = "application/octet-stream";
const FORM: &str = "application/x-www-form-urlencoded";
const APP: &str = "/api/v1/repositories/team/app/-";

pub(super) fn rows(given: &Given) -> Vec<Row> {
    let mut rows = registry(given);
    rows.extend(super::people::rows());
    rows.extend(repositories(given));
    rows.extend(rules());
    rows.extend(others(given));
    rows
}

fn registry(given: &Given) -> Vec<Row> {
    let Given {
        image,
        manifest,
        layer,
        ..
    } = given;
    let loose = Digest::sha256(b"loose");
    let signature = json!({
        "schemaVersion": 2, "type": "atomic", "name": format!("{image}@{}", "a".repeat(32)),
        "content": "c2lnbmF0dXJl",
    });
    vec![
        // A session is nobody's yet: what it becomes is told when it is a blob.
        row("POST Uploads", "/v2/team/app/blobs/uploads/", &[]).keep("upload", "location"),
        row("PATCH Upload", "$upload", &[]).bytes(OCTETS, b"loose"),
        row("PUT Upload", &format!("$upload?digest={loose}"), &["blob.push"]),
        row("DELETE Blob", &format!("/v2/team/app/blobs/{loose}"), &["blob.delete"]),
        again("POST", "/v2/team/app/blobs/uploads/", Body::None, &[]).keep("upload", "location"),
        row("DELETE Upload", "$upload", &[]),
        again(
            "POST",
            &format!("/v2/team/app/blobs/uploads/?digest={loose}"),
            Body::Bytes(OCTETS, b"loose".to_vec()),
            &["blob.push"],
        ),
        // The first push makes the repository.
        again(
            "POST",
            &format!("/v2/team/copy/blobs/uploads/?mount={layer}&from=team/app"),
            Body::None,
            &["repository.create", "blob.mount"],
        ),
        again(
            "POST",
            &format!("/v2/team/copy/blobs/uploads/?mount={loose}"),
            Body::None,
            &["blob.mount"],
        ),
        row("PUT Manifest", "/v2/team/app/manifests/2", &["tag.move"]).bytes(IMAGE, manifest),
        // What is there already changes nothing.
        again(
            "PUT",
            "/v2/team/app/manifests/2",
            Body::Bytes(IMAGE, manifest.clone()),
            &[],
        ),
        again(
            "PUT",
            &format!("/v2/team/app/manifests/{image}?tag=a&tag=b"),
            Body::Bytes(IMAGE, manifest.clone()),
            &["tag.move", "tag.move"],
        ),
        json_row(
            "PUT /extensions/v2",
            &format!("/extensions/v2/team/app/signatures/{image}"),
            signature,
            &["signature.add"],
        ),
        row("DELETE Manifest", "/v2/team/app/manifests/a", &["tag.delete"]),
        again(
            "DELETE",
            &format!("/v2/team/app/manifests/{image}"),
            Body::None,
            &["tag.delete", "tag.delete", "tag.delete", "manifest.delete"],
        ),
        again(
            "PUT",
            "/v2/team/app/manifests/1",
            Body::Bytes(IMAGE, manifest.clone()),
            &["manifest.push", "tag.move"],
        ),
        row("POST /token", "/token", &["credential.create"]).bytes(
            FORM,
            format!(
                "grant_type=password&service=tidegate&username=admin&password={}&access_type=offline&client_id=x",
                crate::world::PASSWORD
            )
            .as_bytes(),
        ),
    ]
}

fn repositories(given: &Given) -> Vec<Row> {
    let dev = json!({ "subject": { "kind": "user", "name": "dev" }, "role": "read" });
    let at = |rest: &str| format!("{APP}/{rest}");
    vec![
        json_row(
            "PATCH /api/v1/repositories/{name}",
            APP,
            json!({ "description": "x" }),
            &["repository.describe"],
        ),
        json_row(
            "PUT /api/v1/repositories/{name}/permissions",
            &at("permissions"),
            dev,
            &["permission.grant"],
        ),
        row(
            "DELETE /api/v1/repositories/{name}/permissions",
            &at("permissions?kind=user&name=dev"),
            &["permission.revoke"],
        ),
        row(
            "DELETE /api/v1/users/{user}",
            "/api/v1/users/dev",
            &["account.delete"],
        ),
        json_row(
            "PUT /api/v1/repositories/{name}/visibility",
            &at("visibility"),
            json!({ "visibility": "public" }),
            &["repository.visibility"],
        ),
        json_row(
            "PUT /api/v1/repositories/{name}/sparse",
            &at("sparse"),
            json!({ "sparse": "all" }),
            &["repository.sparse"],
        ),
        json_row(
            "PUT /api/v1/repositories/{name}/tags/{tag}/expiry",
            &at("tags/1/expiry"),
            json!({ "expires": "2200-01-01T00:00:00Z" }),
            &["tag.expiry"],
        ),
        again(
            "PUT",
            &at("tags/1/expiry"),
            Body::Json(json!({ "expires": null })),
            &["tag.expiry"],
        ),
        json_row(
            "PUT /api/v1/repositories/{name}/tags/{tag}/immutable",
            &at("tags/1/immutable"),
            json!({ "immutable": true }),
            &["tag.immutability"],
        ),
        again(
            "PUT",
            &at("tags/1/immutable"),
            Body::Json(json!({ "immutable": false })),
            &["tag.immutability"],
        ),
        again(
            "DELETE",
            "/v2/team/app/manifests/1",
            Body::None,
            &["tag.delete"],
        ),
        json_row(
            "POST /api/v1/repositories/{name}/tags/{tag}/restore",
            &at("tags/1/restore"),
            json!({ "digest": given.image }),
            &["tag.restore"],
        ),
        row(
            "DELETE /api/v1/repositories/{name}/tags/{tag}",
            &at("tags/1"),
            &["tag.delete"],
        ),
        look(&at("tags/1/history"), "span", "/items/0/id"),
        json_row(
            "POST /api/v1/repositories/{name}/tags/{tag}/purge",
            &at("tags/1/purge"),
            json!({ "spans": ["$span"] }),
            &["tag.purge"],
        ),
        row(
            "POST /api/v1/repositories/{name}/manifests/{digest}/purge",
            &at(&format!("manifests/{}/purge", given.image)),
            &["manifest.purge"],
        ),
        row(
            "DELETE /api/v1/repositories/{name}",
            APP,
            &["repository.delete"],
        ),
    ]
}

fn rules() -> Vec<Row> {
    let scope = "namespace:team";
    vec![
        json_row(
            "PUT /api/v1/namespaces/{namespace}/restore-window",
            "/api/v1/namespaces/team/restore-window",
            json!({ "restoreWindow": "1w" }),
            &["namespace.restore-window"],
        ),
        json_row(
            "POST /api/v1/immutability/{scope}",
            &format!("/api/v1/immutability/{scope}"),
            json!({ "tag": "v*" }),
            &["immutability.add"],
        )
        .keep("rule", "/id"),
        row(
            "DELETE /api/v1/immutability/{scope}/{id}",
            &format!("/api/v1/immutability/{scope}/$rule"),
            &["immutability.delete"],
        ),
        json_row(
            "PUT /api/v1/retention/{scope}",
            &format!("/api/v1/retention/{scope}"),
            json!({ "policy": {}, "enabled": false }),
            &["retention.set"],
        ),
        row(
            "DELETE /api/v1/retention/{scope}",
            &format!("/api/v1/retention/{scope}"),
            &["retention.delete"],
        ),
        json_row(
            "PUT /api/v1/quotas/{scope}",
            &format!("/api/v1/quotas/{scope}"),
            json!({ "limitBytes": 1_u64 << 40, "warnPercent": 80, "refuses": true }),
            &["quota.set"],
        ),
        row(
            "DELETE /api/v1/quotas/{scope}",
            &format!("/api/v1/quotas/{scope}"),
            &["quota.delete"],
        ),
        row(
            "PUT /api/v1/policies/{name}",
            "/api/v1/policies/house",
            &["policy.publish"],
        )
        .bytes(
            "application/yaml",
            crate::gate::no_telnet("audit").as_bytes(),
        ),
        json_row(
            "PUT /api/v1/system/state",
            "/api/v1/system/state",
            json!({ "readOnly": true }),
            &["system.state"],
        ),
        again(
            "PUT",
            "/api/v1/system/state",
            Body::Json(json!({ "readOnly": false })),
            &["system.state"],
        ),
    ]
}

fn others(given: &Given) -> Vec<Row> {
    let upstream = json!({ "name": "hub", "url": "http://127.0.0.1:9" });
    let mirror = json!({ "upstream": "hub", "source": "library/app", "repository": "copies/app", "enabled": false });
    let changed = json!({ "upstream": "hub", "source": "library/other", "enabled": false });
    let copies = "/api/v1/mirrors/copies/app/-";
    vec![
        json_row(
            "POST /api/v1/upstreams",
            "/api/v1/upstreams",
            upstream,
            &["upstream.create"],
        ),
        json_row(
            "PUT /api/v1/upstreams/{name}",
            "/api/v1/upstreams/hub",
            json!({ "url": "http://127.0.0.1:9", "prefix": "x" }),
            &["upstream.update"],
        ),
        // The repository is part of the mirror.
        json_row(
            "POST /api/v1/mirrors",
            "/api/v1/mirrors",
            mirror,
            &["mirror.create", "repository.create"],
        ),
        json_row(
            "PUT /api/v1/mirrors/{name}",
            copies,
            changed,
            &["mirror.update"],
        ),
        row(
            "POST /api/v1/mirrors/{name}/run",
            &format!("{copies}/run"),
            &["mirror.run"],
        ),
        row("DELETE /api/v1/mirrors/{name}", copies, &["mirror.delete"]),
        row(
            "DELETE /api/v1/upstreams/{name}",
            "/api/v1/upstreams/hub",
            &["upstream.delete"],
        ),
        json_row(
            "POST /api/v1/webhooks",
            "/api/v1/webhooks",
            json!({ "name": "x", "url": given.receiver }),
            &["webhook.create"],
        )
        .keep("webhook", "/id"),
        row(
            "POST /api/v1/webhooks/{id}/test",
            "/api/v1/webhooks/$webhook/test",
            &["webhook.test"],
        ),
        look(
            "/api/v1/webhooks/$webhook/deliveries?state=delivered",
            "delivery",
            "/items/0/id",
        ),
        row(
            "POST /api/v1/webhooks/{id}/deliveries/{delivery}/redeliver",
            "/api/v1/webhooks/$webhook/deliveries/$delivery/redeliver",
            &["webhook.redeliver"],
        ),
        json_row(
            "PATCH /api/v1/webhooks/{id}",
            "/api/v1/webhooks/$webhook",
            json!({ "enabled": false }),
            &["webhook.change"],
        ),
        row(
            "DELETE /api/v1/webhooks/{id}",
            "/api/v1/webhooks/$webhook",
            &["webhook.delete"],
        ),
        row(
            "POST /api/v1/jobs/{id}/retry",
            &format!("/api/v1/jobs/{}/retry", given.job),
            &["job.retry"],
        ),
        json_row(
            "PATCH /api/v1/gc",
            "/api/v1/gc",
            json!({ "paused": false }),
            &["collection.steer"],
        ),
        row("POST /api/v1/gc/run", "/api/v1/gc/run", &["collection.run"]),
        // Looking at the whole trail is told too.
        row(
            "GET /api/v1/audit/export",
            "/api/v1/audit/export",
            &["audit.export"],
        ),
        json_row(
            "PUT /api/v1/me/password",
            "/api/v1/me/password",
            json!({ "password": "another long password" }),
            &["account.password"],
        ),
    ]
}
