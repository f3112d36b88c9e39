//! The rows of the life of tags, and of rules by scope.

use oci::Digest;
use serde_json::{Value, json};

use super::rows::{Expected, Row, administrator, owner, reader, repository_admin, row};

/// The API, for whoever may write to `team/app`.
const fn writer(status: u16) -> Expected {
    let s = status;
    [401, 404, 403, s, s, 404, 403, 401, 403, 403, s, s]
}

const IN_APP: &str = "/api/v1/repositories/team/app/-/";
const SYSTEM: &str = "/api/v1/system/state";
const WINDOW: &str = "/api/v1/namespaces/team/restore-window";

fn in_app(route: &'static str, rest: &str, body: &Value, expected: Expected) -> Row {
    row(route, &format!("{IN_APP}{rest}"), body, expected)
}

pub(super) fn rows(digest: &Digest) -> Vec<Row> {
    let none = &Value::Null;
    let target = json!({ "digest": digest });
    let policy = json!({ "policy": {}, "enabled": false });
    let quota = json!({ "limitBytes": 1_u64 << 40, "warnPercent": 80, "refuses": true });
    let rule = json!({ "tag": "never" });
    let immutable = |is: bool| json!({ "immutable": is });
    vec![
        in_app("GET /api/v1/repositories/{name}", "", none, reader(200)),
        in_app(
            "PATCH /api/v1/repositories/{name}",
            "",
            &json!({}),
            repository_admin(204),
        ),
        in_app(
            "GET /api/v1/repositories/{name}/history",
            "history",
            none,
            reader(200),
        ),
        in_app(
            "GET /api/v1/repositories/{name}/past",
            "past?at=2020-01-01T00:00:00Z",
            none,
            reader(200),
        ),
        in_app(
            "GET /api/v1/repositories/{name}/tags/{tag}/history",
            "tags/1/history",
            none,
            reader(200),
        ),
        in_app(
            "POST /api/v1/repositories/{name}/tags/{tag}/restore",
            "tags/never/restore",
            &target,
            writer(404),
        ),
        in_app(
            "DELETE /api/v1/repositories/{name}/tags/{tag}",
            "tags/never",
            none,
            repository_admin(404),
        ),
        in_app(
            "POST /api/v1/repositories/{name}/manifests/{digest}/purge",
            &format!("manifests/{}/purge", Digest::sha256(b"nothing")),
            none,
            administrator(404),
        ),
        in_app(
            "POST /api/v1/repositories/{name}/tags/{tag}/purge",
            "tags/1/purge",
            &json!({ "spans": [] }),
            repository_admin(200),
        ),
        in_app(
            "PUT /api/v1/repositories/{name}/tags/{tag}/expiry",
            "tags/never/expiry",
            &json!({ "expires": null }),
            writer(404),
        ),
        // An immutable tag keeps the repository, so that the row of its end ends nothing.
        in_app(
            "PUT /api/v1/repositories/{name}/tags/{tag}/immutable",
            "tags/1/immutable",
            &immutable(true),
            writer(204),
        ),
        in_app(
            "DELETE /api/v1/repositories/{name}",
            "",
            none,
            repository_admin(409),
        ),
        in_app(
            "PUT /api/v1/repositories/{name}/tags/{tag}/immutable",
            "tags/1/immutable",
            &immutable(false),
            repository_admin(204),
        ),
        in_app(
            "GET /api/v1/repositories/{name}/retention/preview",
            "retention/preview",
            none,
            repository_admin(200),
        ),
        row(
            "GET /api/v1/namespaces/{namespace}/restore-window",
            WINDOW,
            none,
            owner(200),
        ),
        row(
            "PUT /api/v1/namespaces/{namespace}/restore-window",
            WINDOW,
            &json!({ "restoreWindow": "2w" }),
            owner(204),
        ),
        row("GET /api/v1/system/state", SYSTEM, none, administrator(200)),
        row(
            "PUT /api/v1/system/state",
            SYSTEM,
            &json!({ "readOnly": false }),
            administrator(204),
        ),
        row(
            "GET /api/v1/immutability/{scope}",
            "/api/v1/immutability/namespace:team",
            none,
            owner(200),
        ),
        row(
            "POST /api/v1/immutability/{scope}",
            "/api/v1/immutability/repository:team%2Fapp",
            &rule,
            repository_admin(201),
        ),
        row(
            "DELETE /api/v1/immutability/{scope}/{id}",
            "/api/v1/immutability/system/0",
            none,
            administrator(404),
        ),
        row(
            "PUT /api/v1/retention/{scope}",
            "/api/v1/retention/namespace:team",
            &policy,
            owner(204),
        ),
        row(
            "GET /api/v1/retention/{scope}",
            "/api/v1/retention/namespace:team",
            none,
            owner(200),
        ),
        row(
            "DELETE /api/v1/retention/{scope}",
            "/api/v1/retention/repository:team%2Fapp",
            none,
            repository_admin(404),
        ),
        row(
            "GET /api/v1/quotas/{scope}",
            "/api/v1/quotas/namespace:team",
            none,
            owner(200),
        ),
        row(
            "PUT /api/v1/quotas/{scope}",
            "/api/v1/quotas/system",
            &quota,
            administrator(204),
        ),
        row(
            "DELETE /api/v1/quotas/{scope}",
            "/api/v1/quotas/namespace:none",
            none,
            owner_of_nothing(),
        ),
    ]
}

/// The API, for a namespace that nobody but superusers owns; who reads everything may know why not.
const fn owner_of_nothing() -> Expected {
    [401, 404, 404, 404, 404, 404, 404, 401, 403, 403, 404, 404]
}
