//! The rows of `/api/v1`.

use oci::Digest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::rows::{
    PASSWORD_ONLY, Row, administrator, auditor, member, open, organization, owner, reader,
    repository_admin, row,
};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn rows(digest: &Digest) -> Vec<Row> {
    let none = &Value::Null;
    let dev = json!({ "kind": "user", "name": "user" });
    let grant = json!({ "subject": dev, "role": "read" });
    let pattern = json!({ "pattern": "team/x-*", "subject": dev, "role": "read" });
    let default = json!({ "delegate": dev, "role": "read" });
    let secret = json!({ "label": "second" });
    let id = Uuid::nil();
    vec![
        // The API.
        row(
            "GET /api/v1/openapi.json",
            "/api/v1/openapi.json",
            none,
            open(200),
        ),
        row(
            "GET /api/v1/advisories",
            "/api/v1/advisories",
            none,
            member(200),
        ),
        row(
            "GET /api/v1/decisions/{id}",
            "/api/v1/decisions/none",
            none,
            member(404),
        ),
        row(
            "GET /api/v1/policies",
            "/api/v1/policies",
            none,
            member(200),
        ),
        row(
            "GET /api/v1/policies/{name}",
            "/api/v1/policies/none",
            none,
            member(404),
        ),
        row(
            "PUT /api/v1/policies/{name}",
            "/api/v1/policies/none",
            none,
            administrator(422),
        ),
        row("GET /api/v1/jobs", "/api/v1/jobs", none, administrator(200)),
        row(
            "POST /api/v1/jobs/{id}/retry",
            "/api/v1/jobs/0/retry",
            none,
            administrator(404),
        ),
        row(
            "GET /api/v1/schedules",
            "/api/v1/schedules",
            none,
            administrator(200),
        ),
        row(
            "GET /api/v1/mirrors",
            "/api/v1/mirrors",
            none,
            administrator(200),
        ),
        row(
            "POST /api/v1/mirrors",
            "/api/v1/mirrors",
            none,
            administrator(422),
        ),
        row(
            "GET /api/v1/mirrors/{name}",
            "/api/v1/mirrors/none",
            none,
            administrator(404),
        ),
        row(
            "PUT /api/v1/mirrors/{name}",
            "/api/v1/mirrors/none",
            none,
            administrator(422),
        ),
        row(
            "DELETE /api/v1/mirrors/{name}",
            "/api/v1/mirrors/none",
            none,
            administrator(404),
        ),
        row(
            "POST /api/v1/mirrors/{name}/run",
            "/api/v1/mirrors/none/run",
            none,
            administrator(404),
        ),
        row(
            "GET /api/v1/mirrors/{name}/plan",
            "/api/v1/mirrors/none/plan",
            none,
            administrator(404),
        ),
        row(
            "GET /api/v1/upstreams",
            "/api/v1/upstreams",
            none,
            administrator(200),
        ),
        row(
            "POST /api/v1/upstreams",
            "/api/v1/upstreams",
            none,
            administrator(422),
        ),
        row(
            "GET /api/v1/upstreams/{name}",
            "/api/v1/upstreams/none",
            none,
            administrator(404),
        ),
        row(
            "PUT /api/v1/upstreams/{name}",
            "/api/v1/upstreams/none",
            none,
            administrator(422),
        ),
        row(
            "DELETE /api/v1/upstreams/{name}",
            "/api/v1/upstreams/none",
            none,
            administrator(404),
        ),
        row(
            "GET /api/v1/repositories",
            "/api/v1/repositories",
            none,
            member(200),
        ),
        row(
            "GET /api/v1/repositories/{name}/tags",
            "/api/v1/repositories/team/app/-/tags",
            none,
            reader(200),
        ),
        row(
            "GET /api/v1/repositories/{name}/tags/{tag}",
            "/api/v1/repositories/team/app/-/tags/1",
            none,
            reader(200),
        ),
        row(
            "GET /api/v1/repositories/{name}/manifests/{digest}/report",
            &format!("/api/v1/repositories/team/app/-/manifests/{digest}/report"),
            none,
            reader(200),
        ),
        row(
            "GET /api/v1/repositories/{name}/permissions",
            "/api/v1/repositories/team/app/-/permissions",
            none,
            {
                let mut expected = repository_admin(200);
                expected[9] = 200;
                expected
            },
        ),
        row(
            "PUT /api/v1/repositories/{name}/permissions",
            "/api/v1/repositories/team/other/-/permissions",
            &grant,
            {
                let mut expected = repository_admin(204);
                (expected[2], expected[3], expected[4], expected[6]) = (404, 404, 404, 404);
                expected
            },
        ),
        row(
            "DELETE /api/v1/repositories/{name}/permissions",
            "/api/v1/repositories/team/app/-/permissions?kind=user&name=user",
            none,
            repository_admin(404),
        ),
        row(
            "PUT /api/v1/repositories/{name}/visibility",
            "/api/v1/repositories/team/app/-/visibility",
            &json!({ "visibility": "private" }),
            repository_admin(204),
        ),
        row(
            "GET /api/v1/repositories/{name}/sparse",
            "/api/v1/repositories/team/app/-/sparse",
            none,
            reader(200),
        ),
        row(
            "PUT /api/v1/repositories/{name}/sparse",
            "/api/v1/repositories/team/app/-/sparse",
            &json!({ "sparse": "index" }),
            repository_admin(204),
        ),
        row("GET /api/v1/gc", "/api/v1/gc", none, administrator(200)),
        row(
            "PATCH /api/v1/gc",
            "/api/v1/gc",
            &json!({}),
            administrator(200),
        ),
        row(
            "GET /api/v1/gc/report",
            "/api/v1/gc/report",
            none,
            administrator(200),
        ),
        row(
            "POST /api/v1/gc/run",
            "/api/v1/gc/run",
            none,
            administrator(202),
        ),
        row(
            "GET /api/v1/store",
            "/api/v1/store",
            none,
            administrator(200),
        ),
        row("GET /api/v1/me", "/api/v1/me", none, member(200)),
        row(
            "PUT /api/v1/me/password",
            "/api/v1/me/password",
            &json!({ "password": "12345678" }),
            PASSWORD_ONLY,
        ),
        row(
            "GET /api/v1/me/tokens",
            "/api/v1/me/tokens",
            none,
            member(200),
        ),
        row(
            "POST /api/v1/me/tokens",
            "/api/v1/me/tokens",
            &json!({ "label": "x" }),
            PASSWORD_ONLY,
        ),
        row(
            "DELETE /api/v1/me/tokens/{id}",
            &format!("/api/v1/me/tokens/{id}"),
            none,
            member(404),
        ),
        row("GET /api/v1/users", "/api/v1/users", none, auditor(200)),
        row(
            "POST /api/v1/users",
            "/api/v1/users",
            &json!({ "name": "new" }),
            administrator(201),
        ),
        row("GET /api/v1/users/{user}", "/api/v1/users/foreign", none, {
            let mut expected = auditor(200);
            expected[5] = 200;
            expected
        }),
        row(
            "GET /api/v1/users/{user}/identities",
            "/api/v1/users/foreign/identities",
            none,
            {
                let mut expected = auditor(200);
                expected[5] = 200;
                expected
            },
        ),
        row(
            "PATCH /api/v1/users/{user}",
            "/api/v1/users/new",
            &json!({ "email": "a@b" }),
            administrator(204),
        ),
        row(
            "PUT /api/v1/users/{user}/password",
            "/api/v1/users/new/password",
            &json!({ "password": "12345678" }),
            administrator(204),
        ),
        row(
            "POST /api/v1/users/{user}/disable",
            "/api/v1/users/new/disable",
            none,
            administrator(204),
        ),
        row(
            "POST /api/v1/users/{user}/enable",
            "/api/v1/users/new/enable",
            none,
            administrator(204),
        ),
        row(
            "GET /api/v1/users/{user}/tokens",
            "/api/v1/users/new/tokens",
            none,
            auditor(200),
        ),
        row(
            "DELETE /api/v1/users/{user}/tokens/{id}",
            &format!("/api/v1/users/new/tokens/{id}"),
            none,
            administrator(404),
        ),
        row(
            "DELETE /api/v1/users/{user}",
            "/api/v1/users/new",
            none,
            administrator(204),
        ),
        row(
            "GET /api/v1/organizations",
            "/api/v1/organizations",
            none,
            member(200),
        ),
        row(
            "POST /api/v1/organizations",
            "/api/v1/organizations",
            &json!({ "name": "neworg" }),
            administrator(201),
        ),
        row(
            "GET /api/v1/organizations/{organization}",
            "/api/v1/organizations/team",
            none,
            organization(200),
        ),
        row(
            "DELETE /api/v1/organizations/{organization}",
            "/api/v1/organizations/neworg",
            none,
            administrator(204),
        ),
        row(
            "GET /api/v1/organizations/{organization}/teams",
            "/api/v1/organizations/team/teams",
            none,
            organization(200),
        ),
        row(
            "POST /api/v1/organizations/{organization}/teams",
            "/api/v1/organizations/team/teams",
            &json!({ "name": "t{i}", "role": "member" }),
            owner(201),
        ),
        row(
            "GET /api/v1/organizations/{organization}/teams/{team}",
            "/api/v1/organizations/team/teams/owners",
            none,
            organization(200),
        ),
        row(
            "PATCH /api/v1/organizations/{organization}/teams/{team}",
            "/api/v1/organizations/team/teams/t{i}",
            &json!({ "description": "x" }),
            owner(204),
        ),
        row(
            "GET /api/v1/organizations/{organization}/teams/{team}/members",
            "/api/v1/organizations/team/teams/owners/members",
            none,
            organization(200),
        ),
        row(
            "PUT /api/v1/organizations/{organization}/teams/{team}/members/{member}",
            "/api/v1/organizations/team/teams/t{i}/members/other",
            none,
            owner(204),
        ),
        row(
            "DELETE /api/v1/organizations/{organization}/teams/{team}/members/{member}",
            "/api/v1/organizations/team/teams/t{i}/members/other",
            none,
            owner(204),
        ),
        row(
            "DELETE /api/v1/organizations/{organization}/teams/{team}",
            "/api/v1/organizations/team/teams/t{i}",
            none,
            owner(204),
        ),
        row(
            "GET /api/v1/namespaces/{namespace}/permissions",
            "/api/v1/namespaces/team/permissions",
            none,
            organization(200),
        ),
        row(
            "PUT /api/v1/namespaces/{namespace}/permissions",
            "/api/v1/namespaces/team/permissions",
            &pattern,
            owner(204),
        ),
        row(
            "DELETE /api/v1/namespaces/{namespace}/permissions",
            "/api/v1/namespaces/team/permissions?pattern=team/y-*&kind=user&name=user",
            none,
            owner(404),
        ),
        row(
            "GET /api/v1/namespaces/{namespace}/default-permissions",
            "/api/v1/namespaces/team/default-permissions",
            none,
            organization(200),
        ),
        row(
            "POST /api/v1/namespaces/{namespace}/default-permissions",
            "/api/v1/namespaces/team/default-permissions",
            &default,
            owner(201),
        ),
        row(
            "DELETE /api/v1/namespaces/{namespace}/default-permissions/{id}",
            "/api/v1/namespaces/team/default-permissions/999",
            none,
            owner(404),
        ),
        row("GET /api/v1/robots", "/api/v1/robots", none, {
            let mut expected = member(200);
            expected[6] = 403;
            expected
        }),
        row(
            "POST /api/v1/robots",
            "/api/v1/robots",
            &json!({ "name": "r{i}", "owner": "team" }),
            owner(201),
        ),
        row(
            "GET /api/v1/robots/{name}",
            "/api/v1/robots/team+bot",
            none,
            organization(200),
        ),
        row(
            "PATCH /api/v1/robots/{name}",
            "/api/v1/robots/team+r{i}",
            &json!({ "description": "x" }),
            owner(204),
        ),
        row(
            "GET /api/v1/robots/{name}/secrets",
            "/api/v1/robots/team+bot/secrets",
            none,
            organization(200),
        ),
        row(
            "POST /api/v1/robots/{name}/secrets",
            "/api/v1/robots/team+r{i}/secrets",
            &secret,
            owner(201),
        ),
        row(
            "DELETE /api/v1/robots/{name}/secrets/{id}",
            &format!("/api/v1/robots/team+r{{i}}/secrets/{id}"),
            none,
            owner(404),
        ),
        row(
            "DELETE /api/v1/robots/{name}",
            "/api/v1/robots/team+r{i}",
            none,
            owner(204),
        ),
        row(
            "GET /api/v1/audit",
            "/api/v1/audit",
            none,
            administrator(200),
        ),
        row(
            "GET /api/v1/audit/export",
            "/api/v1/audit/export?namespace=nobody",
            none,
            administrator(200),
        ),
        row(
            "GET /api/v1/webhooks",
            "/api/v1/webhooks",
            none,
            administrator(200),
        ),
        row(
            "POST /api/v1/webhooks",
            "/api/v1/webhooks",
            &json!({ "name": "x", "url": "nonsense" }),
            administrator(422),
        ),
        row(
            "GET /api/v1/webhooks/{id}",
            "/api/v1/webhooks/0",
            none,
            member(404),
        ),
        row(
            "PATCH /api/v1/webhooks/{id}",
            "/api/v1/webhooks/0",
            &json!({}),
            member(404),
        ),
        row(
            "DELETE /api/v1/webhooks/{id}",
            "/api/v1/webhooks/0",
            none,
            member(404),
        ),
        row(
            "POST /api/v1/webhooks/{id}/test",
            "/api/v1/webhooks/0/test",
            none,
            member(404),
        ),
        row(
            "GET /api/v1/webhooks/{id}/deliveries",
            "/api/v1/webhooks/0/deliveries",
            none,
            member(404),
        ),
        row(
            "POST /api/v1/webhooks/{id}/deliveries/{delivery}/redeliver",
            "/api/v1/webhooks/0/deliveries/0/redeliver",
            none,
            member(404),
        ),
    ]
}
