//! The forms of the pages: the same table for what people send by hand.
//!
//! Adding a form: its row in [`rows`], named by its route in the dispatcher of the pages.

use std::collections::BTreeSet;
use std::path::Path;

use catalog::Catalog;
use oci::Digest;
use serde_json::json;

use super::{dead_job, entries_after, last_entry, words};
use crate::login::browser::Browser;
use crate::world::{Answer, PASSWORD, World, admin, image_with};

struct Row {
    /// The variant of `Route`.
    route: &'static str,
    path: &'static str,
    /// The form, without its token.
    fields: String,
    entries: &'static [&'static str],
}

/// Signing in and out have cases of their own.
const ELSEWHERE: [&str; 2] = ["SignIn", "SignOut"];

fn rows(earlier: &Digest, job: &str) -> Vec<Row> {
    let row = |route, path, fields: &str, entries| Row {
        route,
        path,
        fields: fields.to_owned(),
        entries,
    };
    let restore = format!("tag=1&digest={earlier}");
    let retry = format!("do=retry&job={job}");
    let mut rows = vec![
        row(
            "Restore",
            "/r/team/app/-/restore",
            &restore,
            &["tag.restore"],
        ),
        row("System", "/system", "do=collect", &["collection.run"]),
        row("System", "/system", "do=pause", &["collection.steer"]),
        row("System", "/system", "do=resume", &["collection.steer"]),
        row("Jobs", "/system/jobs", &retry, &["job.retry"]),
        row(
            "Webhook",
            "/system/webhooks/1",
            "do=test",
            &["webhook.test"],
        ),
        row(
            "Webhook",
            "/system/webhooks/1",
            "do=off",
            &["webhook.change"],
        ),
        row(
            "Webhook",
            "/system/webhooks/1",
            "do=on",
            &["webhook.change"],
        ),
        row(
            "Upstreams",
            "/system/upstreams",
            "do=mirror&repository=copies/app",
            &["mirror.run"],
        ),
        row("Audit", "/audit", "format=csv", &["audit.export"]),
        row(
            "SystemRules",
            "/system/rules",
            "do=immutable&tag=v*",
            &["immutability.add"],
        ),
        row(
            "SystemRules",
            "/system/rules",
            "do=lift&id=1",
            &["immutability.delete"],
        ),
        row(
            "SystemRules",
            "/system/rules",
            RETENTION,
            &["retention.set"],
        ),
        row(
            "SystemRules",
            "/system/rules",
            "do=no-retention",
            &["retention.delete"],
        ),
        row("Usage", "/usage", QUOTA, &["quota.set"]),
        row("Usage", "/usage", "do=no-quota", &["quota.delete"]),
    ];
    rows.extend(settings(&row));
    rows.extend(organisation(&row));
    // The stranger's session ends with the right.
    let settings = "/r/team/app/-/settings";
    let (give, revoke) = ("do=give&who=stranger&role=read", "do=revoke&who=stranger");
    rows.push(row("Settings", settings, give, &["permission.grant"]));
    rows.push(row("Settings", settings, revoke, &["permission.revoke"]));
    rows
}

const RETENTION: &str =
    "do=retention&rules=1&name-0=newest&last-pushed-0=10&untagged=7d&enabled=yes";
const QUOTA: &str = "do=quota&limit=5+GB&warn=80&beyond=refuse";

/// Makes a [`Row`] of its parts.
type Make<'a> = &'a dyn Fn(&'static str, &'static str, &str, &'static [&'static str]) -> Row;

fn settings(row: Make<'_>) -> Vec<Row> {
    let form = |fields, entries| row("Settings", "/r/team/app/-/settings", fields, entries);
    vec![
        form("do=describe&description=the+shop", &["repository.describe"]),
        form(
            "do=visibility&visibility=public",
            &["repository.visibility"],
        ),
        form("do=sparse&sparse=all", &["repository.sparse"]),
        form("do=state&state=read_only", &["repository.state"]),
        form("do=state&state=normal", &["repository.state"]),
    ]
}

fn organisation(row: Make<'_>) -> Vec<Row> {
    let home = |path, fields, entries| row("Home", path, fields, entries);
    vec![
        row(
            "Organisations",
            "/organisations",
            "do=organisation&name=house",
            &["organization.create"],
        ),
        home(
            "/organisations/house/teams",
            "do=team&name=builders&role=member",
            &["team.create"],
        ),
        home(
            "/organisations/house/members",
            "do=add&team=builders&member=builder",
            &["team.member.add"],
        ),
        home(
            "/organisations/house/teams/builders",
            "do=delete",
            &["team.delete"],
        ),
        home(
            "/organisations/house/permissions",
            "do=give&pattern=house/*&who=builder&role=read",
            &["permission.grant"],
        ),
        home(
            "/organisations/house/robots",
            "do=robot&name=ci&ends=30",
            &["robot.create"],
        ),
        home(
            "/organisations/house/rules",
            "do=immutable&tag=v*&repository=house/*",
            &["immutability.add"],
        ),
        home("/organisations/house/rules", RETENTION, &["retention.set"]),
        home(
            "/organisations/house/rules",
            "do=no-retention",
            &["retention.delete"],
        ),
        home(
            "/organisations/house/rules",
            "do=window&window=4w",
            &["namespace.restore-window"],
        ),
        home("/organisations/house/usage", QUOTA, &["quota.set"]),
        home(
            "/organisations/house",
            "do=delete",
            &["organization.delete"],
        ),
    ]
}

/// The routes that take a form, by reading the dispatcher.
fn routes() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages/mod.rs");
    let source = fs_err::read_to_string(source).unwrap();
    let name = |text: &str| -> String {
        text.chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect()
    };
    let signed_in = source.split("async fn submit(").nth(1).unwrap();
    let signed_in = signed_in.split("\n}\n").next().unwrap();
    let mut routes: BTreeSet<String> = signed_in.split("Route::").skip(1).map(name).collect();
    let arms = source.split("(Route::").skip(1);
    let arms = arms.filter_map(|arm| arm.split_once("=>"));
    routes.extend(
        arms.filter(|(pattern, _)| pattern.contains("Method::POST"))
            .map(|(pattern, _)| name(pattern)),
    );
    routes
}

#[test]
fn every_form_has_a_row() {
    let mut known: BTreeSet<String> = rows(&Digest::sha256(b"x"), "1")
        .iter()
        .map(|row| row.route.to_owned())
        .collect();
    known.extend(ELSEWHERE.map(str::to_owned));
    assert_eq!(routes(), known);
}

/// The token that the forms of a session carry.
async fn token(world: &World, browser: &mut Browser) -> String {
    let page = browser.get(world, "/images").await.text();
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) async fn every_form_leaves_its_entries_and_a_refused_one_none(world: &mut World) {
    let earlier = world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    world
        .push_image("team/app", "1", &image_with("zlib1g", "2"))
        .await;
    let nowhere = "http://127.0.0.1:9/";
    for (path, body) in [
        (
            "users",
            json!({ "name": "stranger", "password": "a long password" }),
        ),
        ("users", json!({ "name": "builder" })),
        ("webhooks", json!({ "name": "x", "url": nowhere })),
        ("upstreams", json!({ "name": "hub", "url": nowhere })),
        (
            "mirrors",
            json!({ "upstream": "hub", "source": "app", "repository": "copies/app" }),
        ),
    ] {
        let request = world.request(&admin(), "POST", &format!("/api/v1/{path}"));
        let answer = Answer::of(request.json(&body)).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
    }
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let job = dead_job(world, &catalog).await;
    let (mut owner, mut stranger) = (Browser::default(), Browser::default());
    owner.sign_in(world, "admin", PASSWORD).await;
    stranger.sign_in(world, "stranger", "a+long+password").await;
    let own = token(world, &mut owner).await;
    let foreign = token(world, &mut stranger).await;
    for row in rows(&earlier, &job) {
        let at = format!("{} {}", row.path, row.fields);
        let last = last_entry(&catalog).await;
        let form = |token: &str| format!("csrf={token}&{}", row.fields);
        // A guessed token, and somebody without the right.
        let guessed = owner.send(world, "POST", row.path, form("guess")).await;
        assert_eq!(guessed.status, 400, "{at}");
        let refused = stranger.send(world, "POST", row.path, form(&foreign)).await;
        assert!(
            (400..500).contains(&refused.status),
            "{at}: {} {}",
            refused.status,
            refused.header("location")
        );
        assert!(entries_after(&catalog, last).await.is_empty(), "{at}");
        let done = owner.send(world, "POST", row.path, form(&own)).await;
        assert!(matches!(done.status, 200 | 303), "{at}: {}", done.text());
        let left = entries_after(&catalog, last).await;
        assert_eq!(words(&left), row.entries, "{at}");
        assert!(
            left.iter().all(|entry| entry.actor.name == "admin"),
            "{at}: {left:?}"
        );
    }
    catalog.close().await;
}

pub(crate) async fn signing_in_and_out_are_told(world: &mut World) {
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let last = last_entry(&catalog).await;
    let mut browser = Browser::default();
    browser.sign_in(world, "admin", PASSWORD).await;
    assert_eq!(words(&entries_after(&catalog, last).await), ["login"]);
    let last = last_entry(&catalog).await;
    let token = token(world, &mut browser).await;
    let mut forger = browser.clone();
    let forged = forger.send(world, "POST", "/sign-out", "csrf=guess".into());
    assert_eq!(forged.await.status, 400);
    assert!(entries_after(&catalog, last).await.is_empty());
    let left = browser.send(world, "POST", "/sign-out", format!("csrf={token}"));
    let left = left.await;
    assert_eq!(left.status, 303, "{}", left.text());
    assert_eq!(words(&entries_after(&catalog, last).await), ["logout"]);
    catalog.close().await;
}
