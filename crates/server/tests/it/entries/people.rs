//! The rows of accounts, organisations, teams, robots and what they may do.

use serde_json::json;

use super::rows::{Body, Row, again, json_row, look, row};

pub(super) fn rows() -> Vec<Row> {
    let user = json!({ "kind": "user", "name": "dev" });
    let users = "/api/v1/users";
    let teams = "/api/v1/organizations/house/teams";
    let robots = "/api/v1/robots";
    vec![
        json_row(
            "POST /api/v1/users",
            users,
            json!({ "name": "dev" }),
            &["account.create"],
        ),
        json_row(
            "PATCH /api/v1/users/{user}",
            "/api/v1/users/dev",
            json!({ "email": "dev@house.test" }),
            &["account.update"],
        ),
        json_row(
            "PUT /api/v1/users/{user}/password",
            "/api/v1/users/dev/password",
            json!({ "password": "a long password" }),
            &["account.password"],
        ),
        row(
            "POST /api/v1/users/{user}/disable",
            "/api/v1/users/dev/disable",
            &["account.disable"],
        ),
        row(
            "POST /api/v1/users/{user}/enable",
            "/api/v1/users/dev/enable",
            &["account.enable"],
        ),
        json_row(
            "POST /api/v1/me/tokens",
            "/api/v1/me/tokens",
            json!({ "label": "x" }),
            &["credential.create"],
        )
        .keep("token", "/id"),
        row(
            "DELETE /api/v1/me/tokens/{id}",
            "/api/v1/me/tokens/$token",
            &["credential.revoke"],
        ),
        again(
            "POST",
            "/api/v1/me/tokens",
            Body::Json(json!({ "label": "y" })),
            &["credential.create"],
        )
        .keep("token", "/id"),
        row(
            "DELETE /api/v1/users/{user}/tokens/{id}",
            "/api/v1/users/admin/tokens/$token",
            &["credential.revoke"],
        ),
        json_row(
            "POST /api/v1/organizations",
            "/api/v1/organizations",
            json!({ "name": "house", "owner": "dev" }),
            &["organization.create"],
        ),
        json_row(
            "POST /api/v1/organizations/{organization}/teams",
            teams,
            json!({ "name": "makers", "role": "member" }),
            &["team.create"],
        ),
        json_row(
            "PATCH /api/v1/organizations/{organization}/teams/{team}",
            &format!("{teams}/makers"),
            json!({ "description": "x" }),
            &["team.update"],
        ),
        row(
            "PUT /api/v1/organizations/{organization}/teams/{team}/members/{member}",
            &format!("{teams}/makers/members/dev"),
            &["team.member.add"],
        ),
        row(
            "DELETE /api/v1/organizations/{organization}/teams/{team}/members/{member}",
            &format!("{teams}/makers/members/dev"),
            &["team.member.remove"],
        ),
        row(
            "DELETE /api/v1/organizations/{organization}/teams/{team}",
            &format!("{teams}/makers"),
            &["team.delete"],
        ),
        json_row(
            "PUT /api/v1/namespaces/{namespace}/permissions",
            "/api/v1/namespaces/house/permissions",
            json!({ "pattern": "house/x-*", "subject": user, "role": "read" }),
            &["permission.grant"],
        ),
        row(
            "DELETE /api/v1/namespaces/{namespace}/permissions",
            "/api/v1/namespaces/house/permissions?pattern=house/x-*&kind=user&name=dev",
            &["permission.revoke"],
        ),
        json_row(
            "POST /api/v1/namespaces/{namespace}/default-permissions",
            "/api/v1/namespaces/house/default-permissions",
            json!({ "delegate": user, "role": "read" }),
            &["permission.default.set"],
        ),
        look(
            "/api/v1/namespaces/house/default-permissions",
            "default",
            "/items/0/id",
        ),
        row(
            "DELETE /api/v1/namespaces/{namespace}/default-permissions/{id}",
            "/api/v1/namespaces/house/default-permissions/$default",
            &["permission.default.remove"],
        ),
        json_row(
            "POST /api/v1/robots",
            robots,
            json!({ "name": "bot", "owner": "house" }),
            &["robot.create"],
        ),
        json_row(
            "PATCH /api/v1/robots/{name}",
            "/api/v1/robots/house+bot",
            json!({ "description": "x" }),
            &["robot.update"],
        ),
        json_row(
            "POST /api/v1/robots/{name}/secrets",
            "/api/v1/robots/house+bot/secrets",
            json!({ "label": "second" }),
            &["credential.create"],
        )
        .keep("secret", "/id"),
        row(
            "DELETE /api/v1/robots/{name}/secrets/{id}",
            "/api/v1/robots/house+bot/secrets/$secret",
            &["credential.revoke"],
        ),
        row(
            "DELETE /api/v1/robots/{name}",
            "/api/v1/robots/house+bot",
            &["robot.delete"],
        ),
        row(
            "DELETE /api/v1/organizations/{organization}",
            "/api/v1/organizations/house",
            &["organization.delete"],
        ),
    ]
}
