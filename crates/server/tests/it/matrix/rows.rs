//! The rules of the access matrix, and the rows of everything outside the API.

use oci::Digest;
use serde_json::Value;
/// The columns, in the order of every row's expectations.
pub(super) const CALLERS: [&str; 12] = [
    "anonymous",
    "user",
    "reader",
    "writer",
    "repository admin",
    "foreign admin",
    "robot",
    "expired",
    "wrong scope",
    "reader superuser",
    "owner of the organisation",
    "superuser",
];

pub(super) type Expected = [u16; CALLERS.len()];

/// Everybody gets the same.
pub(super) const fn open(status: u16) -> Expected {
    [status; CALLERS.len()]
}

/// The registry asks only who is there.
pub(super) const fn known(status: u16) -> Expected {
    let s = status;
    [401, s, s, s, s, s, s, 401, s, s, s, s]
}

/// The registry, for whoever may pull, push or delete in `team/app`.
pub(super) const fn pull(status: u16) -> Expected {
    let s = status;
    [401, 404, s, s, s, 404, s, 401, 401, s, s, s]
}
pub(super) const fn push(status: u16) -> Expected {
    let s = status;
    [401, 404, 403, s, s, 404, 403, 401, 401, 403, s, s]
}
pub(super) const fn remove(status: u16) -> Expected {
    let s = status;
    [401, 404, 403, 403, s, 404, 403, 401, 401, 403, s, s]
}

/// The API, for whoever is known. Tokens with scopes are refused.
pub(super) const fn member(status: u16) -> Expected {
    let s = status;
    [401, s, s, s, s, s, s, 401, 403, s, s, s]
}
/// The API, for whoever reads `team/app`.
pub(super) const fn reader(status: u16) -> Expected {
    let s = status;
    [401, 404, s, s, s, 404, s, 401, 403, s, s, s]
}
/// The API, for admins of `team/app`.
pub(super) const fn repository_admin(status: u16) -> Expected {
    let s = status;
    [401, 404, 403, 403, s, 404, 403, 401, 403, 403, s, s]
}
/// The API, for superusers and for who reads everything.
pub(super) const fn auditor(status: u16) -> Expected {
    let s = status;
    [401, 403, 403, 403, 403, 403, 403, 401, 403, s, 403, s]
}
/// The API, for superusers alone.
pub(super) const fn administrator(status: u16) -> Expected {
    let s = status;
    [401, 403, 403, 403, 403, 403, 403, 401, 403, 403, 403, s]
}
/// The API, for the organisation's members and who reads everything.
pub(super) const fn organization(status: u16) -> Expected {
    let s = status;
    [401, 404, 404, 404, 404, 404, 404, 401, 403, s, s, s]
}
/// The API, for the organisation's owners; who reads everything may know why not.
pub(super) const fn owner(status: u16) -> Expected {
    let s = status;
    [401, 404, 404, 404, 404, 404, 404, 401, 403, 403, s, s]
}
/// The API, for persons with their password, which none of the columns shows.
pub(super) const PASSWORD_ONLY: Expected =
    [401, 403, 403, 403, 403, 403, 403, 401, 403, 403, 403, 403];

pub(super) struct Row {
    /// The route, as the list of routes names it.
    pub(super) route: &'static str,
    /// The request; `{i}` is the column's number.
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
    pub(super) expected: Expected,
}

pub(super) fn row(route: &'static str, path: &str, body: &Value, expected: Expected) -> Row {
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    Row {
        route,
        method: route.split(' ').next().unwrap_or_default(),
        path: path.to_owned(),
        body,
        expected,
    }
}

/// What the rows speak of.
pub(super) struct Things {
    pub(super) digest: Digest,
    pub(super) layer: Digest,
    pub(super) manifest: Vec<u8>,
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn rows(things: &Things) -> Vec<Row> {
    let (digest, layer) = (&things.digest, &things.layer);
    let none = &Value::Null;
    let mut rows = vec![
        // The registry.
        row("GET /v2/", "/v2/", none, known(200)),
        row("GET /v2", "/v2", none, known(200)),
        row("GET Catalog", "/v2/_catalog", none, {
            let mut expected = known(200);
            expected[8] = 401;
            expected
        }),
        row("GET Discover", "/v2/_oci/ext/discover", none, known(200)),
        row("GET Tags", "/v2/team/app/tags/list", none, pull(200)),
        row(
            "GET Blob",
            &format!("/v2/team/app/blobs/{layer}"),
            none,
            pull(200),
        ),
        row(
            "HEAD Blob",
            &format!("/v2/team/app/blobs/{layer}"),
            none,
            pull(200),
        ),
        row("GET Manifest", "/v2/team/app/manifests/1", none, pull(200)),
        row("HEAD Manifest", "/v2/team/app/manifests/1", none, pull(200)),
        row(
            "GET Referrers",
            &format!("/v2/team/app/referrers/{digest}"),
            none,
            pull(200),
        ),
        row(
            "POST Uploads",
            "/v2/team/app/blobs/uploads/",
            none,
            push(202),
        ),
        row(
            "GET Upload",
            "/v2/team/app/blobs/uploads/x",
            none,
            push(404),
        ),
        row(
            "HEAD Upload",
            "/v2/team/app/blobs/uploads/x",
            none,
            push(404),
        ),
        row(
            "PATCH Upload",
            "/v2/team/app/blobs/uploads/x",
            none,
            push(404),
        ),
        row(
            "PUT Upload",
            "/v2/team/app/blobs/uploads/x",
            none,
            push(404),
        ),
        row(
            "DELETE Upload",
            "/v2/team/app/blobs/uploads/x",
            none,
            push(404),
        ),
        row(
            "DELETE Blob",
            "/v2/team/app/blobs/{loose}",
            none,
            remove(202),
        ),
        row(
            "DELETE Manifest",
            "/v2/team/app/manifests/t{i}",
            none,
            remove(202),
        ),
        // Others.
        row(
            "GET /token",
            "/token?scope=repository:team/app:pull",
            none,
            {
                let mut expected = open(200);
                expected[7] = 401;
                expected
            },
        ),
        row("POST /token", "/token", none, open(405)),
        row("GET /healthz", "/healthz", none, open(200)),
        row("GET /readyz", "/readyz", none, open(200)),
        row("GET /metrics", "/metrics", none, open(200)),
        row("GET /", "/", none, open(303)),
    ];
    rows.extend(super::api::rows(digest));
    rows.extend(super::tags::rows(digest));
    let mut manifest = row(
        "PUT Manifest",
        "/v2/team/app/manifests/t{i}",
        none,
        push(201),
    );
    manifest.body.clone_from(&things.manifest);
    // Before what deletes the tags.
    rows.insert(4, manifest);
    rows
}
