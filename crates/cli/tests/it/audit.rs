//! `tidegate admin audit`: the trail, read from the console.

use rstest::rstest;

use crate::samples::application;
use crate::serve::{Engine, Site};
use crate::wire::push_image;
use crate::world::Run;

fn audit(site: &Site, words: &[&str]) -> Run {
    let mut command = site
        .world
        .command(&[&["admin", "audit"][..], words, &["--data", "data"]].concat());
    for (name, value) in site.variables() {
        command.env(name, value);
    }
    command.output().expect("it starts").into()
}

/// A site with one image, stopped.
fn filled(engine: Engine) -> Site {
    let site = Site::on(engine);
    let server = site.start();
    push_image(&server, "team/app", "1.0", &application());
    server.stop();
    site
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn the_trail_is_listed_and_exported(#[case] engine: Engine) {
    let site = filled(engine);
    let narrow = ["--repository", "team/app", "--target", "1.0"];
    let table = audit(&site, &[&["list"][..], &narrow].concat()).ends_with(0);
    table.shows("admin").shows("success").shows("team/app");
    let listed = audit(&site, &[&["list", "-o", "json"][..], &narrow].concat()).ends_with(0);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let action = listed[0]["action"].as_str().expect("an action");

    let exported = audit(&site, &[&["export"][..], &narrow].concat()).ends_with(0);
    let entry: serde_json::Value = serde_json::from_str(&exported.stdout).expect("one line");
    assert_eq!(entry["action"], action);
    assert_eq!(entry["actor"], "admin");
    let csv = audit(&site, &["export", "--action", action, "--format", "csv"]).ends_with(0);
    let lines: Vec<&str> = csv.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", csv.stdout);
    assert!(lines[0].starts_with("id,at,actor,"), "{}", csv.stdout);
    assert!(lines[1].contains(",admin,"), "{}", csv.stdout);

    // Both exports are entries, and by the console.
    let exports = audit(
        &site,
        &["list", "--actor", "console", "--action", "audit.export"],
    );
    let exports = exports.ends_with(0);
    // A line of titles, and one for each.
    assert_eq!(exports.stdout.lines().count(), 3, "{}", exports.stdout);
    let none = audit(
        &site,
        &[
            "list",
            "--outcome",
            "denied",
            "--from",
            "2999-01-01T00:00:00Z",
        ],
    );
    assert_eq!(none.ends_with(0).stdout, "");
}

#[test]
fn conditions_that_cannot_be_meant_are_refused() {
    let site = filled(Engine::Sqlite);
    audit(&site, &["list", "--target", "1.0"])
        .ends_with(1)
        .says("a target needs an actor, an action, a repository or a namespace beside it");
    audit(&site, &["list", "--outcome", "perhaps"])
        .ends_with(64)
        .says("expected success, failure or denied");
    audit(&site, &["export", "--from", "yesterday"]).ends_with(64);
}
