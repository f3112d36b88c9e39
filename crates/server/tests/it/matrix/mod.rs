//! Who gets what at every address: one row for each route, one column for each kind of caller.
//!
//! The routes are read from where they are made: the description of `/api/v1`, and the sources of the router and of the
//! registry's dispatcher. A route without a row fails, and so does a row without a route.
//!
//! Adding a route: its row in [`rows::rows`], [`api::rows`] or [`tags::rows`], by the rule that it follows.

mod api;
pub(crate) mod cast;
mod rows;
mod tags;

use std::collections::BTreeSet;
use std::path::Path;

use catalog::{Catalog, CredentialKind, Principal, Role};
use oci::Digest;

use crate::world::{Answer, IMAGE, Who, World, admin, image_with, now};
use cast::{Cast, by};
use rows::{CALLERS, Things, rows};

/// Every route there is, by reading where routes are made.
pub(crate) fn routes() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: &str| fs_err::read_to_string(source.join(path)).unwrap();
    let mut routes = BTreeSet::new();
    // The registry's dispatcher.
    let dispatcher = read("registry/mod.rs");
    let arms = dispatcher.split("async fn route(").nth(1).unwrap();
    let arms = arms.split("\n}\n").next().unwrap();
    for arm in arms
        .lines()
        .filter(|line| line.trim_start().starts_with("(Address::"))
    {
        let name: String = arm
            .split("Address::")
            .nth(1)
            .unwrap()
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        for method in arm
            .split("=>")
            .next()
            .unwrap()
            .split('"')
            .skip(1)
            .step_by(2)
        {
            routes.insert(format!("{method} {name}"));
        }
    }
    assert!(routes.len() > 15, "{routes:?}");
    // The router. Addresses that lead to a dispatcher are its.
    let router = read("router.rs");
    for call in router.split(".route(").skip(1) {
        let path = call.split('"').nth(1).unwrap();
        if path.contains("{*rest}") {
            continue;
        }
        let handlers = call.split(".route(").next().unwrap();
        for (word, method) in [("get(", "GET"), (".post(", "POST"), (".put(", "PUT")] {
            if handlers.contains(word) {
                routes.insert(format!("{method} {path}"));
            }
        }
    }
    routes.insert("GET /".to_owned());
    // The API.
    let described = serde_json::to_value(server::openapi()).unwrap();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            if ["get", "put", "post", "patch", "delete"].contains(&method.as_str()) {
                routes.insert(format!("{} {path}", method.to_ascii_uppercase()));
            }
        }
    }
    routes
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let things = Things {
        digest: Digest::sha256(b"x"),
        layer: Digest::sha256(b"x"),
        manifest: Vec::new(),
    };
    let rows: BTreeSet<String> = rows(&things)
        .iter()
        .map(|row| row.route.to_owned())
        .collect();
    let routes = routes();
    let missing: Vec<_> = routes.difference(&rows).collect();
    assert!(
        missing.is_empty(),
        "routes without a row in the access matrix: {missing:#?}"
    );
    let stale: Vec<_> = rows.difference(&routes).collect();
    assert!(stale.is_empty(), "rows without a route: {stale:#?}");
}

async fn callers(world: &World, cast: &Cast) -> [Who; CALLERS.len()] {
    let catalog = cast.catalog();
    let owner = cast.person("boss", false).await;
    catalog
        .create_organization("team", None, Some(&owner), &by(), now())
        .await
        .unwrap();
    cast.person("other", false).await;
    let user = cast.person("user", false).await;
    let [reader, writer, keeper, foreign] = [
        cast.person("reader", false).await,
        cast.person("writer", false).await,
        cast.person("keeper", false).await,
        cast.person("foreign", false).await,
    ];
    let auditor = cast.person("auditor", true).await;
    world
        .push_image("team/other", "1", &image_with("zlib1g", "1"))
        .await;
    cast.grant("team/app", &reader, Role::Read).await;
    cast.grant("team/app", &writer, Role::Write).await;
    cast.grant("team/app", &keeper, Role::Admin).await;
    cast.grant("foreign/app", &foreign, Role::Admin).await;
    let (robot, robot_secret) = cast.robot("team", "bot").await;
    cast.grant("team/app", &robot, Role::Read).await;
    [
        Who::Nobody,
        cast.token(&user, &[], 1).await,
        cast.token(&reader, &[], 1).await,
        cast.token(&writer, &[], 1).await,
        cast.token(&keeper, &[], 1).await,
        cast.token(&foreign, &[], 1).await,
        robot_secret,
        ended(world, cast).await,
        cast.token(&keeper, &["repository:team/other:pull"], 1)
            .await,
        cast.token(&auditor, &[], 1).await,
        cast.token(&owner, &[], 1).await,
        cast.token(&superuser(catalog).await, &[], 1).await,
    ]
}

/// A registry token that was good until the robot's secret was revoked. A secret itself would soon be told to wait.
async fn ended(world: &World, cast: &Cast) -> Who {
    let (robot, secret) = cast.robot("team", "old").await;
    cast.grant("team/app", &robot, Role::Admin).await;
    let token = world
        .token(&secret, &["repository:team/app:*", "registry:catalog:*"])
        .await;
    let catalog = cast.catalog();
    let secrets = catalog.credentials(robot.id, CredentialKind::Robot).await;
    let id = secrets.unwrap()[0].id;
    assert!(
        catalog
            .revoke_credential(&robot, id, &by(), now())
            .await
            .unwrap()
    );
    token
}

async fn superuser(catalog: &Catalog) -> Principal {
    let Who::Basic(name, _) = admin() else {
        unreachable!("the administrator has a password")
    };
    catalog.principal_by_name(&name).await.unwrap().unwrap()
}

pub(crate) async fn every_route_gives_every_caller_what_is_theirs(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world.report("team/app", &digest).await;
    let cast = Cast::of(world).await;
    let callers = callers(world, &cast).await;
    let mut loose = Vec::new();
    for i in 0..callers.len() {
        let bytes = format!("loose {i}");
        loose.push(
            world
                .push_blob(&admin(), "team/app", bytes.as_bytes())
                .await,
        );
        let put = world
            .put(
                &admin(),
                "team/app",
                &format!("t{i}"),
                IMAGE,
                &image.manifest(),
            )
            .await;
        assert_eq!(put.status, 201);
    }
    let things = Things {
        digest,
        layer: image.layers[0].digest(),
        manifest: image.manifest(),
    };
    let mut wrong = Vec::new();
    for row in rows(&things) {
        for (i, (who, expected)) in callers.iter().zip(row.expected).enumerate() {
            let path = row
                .path
                .replace("{i}", &i.to_string())
                .replace("{loose}", &loose[i].to_string());
            let body = String::from_utf8(row.body.clone()).unwrap();
            let media_type = if path.contains("/manifests/") {
                IMAGE
            } else {
                "application/json"
            };
            let request = world
                .request(who, row.method, &path)
                .header("content-type", media_type)
                .body(body.replace("{i}", &i.to_string()));
            let answer = Answer::of(request).await;
            if answer.status != expected {
                wrong.push(format!(
                    "{} for {}: {} instead of {expected}: {}",
                    row.route,
                    CALLERS[i],
                    answer.status,
                    answer.text()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cast.catalog().close().await;
}
