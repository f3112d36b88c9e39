//! The pull door as a developer meets it: the reason stands in the client's own error.

use rstest::rstest;

use crate::samples::{FEEDS, application, harmless, policy};
use crate::serve::{Server, Site};
use crate::tools::{Said, Tools};
use crate::wire::push_image;

fn gated(mode: &str) -> Server {
    let site = Site::new()
        .with_policy(&policy(mode))
        .with_advisories(FEEDS);
    let server = site.start();
    push_image(&server, "team/app", "1.0", &application());
    push_image(&server, "team/app", "2.0", &harmless());
    server
}

/// Pulls with one of the clients.
fn pull(client: &str, tools: &Tools, image: &str) -> Said {
    let words = [
        "pull",
        "--quiet",
        "--tls-verify=false",
        "--signature-policy=policy.json",
        image,
    ];
    match client {
        "podman" => tools.podman(&words),
        "buildah" => tools.buildah(&words),
        "skopeo" => tools.copy(&[], &format!("docker://{image}"), "dir:back"),
        _ => panic!("no client `{client}`"),
    }
}

#[rstest]
#[case("skopeo")]
#[case("podman")]
#[case("buildah")]
fn a_denied_pull_says_which_rule_which_flaw_and_where_to_read_more(#[case] client: &str) {
    let server = gated("enforce");
    let tools = Tools::of_admin(&server);
    let said = pull(client, &tools, &server.image("team/app:1.0")).refused();
    let decision = server.verdict("team/app", "1.0");
    let link = decision["verdict"]["url"]
        .as_str()
        .expect("a link")
        .to_owned();
    for wanted in [
        "denied: house",
        "no-known-exploited",
        "CVE-2024-0001",
        &link,
    ] {
        assert!(said.contains(wanted), "no `{wanted}` in: {said}");
    }
    assert!(
        link.starts_with(&format!("http://{}/d/", server.host())),
        "{link}"
    );
    pull(client, &tools, &server.image("team/app:2.0")).done();
}

#[rstest]
#[case("skopeo")]
#[case("podman")]
#[case("buildah")]
fn in_audit_mode_the_same_pull_passes(#[case] client: &str) {
    let server = gated("audit");
    let tools = Tools::of_admin(&server);
    pull(client, &tools, &server.image("team/app:1.0")).done();
    let verdict = server.verdict("team/app", "1.0");
    let sentence = verdict["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("would block"), "{sentence}");
}
